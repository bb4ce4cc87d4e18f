import Event
import JSON
import Platform
import Testing
import Transport

/// What only a real broker can show: topics, settings, compaction, heartbeats, the mirror.
@Suite(.serialized, .enabled(if: realBrokers != nil, "MILLRACE_KAFKA names no broker"))
struct KafkaTopicsTests {
    private let options = KafkaOptions(brokers: realBrokers ?? "")

    @Test func topicsAreMadeAndChecked() throws {
        let name = "p-" + Token.make()
        let planner = try TopicPlanner(options)
        defer { planner.close() }
        let topics: [TopicSpec] = [
            .data(
                name, partitionCount: 3, replication: 1, retentionMilliseconds: 3_600_000,
                maximumRecordByteCount: 1_048_588),
            .state(name + "-state", replication: 1), .heartbeats(name + "-beats", replication: 1),
            .acknowledgements(name + "-acks", replication: 1),
        ]
        #expect(try planner.plan(topics) == topics)
        #expect(try planner.check(topics).map(\.subject) == Array(repeating: "topic", count: 4))
        #expect(try planner.create(topics) == topics.map(\.name))
        #expect(try planner.create(topics) == [])
        #expect(try planner.check(topics) == [])
        var other = topics[0]
        other.partitionCount = 5
        other.replication = 3
        other.settings = [("cleanup.policy", "compact")]
        let differences = try planner.check([other]).map(\.description)
        #expect(
            differences == [
                "topic \(name): partitions is 3, should be at least 5",
                "topic \(name): replication is 1, should be at least 3",
                "topic \(name): cleanup.policy is delete, should be compact",
            ])
        let consumer = try KafkaConsumer(options, group: "g-" + name)
        defer { consumer.close() }
        #expect(try consumer.isCompacted(name) == false)
        #expect(try consumer.isCompacted(name + "-state"))
    }

    @Test func theMirrorKeepsOrderAndRefusesATopicThatIsNotCompacted() throws {
        let name = "m-" + Token.make()
        let planner = try TopicPlanner(options)
        defer { planner.close() }
        let missing = try KafkaMirror(options, topic: name, agent: "shop-1")
        #expect(throws: Failure.self) { try missing.check() }
        missing.close()
        let plain = TopicSpec(name: name + "-d", partitionCount: 1, replication: 1)
        try planner.create([.state(name, replication: 1), plain])
        let wrong = try KafkaMirror(options, topic: name + "-d", agent: "shop-1")
        let failure = #expect(throws: Failure.self) { try wrong.check() }
        #expect(failure?.code == "transport.state_topic_not_compacted")
        wrong.close()
        let mirror = try KafkaMirror(options, topic: name, agent: "shop-1")
        defer { mirror.close() }
        try mirror.check()
        #expect(try mirror.read(from: 0, timeoutMilliseconds: 5_000).next == 0)
        #expect(try mirror.append(key: [1], value: [10], timeoutMilliseconds: 5_000) == 0)
        try mirror.appendLater(key: [2], value: [20])
        #expect(try mirror.append(key: [1], value: nil, timeoutMilliseconds: 5_000) == 2)
        let (records, first, next) = try mirror.read(from: 1, timeoutMilliseconds: 5_000)
        #expect(records.map(\.offset) == [1, 2])
        #expect(records.map(\.key) == [[2], [1]])
        #expect(records.map(\.value) == [[20], nil])
        #expect(first == 0 && next == 3)
    }

    @Test func theNewestHeartbeatPerAgentIsRead() throws {
        let name = "h-" + Token.make()
        let planner = try TopicPlanner(options)
        defer { planner.close() }
        try planner.create([.heartbeats(name, partitionCount: 2, replication: 1)])
        let producer = try KafkaProducer(options)
        defer { producer.close() }
        for (partition, text) in [(Int32(0), #"{"n":1}"#), (0, #"{"n":2}"#), (0, "no json"), (1, #"{"n":3}"#)] {
            #expect(try Records([text]).produce(producer, name, partition) == 1)
            var done = false
            while !done { try producer.poll(timeoutMilliseconds: 100) { _ in done = true } }
        }
        let reader = try HeartbeatReader(options, topic: name)
        defer { reader.close() }
        let beats = try reader.read(timeoutMilliseconds: 10_000)
        #expect(beats.map(\.agent) == ["k0"])
        #expect(beats.first?.content["n"]?.integer == 3)
    }

    @Test func aDeletedPrefixIsSkippedByMarks() throws {
        let fixture = try Fixture(.broker)
        #expect(try fixture.consumer.mark(at: 0, of: fixture.partitions[0]) == nil)
        #expect(try fixture.consumer.bounds(of: fixture.partitions[0]) == (0, 0))
    }
}
