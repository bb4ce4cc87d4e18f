import Event
import Platform
import Testing

@testable import Sinks

private func record(_ machine: LogMachine, _ effects: CommitEffects, writer: String = "w") -> CommitRecord {
    let number = machine.state.number + 1
    return CommitRecord(number: number, token: "t\(number)", writer: writer, time: Int64(number), effects: effects)
}

private func conflict(_ machine: LogMachine, _ effects: CommitEffects, writer: String = "w") throws -> String? {
    try machine.conflict(of: effects, writer: writer, knownThrough: machine.state.number)
}

private func taking(_ ranges: [CoveredRange], accepted: [CoveredRange] = []) -> CommitEffects {
    var effects = CommitEffects()
    var pipeline = PipelineEffect(pipeline: "p")
    var stream = StreamEffect(
        stream: StreamID(high: 1, low: 1), agent: "a", source: "s", topic: "t", partition: 0, epoch: 0, lastOffset: 0)
    stream.added = ranges
    stream.accepted = accepted
    pipeline.streams = [stream]
    effects.pipelines = [pipeline]
    return effects
}

@Test func preconditionsAreEpochAndNextOfEveryPartition() throws {
    var machine = LogMachine()
    #expect(try conflict(machine, advance(0, 5)) != nil, "a partition that the log does not know begins at -1")
    #expect(try conflict(machine, advance(-1, 5)) == nil)
    machine.apply(record(machine, advance(-1, 5)))
    #expect(try conflict(machine, advance(-1, 5)) != nil)
    #expect(try conflict(machine, advance(4, 6)) != nil)
    #expect(try conflict(machine, advance(5, 6)) == nil)
    #expect(try conflict(machine, advance(-1, 6, pipeline: "q")) == nil, "another pipeline has its own offsets")
    var epoch = advance(5, 0)
    epoch.pipelines[0].advances[0].reason = .epoch
    epoch.pipelines[0].advances[0].newEpoch = 1
    #expect(try conflict(machine, epoch) == nil)
    machine.apply(record(machine, epoch))
    #expect(try conflict(machine, advance(0, 1)) != nil, "the old epoch is over")
    #expect(machine.state.pipelines["p"]?.partitions.values.first?.gaps.count == 1)
}

@Test(arguments: [
    advance(5, 4), advance(-2, 4), advance(-1, -1),
])
func anAdvanceThatGoesBackwardsIsADefect(_ effects: CommitEffects) {
    #expect(throws: Failure.self) { try LogMachine().conflict(of: effects, writer: "w", knownThrough: 0) }
}

@Test func rangesAreDisjointFromCoverageAndFromEachOther() throws {
    var machine = LogMachine()
    machine.apply(record(machine, taking([range(0, 10), range(20, 30)])))
    #expect(try conflict(machine, taking([range(9, 11)])) != nil)
    #expect(try conflict(machine, taking([range(10, 20)])) == nil)
    #expect(try conflict(machine, taking([range(10, 15), range(14, 20)])) != nil)
    #expect(try conflict(machine, taking([range(10, 15)], accepted: [range(12, 20)])) != nil)
    machine.apply(record(machine, taking([], accepted: [range(10, 20)])))
    let stream = machine.state.pipelines["p"]?.streams[StreamID(high: 1, low: 1)]
    #expect(stream?.holes == [])
    #expect(stream?.accepted.ranges == [range(10, 20)])
    #expect(try conflict(machine, taking([range(10, 20)])) != nil, "what was accepted as lost is not taken any more")
}

@Test func tooManyHolesNameTheCommandThatClosesThem() throws {
    let ranges = (0...IntervalSet.maximumRangeCount).map { range(UInt64($0) * 2, UInt64($0) * 2 + 1) }
    do {
        _ = try conflict(LogMachine(), taking(ranges))
        Issue.record("it was let through")
    } catch let failure as Failure {
        #expect(failure.code == "commit.coverage_full" && failure.hint?.contains("millrace audit accept") == true)
    }
    #expect(try conflict(LogMachine(), taking(Array(ranges.dropLast()))) == nil)
}

