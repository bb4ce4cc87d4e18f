internal import Columns
internal import Event

/// Apache/nginx combined and common log format:
///
///     remote ident user [time] "request" status bytes ["referer" "agent"]
///
/// - Inside quotes a backslash takes the next byte with it; values are kept as they were logged.
/// - `-` is no value. `method`, `uri`, `protocol` have values only if the request is exactly
///   `METHOD URI HTTP/1.1`, or `METHOD /URI` as HTTP/0.9 has it (RFC 1945, section 5); the request is always kept
///   whole.
/// - A line that is wrapped in one more pair of quotes is taken without them.
/// - An agent without its closing quote is malformed: the line was cut.
/// - Referer and agent may be a bare `-` (Traefik).
/// - Words before the remote host (`%v`), and words, quoted or bracketed values behind the agent, are taken
///   where the route names them. Leading ones must be there, trailing ones may be missing from the last on;
///   what the route does not name is malformed.
struct CombinedParser: RecordParser {
    /// The fields, in the order of the standard columns; the raw value is the index into `cells`.
    enum Field: Int, CaseIterable {
        case remote, ident, user, time, request, method, uri, `protocol`, status, bytes, referer, agent
    }
    static let fieldCount = 12

    /// Where the fields of the last line lie in it; `from` is -1 where there is no value.
    struct Extent {
        var from: Int32 = -1
        var to: Int32 = -1
    }
    /// The standard fields, the leading ones, the trailing ones.
    private let extents: ExtentTable
    private let leadingCount: Int
    /// Leading and trailing fields.
    private let otherCount: Int
    private var line = ByteView.empty

    init(_ parse: ParseSpec = ParseSpec()) {
        leadingCount = parse.leading.count
        otherCount = parse.leading.count + parse.trailing.count
        extents = ExtentTable(count: Self.fieldCount + otherCount)
    }

    /// Names of all fields, in the order of their numbers.
    static func names(_ parse: ParseSpec) -> [String] {
        Field.allCases.map { "\($0)" } + parse.leading + parse.trailing
    }

    @inline(__always)
    func cell(_ field: Int, _ type: ColumnType) -> Cell {
        let extent = extents[field]
        guard extent.from >= 0 else { return .none }
        return Cell(kind: .text, bytes: line.slice(Int(extent.from), Int(extent.to)))
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        line = event
        return read(event) ? .fields : .refused(.malformed)
    }

    /// Finds the fields of a line (without its line end). False: not of this format.
    private mutating func read(_ line: ByteView) -> Bool {
        guard line.count <= Int(Int32.max) else { return false }
        var index = 0
        var end = line.count
        // Why: trailing blanks carry nothing, and editors and shippers add them.
        while end > 0, line[end - 1] == space { end -= 1 }
        if end >= 2, line[0] == quote, line[end - 1] == quote {
            index = 1
            end -= 1
        }
        let text = line.slice(0, end)
        for place in 0..<leadingCount {
            guard index < end, value(place, text, &index), index < end, text[index] == space else { return false }
            index += 1
        }
        guard word(.remote, text, &index), word(.ident, text, &index), user(text, &index),
            time(text, &index), request(text, &index), number(.status, text, &index)
        else { return false }
        let bytesEnd = text.firstIndex(of: space, from: index)
        guard digitsOrDash(.bytes, text, index, bytesEnd) else { return false }
        if bytesEnd == end {
            extents[Field.referer.rawValue] = Extent()
            extents[Field.agent.rawValue] = Extent()
            for place in leadingCount..<otherCount { extents[Self.fieldCount + place] = Extent() }
            return true
        }
        index = bytesEnd + 1
        guard quotedOrDash(.referer, text, &index), index < end, text[index] == space else { return false }
        index += 1
        guard quotedOrDash(.agent, text, &index) else { return false }
        return index == end && otherCount == leadingCount || trailing(text, &index)
    }

