import Columns
import Configuration
import Event
import Sinks
import Testing

@testable import millrace

private let day: Int64 = 20_000
private let midnight: Int64 = 20_001 * 86_400_000

/// A log whose partitions of topic `t` have come so far.
private func log(_ runs: [(day: Int64?, since: Int64?)], _ watermarks: [(agent: String, partition: Int32, time: Int64)]) -> LogState {
    var pipeline = PipelineState()
    for (number, run) in runs.enumerated() {
        var state = PartitionState(next: 10)
        state.run = PartitionRun()
        state.run?.day = run.day
        state.run?.since = run.since
        pipeline.partitions[PartitionKey(topic: "t", partition: Int32(number))] = state
    }
    pipeline.watermarks = watermarks.map {
        Watermark(agent: $0.agent, source: "s", topic: "t", partition: $0.partition, time: $0.time)
    }
    var log = LogState()
    log.pipelines["shop"] = pipeline
    return log
}

private func passed(_ log: LogState, ends: [Int32: Int64] = [:]) -> Int64? {
    let known = Dictionary(uniqueKeysWithValues: ends.map { (PartitionKey(topic: "t", partition: $0.key), $0.value) })
    return PassedDay(log, PartitionEnds(known)).of(SyncSpec(name: "shop", topics: ["t"], format: .maxwell))
}

@Test func aDayIsPassedOnceEveryPartitionIsPastIt() {
    #expect(passed(log([], [])) == nil)
    #expect(passed(log([(day, 1), (day + 1, midnight)], [])) == day)
    #expect(passed(log([(day + 1, midnight), (day + 1, midnight), (nil, nil)], [])) == day + 1)
}

@Test func aQuietPartitionHoldsNoDayBack() {
    let runs = [(day: Int64?(day), since: Int64?(1)), (day + 1, midnight)]
    // Its agent has read to the end after the other one went on; not before.
    #expect(passed(log(runs, [("a", 0, midnight + 59_000)])) == day)
    #expect(passed(log(runs, [("a", 0, midnight + 60_000)])) == day + 1)
    // Every agent that writes there, but one that is silent for a day.
    #expect(passed(log(runs, [("a", 0, midnight + 60_000), ("b", 0, midnight)])) == day)
    #expect(passed(log(runs, [("a", 0, midnight + 86_400_000), ("b", 0, midnight)])) == day + 1)
    // No agent: the broker says where it ends.
    #expect(passed(log(runs, []), ends: [0: 11]) == day)
    #expect(passed(log(runs, []), ends: [0: 10]) == day + 1)
    // Nothing proves when the other one went on.
    #expect(passed(log([(day, 1), (day + 1, nil)], [("a", 0, midnight + 60_000)])) == day)
}

@Test func aBrokerThatDoesNotAnswerIsNamedWithWhatItKeepsOpen() {
    let settings = CollectorSettings(
        kafka: KafkaSettings(brokers: "127.0.0.1:1"), warehouse: WarehouseSettings(path: "/w"), pipelines: [])
    let spec = SyncSpec(name: "shop", topics: ["t"], format: .maxwell)
    func passed(_ runs: [(day: Int64?, since: Int64?)]) -> PassedDay {
        let passed = PassedDay(log(runs, []), PartitionEnds(settings, timeoutMilliseconds: 200))
        #expect(passed.of(spec) == day)
        return passed
    }
    // Only a quiet partition makes it matter.
    #expect(passed([(day, midnight), (day, midnight)]).warnings.isEmpty)
    let warnings = passed([(day, 1), (day + 1, midnight)]).warnings
    #expect(warnings.map(\.code) == ["sync.ends_unknown"] && warnings.map(\.exitCode) == [75])
    #expect(warnings.first?.message.contains("127.0.0.1:1") == true && warnings.first?.message.contains("t[0]") == true)
}
