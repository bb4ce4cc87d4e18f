internal import Event

/// A member's value in a row's document: where it stands and what kind it is.
struct RawValue {
    enum Kind: UInt8 { case missing, null, string, number, yes, no, structure }
    var kind: Kind
    /// As written; strings with their quotes.
    var raw: ByteView
    var hasEscape = false

    static var missing: RawValue { RawValue(kind: .missing, raw: .empty) }
    /// The inside of a string, still escaped.
    var inside: ByteView { raw.slice(1, raw.count - 1) }
}

/// Walks over the members of one object: names and values as they stand in the text.
///
/// The document was validated when it was taken in; here only bounds and structure are checked. Anything odd
/// ends the walk with `isBroken`.
struct JSONCursor {
    /// Deepest nesting of a value.
    static let maximumDepth = 1_000

    let bytes: ByteView
    private var index = 0
    private(set) var isBroken = false
    private var isFirst = true
    private let closing: UInt8

    /// A walk over an object, or over an array (then names are empty).
    init(_ bytes: ByteView, isArray: Bool = false) {
        self.bytes = bytes
        closing = isArray ? UInt8(ascii: "]") : UInt8(ascii: "}")
        skipBlanks()
        if !take(isArray ? UInt8(ascii: "[") : UInt8(ascii: "{")) { isBroken = true }
    }

    /// The next member; nil at the end.
    mutating func next() -> (name: RawValue, value: RawValue)? {
        guard !isBroken else { return nil }
        skipBlanks()
        if take(closing) { return nil }
        if !isFirst {
            guard take(UInt8(ascii: ",")) else { return fail() }
            skipBlanks()
        }
        isFirst = false
        var name = RawValue.missing
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

    private mutating func fail() -> (name: RawValue, value: RawValue)? {
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

    private mutating func value() -> RawValue? {
        guard index < bytes.count else { return nil }
        let from = index
        switch bytes[index] {
        case UInt8(ascii: "\""): return string()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            guard skipStructure() else { return nil }
            return RawValue(kind: .structure, raw: bytes.slice(from, index))
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
            case UInt8(ascii: "n"): return raw.equals("null") ? RawValue(kind: .null, raw: raw) : nil
            case UInt8(ascii: "t"): return raw.equals("true") ? RawValue(kind: .yes, raw: raw) : nil
            case UInt8(ascii: "f"): return raw.equals("false") ? RawValue(kind: .no, raw: raw) : nil
            default: return RawValue(kind: .number, raw: raw)
            }
        }
    }

    private mutating func string() -> RawValue? {
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
        return RawValue(kind: .string, raw: bytes.slice(from, index), hasEscape: hasEscape)
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

extension Scratch {
    /// Appends the inside of a JSON string, unescaped; a lone surrogate becomes U+FFFD.
    func append(unescaped text: ByteView) {
        var index = 0
        while index < text.count {
            let end = text.firstIndex(of: UInt8(ascii: "\\"), from: index)
            append(text.slice(index, end))
            guard end + 1 < text.count else { return }
            index = end + 2
            switch text[end + 1] {
            case UInt8(ascii: "n"): append(10)
            case UInt8(ascii: "r"): append(13)
            case UInt8(ascii: "t"): append(9)
            case UInt8(ascii: "b"): append(8)
            case UInt8(ascii: "f"): append(12)
            case UInt8(ascii: "u"):
                guard var code = Self.unit(text, index) else { return }
                index += 4
                if code >= 0xD800, code < 0xDC00, index + 1 < text.count, text[index] == UInt8(ascii: "\\"),
                    text[index + 1] == UInt8(ascii: "u"), let low = Self.unit(text, index + 2), low >= 0xDC00,
                    low < 0xE000
                {
                    code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
                    index += 6
                }
                append(codePoint: code >= 0xD800 && code < 0xE000 ? 0xFFFD : code)
            default: append(text[end + 1])
            }
        }
    }

    private static func unit(_ text: ByteView, _ from: Int) -> UInt32? {
        guard from + 4 <= text.count else { return nil }
        var value: UInt32 = 0
        for index in from..<from + 4 {
            let byte = text[index]
            switch byte {
            case 0x30...0x39: value = value << 4 | UInt32(byte - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(byte - 0x41 + 10)
            case 0x61...0x66: value = value << 4 | UInt32(byte - 0x61 + 10)
            default: return nil
            }
        }
        return value
    }

    /// Appends a code point as UTF-8.
    func append(codePoint: UInt32) {
        switch codePoint {
        case ..<0x80: append(UInt8(truncatingIfNeeded: codePoint))
        case ..<0x800:
            append(0xC0 | UInt8(truncatingIfNeeded: codePoint >> 6))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        case ..<0x10000:
            append(0xE0 | UInt8(truncatingIfNeeded: codePoint >> 12))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 6 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        default:
            append(0xF0 | UInt8(truncatingIfNeeded: codePoint >> 18 & 0x07))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 12 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 6 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        }
    }

    /// Appends the bytes that a text of code points below 256 stands for (Latin-1); false if one is above.
    func append(latin text: ByteView) -> Bool {
        var index = 0
        while index < text.count {
            let byte = text[index]
            if byte < 0x80 {
                append(byte)
                index &+= 1
            } else {
                guard byte & 0xFC == 0xC0, index + 1 < text.count else { return false }
                append(byte << 6 | text[index + 1] & 0x3F)
                index &+= 2
            }
        }
        return true
    }
}
