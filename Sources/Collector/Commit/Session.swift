internal import Event
internal import Sinks
internal import Transport

/// The lanes of one start of the consumer, and the attempt that they fill.
///
/// Lives from the answer to an assignment (or a recovery) until partitions are taken away, a sink fails or
/// the log says something else. Owned by the coordinator.
final class Session {
    let lanes: [Lane]
    private(set) var staged: StagedFiles
    private let log: CommitLog
    private let storage: any Storage

    /// Longest wait for a lane to finish the records in hand: far above what a disk needs for 8 MiB.
    static let parkMilliseconds = 60_000

    init(
        _ partitions: [LanePartition], plans: [PipelinePlan], workerCount: Int, heldByteCount: Int, log: CommitLog,
        storage: any Storage
    ) throws(Failure) {
        self.log = log
        self.storage = storage
        let staged = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
        self.staged = staged
        var lanes: [Lane] = []
        for worker in 0..<workerCount {
            // Order: as `Consumer.start` spreads them.
            let own = partitions.indices.filter { $0 % workerCount == worker }.map { partitions[$0] }
            let flow = try CollectorPipeline(
                partitions: own, plans: plans, staged: staged, heldByteCount: heldByteCount)
            lanes.append(Lane(worker: worker, flow: flow))
        }
        self.lanes = lanes
    }

    var flows: [CollectorPipeline] { lanes.map(\.flow) }

    func start(consumer: any Consumer) {
        for lane in lanes { lane.start(consumer: consumer) }
        resume()
    }

    func resume() { for lane in lanes { lane.resume() } }

    /// The barrier: returns once no lane has anything half done.
    func park() throws(Failure) {
        for lane in lanes { lane.park() }
        for lane in lanes where !lane.waitParked(milliseconds: Self.parkMilliseconds) {
            throw Failure(
                "control.lane_stuck", stage: .control, kind: .fatal,
                "lane \(lane.worker) has not finished its records for \(Self.parkMilliseconds / 1_000) s",
                hint: "is the warehouse's disk hanging?")
        }
        if let failure { throw failure }
    }

    /// Why the attempt is lost, or nil.
    var failure: Failure? { lanes.lazy.compactMap(\.report.failure).first }

    /// After a commit: what the lanes hold begins anew at the committed offsets. They are parked.
    func beginAttempt() {
        staged = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
        for lane in lanes { lane.flow.beginAttempt(staged) }
    }

    /// Ends the threads; what is not committed is given up by the caller.
    func end() { for lane in lanes { lane.end() } }
}

extension CollectorPipeline {
    /// Starts the books anew, behind a commit.
    func beginAttempt(_ files: StagedFiles) {
        staged = files
        parquet.removeAll()
        for pipeline in pipelines { pipeline.ledger.removeAll() }
        for index in partitions.indices { partitions[index].settle() }
    }
}

extension LanePartition {
    /// What was read is committed.
    mutating func settle() {
        let newest = marks.last
        for index in cursors.indices where cursors[index].hasMoved {
            cursors[index].base = max(cursors[index].base, cursors[index].next)
            cursors[index].settled = cursors[index].next
            if let newest, newest.offset < cursors[index].next {
                cursors[index].newestMark = max(cursors[index].newestMark, newest.offset)
            }
        }
        if let newest { marks = [newest] }
    }
}
