/// Keys from one on, up to but not including another; nil: open.
struct KeyRange: Sendable, Equatable {
    var from: Int128?
    var below: Int128?

    func contains(_ key: Int128) -> Bool {
        if let from, key < from { return false }
        if let below, key >= below { return false }
        return true
    }

    /// The halves around a key inside; nil: there is none with keys on both sides.
    func halves(at key: Int128) -> (KeyRange, KeyRange)? {
        guard contains(key), key != from else { return nil }
        return (KeyRange(from: from, below: key), KeyRange(from: key, below: below))
    }
}

/// Every n-th of many keys, in the order in which they come: boundaries of ranges with about n keys each.
///
/// Invariant: at most `maximumCount` keys are kept; where there would be more, every other one goes and n doubles.
struct KeySample {
    private(set) var step: Int
    /// Of the keys added so far the first, and every `step`-th behind it.
    private(set) var keys: [Int128] = []
    private(set) var count: Int64 = 0
    private let maximumCount: Int
    /// Keys until the next one that is kept.
    private var ahead = 0

    init(step: Int, maximumCount: Int) {
        precondition(step > 0 && maximumCount > 1, "a sample of nothing")
        self.step = step
        self.maximumCount = maximumCount
    }

    mutating func add(_ key: Int128) {
        count += 1
        if ahead > 0 {
            ahead -= 1
            return
        }
        keys.append(key)
        ahead = step - 1
        guard keys.count > maximumCount else { return }
        let isKept = keys.count % 2 == 1
        keys = stride(from: 0, to: keys.count, by: 2).map { keys[$0] }
        step *= 2
        ahead = isKept ? step - 1 : step / 2 - 1
    }

    /// About half of the keys are below it; nil: there are none.
    var median: Int128? { keys.isEmpty ? nil : keys.sorted()[keys.count / 2] }

    /// The ranges that the keys bound: the first is open below, the last above.
    var ranges: KeyRanges { KeyRanges(Array(Set(keys).sorted().dropFirst())) }
}

/// All integers, in ranges one behind the other.
struct KeyRanges: Sendable {
    /// Where ranges begin, but for the first; rising.
    let boundaries: [Int128]

    init(_ boundaries: [Int128]) { self.boundaries = boundaries }

    var count: Int { boundaries.count + 1 }

    subscript(index: Int) -> KeyRange {
        KeyRange(
            from: index > 0 ? boundaries[index - 1] : nil, below: index < boundaries.count ? boundaries[index] : nil)
    }

    /// The range of a key. `hint`: where it probably is.
    func index(of key: Int128, hint: Int) -> Int {
        if hint < count, self[hint].contains(key) { return hint }
        if hint + 1 < count, self[hint + 1].contains(key) { return hint + 1 }
        var (low, high) = (0, boundaries.count)
        while low < high {
            let middle = (low + high) / 2
            if boundaries[middle] <= key { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

/// Rows of a part of a table, and the sum of their hashes.
struct RowSum: Sendable, Equatable {
    var count: Int64 = 0
    var hash: UInt128 = 0

    mutating func add(_ hash: UInt64) {
        count += 1
        self.hash &+= UInt128(hash)
    }

    static func += (left: inout RowSum, right: RowSum) {
        left.count += right.count
        left.hash &+= right.hash
    }
}

/// The order in which the database is asked for the sums of ranges: never for more than `limit` rows at once.
///
///     while let range = walk.next { walk.take(sum of the first `limit` rows of it, and the last of their keys) }
///
/// A range in which the database has more rows falls into several parts; its sum is theirs together.
struct RangeWalkMachine {
    /// A part of a range, and the database's rows in it.
    struct Part: Equatable {
        var range: KeyRange
        /// Of the range that it is of.
        var index: Int
        var count: Int64
    }

    private(set) var limit: Int
    private(set) var sums: [RowSum]
    private(set) var parts: [Part] = []
    private(set) var queryCount = 0
    private let ranges: KeyRanges
    private let maximumSplitCount: Int
    private var splitCount = 0
    private var index = 0
    private var from: Int128?

    /// - Parameter maximumSplitCount: after as many parts beyond the ranges the limit doubles.
    init(_ ranges: KeyRanges, limit: Int, maximumSplitCount: Int) {
        precondition(limit > 0 && maximumSplitCount > 0, "a walk without steps")
        self.ranges = ranges
        self.limit = limit
        self.maximumSplitCount = maximumSplitCount
        sums = Array(repeating: RowSum(), count: ranges.count)
    }

    /// What is to be asked for; nil: all is known.
    var next: KeyRange? {
        index < ranges.count ? KeyRange(from: from, below: ranges[index].below) : nil
    }

    /// Takes the sum of the first `limit` rows of `next`. `last`: the greatest of their keys.
    mutating func take(_ sum: RowSum, last: Int128?) {
        guard var range = next else { return }
        queryCount += 1
        sums[index] += sum
        if sum.count >= Int64(limit), let last, range.contains(last), last < .max, range.contains(last + 1) {
            range.below = last + 1
            parts.append(Part(range: range, index: index, count: sum.count))
            from = last + 1
            splitCount += 1
            if splitCount == maximumSplitCount { (limit, splitCount) = (limit &* 2, 0) }
            return
        }
        parts.append(Part(range: range, index: index, count: sum.count))
        index += 1
        from = index < ranges.count ? ranges[index].from : nil
    }
}
