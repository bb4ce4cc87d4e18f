internal import CRdKafka
internal import Event
internal import Platform

/// Owner of one `rd_kafka_t` with its topic handles.
///
/// Invariants: every topic handle is destroyed before the client; nothing is called after `close`.
/// librdkafka's handles may be used from several threads (rdkafka.h: "thread-safe"); the topic cache
/// belongs to the owner's thread.
@safe final class KafkaHandle: @unchecked Sendable {
    // Safety: set once; librdkafka locks inside. `topics` is touched by the owning thread only.
    let raw: OpaquePointer
    private var topics: [String: OpaquePointer] = unsafe [:]
    private(set) var isClosed = false

    init(_ raw: OpaquePointer) { unsafe self.raw = raw }

    deinit { close() }

    /// The handle of a topic, made at its first use.
    func topic(_ name: String) throws(Failure) -> OpaquePointer {
        if let known = unsafe topics[name] { return unsafe known }
        guard let made = unsafe rd_kafka_topic_new(raw, name, nil) else {
            throw KafkaFailure.make(rd_kafka_last_error(), "cannot use topic `\(name)`")
        }
        unsafe topics[name] = made
        return unsafe made
    }

    /// Partitions of a topic by the brokers' metadata; blocks up to the time-out.
    func partitionCount(of topic: String, timeoutMilliseconds: Int32 = 10_000) throws(Failure) -> Int32 {
        try unsafe metadata(of: topic, timeoutMilliseconds) { unsafe $0.partition_cnt }
    }

    /// The smallest number of replicas among a topic's partitions.
    func replication(of topic: String, timeoutMilliseconds: Int32 = 10_000) throws(Failure) -> Int {
        try unsafe metadata(of: topic, timeoutMilliseconds) { found in
            var smallest = Int.max
            for index in 0..<Int(unsafe found.partition_cnt) {
                unsafe smallest = min(smallest, Int(found.partitions[index].replica_cnt))
            }
            return smallest
        }
    }

    private func metadata<Result>(
        of topic: String, _ timeoutMilliseconds: Int32, _ look: (rd_kafka_metadata_topic) -> Result
    ) throws(Failure) -> Result {
        let what = "cannot ask for the partitions of topic `\(topic)`"
        let handle = try unsafe self.topic(topic)
        var metadata: UnsafePointer<rd_kafka_metadata>?
        let code = unsafe rd_kafka_metadata(raw, 0, handle, &metadata, timeoutMilliseconds)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let found = unsafe metadata else {
            throw KafkaFailure.make(code, what)
        }
        defer { unsafe rd_kafka_metadata_destroy(found) }
        guard unsafe found.pointee.topic_cnt > 0, let first = unsafe found.pointee.topics else {
            throw KafkaFailure.unknownTopic(topic)
        }
        let fault = unsafe first.pointee.err
        if fault == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { throw KafkaFailure.unknownTopic(topic) }
        let count = unsafe first.pointee.partition_cnt
        if fault != RD_KAFKA_RESP_ERR_NO_ERROR, fault != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE || count <= 0 {
            throw KafkaFailure.make(fault, what)
        }
        if count <= 0 { throw KafkaFailure.unknownTopic(topic) }
        return unsafe look(first.pointee)
    }

    /// First and next offset of a partition, asked of its leader; blocks up to the time-out.
    func bounds(
        _ partition: TopicPartition, timeoutMilliseconds: Int = 10_000
    ) throws(Failure) -> (first: Int64, next: Int64) {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        let first = try offset(partition, at: Int64(RD_KAFKA_OFFSET_BEGINNING), timeoutMilliseconds)
        let left = Int(max((deadline - clock.monotonicNanoseconds()) / 1_000_000, 1))
        return (first, try offset(partition, at: Int64(RD_KAFKA_OFFSET_END), left))
    }

    /// The offset that a logical one stands for now.
    /// Why not `rd_kafka_query_watermark_offsets`: it asks the same, but waits without end for a broker
    /// that went away.
    private func offset(
        _ partition: TopicPartition, at logical: Int64, _ timeoutMilliseconds: Int
    ) throws(Failure) -> Int64 {
        let what = "cannot ask for the offsets of \(partition)"
        let list = unsafe rd_kafka_topic_partition_list_new(1)
        defer { unsafe rd_kafka_topic_partition_list_destroy(list) }
        guard let asked = unsafe rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition) else {
            throw KafkaFailure.timeout(what)
        }
        unsafe asked.pointee.offset = logical
        let code = unsafe rd_kafka_offsets_for_times(raw, list, Int32(clamping: timeoutMilliseconds))
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaFailure.make(code, what) }
        let fault = unsafe asked.pointee.err
        guard fault == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaFailure.make(fault, what) }
        let found = unsafe asked.pointee.offset
        // Why: no answer in time is no error to librdkafka; the question is then still in the list.
        if found < 0 { throw KafkaFailure.timeout(what) }
        return found
    }

    /// The error that ended this handle for good, if there was one.
    func fatalFailure() -> Failure? {
        var text = [CChar](repeating: 0, count: 512)
        let code = unsafe rd_kafka_fatal_error(raw, &text, text.count)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return nil }
        return Failure(
            "transport.fatal", stage: .transport, kind: .fatal, "librdkafka gave up on this client for good",
            hint: "the process must start over; unacknowledged records are sent again",
            cause: KafkaFailure.text(text))
    }

    /// An ERROR event as a failure.
    func failure(of event: OpaquePointer) -> Failure {
        let code = unsafe rd_kafka_event_error(event)
        let detail = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) } ?? ""
        if unsafe rd_kafka_event_error_is_fatal(event) != 0, let fatal = fatalFailure() { return fatal }
        return KafkaFailure.make(code, "trouble with the kafka cluster", detail: detail)
    }

    /// Frees the topics and the client. `leaving`: the consumer group was left already.
    func close() {
        if isClosed { return }
        isClosed = true
        for unsafe topic in unsafe topics.values { unsafe rd_kafka_topic_destroy(topic) }
        unsafe topics.removeAll()
        unsafe rd_kafka_destroy_flags(raw, Int32(RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE))
    }
}

/// Failures kept until somebody asks; the newest are dropped beyond the maximum, equal ones folded.
struct FaultList {
    /// More than an operator reads at once.
    static let maximumCount = 64
    private var faults: [Failure] = []

    mutating func add(_ failure: Failure) {
        if faults.count < FaultList.maximumCount, !faults.contains(failure) { faults.append(failure) }
    }

    mutating func take() -> [Failure] {
        defer { faults.removeAll() }
        return faults
    }
}
