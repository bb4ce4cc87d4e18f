public import Event
internal import Platform

/// Takes entries out of quarantine through the routes as they are now, exactly once (design section 6).
///
/// Rows, the entries that are rejected anew, and the closing of the old ones are one record of the commit log.
/// The coverage of its range is not asked: it is taken since the event was quarantined. That of a change's place in
/// the source is: the change may have been delivered again. Whatever ends a replay, an entry is either open and none
/// of its rows is there, or closed and all are.
///
/// | step | another replay meanwhile | a collector meanwhile | the process dies |
/// |---|---|---|---|
/// | list, read, stage | the precondition breaks: read again | nothing | staging is swept |
/// | record put | it finds its own precondition broken | next number is tried | whoever comes publishes |
/// | published | - | - | - |
///
/// The files are listed once: what is put into quarantine later, by this replay too, is not touched. One thread.
public final class QuarantineReplay {
    /// Attempts at one commit that others may spoil.
    static let maximumConflictCount = 100
    /// Attempts while the outcome of a commit is not known, and the longest pause between two.
    static let maximumTryCount = 30
    static let maximumPauseMilliseconds = 2_000

    private let log: CommitLog
    private let storage: any Storage
    private let filter: QuarantineFilter
    private let intake: any QuarantineIntake
    /// Replaced in model tests.
    var makeToken: () -> String = { Token.make() }
    var pause: (Int) -> Void = { Sleep.milliseconds($0) }
    /// Bytes of entries of one commit; at most 64 MiB.
    var byteLimit: Int
    var fileRangeLimit = ReplayRound.maximumFileRangeCount
    var rangeLimit = QuarantineState.maximumRangeCount

    /// `log` is of this start alone, and not opened yet. A commit is made after `commitByteCount` of entries, 64 MiB
    /// at most.
    public init(
        log: CommitLog, storage: any Storage, filter: QuarantineFilter, intake: any QuarantineIntake,
        commitByteCount: Int = .max
    ) {
        byteLimit = min(max(1, commitByteCount), ReplayRound.maximumByteCount)
        self.log = log
        self.storage = storage
        self.filter = filter
        self.intake = intake
    }

    /// Replays until nothing chosen is left, or `stop` answers true (asked between commits). `progress` is
    /// called after each commit. After a throw everything committed stands, and the rest is open.
    public func run(
        stop: () -> Bool = { false }, progress: (ReplaySummary) -> Void = { _ in }
    ) throws(Failure) -> ReplaySummary {
        try log.open()
        try log.publish()
        let files = try QuarantineFile.list(in: storage, filter)
        var summary = ReplaySummary()
        var cursor = ReplayCursor()
        while cursor.index < files.count, !stop() {
            let (next, done) = try round(files, from: cursor)
            cursor = next
            summary.add(done)
            if !done.commits.isEmpty { progress(summary) }
        }
        log.leave()
        return summary
    }

    /// What a replay would do: reads and judges, and changes nothing.
    public func rehearse() throws(Failure) -> ReplaySummary {
        try log.load()
        let files = try QuarantineFile.list(in: storage, filter)
        var summary = ReplaySummary()
        var cursor = ReplayCursor()
        while cursor.index < files.count {
            var round = makeRound(nil)
            cursor = try round.fill(files, from: cursor)
            summary.add(round.summary)
        }
        summary.carried = 0
        return summary
    }

    private func makeRound(_ staged: StagedFiles?) -> ReplayRound {
        intake.begin(log.state)
        var round = ReplayRound(
            storage: storage, filter: filter, intake: intake, state: log.state.quarantine, staged: staged)
        round.byteLimit = byteLimit
        round.fileRangeLimit = fileRangeLimit
        round.rangeLimit = rangeLimit
        return round
    }

    /// One commit, or none where nothing is to be closed.
    private func round(
        _ files: [QuarantineFile], from cursor: ReplayCursor
    ) throws(Failure) -> (ReplayCursor, ReplaySummary) {
        var spoilt = ""
        for _ in 0..<Self.maximumConflictCount {
            try log.prepare()
            // Order: files that have no open entry are gone before any is read.
            try log.publish()
            let staged = StagedFiles(storage: storage, stagingFolder: log.stagingFolder, token: makeToken())
            var round = makeRound(staged)
            let next: ReplayCursor
            let effects: CommitEffects?
            do throws(Failure) {
                next = try round.fill(files, from: cursor)
                effects = try round.effects()
            } catch {
                giveUp(staged)
                throw error
            }
            var summary = round.summary
            guard let effects else {
                giveUp(staged)
                return (next, summary)
            }
            switch try commit(effects, staged) {
            case .committed(let number):
                intake.reset()
                summary.commits = [number]
                return (next, summary)
            case .conflict(let reason):
                giveUp(staged)
                if reason == "fenced" { try log.renew() }
                spoilt = reason
            }
        }
        throw Failure(
            "commit.conflict", stage: .commit, kind: .transient,
            "others committed first \(Self.maximumConflictCount) times (\(spoilt))",
            hint: "are other replays running? Run this one again")
    }

    /// Forgets an attempt of which certainly nothing is in the log.
    private func giveUp(_ staged: StagedFiles) {
        intake.reset()
        staged.abandon()
    }

    /// Commits, again and again if the last answer was lost.
    private func commit(_ effects: CommitEffects, _ staged: StagedFiles) throws(Failure) -> CommitOutcome {
        var count = 0
        while true {
            do throws(Failure) {
                return try log.commit(effects)
            } catch {
                count += 1
                if error.isTransient, count < Self.maximumTryCount {
                    pause(min(100 * count, Self.maximumPauseMilliseconds))
                    continue
                }
                // Why: while the outcome is not known, staged files may belong to the log.
                if let outcome = try log.settle() { return outcome }
                giveUp(staged)
                throw error
            }
        }
    }
}
