@testable import Collector
import Columns
import Event
import Platform
import Sinks
import Testing
import Transport

@Suite(.serialized) struct CollectTests {
    private func writer(_ number: UInt64, _ count: Int, _ prefix: String = "a") -> Writer {
        var writer = Writer(number)
        for index in 0..<count { writer.add(Writer.line("\(prefix)\(index)")) }
        return writer
    }

    private func names(_ count: Int, _ prefix: String = "a") -> [String] { (0..<count).map { "/\(prefix)\($0)" }.sorted() }

    @Test func linesInPacksBecomeRowsOnce() throws {
        let bench = Bench()
        let writer = writer(1, 100)
        let cuts = writer.cuts
        for index in stride(from: 0, to: 100, by: 10) {
            writer.send(cuts[index], cuts[index + 10], to: bench.broker, place("logs", 0))
        }
        let summary = try bench.collect()
        #expect(try bench.uris() == names(100))
        let balance = try bench.balance()
        #expect(balance.written == 100 && balance.received == 100)
        #expect(summary.balances["main"] == balance && summary.exitCode == 0)
        #expect(bench.broker.committed(place("logs", 0)) == 10)
        // A second run finds nothing to do, and moves nothing.
        let before = try bench.state()
        try bench.collect()
        #expect(try bench.state().pipelines == before.pipelines)
        // No status is left behind.
        #expect(try Syscalls.list(bench.root + "/_millrace/status").isEmpty)
    }

    @Test func packsCutAnewAndMirroredPartitionsRepeatNothing() throws {
        let bench = Bench()
        let writer = writer(1, 60)
        let cuts = writer.cuts
        for step in [7, 10, 60, 1] {
            for partition in [0, 1] as [Int32] {
                for index in stride(from: 0, to: 60, by: step) {
                    writer.send(cuts[index], cuts[min(index + step, 60)], to: bench.broker, place("logs", partition))
                }
            }
            try bench.collect()
        }
        #expect(try bench.uris() == names(60))
        let balance = try bench.balance()
        #expect(balance.written == 60 && balance.duplicate == 7 * 60 && balance.quarantined == 0)
        #expect(try bench.state().pipelines["main"]?.streams.values.first?.covered.count == 1)
    }

    @Test func aNewPipelineReadsTheOldTopicFromItsStart() throws {
        let bench = Bench(["logs": 1])
        let writer = writer(1, 20)
        writer.send(0, writer.cuts[10], to: bench.broker, place("logs", 0))
        try bench.collect()
        bench.pipelines.append(Bench.pipeline("second", ["logs"], table: "web.again"))
        writer.send(writer.cuts[10], writer.cuts[20], to: bench.broker, place("logs", 0))
        try bench.collect()
        #expect(try bench.uris() == names(20))
        #expect(try bench.uris("web/again") == names(20))
        #expect(try bench.balance().written == 20 && bench.balance("second").written == 20)
    }

    @Test func everyEventOfEveryRouteHasOneOutcome() throws {
        var spec = Bench.pipeline("main", ["logs"])
        spec.routes[0].sources = ["acc*"]
        spec.routes.append(RouteSpec(table: "web.copy", format: .combined))
        spec.routes[1].sources = ["access"]
        let bench = Bench(["logs": 1], pipelines: [spec])
        var writer = writer(1, 5)
        writer.add("not a log line")
        writer.send(0, writer.cuts[6], to: bench.broker, place("logs", 0))
        var other = Writer(2)
        other.source = "elsewhere"
        other.add("x")
        other.send(0, other.cuts[1], to: bench.broker, place("logs", 0))
        writer.send(0, writer.cuts[3], to: bench.broker, place("logs", 0))
        try bench.collect()
        let balance = try bench.balance()
        #expect(balance.received == 12 + 1 + 6)
        #expect(balance.written == 10 && balance.quarantined == 3 && balance.duplicate == 6)
        #expect(try bench.quarantine() == ["malformed not a log line", "malformed not a log line", "unrouted x"])
        #expect(try bench.state().pipelines["main"]?.rejections == ["malformed": 2, "unrouted": 1])
        #expect(try bench.state().pipelines["main"]?.tables["web.hits"] == RowCounts(written: 5, rejected: 1))
    }

    @Test func anUnterminatedLastLineIsAnEventAndItsOverlapIsNot() throws {
        let bench = Bench(["logs": 1])
        var writer = writer(1, 1)
        let end = writer.bytes.count
        let last = Array(Writer.line("open").utf8)
        writer.bytes += last
        let key = writer.key(end, end + last.count)
        writer.send(0, end, to: bench.broker, place("logs", 0))
        bench.broker.append(place("logs", 0), key: Array(key.text.utf8), value: last)
        // Somebody ships the line again, with what was appended to it.
        let longer = writer.key(end, end + last.count + 6)
        bench.broker.append(place("logs", 0), key: Array(longer.text.utf8), value: last + Array("later".utf8))
        try bench.collect()
        #expect(try bench.uris() == ["/a0", "/open"])
        #expect(try bench.quarantine() == ["overlap " + Writer.line("open") + "later"])
        let covered = try bench.state().pipelines["main"]?.streams[writer.stream]?.covered
        #expect(covered?.ranges == [CoveredRange(bytes: 0..<UInt64(end + last.count + 6))])
        _ = try bench.balance()
    }

