internal import Columns
internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry
internal import Transport

/// The one thread that owns consumer, commit log and sessions: it answers the group, starts lanes where
/// the log says, commits what they staged, and begins anew when anything speaks against an attempt.
///
/// | state | `session` | `pending` | goes to |
/// |---|---|---|---|
/// | idle | nil | nil | running, once partitions are assigned and `startAt` is reached |
/// | running | lanes run | nil | committing, idle (abandoned) |
/// | committing | lanes parked | effects whose outcome is not known | running, idle |
///
/// Invariants
/// - Offsets move only by a commit; whatever is given up is read again from the log's offsets.
/// - Staged files are removed only when it is certain that no record names them.
/// - While the outcome of a commit is unknown nothing else is committed and no lane runs.
final class Coordinator {
    /// Serving group and errors at least this often.
    static let pollMilliseconds = 100
    static let statusMilliseconds: Int64 = 5_000
    static let sweepMilliseconds: Int64 = 3_600_000
    /// How often a partition that could not be started is looked at again.
    static let deferMilliseconds: Int64 = 5_000
    /// No records for this long with offsets missing below the target: the rest may hold none.
    static let idleMilliseconds: Int64 = 3_000

    /// Progress without events is committed at every tenth interval, at least once a minute.
    static let progressFactor: Int64 = 10
    static let longestProgressMilliseconds: Int64 = 60_000

    let settings: CollectorSettings
    let plans: [PipelinePlan]
    let consumer: any Consumer
    let log: CommitLog
    let storage: any Storage
    let voice: Log
    let clock: any Clock
    let options: CollectorRuntime.Options

    var session: Session?
    var pending: CommitAssembly?
    /// Nil: no assignment was heard of yet.
    var assigned: [TopicPartition]?
    /// Partitions whose history was compared with the log since the last trouble.
    var verified: Set<TopicPartition> = []
    /// Partitions that could not be started, and since when their end is low (0: another reason).
    var deferred: [TopicPartition: Int64] = [:]
    /// Files of a commit whose outcome was not known when its session ended.
    var unsettled: StagedFiles?
    var stopped: [StandingPlace: Failure] = [:]
    var startAt: Int64 = 0
    /// When a commit was last due, and when one was last put.
    var committedAt: Int64 = 0
    var recordedAt: Int64 = 0
    var looks = Looks()
    var backoff: Backoff
    var generator = SystemRandomNumberGenerator()
    var summary = CollectorSummary()
    var caughtUp: CaughtUpTarget?
    /// Looks at what others commit, without a part in it.
    let watch: CommitLog
    /// How far a replay has been committed.
    var replayed: [StandingPlace: Int64] = [:]
    /// Ends of partitions as last asked for, and whose turn it is next; for the status.
    var ends: [TopicPartition: Int64] = [:]
    var endCursor = 0
    /// The incarnation that a status file was written for.
    var statusName: String?
    let startedAt: Int64

    /// When something was done last, monotonic milliseconds.
    struct Looks {
        var status: Int64 = 0
        var sweep: Int64 = 0
        var deferred: Int64 = 0
    }

    /// A pipeline that stands in a partition.
    struct StandingPlace: Hashable {
        var pipeline: Int
        var place: TopicPartition
    }

    init(
        settings: CollectorSettings, plans: [PipelinePlan], consumer: any Consumer, log: CommitLog,
        storage: any Storage, voice: Log, clock: any Clock, options: CollectorRuntime.Options
    ) {
        self.settings = settings
        self.plans = plans
        self.consumer = consumer
        self.log = log
        self.storage = storage
        self.voice = voice
        self.clock = clock
        self.options = options
        backoff = Backoff(
            firstMilliseconds: min(100, options.maximumBackoffMilliseconds),
            maximumMilliseconds: options.maximumBackoffMilliseconds)
        startedAt = clock.wallMilliseconds()
        if options.endsWhenCaughtUp { caughtUp = CaughtUpTarget() }
        watch = CommitLog(storage: storage, clock: clock)
    }

    /// Monotonic milliseconds.
    var now: Int64 { clock.monotonicNanoseconds() / 1_000_000 }

    var topics: [String] { Array(Set(plans.flatMap(\.spec.topics))).sorted() }

    /// Runs until `stop` says so, all is caught up, or a failure that only a restart or an operator mends.
    func run(stop: () -> Bool) throws(Failure) -> CollectorSummary {
        do throws(Failure) {
            try open(stop)
            try consumer.subscribe(topics)
            committedAt = now
            options.ready()
            while !stop(), try !isCaughtUp() {
                for signal in try consumer.poll(timeoutMilliseconds: Self.pollMilliseconds) { try handle(signal) }
                try advance()
                look()
            }
            try finish()
        } catch {
            voice.failure(error)
            abandon()
            removeStatus()
            consumer.close()
            throw error
        }
        removeStatus()
        consumer.close()
        return summary
    }

