internal import Columns
internal import Event
internal import JSON

/// Syslog as it lies in files and as it comes from the wire.
///
/// RFC 5424, known by `<PRI>1 `: time, host, app, procid, msgid, structured data, message; `-` is no value; a
/// byte-order mark before the message is left out. A parameter of structured data is the field
/// `sd["id@32473"].name`; of equal ones the last counts.
///
/// Otherwise RFC 3164, with `<PRI>` or without (files): time (`Nov 20 12:34:56` or RFC 3339), host, `app[procid]:`,
/// message. Where the first word behind the time ends with a colon there is no host; where no word looks like an
/// app, everything behind the host is the message.
struct SyslogParser: RecordParser {
    /// The fields, in the order of their numbers; parameters of structured data follow.
    enum Field: Int, CaseIterable {
        case time, priority, facility, severity, host, app, procid, msgid
        case structuredData, message, version
        var name: String { self == .structuredData ? "structured_data" : "\(self)" }
    }
    /// Largest priority: facility 23, severity 7.
    static let maximumPriority = 191

    private var table: FieldTable
    /// Per `Field`: its number in the plan, or -1.
    private let numbers: [Int]
    private let parameters: [Parameter]
    private let names = Scratch(capacity: 4_096)

    private struct Parameter {
        var id: [UInt8]
        var name: [UInt8]
        var number: Int
    }

