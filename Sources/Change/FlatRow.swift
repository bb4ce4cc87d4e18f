internal import Event
internal import JSON

/// A row that Debezium's `ExtractNewRecordState` took out of its envelope (`add.fields` adds what begins with `__`).
@safe final class FlatRow {
    private enum Path: Int, CaseIterable {
        case op, deleted, db, table, file, pos, row, gtid, sourceTime, time

        var text: String {
            switch self {
            case .op, .deleted: "__\(self)"
            case .sourceTime: "__source_ts_ms"
            case .time: "__ts_ms"
            default: "__source_\(self)"
            }
        }

        /// The name that older versions and prefixes without `source.` give.
        var other: String { self == .time || self == .sourceTime ? "ts_ms" : "__\(self)" }
    }

    // Why `.keep`: what no path names is the row itself.
    private let reader = DocumentReader(
        paths: Path.allCases.compactMap { JSONPath($0.text) }
            + [Path.db, .table, .file, .pos, .row, .gtid].compactMap { JSONPath($0.other) },
        unknown: .keep)
    private static let first = Path.allCases.count

    /// Unsafe: 64 bytes behind the text must be readable.
    @unsafe
    func read(_ text: ByteView) -> DocumentReader.Fault? { unsafe reader.read(padded: text) }

    private func value(_ path: Path) -> DocumentReader.Value {
        let value = reader.value(path.rawValue)
        guard value.kind == .none, path.rawValue >= Path.db.rawValue, path.rawValue <= Path.gtid.rawValue
        else { return value }
        return reader.value(Self.first + path.rawValue - Path.db.rawValue)
    }

    private func string(_ path: Path) -> ByteView {
        let value = value(path)
        return value.kind == .string ? value.text : .empty
    }

    /// `{"ts_ms": 1}` and nothing else.
    var isHeartbeat: Bool {
        var parts = JSONParts(reader.rest())
        return parts.next()?.name.inside.equals("ts_ms") == true && parts.next() == nil
    }

    /// The row as an object, without what is about it.
    var row: ByteView { reader.rest() }

    /// Nil: one that is not known. Without any sign of it: the row stands as it is.
    var operation: ChangeLog.Operation? {
        let deleted = value(.deleted)
        if deleted.kind == .yes || deleted.text.equals("true") { return .delete }
        let op = string(.op)
        if op.isEmpty { return .snapshot }
        guard op.count == 1 else { return nil }
        return switch op[0] {
        case UInt8(ascii: "c"): .insert
        // Why: the row before is not there, so nothing can be compared; but a key may have changed only as delete
        // and insert, so an update it is.
        case UInt8(ascii: "u"): .update
        case UInt8(ascii: "d"): .delete
        case UInt8(ascii: "r"): .snapshot
        case UInt8(ascii: "t"): .truncate
        default: nil
        }
    }

    var committed: Int64? {
        (reader.whole(Path.sourceTime.rawValue) ?? reader.whole(Path.time.rawValue)).flatMap(CommitTime.milliseconds)
    }

    var transaction: ByteView { string(.gtid) }
    var file: ByteView { string(.file) }
    var position: DocumentReader.Value { value(.pos) }
    var number: DocumentReader.Value { value(.row) }

    /// Database and table: as said, or the last two parts of the topic's name (`server.database.table`).
    func names(_ topic: ByteView) -> (database: ByteView, table: ByteView) {
        var dots: [Int] = []
        for index in 0..<topic.count where topic[index] == UInt8(ascii: ".") { dots.append(index) }
        var database = string(.db)
        var table = string(.table)
        if let last = dots.last, dots.count >= 2 {
            if database.isEmpty { database = topic.slice(dots[dots.count - 2] + 1, last) }
            if table.isEmpty { table = topic.slice(last + 1, topic.count) }
        }
        return (database, table)
    }
}