    @Test func whatAgentsLeaveOutIsCoveredAndWhatTheySayIsKept() throws {
        let bench = Bench(["logs": 1])
        let writer = writer(1, 3)
        let cuts = writer.cuts
        let spot = place("logs", 0)
        let first = #"{"path":"/var/log/a","continues":"\#(StreamID(high: 9, low: 9))","reason":"rotated"}"#
        bench.broker.append(spot, writer.control(.announce, at: 0), first)
        bench.broker.append(
            spot, key: Array(writer.key(cuts[1], cuts[2], prev: 0).text.utf8),
            value: Array(writer.bytes[cuts[1]..<(cuts[2] - 1)]))
        bench.broker.append(spot, writer.control(.progress, at: cuts[3], prev: cuts[2]), nil)
        bench.broker.append(spot, writer.control(.end, at: cuts[3]), nil)
        bench.broker.append(spot, writer.control(.watermark, at: 0), #"{"time":1431857103000,"partitions":[0]}"#)
        try bench.collect()
        #expect(try bench.uris() == ["/a1"])
        let pipeline = try bench.state().pipelines["main"]
        let stream = pipeline?.streams[writer.stream]
        #expect(stream?.covered.ranges == [CoveredRange(bytes: 0..<UInt64(cuts[3]))])
        #expect(stream?.path == "/var/log/a" && stream?.continues == StreamID(high: 9, low: 9) && stream?.ended == true)
        #expect(pipeline?.watermarks.map(\.time) == [1_431_857_103_000])
        #expect(try bench.balance().received == 1)
    }

    @Test func malformedRecordsGoToQuarantineWholeAndNothingTraps() throws {
        let bench = Bench(["logs": 1])
        let spot = place("logs", 0)
        let writer = writer(1, 2)
        bench.broker.append(spot, key: Array("m9 what".utf8), value: Array("bad key".utf8))
        bench.broker.append(spot, key: Array(writer.key(0, 500).text.utf8), value: Array("too short".utf8))
        bench.broker.append(spot, key: Array(writer.key(0, writer.cuts[1]).text.utf8), value: nil)
        let piece = PackKey(
            kind: .piece, framing: .piece(index: 2, count: 3), agent: "a", source: "access", stream: StreamID(high: 5, low: 5),
            from: Position(10), to: Position(20))
        for _ in 0..<2 { bench.broker.append(spot, piece, "0123456789") }
        bench.broker.append(spot, key: nil, value: Array(Writer.line("foreign").utf8))
        bench.broker.append(spot, key: Array("order".utf8), value: nil)
        writer.send(0, writer.cuts[2], to: bench.broker, spot)
        try bench.collect()
        #expect(try bench.uris() == ["/a0", "/a1", "/foreign"])
        #expect(
            try bench.quarantine() == [
                "malformed_key bad key", "malformed_pack too short", "null_value ", "null_value ", "overlong 0123456789",
            ])
        #expect(try bench.balance().duplicate == 1)
    }

    /// Watermarks alone, for a second and a half: few records of the log, and all offsets at the end.
    @Test func progressWithoutEventsIsCommittedSeldom() throws {
        let bench = Bench(["logs": 1])
        bench.commitMilliseconds = 60
        let writer = writer(1, 1)
        let spot = place("logs", 0)
        writer.send(0, writer.cuts[1], to: bench.broker, spot)
        try bench.collect()
        let clock = SystemClock()
        let start = clock.monotonicNanoseconds()
        var count: Int64 = 0
        let summary = try bench.runtime(FakeConsumer(bench.broker), caughtUp: false).run {
            count += 1
            bench.broker.append(spot, writer.control(.watermark, at: 0), #"{"time":\#(count),"partitions":[0]}"#)
            return clock.monotonicNanoseconds() - start > 1_500_000_000
        }
        let elapsed = Int((clock.monotonicNanoseconds() - start) / 600_000_000)
        #expect(summary.commitCount >= 1 && summary.commitCount <= elapsed + 2, "\(summary.commitCount) commits")
        let state = try bench.state().pipelines["main"]
        #expect(state?.watermarks.count == 1)
        let next = state?.partitions.values.first?.next
        #expect(next == bench.broker.committed(spot), "the group has what the log says")
        // An event takes the progress before it along at once.
        writer.send(0, writer.cuts[1], to: bench.broker, spot)
        try bench.collect()
        #expect(try bench.state().pipelines["main"]?.partitions.values.first?.next == count + 2)
    }

    @Test(arguments: 0..<6 as Range<UInt64>) func randomRecordsBalance(seed: UInt64) throws {
        let bench = Bench()
        var generator = SeededGenerator(seed: seed)
        let writer = writer(1, 10)
        for _ in 0..<300 {
            var key = Array(writer.key(0, writer.cuts[Int.random(in: 1...10, using: &generator)]).text.utf8)
            if Bool.random(using: &generator) { key[Int.random(in: 0..<key.count, using: &generator)] = UInt8.random(in: 0...255, using: &generator) }
            let value = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            bench.broker.append(place("logs", Int32.random(in: 0...1, using: &generator)), key: key, value: value)
        }
        try bench.collect()
        let balance = try bench.balance()
        #expect(balance.received >= 300, "seed \(seed)")
        let entries = try bench.quarantine().count
        #expect(UInt64(entries) == balance.quarantined, "seed \(seed)")
    }
}