    /// The fields behind the agent, each with a space before it.
    private mutating func trailing(_ text: ByteView, _ index: inout Int) -> Bool {
        for place in leadingCount..<otherCount {
            extents[Self.fieldCount + place] = Extent()
            guard index < text.count else { continue }
            guard text[index] == space, index + 1 < text.count else { return false }
            index += 1
            guard value(place, text, &index) else { return false }
        }
        return index == text.count
    }

    /// A word, or a value in quotes or brackets; `index` moves behind it.
    private mutating func value(_ place: Int, _ text: ByteView, _ index: inout Int) -> Bool {
        let from = text[index] == quote || text[index] == bracket ? index + 1 : index
        var end: Int
        if text[index] == quote {
            guard let closing = closingQuote(text, from) else { return false }
            end = closing
            index = end + 1
        } else if text[index] == bracket {
            end = text.firstIndex(of: closingBracket, from: from)
            guard end < text.count else { return false }
            index = end + 1
        } else {
            end = text.firstIndex(of: space, from: from)
            guard end > from else { return false }
            index = end
        }
        let isDash = end == from + 1 && text[from] == dash
        extents[Self.fieldCount + place] = isDash ? Extent() : Extent(from: Int32(from), to: Int32(end))
        return true
    }

    private mutating func quotedOrDash(_ field: Field, _ text: ByteView, _ index: inout Int) -> Bool {
        guard index < text.count, text[index] == dash else { return quoted(field, text, &index) }
        extents[field.rawValue] = Extent()
        index += 1
        return true
    }

    private mutating func set(_ field: Field, _ from: Int, _ to: Int, _ text: ByteView) {
        let isDash = to == from + 1 && text[from] == dash
        extents[field.rawValue] = isDash ? Extent() : Extent(from: Int32(from), to: Int32(to))
    }

    /// A word and the space behind it.
    private mutating func word(_ field: Field, _ text: ByteView, _ index: inout Int) -> Bool {
        let end = text.firstIndex(of: space, from: index)
        guard end > index, end < text.count else { return false }
        set(field, index, end, text)
        index = end + 1
        return true
    }

    /// The user and ` [`. Why: a user name may hold spaces, the bracket ends it.
    private mutating func user(_ text: ByteView, _ index: inout Int) -> Bool {
        var end = text.firstIndex(of: space, from: index)
        while end + 1 < text.count, text[end + 1] != bracket { end = text.firstIndex(of: space, from: end + 1) }
        guard end > index, end + 1 < text.count else { return false }
        set(.user, index, end, text)
        index = end + 2
        return true
    }

    /// The time and `] `.
    private mutating func time(_ text: ByteView, _ index: inout Int) -> Bool {
        let end = text.firstIndex(of: closingBracket, from: index)
        guard end > index, end + 1 < text.count, text[end + 1] == space else { return false }
        set(.time, index, end, text)
        index = end + 2
        return true
    }

    /// The quoted request and the space behind it, and its three parts.
    private mutating func request(_ text: ByteView, _ index: inout Int) -> Bool {
        let from = index + 1
        guard quoted(.request, text, &index), index < text.count, text[index] == space else { return false }
        split(text, from, index - 1)
        index += 1
        return true
    }

    /// `METHOD URI HTTP/x`: a method of letters, `-` and `_`, one space on either side of the URI, no other.
    private mutating func split(_ text: ByteView, _ from: Int, _ to: Int) {
        extents[Field.method.rawValue] = Extent()
        extents[Field.uri.rawValue] = Extent()
        extents[Field.protocol.rawValue] = Extent()
        let request = text.slice(0, to)
        let first = request.firstIndex(of: space, from: from)
        guard first > from, first < to else { return }
        let second = request.firstIndex(of: space, from: first + 1)
        let isSimple = second >= to && first + 1 < to && request[first + 1] == UInt8(ascii: "/")
        guard isSimple || second > first + 1 && isVersioned(request, second, to) else { return }
        for index in from..<first {
            let byte = request[index]
            guard (byte | 0x20) &- 97 < 26 || byte == dash || byte == UInt8(ascii: "_") else { return }
        }
        extents[Field.method.rawValue] = Extent(from: Int32(from), to: Int32(first))
        extents[Field.uri.rawValue] = Extent(from: Int32(first + 1), to: Int32(isSimple ? to : second))
        if !isSimple { extents[Field.protocol.rawValue] = Extent(from: Int32(second + 1), to: Int32(to)) }
    }

