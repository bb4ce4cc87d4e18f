internal import Change
internal import Event

extension CoverageMap {
    /// Decides about changes by their places in the source, in order: one whose own point was taken before is not
    /// fresh. What a claim covers is taken in any case. `crowdedCount`: claims of streams that have more holes than
    /// are kept; these changes are fresh, and not known when they come again.
    mutating func takePlaces(_ claims: [PlaceRun.Claim]) -> (isFresh: [Bool], crowdedCount: Int) {
        var isFresh = [Bool](repeating: true, count: claims.count)
        var crowdedCount = 0
        var start = 0
        while start < claims.count {
            // Why: the changes of a table in one batch mostly follow each other without a hole.
            var end = start + 1
            while end < claims.count, claims[end].stream == claims[start].stream,
                claims[end].from == claims[end - 1].range.to
            { end += 1 }
            let whole = CoveredRange(claims[start].from, claims[end - 1].range.to)
            if !overlaps(claims[start].stream, whole) {
                if !takeIfRoom(claims[start].stream, whole) { crowdedCount += end - start }
            } else {
                for index in start..<end {
                    let claim = claims[index]
                    isFresh[index] = !overlaps(claim.stream, claim.ownRange)
                    if !takeIfRoom(claim.stream, claim.range) { crowdedCount += 1 }
                }
            }
            start = end
        }
        return (isFresh, crowdedCount)
    }

    private func overlaps(_ stream: StreamID, _ range: CoveredRange) -> Bool {
        coverage(of: stream).overlap(range) != .none
    }

    private mutating func takeIfRoom(_ stream: StreamID, _ range: CoveredRange) -> Bool {
        do throws(Failure) {
            try leaveOut(stream, range)
            return true
        } catch {
            return false
        }
    }
}
