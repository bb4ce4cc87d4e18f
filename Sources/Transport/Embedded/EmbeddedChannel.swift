public import Event
internal import Platform

/// Agent and collector in one process, without Kafka: topics with partitions, bounded in bytes.
///
/// Invariants: a record is acknowledged to the producer only by `committed` of the consumer, so it is
/// in the warehouse then; until then it stays in memory and is delivered again after every `start`.
/// Records get their numbers from `start`: the collector passes the next offset of its commit log.
/// Each side has one owner thread (the consumer's workers besides); a lock per batch.
public final class EmbeddedChannel: Sendable {
    struct State {
        var logs: [TopicPartition: EmbeddedLog] = [:]
        var partitionCounts: [String: Int32]
        var acknowledgements: [Delivery] = []
        var recordCount = 0
        var byteCount = 0
        var isClosed = false
    }

    /// A record counts at least this much: what its bookkeeping takes.
    static let recordOverheadByteCount = 128
    /// Bytes held at most; a single larger record is never taken.
    public let capacityByteCount: Int
    let state: Monitor<State>
    let clock: any Clock

    /// `topics`: partitions per topic. The capacity is 64 MiB unless said otherwise.
    public convenience init(topics: [String: Int32], capacityByteCount: Int = 64 << 20) {
        self.init(topics: topics, capacityByteCount: capacityByteCount, clock: SystemClock())
    }

    init(topics: [String: Int32], capacityByteCount: Int, clock: any Clock) {
        precondition(capacityByteCount >= 4_096 && topics.values.allSatisfy { $0 > 0 }, "an empty channel")
        self.capacityByteCount = capacityByteCount
        self.clock = clock
        var logs: [TopicPartition: EmbeddedLog] = [:]
        for (topic, count) in topics {
            for partition in 0..<count { logs[TopicPartition(topic: topic, partition: partition)] = EmbeddedLog() }
        }
        state = Monitor(State(logs: logs, partitionCounts: topics))
    }

    /// The agent's end. One at a time.
    public func makeProducer() -> EmbeddedProducer { EmbeddedProducer(self) }

    /// The collector's end. One at a time.
    public func makeConsumer() -> EmbeddedConsumer { EmbeddedConsumer(self) }

    func partitionCount(of topic: String) throws(Failure) -> Int32 {
        if let count = state.withLock({ $0.partitionCounts[topic] }) { return count }
        throw Failure(
            "transport.unknown_topic", stage: .transport, kind: .config,
            "topic `\(topic)` does not exist in the embedded channel",
            hint: "a pipeline of the same configuration must read it")
    }
}

/// The agent's end of an `EmbeddedChannel`.
public final class EmbeddedProducer: Producer {
    private let channel: EmbeddedChannel

    init(_ channel: EmbeddedChannel) { self.channel = channel }

    public var maximumRecordByteCount: Int {
        channel.capacityByteCount / 2 - EmbeddedChannel.recordOverheadByteCount
    }

    public func partitionCount(of topic: String) throws(Failure) -> Int32 { try channel.partitionCount(of: topic) }

    public func produce(
        topic: String, partition: Int32, slab: UnsafeRawBufferPointer, records: [OutgoingRecord]
    ) throws(Failure) -> Int {
        let place = TopicPartition(topic: topic, partition: partition)
        let count = try channel.partitionCount(of: topic)
        guard partition >= 0, partition < count else {
            throw Failure(
                "transport.unknown_topic", stage: .transport, kind: .transient, "\(place) does not exist")
        }
        let now = channel.clock.wallMilliseconds()
        var room = channel.state.withLock { channel.capacityByteCount - $0.byteCount }
        // The copies are made outside the lock: only this thread adds.
        var copies: [EmbeddedRecord] = []
        for record in records {
            let byteCount = record.keyByteCount + max(record.valueByteCount, 0)
            if byteCount > maximumRecordByteCount {
                if !copies.isEmpty { break }
                throw Failure(
                    "transport.record_too_large", stage: .transport, kind: .config,
                    "a record of \(byteCount) bytes exceeds the \(maximumRecordByteCount) bytes of the channel")
            }
            room -= byteCount + EmbeddedChannel.recordOverheadByteCount
            if room < 0 { break }
            copies.append(unsafe EmbeddedRecord(record, slab: slab, timestamp: now))
        }
        if copies.isEmpty { return 0 }
        channel.state.signal { state in
            for copy in copies {
                state.logs[place]?.append(copy)
                state.byteCount += copy.byteCount + EmbeddedChannel.recordOverheadByteCount
            }
            state.recordCount += copies.count
        }
        return copies.count
    }

    public func poll(timeoutMilliseconds: Int, _ each: (Delivery) -> Void) throws(Failure) {
        let deliveries: [Delivery]? = channel.state.wait(milliseconds: timeoutMilliseconds) { state in
            if state.acknowledgements.isEmpty { return nil }
            defer { state.acknowledgements.removeAll(keepingCapacity: true) }
            return state.acknowledgements
        }
        for delivery in deliveries ?? [] { each(delivery) }
    }

    public var inFlight: (records: Int, bytes: Int) {
        channel.state.withLock { ($0.recordCount + $0.acknowledgements.count, $0.byteCount) }
    }

    public func takeFaults() -> [Failure] { [] }

    public func close() { channel.state.signal { $0.isClosed = true } }
}
