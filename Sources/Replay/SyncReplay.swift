internal import Change
public import Columns
public import Event
internal import Parquet
internal import Platform
internal import Schema
public import Sinks
internal import TimeZone

/// What a run did with one table's day.
public struct ReplayedDay: Sendable, Equatable {
    /// `db.table` in the warehouse.
    public var table: String
    public var day: String
    /// Whether it was made, or was there already.
    public var isMade = false
    public var rowCount: Int64 = 0
    public var visibleRowCount: Int64 = 0
    public var changeCount = 0
    public var linkedFileCount = 0
    public var contradictions: [String: Int] = [:]
    public var rejections: [String: Int] = [:]
    public var losses: [String: Int] = [:]
    public var isComplete = false
}

/// What a run of a sync did.
public struct SyncReport: Sendable, Equatable {
    public var days: [ReplayedDay] = []
    /// What of the schema's history does not fit together.
    public var problems: [String] = []
    /// Days whose tables were removed because they are older than is kept.
    public var removedDays: [String] = []
    /// Changes that came for days that are older than is kept, and are in no state, by table.
    public var lateChanges: [String: Int] = [:]
    /// What the views of now read, where it changed.
    public var nows: [PublishedNow] = []
}

/// Replays a sync: for every day with changes, in order, the state of every table at its end.
///
/// Deterministic and idempotent: a day whose inputs are those of its manifest is left as it is; any other is made
/// anew, and all days behind it, since the state before is one of a day's inputs. One process at a time (a lock on
/// `_millrace/state/lock`).
public struct SyncReplay: Sendable {
    /// Names a way of replaying: raised when equal inputs would give other states.
    static let method = "replay 4"

    let spec: SyncSpec
    var store: StateStore
    let log: ChangeLogFolder
    let schemaFile: [UInt8]?
    /// Of the sessions that alter tables, if it is said.
    private(set) var sessionZone: Zone?
    /// The day, since 1970-01-01, before which all partitions of the sync are done; nil: none.
    let passedDay: Int64?
    var settings = ReplaySettings()

    /// A replay of a sync in the warehouse's folder; `access`: modes and group of what it makes. Days before
    /// `passedDay` (since 1970-01-01) are complete. Throws `config.*`.
    public init(
        _ spec: SyncSpec, warehouse: String, access: LocalStorageSettings = LocalStorageSettings(),
        schemaFile: [UInt8]? = nil, passedDay: Int64? = nil, threadCount: Int = 1
    ) throws(Failure) {
        self.spec = spec
        self.schemaFile = schemaFile
        self.passedDay = passedDay
        store = StateStore(warehouse: warehouse)
        store.access = access
        log = try ChangeLogFolder(spec, warehouse: warehouse)
        settings.threadCount = threadCount
        settings.permits = WorkerPermits(threadCount - 1)
        settings.surveys = spec.format == .debezium
        if let name = spec.toolZone { settings.decoding.zone = try Zone(name, of: "sync \(spec.name)") }
        if let name = spec.sessionZone { sessionZone = try Zone(name, of: "sync \(spec.name)") }
        settings.decoding.mayHaveForms = spec.format == .debezium
        settings.decoding.take(spec.debezium)
    }

    /// Replays all days up to `lastDay` (nil: all). `tables`: only these, `db.table` in the warehouse; empty: all.
    /// Throws `replay.busy` if another run holds the lock.
    public func run(lastDay: String? = nil, tables: Set<String> = []) throws(Failure) -> SyncReport {
        try store.makeFolders(store.warehouse + "/" + StateStore.root)
        guard let lock = try takeLock() else {
            throw Failure(
                "replay.busy", stage: .sink, kind: .transient, "another replay is at work on this warehouse",
                hint: "wait for its end")
        }
        defer { withExtendedLifetime(lock) {} }
        try store.clearScratch()
        let session = try ReplaySession(self)
        try session.run(lastDay: lastDay, tables: tables)
        if lastDay == nil { try session.publishNow(tables) }
        try store.remove(store.scratch)
        return session.report
    }

    func takeLock() throws(Failure) -> (any StorageLock)? {
        try LocalStorage(root: store.warehouse).lock(StateStore.root + "/lock")
    }
}