    /// Whether `HTTP/` and a version, and nothing else, stand behind the second space.
    @inline(__always)
    private func isVersioned(_ request: ByteView, _ second: Int, _ to: Int) -> Bool {
        to - second > 6 && request[second + 1] == UInt8(ascii: "H")
            && request[second + 2] == UInt8(ascii: "T") && request[second + 3] == UInt8(ascii: "T")
            && request[second + 4] == UInt8(ascii: "P") && request[second + 5] == UInt8(ascii: "/")
            && Self.isVersion(request.slice(second + 6, to))
    }

    /// `1.1`, `2`: digits and dots, so nothing else follows the protocol.
    private static func isVersion(_ text: ByteView) -> Bool {
        for index in 0..<text.count {
            guard text[index] &- 48 < 10 || text[index] == UInt8(ascii: ".") else { return false }
        }
        return true
    }

    /// A value in quotes; `index` moves behind the closing one.
    private mutating func quoted(_ field: Field, _ text: ByteView, _ index: inout Int) -> Bool {
        guard index < text.count, text[index] == quote else { return false }
        let from = index + 1
        guard let end = closingQuote(text, from) else { return false }
        set(field, from, end, text)
        index = end + 1
        return true
    }

    /// The quote that ends a value; a backslash takes the next byte with it.
    private func closingQuote(_ text: ByteView, _ from: Int) -> Int? {
        var end = text.firstIndex(of: quote, or: backslash, from: from)
        while end < text.count, text[end] == backslash {
            guard end + 2 <= text.count else { return nil }
            end = text.firstIndex(of: quote, or: backslash, from: end + 2)
        }
        return end < text.count ? end : nil
    }

    private mutating func number(_ field: Field, _ text: ByteView, _ index: inout Int) -> Bool {
        let end = text.firstIndex(of: space, from: index)
        guard end < text.count, digitsOrDash(field, text, index, end) else { return false }
        index = end + 1
        return true
    }

    private mutating func digitsOrDash(_ field: Field, _ text: ByteView, _ from: Int, _ to: Int) -> Bool {
        guard to > from else { return false }
        set(field, from, to, text)
        guard extents[field.rawValue].from >= 0 else { return true }
        for index in from..<to {
            guard text[index] &- 48 < 10 else { return false }
        }
        return true
    }
}

private let space = UInt8(ascii: " ")
private let quote = UInt8(ascii: "\"")
private let backslash = UInt8(ascii: "\\")
private let bracket = UInt8(ascii: "[")
private let closingBracket = UInt8(ascii: "]")
private let dash = UInt8(ascii: "-")

/// The extents of a line's fields.
///
/// Why a class: an inline array inside the parser is copied whole at every look at one of its elements.
// Safety: `base` has `count` elements, indices are checked; it is freed in deinit.
@safe private final class ExtentTable {
    private let base: UnsafeMutablePointer<CombinedParser.Extent>
    private let count: Int

    init(count: Int) {
        self.count = count
        unsafe base = .allocate(capacity: count)
        unsafe base.initialize(repeating: CombinedParser.Extent(), count: count)
    }

    deinit { unsafe base.deallocate() }

    @inline(__always)
    subscript(index: Int) -> CombinedParser.Extent {
        get {
            precondition(index >= 0 && index < count, "field outside line")
            return unsafe base[index]
        }
        set {
            precondition(index >= 0 && index < count, "field outside line")
            unsafe base[index] = newValue
        }
    }
}
