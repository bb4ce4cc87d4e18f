public import Event
public import Platform

/// The commit log of a warehouse: the only truth about progress (design section 6). The decisions are
/// `LogMachine`'s; here is the order in which the storage is touched.
///
/// One owner thread. Every call blocks on the storage. After any call threw, the log may be used again:
/// the next call goes on where this one stopped. After a throw from `commit` the outcome is *unknown*:
/// call `commit` again with the same effects until it answers, or `settle` to give up; staged files may
/// be removed only after `.conflict`, or after `settle` said that nothing was committed.
///
/// Invariants:
/// - A record is acted on (its folder synced, then published, followed by the next) only after a look
///   for a checkpoint at or above its number: one that lacks its token makes it void.
/// - `unfinished` holds the records up to `state.number` not known to be durably published, ascending.
/// - `unsynced` names folders with names that we met and did not sync: emptied before anything is
///   published, put or called finished.
/// - While `pending` is `trying`, its token may be found at `pending.number` and nowhere else.
///
/// It does not protect against: two processes with one incarnation, a storage that forgets what it synced.
public final class CommitLog {
    /// Random name of this start; changes with `renew()`.
    public private(set) var incarnation: String
    /// Where every pipeline stands, as far as this log has read.
    public var state: LogState { machine.state }
    /// Numbers of records seen whose publication is not known to be finished.
    public var unfinishedNumbers: [Int] { unfinished.map(\.number) }
    /// Why the last checkpoint, pruning failed, or nil. It is tried again with the next commit.
    public internal(set) var maintenanceFault: Failure?
    /// Files that were neither staged nor at their final name when they were published again: somebody
    /// moved them away in between. The newest ones, at most `maximumAbsentCount`.
    public internal(set) var absentFiles: [FileEffect] = []
    public static let maximumAbsentCount = 1_000

    let storage: any Storage
    let clock: any Clock
    let settings: CommitLogSettings
    var machine: LogMachine
    /// Replaced by repeatable ones in model tests.
    var makeToken: () -> String = { Token.make() }
    var pending: PendingCommit?
    var unfinished: [CommitRecord] = []
    var unsynced: Set<String> = []
    var folders = DurableFolders()
    /// The newest record known while this incarnation was awake.
    var knownThrough = 0
    /// Number of the newest checkpoint seen or written.
    var newestCheckpoint = 0
    private var lock: (any StorageLock)?

    /// A log that was not opened yet. `incarnation` is unique to this start: `Token.make()`.
    public init(
        storage: any Storage, incarnation: String = Token.make(), clock: any Clock = SystemClock(),
        settings: CommitLogSettings = CommitLogSettings()
    ) {
        self.storage = storage
        self.incarnation = incarnation
        self.clock = clock
        self.settings = settings
        machine = LogMachine(window: settings.window)
    }

    /// The folder of this incarnation's staged files.
    public var stagingFolder: String { WarehousePath.staging(of: incarnation) }

    // MARK: Opening

    /// Recovers: newest checkpoint, records after it, publication of what is unfinished; then makes this
    /// incarnation's staging folder and takes its lock. May be called again after a throw.
    public func open() throws(Failure) {
        try load()
        try publish()
        try makeStaging()
    }

    /// Reads the log without changing anything: for `audit`, `lag`, `status`.
    public func load() throws(Failure) {
        if try storage.list(WarehousePath.log) == nil { return }
        try refresh()
        knownThrough = machine.state.number
        try checkForGap()
    }

    /// A record above the next number means that the next one was lost or removed by hand.
    private func checkForGap() throws(Failure) {
        let next = machine.state.number + 1
        for probe in [next, next + WarehousePath.recordsPerFolder] {
            let names = try storage.list(WarehousePath.logFolder(of: probe)) ?? []
            guard let highest = names.compactMap(WarehousePath.number).max(), highest >= next else { continue }
            try refresh()
            if highest <= machine.state.number { continue }
            throw SealedDocument.corrupt(
                WarehousePath.record(machine.state.number + 1), "it is missing, but record \(highest) is there")
        }
    }

    private func makeStaging() throws(Failure) {
        try folders.ensure(WarehousePath.checkpoints, in: storage)
        try folders.ensure(stagingFolder, in: storage)
        if lock != nil { return }
        do throws(Failure) {
            lock = try storage.lock(WarehousePath.lock(of: incarnation))
        } catch {
            if error.code != "sink.no_locks" { throw error }
            return
        }
        // Why: a sweeper looked at the lock between the folder's making and now; it fences us. Go on
        // under another name.
        if lock == nil {
            incarnation = makeToken()
            try makeStaging()
        }
    }

    /// Before an attempt: reads what others have added, and sees to it that staged files can be committed. A
    /// fenced incarnation is given up; a staging folder that is gone is made again.
    public func prepare() throws(Failure) {
        try refresh()
        // Why: who was swept has no folder to stage in, so he would never come to the commit that tells him.
        if try conflict(of: CommitEffects()) == "fenced" { return try renew() }
        if try storage.status(stagingFolder) == nil {
            folders.forget(stagingFolder)
            lock = nil
        }
        try makeStaging()
    }

