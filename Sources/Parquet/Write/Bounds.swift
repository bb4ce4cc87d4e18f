/// Smallest and largest value of a page or chunk as they are written; nil where there is none to tell.
struct Bounds: Sendable, Equatable {
    var least: [UInt8]
    var greatest: [UInt8]
    var isLeastExact = true
    var isGreatestExact = true
}

/// Bounds of words (booleans, integers, days, microseconds).
struct WordBounds {
    var least = Int64.max
    var greatest = Int64.min

    var isEmpty: Bool { least > greatest }

    @unsafe
    mutating func take(_ words: UnsafePointer<Int64>, rows: UnsafePointer<Int32>, count: Int) {
        var (least, greatest) = (self.least, self.greatest)
        for index in 0..<count {
            let word = unsafe words[Int(rows[index])]
            least = min(least, word)
            greatest = max(greatest, word)
        }
        (self.least, self.greatest) = (least, greatest)
    }

    mutating func take(_ other: WordBounds) {
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
    }

    func bounds(width: Int) -> Bounds? {
        guard !isEmpty else { return nil }
        return Bounds(least: Self.bytes(least, width), greatest: Self.bytes(greatest, width))
    }

    static func bytes(_ word: Int64, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: word >> Int64(8 * $0)) }
    }
}

/// Bounds of doubles. NaN is no value to compare; a zero is both zeros, as the format asks.
struct DoubleBounds {
    var least = Double.infinity
    var greatest = -Double.infinity
    var hasValue = false

    @unsafe
    mutating func take(_ words: UnsafePointer<Int64>, rows: UnsafePointer<Int32>, count: Int) {
        for index in 0..<count {
            let value = unsafe Double(bitPattern: UInt64(bitPattern: words[Int(rows[index])]))
            if value.isNaN { continue }
            hasValue = true
            if value < least { least = value }
            if value > greatest { greatest = value }
        }
    }

    mutating func take(_ other: DoubleBounds) {
        guard other.hasValue else { return }
        hasValue = true
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
    }

    var bounds: Bounds? {
        guard hasValue else { return nil }
        let low = least == 0 ? -0.0 : least
        let high = greatest == 0 ? 0.0 : greatest
        return Bounds(
            least: WordBounds.bytes(Int64(bitPattern: low.bitPattern), 8),
            greatest: WordBounds.bytes(Int64(bitPattern: high.bitPattern), 8))
    }
}

/// Bounds of decimals of two words.
struct WideBounds {
    var least = Int128.max
    var greatest = Int128.min

    mutating func take(_ value: Int128) {
        least = min(least, value)
        greatest = max(greatest, value)
    }

    mutating func take(_ other: WideBounds) {
        least = min(least, other.least)
        greatest = max(greatest, other.greatest)
    }

    /// Big-endian two's complement, as the values are written.
    func bounds(width: Int) -> Bounds? {
        guard least <= greatest else { return nil }
        return Bounds(least: Self.bytes(least, width), greatest: Self.bytes(greatest, width))
    }

    static func bytes(_ value: Int128, _ width: Int) -> [UInt8] {
        (0..<width).map { UInt8(truncatingIfNeeded: value >> Int128(8 * (width - 1 - $0))) }
    }
}
