@testable import Collector
import Columns
import Configuration
import Event
import Platform
@testable import Sinks
import Testing
import Transport

/// What a collector put into quarantine, taken through the routes as they are later.
@Suite(.serialized) struct ReplayRoutesTests {
    private func lines(_ texts: [String], source: String = "app") -> Writer {
        var writer = Writer(7)
        writer.source = source
        for text in texts { writer.add(text) }
        return writer
    }

    private func spec(allowed: [String], format: FileFormat = .jsonLines, maximum: Double? = nil) -> PipelineSpec {
        var route = RouteSpec(table: "shop.app", format: .json)
        route.sources = ["app"]
        route.fileFormat = format
        route.columns = [
            ColumnSpec(name: "id", type: .int64, required: true),
            ColumnSpec(name: "time", type: .timestamp, required: true),
            ColumnSpec(name: "kind", type: .string), ColumnSpec(name: "uri", type: .string, path: "_event_id"),
        ]
        route.columns[0].maximum = maximum
        route.columns[2].allowed = allowed
        return PipelineSpec(name: "main", topics: ["logs"], routes: [route])
    }

    private func line(_ id: Int, _ kind: String) -> String {
        #"{"id":\#(id),"time":"2015-05-17T10:00:00Z","kind":"\#(kind)"}"#
    }

    private func bench(_ spec: PipelineSpec, _ writer: Writer) throws -> Bench {
        let bench = Bench(["logs": 1], pipelines: [spec])
        let cuts = writer.cuts
        writer.send(0, cuts[cuts.count - 1], to: bench.broker, place("logs", 0))
        try bench.collect()
        return bench
    }

    @discardableResult
    private func replay(
        _ bench: Bench, _ filter: QuarantineFilter = QuarantineFilter(), isDry: Bool = false
    ) throws -> ReplaySummary {
        let storage = try bench.storage()
        let replay = QuarantineReplay(
            log: CommitLog(storage: storage), storage: storage, filter: filter,
            intake: try ReplayRoutes(bench.settings()))
        return isDry ? try replay.rehearse() : try replay.run()
    }

    private func open(_ bench: Bench) throws -> [String] {
        var entries = OpenEntries(
            storage: try bench.storage(), state: try bench.state().quarantine, filter: QuarantineFilter())
        var found: [String] = []
        try entries.forEach { entry in
            found.append("\(entry.reason) \(entry.column ?? "-") \(String(decoding: entry.bytes, as: UTF8.self))")
            return true
        }
        return found.sorted()
    }

    @Test func whatANewSchemaTakesIsWrittenOnceWithTheIdentityThatItHad() throws {
        let writer = lines([line(1, "a"), line(2, "b"), line(3, "b"), "{broken"])
        let bench = try bench(spec(allowed: ["a"]), writer)
        #expect(try open(bench).count == 3)
        bench.pipelines = [spec(allowed: ["a", "b"])]
        let before = try bench.state()
        let dry = try replay(bench, isDry: true)
        #expect(try bench.state() == before, "a rehearsal changes nothing")
        let done = try replay(bench)
        #expect(done.written == 2 && done.unchanged == 1 && done.rows == ["shop.app": 2])
        #expect(dry.written == 2 && dry.unchanged == 1 && dry.rows == done.rows && dry.commits.isEmpty)
        let cuts = writer.cuts
        let ids = (0..<3).map { "\(writer.stream):\(cuts[$0])-\(cuts[$0 + 1])" }.sorted()
        #expect(try bench.uris("shop/app") == ids)
        #expect(try open(bench) == ["malformed - {broken"])
        let state = try bench.state()
        let balance = try bench.balance()
        #expect(balance.received == 4 && balance.written == 3 && balance.quarantined == 1)
        #expect(state.pipelines["main"]?.rejections == ["malformed": 1])
        #expect(state.pipelines["main"]?.tables["shop.app"] == RowCounts(written: 3, rejected: 1))
        #expect(state.pipelines["main"]?.replayed == 2)
        // Once more: nothing is left that the routes take, and the collector finds all of it covered.
        #expect(try replay(bench).commits.isEmpty)
        writer.send(0, cuts[4], to: bench.broker, place("logs", 0))
        try bench.collect()
        #expect(try bench.uris("shop/app") == ids)
        #expect(try bench.balance().duplicate == 4)
    }

    @Test func whatIsRefusedForAnotherReasonStaysOpenUnderIt() throws {
        let bench = try bench(spec(allowed: ["a"]), lines([line(1, "b"), line(200, "b")]))
        bench.pipelines = [spec(allowed: ["a", "b"], maximum: 100)]
        let done = try replay(bench)
        #expect(done.written == 1 && done.superseded == 1)
        #expect(try open(bench) == ["out_of_range id " + line(200, "b")])
        #expect(try bench.state().pipelines["main"]?.rejections == ["out_of_range": 1])
        #expect(try bench.balance().quarantined == 1)
        bench.pipelines = [spec(allowed: ["a", "b"])]
        #expect(try replay(bench).written == 1)
        #expect(try open(bench).isEmpty)
        // Files without an open entry are gone, and so is the memory of them.
        #expect(try bench.rows("_millrace/quarantine").isEmpty)
        #expect(try bench.state().quarantine.closed.isEmpty)
    }

