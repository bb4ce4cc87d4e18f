@testable import Collector
import Event
import Platform
import Testing

/// Coverage against a set of single bytes: random packs, cut anew, delivered again, abandoned.
@Suite struct CoverageModelTests {
    private static let size = 60

    @Test(arguments: 0..<60 as Range<UInt64>)
    func coverageAgreesWithASetOfBytes(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        var map = CoverageMap(pipeline: "p")
        let stream = StreamID(high: 1, low: 1)
        // The stream's true lines: fixed boundaries.
        var cuts: [UInt64] = [0]
        while cuts[cuts.count - 1] < UInt64(Self.size) { cuts.append(cuts[cuts.count - 1] + UInt64.random(in: 1...5, using: &generator)) }
        var committed: Set<UInt64> = []
        var claimed: Set<UInt64> = []
        for step in 0..<120 {
            let note: Comment = "seed \(seed), step \(step)"
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                map.settle()
                committed.formUnion(claimed)
                claimed = []
            case 1:
                map.giveUp()
                claimed = []
            default:
                let first = Int.random(in: 0..<(cuts.count - 1), using: &generator)
                let last = Int.random(in: (first + 1)..<cuts.count, using: &generator)
                // Now and then somebody breaks the rule of boundaries.
                let isOdd = Int.random(in: 0..<8, using: &generator) == 0 && cuts[first] + 1 < cuts[first + 1]
                let from = cuts[first] + (isOdd ? 1 : 0)
                let events = Self.events(from: from, cuts[(first + 1)...last])
                try Self.deliver(events, from, cuts[last], &map, stream, committed, &claimed, note)
            }
            let all = committed.union(claimed)
            let covered = map.coverage(of: stream)
            let held = (0..<UInt64(Self.size + 6)).filter { covered.contains(CoveredRange(bytes: $0..<($0 + 1))) }
            #expect(Set(held) == all, note)
            let claims = map.claimed[stream]?.ranges.reduce(0) { $0 + Int($1.to.major - $1.from.major) } ?? 0
            #expect(claims == claimed.count, note)
        }
    }

    private static func events(from: UInt64, _ ends: ArraySlice<UInt64>) -> [EventReference] {
        var start = from
        return ends.map { end in
            defer { start = end }
            return EventReference(start: 0, byteCount: 0, from: Position(start), to: Position(end), pack: 0)
        }
    }

    private static func deliver(
        _ events: [EventReference], _ from: UInt64, _ to: UInt64, _ map: inout CoverageMap, _ stream: StreamID,
        _ committed: Set<UInt64>, _ claimed: inout Set<UInt64>, _ note: Comment
    ) throws {
        let all = committed.union(claimed)
        let held = (from..<to).filter(all.contains).count
        switch try map.takePack(stream, CoveredRange(bytes: from..<to)) {
        case .fresh: #expect(held == 0, note)
        case .covered:
            #expect(held == Int(to - from), note)
            return
        case .mixed:
            #expect(held > 0 && held < Int(to - from), note)
            let verdicts = try map.takeEvents(stream, CoveredRange(bytes: from..<to), events[...])
            var now = all
            for (event, verdict) in zip(events, verdicts) {
                let bytes = Set(event.from.major..<event.to.major)
                let expected: CoverageMap.EventVerdict =
                    bytes.isDisjoint(with: now) ? .fresh : bytes.isSubset(of: now) ? .duplicate : .overlap
                #expect(verdict == expected, note)
                now.formUnion(bytes)
            }
        }
        claimed.formUnion(Set(from..<to).subtracting(committed))
    }

    @Test func aFullCoverageThrowsAndClaimsNothing() throws {
        var map = CoverageMap(pipeline: "p")
        let stream = StreamID(high: 1, low: 1)
        for index in 0..<UInt64(IntervalSet.maximumRangeCount) {
            let verdict = try map.takePack(stream, CoveredRange(bytes: (index * 4)..<(index * 4 + 2)))
            #expect(verdict == .fresh)
        }
        let beyond = CoveredRange(bytes: 1_000_000..<1_000_002)
        let failure = #expect(throws: Failure.self) { try map.takePack(stream, beyond) }
        #expect(failure?.code == "dedup.coverage_full")
        #expect(failure?.hint?.contains("millrace audit accept") == true)
        #expect(map.coverage(of: stream).isDisjoint(with: beyond))
        #expect(map.claimed[stream]?.isDisjoint(with: beyond) == true)
        // What closes a hole still goes.
        let closing = try map.takePack(stream, CoveredRange(bytes: 2..<4))
        #expect(closing == .fresh)
    }

    @Test func foreignRecordsStayOneRange() throws {
        var map = CoverageMap(pipeline: "p")
        let stream = StreamID(high: 2, low: 1)
        for offset in [5, 6, 9, 20] as [UInt64] {
            let isFresh = try map.takeForeign(stream, offset: offset)
            #expect(isFresh)
        }
        let isFreshAgain = try map.takeForeign(stream, offset: 9)
        #expect(!isFreshAgain)
        #expect(map.coverage(of: stream).ranges == [CoveredRange(bytes: 5..<21)])
    }
}
