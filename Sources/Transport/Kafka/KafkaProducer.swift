internal import CRdKafka
public import Event

/// Ships records with librdkafka's idempotent producer: acks=all, retried without end, in order.
///
/// Invariants: a record that was taken comes back in exactly one `Delivery`; what is taken is always
/// the front of what was offered. The second holds because our own count of what is in flight is never
/// below librdkafka's, so its queue limit is met here and never in the middle of a batch.
/// One owner thread. No allocation per record, no callback from C.
@safe public final class KafkaProducer: Producer {
    // Safety: the pointers live until `close`; after it nothing touches them (`isClosed`).
    private let handle: KafkaHandle
    private let queue: OpaquePointer
    private var messages: UnsafeMutablePointer<rd_kafka_message_t>
    private var messageCapacity = 1_024
    private var isClosed = false
    private var faults = FaultList()
    /// Records that librdkafka refused behind ones that it took: reported as deliveries that failed.
    private var refused: [Delivery] = []
    private var recordsInFlight = 0
    private var bytesInFlight = 0

    /// librdkafka's own queue limits: nothing is taken beyond them.
    public let queueLimits: (records: Int, bytes: Int)
    public let maximumRecordByteCount: Int

    /// Room in a message set for its header and the record's own framing: 61 + about 25 bytes; generous.
    static let framingByteCount = 512
    /// Small records bound the count: room for this many bytes each at least.
    private static let smallestRecordByteCount = 64

    /// `maximumInFlightByteCount`: what the shipper keeps in flight; librdkafka's queue gets twice that.
    public init(_ options: KafkaOptions, maximumInFlightByteCount: Int = 32 << 20) throws(Failure) {
        let kilobytes = min(max(maximumInFlightByteCount / 512, 4_096), 2_097_151)
        let records = min(max(maximumInFlightByteCount / KafkaProducer.smallestRecordByteCount, 10_000), 10_000_000)
        let configuration = try KafkaConfiguration(
            options,
            owned: [
                ("acks", "all"), ("enable.idempotence", "true"), ("message.timeout.ms", "0"),
                ("retries", "2147483647"), ("delivery.report.only.error", "false"),
            ],
            defaults: [
                ("compression.codec", "lz4"), ("linger.ms", "5"),
                ("queue.buffering.max.kbytes", String(kilobytes)),
                ("queue.buffering.max.messages", String(records)),
            ])
        handle = try configuration.makeHandle(RD_KAFKA_PRODUCER, events: RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR)
        unsafe queue = rd_kafka_queue_get_main(handle.raw)
        unsafe messages = .allocate(capacity: messageCapacity)
        queueLimits = (
            Int(handle.setting("queue.buffering.max.messages") ?? 100_000),
            Int(handle.setting("queue.buffering.max.kbytes") ?? 1_048_576) * 1_024
        )
        maximumRecordByteCount = max(
            Int(handle.setting("message.max.bytes") ?? 1_000_000) - KafkaProducer.framingByteCount, 1_000)
    }

    deinit {
        close()
        unsafe messages.deallocate()
    }

    public var inFlight: (records: Int, bytes: Int) { (recordsInFlight, bytesInFlight) }

    public func partitionCount(of topic: String) throws(Failure) -> Int32 {
        try handle.partitionCount(of: topic, timeoutMilliseconds: 5_000)
    }

    public func produce(
        topic: String, partition: Int32, slab: UnsafeRawBufferPointer, records: [OutgoingRecord]
    ) throws(Failure) -> Int {
        precondition(!isClosed, "produce after close")
        let count = try unsafe fill(slab, records)
        if count == 0 { return 0 }
        let handle = try unsafe self.handle.topic(topic)
        let taken = unsafe rd_kafka_produce_batch(
            handle, partition, Int32(RD_KAFKA_MSG_F_COPY), messages, Int32(count))
        if Int(taken) == count {
            for index in 0..<count {
                unsafe bytesInFlight += messages[index].len + messages[index].key_len
            }
            recordsInFlight += count
            return count
        }
        return try settle(count, topic: topic, partition: partition)
    }

    /// Writes the longest front of `records` that fits the queue into the message array.
    private func fill(_ slab: UnsafeRawBufferPointer, _ records: [OutgoingRecord]) throws(Failure) -> Int {
        let room = min(records.count, queueLimits.records - recordsInFlight, Int(Int32.max))
        if room <= 0 { return 0 }
        reserve(room)
        let base = unsafe slab.baseAddress ?? UnsafeRawPointer(messages)
        var bytesLeft = queueLimits.bytes - bytesInFlight
        for index in 0..<room {
            let record = records[index]
            let valueByteCount = max(record.valueByteCount, 0)
            precondition(
                record.keyStart >= 0 && record.keyByteCount >= 0 && record.valueStart >= 0
                    && record.keyStart + record.keyByteCount <= slab.count
                    && record.valueStart + valueByteCount <= slab.count, "record outside its slab")
            let byteCount = record.keyByteCount + valueByteCount
            if byteCount > maximumRecordByteCount {
                if index > 0 { return index }
                throw tooLarge(byteCount)
            }
            bytesLeft -= byteCount
            if bytesLeft < 0 { return index }
            // Safety: librdkafka copies key and value (F_COPY) before it returns; it never writes them.
            var message = unsafe rd_kafka_message_t()
            unsafe message.payload =
                record.valueByteCount < 0 ? nil : UnsafeMutableRawPointer(mutating: base + record.valueStart)
            unsafe message.len = valueByteCount
            unsafe message.key =
                record.keyByteCount == 0 ? nil : UnsafeMutableRawPointer(mutating: base + record.keyStart)
            unsafe message.key_len = record.keyByteCount
            unsafe message._private = UnsafeMutableRawPointer(bitPattern: UInt(record.tag))
            unsafe messages[index] = message
        }
        return room
    }

