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
}

/// Replays a sync: for every day with changes, in order, the state of every table at its end.
///
/// Deterministic and idempotent: a day whose inputs are those of its manifest is left as it is; any other is made
/// anew, and all days behind it, since the state before is one of a day's inputs. One process at a time (a lock on
/// `_millrace/state/lock`).
public struct SyncReplay {
    /// Names a way of replaying: raised when equal inputs would give other states.
    static let method = "replay 1"

    let spec: SyncSpec
    var store: StateStore
    let log: ChangeLogFolder
    let schemaFile: [UInt8]?
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
        settings.decoding.zone = spec.toolZone.flatMap { try? Zone($0) }
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
        var session = try ReplaySession(self)
        let report = try session.run(lastDay: lastDay, tables: tables)
        try store.remove(store.scratch)
        return report
    }

    private func takeLock() throws(Failure) -> (any StorageLock)? {
        try LocalStorage(root: store.warehouse).lock(StateStore.root + "/lock")
    }
}

/// One run: what is read once and used for all days.
struct ReplaySession {
    private let sync: SyncReplay
    private let store: StateStore
    private let log: ChangeLogFolder
    private let names: [TableName]
    /// All change files of a table, by its name at the source.
    private let files: [TableName: [ChangeFile]]
    private let statements: [(day: String, entry: SchemaEntry)]
    private var scans: [String: ChangeScan] = [:]
    private var report = SyncReport()
    /// The states of the day before, by incarnation.
    private var previous: [String: (folder: String, manifest: StateManifest)] = [:]

    init(_ sync: SyncReplay) throws(Failure) {
        self.sync = sync
        store = sync.store
        log = sync.log
        names = try log.tables()
        var files: [TableName: [ChangeFile]] = [:]
        for name in names { files[name] = try log.files(of: name, nil) }
        self.files = files
        var statements: [(day: String, entry: SchemaEntry)] = []
        for file in try log.schemaFiles() {
            for entry in try log.statements(file) { statements.append((file.day, entry)) }
        }
        self.statements = statements
    }

    private var days: [String] {
        Set(files.values.joined().map(\.day) + statements.map(\.day)).sorted()
    }

    mutating func run(lastDay: String?, tables: Set<String>) throws(Failure) -> SyncReport {
        let days = days.filter { day in lastDay.map { day <= $0 } ?? true }
        let floor = try keptFrom(days)
        for day in days {
            if let floor, day <= floor {
                if day == floor { previous = try states(of: day) }
                continue
            }
            let made = try replay(day, tables)
            previous = tables.isEmpty ? made : try states(of: day)
        }
        if let newest = days.last { try removeOld(newest) }
        return report
    }

    // MARK: Days

    /// The newest day that is too old to be looked at again; its states are what the next day begins with.
    private func keptFrom(_ days: [String]) throws(Failure) -> String? {
        guard let newest = days.last.flatMap(CalendarDay.number) else { return nil }
        let keep = Int(sync.spec.keepMilliseconds / 86_400_000)
        var floor: String?
        for day in days {
            guard let number = CalendarDay.number(day), number < newest - keep else { continue }
            if try !states(of: day).isEmpty { floor = day }
        }
        return floor
    }

    private mutating func removeOld(_ newest: String) throws(Failure) {
        guard let last = CalendarDay.number(newest) else { return }
        let keep = Int(sync.spec.keepMilliseconds / 86_400_000)
        for table in try ownTables() {
            let old = try store.days(in: store.folder(of: table)).filter { day in
                CalendarDay.number(day).map { $0 < last - keep } ?? false
            }
            // Why: the newest of the old ones is what the first kept day begins with.
            for day in old.dropLast() {
                try store.takeAway(store.visibleFolder(of: table, day, partition: sync.spec.log.partitionName))
                try store.takeAway(store.folder(of: table, day))
                report.removedDays.append("\(table) \(day)")
            }
        }
    }

    /// Tables with states that this sync could have made.
    private func ownTables() throws(Failure) -> [String] {
        var known: Set<String> = Set(names.compactMap { log.stateTable($0) })
        for table in try store.tables() {
            guard let day = try store.days(in: store.folder(of: table)).last,
                let manifest = try store.manifest(of: table, day), log.stateTable(manifest.source) == table
            else { continue }
            known.insert(table)
        }
        return known.sorted()
    }

    /// The states of a day, by incarnation.
    private func states(of day: String) throws(Failure) -> [String: (folder: String, manifest: StateManifest)] {
        var states: [String: (folder: String, manifest: StateManifest)] = [:]
        for table in try ownTables() {
            guard let manifest = try store.manifest(of: table, day) else { continue }
            states[manifest.incarnation] = (store.folder(of: table, day), manifest)
        }
        return states
    }

