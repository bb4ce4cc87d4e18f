internal import CRdKafka
public import Event
internal import Platform

/// Reads a group's partitions with two librdkafka clients.
///
/// - The *member* joins the group, hears of rebalances and commits advisory offsets. It never fetches:
///   an assignment is answered with an empty one, so it stays a member and its queue holds no records.
/// - The *fetcher* belongs to no group. `start` reads each partition from an explicit offset into one
///   queue per worker, made anew; `stop` ends that and frees the queues, whatever the group does.
///
/// Why two: with one client, records that arrive between `rd_kafka_assign` and the forwarding of the
/// partition's queue land in the group's queue, and a plain stop means giving the assignment back.
///
/// Invariants: nothing jumps silently (`auto.offset.reset=error`); a revocation is answered by `stop`
/// only, so commits before it happen while the group still waits for us.
/// Threads: everything belongs to the coordinator, except `consume(worker:)`, one thread per worker.
@safe public final class KafkaConsumer: Consumer, @unchecked Sendable {
    // Safety: mutable state below is the coordinator's; workers touch `lanes` (gates lock inside; the
    // array is replaced only while no fetch is started) and `faults` (a monitor).
    let member: KafkaHandle
    let fetcher: KafkaHandle
    private let memberQueue: OpaquePointer
    private let fetcherQueue: OpaquePointer
    private let lanes: Monitor<[KafkaLane]>
    /// Nil where librdkafka looks at its full queues in time by itself.
    private let waker: FetchWaker?
    let faults = Monitor<[ConsumerSignal]>([])
    private(set) var started: [TopicPartition] = []
    private var mustAnswerRevocation = false
    private var isClosed = false

    /// Signals kept between two polls at most; beyond, the oldest stay.
    static let maximumSignalCount = 256

    /// `prefetchByteCount`: what librdkafka may hold per worker; part of the memory budget.
    public init(_ options: KafkaOptions, group: String, prefetchByteCount: Int = 8 << 20) throws(Failure) {
        let common = [
            ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("auto.offset.reset", "error"),
        ]
        // Why 50 ms: there is one fetch at a time per broker, and one that asks only for partitions without new
        // records is held for that time, while others become due.
        // Why 10 minutes: the coordinator may fsync a large commit on a slow disk between two polls.
        let defaults = [
            ("session.timeout.ms", "45000"), ("max.poll.interval.ms", "600000"),
            ("isolation.level", "read_committed"), ("fetch.wait.max.ms", "50"),
            ("fetch.message.max.bytes", "1048576"), ("fetch.max.bytes", "8388608"),
            ("queued.max.messages.kbytes", String(min(max(prefetchByteCount / 1_024, 1_024), 2_097_151))),
        ]
        let memberConfiguration = try KafkaConfiguration(
            options,
            owned: common + [
                ("group.id", group), ("partition.assignment.strategy", "range,roundrobin"),
                ("enable.partition.eof", "false"),
            ], defaults: defaults)
        let backoff = FetchWaker.isNeeded ? [] : [("fetch.queue.backoff.ms", "5")]
        let fetcherConfiguration = try KafkaConfiguration(
            options,
            owned: common + [("enable.partition.eof", "true")], defaults: defaults + backoff)
        member = try memberConfiguration.makeHandle(
            RD_KAFKA_CONSUMER,
            events: RD_KAFKA_EVENT_REBALANCE | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_OFFSET_COMMIT)
        fetcher = try fetcherConfiguration.makeHandle(RD_KAFKA_CONSUMER, events: RD_KAFKA_EVENT_ERROR)
        _ = unsafe rd_kafka_poll_set_consumer(member.raw)
        unsafe memberQueue = rd_kafka_queue_get_consumer(member.raw)
        unsafe fetcherQueue = rd_kafka_queue_get_main(fetcher.raw)
        lanes = Monitor([])
        waker = FetchWaker.isNeeded ? FetchWaker(fetcher, prefetchByteCount: prefetchByteCount) : nil
    }

    deinit { close() }