    init(_ plan: RoutePlan) {
        table = FieldTable(plan.fields)
        numbers = Field.allCases.map { plan.fields.number(of: $0.name) }
        parameters = plan.columns.compactMap { column in
            guard let parameter = SyslogPath(column.path) else { return nil }
            return Parameter(id: parameter.id, name: parameter.name, number: plan.fields.number(of: column.path))
        }
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        table.begin(event)
        names.removeAll(reserving: event.count * 2)
        var index = 0
        guard priority(event, &index) else { return .refused(.malformed) }
        let isVersioned = index > 0 && index + 1 < event.count && event[index] == UInt8(ascii: "1")
            && event[index + 1] == space
        if isVersioned { return protocol5424(event, index) }
        return protocol3164(event, index)
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { table.cell(field) }

    private mutating func set(_ field: Field, _ text: ByteView) {
        let number = numbers[field.rawValue]
        guard number >= 0 else { return }
        table.set(number, Cell(kind: .text, bytes: text))
    }

    /// `<PRI>`, if it is there; `index` moves behind it.
    private mutating func priority(_ event: ByteView, _ index: inout Int) -> Bool {
        guard event[0] == UInt8(ascii: "<") else { return true }
        let end = event.firstIndex(of: UInt8(ascii: ">"), from: 0)
        guard end < event.count, end >= 2, end <= 4,
            let value = NumberText.int64(event.slice(1, end)), value >= 0, value <= Self.maximumPriority
        else { return false }
        set(.priority, event.slice(1, end))
        set(.facility, decimal(value / 8))
        set(.severity, decimal(value % 8))
        index = end + 1
        return true
    }

    /// Why not into the table's scratch: unescaped values may need all of that.
    private func decimal(_ value: Int64) -> ByteView {
        let from = names.count
        names.append(decimal: UInt64(value))
        return names.view(from: from)
    }

    // MARK: RFC 5424

    /// Between the version and the structured data, in this order.
    private static let headerFields = [Field.time, .host, .app, .procid, .msgid]

    private mutating func protocol5424(_ event: ByteView, _ start: Int) -> ParseOutcome {
        var index = start + 2
        set(.version, event.slice(start, start + 1))
        for place in 0..<Self.headerFields.count {
            let field = Self.headerFields[place]
            let end = event.firstIndex(of: space, from: index)
            guard end > index, end < event.count else { return .refused(.malformed) }
            if !isNil(event, index, end) { set(field, event.slice(index, end)) }
            index = end + 1
        }
        guard index < event.count else { return .refused(.malformed) }
        if event[index] == UInt8(ascii: "-") {
            index += 1
        } else {
            let from = index
            if let reason = structuredData(event, &index) { return .refused(reason) }
            set(.structuredData, event.slice(from, index))
        }
        guard index == event.count || event[index] == space else { return .refused(.malformed) }
        if index + 1 < event.count { message(event, index + 1) }
        table.finish()
        return .fields
    }

    private func isNil(_ event: ByteView, _ from: Int, _ to: Int) -> Bool {
        to == from + 1 && event[from] == UInt8(ascii: "-")
    }

    private mutating func message(_ event: ByteView, _ start: Int) {
        var from = start
        if event.count - from >= 3, event[from] == 0xEF, event[from + 1] == 0xBB, event[from + 2] == 0xBF { from += 3 }
        set(.message, event.slice(from, event.count))
    }

    /// `[id name="value" ...]...`; `index` moves behind the last bracket.
    private mutating func structuredData(_ event: ByteView, _ index: inout Int) -> Rejection? {
        guard event[index] == UInt8(ascii: "[") else { return .malformed }
        while index < event.count, event[index] == UInt8(ascii: "[") {
            let from = index + 1
            index = from
            while index < event.count, Self.isName(event[index]) { index += 1 }
            let id = event.slice(from, index)
            guard !id.isEmpty, index < event.count else { return .malformed }
            while event[index] == space {
                let start = index + 1
                index = start
                while index < event.count, Self.isName(event[index]) { index += 1 }
                guard index > start, index + 1 < event.count, event[index] == UInt8(ascii: "="),
                    event[index + 1] == quote
                else { return .malformed }
                let name = event.slice(start, index)
                index += 2
                guard let value = parameterValue(event, &index), index < event.count else { return .malformed }
                if let reason = put(id, name, value) { return reason }
            }
            guard event[index] == UInt8(ascii: "]") else { return .malformed }
            index += 1
        }
        return nil
    }

    /// A name of structured data: printable ASCII but `=`, space, `]` and the quote.
    private static func isName(_ byte: UInt8) -> Bool {
        byte > 32 && byte < 127 && byte != UInt8(ascii: "=") && byte != UInt8(ascii: "]") && byte != quote
    }

    /// The value behind its opening quote; a backslash takes the next quote, bracket or backslash with it, and is
    /// itself before any other byte. `index` moves behind the closing quote.
    private func parameterValue(_ event: ByteView, _ index: inout Int) -> ByteView? {
        let from = index
        index = event.firstIndex(of: quote, or: backslash, from: from)
        if index < event.count, event[index] == quote {
            index += 1
            return event.slice(from, index - 1)
        }
        let start = table.scratch.count
        var copied = from
        while index < event.count, event[index] == backslash {
            guard index + 1 < event.count else { return nil }
            let next = event[index + 1]
            let isEscape = next == quote || next == backslash || next == UInt8(ascii: "]")
            table.scratch.append(event.slice(copied, isEscape ? index : index + 1))
            table.scratch.append(next)
            copied = index + 2
            index = event.firstIndex(of: quote, or: backslash, from: copied)
        }
        guard index < event.count else { return nil }
        table.scratch.append(event.slice(copied, index))
        index += 1
        return table.scratch.view(from: start)
    }

    private mutating func put(_ id: ByteView, _ name: ByteView, _ value: ByteView) -> Rejection? {
        let cell = Cell(kind: .text, bytes: value)
        var isKnown = false
        for index in 0..<parameters.count
        where Self.equal(parameters[index].id, id) && Self.equal(parameters[index].name, name) {
            table.set(parameters[index].number, cell)
            isKnown = true
        }
        guard !isKnown, table.plan.extra >= 0 else { return nil }
        let from = names.count
        names.append(id)
        names.append(UInt8(ascii: "."))
        names.append(name)
        return table.putUnknown(names.view(from: from), cell)
    }

    private static func equal(_ bytes: [UInt8], _ view: ByteView) -> Bool {
        guard bytes.count == view.count else { return false }
        for index in 0..<bytes.count where bytes[index] != view[index] { return false }
        return true
    }

    // MARK: RFC 3164

    private mutating func protocol3164(_ event: ByteView, _ start: Int) -> ParseOutcome {
        var index = start
        guard time(event, &index) else { return .refused(.malformed) }
        while index < event.count, event[index] == space { index += 1 }
        let end = event.firstIndex(of: space, from: index)
        if end > index, !Self.looksLikeApp(event.slice(index, end)) {
            set(.host, event.slice(index, end))
            index = min(end + 1, event.count)
        }
        tag(event, &index)
        if index < event.count { message(event, index) }
        table.finish()
        return .fields
    }

    /// The time and the space behind it.
    private mutating func time(_ event: ByteView, _ index: inout Int) -> Bool {
        guard index < event.count else { return false }
        var end = event.firstIndex(of: space, from: index)
        if event[index] &- 48 >= 10 {
            // Month, day, clock; a year may stand between. A day of one digit has two blanks before it.
            var words = 1
            while words < 4, end < event.count {
                var from = end
                while from < event.count, event[from] == space { from += 1 }
                end = event.firstIndex(of: space, from: from)
                words += 1
                let word = event.slice(from, end)
                if words >= 3, word.firstIndex(of: UInt8(ascii: ":"), from: 0) < word.count { break }
            }
        }
        let text = event.slice(index, end)
        var hasZone = false
        guard TimeText.syslog(text) != nil || TimeText.rfc3339(text, &hasZone) != nil else { return false }
        set(.time, text)
        index = min(end + 1, event.count)
        return true
    }

    /// `app:`, `app[pid]:` or `app[pid]` with nothing odd before it.
    private static func looksLikeApp(_ word: ByteView) -> Bool {
        guard let last = word.isEmpty ? nil : word[word.count - 1] else { return false }
        return last == UInt8(ascii: ":") || last == UInt8(ascii: "]") && word[0] != UInt8(ascii: "[")
    }

    /// The app, its process and the colon, if they are there.
    private mutating func tag(_ event: ByteView, _ index: inout Int) {
        let from = index
        var end = from
        while end < event.count, event[end] > 32, event[end] != UInt8(ascii: ":"), event[end] != UInt8(ascii: "[") {
            end += 1
        }
        guard end > from, end < event.count, event[end] > 32 else { return }
        var after = end
        var process: ByteView?
        if event[end] == UInt8(ascii: "[") {
            let closing = event.firstIndex(of: UInt8(ascii: "]"), or: space, from: end)
            guard closing < event.count, event[closing] != space else { return }
            process = event.slice(end + 1, closing)
            after = closing + 1
        }
        if after < event.count, event[after] == UInt8(ascii: ":") {
            after += 1
        } else if process == nil {
            return
        }
        set(.app, event.slice(from, end))
        if let process { set(.procid, process) }
        while after < event.count, event[after] == space { after += 1 }
        index = after
    }
}

/// `sd["id@32473"].name`: a parameter of structured data.
struct SyslogPath {
    var id: [UInt8]
    var name: [UInt8]

    init?(_ text: String) {
        let bytes = Array(text.utf8)
        guard text.hasPrefix("sd[\""), let end = bytes.firstIndex(of: UInt8(ascii: "]")), end > 5,
            bytes[end - 1] == quote, end + 2 < bytes.count, bytes[end + 1] == UInt8(ascii: ".")
        else { return nil }
        id = Array(bytes[4..<(end - 1)])
        name = Array(bytes[(end + 2)...])
    }
}

private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")