@Test func aFenceHoldsForTheWindowAndWhoWasAwayLongerCountsAsFenced() throws {
    var machine = LogMachine(window: 4)
    var fence = CommitEffects()
    fence.fences = ["x"]
    machine.apply(record(machine, fence))
    #expect(try conflict(machine, advance(-1, 1), writer: "x") == "fenced")
    #expect(try conflict(machine, advance(-1, 1), writer: "y") == nil)
    for _ in 0..<4 { machine.apply(record(machine, CommitEffects())) }
    #expect(machine.state.fences.isEmpty)
    #expect(try machine.conflict(of: advance(-1, 1), writer: "x", knownThrough: 0) == "fenced")
    #expect(try machine.conflict(of: advance(-1, 1), writer: "x", knownThrough: 1) == "fenced")
    #expect(try machine.conflict(of: advance(-1, 1), writer: "x", knownThrough: 2) == nil)
}

@Test func marksStayExponentiallySpacedAndFew() {
    var generator = SeededGenerator(seed: 3)
    var marks: [OffsetMark] = []
    var offset: Int64 = 0
    for _ in 0..<2_000 {
        offset += Int64.random(in: 1...50, using: &generator)
        marks = OffsetMark.thinned(marks, adding: [OffsetMark(offset: offset, timestamp: 0, hash: 0)])
        #expect(marks.last?.offset == offset)
    }
    #expect(marks.count <= OffsetMark.maximumCount && marks.count > 8)
    #expect(zip(marks, marks.dropFirst()).allSatisfy { $0.offset < $1.offset })
    #expect((marks.first?.offset ?? 0) < offset / 2, "the oldest is far back")
}

@Test func streamsAreForgottenOnlyWhenTheirRecordsCannotComeAgain() {
    var machine = LogMachine()
    var effects = advance(-1, 100)
    for (index, isEnded) in [true, false].enumerated() {
        var stream = StreamEffect(
            stream: StreamID(high: 1, low: UInt64(index)), agent: "a", source: "s", topic: "t", partition: 0,
            epoch: 0,
            lastOffset: 50)
        stream.added = [range(0, 1)]
        stream.ended = isEnded
        effects.pipelines[0].streams.append(stream)
    }
    machine.apply(record(machine, effects))
    let key = PartitionKey(topic: "t", partition: 0)
    let ended = StreamID(high: 1, low: 0)
    let silent = StreamID(high: 1, low: 1)
    let late = LogState.forgetSilenceMilliseconds + 10
    func forgettable(_ start: Int64?, _ now: Int64) -> [StreamID] {
        machine.state.forgettableStreams(of: "p", logStarts: start.map { [key: $0] } ?? [:], now: now)
    }
    #expect(forgettable(nil, late) == [])
    #expect(forgettable(50, late) == [])
    #expect(forgettable(51, 10) == [ended])
    #expect(forgettable(51, late) == [ended, silent])
}

@Test func whatCheckAllowsIsDisjointInEveryOrderOfWriters() throws {
    for seed in 1...UInt64(200) {
        var generator = SeededGenerator(seed: seed)
        var machine = LogMachine()
        var taken: Set<UInt64> = []
        var next: Int64 = -1
        for _ in 0..<60 {
            let from = Int64.random(in: -1...20, using: &generator)
            let length = Int64.random(in: 1...4, using: &generator)
            var effects = advance(from, max(from, 0) + length)
            let low = UInt64.random(in: 0...40, using: &generator)
            let added = range(low, low + UInt64.random(in: 1...5, using: &generator))
            effects.pipelines[0].streams = taking([added]).pipelines[0].streams
            let isFree = (added.from.major..<added.to.major).allSatisfy { !taken.contains($0) }
            let expected = from == next && isFree
            #expect((try conflict(machine, effects) == nil) == expected, "seed \(seed)")
            guard expected else { continue }
            machine.apply(record(machine, effects))
            taken.formUnion(added.from.major..<added.to.major)
            next = effects.pipelines[0].advances[0].next
            let copy = LogMachine(
                Checkpoint(state: machine.state, tokens: machine.tokens, unfinished: []), window: machine.window)
            #expect(copy == machine, "seed \(seed)")
        }
    }
}

