internal import Columns
internal import Event
internal import JSON

/// W3C extended log files (W3C WD-logfile-960323), as IIS and others write them.
///
/// - Fields are separated by runs of blanks; `-` is no value; a value in quotes may hold blanks and doubled quotes.
///   IIS writes `+` for blanks; it is kept.
/// - Lines that begin with `#` are directives: no records. A pack may begin in the middle of a file, so the fields
///   are those that the route names, and every `#Fields` line is held against them: other ones refuse that line as
///   `header_mismatch`. A row with fewer or more fields than the route names is malformed.
/// - `timestamp` is `date` and `time` with a blank between; the format's times are UTC.
struct W3CParser: RecordParser {
    /// The field made of `date` and `time`.
    static let timestampName = "timestamp"

    private var table: FieldTable
    private let header: FieldNames
    private let fields: [Int]
    private let names: Scratch
    private let ends: [Int]
    private let timestamp: Int
    private let date: Int
    private let time: Int

    init(_ plan: RoutePlan) {
        let names = plan.spec.parse.fields
        table = FieldTable(plan.fields)
        header = FieldNames(names)
        fields = names.map { plan.fields.number(of: $0) }
        self.names = Scratch()
        for name in names { for byte in name.utf8 { self.names.append(byte) } }
        ends = names.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.utf8.count) }
        let hasBoth = names.contains("date") && names.contains("time")
        timestamp = hasBoth && !names.contains(Self.timestampName) ? plan.fields.number(of: Self.timestampName) : -1
        date = names.firstIndex(of: "date") ?? -1
        time = names.firstIndex(of: "time") ?? -1
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        if event[0] == UInt8(ascii: "#") { return directive(event) }
        table.begin(event)
        var index = 0
        var position = 0
        var day = Cell.none
        var clock = Cell.none
        while let value = next(event, &index) {
            guard position < fields.count else { return .refused(.malformed) }
            let cell = value.count == 1 && value[0] == UInt8(ascii: "-") ? Cell.none : Cell(kind: .text, bytes: value)
            if fields[position] >= 0 {
                table.set(fields[position], cell)
            } else if table.plan.extra >= 0,
                let reason = table.putUnknown(names.view(from: 0).slice(ends[position], ends[position + 1]), cell) {
                return .refused(reason)
            }
            if position == date { day = cell }
            if position == time { clock = cell }
            position += 1
        }
        guard position == fields.count else { return .refused(.malformed) }
        if timestamp >= 0, day.kind != .none, clock.kind != .none {
            let start = table.scratch.count
            table.scratch.append(day.bytes)
            table.scratch.append(32)
            table.scratch.append(clock.bytes)
            table.set(timestamp, Cell(kind: .text, bytes: table.scratch.view(from: start)))
        }
        table.finish()
        return .fields
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { table.cell(field) }

    private mutating func directive(_ event: ByteView) -> ParseOutcome {
        let colon = event.firstIndex(of: UInt8(ascii: ":"), from: 0)
        guard event.slice(0, colon).equalsIgnoringCase("#fields") else { return .filtered }
        table.begin(event)
        var index = min(colon + 1, event.count)
        var position = 0
        while let name = next(event, &index) {
            guard position < header.count, header.isName(position, name) else { return .refused(.headerMismatch) }
            position += 1
        }
        return position == header.count ? .filtered : .refused(.headerMismatch)
    }

    /// The next value; nil at the end.
    private mutating func next(_ event: ByteView, _ index: inout Int) -> ByteView? {
        while index < event.count, event[index] == 32 || event[index] == 9 { index += 1 }
        guard index < event.count else { return nil }
        if event[index] == UInt8(ascii: "\""), let value = quoted(event, &index) { return value }
        let from = index
        index = event.firstIndex(of: 32, or: 9, from: from)
        return event.slice(from, index)
    }

    /// A value in quotes with a blank or the end behind it; otherwise nil, and the quote is an ordinary byte.
    private mutating func quoted(_ event: ByteView, _ index: inout Int) -> ByteView? {
        let quote = UInt8(ascii: "\"")
        let start = table.scratch.count
        var from = index + 1
        var end = event.firstIndex(of: quote, from: from)
        while end + 1 < event.count, event[end + 1] == quote {
            table.scratch.append(event.slice(from, end + 1))
            from = end + 2
            end = event.firstIndex(of: quote, from: from)
        }
        guard end < event.count, end + 1 == event.count || event[end + 1] == 32 || event[end + 1] == 9 else {
            table.scratch.truncate(to: start)
            return nil
        }
        let first = index + 1
        index = end + 1
        if table.scratch.count == start { return event.slice(first, end) }
        table.scratch.append(event.slice(from, end))
        return table.scratch.view(from: start)
    }
}
