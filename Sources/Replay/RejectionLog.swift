internal import Columns
internal import Event
internal import JSON
internal import Schema
internal import Sinks

/// What of a table's day could not be brought into its state: counted by reason, and the first of each kept with
/// key, column, text and place (`_millrace/state/<db>/<table>/rejected/dt=<day>.jsonl`).
///
/// Invariants: at most `maximumLineCount` lines of about `maximumTextByteCount`; lines are in the order of reading,
/// so equal inputs give equal lines. One thread at a time.
// Safety: a state that is converted is one stretch, and readers work one after the other.
final class RejectionLog: @unchecked Sendable {
    /// Lines kept of a day.
    static let maximumLineCount = 10_000
    /// Bytes kept of a value or document.
    static let maximumTextByteCount = 4_096

    /// By reason.
    private(set) var counts: [String: Int] = [:]
    /// One JSON object a line.
    private(set) var lines: [UInt8] = []
    private(set) var lineCount = 0

    /// Whether there is room for another line.
    var hasRoom: Bool { lineCount < Self.maximumLineCount }

    /// Counts what is not worth a line.
    func count(_ reason: String, _ added: Int = 1) { counts[reason, default: 0] += added }

    /// Counts a change or value, and keeps it while there is room. `place`: nil for rows that were there before.
    /// `key`: its columns as a JSON object; `column`: the one that does not fit; nil: the change as a whole.
    func note(
        _ reason: String, at place: SourcePlace?, key: @autoclosure () -> JSONValue = .null,
        column: TableLayout.Column? = nil, text: @autoclosure () -> [UInt8]
    ) {
        count(reason)
        guard hasRoom else { return }
        lineCount += 1
        var members = [JSONMember("reason", .string(reason))]
        if let place {
            let words = [place.leg, place.file, place.position, place.row].map { JSONValue($0) }
            members.append(JSONMember("place", .array(words)))
        }
        let key = key()
        if !key.isNull { members.append(JSONMember("key", key)) }
        if let column {
            members.append(JSONMember("column", .string(column.name)))
            members.append(JSONMember("type", .string(column.shape.text)))
        }
        let text = text()
        members.append(JSONMember("text", .string(Self.readable(text))))
        if text.count > Self.maximumTextByteCount { members.append(JSONMember("bytes", JSONValue(text.count))) }
        JSONValue.object(members).append(to: &lines)
        lines.append(UInt8(ascii: "\n"))
    }

    /// Adds what another log took behind this one.
    func add(_ other: RejectionLog) {
        counts.merge(other.counts, uniquingKeysWith: +)
        for line in other.lines.split(separator: UInt8(ascii: "\n")) where hasRoom {
            lines += line
            lines.append(UInt8(ascii: "\n"))
            lineCount += 1
        }
    }

    private static func readable(_ text: [UInt8]) -> String {
        // Why repaired: a text that is cut may end in the middle of a character.
        String(decoding: text.prefix(maximumTextByteCount), as: UTF8.self)
    }
}

/// Values as people read them.
enum RowText {
    /// Some columns of a row as a JSON object.
    static func object(_ columns: [Column], _ row: Int) -> JSONValue {
        JSONValue(parsing: bytes(columns, row)) ?? .null
    }

    /// One value as JSON.
    static func value(_ column: Column, _ row: Int) -> [UInt8] {
        (object([column], row)[column.name] ?? .null).bytes
    }

    private static func bytes(_ columns: [Column], _ row: Int) -> [UInt8] {
        let rows = RowBatch(shapes: columns.map { ($0.name, $0.shape) })
        let group = rows.appendGroup(RowGroup(table: "", partition: ""))
        for (column, target) in zip(columns, rows.columns) { target.append(rowsOf: column, from: row, count: 1) }
        rows.commitRow(event: 0, group: group)
        let formatter = JSONLinesFormatter()
        formatter.format(rows)
        var found: [UInt8] = []
        formatter.forEachGroup { _, bytes, _ in found = bytes.array }
        return found
    }
}
