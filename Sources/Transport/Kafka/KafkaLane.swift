internal import CRdKafka
internal import Event

/// A queue of the fetcher, freed with its last holder.
@safe final class KafkaQueue: Sendable {
    // Safety: librdkafka's queues lock inside; a batch is taken by one worker at a time.
    nonisolated(unsafe) let raw: OpaquePointer?
    init(_ raw: OpaquePointer?) { unsafe self.raw = raw }
    deinit { if let raw = unsafe raw { unsafe rd_kafka_queue_destroy(raw) } }
}

/// One worker's side of the fetcher: takes messages of its queue and lends them as views. The arrays
/// are reused; `gate` decides whether a batch may still be delivered.
@safe final class KafkaLane: @unchecked Sendable {
    // Safety: everything but `gate` is touched by the worker's thread only.
    let gate = WorkerGate<KafkaQueue>()
    private var messages: UnsafeMutablePointer<UnsafeMutablePointer<rd_kafka_message_t>?>
    private var views: UnsafeMutablePointer<RecordView>
    private var capacity = 0
    private var lastTopic: OpaquePointer?
    private var lastName = ""

    init() {
        unsafe messages = .allocate(capacity: 1)
        unsafe views = .allocate(capacity: 1)
    }

    deinit {
        unsafe messages.deallocate()
        unsafe views.deallocate()
    }

    private func reserve(_ count: Int) {
        if count <= capacity { return }
        unsafe messages.deallocate()
        unsafe views.deallocate()
        unsafe messages = .allocate(capacity: count)
        unsafe views = .allocate(capacity: count)
        capacity = count
    }

    func consume(
        maximumCount: Int, timeoutMilliseconds: Int, fault: (TopicPartition?, Failure) -> Void,
        _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) -> Bool {
        guard maximumCount > 0, let queue = gate.source(timeoutMilliseconds: timeoutMilliseconds) else { return false }
        reserve(maximumCount)
        let count = fetch(queue, maximumCount, timeoutMilliseconds)
        if count == 0 { return false }
        defer {
            for index in 0..<count { unsafe rd_kafka_message_destroy(messages[index]) }
        }
        guard gate.begin(queue) else { return false }
        defer { gate.end() }
        let lent = view(count, fault)
        if lent == 0 { return false }
        unsafe body(UnsafeBufferPointer(start: views, count: lent))
        unsafe views.deinitialize(count: lent)
        return true
    }

    /// Why two steps: `rd_kafka_consume_batch_queue` waits the whole time-out for a *full* batch.
    private func fetch(_ queue: KafkaQueue, _ maximumCount: Int, _ timeoutMilliseconds: Int) -> Int {
        let batch = unsafe Int(rd_kafka_consume_batch_queue(queue.raw, 0, messages, maximumCount))
        if batch > 0 { return batch }
        guard let first = unsafe rd_kafka_consume_queue(queue.raw, Int32(clamping: timeoutMilliseconds)) else {
            return 0
        }
        unsafe messages[0] = first
        if maximumCount == 1 { return 1 }
        let rest = unsafe Int(rd_kafka_consume_batch_queue(queue.raw, 0, messages + 1, maximumCount - 1))
        return 1 + max(rest, 0)
    }

    /// Fills the views with the records among the messages; errors go to `fault`.
    private func view(_ count: Int, _ fault: (TopicPartition?, Failure) -> Void) -> Int {
        var lent = 0
        for index in 0..<count {
            guard let message = unsafe messages[index] else { continue }
            let code = unsafe message.pointee.err
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
                let timestamp = unsafe rd_kafka_message_timestamp(message, &kind)
                let view = unsafe RecordView(
                    topic: name(message.pointee.rkt), partition: message.pointee.partition,
                    offset: message.pointee.offset, timestamp: timestamp,
                    key: KafkaLane.bytes(message.pointee.key, message.pointee.key_len),
                    value: KafkaLane.bytes(message.pointee.payload, message.pointee.len))
                unsafe (views + lent).initialize(to: view)
                lent += 1
            } else if code != RD_KAFKA_RESP_ERR__PARTITION_EOF {
                unsafe report(message, fault)
            }
        }
        return lent
    }

    private func report(
        _ message: UnsafeMutablePointer<rd_kafka_message_t>, _ fault: (TopicPartition?, Failure) -> Void
    ) {
        let detail = unsafe rd_kafka_message_errstr(message).map { unsafe String(cString: $0) } ?? ""
        var partition: TopicPartition?
        if unsafe message.pointee.rkt != nil {
            partition = TopicPartition(
                topic: unsafe name(message.pointee.rkt), partition: unsafe message.pointee.partition)
        }
        let place = partition.map { "\($0)" } ?? "a partition"
        fault(partition, KafkaFailure.make(unsafe message.pointee.err, "cannot read \(place)", detail: detail))
    }

    static func bytes(_ start: UnsafeMutableRawPointer?, _ count: Int) -> UnsafeRawBufferPointer? {
        guard let start = unsafe start else { return nil }
        return unsafe UnsafeRawBufferPointer(start: start, count: count)
    }

    /// The topic's name, made once per change of topic: one handle per topic and fetcher.
    private func name(_ topic: OpaquePointer?) -> String {
        if unsafe topic != lastTopic {
            unsafe lastTopic = topic
            lastName = unsafe topic.map { unsafe String(cString: rd_kafka_topic_name($0)) } ?? ""
        }
        return lastName
    }
}
