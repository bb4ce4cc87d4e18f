internal import CRdKafka
internal import Event
internal import Platform

/// Wakes librdkafka's broker threads while a backlog is read.
///
/// A broker thread that finds the prefetch queue full looks at it again only after a second (a constant in
/// librdkafka before 2.2, `rd_kafka_max_block_ms`), however fast the queue was emptied: the prefetch would be read
/// once a second. Any request for a broker wakes its thread, so whenever workers took a share of the prefetch, the
/// end offsets of a few partitions are asked for: one small request per leader. Nothing is asked while nothing is
/// consumed. Later versions have a property for it, `fetch.queue.backoff.ms`.
///
/// Threads: `taken` by any worker, everything else by the coordinator.
final class FetchWaker: Sendable {
    private struct State: Sendable {
        var partitions: [TopicPartition] = []
        var untold = 0
        var isEnding = false
    }

    /// Partitions asked about at once: enough to meet every broker of a large cluster within a few calls.
    static let maximumPartitionCount = 16
    /// The calls that follow each other without a pause would be load and no help.
    static let pauseMilliseconds = 2
    /// First version with `fetch.queue.backoff.ms`.
    static let backoffVersion: Int32 = 0x0202_00ff

    static var isNeeded: Bool { rd_kafka_version() < backoffVersion }

    private let state = Monitor(State())
    private let share: Int
    private let thread: WorkerThread

    /// `prefetchByteCount`: of one worker's queue. `handle` outlives the waker (`end`).
    init(_ handle: KafkaHandle, prefetchByteCount: Int) {
        share = max(prefetchByteCount / 4, 1)
        let (state, share) = (state, share)
        thread = WorkerThread(name: "fetch-waker") { FetchWaker.run(state, share, handle) }
    }

    /// What is fetched from now on.
    func watch(_ partitions: [TopicPartition]) {
        state.withLock { $0.partitions = partitions }
    }

    /// A worker took so many bytes out of its queue.
    func taken(_ byteCount: Int) {
        let isDue = state.withLock {
            $0.untold += byteCount
            return $0.untold >= share
        }
        if isDue { state.signal { _ in } }
    }

    /// Call exactly once, before the handle is closed.
    func end() {
        state.signal { $0.isEnding = true }
        thread.join()
    }

    private static func run(_ state: Monitor<State>, _ share: Int, _ handle: KafkaHandle) {
        var turn = 0
        while true {
            let next: [TopicPartition]?? = state.wait(milliseconds: 60_000) { state in
                if state.isEnding { return .some(nil) }
                guard state.untold >= share else { return nil }
                state.untold = 0
                return state.partitions
            }
            guard let next else { continue }
            guard let partitions = next else { return }
            ask(handle, partitions, from: turn)
            turn += maximumPartitionCount
            let isEnding: Bool? = state.wait(milliseconds: pauseMilliseconds) { $0.isEnding ? true : nil }
            if isEnding == true { return }
        }
    }

    private static func ask(_ handle: KafkaHandle, _ partitions: [TopicPartition], from turn: Int) {
        guard !partitions.isEmpty else { return }
        let list = unsafe rd_kafka_topic_partition_list_new(Int32(maximumPartitionCount))
        defer { unsafe rd_kafka_topic_partition_list_destroy(list) }
        for index in 0..<min(partitions.count, maximumPartitionCount) {
            let partition = partitions[(turn + index) % partitions.count]
            let element = unsafe rd_kafka_topic_partition_list_add(list, partition.topic, partition.partition)
            unsafe element?.pointee.offset = Int64(RD_KAFKA_OFFSET_END)
        }
        // Why the answer does not matter: what is wrong with a partition is said by its fetch.
        _ = unsafe rd_kafka_offsets_for_times(handle.raw, list, 1_000)
    }
}
