/// A set of positions of one stream, kept as sorted, disjoint, non-touching ranges `[from, to)`.
///
/// The coverage of a stream (design section 3): in steady state a single range. Look-ups are a binary
/// search; appending behind the last range and testing against it are one comparison.
public struct IntervalSet: Hashable, Sendable {
    /// The most ranges a stream's coverage may have: 4,096 ranges at 24 bytes are 96 KiB a stream.
    /// Beyond it the lane stops and names the `audit accept` that frees it.
    public static let maximumRangeCount = 4_096

    public private(set) var ranges: [CoveredRange] = []

    public init() {}

    /// Builds from ranges in any order, overlapping or not.
    public init(_ ranges: some Sequence<CoveredRange>) {
        for range in ranges { insert(range) }
    }

    public var isEmpty: Bool { ranges.isEmpty }
    public var count: Int { ranges.count }
    public var isFull: Bool { ranges.count >= Self.maximumRangeCount }
    /// The end of the last range.
    public var end: Position? { ranges.last?.to }
    /// The start of the first range.
    public var start: Position? { ranges.first?.from }

    /// The index of the first range whose end is at or behind `position`.
    private func firstIndex(endingAtOrAfter position: Position) -> Int {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].to < position { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Adds a range, merging what it overlaps or touches.
    public mutating func insert(_ range: CoveredRange) {
        if let last = ranges.last, last.to <= range.from {
            if last.to == range.from {
                ranges[ranges.count - 1] = CoveredRange(last.from, range.to)
            } else {
                ranges.append(range)
            }
            return
        }
        let first = firstIndex(endingAtOrAfter: range.from)
        var from = range.from
        var to = range.to
        var end = first
        while end < ranges.count, ranges[end].from <= to {
            from = min(from, ranges[end].from)
            to = max(to, ranges[end].to)
            end += 1
        }
        ranges.replaceSubrange(first..<end, with: CollectionOfOne(CoveredRange(from, to)))
    }

    /// Adds every range of another set.
    public mutating func formUnion(_ other: IntervalSet) {
        for range in other.ranges { insert(range) }
    }

    /// Takes a range out again (a claim that was given up).
    public mutating func remove(_ range: CoveredRange) {
        var index = firstIndex(endingAtOrAfter: range.from)
        while index < ranges.count, ranges[index].from < range.to {
            let found = ranges[index]
            guard found.to > range.from else { index += 1; continue }
            var rest: [CoveredRange] = []
            if found.from < range.from { rest.append(CoveredRange(found.from, range.from)) }
            if range.to < found.to { rest.append(CoveredRange(range.to, found.to)) }
            ranges.replaceSubrange(index...index, with: rest)
            index += rest.count
        }
    }

    /// How much of a range is in the set.
    public enum Overlap: Sendable { case none, part, whole }

    /// Compares a range with the set: one comparison behind the end, else a binary search.
    public func overlap(_ range: CoveredRange) -> Overlap {
        if let last = ranges.last, last.to <= range.from { return .none }
        var index = firstIndex(endingAtOrAfter: range.from)
        if index < ranges.count, ranges[index].to == range.from { index += 1 }
        guard index < ranges.count, ranges[index].from < range.to else { return .none }
        return ranges[index].from <= range.from && range.to <= ranges[index].to ? .whole : .part
    }

    /// Whether every position of the range is in the set.
    public func contains(_ range: CoveredRange) -> Bool { overlap(range) == .whole }
    /// Whether no position of the range is in the set.
    public func isDisjoint(with range: CoveredRange) -> Bool { overlap(range) == .none }

    /// The parts of `range` that are not in the set, in order.
    public func missing(in range: CoveredRange) -> [CoveredRange] {
        var missing: [CoveredRange] = []
        var next = range.from
        var index = firstIndex(endingAtOrAfter: range.from)
        while index < ranges.count, ranges[index].from < range.to {
            if next < ranges[index].from { missing.append(CoveredRange(next, ranges[index].from)) }
            next = max(next, ranges[index].to)
            index += 1
        }
        if next < range.to { missing.append(CoveredRange(next, range.to)) }
        return missing
    }

    /// The ranges missing between `start` and the end of the last range.
    public func holes(from start: Position = .zero) -> [CoveredRange] {
        var holes: [CoveredRange] = []
        var next = start
        for range in ranges {
            if next < range.from { holes.append(CoveredRange(next, range.from)) }
            next = max(next, range.to)
        }
        return holes
    }
}
