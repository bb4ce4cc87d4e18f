@testable import Collector
import Columns
import Event
import Platform
import Testing
import Transport

/// `--until-caught-up` looks at all partitions, not only at those that the group gives to this member.
@Suite(.serialized) struct CaughtUpTests {
    private func filled(_ bench: Bench, _ count: Int = 20) {
        for partition in [0, 1] as [Int32] {
            var writer = Writer(UInt64(partition) + 1)
            for index in 0..<count { writer.add(Writer.line("p\(partition)-\(index)")) }
            writer.send(0, writer.cuts[count], to: bench.broker, place("logs", partition))
        }
    }

    private func collector(_ bench: Bench, _ share: [TopicPartition]) throws -> CollectorSummary {
        try bench.collect(FakeConsumer(bench.broker, share: share))
    }

    @Test func aPartitionThatAnotherMemberHoldsAndDoesNotReadIsNotCaughtUp() throws {
        let bench = Bench()
        bench.maximumHeldMilliseconds = 300
        filled(bench)
        let summary = try collector(bench, [place("logs", 0)])
        #expect(summary.exitCode == 75)
        #expect(summary.held?.code == "transport.held_by_others", "\(String(describing: summary.held))")
        #expect(summary.held?.message.contains("logs[1]") == true && summary.held?.message.contains("logs[0]") == false)
        #expect(try bench.uris().count == 20, "what is ours is committed")
    }

    @Test func aMemberWithoutPartitionsWaitsForTheOthers() throws {
        let bench = Bench()
        bench.maximumHeldMilliseconds = 300
        filled(bench)
        #expect(try collector(bench, []).exitCode == 75)
        try bench.collect()
        #expect(try collector(bench, []).exitCode == 0, "\(bench.log)")
        #expect(try bench.uris().count == 40)
    }

    @Test func twoMembersSideBySideBothEndInOrder() throws {
        let bench = Bench()
        filled(bench, 200)
        let codes = Monitor<[Int32]>([])
        let threads = [0, 1].map { partition in
            WorkerThread(name: "side-\(partition)") {
                let summary = try? bench.collect(FakeConsumer(bench.broker, share: [place("logs", Int32(partition))]))
                codes.signal { $0.append(summary?.exitCode ?? -1) }
            }
        }
        for thread in threads { thread.join() }
        #expect(codes.withLock { $0 } == [0, 0], "\(bench.log)")
        #expect(try bench.uris().count == 400)
    }

    @Test func offsetsWithoutRecordsAtTheEndOfAnothersPartitionAreNotWaitedFor() throws {
        let bench = Bench()
        bench.maximumHeldMilliseconds = 15_000
        filled(bench)
        try bench.collect()
        bench.broker.skip(place("logs", 1), 3)
        #expect(try collector(bench, [place("logs", 0)]).exitCode == 0, "\(bench.log)")
    }

    @Test func aPartitionOfOthersThatWasMadeAnewIsNotTakenForRead() throws {
        let bench = Bench()
        bench.maximumHeldMilliseconds = 300
        filled(bench)
        for _ in 0..<3 { bench.broker.append(place("logs", 1), key: nil, value: Array("noise".utf8)) }
        try bench.collect()
        bench.broker.recreate(place("logs", 1))
        var writer = Writer(9)
        writer.add(Writer.line("anew"))
        writer.send(0, writer.cuts[1], to: bench.broker, place("logs", 1))
        #expect(try collector(bench, [place("logs", 0)]).exitCode == 75, "\(bench.log)")
        try bench.collect()
        #expect(try collector(bench, [place("logs", 0)]).exitCode == 0, "\(bench.log)")
    }

    @Test func aTopicThatDoesNotExistHoldsNothing() throws {
        let bench = Bench(["logs": 1], pipelines: [Bench.pipeline("main", ["logs", "absent"])])
        var writer = Writer(1)
        writer.add(Writer.line("one"))
        writer.send(0, writer.cuts[1], to: bench.broker, place("logs", 0))
        #expect(try bench.collect().exitCode == 0)
        #expect(try bench.uris() == ["/one"])
    }
}
