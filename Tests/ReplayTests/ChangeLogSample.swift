import Change
import Columns
import Event
import Parquet
import Platform
import Schema
import Sinks
import Testing

@testable import Replay

/// A row of the change log, for a test.
struct ChangeSample {
    var op: String
    var database = "shop"
    var table: String
    var place: SourcePlace
    var before: String?
    var after: String?
    var sql: String?
    var tool = "maxwell"
    var key: String?
    var entry: Int64 = 0
}

/// A warehouse whose change logs are written by hand.
final class SampleWarehouse {
    let scratch: ScratchFolder
    var path: String { scratch.path }
    var fileCount = 0

    init() throws { scratch = try ScratchFolder() }

    /// Writes a file of a table's change log, or of the statements' if the table is nil.
    func write(_ changes: [ChangeSample], to table: String?, day: String, sync: String = "test") throws {
        let name = table.map { "shop/" + $0 + "_changes" } ?? "millrace/\(sync)_ddl_changes"
        let folder = path + "/" + name + "/dt=" + day
        try DurableFile.makeFolders(folder)
        let rows = RowBatch(ChangeLog.columns)
        let group = rows.appendGroup(RowGroup(table: "", partition: ""))
        for change in changes {
            for (field, column) in zip(ChangeLog.Field.allCases, rows.columns) {
                switch field {
                case .op: append(change.op, column)
                case .sourceDatabase: append(change.database, column)
                case .sourceTable: append(change.table, column)
                case .leg: column.append(change.place.leg)
                case .placeFile: column.append(change.place.file)
                case .placePosition: column.append(change.place.position)
                case .placeRow: column.append(change.place.row)
                case .committed: column.append(Int64(1_000_000))
                case .before: append(change.before, column)
                case .after: append(change.after, column)
                case .sql: append(change.sql, column)
                case .key: append(change.key, column)
                case .tool: append(change.tool, column)
                case .entry: column.append(change.entry)
                default: column.appendNull()
                }
            }
            rows.commitRow(event: 0, group: group)
        }
        let options = ParquetOptions()
        let encoder = RowGroupEncoder(
            columns: ChangeLog.columns.map { ($0.name, $0.shape) }, options: options,
            workspace: try ParquetWorkspace(codec: options.codec))
        try encoder.append(rows)
        fileCount += 1
        let file = try Syscalls.open(folder + "/part-\(fileCount).parquet", .createNew)
        let parquet = ParquetFile(columns: ChangeLog.columns.map { ($0.name, $0.shape) }, options: options)
        var bytes: [UInt8] = []
        try unsafe parquet.append(encoder) { bytes += unsafe Array($0) }
        try unsafe parquet.finish { bytes += unsafe Array($0) }
        try file.writeAll(bytes)
    }

    private func append(_ text: String?, _ column: Column) {
        guard let text else { return column.appendNull() }
        unsafe Array(text.utf8).withUnsafeBytes { column.append(unsafe ByteView($0)) }
    }

    /// The visible rows of a day, sorted; nil if there is no such folder.
    func visible(_ table: String, _ day: String) throws -> [Row]? {
        let folder = path + "/shop/" + table + "/dt=" + day
        guard let names = try? Syscalls.list(folder) else { return nil }
        let files = names.filter { $0.hasPrefix("part-") }.sorted().map { name in
            StateFile(name: name, rowCount: 0, byteCount: 0, digest: 0, firstIdentity: [])
        }
        return try rows(of: files, in: folder).sorted(by: precedes)
    }

    /// Names of the visible columns of a day.
    func columns(_ table: String, _ day: String) throws -> [String] {
        let folder = path + "/shop/" + table + "/dt=" + day
        let name = try #require(try Syscalls.list(folder).first { $0.hasPrefix("part-") })
        return try ParquetReader(LocalParquet(folder + "/" + name)).columns.map(\.name)
    }
}

func sync(_ rules: [SyncTableSpec] = []) -> SyncSpec {
    var spec = SyncSpec(name: "test", topics: ["maxwell"], format: .maxwell)
    spec.tables = rules
    return spec
}

func rule(_ match: String, _ change: (inout SyncTableSpec) -> Void) -> SyncTableSpec {
    var rule = SyncTableSpec(match: match)
    change(&rule)
    return rule
}

func place(_ position: Int64, _ row: Int64 = 0) -> SourcePlace {
    SourcePlace(leg: 0, file: 1, position: position, row: row)
}

func ddl(_ sql: String, at position: Int64) -> ChangeSample {
    ChangeSample(op: "schema", table: "", place: place(position), sql: sql)
}

func insert(_ table: String, _ after: String, at position: Int64, _ row: Int64 = 0) -> ChangeSample {
    ChangeSample(op: "insert", table: table, place: place(position, row), after: after)
}

func update(_ table: String, _ old: String, _ after: String, at position: Int64) -> ChangeSample {
    ChangeSample(op: "update", table: table, place: place(position), before: old, after: after)
}

func delete(_ table: String, _ before: String, at position: Int64) -> ChangeSample {
    ChangeSample(op: "delete", table: table, place: place(position), before: before)
}

let orders = "CREATE TABLE orders (id INT PRIMARY KEY, item VARCHAR(20), amount DECIMAL(6,2))"
let events = "CREATE TABLE events (id INT AUTO_INCREMENT PRIMARY KEY, who VARCHAR(20), what VARCHAR(20))"
let cart = "CREATE TABLE cart (who VARCHAR(20), what VARCHAR(20))"
