internal import Columns
internal import Event
internal import JSON

/// Fields between delimiters, by RFC 4180:
///
/// - a field in quotes may hold delimiters, line feeds and doubled quotes; nothing may stand between its
///   closing quote and the delimiter;
/// - a quote inside a field that does not begin with one is malformed; so are fewer fields than the route
///   names, and more are too many columns;
/// - with an escape byte instead (`\`), that byte takes the next one with it, in quotes and outside: `\n`, `\r`,
///   `\t` are control characters, any other byte stands for itself;
/// - an unquoted field that is the route's null text has no value; an empty one has the empty text.
///
/// With a header, a row that holds exactly the names of the fields is no record, wherever it stands (files
/// are concatenated); if the first row of a stream is another one, it is refused as `header_mismatch`.
struct DelimitedParser: RecordParser {
    private var table: FieldTable
    private let header: FieldNames
    /// Per position in the row: the field's number in the plan, or -1.
    private let fields: [Int]
    private let hasHeader: Bool
    private let delimiter: UInt8
    /// 0: none.
    private let quote: UInt8
    private let escape: UInt8
    /// Whether fields that no column reads are kept.
    private let wantsUnknown: Bool
    private let names: Scratch
    /// Name `i` is bytes `[ends[i], ends[i + 1])` of `names`.
    private let ends: [Int]

    init(_ plan: RoutePlan) {
        let parse = plan.spec.parse
        table = FieldTable(plan.fields)
        header = FieldNames(parse.fields)
        fields = parse.fields.map { plan.fields.number(of: $0) }
        hasHeader = parse.hasHeader
        delimiter = parse.delimiter ?? UInt8(ascii: ",")
        quote = parse.quote ?? UInt8(ascii: "\"")
        escape = parse.escape ?? 0
        wantsUnknown = plan.fields.extra >= 0
        names = Scratch()
        for name in parse.fields { for byte in name.utf8 { names.append(byte) } }
        ends = parse.fields.reduce(into: [0]) { $0.append($0[$0.count - 1] + $1.utf8.count) }
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        table.begin(event)
        var index = 0
        var position = 0
        var isHeader = hasHeader
        var isAtEnd = false
        while !isAtEnd {
            var isQuoted = false
            guard let value = field(event, &index, &isQuoted) else { return .refused(.malformed) }
            isAtEnd = index >= event.count
            index += 1
            guard position < fields.count else {
                return .refused(isFirst && hasHeader ? .headerMismatch : .tooManyColumns)
            }
            if isHeader { isHeader = header.isName(position, value) }
            let isNull = !isQuoted && table.plan.isNull(value)
            let cell = isNull ? Cell.none : Cell(kind: .text, bytes: value)
            if fields[position] >= 0 {
                table.set(fields[position], cell)
            } else if wantsUnknown, let reason = table.putUnknown(name(position), cell) {
                return .refused(reason)
            }
            position += 1
        }
        if isHeader, position == fields.count { return .filtered }
        if isFirst, hasHeader { return .refused(.headerMismatch) }
        guard position == fields.count else { return .refused(.malformed) }
        table.finish()
        return .fields
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { table.cell(field) }

    private func name(_ position: Int) -> ByteView { names.view(from: 0).slice(ends[position], ends[position + 1]) }

    /// The field that begins at `index`, which moves to the delimiter behind it or to the end.
    private func field(_ event: ByteView, _ index: inout Int, _ isQuoted: inout Bool) -> ByteView? {
        if quote != 0, index < event.count, event[index] == quote {
            isQuoted = true
            return quoted(event, &index)
        }
        let from = index
        if escape != 0 { return escaped(event, &index) }
        guard quote != 0 else {
            index = event.firstIndex(of: delimiter, from: from)
            return event.slice(from, index)
        }
        index = event.firstIndex(of: delimiter, or: quote, from: from)
        guard index == event.count || event[index] == delimiter else { return nil }
        return event.slice(from, index)
    }

    private func quoted(_ event: ByteView, _ index: inout Int) -> ByteView? {
        let from = index + 1
        let second = escape != 0 ? escape : quote
        index = event.firstIndex(of: quote, or: second, from: from)
        if index < event.count, event[index] == quote, index + 1 == event.count || event[index + 1] == delimiter {
            index += 1
            return event.slice(from, index - 1)
        }
        let start = table.scratch.count
        var copied = from
        while index < event.count {
            table.scratch.append(event.slice(copied, index))
            if escape != 0, event[index] == escape {
                guard index + 1 < event.count else { return nil }
                table.scratch.append(Self.unescaped(event[index + 1]))
                copied = index + 2
            } else if index + 1 == event.count || event[index + 1] == delimiter {
                index += 1
                return table.scratch.view(from: start)
            } else {
                guard event[index + 1] == quote, escape == 0 else { return nil }
                table.scratch.append(quote)
                copied = index + 2
            }
            index = event.firstIndex(of: quote, or: second, from: copied)
        }
        return nil
    }

    /// A field without quotes that may hold escapes.
    private func escaped(_ event: ByteView, _ index: inout Int) -> ByteView? {
        let from = index
        index = event.firstIndex(of: delimiter, or: escape, from: from)
        if index == event.count || event[index] == delimiter { return event.slice(from, index) }
        // Why: `\N` is no escape but the null text.
        let end = event.firstIndex(of: delimiter, from: from)
        if table.plan.isNull(event.slice(from, end)) {
            index = end
            return event.slice(from, end)
        }
        let start = table.scratch.count
        var copied = from
        while index < event.count, event[index] == escape {
            guard index + 1 < event.count else { return nil }
            table.scratch.append(event.slice(copied, index))
            table.scratch.append(Self.unescaped(event[index + 1]))
            copied = index + 2
            index = event.firstIndex(of: delimiter, or: escape, from: copied)
        }
        table.scratch.append(event.slice(copied, index))
        return table.scratch.view(from: start)
    }

    private static func unescaped(_ byte: UInt8) -> UInt8 {
        switch byte {
        case UInt8(ascii: "n"): 10
        case UInt8(ascii: "r"): 13
        case UInt8(ascii: "t"): 9
        default: byte
        }
    }
}
