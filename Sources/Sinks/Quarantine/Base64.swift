internal import Event
internal import JSON

/// RFC 4648 section 4, with padding.
public enum Base64 {
    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func append(_ bytes: UnsafeRawBufferPointer, to line: inout [UInt8]) {
        line.reserveCapacity(line.count + (bytes.count + 2) / 3 * 4 + 3)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(unsafe bytes[index + offset]) : 0) }
            for place in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * place) & 63)
                line.append(place <= count ? digits[digit] : UInt8(ascii: "="))
            }
            index += count
        }
    }
}

extension Base64 {
    /// Writes the text of some bytes, with padding; returns its length, which is `(count + 2) / 3 * 4`.
    @unsafe
    static func write(_ bytes: ByteView, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var length = 0
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var group: UInt32 = 0
            for offset in 0..<3 { group = group << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
            for place in 0..<4 {
                let digit = Int(group >> UInt32(18 - 6 * place) & 63)
                unsafe target[length + place] = place <= count ? digits[digit] : UInt8(ascii: "=")
            }
            length += 4
            index += count
        }
        return length
    }
}

extension Base64 {
    /// The padded text of some bytes.
    public static func encode(_ bytes: [UInt8]) -> String {
        var text: [UInt8] = []
        unsafe bytes.withUnsafeBytes { unsafe append($0, to: &text) }
        return String(decoding: text, as: UTF8.self)
    }

    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xFF, count: 256)
        for (value, digit) in digits.enumerated() { values[Int(digit)] = UInt8(value) }
        return values
    }()

    /// The bytes of a padded text; nil if it is none.
    static func decode(_ text: String) -> [UInt8]? {
        var text = Array(text.utf8)
        guard text.count % 4 == 0 else { return nil }
        var padding = 0
        while padding < 2, text.last == UInt8(ascii: "=") {
            text.removeLast()
            padding += 1
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3 + 3)
        var group: UInt32 = 0
        var bitCount = 0
        for digit in text {
            let value = values[Int(digit)]
            guard value < 64 else { return nil }
            group = group << 6 | UInt32(value)
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: group >> UInt32(bitCount)))
        }
        // What is left over is padding: fewer than 8 bits, all zero.
        return group & (1 << UInt32(bitCount) - 1) == 0 ? bytes : nil
    }
}

enum JSONQuote {
    static func append(_ text: String, to line: inout [UInt8]) { JSONValue.appendQuoted(text, to: &line) }
}
