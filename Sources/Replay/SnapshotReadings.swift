internal import Schema

/// Readings of a whole table as the tool announces them (Maxwell's bootstraps): which of them were completed.
///
/// Only a table without a key needs it: there a row that is read stands for itself, and would be one more beside the
/// one that its insert brought. A reading that was completed begins the table anew; rows of one that was not do not
/// count. Rows outside of every reading do (snapshots of tools that announce none).
struct SnapshotReadings: Sendable {
    /// In order; `end` nil: it was broken off, or is not over yet.
    private(set) var readings: [(start: SourcePlace, end: SourcePlace?)] = []
    /// Whether a reading ends that does not begin here: its beginning stands in an earlier day.
    private(set) var endsEarlierOne = false

    init(starts: [SourcePlace], ends: [SourcePlace]) {
        var ends = ends.sorted()[...]
        let starts = Set(starts).sorted()
        while let end = ends.first, starts.first.map({ end < $0 }) ?? true {
            endsEarlierOne = true
            ends.removeFirst()
        }
        for (index, start) in starts.enumerated() {
            let next = index + 1 < starts.count ? starts[index + 1] : nil
            var end: SourcePlace?
            while let found = ends.first, next.map({ found < $0 }) ?? true {
                // Why the first: a second end at another place is the same one come again.
                if end == nil { end = found }
                ends.removeFirst()
            }
            readings.append((start, end))
        }
    }

    /// Where the last completed reading begins.
    var lastCompleteStart: SourcePlace? { readings.last { $0.end != nil }?.start }

    /// Whether a row read at a place counts.
    func counts(_ place: SourcePlace) -> Bool {
        var (low, high) = (0, readings.count)
        while low < high {
            let middle = (low + high) / 2
            if readings[middle].start <= place { low = middle + 1 } else { high = middle }
        }
        return low == 0 || readings[low - 1].end != nil
    }
}
