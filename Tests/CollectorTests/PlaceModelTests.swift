import Change
@testable import Collector
import Event
import Platform
import Testing

/// Runs and coverage against the plain truth: deliveries of one table's changes through one partition each, cut and
/// begun anywhere, with crashes, and everything that is taken noted.
private struct PlaceModel {
    struct Row {
        var place: RecordPlace
        var isDelete: Bool
        var content: UInt64
    }

    var generator: SeededGenerator
    var rows: [Row] = []
    var coverage = CoverageMap(pipeline: "p")
    var committed = CoverageMap(pipeline: "p")
    var taken: [Int: Int] = [:]

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        var position: Int64 = 4
        for _ in 0..<Int.random(in: 1...30, using: &generator) {
            let isNumbered = Bool.random(using: &generator)
            let count = Int.random(in: 1...5, using: &generator)
            for row in 0..<count {
                let isLast = row + 1 == count && Bool.random(using: &generator)
                let kind: RecordPlace.Row = isLast ? .last : isNumbered ? .number(UInt32(row)) : .unnumbered
                guard let place = RecordPlace(file: 1, position: position, row: kind) else { continue }
                rows.append(Row(place: place, isDelete: false, content: UInt64(rows.count)))
            }
            position += Int64.random(in: 1...50, using: &generator)
        }
    }

    /// Delivers `[from, to)` in batches; some of them crash and come again.
    mutating func deliver(_ range: Range<Int>, _ run: inout PlaceRun) {
        var at = range.lowerBound
        while at < range.upperBound {
            let end = min(range.upperBound, at + Int.random(in: 1...8, using: &generator))
            let before = run
            var claims: [PlaceRun.Claim] = []
            for row in rows[at..<end] {
                claims.append(run.take(row.place, isDelete: row.isDelete, isOnly: true) { row.content }.claim)
            }
            let places = coverage.takePlaces(claims)
            let (isFresh, crowded) = (places.isFresh, places.crowdedCount)
            #expect(places.misplaced.isEmpty && places.lateCount == 0, "what comes again came in order once")
            precondition(crowded == 0)
            if Int.random(in: 0..<5, using: &generator) == 0 {
                // A crash: nothing of the batch happened; the run goes on where the log says.
                coverage.giveUp()
                run = PlaceRun(stream: before.stream, last: before.last, anchor: before.anchor)
                continue
            }
            coverage.settle()
            for (index, fresh) in zip(at..<end, isFresh) where fresh { taken[index, default: 0] += 1 }
            at = end
        }
    }
}

@Test func everyChangeOfWholeDeliveriesIsTakenExactlyOnce() {
    for seed in 1...400 as ClosedRange<UInt64> {
        var model = PlaceModel(seed: seed)
        let stream = StreamID(high: seed, low: 1)
        var run = PlaceRun(stream: stream)
        for _ in 0..<3 {
            // Through the same partition, or through another one.
            if Bool.random(using: &model.generator) { run = PlaceRun(stream: stream) }
            model.deliver(model.rows.indices, &run)
        }
        #expect(model.rows.indices.allSatisfy { model.taken[$0] == 1 }, "seed \(seed): \(model.taken)")
    }
}

@Test func deliveriesThatBeginAnywhereLoseNothing() {
    for seed in 1...400 as ClosedRange<UInt64> {
        var model = PlaceModel(seed: seed)
        let stream = StreamID(high: seed, low: 1)
        var seen: Set<Int> = []
        for _ in 0..<6 {
            var run = PlaceRun(stream: stream)
            let from = Int.random(in: 0..<model.rows.count, using: &model.generator)
            let to = Int.random(in: from...model.rows.count, using: &model.generator)
            model.deliver(from..<to, &run)
            seen.formUnion(from..<to)
            #expect(seen.allSatisfy { model.taken[$0, default: 0] >= 1 }, "seed \(seed)")
        }
        // What the tool numbers is never taken twice.
        for index in model.rows.indices where model.rows[index].place.row != .unnumbered {
            #expect(model.taken[index, default: 0] <= 1, "seed \(seed), row \(index)")
        }
    }
}

@Test(arguments: [20, 2_000])
func aTableThatIsSpreadByKeyIsFoundOut(_ count: Int) {
    var coverage = CoverageMap(pipeline: "p")
    var missing = 0
    var told = 0
    for part in 0..<2 {
        var run = PlaceRun(stream: StreamID(high: 1, low: 1))
        let claims = stride(from: part, to: count, by: 2).compactMap { number in
            RecordPlace(file: 1, position: Int64(number) * 150 + 4, row: .number(0)).map { place in
                run.take(place, isDelete: false, isOnly: true) { 0 }.claim
            }
        }
        let places = coverage.takePlaces(claims)
        missing += places.isFresh.count { !$0 }
        told += places.misplaced.count
        // Of a small table nothing is lost; of a large one what is lost is told.
        if part == 1 { #expect(count > 64 ? told > 0 : places.lateCount > 0) }
    }
    #expect(count > 64 ? missing > 0 : missing == 0)
}
