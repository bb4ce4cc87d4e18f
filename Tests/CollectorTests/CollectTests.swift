@testable import Collector
import Columns
import Event
import Platform
import Sinks
import Testing
import Transport

@Suite(.serialized) struct CollectTests {
    @Test func linesInPacksBecomeRowsOnce() throws {
        let bench = Bench()
        var writer = Writer(1)
        for index in 0..<100 { writer.add(Writer.line("a\(index)")) }
        let cuts = writer.cuts
        for index in stride(from: 0, to: 100, by: 10) {
            writer.send(cuts[index], cuts[index + 10], to: bench.broker, place("logs", 0))
        }
        let summary = try bench.collect()
        #expect(try bench.uris() == (0..<100).map { "/a\($0)" }.sorted())
        let balance = try bench.balance()
        #expect(balance.written == 100 && balance.received == 100)
        #expect(summary.balances["main"] == balance)
        #expect(bench.broker.committed(place("logs", 0)) == 10)
        // A second run finds nothing to do, and commits nothing.
        let before = try bench.state()
        try bench.collect()
        #expect(try bench.state().pipelines == before.pipelines)
    }
}
