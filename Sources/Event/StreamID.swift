/// The identity of a stream: 128 random bits, allocated by an agent and durable in its checkpoint
/// before the first event is sent (design section 4). Streams of foreign topics derive theirs from
/// (topic, partition, epoch).
///
/// Text form: 32 lowercase hexadecimal digits.
public struct StreamID: Hashable, Comparable, Sendable {
    public let high: UInt64
    public let low: UInt64

    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// The id that no stream has: control records that belong to a source as a whole carry it.
    public static let none = StreamID(high: 0, low: 0)

    /// Allocates a random id. Two calls collide with probability 2^-128.
    public static func random(using generator: inout some RandomNumberGenerator) -> StreamID {
        StreamID(high: generator.next(), low: generator.next() | 1)
    }

    public static func < (left: StreamID, right: StreamID) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// Parses the text form; nil unless exactly 32 lowercase hexadecimal digits.
    public init?(text: some Collection<UInt8>) {
        guard text.count == 32 else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        var count = 0
        for byte in text {
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte &- 48
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte &- 87
            default: return nil
            }
            if count < 16 { words.0 = words.0 << 4 | UInt64(digit) } else { words.1 = words.1 << 4 | UInt64(digit) }
            count += 1
        }
        self.init(high: words.0, low: words.1)
    }

    public init?(_ text: String) { self.init(text: text.utf8) }

    /// Appends the 32 digits.
    public func appendText(to bytes: inout [UInt8]) {
        for word in [high, low] {
            var shift = 60
            while shift >= 0 {
                let digit = UInt8(truncatingIfNeeded: (word >> UInt64(shift)) & 15)
                bytes.append(digit < 10 ? 48 &+ digit : 87 &+ digit)
                shift -= 4
            }
        }
    }
}

extension StreamID: CustomStringConvertible {
    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(32)
        appendText(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
