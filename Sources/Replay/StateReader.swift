internal import Change
public import Columns
public import Event
internal import JSON
internal import Parquet
internal import Schema
internal import Sinks

/// What is known of a table's newest daily state.
public struct TableStatus: Sendable, Equatable {
    /// `db.table` in the warehouse.
    public var table: String
    /// The state's day; empty: there are changes and no state yet.
    public var day: String
    public var isComplete: Bool
    public var rowCount: Int64
    public var visibleRowCount: Int64
    /// Changes of that day.
    public var changeCount: Int
    /// Commit time of the newest change in it, microseconds since the epoch.
    public var lastCommitted: Int64?
    /// Changes that are in the change log and not in the state.
    public var pending = PendingChanges()
    /// Changes that came for days that are older than is kept, and are in no state.
    public var lateChangeCount: Int
    /// Of all days since the table began or was emptied, as all that follow.
    public var contradictions: [String: Int]
    public var rejections: [String: Int]
    public var losses: [String: Int]
    /// How its columns are known: `statement`, `types` or `inferred`.
    public var schemaSource: String
}

/// Reads the states of a sync without changing anything.
public struct StateReader {
    let spec: SyncSpec
    let store: StateStore
    let log: ChangeLogFolder

    /// Throws `config.*`.
    public init(_ spec: SyncSpec, warehouse: String) throws(Failure) {
        self.spec = spec
        store = StateStore(warehouse: warehouse)
        log = try ChangeLogFolder(spec, warehouse: warehouse)
    }

    /// What the records of a sync's tool never show.
    public static func unseen(_ spec: SyncSpec) -> [String] { spec.format.unseen }

    /// The newest state of every table of the sync.
    private func newest() throws(Failure) -> [(table: String, day: String, manifest: StateManifest)] {
        var states: [(table: String, day: String, manifest: StateManifest)] = []
        for table in try store.tables() {
            guard let day = try store.days(in: store.folder(of: table)).last,
                let manifest = try store.manifest(of: table, day), log.stateTable(manifest.source) == table
            else { continue }
            states.append((table, day, manifest))
        }
        return states
    }

    /// All tables that have a state or changes, by name. `schemaFile`: the statements known before all others.
    public func status(schemaFile: [UInt8]? = nil) throws(Failure) -> [TableStatus] {
        let states = try newest()
        let ended = try ended(states.map { ($0.day, $0.manifest) }, schemaFile)
        var found: [TableStatus] = []
        for (table, day, manifest) in states {
            let visible = store.visibleFolder(of: table, day, partition: spec.log.partitionName)
            found.append(
                TableStatus(
                    table: table, day: day,
                    isComplete: try store.list(visible).contains(StateStore.successName),
                    rowCount: manifest.rowCount, visibleRowCount: manifest.visibleRowCount,
                    changeCount: manifest.changeCount, lastCommitted: manifest.lastCommitted,
                    pending: ended.contains(manifest.source)
                        ? PendingChanges() : try pending(of: manifest.source, behind: (day, manifest)),
                    lateChangeCount: try lateChangeCount(table),
                    contradictions: manifest.contradictionTotals, rejections: manifest.rejectionTotals,
                    losses: manifest.losses, schemaSource: manifest.schemaSource))
        }
        for (table, pending) in try pendingTables(behind: states.map(\.manifest)) {
            found.append(
                TableStatus(
                    table: table, day: "", isComplete: false, rowCount: 0, visibleRowCount: 0, changeCount: 0,
                    pending: pending, lateChangeCount: 0, contradictions: [:], rejections: [:], losses: [:],
                    schemaSource: ""))
        }
        return found.sorted { $0.table < $1.table }
    }

    /// Every table that readers find in the warehouse, with the columns of its newest state.
    public func tables() throws(Failure) -> [(table: String, shapes: [(name: String, shape: ColumnShape)])] {
        try newest().map { ($0.table, $0.manifest.layout.visibleShapes) }
    }

    /// Every change log, `db.table` in the warehouse.
    public func changeLogs() throws(Failure) -> [String] { try log.tables().compactMap(log.changeTable) }

    func lateChangeCount(_ table: String) throws(Failure) -> Int {
        guard let note = try store.read(store.lateFile(of: table), maximum: 4_096), let value = JSONValue(parsing: note)
        else { return 0 }
        return value["changes"]?.integer.map { Int($0) } ?? 0
    }

