import Event
import Platform
import Testing
import Transport

@Suite struct EmbeddedTests {
    @Test func nothingIsAcknowledgedBeforeTheCommit() throws {
        let fixture = try Fixture(.embedded)
        try fixture.produce(["a", "b", "c"])
        let partition = fixture.partitions[0]
        try fixture.consumer.start([(partition, 40)], workerCount: 1)
        #expect(fixture.read(count: 3).map(\.offset) == [40, 41, 42])
        try fixture.pollProducer(until: 1, seconds: 0)
        #expect(fixture.deliveries.isEmpty)
        fixture.consumer.committed([partition: 42])
        try fixture.pollProducer(until: 2)
        #expect(fixture.deliveries.map(\.tag) == [0, 1])
        #expect(fixture.deliveries.map(\.offset) == [40, 41])
        #expect(try fixture.consumer.bounds(of: partition) == (42, 43))
        // A replay delivers what is not committed, and only that.
        try fixture.consumer.start([(partition, 42)], workerCount: 1)
        #expect(fixture.read(count: 1).map(\.value) == ["c"])
        #expect(fixture.consumer.provesEpochs == false)
        #expect(try fixture.consumer.mark(at: 40, of: partition) == nil)
    }

    @Test func aFullChannelTakesThePrefixThatFits() throws {
        let channel = EmbeddedChannel(topics: ["t": 1], capacityByteCount: 4_096)
        let producer = channel.makeProducer()
        let consumer = channel.makeConsumer()
        let values = (0..<10).map { _ in String(repeating: "x", count: 1_000) }
        #expect(try Records(values).produce(producer, "t", 0) == 3)
        #expect(try Records(values).produce(producer, "t", 0) == 0)
        let partition = TopicPartition(topic: "t", partition: 0)
        try consumer.start([(partition, 0)], workerCount: 1)
        #expect(readAll(consumer, count: 3).count == 3)
        consumer.committed([partition: 1])
        #expect(try Records(values).produce(producer, "t", 0) == 1)
    }

    @Test func aCommitOfWhatWasNeverDeliveredAcknowledgesNothing() throws {
        let fixture = try Fixture(.embedded)
        let partition = fixture.partitions[0]
        try fixture.produce(["a", "b"])
        fixture.consumer.committed([partition: 100])
        try fixture.consumer.start([(partition, 0)], workerCount: 1)
        fixture.consumer.committed([partition: 100])
        try fixture.pollProducer(until: 1, seconds: 0)
        #expect(fixture.deliveries.isEmpty)
        #expect(fixture.read(count: 2).count == 2)
    }

    /// Random produce, read, commit, restart: what is acknowledged was delivered and committed, in
    /// order, once; what is not is delivered again.
    @Test(arguments: 0..<200)
    func theChannelFollowsItsModel(_ seed: Int) throws {
        var generator = SeededGenerator(seed: UInt64(seed))
        let fixture = try Fixture(.embedded)
        let partition = fixture.partitions[0]
        var produced = 0
        var committed: Int64 = 0
        var cursor: Int64 = 0
        try fixture.consumer.start([(partition, 0)], workerCount: 1)
        for _ in 0..<60 {
            switch UInt64.random(in: 0..<4, using: &generator) {
            case 0:
                let count = Int.random(in: 1...5, using: &generator)
                try fixture.produce((0..<count).map { "v\(produced + $0)" }, tag: UInt64(produced))
                produced += count
            case 1:
                let wanted = min(Int.random(in: 1...4, using: &generator), produced - Int(cursor))
                if wanted <= 0 { continue }
                var seen: [Seen] = []
                _ = unsafe fixture.consumer.consume(worker: 0, maximumCount: wanted, timeoutMilliseconds: 0) { views in
                    for unsafe view in unsafe views {
                        seen.append(
                            unsafe Seen(
                                partition: 0, offset: view.offset, key: nil,
                                value: view.value.map { unsafe String(decoding: $0, as: UTF8.self) }))
                    }
                }
                #expect(seen.map(\.offset) == (cursor..<(cursor + Int64(wanted))).map { $0 }, "seed \(seed)")
                #expect(seen.map(\.value) == (cursor..<(cursor + Int64(wanted))).map { "v\($0)" }, "seed \(seed)")
                cursor += Int64(wanted)
            case 2:
                committed = Int64.random(in: committed...cursor, using: &generator)
                fixture.consumer.committed([partition: committed])
                try fixture.pollProducer(until: Int(committed), seconds: 1)
            default:
                try fixture.consumer.stop()
                try fixture.consumer.start([(partition, committed)], workerCount: 1)
                cursor = committed
            }
            #expect(fixture.deliveries.map(\.tag) == (0..<UInt64(committed)).map { $0 }, "seed \(seed)")
            #expect(fixture.producer.inFlight.records == produced - Int(committed), "seed \(seed)")
        }
    }
}
