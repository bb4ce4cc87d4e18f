internal import CRdKafka
public import Event
internal import Platform

/// The mirror of an agent's state in a compacted topic: one partition per agent name, shared with
/// others. Produces with acks=all, idempotent; reads its partition from an explicit offset.
///
/// Invariant: the partition is a function of the agent's name and the topic's partition count alone.
/// One owner thread.
public final class KafkaMirror: MirrorLog {
    private let topic: String
    private let agent: String
    private let producer: KafkaProducer
    private let reader: KafkaHandle
    private var known: Int32?
    private var nextTag: UInt64 = 1
    /// The answer to the append that is waited for.
    private var answer: Delivery?
    private var faults = FaultList()

    public init(_ options: KafkaOptions, topic: String, agent: String) throws(Failure) {
        self.topic = topic
        self.agent = agent
        producer = try KafkaProducer(options, maximumInFlightByteCount: 4 << 20)
        let configuration = try KafkaConfiguration(
            options,
            owned: [
                ("enable.auto.commit", "false"), ("auto.offset.reset", "error"), ("enable.partition.eof", "true"),
            ],
            defaults: [
                ("isolation.level", "read_committed"), ("fetch.message.max.bytes", "1048576"),
                ("fetch.max.bytes", "8388608"), ("queued.max.messages.kbytes", "8192"),
            ])
        reader = try configuration.makeHandle(RD_KAFKA_CONSUMER, events: 0)
    }

    /// The agent's partition of the state topic, asked once per process.
    public func partition() throws(Failure) -> Int32 {
        if let known { return known }
        let count: Int32
        do {
            count = try reader.partitionCount(of: topic)
        } catch {
            throw try withReason(error)
        }
        let found = KafkaMirror.partition(of: agent, count: count)
        known = found
        return found
    }

    /// A failed question, with what the producer heard of the brokers meanwhile (address, refusal): the
    /// question itself only knows that nobody answered.
    private func withReason(_ failure: Failure) throws(Failure) -> Failure {
        try serve(timeoutMilliseconds: 0, waitingFor: 0)
        let heard = faults.take().compactMap(\.cause)
        guard let reason = heard.last else { return failure }
        return Failure(
            failure.code, stage: failure.stage, kind: failure.kind, failure.message, hint: failure.hint,
            cause: [failure.cause, reason].compactMap { $0 }.joined(separator: "; "))
    }

    /// Stable hash of the name modulo the partition count.
    public static func partition(of agent: String, count: Int32) -> Int32 {
        Int32(truncatingIfNeeded: Hash.xxh3(Array(agent.utf8)) % UInt64(max(count, 1)))
    }

    public func check() throws(Failure) {
        _ = try partition()
        let policy = try KafkaAdmin(reader).topicSettings([topic])[topic]?["cleanup.policy"] ?? ""
        guard policy.contains("compact") else {
            throw Failure(
                "transport.state_topic_not_compacted", stage: .transport, kind: .config,
                "the state topic `\(topic)` has cleanup.policy `\(policy)`: agents' states would expire",
                hint: "set cleanup.policy=compact on it; `millrace topics check` lists what it needs")
        }
    }

    public func append(key: [UInt8], value: [UInt8]?, timeoutMilliseconds: Int) throws(Failure) -> Int64 {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        let tag = nextTag
        nextTag += 1
        answer = nil
        var taken = false
        while true {
            if !taken { taken = try offer(key, value, tag) }
            let left = (deadline - clock.monotonicNanoseconds()) / 1_000_000
            try serve(timeoutMilliseconds: Int(max(min(left, 100), 0)), waitingFor: tag)
            if let answer {
                if let failure = answer.failure { throw failure }
                return answer.offset
            }
            if left <= 0 {
                throw KafkaFailure.timeout(
                    "the state topic `\(topic)` did not acknowledge in time; the record may have been written")
            }
        }
    }

    public func appendLater(key: [UInt8], value: [UInt8]?) throws(Failure) {
        try serve(timeoutMilliseconds: 0, waitingFor: 0)
        // A full queue drops it: the next position of the stream replaces it.
        _ = try offer(key, value, 0)
    }

    /// Tag 0 belongs to records that nobody waits for.
    private func offer(_ key: [UInt8], _ value: [UInt8]?, _ tag: UInt64) throws(Failure) -> Bool {
        let record = OutgoingRecord(
            keyStart: 0, keyByteCount: key.count, valueStart: key.count, valueByteCount: value?.count ?? -1, tag: tag)
        let slab = key + (value ?? [])
        let place = try partition()
        let outcome = unsafe slab.withUnsafeBytes { bytes -> Result<Int, Failure> in
            do throws(Failure) {
                return .success(
                    try unsafe producer.produce(topic: topic, partition: place, slab: bytes, records: [record]))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get() == 1
    }

    private func serve(timeoutMilliseconds: Int, waitingFor tag: UInt64) throws(Failure) {
        try producer.poll(timeoutMilliseconds: timeoutMilliseconds) { delivery in
            if delivery.tag == tag, tag != 0 { answer = delivery }
            if delivery.tag == 0, let failure = delivery.failure { faults.add(failure) }
        }
        for failure in producer.takeFaults() { faults.add(failure) }
    }

    public func read(
        from offset: Int64, timeoutMilliseconds: Int
    ) throws(Failure) -> (records: [MirrorRecord], first: Int64, next: Int64) {
        let place = TopicPartition(topic: topic, partition: try partition())
        var records: [MirrorRecord] = []
        let bounds = try unsafe reader.read(place, from: offset, timeoutMilliseconds: timeoutMilliseconds) { message in
            let key = unsafe KafkaLane.bytes(message.pointee.key, message.pointee.key_len)
            let value = unsafe KafkaLane.bytes(message.pointee.payload, message.pointee.len)
            records.append(
                MirrorRecord(
                    offset: unsafe message.pointee.offset, key: unsafe key.map { unsafe Array($0) } ?? [],
                    value: unsafe value.map { unsafe Array($0) }))
            return true
        }
        return (records, bounds.first, bounds.next)
    }

    /// Transport trouble seen since the last call.
    public func takeFaults() -> [Failure] { faults.take() }

    public func close() {
        producer.close()
        reader.close()
    }
}
