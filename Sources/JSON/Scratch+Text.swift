public import Event

// Text of JSON strings and other escapes.
extension Scratch {
    /// What became of an escape.
    public enum Escape: Sendable { case taken, loneSurrogate, malformed }

    /// Appends what an escape of a JSON string stands for; another byte behind a backslash stands for itself. `index`:
    /// behind the backslash, and then behind the escape. Nothing is appended but where it is taken.
    public func append(escape text: ByteView, at index: inout Int) -> Escape {
        guard index < text.count else { return .malformed }
        let byte = text[index]
        index += 1
        switch byte {
        case UInt8(ascii: "n"): append(10)
        case UInt8(ascii: "r"): append(13)
        case UInt8(ascii: "t"): append(9)
        case UInt8(ascii: "b"): append(8)
        case UInt8(ascii: "f"): append(12)
        case UInt8(ascii: "u"):
            guard var code = Self.unit(text, index) else { return .malformed }
            index += 4
            if code & 0xFC00 == 0xD800, index + 1 < text.count, text[index] == UInt8(ascii: "\\"),
                text[index + 1] == UInt8(ascii: "u"), let low = Self.unit(text, index + 2), low & 0xFC00 == 0xDC00
            {
                code = 0x10000 + (code & 0x3FF) << 10 + low & 0x3FF
                index += 6
            }
            guard code & 0xFFFF_F800 != 0xD800 else { return .loneSurrogate }
            append(codePoint: code)
        default: append(byte)
        }
        return .taken
    }

    /// Appends the inside of a JSON string, unescaped; a lone surrogate becomes U+FFFD.
    public func append(unescaped text: ByteView) {
        var index = 0
        while index < text.count {
            let end = text.firstIndex(of: UInt8(ascii: "\\"), from: index)
            append(text.slice(index, end))
            guard end < text.count else { return }
            index = end + 1
            switch append(escape: text, at: &index) {
            case .taken: break
            case .loneSurrogate: append(codePoint: 0xFFFD)
            case .malformed: return
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

    /// Appends a code point as UTF-8; it is no surrogate.
    public func append(codePoint: UInt32) {
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
    public func append(latin text: ByteView) -> Bool {
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
