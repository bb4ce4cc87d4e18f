@testable import Collector
import Platform
import Sinks
import Testing
import Transport

/// A partition's true history, to ask and to break.
private struct Partition {
    var first: Int64 = 0
    var next: Int64 = 0
    /// Offset -> content.
    var records: [Int64: UInt64] = [:]

    mutating func grow(_ count: Int, salt: UInt64) {
        for _ in 0..<count {
            records[next] = UInt64(next) &* 31 &+ salt
            next += 1
        }
    }

    mutating func retain(from offset: Int64) {
        first = min(max(first, offset), next)
        records = records.filter { $0.key >= first }
    }

    func mark(at offset: Int64) -> RecordMark? {
        guard let found = records.keys.filter({ $0 >= offset }).min(), let hash = records[found] else { return nil }
        return RecordMark(offset: found, timestamp: 0, hash: hash)
    }
}

@Suite struct EpochMachineTests {
    private func ask(
        _ partition: Partition, next: Int64, marks: [OffsetMark], isCompacted: Bool = false, low: Int64 = 0
    ) -> EpochMachine.Verdict? {
        var machine = EpochMachine(next: next, marks: marks, isCompacted: isCompacted, lowMilliseconds: low)
        var action = EpochMachine.Action.bounds
        for _ in 0..<500 {
            switch action {
            case .decided(let verdict): return verdict
            case .bounds: action = machine.bounds(first: partition.first, next: partition.next)
            case .mark(let offset): action = machine.found(partition.mark(at: offset))
            }
        }
        return nil
    }

    private func marks(_ partition: Partition, below next: Int64) -> [OffsetMark] {
        var marks: [OffsetMark] = []
        for offset in partition.records.keys.sorted() where offset < next {
            MarkLadder.append(OffsetMark(offset: offset, timestamp: 0, hash: partition.records[offset] ?? 0), to: &marks)
        }
        MarkLadder.thin(&marks)
        return marks
    }

    @Test(arguments: 0..<400 as Range<UInt64>)
    func onlyAnotherHistoryMakesAnEpoch(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        var partition = Partition()
        partition.grow(Int.random(in: 0...200, using: &generator), salt: 1)
        let next = partition.next == 0 ? 0 : Int64.random(in: 1...partition.next, using: &generator)
        let known = marks(partition, below: next)
        let isCompacted = Bool.random(using: &generator)
        let event = Int.random(in: 0..<5, using: &generator)
        let note: Comment = "seed \(seed), event \(event), next \(next), compacted \(isCompacted)"
        switch event {
        case 0, 1:
            partition.grow(Int.random(in: 0...50, using: &generator), salt: 1)
            partition.retain(from: Int64.random(in: 0...partition.next, using: &generator))
            if isCompacted { partition.records = partition.records.filter { _ in Bool.random(using: &generator) } }
            let expected: EpochMachine.Verdict = partition.first > next ? .gap(next: partition.first) : .goOn
            #expect(ask(partition, next: next, marks: known, isCompacted: isCompacted) == expected, note)
        case 2:
            // Deleted, made anew and filled past the old offset.
            partition = Partition()
            partition.grow(Int(next) + Int.random(in: 0...50, using: &generator), salt: 2)
            let expected: EpochMachine.Verdict = known.isEmpty ? .goOn : .newEpoch(next: 0, marks: [])
            #expect(ask(partition, next: next, marks: known, isCompacted: isCompacted) == expected, note)
        case 3:
            // Deleted and made anew, shorter: proved at once if an older mark differs, else after ten minutes.
            guard next > 0 else { return }
            partition = Partition()
            partition.grow(Int.random(in: 0..<Int(next), using: &generator), salt: 2)
            let isProved = known.contains { $0.offset < partition.next }
            let verdict = ask(partition, next: next, marks: known, isCompacted: isCompacted)
            #expect(verdict == (isProved ? .newEpoch(next: 0, marks: []) : .lowEnd), note)
            let late = ask(partition, next: next, marks: known, isCompacted: isCompacted, low: EpochMachine.longestLowMilliseconds)
            #expect(late == .newEpoch(next: 0, marks: []), note)
        default:
            // A leader lost its tail; another one grew.
            guard next > 1 else { return }
            let kept = Int64.random(in: 0..<next, using: &generator)
            partition.records = partition.records.filter { $0.key < kept }
            partition.next = kept
            partition.grow(Int(next - kept) + 5, salt: 3)
            guard case .newEpoch(let start, let still) = ask(partition, next: next, marks: known, isCompacted: isCompacted)
            else {
                Issue.record(note)
                return
            }
            let highest = known.last { $0.offset < kept }
            #expect(start == (highest?.offset ?? -1) + 1, note)
            #expect(still == known.filter { $0.offset < kept }, note)
        }
    }

    @Test func aLowEndIsWaitedForWhileItsHistoryAgrees() {
        var partition = Partition()
        partition.grow(100, salt: 1)
        let known = marks(partition, below: 100)
        partition.records = partition.records.filter { $0.key < 90 }
        partition.next = 90
        #expect(ask(partition, next: 100, marks: known) == .lowEnd)
        let highest = known.last { $0.offset < 90 }?.offset ?? -1
        guard case .newEpoch(let start, _) = ask(partition, next: 100, marks: known, low: EpochMachine.longestLowMilliseconds)
        else {
            Issue.record("no epoch after ten minutes")
            return
        }
        #expect(start == highest + 1)
    }

    @Test func retentionThatPassesTheMarkWhileWeLookIsNoEpoch() {
        let mark = OffsetMark(offset: 50, timestamp: 0, hash: 7)
        var machine = EpochMachine(next: 51, marks: [mark], isCompacted: false)
        #expect(machine.bounds(first: 40, next: 90) == .mark(50))
        #expect(machine.found(RecordMark(offset: 60, timestamp: 0, hash: 1)) == .bounds)
        #expect(machine.bounds(first: 60, next: 90) == .decided(.gap(next: 60)))
    }

    @Test func laddersStayShortAndKeepTheNewest() {
        var marks: [OffsetMark] = []
        for offset in 0..<100_000 as Range<Int64> {
            MarkLadder.append(OffsetMark(offset: offset, timestamp: 0, hash: UInt64(offset)), to: &marks)
        }
        #expect(marks.last?.offset == 99_999 && marks.first?.offset == 0)
        #expect(marks.count <= MarkLadder.maximumCount)
        MarkLadder.thin(&marks)
        for (older, younger) in zip(marks, marks.dropFirst()) where younger.offset < 99_990 {
            #expect(99_999 - older.offset <= 5 * (99_999 - younger.offset))
        }
    }

    @Test func aBreakerTripsAboveItsShareOfTheWindow() {
        var breaker = Breaker(share: 0.5, window: 100)
        let early = breaker.exceeds(afterSeen: 60, rejected: 50)
        let late = breaker.exceeds(afterSeen: 1, rejected: 1)
        #expect(!early && late)
        var healthy = Breaker(share: 0.5, window: 100)
        for _ in 0..<50 {
            let isExceeded = healthy.exceeds(afterSeen: 10, rejected: 4)
            #expect(!isExceeded)
        }
        var never = Breaker(share: 1, window: 1)
        let isExceeded = never.exceeds(afterSeen: 100, rejected: 100)
        #expect(!isExceeded)
    }
}
