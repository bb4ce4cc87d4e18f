import Platform
import Testing

@testable import Verify

private let beyondSigned: Int128 = 9_223_372_036_854_775_812

@Test(arguments: [
    ([], [] as [Int128]), ([7], []), ([1, 2, 3, 4, 5, 6], [3, 5]), ([-5, -3, -1, 1, 3], [-1, 3]),
    ([0, 1, beyondSigned, beyondSigned + 1, Int128(UInt64.max)], [beyondSigned, Int128(UInt64.max)]),
    ([9, 1, 7, 3], [9]),
] as [([Int128], [Int128])])
func everyNthKeyBoundsARange(keys: [Int128], boundaries: [Int128]) {
    var sample = KeySample(step: 2, maximumCount: 100)
    for key in keys { sample.add(key) }
    #expect(sample.ranges.boundaries == boundaries)
    #expect(sample.count == Int64(keys.count))
}

@Test(arguments: [2, 3, 4, 7, 10])
func aSampleNeverGrowsAndItsRangesStayEven(maximum: Int) {
    var sample = KeySample(step: 3, maximumCount: maximum)
    for key in 0..<1_000 {
        sample.add(Int128(key))
        #expect(sample.keys.count <= maximum)
        #expect(sample.keys == stride(from: 0, through: key, by: sample.step).map { Int128($0) }, "\(maximum), \(key)")
    }
}

@Test func aKeyIsInOneRangeWhateverTheHint() {
    let ranges = KeyRanges([-10, 0, 7, beyondSigned])
    let keys: [Int128] = [Int128(Int64.min), -11, -10, -1, 0, 6, 7, 8, beyondSigned - 1, beyondSigned, beyondSigned * 2]
    for (key, index) in zip(keys, [0, 0, 1, 1, 2, 2, 3, 3, 3, 4, 4]) {
        for hint in 0...5 { #expect(ranges.index(of: key, hint: hint) == index, "\(key), \(hint)") }
        #expect((0..<ranges.count).filter { ranges[$0].contains(key) } == [index])
    }
    #expect(KeyRanges([])[0] == KeyRange(from: nil, below: nil))
    #expect(KeyRanges([]).index(of: 5, hint: 0) == 0)
}

/// What a database with these keys answers.
private func walk(_ keys: [Int128], _ ranges: KeyRanges, limit: Int, splits: Int = 1_000) -> RangeWalkMachine {
    var machine = RangeWalkMachine(ranges, limit: limit, maximumSplitCount: splits)
    while let range = machine.next {
        let found = keys.sorted().filter(range.contains).prefix(machine.limit)
        var sum = RowSum()
        for key in found { sum.add(UInt64(truncatingIfNeeded: key)) }
        machine.take(sum, last: found.last)
        guard machine.queryCount < 100_000 else { break }
    }
    return machine
}

@Test(arguments: [
    ([], [], 1, 1), (Array(0..<10), [], 3, 4), (Array(-5..<5), [0], 5, 3), (Array(0..<9), [3, 6], 10, 3),
    ([], [3, 6], 10, 3), ([beyondSigned, beyondSigned + 1, beyondSigned + 2] as [Int128], [5], 2, 3),
    ([Int128(Int64.min), -1, 0, 1], [0], 1, 5),
] as [([Int128], [Int128], Int, Int)])
func noPartHasMoreRowsThanTheLimit(keys: [Int128], boundaries: [Int128], limit: Int, queries: Int) {
    let machine = walk(keys, KeyRanges(boundaries), limit: limit)
    #expect(machine.parts.allSatisfy { $0.count <= Int64(limit) })
    #expect(machine.sums.reduce(0) { $0 + $1.count } == Int64(keys.count))
    #expect(machine.queryCount == queries)
    #expect(machine.parts.first?.range.from == nil && machine.parts.last?.range.below == nil)
}

@Test func partsOfRandomTablesLieOneBehindTheOther() {
    var random = SeededGenerator(seed: 20)
    for round in 0..<200 {
        let keys = Array(Set((0..<Int.random(in: 0...60, using: &random)).map { _ in
            Int128(Int.random(in: -40...40, using: &random))
        }))
        let bounds = Set((0..<Int.random(in: 0...5, using: &random)).map { _ in
            Int128(Int.random(in: -40...40, using: &random))
        }).sorted()
        let ranges = KeyRanges(bounds)
        let limit = Int.random(in: 1...10, using: &random)
        let machine = walk(keys, ranges, limit: limit, splits: Int.random(in: 1...4, using: &random))
        for (left, right) in zip(machine.parts, machine.parts.dropFirst()) {
            #expect(left.range.below == right.range.from, "round \(round)")
        }
        for (index, sum) in machine.sums.enumerated() {
            #expect(sum.count == Int64(keys.count { ranges[index].contains($0) }), "round \(round)")
        }
        for part in machine.parts {
            #expect(part.count == Int64(keys.count { part.range.contains($0) }), "round \(round)")
        }
    }
}

@Test func theLimitDoublesWhereTheDatabaseHasFarMoreRows() {
    let machine = walk((0..<1_000).map { Int128($0) }, KeyRanges([]), limit: 2, splits: 8)
    #expect(machine.limit >= 64 && machine.parts.count < 64)
}

@Test func partsAreLookedThroughInTheOrderOfTheirKeys() {
    let ranges = KeyRanges([10, 20, 30])
    let parts = walk((0..<40).map { Int128($0) }, ranges, limit: 5).parts
    var search = RangeSearch(parts: parts, rowCounts: [10, 10, 10, 10])
    let first = search.next(15)
    #expect(first?.map(\.index) == [0])
    search.take(first ?? [], differing: [3])
    #expect(search.sameCount == 0 && search.differing == [0])
    let second = search.next(35)
    #expect(second?.map(\.index) == [0, 1, 1])
    search.take(second ?? [], differing: [])
    #expect(search.sameCount == 1)
    let third = search.next(1_000) ?? []
    let isSplit = search.split(third, at: 25)
    let half = search.next(1_000)
    #expect(isSplit && half?.count == third.count / 2)
}

@Test func aPartThatIsTooLargeIsHalvedUntilOneKeyIsLeft() {
    let part = RangeWalkMachine.Part(range: KeyRange(from: 4, below: 6), index: 0, count: 2)
    var search = RangeSearch(parts: [part], rowCounts: [2])
    let whole = search.next(10) ?? []
    let isSplit = search.split(whole, at: 5)
    let lower = search.next(10) ?? []
    #expect(isSplit && lower.map(\.range) == [KeyRange(from: 4, below: 5)])
    let isSplitAgain = search.split(lower, at: 4)
    let upper = search.next(10)
    let end = search.next(10)
    #expect(!isSplitAgain && upper?.map(\.range) == [KeyRange(from: 5, below: 6)])
    #expect(end == nil && search.differing == [0])
}
