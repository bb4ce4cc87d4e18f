internal import Event
internal import JSON

/// RFC 4648 section 4, with padding.
enum Base64 {
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

enum JSONQuote {
    static func append(_ text: String, to line: inout [UInt8]) { JSONValue.appendQuoted(text, to: &line) }
}
