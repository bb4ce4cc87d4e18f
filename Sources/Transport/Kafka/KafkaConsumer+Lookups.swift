internal import CRdKafka
public import Event
internal import Platform

extension KafkaConsumer {
    public func bounds(
        of partition: TopicPartition, timeoutMilliseconds: Int
    ) throws(Failure) -> (first: Int64, next: Int64) {
        // Why the member: a broker answers a connection's requests in turn, and the fetcher's are mostly a fetch
        // that is held until records come.
        try member.bounds(partition, timeoutMilliseconds: timeoutMilliseconds)
    }

    public func partitionCount(of topic: String) throws(Failure) -> Int32 {
        try fetcher.partitionCount(of: topic)
    }

    public func isCompacted(_ topic: String) throws(Failure) -> Bool {
        let policy = try KafkaAdmin(fetcher).topicSettings([topic])[topic]?["cleanup.policy"] ?? ""
        return policy.contains("compact")
    }

    public func mark(at offset: Int64, of partition: TopicPartition) throws(Failure) -> RecordMark? {
        precondition(started.isEmpty, "marks are looked up while nothing is fetched")
        var found: RecordMark?
        try unsafe fetcher.read(partition, from: offset, timeoutMilliseconds: 10_000) { message in
            var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
            found = RecordMark(
                offset: unsafe message.pointee.offset,
                timestamp: unsafe rd_kafka_message_timestamp(message, &kind),
                hash: unsafe RecordMark.hash(
                    key: KafkaLane.bytes(message.pointee.key, message.pointee.key_len),
                    value: KafkaLane.bytes(message.pointee.payload, message.pointee.len)))
            return false
        }
        return found
    }
}

extension KafkaHandle {
    /// Reads a partition from `offset`, or its start if that is later, to the end as of now; stops early
    /// when `each` answers false. For handles with `enable.partition.eof`. Returns the bounds.
    @discardableResult
    func read(
        _ partition: TopicPartition, from offset: Int64, timeoutMilliseconds: Int,
        _ each: (UnsafeMutablePointer<rd_kafka_message_t>) -> Bool
    ) throws(Failure) -> (first: Int64, next: Int64) {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        let bounds = try self.bounds(partition, timeoutMilliseconds: min(timeoutMilliseconds, 5_000))
        let from = max(offset, bounds.first)
        if from >= bounds.next { return bounds }
        let topic = try unsafe self.topic(partition.topic)
        let queue = unsafe KafkaQueue(rd_kafka_queue_new(raw))
        if unsafe rd_kafka_consume_start_queue(topic, partition.partition, from, queue.raw) != 0 {
            throw KafkaFailure.make(rd_kafka_last_error(), "cannot read \(partition)")
        }
        defer { _ = unsafe rd_kafka_consume_stop(topic, partition.partition) }
        while true {
            let left = (deadline - clock.monotonicNanoseconds()) / 1_000_000
            if left <= 0 { throw KafkaFailure.timeout("reading \(partition) at \(from) took too long") }
            guard let message = unsafe rd_kafka_consume_queue(queue.raw, Int32(clamping: min(left, 500))) else {
                continue
            }
            defer { unsafe rd_kafka_message_destroy(message) }
            let code = unsafe message.pointee.err
            // Why: holes of compaction and transactions end a partition without a record at next - 1.
            if code == RD_KAFKA_RESP_ERR__PARTITION_EOF { return bounds }
            if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaFailure.make(code, "cannot read \(partition)") }
            if unsafe message.pointee.offset >= bounds.next { return bounds }
            let more = unsafe each(message)
            if unsafe !more || message.pointee.offset + 1 >= bounds.next { return bounds }
        }
    }
}