    /// Goes on under a new incarnation, after `.conflict("fenced")`. Staged files of the old one are lost.
    public func renew() throws(Failure) {
        _ = try settle()
        try refresh()
        incarnation = makeToken()
        lock = nil
        knownThrough = machine.state.number
        try makeStaging()
    }

    /// Ends a start that has nothing staged: removes its staging folder. What cannot be removed is swept later.
    public func leave() {
        guard pending == nil, lock != nil else { return }
        do throws(Failure) {
            guard try storage.list(stagingFolder) == ["lock"] else { return }
            // Order: the lock file while the lock is held, so that nobody takes the name for his own in between.
            try storage.remove(WarehousePath.lock(of: incarnation))
            try storage.removeFolder(stagingFolder)
        } catch {
            maintenanceFault = error
        }
        lock = nil
        folders.forget(stagingFolder)
    }

    // MARK: Reading

    /// Reads what others have added, and makes it durable.
    public func refresh() throws(Failure) {
        while true {
            let number = machine.state.number + 1
            let record = try read(number)
            // Order: the record first, then the checkpoints. One that is found now at or above the number
            // decides whether the record is void.
            let newest = try newestCheckpointNumber()
            if newest >= number {
                try jump(to: newest)
                continue
            }
            guard let record else { break }
            if !(pending?.isDurable(record) ?? false) { meet(number) }
            take(record)
        }
        if machine.state.number - knownThrough < machine.window { knownThrough = machine.state.number }
        try syncMet()
    }

    func read(_ number: Int) throws(Failure) -> CommitRecord? {
        let path = WarehousePath.record(number)
        guard let bytes = try storage.read(path, maximumByteCount: CommitRecord.maximumByteCount) else { return nil }
        let record = try CommitRecord.decoded(bytes, path: path)
        guard record.number == number else { throw SealedDocument.corrupt(path, "it holds record \(record.number)") }
        return record
    }

    private func newestCheckpointNumber() throws(Failure) -> Int {
        let names = try storage.list(WarehousePath.checkpoints) ?? []
        return names.compactMap(WarehousePath.number).max() ?? 0
    }

    /// Notes that a record's name was met that we did not sync.
    private func meet(_ number: Int) {
        unsynced.insert(WarehousePath.logFolder(of: number))
        if number % WarehousePath.recordsPerFolder == 0 || number == 1 {
            unsynced.insert(WarehousePath.log)
            if number > 1 { unsynced.insert(WarehousePath.logFolder(of: number - 1)) }
        }
    }

    func syncMet() throws(Failure) {
        for folder in unsynced.sorted() {
            try storage.syncFolder(folder)
            unsynced.remove(folder)
        }
    }

    private func take(_ record: CommitRecord) {
        machine.apply(record)
        unfinished.append(record)
        pending?.meet(number: record.number, token: record.token)
    }

    /// Goes on from a checkpoint, over records that may be pruned. Returns without effect if the
    /// checkpoint was replaced by a newer one meanwhile.
    private func jump(to number: Int) throws(Failure) {
        let path = WarehousePath.checkpoint(number)
        guard let bytes = try storage.read(path, maximumByteCount: Checkpoint.maximumByteCount) else { return }
        let checkpoint = try Checkpoint.decoded(bytes, path: path)
        guard checkpoint.state.number == number else {
            throw SealedDocument.corrupt(path, "it holds the state after record \(checkpoint.state.number)")
        }
        var open: [CommitRecord] = []
        for number in checkpoint.unfinished {
            let record = try read(number)
            if let record, record.token == checkpoint.tokens[number] {
                open.append(record)
            } else if try newestCheckpointNumber() > checkpoint.state.number {
                return
            } else {
                throw SealedDocument.corrupt(
                    WarehousePath.record(number), "it is to be published, but it is not there")
            }
        }
        machine = LogMachine(checkpoint, window: settings.window)
        unfinished = open
        newestCheckpoint = number
        unsynced.formUnion([WarehousePath.checkpoints, WarehousePath.log, WarehousePath.logFolder(of: number)])
        guard let own = pending, own.number <= number else { return }
        pending?.meet(number: own.number, token: checkpoint.tokens[own.number] ?? "")
        // A record of ours that the checkpoint lacks is void: we slept while its number was pruned.
        if pending?.status == .lost { removeVoid(own) }
    }

    private func removeVoid(_ own: PendingCommit) {
        // Why: an error here is harmless; the record stays void, and the next pruning removes it.
        do throws(Failure) {
            if try read(own.number)?.token == own.token { try storage.remove(WarehousePath.record(own.number)) }
        } catch {
            maintenanceFault = error
        }
    }
}

/// A commit that was begun and not yet answered.
struct PendingCommit {
    enum Status { case trying, committed, lost }
    let number: Int
    let token: String
    let effects: CommitEffects
    let time: Int64
    var status = Status.trying
    /// Our own put said that it is there and synced.
    var isPut = false

    func isDurable(_ record: CommitRecord) -> Bool { isPut && record.token == token }

    mutating func meet(number: Int, token: String) {
        guard status == .trying, number == self.number else { return }
        status = token == self.token ? .committed : .lost
    }
}