    /// What of a table's changes could not be brought into its states, by day, in order: JSON lines
    /// (docs/formats/state.md). `day`: of this one only.
    public func rejected(of table: String, day: String? = nil) throws(Failure) -> [(day: String, lines: [UInt8])] {
        var found: [(day: String, lines: [UInt8])] = []
        for name in try store.list(store.folder(of: table) + "/rejected") where name.hasSuffix(".jsonl") {
            let named = String(name.dropFirst("dt=".utf8.count).dropLast(".jsonl".utf8.count))
            guard StateStore.isDay(named), day == nil || day == named else { continue }
            let maximum = RejectionLog.maximumLineCount * 8 * RejectionLog.maximumTextByteCount
            guard let lines = try store.read(store.rejectedFile(of: table, named), maximum: maximum) else { continue }
            found.append((named, lines))
        }
        return found
    }

    /// The row of a key in the newest state, with its columns; nil if there is none. Throws `replay.no_state`,
    /// `replay.bad_key`.
    public func row(of table: String, key: [String]) throws(Failure) -> RowBatch? {
        guard let day = try store.days(in: store.folder(of: table)).last,
            let manifest = try store.manifest(of: table, day)
        else {
            throw Failure(
                "replay.no_state", stage: .sink, kind: .usage, "there is no state of \(table)",
                hint: "millrace sync run")
        }
        let layout = manifest.layout
        let coding = RowCoding(layout.table)
        let wanted = ByteStore()
        try append(key, layout.table, to: wanted)
        let files = manifest.files
        var index = 0
        while index + 1 < files.count, compare(files[index + 1].firstIdentity, wanted) <= 0 { index += 1 }
        guard index < files.count else { return nil }
        let path = store.folder(of: table, day) + "/" + files[index].name
        let reader = try ParquetReader(LocalParquet(path))
        let identity = ByteStore()
        while try reader.next() {
            for row in 0..<reader.rows.rowCount {
                identity.removeAll()
                coding.appendIdentity(of: reader.rows, row, to: identity)
                guard identity.all.equals(wanted.all) else { continue }
                let found = RowBatch(shapes: layout.visibleShapes)
                for (column, source) in zip(found.columns, reader.rows.columns) {
                    column.append(rowsOf: source, from: row, count: 1)
                }
                found.commitRow(event: 0, group: found.appendGroup(RowGroup(table: "", partition: "")))
                return found
            }
        }
        return nil
    }

    private func compare(_ identity: [UInt8], _ wanted: ByteStore) -> Int {
        unsafe identity.withUnsafeBytes { unsafe ByteView($0).order(wanted.all) }
    }

    /// Reads the texts of a key's columns.
    private func append(_ texts: [String], _ table: TableLayout, to identity: ByteStore) throws(Failure) {
        guard table.isKeyed, texts.count == table.key.count else {
            let names = table.key.map { table.columns[$0].name }.joined(separator: ", ")
            throw Failure(
                "replay.bad_key", stage: .control, kind: .usage,
                table.isKeyed ? "the key has \(table.key.count) column(s): \(names)" : "the table has no key",
                hint: "give one value for each column of the key")
        }
        let rows = RowBatch(shapes: table.key.map { (table.columns[$0].name, table.columns[$0].shape) })
        for (text, column) in zip(texts, rows.columns) {
            if column.holdsBytes {
                unsafe Array(text.utf8).withUnsafeBytes { column.append(unsafe ByteView($0)) }
            } else if column.type == .decimal, let value = Self.decimal(text, column.shape) {
                column.append(decimal: value)
            } else if column.type != .decimal, column.type != .double, let word = Int64(text) {
                column.append(word)
            } else if column.type == .double, let value = Double(text) {
                column.append(value)
            } else {
                throw Failure(
                    "replay.bad_key", stage: .control, kind: .usage,
                    "\(text.debugDescription) is no value of \(column.name), a column of type \(column.shape.text)",
                    hint: "days and times as numbers: days, or microseconds, since 1970")
            }
            RowCoding.appendOrdered(column, 0, to: identity)
        }
    }

    private static func decimal(_ text: String, _ shape: ColumnShape) -> Int128? {
        unsafe Array(text.utf8).withUnsafeBytes { bytes in
            try? DecimalText.parse(unsafe ByteView(bytes), precision: shape.precision, scale: shape.scale)
        }
    }
}
