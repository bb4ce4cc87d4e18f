import Event
import Testing
import Transport

/// What every transport promises, run against each.
@Suite(.serialized) struct ContractTests {
    @Test(arguments: Transport.available)
    func recordsArriveInOrderWithKeysAndNullValues(_ kind: Transport) throws {
        let fixture = try Fixture(kind)
        #expect(try fixture.producer.partitionCount(of: fixture.topic) == 1)
        #expect(try fixture.produce(["one", nil, "", "four"]) == 4)
        let partitions = try fixture.join()
        #expect(partitions == [TopicPartition(topic: fixture.topic, partition: 0)])
        try fixture.consumer.start([(partitions[0], 0)], workerCount: 1)
        let seen = fixture.read(count: 4)
        #expect(seen.map(\.offset) == [0, 1, 2, 3])
        #expect(seen.map(\.key) == ["k0", "k1", "k2", "k3"])
        #expect(seen.map(\.value) == ["one", nil, "", "four"])
    }

    @Test(arguments: Transport.available)
    func everyTagIsAcknowledgedOnceAndInOrder(_ kind: Transport) throws {
        let fixture = try Fixture(kind)
        let count = 2_500
        #expect(try fixture.produce((0..<count).map { "v\($0)" }, tag: 7) == count)
        #expect(fixture.producer.inFlight.records <= count)
        let partition = fixture.partitions[0]
        try fixture.consumer.start([(partition, 0)], workerCount: 1)
        #expect(fixture.read(count: count).count == count)
        fixture.consumer.committed([partition: Int64(count)])
        try fixture.pollProducer(until: count)
        #expect(fixture.deliveries.map(\.tag) == (0..<UInt64(count)).map { $0 + 7 })
        #expect(fixture.deliveries.map(\.offset) == (0..<Int64(count)).map { $0 })
        #expect(fixture.deliveries.allSatisfy { $0.failure == nil })
        #expect(fixture.producer.inFlight == (0, 0))
    }

    @Test(arguments: Transport.available)
    func aRestartDeliversAgainAndNothingStale(_ kind: Transport) throws {
        let fixture = try Fixture(kind)
        let count = 300
        try fixture.produce((0..<count).map { "v\($0)" })
        let partition = fixture.partitions[0]
        for round in 0..<3 {
            try fixture.consumer.start([(partition, 0)], workerCount: 1)
            // Nothing, a part, or all of it is read when the next start comes.
            let part = [0, 1, 300][round % 3]
            _ = fixture.read(count: part)
            try fixture.consumer.stop()
            #expect(fixture.read(count: 1, seconds: 0).isEmpty)
            try fixture.consumer.start([(partition, 0)], workerCount: 1)
            #expect(fixture.read(count: count).map(\.offset) == (0..<Int64(count)).map { $0 }, "round \(round)")
        }
    }

    @Test(arguments: Transport.available)
    func workersShareThePartitionsInTurn(_ kind: Transport) throws {
        let fixture = try Fixture(kind, partitions: 4)
        for partition in 0..<Int32(4) {
            try fixture.produce((0..<20).map { "p\(partition)-\($0)" }, partition: partition)
        }
        let partitions = fixture.partitions
        try fixture.consumer.start(partitions.map { ($0, 0) }, workerCount: 2)
        for worker in 0..<2 {
            let seen = fixture.read(worker: worker, count: 40)
            #expect(Set(seen.map(\.partition)) == [Int32(worker), Int32(worker) + 2])
            for partition in Set(seen.map(\.partition)) {
                #expect(seen.filter { $0.partition == partition }.map(\.offset) == (0..<20).map { $0 })
            }
        }
        // Fewer workers the next time: the second one is idle.
        try fixture.consumer.start(partitions.map { ($0, 10) }, workerCount: 1)
        #expect(fixture.read(worker: 1, count: 1, seconds: 0).isEmpty)
        #expect(fixture.read(count: kind == .embedded ? 80 : 40).count == (kind == .embedded ? 80 : 40))
    }

    @Test(arguments: Transport.available)
    func anOverlongRecordIsRefusedByName(_ kind: Transport) throws {
        let fixture = try Fixture(kind)
        let long = String(repeating: "x", count: fixture.producer.maximumRecordByteCount)
        let failure = #expect(throws: Failure.self) { try fixture.produce([long]) }
        #expect(failure?.code == "transport.record_too_large")
        // Behind one that fits it is left to the next call.
        #expect(try fixture.produce(["short", long]) == 1)
    }

    @Test(arguments: Transport.available.filter { $0 != .mock })
    func anUnknownTopicIsNamed(_ kind: Transport) throws {
        let fixture = try Fixture(kind)
        // Why two names: a broker may make the topic that a producer asked for.
        for (name, ask) in [("first", fixture.producer.partitionCount), ("second", fixture.consumer.partitionCount)] {
            let failure = #expect(throws: Failure.self) { try ask("no-such-topic-\(name)-\(fixture.topic)") }
            #expect(failure?.code == "transport.unknown_topic")
        }
    }
}
