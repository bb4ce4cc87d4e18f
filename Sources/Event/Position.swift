/// A place in a stream, totally ordered: a byte offset, or (transaction number, row index).
///
/// Text form: `4711`, or `4711.3` where the row index is not 0.
public struct Position: Hashable, Comparable, Sendable {
    /// Byte offset, or transaction number.
    public var major: UInt64
    /// 0 in a file; the row index within the transaction for a database.
    public var minor: UInt32

    public init(_ major: UInt64, row minor: UInt32 = 0) {
        self.major = major
        self.minor = minor
    }

    public static let zero = Position(0)

    public static func < (left: Position, right: Position) -> Bool {
        left.major != right.major ? left.major < right.major : left.minor < right.minor
    }

    /// Moves by bytes; only for streams of bytes. Traps beyond 2^64.
    public func advanced(by byteCount: Int) -> Position {
        precondition(minor == 0, "byte arithmetic on a database position")
        return Position(major + UInt64(byteCount))
    }
}

extension Position: CustomStringConvertible {
    public var description: String { minor == 0 ? "\(major)" : "\(major).\(minor)" }

    /// Parses the text form; nil on anything else (sign, leading zeros beyond "0", overflow).
    public init?(_ text: String) { self.init(text: Array(text.utf8)[...]) }

    init?(text: ArraySlice<UInt8>) {
        let dot = text.firstIndex(of: UInt8(ascii: "."))
        guard let major = decimal(text[..<(dot ?? text.endIndex)]) else { return nil }
        guard let dot else { self.init(major); return }
        guard let minor = decimal(text[text.index(after: dot)...]), minor > 0, minor <= UInt64(UInt32.max)
        else { return nil }
        self.init(major, row: UInt32(minor))
    }
}

/// Parses an unsigned decimal without sign and without leading zeros. Nil on anything else.
func decimal(_ digits: ArraySlice<UInt8>) -> UInt64? {
    guard !digits.isEmpty, digits.count <= 20, digits.count == 1 || digits.first != UInt8(ascii: "0")
    else { return nil }
    var value: UInt64 = 0
    for byte in digits {
        guard byte >= 48, byte <= 57 else { return nil }
        let (product, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, carry) = product.addingReportingOverflow(UInt64(byte &- 48))
        guard !overflow, !carry else { return nil }
        value = sum
    }
    return value
}

/// The half-open range `[from, to)` of a stream that an event or a pack covers. Never empty.
public struct CoveredRange: Hashable, Sendable {
    public let from: Position
    public let to: Position

    /// Traps if the range is empty or backwards: check data from outside before.
    public init(_ from: Position, _ to: Position) {
        precondition(from < to, "empty range")
        self.from = from
        self.to = to
    }

    public init(bytes range: Range<UInt64>) {
        self.init(Position(range.lowerBound), Position(range.upperBound))
    }
}

extension CoveredRange: CustomStringConvertible {
    public var description: String { "[\(from), \(to))" }
}
