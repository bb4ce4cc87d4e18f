internal import Event

/// Where a change stands in its source's own log.
public struct RecordPlace: Sendable, Equatable {
    /// What tells the rows at one position apart.
    public enum Row: Sendable, Equatable {
        /// The tool numbers them.
        case number(UInt32)
        /// The last of its transaction, which Maxwell does not number.
        case last
        /// Nothing: they count in the order in which they come.
        case unnumbered
    }

    /// Largest number of a binlog file.
    public static let maximumFile: Int64 = 1 << 24 - 1
    /// Largest position: 2^40, where files end at 2^30 but for long transactions.
    public static let maximumPosition: Int64 = 1 << 40 - 1
    /// Largest number of a row at one position.
    public static let maximumRow: Int64 = 1 << 31 - 2

    /// Number of the binlog file, and position in it.
    public var file: Int64
    public var position: Int64
    public var row: Row

    /// Nil beyond the bounds.
    public init?(file: Int64, position: Int64, row: Row) {
        guard (0...Self.maximumFile).contains(file), (0...Self.maximumPosition).contains(position) else { return nil }
        self.file = file
        self.position = position
        self.row = row
    }

    /// File and position in one number, in their order.
    public var word: UInt64 { UInt64(truncatingIfNeeded: file) << 40 | UInt64(truncatingIfNeeded: position) }
}

/// The name of a binlog file: `mysql-bin.000042`.
struct BinlogName {
    var base: ByteView
    var number: Int64

    /// Nil if it does not end in a dot and digits.
    init?(_ text: ByteView) {
        var dot = text.count - 1
        while dot >= 0, text[dot] != UInt8(ascii: ".") { dot -= 1 }
        guard dot >= 0, let number = Whole.read(text.slice(dot + 1, text.count)), number >= 0 else { return nil }
        base = text.slice(0, dot)
        self.number = number
    }
}

/// Whole numbers as JSON and the tools write them.
enum Whole {
    /// Nil on anything but an optional minus and 1 to 19 digits within 64 bits.
    static func read(_ text: ByteView) -> Int64? {
        var index = 0
        let isNegative = !text.isEmpty && text[0] == UInt8(ascii: "-")
        if isNegative { index = 1 }
        guard index < text.count, text.count - index <= 19 else { return nil }
        var value: Int64 = 0
        while index < text.count {
            let digit = text[index] &- 48
            guard digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            index += 1
        }
        return isNegative ? -value : value
    }
}
