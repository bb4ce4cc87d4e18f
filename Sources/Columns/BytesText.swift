public import Event

/// Bytes from text.
public enum BytesText {
    /// Appends what a text stands for; false if it is not of the layout (then part of it was appended).
    public static func decode(_ text: ByteView, _ layout: BytesLayout, into bytes: inout [UInt8]) -> Bool {
        switch layout {
        case .base64: return decodeBase64(text, into: &bytes)
        case .hex: return decodeHex(text, into: &bytes)
        case .text:
            for index in 0..<text.count { bytes.append(text[index]) }
            return true
        }
    }

    private static func decodeBase64(_ text: ByteView, into bytes: inout [UInt8]) -> Bool {
        var count = text.count
        while count > 0, text.count - count < 2, text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        // Padding fills the last group of four, or is left out.
        guard count % 4 != 1, count == text.count || text.count % 4 == 0 else { return false }
        var group: UInt32 = 0
        var bitCount: UInt32 = 0
        for index in 0..<count {
            guard let digit = value(of: text[index]) else { return false }
            group = group << 6 | UInt32(digit)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: group >> bitCount))
            }
        }
        // Bits that stand for no byte are zero, or two texts would be one value.
        return group & ((1 << bitCount) - 1) == 0
    }

    private static func value(of digit: UInt8) -> UInt8? {
        switch digit {
        case 0x41...0x5A: digit - 0x41
        case 0x61...0x7A: digit - 0x61 + 26
        case 0x30...0x39: digit - 0x30 + 52
        case 0x2B, 0x2D: 62
        case 0x2F, 0x5F: 63
        default: nil
        }
    }

    private static func decodeHex(_ text: ByteView, into bytes: inout [UInt8]) -> Bool {
        var index = 0
        if text.count >= 2, text[0] == UInt8(ascii: "0"), text[1] | 0x20 == UInt8(ascii: "x") { index = 2 }
        guard text.count % 2 == 0 else { return false }
        while index < text.count {
            guard let high = nibble(text[index]), let low = nibble(text[index + 1]) else { return false }
            bytes.append(high << 4 | low)
            index += 2
        }
        return true
    }

    private static func nibble(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x41...0x46: digit - 0x41 + 10
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
