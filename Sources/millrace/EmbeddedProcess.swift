internal import Agent
internal import Collector
internal import Columns
internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry
internal import Transport

/// Agent and collector over an `EmbeddedChannel`: who runs on which thread, and in which order they end.
///
/// | Thread | Runs | Ends when |
/// | --- | --- | --- |
/// | main | the agent | asked to; `isOnce`: all is in the warehouse |
/// | collector | the collector | the agent has ended, or it must |
/// | supervisor | signals, the order of the end, the time without a commit | both have ended |
///
/// Order of an asked end: the agent stops reading; the lanes take what is in the channel; the collector
/// commits, which acknowledges; the agent writes its last checkpoint. What is left is read again.
@safe final class EmbeddedProcess {
    struct Outcome: Sendable {
        /// What ended the run, if not its own end.
        var failure: Failure?
        /// Why pipelines stand.
        var stopped: [Failure] = []
    }

    /// Who has ended, and who must.
    private struct Phase {
        var agentHasEnded = false
        var collectorHasEnded = false
        var collectorMustEnd = false
        var outcome = Outcome()
    }

    /// Partitions of each topic: a constant, because streams are pinned to them.
    static let partitionCount: Int32 = 4
    /// What the channel holds at most: read, and not yet in the warehouse.
    static let capacityByteCount = 128 << 20
    /// In `--once` the next commit is due as soon as anything is there.
    static let onceCommitMilliseconds = 500
    /// How long the lanes may take in what is in the channel, at an asked end.
    static let drainMilliseconds: Int64 = 1_000

    private let settings: EmbeddedSettings
    private let isOnce: Bool
    private let giveUpMilliseconds: Int64?
    private let voice: Log
    private let service = ServiceNotifier()
    private let control = AgentControl()
    private let channel: EmbeddedChannel
    private let storage: LocalStorage
    private let phase = Monitor(Phase())

    init(_ given: EmbeddedSettings, isOnce: Bool, giveUpMilliseconds: Int64?) throws(Failure) {
        settings = Self.fitted(given, isOnce: isOnce)
        self.isOnce = isOnce
        self.giveUpMilliseconds = giveUpMilliseconds
        voice = Log(
            level: Log.Level(rawValue: given.agent.log.level.rawValue) ?? .info,
            form: Log.Form(rawValue: given.agent.log.form.rawValue) ?? .json)
        let topics = Set(given.agent.sources.map(\.topic) + given.collector.topics)
        channel = EmbeddedChannel(
            topics: Dictionary(uniqueKeysWithValues: topics.map { ($0, Self.partitionCount) }),
            capacityByteCount: Self.capacityByteCount)
        let warehouse = given.collector.warehouse
        storage = try LocalStorage(
            root: warehouse.path,
            settings: LocalStorageSettings(
                fileMode: warehouse.fileMode, folderMode: warehouse.folderMode, group: warehouse.group))
    }

    /// Why: an acknowledgement is a commit here, so the agent must be allowed to have as much under way
    /// as a commit takes, and a commit must come before the channel is full.
    private static func fitted(_ given: EmbeddedSettings, isOnce: Bool) -> EmbeddedSettings {
        var settings = given
        settings.agent.maximumInFlightByteCount = max(given.agent.maximumInFlightByteCount, capacityByteCount * 3 / 4)
        settings.agent.maximumInFlightPerPartitionByteCount = max(
            given.agent.maximumInFlightPerPartitionByteCount, capacityByteCount / 4)
        settings.collector.commitByteCount = min(given.collector.commitByteCount, capacityByteCount / 4)
        // Nobody reads heartbeats here; `status.json` says the same.
        settings.agent.heartbeatMilliseconds = 0
        if isOnce {
            settings.collector.commitMilliseconds = min(given.collector.commitMilliseconds, onceCommitMilliseconds)
        }
        return settings
    }

    /// Runs to the end, on the calling thread and two of its own.
    func run() throws(Failure) -> Outcome {
        // Order: before any thread is started; they inherit the blocked signals.
        let signals: Signals
        do throws(Errno) { signals = try Signals() } catch {
            throw Failure(
                "control.signals", stage: .control, kind: .fatal, "signals cannot be read from a descriptor",
                cause: error.description)
        }
        let collector = try startCollector()
        let supervisor = startSupervisor(signals)
        do throws(Failure) { try runAgent() } catch {
            let failure = error
            phase.signal { $0.outcome.failure = $0.outcome.failure ?? failure }
        }
        phase.signal { $0.agentHasEnded = true }
        collector.join()
        supervisor.join()
        return phase.withLock { $0.outcome }
    }

    private func runAgent() throws(Failure) {
        let settings = settings
        let channel = channel
        let path = settings.collector.warehouse.path + "/_millrace/mirror/\(settings.agent.name)"
        let connections = AgentConnections(
            makeProducer: { channel.makeProducer() },
            makeMirror: { () throws(Failure) in try FileMirror(path: path) },
            makeSource: { source, resume, records in
                FileSource(settings: source, agent: settings.agent.name, resume: resume, records: records)
            })
        let runtime = AgentRuntime(
            settings: settings.agent, connections: connections, log: voice, notifier: service, control: control,
            isOnce: isOnce)
        try runtime.run()
    }

    private func startCollector() throws(Failure) -> WorkerThread {
        // Compiled here, so that a fault in a pipeline ends the program at once.
        let runtime = try CollectorRuntime(
            settings: settings.collector, consumer: channel.makeConsumer(), storage: storage, voice: voice)
        let phase = phase
        let job = CollectorJob(runtime: runtime)
        return WorkerThread(name: "collector") {
            do throws(Failure) {
                let summary = try job.run { phase.withLock { $0.collectorMustEnd } }
                phase.signal { $0.outcome.stopped = summary.stopped }
            } catch {
                let failure = error
                phase.signal { $0.outcome.failure = $0.outcome.failure ?? failure }
            }
            phase.signal { $0.collectorHasEnded = true }
        }
    }

    private func startSupervisor(_ signals: Signals) -> WorkerThread {
        let supervisor = EmbeddedSupervisor(
            control: control, voice: voice, service: service, warehouse: settings.collector.warehouse,
            giveUpMilliseconds: giveUpMilliseconds)
        let phase = phase
        return WorkerThread(name: "supervisor") {
            var machine = supervisor
            while true {
                let (agentHasEnded, collectorHasEnded) = phase.withLock { ($0.agentHasEnded, $0.collectorHasEnded) }
                if agentHasEnded && collectorHasEnded { return }
                let signal = signals.next(timeoutMilliseconds: 100)
                let order = machine.next(signal, agentHasEnded: agentHasEnded, collectorHasEnded: collectorHasEnded)
                phase.signal {
                    if order.endsCollector { $0.collectorMustEnd = true }
                    if let failure = order.failure { $0.outcome.failure = $0.outcome.failure ?? failure }
                }
            }
        }
    }
}

/// Hands the runtime to its thread; it is used there only.
private final class CollectorJob: @unchecked Sendable {
    // Safety: `run` is called once, by the thread that the job was made for.
    private let runtime: CollectorRuntime

    init(runtime: CollectorRuntime) { self.runtime = runtime }

    func run(stop: () -> Bool) throws(Failure) -> CollectorSummary { try runtime.run(stop: stop) }
}
