/// Reads a JSON text (RFC 8259) into a `JSONNode`. Why not the parser of records: numbers must stay as written.
struct JSONNodeParser {
    /// MySQL's JSON has 100 levels at most.
    private static let maximumDepth = 128

    private let text: [UInt8]
    private var at = 0

    init(_ text: [UInt8]) { self.text = text }

    /// The one value of the text; nil: it is none.
    mutating func document() -> JSONNode? {
        guard let node = value(0) else { return nil }
        skipSpace()
        return at == text.count ? node : nil
    }

    private var byte: UInt8 { at < text.count ? text[at] : 0 }

    private mutating func skipSpace() {
        while at < text.count, [9, 10, 13, 32].contains(text[at]) { at += 1 }
    }

    private mutating func takes(_ wanted: UInt8) -> Bool {
        skipSpace()
        guard at < text.count, text[at] == wanted else { return false }
        at += 1
        return true
    }

    private mutating func value(_ depth: Int) -> JSONNode? {
        guard depth < Self.maximumDepth else { return nil }
        skipSpace()
        switch byte {
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "-"), 48...57: return number()
        default:
            for word in ["null", "true", "false"] where text[at...].starts(with: word.utf8) {
                at += word.utf8.count
                return .word(Array(word.utf8))
            }
            return nil
        }
    }

    private mutating func array(_ depth: Int) -> JSONNode? {
        at += 1
        var values: [JSONNode] = []
        if takes(UInt8(ascii: "]")) { return .array(values) }
        repeat {
            guard let value = value(depth + 1) else { return nil }
            values.append(value)
        } while takes(UInt8(ascii: ","))
        return takes(UInt8(ascii: "]")) ? .array(values) : nil
    }

    private mutating func object(_ depth: Int) -> JSONNode? {
        at += 1
        if takes(UInt8(ascii: "}")) { return .object([]) }
        var members: [(name: [UInt8], value: JSONNode)] = []
        repeat {
            skipSpace()
            guard byte == UInt8(ascii: "\""), let name = string(), takes(UInt8(ascii: ":")),
                let value = value(depth + 1)
            else { return nil }
            members.append((name, value))
        } while takes(UInt8(ascii: ","))
        guard takes(UInt8(ascii: "}")) else { return nil }
        return .object(Self.ordered(members))
    }

    /// In normal order, and of equal names the last.
    private static func ordered(
        _ members: [(name: [UInt8], value: JSONNode)]
    ) -> [(name: [UInt8], value: JSONNode)] {
        let order = members.indices.sorted {
            let (left, right) = (members[$0].name, members[$1].name)
            if left == right { return $0 < $1 }
            return left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
        }
        var found: [(name: [UInt8], value: JSONNode)] = []
        for index in order {
            if found.last?.name == members[index].name { found.removeLast() }
            found.append(members[index])
        }
        return found
    }

    private mutating func number() -> JSONNode? {
        let start = at
        if byte == UInt8(ascii: "-") { at += 1 }
        guard digits() else { return nil }
        if byte == UInt8(ascii: ".") {
            at += 1
            guard digits() else { return nil }
        }
        if byte == UInt8(ascii: "e") || byte == UInt8(ascii: "E") {
            at += 1
            if byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-") { at += 1 }
            guard digits() else { return nil }
        }
        return .number(Array(text[start..<at]))
    }

    private mutating func digits() -> Bool {
        let start = at
        while (48...57).contains(byte) { at += 1 }
        return at > start
    }

    private mutating func string() -> [UInt8]? {
        at += 1
        var bytes: [UInt8] = []
        while at < text.count {
            let byte = text[at]
            at += 1
            if byte == UInt8(ascii: "\"") { return bytes }
            guard byte == UInt8(ascii: "\\") else {
                bytes.append(byte)
                continue
            }
            guard at < text.count, append(escape: text[at], to: &bytes) else { return nil }
        }
        return nil
    }

    private mutating func append(escape: UInt8, to bytes: inout [UInt8]) -> Bool {
        at += 1
        switch escape {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): bytes.append(escape)
        case UInt8(ascii: "b"): bytes.append(8)
        case UInt8(ascii: "f"): bytes.append(12)
        case UInt8(ascii: "n"): bytes.append(10)
        case UInt8(ascii: "r"): bytes.append(13)
        case UInt8(ascii: "t"): bytes.append(9)
        case UInt8(ascii: "u"):
            guard var code = unit() else { return false }
            if (0xD800..<0xDC00).contains(code) {
                guard at + 1 < text.count, text[at] == UInt8(ascii: "\\"), text[at + 1] == UInt8(ascii: "u")
                else { return false }
                at += 2
                guard let low = unit(), (0xDC00..<0xE000).contains(low) else { return false }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { return false }
            bytes += Array(String(Character(scalar)).utf8)
        default: return false
        }
        return true
    }

    /// Four hexadecimal digits.
    private mutating func unit() -> UInt32? {
        guard at + 4 <= text.count else { return nil }
        let digits = text[at..<at + 4]
        guard digits.allSatisfy({ $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }) else { return nil }
        at += 4
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
