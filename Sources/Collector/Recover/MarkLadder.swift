internal import Sinks

/// The marks kept of one partition: exponentially spaced backwards from the newest, so that a few dozen
/// prove any prefix of the partition's history to within half its distance.
enum MarkLadder {
    /// Marks that one doubling of the distance keeps at most, times 63 doublings: 126; in practice some 40.
    static let maximumCount = 128

    /// Adds a mark behind the newest; one that is not behind it is ignored.
    static func append(_ mark: OffsetMark, to marks: inout [OffsetMark]) {
        if let last = marks.last, mark.offset <= last.offset { return }
        marks.append(mark)
        if marks.count > maximumCount / 2 { thin(&marks) }
    }

    /// Drops every mark whose neighbours are close enough without it: the older one not more than twice as
    /// far from the newest as the younger one.
    static func thin(_ marks: inout [OffsetMark]) {
        guard let newest = marks.last, marks.count > 2 else { return }
        var kept: [OffsetMark] = [newest]
        var index = marks.count - 2
        while index > 0 {
            let younger = newest.offset - (kept.last?.offset ?? newest.offset)
            let older = newest.offset - marks[index - 1].offset
            if older > max(2 * younger, 1) { kept.append(marks[index]) }
            index -= 1
        }
        kept.append(marks[0])
        marks = kept.reversed()
    }
}