    private mutating func replay(
        _ day: String, _ only: Set<String>
    ) throws(Failure) -> [String: (folder: String, manifest: StateManifest)] {
        let history = try history(day)
        var made: [String: (folder: String, manifest: StateManifest)] = [:]
        var current: Set<String> = []
        for (name, number) in history.current {
            let incarnation = history.incarnations[number]
            let rule = sync.spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name) else { continue }
            current.insert(table)
            guard only.isEmpty || only.contains(table) else { continue }
            let replay = TableDay(
                sync: sync, table: table, day: day, incarnation: incarnation, rule: rule)
            let manifest = try replay.run(&self)
            made[manifest.incarnation] = (store.folder(of: table, day), manifest)
        }
        // Tables that are gone by now, and were there in an earlier run.
        for table in try ownTables() where !current.contains(table) && (only.isEmpty || only.contains(table)) {
            try store.takeAway(store.visibleFolder(of: table, day, partition: sync.spec.log.partitionName))
            try store.takeAway(store.folder(of: table, day))
        }
        return made
    }

    // MARK: What table days ask for

    /// The state that an incarnation had at the end of the day before.
    func base(of incarnation: String) -> (folder: String, manifest: StateManifest)? { previous[incarnation] }

    /// The newest state of an incarnation before a day; nil if there is none.
    func olderBase(
        of incarnation: String, before day: String
    ) throws(Failure) -> (folder: String, manifest: StateManifest)? {
        for earlier in days.reversed() where earlier < day {
            if let state = try states(of: earlier)[incarnation] { return state }
        }
        return nil
    }

    func files(of name: TableName) -> [ChangeFile] { files[name] ?? [] }

    mutating func note(_ day: ReplayedDay) { report.days.append(day) }

    mutating func scan(_ file: ChangeFile, withTypes: Bool = false) throws(Failure) -> ChangeScan {
        let key = file.path + (withTypes ? " types" : "")
        if let known = scans[key] { return known }
        let scan = try ChangeScan(store.warehouse + "/" + file.path, withTypes: withTypes)
        scans[key] = scan
        return scan
    }

    // MARK: Schema

    /// The history of the schema as far as a day knows it. Tables without a statement go by what records say of
    /// types, else by their values.
    private mutating func history(_ day: String) throws(Failure) -> SchemaHistory {
        var entries = statements.filter { $0.day <= day }.map(\.entry)
        let dates: DateRule = sync.spec.dates == .text ? .text : .typed
        let first = SchemaHistory(entries, schemaFile: sync.schemaFile, dates: dates)
        var inferred: [TableName: TableVersion] = [:]
        for name in names where first.incarnations(of: name).isEmpty {
            let files = files(of: name).filter { $0.day <= day }
            guard !files.isEmpty else { continue }
            var hasTypes = false
            for file in files {
                let scan = try scan(file, withTypes: true)
                for (document, place) in scan.types {
                    var entry = SchemaEntry(place: place, database: name.database)
                    entry.table = name.table
                    entry.types = document
                    entry.key = scan.key
                    entries.append(entry)
                    hasTypes = true
                }
            }
            if !hasTypes { inferred[name] = try infer(name, files, day, dates) }
        }
        let history = SchemaHistory(entries, schemaFile: sync.schemaFile, inferred: inferred, dates: dates)
        for problem in history.problems {
            let text = "\(problem.table?.text ?? sync.spec.name): \(problem.message)"
            if !report.problems.contains(text) { report.problems.append(text) }
        }
        return history
    }

    private func infer(
        _ name: TableName, _ files: [ChangeFile], _ day: String, _ dates: DateRule
    ) throws(Failure) -> TableVersion {
        let known = previous.values.first { $0.manifest.source == name && $0.manifest.schemaSource == "inferred" }
        var schema = InferredSchema(known.flatMap { $0.manifest.guessedVersion(dates) })
        for file in files where known == nil || file.day == day {
            let reader = try ParquetReader(
                LocalParquet(store.warehouse + "/" + file.path), columns: ["before", "after", "key"])
            while try reader.next() {
                let columns = reader.rows.columns
                for row in 0..<reader.rows.rowCount {
                    let key = columns[2].isNull(row) ? nil : JSONNames.list(columns[2].bytes(row))
                    for column in columns[0...1] where !column.isNull(row) {
                        schema.observe(column.bytes(row), key: key)
                    }
                }
            }
        }
        return schema.version(from: .beginning, dates: dates)
    }
}

extension StateManifest {
    /// The columns as a version of a table, where they were found out from values.
    func guessedVersion(_ dates: DateRule) -> TableVersion? {
        var parts = columns.map { Self.quoted($0.name) + " " + Self.type($0.shape) }
        if !key.isEmpty { parts.append("PRIMARY KEY (" + key.map(Self.quoted).joined(separator: ", ") + ")") }
        var entry = SchemaEntry(place: .beginning, database: source.database)
        entry.sql = "CREATE TABLE t (" + parts.joined(separator: ", ") + ")"
        return SchemaHistory([entry], dates: dates).incarnations.first?.versions.first
    }

    private static func quoted(_ name: String) -> String {
        "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
    }

    private static func type(_ shape: ColumnShape) -> String {
        switch shape.type {
        case .boolean, .int32: "tinyint(1)"
        case .int64: "bigint"
        case .decimal where shape.precision == 20 && shape.scale == 0: "bigint unsigned"
        case .decimal: "decimal(38,\(shape.scale))"
        case .double: "double"
        case .json: "json"
        default: "longtext"
        }
    }
}