    private func reserve(_ count: Int) {
        if count <= messageCapacity { return }
        unsafe messages.deallocate()
        messageCapacity = count
        unsafe messages = .allocate(capacity: count)
    }

    /// Something was refused: everything up to the last record that was taken counts as taken, refused
    /// ones among them are reported as failed deliveries. If none was taken, the reason is thrown.
    private func settle(_ count: Int, topic: String, partition: Int32) throws(Failure) -> Int {
        var front = 0
        for index in 0..<count where unsafe messages[index].err == RD_KAFKA_RESP_ERR_NO_ERROR { front = index + 1 }
        let what = "cannot produce to \(topic)[\(partition)]"
        if front == 0 {
            let code = unsafe messages[0].err
            if code == RD_KAFKA_RESP_ERR__QUEUE_FULL { return 0 }
            if code == RD_KAFKA_RESP_ERR__FATAL, let fatal = handle.fatalFailure() { throw fatal }
            throw KafkaFailure.make(code, what)
        }
        for index in 0..<front {
            let code = unsafe messages[index].err
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                unsafe bytesInFlight += messages[index].len + messages[index].key_len
            } else {
                let tag = unsafe UInt64(UInt(bitPattern: messages[index]._private))
                refused.append(
                    Delivery(tag: tag, partition: partition, offset: -1, failure: KafkaFailure.make(code, what)))
            }
            recordsInFlight += 1
        }
        return front
    }

    private func tooLarge(_ byteCount: Int) -> Failure {
        Failure(
            "transport.record_too_large", stage: .transport, kind: .config,
            "a record of \(byteCount) bytes exceeds the \(maximumRecordByteCount) bytes that kafka takes",
            hint: "raise message.max.bytes (agent and topic), or lower the pack and record limits of the source")
    }

    public func poll(timeoutMilliseconds: Int, _ each: (Delivery) -> Void) throws(Failure) {
        precondition(!isClosed, "poll after close")
        var timeout = Int32(clamping: timeoutMilliseconds)
        if !refused.isEmpty {
            timeout = 0
            let deliveries = refused
            refused.removeAll()
            recordsInFlight -= deliveries.count
            for delivery in deliveries { each(delivery) }
        }
        while let event = unsafe rd_kafka_queue_poll(queue, timeout) {
            timeout = 0
            let kind = unsafe rd_kafka_event_type(event)
            if kind == RD_KAFKA_EVENT_DR {
                unsafe report(event, each)
            } else if kind == RD_KAFKA_EVENT_ERROR {
                faults.add(unsafe handle.failure(of: event))
            }
            unsafe rd_kafka_event_destroy(event)
        }
        if let fatal = handle.fatalFailure() { throw fatal }
    }

    private func report(_ event: OpaquePointer, _ each: (Delivery) -> Void) {
        while let message = unsafe rd_kafka_event_message_next(event) {
            let code = unsafe message.pointee.err
            let failed = code != RD_KAFKA_RESP_ERR_NO_ERROR
            recordsInFlight -= 1
            unsafe bytesInFlight -= message.pointee.len + message.pointee.key_len
            each(
                Delivery(
                    tag: unsafe UInt64(UInt(bitPattern: message.pointee._private)),
                    partition: unsafe message.pointee.partition,
                    offset: failed ? -1 : unsafe message.pointee.offset,
                    failure: failed ? unsafe failure(of: message) : nil))
        }
    }

    private func failure(of message: UnsafePointer<rd_kafka_message_t>) -> Failure {
        let topic = unsafe message.pointee.rkt.map { unsafe String(cString: rd_kafka_topic_name($0)) } ?? "?"
        let written =
            switch unsafe rd_kafka_message_status(message) {
            case RD_KAFKA_MSG_STATUS_NOT_PERSISTED: "was not written"
            case RD_KAFKA_MSG_STATUS_PERSISTED: "was written"
            default: "may have been written"
            }
        return KafkaFailure.make(
            unsafe message.pointee.err,
            "a record for \(topic)[\(unsafe message.pointee.partition)] was not acknowledged; it \(written)")
    }

    public func takeFaults() -> [Failure] { faults.take() }

    public func close() {
        if isClosed { return }
        isClosed = true
        unsafe rd_kafka_purge(handle.raw, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
        unsafe rd_kafka_queue_destroy(queue)
        handle.close()
    }
}

extension KafkaHandle {
    /// A number of the configuration in force.
    func setting(_ name: String) -> Int64? {
        var text = [CChar](repeating: 0, count: 512)
        var count = text.count
        guard unsafe rd_kafka_conf_get(rd_kafka_conf(raw), name, &text, &count) == RD_KAFKA_CONF_OK else { return nil }
        return Int64(KafkaFailure.text(text))
    }
}
