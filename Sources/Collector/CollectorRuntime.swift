public import Configuration
public import Event
public import Platform
public import Sinks
public import Telemetry
public import Transport

/// A collector: reads a transport, writes a warehouse. Used by `millrace-collector` over Kafka and by
/// `millrace run` over the embedded channel.
public final class CollectorRuntime {
    public struct Options: Sendable {
        /// Ends once every partition of the topics is read to the end that it had at the start, by this collector
        /// or by another one of its group.
        public var endsWhenCaughtUp = false
        /// How long partitions of others may stand still before that is given up; nil: a session's time-out, the
        /// time between two commits, and a margin.
        public var maximumHeldMilliseconds: Int64?
        /// Reads every partition from its first record, once, wherever the log stands: what the warehouse has is
        /// dropped as a duplicate, what it misses is written.
        public var replays = false
        /// Lanes at most; nil: as many as processors and memory allow (`laneCount`).
        public var workerCount: Int?
        /// The longest pause before a failed attempt is made again.
        public var maximumBackoffMilliseconds = 10_000
        /// Called once the warehouse is open and the group is joined, on the thread of `run`.
        public var ready: @Sendable () -> Void = {}

        public init() {}
    }

    private let coordinator: Coordinator

    /// Compiles the pipelines; the warehouse and the transport are touched by `run` only. Throws `config`
    /// failures.
    public init(
        settings: CollectorSettings, consumer: any Consumer, storage: any Storage, voice: Log,
        clock: any Clock = SystemClock(), options: Options = Options()
    ) throws(Failure) {
        let plans = try PipelinePlan.all(settings)
        var logSettings = CommitLogSettings()
        logSettings.checkpointEvery = settings.checkpointEvery
        logSettings.fenceMilliseconds = settings.fenceMilliseconds
        let log = CommitLog(storage: storage, clock: clock, settings: logSettings)
        coordinator = Coordinator(
            settings: settings, plans: plans, consumer: consumer, log: log, storage: storage, voice: voice,
            clock: clock, options: options)
    }

    /// Collects until `stop` answers true (asked about ten times a second), or all is caught up, commits
    /// what is staged, and closes the consumer. Blocks: call it on a thread of its own. Throws what only
    /// an operator or a restart can mend; nothing is lost then.
    public func run(stop: () -> Bool) throws(Failure) -> CollectorSummary {
        try coordinator.run(stop: stop)
    }

    /// The warehouse that the settings name. Touches the disk.
    public static func storage(_ settings: CollectorSettings) throws(Failure) -> LocalStorage {
        try LocalStorage(
            root: settings.warehouse.path,
            settings: LocalStorageSettings(
                fileMode: settings.warehouse.fileMode, folderMode: settings.warehouse.folderMode,
                group: settings.warehouse.group))
    }

    /// Lanes for each processor. Why two: partitions are never equally full, and a lane has its own for good;
    /// with one each, processors wait for the lane that got the most.
    static let lanesPerProcessor = 2
    /// The least memory that a lane can work with: what is fetched, a batch (8 MiB), encoded rows.
    static let laneByteCount = 24 << 20

    /// Lanes at most.
    static func laneCount(_ settings: CollectorSettings) -> Int {
        max(1, min(lanesPerProcessor * Processors.count, settings.memoryByteCount / laneByteCount))
    }

    /// What librdkafka may prefetch for each worker: an eighth of the memory budget over all of them. The
    /// rest is for batches (8 MiB a lane) and for files being staged (up to 64 at 256 KiB and a compressor).
    public static func prefetchByteCount(_ settings: CollectorSettings) -> Int {
        max(1 << 20, settings.memoryByteCount / 8 / laneCount(settings))
    }

    /// What a lane's row groups may hold: a third of the budget over all lanes.
    static func heldByteCount(_ settings: CollectorSettings, laneCount: Int) -> Int {
        min(ParquetFormatter.maximumHeldByteCount, max(8 << 20, settings.memoryByteCount / 3 / max(1, laneCount)))
    }
}

/// What a run did.
public struct CollectorSummary: Sendable {
    /// What was committed by this run, per pipeline.
    public var balances: [String: Balance] = [:]
    public var commitCount = 0
    /// Why pipelines stand in partitions.
    public var stopped: [Failure] = []
    /// Which partitions others hold and do not read, if that was to be waited for.
    public var held: Failure?

    public init() {}

    /// 0; or, if anything stands, what the worst of it says; or 75 if others hold what is not read.
    public var exitCode: Int32 { stopped.map(\.exitCode).max() ?? held?.exitCode ?? 0 }

    /// One line per pipeline, for people.
    public var text: String {
        balances.sorted { $0.key < $1.key }.map { name, balance in
            "\(name): received \(balance.received) = written \(balance.written)"
                + " + partly written \(balance.partlyWritten) + quarantined \(balance.quarantined)"
                + " + duplicate \(balance.duplicate) + filtered \(balance.filtered)\n"
        }.joined()
    }
}
