internal import Change
internal import Event

extension CoverageMap {
    /// Ranges that a stream may have before changes out of quarantine, each in a hole of its own, are not written down
    /// any more: a quarter of what there is room for.
    static let maximumAloneRangeCount = IntervalSet.maximumRangeCount / 4

    /// What became of changes.
    struct Places {
        /// Whether each is taken now.
        var isFresh: [Bool]
        /// Claims of streams that have more holes than are kept; these changes are fresh, and not known when they come
        /// again.
        var crowdedCount = 0
        /// Changes within what is covered that were certainly never taken: they are fresh. Their table does not come
        /// in one order, and others like them may count as taken.
        var misplaced: [Int] = []
        /// The same, of streams of which every place taken is known.
        var lateCount = 0
    }

    /// Decides about changes by their places in the source, in order: one whose own point was taken before is not
    /// fresh. What a claim covers is taken in any case. `isAlone`: they come out of quarantine.
    mutating func takePlaces(_ claims: [PlaceRun.Claim], isAlone: Bool = false) -> Places {
        let maximum = isAlone ? Self.maximumAloneRangeCount : IntervalSet.maximumRangeCount
        var isFresh = [Bool](repeating: true, count: claims.count)
        var crowdedCount = 0
        var misplaced: [Int] = []
        var lateCount = 0
        var start = 0
        while start < claims.count {
            // Why: the changes of a table in one batch mostly follow each other without a hole.
            var end = start + 1
            while end < claims.count, claims[end].stream == claims[start].stream,
                claims[end].from == claims[end - 1].range.to
            { end += 1 }
            let whole = CoveredRange(claims[start].from, claims[end - 1].range.to)
            if !overlaps(claims[start].stream, whole) {
                for claim in claims[start..<end] { sample(claim.stream, claim.point) }
                if !takeIfRoom(claims[start].stream, whole, maximum) { crowdedCount += end - start }
            } else {
                for index in start..<end {
                    let claim = claims[index]
                    isFresh[index] = !overlaps(claim.stream, claim.ownRange)
                    if !isFresh[index], let sample = samples[claim.stream], sample.provesAbsence(of: claim.point) {
                        isFresh[index] = true
                        if sample.isComplete { lateCount += 1 } else { misplaced.append(index) }
                    }
                    if isFresh[index] { sample(claim.stream, claim.point) }
                    if !takeIfRoom(claim.stream, claim.range, maximum) { crowdedCount += 1 }
                }
            }
            start = end
        }
        return Places(isFresh: isFresh, crowdedCount: crowdedCount, misplaced: misplaced, lateCount: lateCount)
    }

    private func overlaps(_ stream: StreamID, _ range: CoveredRange) -> Bool {
        coverage(of: stream).overlap(range) != .none
    }

    private mutating func takeIfRoom(_ stream: StreamID, _ range: CoveredRange, _ maximum: Int) -> Bool {
        guard coverage(of: stream).count <= maximum else { return false }
        do throws(Failure) {
            try leaveOut(stream, range)
            return true
        } catch {
            return false
        }
    }
}
