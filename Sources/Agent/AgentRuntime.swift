public import Configuration
public import Event
public import Platform
public import Telemetry
public import Transport

/// What an agent is connected to: made anew by the runtime when it must.
public struct AgentConnections {
    public var makeProducer: () throws(Failure) -> any Producer
    public var makeMirror: () throws(Failure) -> any MirrorLog
    /// Makes the source of some settings, with the stream records of its last checkpoint.
    public var makeSource: (FilesSourceSettings, Resume, [[UInt8]]) -> any StreamSource

    public init(
        makeProducer: @escaping () throws(Failure) -> any Producer,
        makeMirror: @escaping () throws(Failure) -> any MirrorLog,
        makeSource: @escaping (FilesSourceSettings, Resume, [[UInt8]]) -> any StreamSource
    ) {
        self.makeProducer = makeProducer
        self.makeMirror = makeMirror
        self.makeSource = makeSource
    }
}

/// A running agent: its sources, its state, its shipping, in one loop on the caller's thread.
///
/// Invariants
/// - Nothing is shipped before the incarnation's verdict is durable.
/// - No stream is shipped from before a checkpoint that knows it.
/// - A position is in a checkpoint only if everything before it is acknowledged.
/// - A mirror record of a stream names a checkpoint that was durable before.
/// - The clean mark is written only if nothing is in flight, and nothing is shipped after it.
///
/// | Phase | Ends when |
/// | --- | --- |
/// | start | lock, state, mirror, topics, incarnation, sources, first checkpoint (`AgentRuntime+Start`) |
/// | loop | asked to stop; `isOnce`: everything is shipped and acknowledged |
/// | shutdown | all is acknowledged or time is up; last checkpoint, mirror |
///
/// `run` is called once, on a thread of its own or in main; `AgentControl` reaches it from any thread.
public final class AgentRuntime {
    /// The program's version, in heartbeats and `status.json`.
    public static let version = "0.1.0"
    /// How often the mirror is read for foreign incarnations.
    static let watchMilliseconds = 5_000
    /// How often changed stream records go to the mirror: what a lost or restored state repeats behind an end
    /// without order. 20 busy files cost 2 KB/s.
    static let mirrorMilliseconds: Int64 = 10_000
    /// How often topics are asked for their partitions.
    static let refreshMilliseconds: Int64 = 60_000
    /// Longest idle wait: what stopping and polled sources may be late by.
    static let idleMilliseconds = 250
    /// Longest wait for acknowledgements before files are looked at again.
    static let busyMilliseconds = 50

    let settings: AgentSettings
    let connections: AgentConnections
    let log: Log
    let notifier: ServiceNotifier
    let clock: any Clock
    let isOnce: Bool
    let control: AgentControl

    let shipper: Shipper
    var folder: StateFolder?
    var machine: IncarnationMachine?
    var mirrorWatch: MirrorWatch?
    var sources: [any StreamSource] = []
    /// Sources of the state that are not configured now: kept for the day they come back.
    var absent: [AgentState.Source] = []
    var report: AgentReport
    var heartbeatPartition: Int32?
    var due = AgentSchedule()
    var producerBackoff = Backoff(firstMilliseconds: 500, maximumMilliseconds: 30_000)
    var isFinishing = false

    public init(
        settings: AgentSettings, connections: AgentConnections, log: Log, notifier: ServiceNotifier = ServiceNotifier(),
        control: AgentControl = AgentControl(), clock: any Clock = SystemClock(), isOnce: Bool = false
    ) {
        self.settings = settings
        self.connections = connections
        self.log = log
        self.notifier = notifier
        self.clock = clock
        self.isOnce = isOnce
        self.control = control
        shipper = Shipper(
            agent: settings.name,
            limits: Shipper.Limits(
                inFlightByteCount: settings.maximumInFlightByteCount,
                partitionByteCount: settings.maximumInFlightPerPartitionByteCount),
            clock: clock)
        report = AgentReport(startedAt: clock.wallMilliseconds())
    }

    /// Runs to the end: returns after an orderly one, throws what keeps the agent from starting.
    public func run() throws(Failure) {
        do throws(Failure) {
            try start()
        } catch {
            close()
            // Why: asked to stop while it waited for the broker is an orderly end.
            if control.isStopping, error.code == "agent.stopped" { return }
            throw error
        }
        loop()
        shutDown()
        close()
    }

    func close() {
        mirrorWatch?.stop(timeoutMilliseconds: 0)
        mirrorWatch = nil
        shipper.producer?.close()
        shipper.producer = nil
        for source in sources { source.close() }
        folder = nil
    }

    /// Waits on our own thread, alive for the supervisor, until the time is over or we are to stop.
    func pause(milliseconds: Int) throws(Failure) {
        let end = clock.monotonicNanoseconds() &+ Int64(milliseconds) &* 1_000_000
        while clock.monotonicNanoseconds() < end {
            if control.isStopping {
                throw Failure("agent.stopped", stage: .control, kind: .transient, "asked to stop")
            }
            beat()
            Sleep.milliseconds(min(100, milliseconds))
        }
    }

    /// Tells the supervisor that the loop runs.
    func beat() {
        guard let interval = notifier.watchdogMilliseconds else { return }
        let time = clock.monotonicNanoseconds() / 1_000_000
        if due.watchdog <= time {
            notifier.watchdog()
            due.watchdog = time &+ Int64(interval)
        }
    }
}

/// When the loop's regular work is due, monotonic milliseconds.
struct AgentSchedule {
    var watchdog: Int64 = 0
    var checkpoint: Int64 = 0
    var status: Int64 = 0
    var heartbeat: Int64 = 0
    var mirror: Int64 = 0
    var refresh: Int64 = 0
    /// A checkpoint that failed is tried again then.
    var checkpointRetry: Int64 = 0
}