    /// Opens the log; a warehouse that cannot be reached is waited for.
    private func open(_ stop: () -> Bool) throws(Failure) {
        while true {
            do throws(Failure) {
                try log.open()
                try sweep()
                looks.sweep = now
                return
            } catch {
                guard error.isTransient, !stop() else { throw error }
                report(error)
                Sleep.milliseconds(backoff.wait(using: &generator))
            }
        }
    }

    // MARK: Signals

    private func handle(_ signal: ConsumerSignal) throws(Failure) {
        switch signal {
        case .assigned(let partitions):
            voice.info("assigned", "partitions were assigned", ["partitions": .count(partitions.count)])
            abandon()
            assigned = partitions.sorted()
            caughtUp?.isOwnDone = false
            caughtUp?.heldAt = 0
            verified.removeAll()
            deferred.removeAll()
            startAt = now
        case .revoked(let partitions, let lost):
            voice.info(
                "revoked", "partitions were taken away",
                ["partitions": .count(partitions.count), "lost": .init(booleanLiteral: lost)])
            if !lost { try commitBeforeLeaving() }
            abandon()
            assigned = nil
            try consumer.stop()
        case .fault(let place, let failure): try handle(failure, of: place)
        }
    }

    /// Trouble with a partition: what could mean that it was made anew gives the attempt up, so that
    /// nothing read from another history is committed before the marks were compared.
    private func handle(_ failure: Failure, of place: TopicPartition?) throws(Failure) {
        if failure.kind == .fatal || failure.kind == .config { throw failure }
        voice.limited("fault." + failure.code)?.failure(failure, ["place": .string(place?.description ?? "")])
        guard Self.doubtfulCodes.contains(failure.code), consumer.provesEpochs else { return }
        if let place { verified.remove(place) } else { verified.removeAll() }
        retreat()
    }

    static let doubtfulCodes: Set<String> = [
        "transport.unknown_topic", "transport.offset_out_of_range", "transport.leader_lost",
    ]

    // MARK: Progress

    /// One step of the state table.
    private func advance() throws(Failure) {
        do throws(Failure) {
            if pending != nil {
                if now >= startAt { try settle() }
            } else if let session {
                noteStopped(session)
                if let failure = session.failure { throw failure }
                if now - committedAt >= Int64(settings.commitMilliseconds)
                    || session.staged.byteCount >= UInt64(clamping: settings.commitByteCount)
                {
                    try commit(isFinal: false)
                } else {
                    try lookAtDeferred()
                }
            } else if assigned != nil, now >= startAt {
                try startSession()
            }
        } catch {
            try recover(from: error)
        }
    }

    /// Gives up what a failure spoilt and tries again later; throws what no waiting mends.
    func recover(from failure: Failure) throws(Failure) {
        guard failure.kind == .transient || failure.kind == .conflict else { throw failure }
        report(failure)
        if pending == nil {
            retreat()
        } else {
            startAt = now + Int64(backoff.wait(using: &generator))
        }
    }

    /// Abandons the attempt and starts again from the log a while later.
    func retreat() {
        abandon()
        startAt = now + Int64(backoff.wait(using: &generator))
    }

    /// Ends the lanes and forgets what they did since the last commit.
    func abandon() {
        guard let session else { return }
        session.end()
        // Why: with a commit whose outcome is unknown the files may belong to the log.
        if pending == nil { session.staged.abandon() } else { unsettled = session.staged }
        for plan in plans { plan.coverage.giveUp() }
        pending = nil
        self.session = nil
    }

    func report(_ failure: Failure) {
        voice.limited("attempt." + failure.code)?.failure(failure, level: .warning)
    }

    private func noteStopped(_ session: Session) {
        for lane in session.lanes {
            for place in lane.report.places {
                for stop in place.stopped {
                    let key = StandingPlace(pipeline: stop.pipeline, place: place.place)
                    guard stopped.updateValue(stop.failure, forKey: key) == nil else { continue }
                    voice.failure(stop.failure, ["place": .string(place.place.description)])
                }
            }
        }
    }

    /// Commits what is staged, within the time that a stop may take.
    private func finish() throws(Failure) {
        let deadline = now + Int64(settings.shutdownMilliseconds)
        while session != nil {
            do throws(Failure) {
                try commit(isFinal: true)
                break
            } catch {
                guard error.isTransient || error.kind == .conflict, now < deadline, pending != nil else {
                    report(error)
                    break
                }
                Sleep.milliseconds(min(backoff.wait(using: &generator), 1_000))
            }
        }
        if let session { noteStopped(session) }
        abandon()
        try consumer.stop()
        summary.stopped = stopped.values.sorted { $0.message < $1.message }
    }

    /// Status and housekeeping, by the clock.
    private func look() {
        if now - looks.status >= Self.statusMilliseconds {
            looks.status = now
            writeStatus()
        }
        if now - looks.sweep >= Self.sweepMilliseconds, session != nil, pending == nil {
            looks.sweep = now
            do throws(Failure) { try sweep() } catch { report(error) }
        }
    }
}
