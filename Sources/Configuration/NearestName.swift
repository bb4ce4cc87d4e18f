/// Guesses what was meant by a mistyped name.
enum NearestName {
    /// Names longer than this are not guessed at: the cost is the product of the lengths.
    static let maximumByteCount = 64

    /// The candidate with the smallest edit distance, if that is at most a third of the name's length (and at
    /// most 3); the first of equals.
    static func find(_ name: String, in candidates: [String]) -> String? {
        let wanted = Array(name.utf8)
        guard wanted.count <= maximumByteCount else { return nil }
        let limit = wanted.count < 3 ? 0 : min(3, wanted.count / 3)
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.utf8)
            guard other.count <= maximumByteCount, abs(other.count - wanted.count) <= limit else { continue }
            let found = distance(wanted, other)
            if found <= limit, found < best?.distance ?? Int.max { best = (candidate, found) }
        }
        return best?.name
    }

    /// Insertions, deletions, substitutions and swaps of neighbours that lead from one to the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: right.count + 1)
        var last = Array(0...right.count)
        for i in 0..<left.count {
            var row = [Int](repeating: i + 1, count: right.count + 1)
            for j in 0..<right.count {
                row[j + 1] = min(last[j + 1] + 1, row[j] + 1, last[j] + (left[i] == right[j] ? 0 : 1))
                if i > 0, j > 0, left[i] == right[j - 1], left[i - 1] == right[j] {
                    row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
                }
            }
            beforeLast = last
            last = row
        }
        return last[right.count]
    }
}
