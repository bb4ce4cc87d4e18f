internal import Columns
internal import Event
internal import JSON

/// Pairs of name and value: logfmt, and pairs with separators of one's own.
///
/// - A value may be quoted; inside, a backslash takes the next byte with it: `\n`, `\r`, `\t`, `\b`, `\f` and
///   `\uXXXX` (pairs for characters beyond 16 bits) as in JSON, any other byte stands for itself. In key_value a
///   doubled quote is one, too. Only a separator may follow the closing quote.
/// - An unquoted value reaches to the separator, whatever it holds (`path=/?a=b`); one that is the route's null
///   text has no value.
/// - logfmt: a name alone is a flag, its value `true`; a line without any `=` is malformed.
/// - key_value: a pair without its `=` is malformed; blanks around names and values do not count; separators with
///   nothing between them are skipped.
/// - Of equal names the last counts.
struct KeyValueParser: RecordParser {
    private var table: FieldTable
    private let assign: UInt8
    /// 0: none.
    private let quote: UInt8
    /// Between pairs; a blank stands for any run of blanks.
    private let delimiter: UInt8
    private let takesFlags: Bool

    init(_ plan: RoutePlan) {
        let parse = plan.spec.parse
        let isLogfmt = plan.spec.format == .logfmt
        table = FieldTable(plan.fields)
        assign = isLogfmt ? UInt8(ascii: "=") : parse.assign ?? UInt8(ascii: "=")
        quote = isLogfmt ? UInt8(ascii: "\"") : parse.quote ?? UInt8(ascii: "\"")
        delimiter = isLogfmt ? blank : parse.delimiter ?? blank
        takesFlags = isLogfmt
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        table.begin(event)
        var index = 0
        var hasPair = false
        while true {
            while index < event.count, isBlank(event[index]) || event[index] == delimiter { index += 1 }
            guard index < event.count else { break }
            let from = index
            while index < event.count, event[index] != assign, !isSeparator(event[index]) { index += 1 }
            let name = event.slice(from, index).trimmed
            guard !name.isEmpty else { return .refused(.malformed) }
            var cell = Cell(kind: .text, bytes: Self.flag)
            if index < event.count, event[index] == assign {
                hasPair = true
                index += 1
                guard let value = value(event, &index) else { return .refused(.malformed) }
                cell = value
            } else if !takesFlags {
                return .refused(.malformed)
            }
            if let reason = table.put(name, cell) { return .refused(reason) }
        }
        guard hasPair else { return .refused(.malformed) }
        table.finish()
        return .fields
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { table.cell(field) }

    private static var flag: ByteView {
        let text: StaticString = "true"
        return unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    private func isSeparator(_ byte: UInt8) -> Bool { byte == delimiter || delimiter == blank && isBlank(byte) }

    /// The value at `index`, which moves to the separator behind it or to the end.
    private mutating func value(_ event: ByteView, _ index: inout Int) -> Cell? {
        if delimiter != blank {
            while index < event.count, isBlank(event[index]) { index += 1 }
        }
        if quote != 0, index < event.count, event[index] == quote {
            guard let text = quoted(event, &index) else { return nil }
            if delimiter != blank {
                while index < event.count, isBlank(event[index]) { index += 1 }
            }
            guard index == event.count || isSeparator(event[index]) else { return nil }
            return Cell(kind: .text, bytes: text)
        }
        let from = index
        while index < event.count, !isSeparator(event[index]) { index += 1 }
        let text = event.slice(from, index).trimmed
        return table.plan.isNull(text) ? Cell.none : Cell(kind: .text, bytes: text)
    }

    /// A value in quotes; `index` moves behind the closing one.
    private mutating func quoted(_ event: ByteView, _ index: inout Int) -> ByteView? {
        let from = index + 1
        index = event.firstIndex(of: quote, or: backslash, from: from)
        if index < event.count, event[index] == quote, !isDoubled(event, index) {
            index += 1
            return event.slice(from, index - 1)
        }
        let start = table.scratch.count
        var copied = from
        while index < event.count {
            table.scratch.append(event.slice(copied, index))
            if event[index] == backslash {
                index += 1
                guard table.scratch.append(escape: event, at: &index) == .taken else { return nil }
            } else if isDoubled(event, index) {
                table.scratch.append(quote)
                index += 2
            } else {
                index += 1
                return table.scratch.view(from: start)
            }
            copied = index
            index = event.firstIndex(of: quote, or: backslash, from: copied)
        }
        return nil
    }

    private func isDoubled(_ event: ByteView, _ index: Int) -> Bool {
        !takesFlags && index + 1 < event.count && event[index + 1] == quote
    }
}

private let blank = UInt8(ascii: " ")
private let backslash = UInt8(ascii: "\\")
private func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }
