import Event
import Testing

/// SplitMix64, as Platform's: Event's tests see Event alone.
struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// The set of all byte positions one by one: slow, obviously right.
private struct NaiveSet {
    var members: Set<UInt64> = []

    mutating func insert(_ range: CoveredRange) { members.formUnion(range.from.major..<range.to.major) }
    mutating func remove(_ range: CoveredRange) { members.subtract(range.from.major..<range.to.major) }

    func overlap(_ range: CoveredRange) -> IntervalSet.Overlap {
        let count = (range.from.major..<range.to.major).count { members.contains($0) }
        return count == 0 ? .none : UInt64(count) == range.to.major - range.from.major ? .whole : .part
    }

    /// Maximal runs of members at or behind `start` in `[0, end)`, or of what is missing there.
    func runs(from start: UInt64, to end: UInt64, missing: Bool) -> [CoveredRange] {
        var runs: [CoveredRange] = []
        var begin: UInt64?
        for place in start..<max(start, end) {
            if members.contains(place) != missing {
                begin = begin ?? place
            } else if let open = begin {
                runs.append(CoveredRange(bytes: open..<place))
                begin = nil
            }
        }
        if let open = begin { runs.append(CoveredRange(bytes: open..<end)) }
        return runs
    }
}

private func randomRange(below end: UInt64, using generator: inout Seeded) -> CoveredRange {
    let from = UInt64.random(in: 0..<end - 1, using: &generator)
    let longest = min(end - from, UInt64.random(in: 1...24, using: &generator))
    return CoveredRange(bytes: from..<from + UInt64.random(in: 1...longest, using: &generator))
}

@Test(arguments: UInt64(1)...60) func intervalSetAgreesWithTheNaiveSet(seed: UInt64) {
    var generator = Seeded(state: seed)
    let end: UInt64 = seed % 3 == 0 ? 16 : 96
    var set = IntervalSet()
    var naive = NaiveSet()
    for step in 0..<150 {
        let range = randomRange(below: end, using: &generator)
        if Int.random(in: 0..<3, using: &generator) == 0 {
            set.remove(range)
            naive.remove(range)
        } else {
            set.insert(range)
            naive.insert(range)
        }
        let place: Comment = "seed \(seed), step \(step), \(range)"
        #expect(set.ranges == naive.runs(from: 0, to: end, missing: false), place)
        let probe = randomRange(below: end, using: &generator)
        #expect(set.overlap(probe) == naive.overlap(probe), place)
        #expect(set.contains(probe) == (naive.overlap(probe) == .whole), place)
        #expect(set.isDisjoint(with: probe) == (naive.overlap(probe) == .none), place)
        let start = UInt64.random(in: 0..<end, using: &generator)
        let last = set.end?.major ?? 0
        #expect(set.holes(from: Position(start)) == naive.runs(from: start, to: last, missing: true), place)
    }
}

@Test func everySequenceOfThreeSmallInsertsAgreesWithTheNaiveSet() {
    let all = (UInt64(0)..<5).flatMap { from in (from + 1...5).map { CoveredRange(bytes: from..<$0) } }
    for first in all {
        for second in all {
            for third in all {
                var naive = NaiveSet()
                for range in [first, second, third] { naive.insert(range) }
                #expect(IntervalSet([first, second, third]).ranges == naive.runs(from: 0, to: 5, missing: false))
                naive.remove(second)
                var set = IntervalSet([first, second, third])
                set.remove(second)
                #expect(set.ranges == naive.runs(from: 0, to: 5, missing: false))
            }
        }
    }
}

@Test func touchingRangesBecomeOneAndAGapStaysTwo() {
    var set = IntervalSet()
    set.insert(CoveredRange(bytes: 0..<10))
    set.insert(CoveredRange(bytes: 10..<20))
    #expect(set.count == 1)
    set.insert(CoveredRange(bytes: 21..<30))
    #expect(set.count == 2)
    #expect(set.holes() == [CoveredRange(bytes: 20..<21)])
    set.insert(CoveredRange(bytes: 20..<21))
    #expect(set.ranges == [CoveredRange(bytes: 0..<30)])
}

@Test func rowsOfOneTransactionAreOrderedWithinIt() {
    var set = IntervalSet()
    set.insert(CoveredRange(Position(7, row: 2), Position(7, row: 5)))
    set.insert(CoveredRange(Position(7), Position(7, row: 2)))
    #expect(set.ranges == [CoveredRange(Position(7), Position(7, row: 5))])
    #expect(set.overlap(CoveredRange(Position(7, row: 4), Position(8))) == .part)
    #expect(set.overlap(CoveredRange(Position(7, row: 5), Position(8))) == .none)
}

@Test func aUnionHoldsBothAndTheOrderDoesNotMatter() {
    let left = IntervalSet([CoveredRange(bytes: 0..<3), CoveredRange(bytes: 9..<12)])
    let right = IntervalSet([CoveredRange(bytes: 3..<5), CoveredRange(bytes: 11..<20)])
    var one = left
    one.formUnion(right)
    var other = right
    other.formUnion(left)
    #expect(one == other)
    #expect(one.ranges == [CoveredRange(bytes: 0..<5), CoveredRange(bytes: 9..<20)])
    #expect(one.start == .zero && one.end == Position(20))
}

@Test func theSetIsFullAtItsNamedMaximum() {
    var set = IntervalSet()
    for index in 0..<UInt64(IntervalSet.maximumRangeCount) {
        #expect(!set.isFull)
        set.insert(CoveredRange(bytes: index * 2..<index * 2 + 1))
    }
    #expect(set.isFull)
}