    public func subscribe(_ topics: [String]) throws(Failure) {
        let list = unsafe rd_kafka_topic_partition_list_new(Int32(clamping: topics.count))
        defer { unsafe rd_kafka_topic_partition_list_destroy(list) }
        for topic in topics { unsafe rd_kafka_topic_partition_list_add(list, topic, RD_KAFKA_PARTITION_UA) }
        let code = unsafe rd_kafka_subscribe(member.raw, list)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaFailure.make(code, "cannot subscribe to \(topics.joined(separator: ", "))")
        }
    }

    public func poll(timeoutMilliseconds: Int) throws(Failure) -> [ConsumerSignal] {
        precondition(!isClosed, "poll after close")
        var signals = faults.withLock { kept in
            defer { kept.removeAll() }
            return kept
        }
        while let event = unsafe rd_kafka_queue_poll(fetcherQueue, 0) {
            unsafe serve(event, of: fetcher, into: &signals)
            unsafe rd_kafka_event_destroy(event)
        }
        var timeout: Int32 = signals.isEmpty ? Int32(clamping: timeoutMilliseconds) : 0
        while signals.count < KafkaConsumer.maximumSignalCount,
            let event = unsafe rd_kafka_queue_poll(memberQueue, timeout)
        {
            timeout = 0
            unsafe serve(event, of: member, into: &signals)
            unsafe rd_kafka_event_destroy(event)
        }
        if let fatal = member.fatalFailure() ?? fetcher.fatalFailure() { throw fatal }
        return signals
    }

    private func serve(_ event: OpaquePointer, of handle: KafkaHandle, into signals: inout [ConsumerSignal]) {
        switch unsafe rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            unsafe rebalance(event, into: &signals)
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            let code = unsafe rd_kafka_event_error(event)
            if code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET {
                let cause = KafkaFailure.make(code, "").cause
                signals.append(
                    .fault(
                        nil,
                        Failure(
                            "transport.offset_commit", stage: .transport, kind: .transient,
                            "the group's advisory offsets were not committed; progress is not affected",
                            cause: cause)))
            }
        case RD_KAFKA_EVENT_ERROR:
            signals.append(.fault(unsafe partition(of: event), unsafe handle.failure(of: event)))
        default:
            break
        }
    }

    private func partition(of event: OpaquePointer) -> TopicPartition? {
        guard let found = unsafe rd_kafka_event_topic_partition(event) else { return nil }
        defer { unsafe rd_kafka_topic_partition_destroy(found) }
        return TopicPartition(
            topic: unsafe String(cString: found.pointee.topic), partition: unsafe found.pointee.partition)
    }

    private func rebalance(_ event: OpaquePointer, into signals: inout [ConsumerSignal]) {
        let partitions = unsafe KafkaConsumer.partitions(rd_kafka_event_topic_partition_list(event))
        switch unsafe rd_kafka_event_error(event) {
        case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
            answer(empty: true)
            signals.append(.assigned(partitions))
        case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
            mustAnswerRevocation = true
            signals.append(.revoked(partitions, lost: unsafe rd_kafka_assignment_lost(member.raw) != 0))
        case let code:
            answer(empty: false)
            signals.append(.fault(nil, KafkaFailure.make(code, "the consumer group could not assign partitions")))
        }
    }

    /// Assigns nothing (still a member), or gives the assignment back.
    private func answer(empty: Bool) {
        let list = unsafe empty ? rd_kafka_topic_partition_list_new(0) : nil
        _ = unsafe rd_kafka_assign(member.raw, list)
        if let list = unsafe list { unsafe rd_kafka_topic_partition_list_destroy(list) }
    }

    static func partitions(_ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?) -> [TopicPartition] {
        guard let list = unsafe list else { return [] }
        var found: [TopicPartition] = []
        for index in 0..<Int(unsafe list.pointee.cnt) {
            let element = unsafe list.pointee.elems[index]
            found.append(
                TopicPartition(topic: unsafe String(cString: element.topic), partition: unsafe element.partition))
        }
        return found
    }

    public func start(_ partitions: [(TopicPartition, Int64)], workerCount: Int) throws(Failure) {
        precondition(workerCount > 0 && !isClosed, "start without workers or after close")
        try stopFetching()
        let queues = (0..<workerCount).map { _ in unsafe KafkaQueue(rd_kafka_queue_new(fetcher.raw)) }
        for (index, (partition, offset)) in partitions.enumerated() {
            precondition(offset >= 0, "a start offset is absolute")
            let topic = try unsafe fetcher.topic(partition.topic)
            let queue = queues[index % workerCount]
            if unsafe rd_kafka_consume_start_queue(topic, partition.partition, offset, queue.raw) != 0 {
                let failure = KafkaFailure.make(rd_kafka_last_error(), "cannot read \(partition)")
                try stopFetching()
                throw failure
            }
            started.append(partition)
        }
        waker?.watch(started)
        // Why kept beyond `workerCount`: a worker thread may still hold its lane; its gate stays closed.
        let gates = lanes.withLock { lanes in
            while lanes.count < workerCount { lanes.append(KafkaLane()) }
            return Array(lanes[..<workerCount])
        }
        for (lane, queue) in zip(gates, queues) { try lane.gate.replace(queue) }
        lanes.signal { _ in }
    }

    public func stop() throws(Failure) {
        try stopFetching()
        if mustAnswerRevocation {
            mustAnswerRevocation = false
            answer(empty: false)
        }
    }

    private func stopFetching() throws(Failure) {
        for lane in lanes.withLock({ $0 }) { try lane.gate.replace(nil) }
        for partition in started {
            if let topic = try? unsafe fetcher.topic(partition.topic) {
                _ = unsafe rd_kafka_consume_stop(topic, partition.partition)
            }
        }
        started.removeAll()
    }

    public func consume(
        worker: Int, maximumCount: Int, timeoutMilliseconds: Int, _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) -> Bool {
        let found: KafkaLane? = lanes.wait(milliseconds: timeoutMilliseconds) {
            $0.indices.contains(worker) ? $0[worker] : nil
        }
        guard let lane = found else { return false }
        return unsafe lane.consume(
            maximumCount: maximumCount, timeoutMilliseconds: timeoutMilliseconds,
            fault: { self.report($0, $1) }
        ) { records in
            if let waker {
                var byteCount = 0
                for index in records.indices { byteCount += unsafe records[index].value?.count ?? 0 }
                waker.taken(byteCount)
            }
            unsafe body(records)
        }
    }

    private func report(_ partition: TopicPartition?, _ failure: Failure) {
        faults.withLock { kept in
            if kept.count < KafkaConsumer.maximumSignalCount { kept.append(.fault(partition, failure)) }
        }
    }

    public func committed(_ offsets: [TopicPartition: Int64]) {
        let list = unsafe rd_kafka_topic_partition_list_new(Int32(clamping: offsets.count))
        defer { unsafe rd_kafka_topic_partition_list_destroy(list) }
        for (partition, offset) in offsets {
            let element = unsafe rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition)
            unsafe element?.pointee.offset = offset
        }
        let code = unsafe rd_kafka_commit(member.raw, list, 1)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            report(nil, KafkaFailure.make(code, "the group's advisory offsets were not committed"))
        }
    }

    public func close() {
        if isClosed { return }
        isClosed = true
        try? stopFetching()
        waker?.end()
        leaveGroup()
        unsafe rd_kafka_queue_destroy(memberQueue)
        unsafe rd_kafka_queue_destroy(fetcherQueue)
        member.close()
        fetcher.close()
    }

    /// Leaves the group so that others take over at once; gives up after 10 s (the session ends it then).
    private func leaveGroup() {
        if let error = unsafe rd_kafka_consumer_close_queue(member.raw, memberQueue) {
            unsafe rd_kafka_error_destroy(error)
            return
        }
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds() + 10_000_000_000
        while unsafe rd_kafka_consumer_closed(member.raw) == 0, clock.monotonicNanoseconds() < deadline {
            guard let event = unsafe rd_kafka_queue_poll(memberQueue, 100) else { continue }
            if unsafe rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE { answer(empty: false) }
            unsafe rd_kafka_event_destroy(event)
        }
    }
}
