internal import Columns

/// A range of a column: row groups that hold none of it are passed over. What is read may still hold other
/// rows; whoever asks looks again.
public struct ParquetFilter: Sendable {
    /// A value to compare with.
    public enum Value: Sendable {
        /// Of integers, days, microseconds and booleans.
        case word(Int64)
        case double(Double)
        /// Of decimals: unscaled.
        case decimal(Int128)
        case bytes([UInt8])
    }

    public var column: String
    /// Inclusive; nil: no bound. A range without bounds rules out groups of nulls alone.
    public var least: Value?
    public var greatest: Value?

    public init(column: String, least: Value? = nil, greatest: Value? = nil) {
        self.column = column
        self.least = least
        self.greatest = greatest
    }

    /// Whether a chunk has no row of the range, as far as its statistics tell.
    func rulesOut(_ chunk: ChunkMetadata, _ column: StoredColumn, rowCount: Int64) -> Bool {
        if chunk.nullCount == rowCount { return true }
        guard column.conversion == .word || column.conversion == .bytes || column.conversion == .decimalWord
            || column.conversion == .decimalBytes
        else { return false }
        if let least, let highest = chunk.greatest, let order = Self.order(highest, least, column), order < 0 {
            return true
        }
        if let greatest, let lowest = chunk.least, let order = Self.order(lowest, greatest, column), order > 0 {
            return true
        }
        return false
    }

    /// Negative: the stored bound comes before the value. Nil: they cannot be compared.
    private static func order(_ stored: [UInt8], _ value: Value, _ column: StoredColumn) -> Int? {
        switch (value, column.physical) {
        case (.word(let word), .boolean), (.word(let word), .int32), (.word(let word), .int64):
            guard !stored.isEmpty, stored.count <= 8, column.conversion == .word else { return nil }
            return sign(BoundOrder.word(stored), word)
        case (.decimal(let wide), .int32), (.decimal(let wide), .int64):
            guard !stored.isEmpty, stored.count <= 8 else { return nil }
            return sign(Int128(BoundOrder.word(stored)), wide)
        case (.decimal(let wide), .fixed):
            guard !stored.isEmpty, stored.count <= 16 else { return nil }
            return sign(BoundOrder.wide(stored), wide)
        case (.double(let number), .double):
            guard stored.count == 8 else { return nil }
            let bound = Double(bitPattern: BoundOrder.bits(stored))
            return bound.isNaN || number.isNaN ? nil : sign(bound, number)
        case (.bytes(let bytes), .byteArray):
            guard column.conversion == .bytes else { return nil }
            return stored == bytes ? 0 : (stored.lexicographicallyPrecedes(bytes) ? -1 : 1)
        default: return nil
        }
    }

    private static func sign<Number: Comparable>(_ left: Number, _ right: Number) -> Int {
        left == right ? 0 : (left < right ? -1 : 1)
    }
}