private func closing(_ lines: [CoveredRange], after: Int, isWhole: Bool = false, file: Int = 0) -> CommitEffects {
    let path = "_millrace/quarantine/db.t/dt=2026-11-20/part-00000000000000aa-\(file).jsonl"
    var effects = CommitEffects()
    effects.quarantine = QuarantineEffect(
        after: after, closed: [ClosedEntries(path: path, lines: lines, isWhole: isWhole)])
    return effects
}

@Test func entriesAreClosedOnceAndByWhoKnowsTheLastClosing() throws {
    var machine = LogMachine()
    machine.apply(record(machine, advance(-1, 5)))
    #expect(try conflict(machine, closing([range(1, 3)], after: 0)) == nil)
    machine.apply(record(machine, closing([range(1, 3)], after: 0)))
    #expect(try conflict(machine, closing([range(7, 8)], after: 0)) != nil, "somebody closed entries meanwhile")
    #expect(try conflict(machine, closing([range(2, 4)], after: 2)) != nil, "line 2 is closed")
    #expect(try conflict(machine, closing([range(3, 5), range(4, 6)], after: 2)) != nil, "line 4 twice")
    #expect(try conflict(machine, closing([range(3, 5)], after: 2)) == nil)
    #expect(try conflict(machine, advance(5, 6)) == nil, "a collector is not concerned")
    machine.apply(record(machine, closing([range(3, 5)], after: 2, isWhole: true)))
    #expect(machine.state.quarantine.closed.isEmpty, "a file without an open entry is forgotten")
    #expect(try conflict(machine, closing([range(1, 3)], after: 2)) != nil, "who read it before it went away")
}

@Test func moreRangesOfClosedEntriesThanTheMaximumAreRefused() throws {
    let limit = QuarantineState.maximumRangeCount
    let ranges = (1...limit).map { range(UInt64($0) * 2, UInt64($0) * 2 + 1) }
    #expect(try conflict(LogMachine(), closing(ranges, after: 0)) == nil)
    #expect(throws: Failure.self) {
        try conflict(LogMachine(), closing(ranges + [range(1_000_000, 1_000_001)], after: 0))
    }
    #expect(try conflict(LogMachine(), closing(ranges + [range(1_000_000, 1_000_001)], after: 0, isWhole: true)) == nil)
}

@Test func whatLeavesTheQuarantineMovesInTheBooks() {
    var machine = LogMachine()
    var first = PipelineEffect(pipeline: "p")
    first.balance.received = 3
    first.balance.quarantined = 3
    first.rejections = ["missing": 2, "unrouted": 1]
    first.tables = ["db.t": RowCounts(rejected: 2)]
    var effects = CommitEffects()
    effects.pipelines = [first]
    machine.apply(record(machine, effects))
    var second = PipelineEffect(pipeline: "p")
    second.reclaimed = Reclaimed()
    second.reclaimed?.events = 3
    second.reclaimed?.rejections = ["missing": 2, "unrouted": 1]
    second.reclaimed?.tables = ["db.t": 2]
    second.balance.received = 1
    second.balance.written = 3
    second.balance.quarantined = 1
    second.rejections = ["wrong_type": 1]
    second.tables = ["db.t": RowCounts(written: 3, rejected: 1)]
    effects.pipelines = [second]
    machine.apply(record(machine, effects))
    let state = machine.state.pipelines["p"]
    #expect(state?.balance.holds == true)
    #expect(state?.balance.received == 4 && state?.balance.written == 3 && state?.balance.quarantined == 1)
    #expect(state?.rejections == ["wrong_type": 1])
    #expect(state?.tables == ["db.t": RowCounts(written: 3, rejected: 1)])
    #expect(state?.replayed == 3)
}
