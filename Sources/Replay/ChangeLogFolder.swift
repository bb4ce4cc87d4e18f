internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Platform
internal import Schema
internal import Sinks

/// The change logs of a sync in the warehouse: which tables and days there are, and which files.
struct ChangeLogFolder: Sendable {
    let spec: SyncSpec
    let warehouse: String
    let store: StateStore
    private let names: TableNames

    init(_ spec: SyncSpec, warehouse: String) throws(Failure) {
        self.spec = spec
        self.warehouse = warehouse
        store = StateStore(warehouse: warehouse)
        names = try TableNames(spec)
        guard spec.log.fileFormat == .parquet else {
            throw Failure(
                "config.sync_format", stage: .configuration, kind: .config,
                "the change log of sync \(spec.name) is not written as Parquet",
                hint: "set output.format of the sync to parquet: the replay reads nothing else")
        }
    }

    /// `db.table` of a table's state; nil if it cannot be a folder.
    func stateTable(_ name: TableName) -> String? {
        Self.withViews(name) { names.state(database: $0, table: $1) }
    }

    /// `db.table` of a table's change log; nil if it cannot be a folder.
    func changeTable(_ name: TableName) -> String? {
        Self.withViews(name) { names.changes(database: $0, table: $1) }
    }

    private static func withViews<Result>(_ name: TableName, _ body: (ByteView, ByteView) -> Result) -> Result {
        let (database, table) = (Array(name.database.utf8), Array(name.table.utf8))
        return unsafe database.withUnsafeBytes { first in
            unsafe table.withUnsafeBytes { second in unsafe body(ByteView(first), ByteView(second)) }
        }
    }

    /// All tables that have a change log of this sync, by their names at the source.
    func tables() throws(Failure) -> [TableName] {
        var found: [TableName] = []
        for database in try store.list(warehouse) where !database.begins(with: "_") && !database.begins(with: ".") {
            for table in try store.list(warehouse + "/" + database) where table.ends(with: ChangeLog.suffix) {
                let log = database + "." + table
                guard log != spec.schemaTable, let file = try files(of: log, nil).first,
                    let source = try Self.source(warehouse + "/" + file.path),
                    changeTable(source) == log
                else { continue }
                found.append(source)
            }
        }
        return found
    }

    /// The table that a file's first change is of.
    private static func source(_ path: String) throws(Failure) -> TableName? {
        let fields: [ChangeLog.Field] = [.sourceDatabase, .sourceTable]
        let reader = try ParquetReader(LocalParquet(path), columns: fields.map(\.name))
        guard try reader.next(), reader.rows.rowCount > 0 else { return nil }
        return TableName(reader.rows.columns[0].bytes(0).text, reader.rows.columns[1].bytes(0).text)
    }

    /// Files of a table's change log, of one day or of all, in the order of their names.
    func files(of name: TableName, _ day: String?) throws(Failure) -> [ChangeFile] {
        guard let table = changeTable(name) else { return [] }
        return try files(of: table, day)
    }

    /// Files of the log of statements.
    func schemaFiles() throws(Failure) -> [ChangeFile] { try files(of: spec.schemaTable, nil) }

    private func files(of table: String, _ day: String?) throws(Failure) -> [ChangeFile] {
        guard let folder = WarehousePath.folder(ofTable: table) else { return [] }
        let partition = spec.log.partitionName
        var files: [ChangeFile] = []
        for found in try store.days(in: warehouse + "/" + folder, partition: partition)
        where day == nil || day == found {
            let place = folder + "/" + partition + "=" + found
            for name in try store.list(warehouse + "/" + place) where name.hasPrefix("part-") {
                let path = place + "/" + name
                do throws(Errno) {
                    let status = try Syscalls.status(warehouse + "/" + path)
                    files.append(ChangeFile(path: path, byteCount: status.byteCount, day: found))
                } catch {
                    throw ReplayFailure.storage(error, "look at", path)
                }
            }
        }
        return files
    }

    /// Puts statements before all rows of their position.
    private static let statementShift: Int64 = 1 << 40

    /// The statements of a file of the log of them.
    func statements(_ file: ChangeFile) throws(Failure) -> [SchemaEntry] {
        let fields: [ChangeLog.Field] = [
            .leg, .placeFile, .placePosition, .placeRow, .entry, .sourceDatabase, .sourceTable, .sql, .types,
            .committed,
        ]
        let reader = try ParquetReader(LocalParquet(warehouse + "/" + file.path), columns: fields.map(\.name))
        var entries: [SchemaEntry] = []
        while try reader.next() {
            let columns = reader.rows.columns
            for row in 0..<reader.rows.rowCount {
                var place = SourcePlace(
                    leg: columns[0].integer(row), file: columns[1].integer(row), position: columns[2].integer(row),
                    row: columns[3].integer(row))
                // Why: at one position of a binlog stand a snapshot's statements and its rows, each counted apart.
                if place.file != 0 { place.row &-= Self.statementShift }
                var entry = SchemaEntry(
                    place: place, entry: columns[4].integer(row), database: columns[5].bytes(row).text)
                if !columns[6].isNull(row) { entry.table = columns[6].bytes(row).text }
                if !columns[7].isNull(row) { entry.sql = columns[7].bytes(row).text }
                if !columns[8].isNull(row) { entry.types = columns[8].bytes(row).array }
                if !columns[9].isNull(row) { entry.committed = columns[9].integer(row) }
                entries.append(entry)
            }
        }
        return entries
    }
}
