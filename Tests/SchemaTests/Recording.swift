import Columns
import Event
import JSON
import Platform

@testable import Schema

/// One change of a recording, as the change log would hold it.
struct RecordedChange {
    enum Kind { case insert, update, delete, snapshot, truncate }
    var place: SourcePlace
    var entry: Int64
    var kind: Kind
    var table: TableName
    var before: [UInt8]?
    var after: [UInt8]?
}

/// A tool's records, read far enough for a replay in memory.
struct Recording {
    var tool: ChangeTool
    var changes: [RecordedChange] = []
    var schema: [SchemaEntry] = []

    /// Reads a file of one record a line; Maxwell's records may go over several lines.
    init(_ tool: ChangeTool, path: String) throws {
        self.tool = tool
        let bytes = try DurableFile.read(path, maximum: 1 << 30) ?? []
        var pending: [UInt8] = []
        var entry: Int64 = 0
        var from = 0
        while from < bytes.count {
            let end = bytes[from...].firstIndex(of: 10) ?? bytes.count
            pending += bytes[from..<end]
            from = end + 1
            let record = Members(pending)
            guard let record else {
                pending.append(10)
                continue
            }
            pending = []
            entry += 1
            switch tool {
            case .maxwell: maxwell(record, entry)
            case .canal: canal(record, entry)
            case .debezium: debezium(record, entry)
            }
        }
    }

    private mutating func maxwell(_ record: Members, _ entry: Int64) {
        guard let position = record.text("position"), let colon = position.lastIndex(of: ":"),
            let dot = position.lastIndex(of: "."), dot < colon
        else { return }
        let file = Int64(position[position.index(after: dot)..<colon]) ?? 0
        let offset = Int64(position[position.index(after: colon)...]) ?? 0
        let isLast = record.raw("commit") != nil
        let row = record.number("xoffset") ?? (isLast ? Int64(UInt32.max) : 0)
        let place = SourcePlace(file: file, position: offset, row: row)
        let database = record.text("database") ?? ""
        let table = TableName(database, record.text("table") ?? "")
        let kind = record.text("type") ?? ""
        if record.raw("sql") != nil, !["insert", "update", "delete"].contains(kind) {
            var item = SchemaEntry(place: SourcePlace(file: file, position: offset), entry: entry, database: database)
            item.sql = record.text("sql")
            item.table = record.text("table")
            item.types = record.raw("def")
            item.committed = record.number("ts").map { $0 * 1_000 }
            schema.append(item)
            return
        }
        let data = record.raw("data")
        switch kind {
        case "insert": add(place, entry, .insert, table, nil, data)
        case "update": add(place, entry, .update, table, record.raw("old"), data)
        case "delete": add(place, entry, .delete, table, data, nil)
        default: break
        }
    }

    private mutating func canal(_ record: Members, _ entry: Int64) {
        let place = SourcePlace(position: entry)
        let database = record.text("database") ?? ""
        let table = TableName(database, record.text("table") ?? "")
        if record.string("isDdl") == "true" {
            var item = SchemaEntry(place: place, entry: entry, database: database)
            item.sql = record.text("sql")
            item.committed = record.number("es").map { $0 * 1_000 }
            schema.append(item)
            return
        }
        let rows = record.raw("data").map(Members.list) ?? []
        let old = record.raw("old").map(Members.list) ?? []
        for (index, row) in rows.enumerated() {
            let at = SourcePlace(position: entry, row: Int64(index))
            switch record.text("type") {
            case "INSERT": add(at, entry, .insert, table, nil, row)
            case "UPDATE": add(at, entry, .update, table, index < old.count ? old[index] : nil, row)
            case "DELETE": add(at, entry, .delete, table, row, nil)
            default: break
            }
        }
    }

    private mutating func debezium(_ record: Members, _ entry: Int64) {
        guard let value = record.raw("value"), var envelope = Members(value) else { return }
        if let payload = envelope.raw("payload") {
            guard let inner = Members(payload) else { return }
            envelope = inner
        }
        guard let source = envelope.raw("source").flatMap({ Members($0) }) else { return }
        let name = source.text("file") ?? ""
        let file = Int64(name.split(separator: ".").last ?? "") ?? 0
        let place = SourcePlace(file: file, position: source.number("pos") ?? 0, row: source.number("row") ?? 0)
        if let ddl = envelope.text("ddl") {
            var item = SchemaEntry(place: place, entry: entry, database: envelope.text("databaseName") ?? "")
            item.sql = ddl
            item.types = envelope.raw("tableChanges")
            item.committed = source.number("ts_ms").map { $0 * 1_000 }
            schema.append(item)
            return
        }
        guard let op = envelope.text("op") else { return }
        let table = TableName(source.text("db") ?? "", source.text("table") ?? "")
        let before = envelope.raw("before")
        let after = envelope.raw("after")
        switch op {
        case "c": add(place, entry, .insert, table, nil, after)
        case "r": add(place, entry, .snapshot, table, nil, after)
        case "u": add(place, entry, .update, table, before, after)
        case "d": add(place, entry, .delete, table, before, nil)
        case "t": add(place, entry, .truncate, table, nil, nil)
        default: break
        }
    }

    private mutating func add(
        _ place: SourcePlace, _ entry: Int64, _ kind: RecordedChange.Kind, _ table: TableName, _ before: [UInt8]?,
        _ after: [UInt8]?
    ) {
        changes.append(
            RecordedChange(place: place, entry: entry, kind: kind, table: table, before: before, after: after))
    }
}

/// The members of one JSON object, as bytes.
struct Members {
    private var values: [String: [UInt8]] = [:]

    /// Nil if the bytes are not one whole object.
    init?(_ bytes: [UInt8]) {
        var found: [String: [UInt8]] = [:]
        let isWhole = unsafe bytes.withUnsafeBytes { buffer in
            var cursor = JSONParts(unsafe ByteView(buffer))
            while let (name, value) = cursor.next() {
                if value.kind != .null { found[name.inside.text] = value.raw.array }
            }
            return !cursor.isBroken
        }
        guard isWhole else { return nil }
        values = found
    }

    static func list(_ bytes: [UInt8]) -> [[UInt8]] {
        unsafe bytes.withUnsafeBytes { buffer in
            var cursor = JSONParts(unsafe ByteView(buffer), isArray: true)
            var found: [[UInt8]] = []
            while let (_, value) = cursor.next() { found.append(value.raw.array) }
            return found
        }
    }

    func raw(_ name: String) -> [UInt8]? { values[name] }
    func string(_ name: String) -> String? { values[name].map { String(decoding: $0, as: UTF8.self) } }
    func number(_ name: String) -> Int64? { string(name).flatMap { Int64($0) } }
    /// The content of a string.
    func text(_ name: String) -> String? {
        guard let raw = values[name], raw.first == UInt8(ascii: "\""), raw.count >= 2 else { return nil }
        let scratch = Scratch()
        unsafe raw.withUnsafeBytes { scratch.append(unescaped: unsafe ByteView($0).slice(1, raw.count - 1)) }
        return scratch.view.text
    }
}