    @Test func onlyWhatTheFilterChoosesIsTouched() throws {
        let bench = try bench(spec(allowed: ["a"]), lines([line(1, "b"), "{broken", line(2, "c"), line(3, "b")]))
        bench.pipelines = [spec(allowed: ["a", "b", "c"])]
        var filter = QuarantineFilter()
        filter.reasons = ["malformed"]
        #expect(try replay(bench, filter).chosen == 1)
        filter = QuarantineFilter()
        filter.days = ["1999-01-01"]
        #expect(try replay(bench, filter).chosen == 0)
        var ids: [EntryID] = []
        var entries = OpenEntries(
            storage: try bench.storage(), state: try bench.state().quarantine, filter: QuarantineFilter())
        try entries.forEach { entry in
            ids.append(entry.id)
            return true
        }
        filter = QuarantineFilter()
        filter.ids = [ids[2]]
        #expect(try replay(bench, filter).written == 1)
        #expect(try replay(bench, filter).chosen == 0, "it is closed")
        #expect(try open(bench).count == 3)
        #expect(EntryID(ids[0].description) == ids[0])
    }

    @Test func whatReachedNoRouteGoesToAllThatTakeItNow() throws {
        let bench = try bench(spec(allowed: ["a"]), lines([line(1, "a"), line(2, "a")], source: "other"))
        #expect(try open(bench).allSatisfy { $0.hasPrefix("unrouted") })
        #expect(try replay(bench).kept == [.noRoute: 2])
        var wide = spec(allowed: ["a"])
        wide.routes[0].sources = []
        wide.routes.append(wide.routes[0])
        wide.routes[1].table = "shop.copy"
        wide.routes[1].columns[0].maximum = 1
        bench.pipelines = [wide]
        let done = try replay(bench)
        #expect(done.written == 3 && done.superseded == 1)
        #expect(done.rows == ["shop.app": 2, "shop.copy": 1])
        let balance = try bench.balance()
        #expect(balance.received == 4 && balance.written == 3 && balance.quarantined == 1)
        #expect(try open(bench) == ["out_of_range id " + line(2, "a")])
        // The new entry is the other route's: it never goes to the table that took the event.
        bench.pipelines[0].routes[1].columns[0].maximum = nil
        #expect(try replay(bench).rows == ["shop.copy": 1])
    }

    @Test func rowsOfAParquetTableAreReplayedAsParquet() throws {
        let bench = try bench(spec(allowed: ["a"], format: .parquet), lines([line(1, "b"), line(2, "b")]))
        bench.pipelines = [spec(allowed: ["b"], format: .parquet)]
        #expect(try replay(bench).rows == ["shop.app": 2])
        let names = try Syscalls.list(bench.root + "/shop/app/dt=2015-05-17")
        #expect(names.count == 1 && names[0].hasSuffix(".parquet"))
    }

    @Test func whatIsNoEventStays() throws {
        let bench = Bench(["logs": 1], pipelines: [Bench.pipeline("main", ["logs"])])
        let writer = lines(["x"])
        bench.broker.append(place("logs", 0), key: Array("m9 what".utf8), value: Array(Writer.line("a").utf8))
        bench.broker.append(place("logs", 0), key: Array(writer.key(0, 500).text.utf8), value: Array("short".utf8))
        try bench.collect()
        #expect(try replay(bench).kept == [.notAnEvent: 2])
        #expect(try open(bench).count == 2)
        bench.pipelines[0].name = "renamed"
        #expect(try replay(bench).kept == [.notAnEvent: 2])
    }

    @Test func anEntryOfAPartOfAnEventIsNeverTakenWhole() throws {
        let bench = Bench(["logs": 1])
        let routes = try ReplayRoutes(bench.settings())
        var entry = StoredEntry(
            id: EntryID(file: "part-0000000000000001-0", line: 1), day: "2026-11-20", reason: "missing", column: nil,
            pipeline: "main", table: "web.hits", topic: "logs", partition: 0, offset: 1, timestamp: 1_431_857_103_000, agent: nil,
            source: nil, stream: nil, from: nil, to: nil, excerpt: nil, isPart: true, replays: 0,
            bytes: Array(Writer.line("a").utf8))
        #expect(try routes.take([entry], to: nil).verdicts == [.kept(.partOfEvent)])
        entry.isPart = false
        entry.reason = "overlap"
        #expect(try routes.take([entry], to: nil).verdicts == [.kept(.overlap)])
        let brave = try ReplayRoutes(bench.settings(), takesOverlap: true)
        #expect(try brave.take([entry], to: nil).verdicts == [.outcomes([.written])])
        entry.reason = "missing"
        #expect(try routes.take([entry], to: nil).verdicts == [.outcomes([.written])])
        entry.table = "web.gone"
        #expect(try routes.take([entry], to: nil).verdicts == [.kept(.noRoute)])
        entry.pipeline = "gone"
        #expect(try routes.take([entry], to: nil).verdicts == [.kept(.noPipeline)])
    }
}
