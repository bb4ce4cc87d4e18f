internal import Columns
internal import Event

/// Goes through a JSON text that is known to be valid. Invariant: between calls it stands on a byte that is no
/// blank: a value, a name, or what closes a structure.
struct JSONCursor {
    private let text: ByteView
    var at = 0

    /// A cursor at the start of a text without blanks in front.
    init(_ text: ByteView) { self.text = text }

    /// The byte it stands on; 0 behind the end.
    var byte: UInt8 { at < text.count ? text[at] : 0 }

    mutating func step() { at += 1 }

    private mutating func skipBlanks() {
        while at < text.count, text[at] == 32 || text[at] == 10 || text[at] == 13 || text[at] == 9 { at += 1 }
    }

    /// Goes into the structure that begins here.
    mutating func open() {
        at += 1
        skipBlanks()
    }

    /// Passes the comma behind a value, if there is one.
    mutating func comma() {
        skipBlanks()
        guard byte == UInt8(ascii: ",") else { return }
        at += 1
        skipBlanks()
    }

    /// Passes the colon behind a name.
    mutating func colon() {
        skipBlanks()
        at += 1
        skipBlanks()
    }

    /// Passes the value that begins here.
    mutating func skip() {
        switch byte {
        case UInt8(ascii: "\""): _ = skipString()
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            var depth = 0
            while at < text.count {
                switch text[at] {
                case UInt8(ascii: "\""):
                    _ = skipString()
                    continue
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
                default: break
                }
                at += 1
                if depth == 0 { return }
            }
        default:
            while at < text.count {
                switch text[at] {
                case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 32, 10, 13, 9: return
                default: at += 1
                }
            }
        }
    }

    /// Passes a string; true if it has escapes.
    private mutating func skipString() -> Bool {
        var hasEscapes = false
        at += 1
        while at < text.count, text[at] != UInt8(ascii: "\"") {
            if text[at] == UInt8(ascii: "\\") {
                hasEscapes = true
                at += 1
            }
            at += 1
        }
        at = min(at + 1, text.count)
        return hasEscapes
    }

    /// The value that begins here, which is passed. A string with escapes goes through `scratch`, and is valid until
    /// the next one does.
    mutating func cell(_ type: ColumnType, _ scratch: Scratch) -> Cell {
        let from = at
        switch byte {
        case UInt8(ascii: "\""):
            let hasEscapes = skipString()
            if type == .json { return Cell(kind: .string, bytes: text.slice(from, at)) }
            let plain = text.slice(from + 1, max(from + 1, at - 1))
            guard hasEscapes else { return Cell(kind: .string, bytes: plain) }
            scratch.removeAll(reserving: plain.count)
            Self.unescape(plain, to: scratch)
            return Cell(kind: .string, bytes: scratch.view(from: 0))
        case UInt8(ascii: "{"), UInt8(ascii: "["):
            skip()
            return Cell(kind: .structure, bytes: text.slice(from, at))
        default:
            skip()
            let bytes = text.slice(from, at)
            switch bytes.isEmpty ? 0 : bytes[0] {
            case UInt8(ascii: "t"): return Cell(kind: .yes, bytes: bytes)
            case UInt8(ascii: "f"): return Cell(kind: .no, bytes: bytes)
            case UInt8(ascii: "n"), 0: return .none
            default: return Cell(kind: .number, bytes: bytes)
            }
        }
    }

    private static func unescape(_ text: ByteView, to scratch: Scratch) {
        var index = 0
        while index < text.count {
            guard text[index] == UInt8(ascii: "\\"), index + 1 < text.count else {
                scratch.append(text[index])
                index += 1
                continue
            }
            let byte = text[index + 1]
            index += 2
            switch byte {
            case UInt8(ascii: "b"): scratch.append(8)
            case UInt8(ascii: "f"): scratch.append(12)
            case UInt8(ascii: "n"): scratch.append(10)
            case UInt8(ascii: "r"): scratch.append(13)
            case UInt8(ascii: "t"): scratch.append(9)
            case UInt8(ascii: "u"): scratch.append(codePoint: codePoint(text, &index))
            default: scratch.append(byte)
            }
        }
    }

    /// The code point of the four digits at `index`, or of two pairs with `\u` between them.
    private static func codePoint(_ text: ByteView, _ index: inout Int) -> UInt32 {
        let high = digits(text, &index)
        guard high & 0xFC00 == 0xD800, index + 6 <= text.count, text[index] == UInt8(ascii: "\\") else { return high }
        index += 2
        let low = digits(text, &index)
        return 0x1_0000 + (high & 0x3FF) << 10 + low & 0x3FF
    }

    private static func digits(_ text: ByteView, _ index: inout Int) -> UInt32 {
        var value: UInt32 = 0
        let end = min(index + 4, text.count)
        while index < end {
            let byte = text[index]
            value = value << 4 | UInt32(byte &- 48 < 10 ? byte &- 48 : (byte | 0x20) &- 87)
            index += 1
        }
        return value
    }
}
