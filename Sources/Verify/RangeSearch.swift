/// Which parts of the ranges that differ are looked through next: in the order of their keys.
///
/// Parts that are too large to be looked through together are so one by one, and then in halves.
struct RangeSearch {
    typealias Part = RangeWalkMachine.Part

    private var left: ArraySlice<Part>
    /// The warehouse's rows, range by range.
    private let rowCounts: [Int64]
    private var maximumPartCount = 1_024
    private var seen: Set<Int> = []
    private var found: Set<Int> = []

    init(parts: [Part], rowCounts: [Int64]) { (left, self.rowCounts) = (parts[...], rowCounts) }

    /// The next parts, with no more rows than that on both sides, but at least one; nil: all were looked through.
    mutating func next(_ maximumRowCount: Int64) -> [Part]? {
        var parts: [Part] = []
        var rowCount: Int64 = 0
        while let part = left.first, parts.count < maximumPartCount {
            rowCount += part.count + (parts.last?.index == part.index ? 0 : rowCounts[part.index])
            guard parts.isEmpty || rowCount <= maximumRowCount else { break }
            parts.append(part)
            left.removeFirst()
        }
        return parts.isEmpty ? nil : parts
    }

    /// Notes what parts that were looked through came to: the keys that differ.
    mutating func take(_ parts: [Part], differing keys: [Int128]) {
        seen.formUnion(parts.map(\.index))
        for key in keys {
            if let part = Self.part(of: key, in: parts) { found.insert(part.index) }
        }
    }

    /// Puts parts back that were too large together, a single one in halves around a key; false: it has none.
    mutating func split(_ parts: [Part], at key: Int128?) -> Bool {
        if parts.count > 1 {
            maximumPartCount = parts.count / 2
            left = parts + left
            return true
        }
        guard let part = parts.first else { return true }
        guard let key, let (first, second) = part.range.halves(at: key) else {
            seen.insert(part.index)
            found.insert(part.index)
            return false
        }
        maximumPartCount = 1
        left = [first, second].map { Part(range: $0, index: part.index, count: part.count) } + left
        return true
    }

    /// The part that a key is in. `parts` are in the order of their keys.
    static func part(of key: Int128, in parts: [Part]) -> Part? {
        var (low, high) = (0, parts.count)
        while low < high {
            let middle = (low + high) / 2
            if let from = parts[middle].range.from, from > key { high = middle } else { low = middle + 1 }
        }
        guard low > 0, parts[low - 1].range.contains(key) else { return nil }
        return parts[low - 1]
    }

    /// Ranges with rows that differ, or that cannot be told, in order.
    var differing: [Int] { found.sorted() }

    /// Ranges that were looked through and have no such rows.
    var sameCount: Int { seen.count { !found.contains($0) && left.first?.index != $0 } }
}
