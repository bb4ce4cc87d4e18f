public import Event

/// A value of a document: where it stands and what kind it is.
public struct JSONPart {
    public enum Kind: UInt8, Sendable { case missing, null, string, number, yes, no, structure }
    public var kind: Kind
    /// As written; strings with their quotes.
    public var raw: ByteView
    /// Of a string: whether it has escapes.
    public var hasEscape: Bool

    public init(kind: Kind, raw: ByteView, hasEscape: Bool = false) {
        (self.kind, self.raw, self.hasEscape) = (kind, raw, hasEscape)
    }

    public static var missing: JSONPart { JSONPart(kind: .missing, raw: .empty) }
    /// The inside of a string, still escaped.
    public var inside: ByteView { raw.slice(1, raw.count - 1) }
    public var isObject: Bool { kind == .structure && raw[0] == UInt8(ascii: "{") }
}

/// Walks over the members of an object or the elements of an array, one level deep: names and values as they stand
/// in the text.
///
/// The document was validated when it was taken in, such as by `DocumentReader`; here only bounds and structure are
/// checked. Anything odd ends the walk with `isBroken`.
public struct JSONParts {
    /// Deepest nesting of a value.
    static let maximumDepth = 1_000

    private let bytes: ByteView
    private var index = 0
    public private(set) var isBroken = false
    private var isFirst = true
    private let closing: UInt8

    /// A walk over an object, or over an array (then names are empty).
    public init(_ bytes: ByteView, isArray: Bool = false) {
        self.bytes = bytes
        closing = isArray ? UInt8(ascii: "]") : UInt8(ascii: "}")
        skipBlanks()
        if !take(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{")) { isBroken = true }
    }

    /// The next part, without a name in arrays; nil at the end.
    public mutating func next() -> (name: JSONPart, value: JSONPart)? {
        guard !isBroken else { return nil }
        skipBlanks()
        if take(closing) { return nil }
        if !isFirst {
            guard take(UInt8(ascii: ",")) else { return fail() }
            skipBlanks()
        }
        isFirst = false
        var name = JSONPart.missing
        if closing == UInt8(ascii: "}") {
            guard index < bytes.count, bytes[index] == UInt8(ascii: "\""), let found = string() else { return fail() }
            name = found
            skipBlanks()
            guard take(UInt8(ascii: ":")) else { return fail() }
            skipBlanks()
        }
        guard let value = value() else { return fail() }
        return (name, value)
    }

    private mutating func fail() -> (name: JSONPart, value: JSONPart)? {
        isBroken = true
        return nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard index < bytes.count, bytes[index] == byte else { return false }
        index &+= 1
        return true
    }

    private mutating func skipBlanks() {
        while index < bytes.count {
            switch bytes[index] {
            case 32, 9, 10, 13: index &+= 1
            default: return
            }
        }
    }

    private mutating func value() -> JSONPart? {
        guard index < bytes.count else { return nil }
        let from = index
        switch bytes[index] {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard skipStructure() else { return nil }
            return JSONPart(kind: .structure, raw: bytes.slice(from, index))
        default:
            while index < bytes.count {
                let byte = bytes[index]
                if byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") || byte <= 32 {
                    break
                }
                index &+= 1
            }
            let raw = bytes.slice(from, index)
            guard raw.count > 0 else { return nil }
            switch raw[0] {
            case UInt8(ascii: "n"): return raw.equals("null") ? JSONPart(kind: .null, raw: raw) : nil
            case UInt8(ascii: "t"): return raw.equals("true") ? JSONPart(kind: .yes, raw: raw) : nil
            case UInt8(ascii: "f"): return raw.equals("false") ? JSONPart(kind: .no, raw: raw) : nil
            default: return JSONPart(kind: .number, raw: raw)
            }
        }
    }

    private mutating func string() -> JSONPart? {
        let from = index
        var hasEscape = false
        var at = index + 1
        while true {
            at = bytes.firstIndex(of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), from: min(at, bytes.count))
            guard at < bytes.count else { return nil }
            if bytes[at] == UInt8(ascii: "\"") { break }
            hasEscape = true
            at += 2
        }
        index = at + 1
        return JSONPart(kind: .string, raw: bytes.slice(from, index), hasEscape: hasEscape)
    }

    private mutating func skipStructure() -> Bool {
        var depth = 0
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                guard string() != nil else { return false }
                continue
            default: break
            }
            index &+= 1
            if depth == 0 { return true }
            guard depth <= Self.maximumDepth else { return false }
        }
        return false
    }
}
