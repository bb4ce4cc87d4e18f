internal import Event
internal import Platform
internal import Synchronization
internal import Transport

/// What a lane tells while it runs, for the status and for the coordinator's decisions.
struct LaneReport: Sendable {
    struct Place: Sendable {
        var place: TopicPartition
        /// The lowest next offset over the pipelines that go on; nil: all stand.
        var next: Int64?
        var timestamp: Int64
        var stopped: [(pipeline: Int, failure: Failure)]
    }

    var places: [Place] = []
    var recordCount: UInt64 = 0
    /// Why the lane gave up the attempt: a sink that failed.
    var failure: Failure?
}

/// One worker thread and the partitions that it takes in order.
///
/// | state | who owns partitions, books, batch | goes to |
/// |---|---|---|
/// | parked | the coordinator | running (`resume`), ended (`end`) |
/// | running | the lane's thread | parking (`park`), failed |
/// | parking | the lane's thread, until its records in hand are done | parked |
/// | failed | the coordinator | ended (`end`) |
///
/// Invariants
/// - Between two records of a partition nothing else of it happens: order is kept.
/// - Parked means: everything lent by the consumer is processed and appended; nothing is half done.
final class Lane: @unchecked Sendable {
    // Safety: `flow` is touched by the thread while running or parking, by the coordinator otherwise;
    // the hand-over goes through the monitor.
    enum State: Sendable { case parked, running, parking, failed, ending, ended }

    /// Records lent at once: 128 packs of 64 KiB are 8 MiB, about 50 ms of work, which bounds how long
    /// a commit waits.
    static let maximumRecordCount = 128
    /// How long a lane without records waits: also how long a commit waits for it.
    static let waitMilliseconds = 100

    let worker: Int
    let flow: CollectorPipeline
    private let state = Monitor(State.parked)
    private let shared = Mutex(LaneReport())
    private var thread: WorkerThread?

    init(worker: Int, flow: CollectorPipeline) {
        self.worker = worker
        self.flow = flow
        publish()
    }

    var report: LaneReport { shared.withLock { $0 } }

    /// Starts the thread; the lane stays parked.
    func start(consumer: any Consumer) {
        thread = WorkerThread(name: "lane-\(worker)") { [self] in run(consumer) }
    }

    func resume() { state.signal { if $0 == .parked { $0 = .running } } }

    /// Asks the lane to stop behind the records in hand. `waitParked` waits for it.
    func park() { state.signal { if $0 == .running { $0 = .parking } } }

    /// False: not within the time.
    func waitParked(milliseconds: Int) -> Bool {
        state.wait(milliseconds: milliseconds) { $0 == .running || $0 == .parking ? nil : true } ?? false
    }

    /// Ends the thread and waits for it. What the lane holds is given up.
    func end() {
        state.signal { $0 = .ending }
        thread?.join()
        thread = nil
        state.signal { $0 = .ended }
    }

    // MARK: The lane's thread

    private func run(_ consumer: any Consumer) {
        while true {
            state.signal { if $0 == .parking { $0 = .parked } }
            // Why parking too: who is parked again before it woke up must say so at once.
            let next: State? = state.wait(milliseconds: 1_000) { $0 == .parked || $0 == .failed ? nil : $0 }
            switch next {
            case .ending: return
            case .running: step(consumer)
            default: break
            }
        }
    }

    private func step(_ consumer: any Consumer) {
        var failure: Failure?
        let hadRecords = unsafe consumer.consume(
            worker: worker, maximumCount: Self.maximumRecordCount, timeoutMilliseconds: Self.waitMilliseconds
        ) { records in
            do throws(Failure) { try unsafe flow.take(records) } catch { failure = error }
        }
        if hadRecords { publish() }
        guard let failure else { return }
        shared.withLock { $0.failure = failure }
        state.signal { if $0 != .ending { $0 = .failed } }
    }

    private func publish() {
        let places = flow.partitions.map { partition in
            LaneReport.Place(
                place: partition.place, next: partition.start, timestamp: partition.lastTimestamp,
                stopped: partition.cursors.compactMap { cursor in
                    cursor.stopped.map { (pipeline: cursor.pipeline, failure: $0) }
                })
        }
        let recordCount = flow.recordCount
        shared.withLock {
            $0.places = places
            $0.recordCount = recordCount
        }
    }
}
