import CRdKafka
import Event
import JSON
import Platform
import Testing
import Transport

@Suite(.serialized) struct KafkaTests {
    @Test(arguments: [
        ("no.such.property", "1", "transport.bad_property"), ("linger.ms", "soon", "transport.bad_property"),
        ("acks", "1", "transport.owned_property"), ("request.required.acks", "1", "transport.owned_property"),
        ("enable.idempotence", "false", "transport.owned_property"),
        ("delivery.timeout.ms", "1000", "transport.owned_property"),
        ("max.in.flight.requests.per.connection", "100", "transport.bad_property"),
    ])
    func aBadPropertyIsNamed(_ name: String, _ value: String, _ code: String) throws {
        let options = KafkaOptions(brokers: "127.0.0.1:1", properties: [(name, value)])
        let failure = try #require(throws: Failure.self) { _ = try KafkaProducer(options) }
        #expect(failure.code == code)
        #expect(failure.kind == .config)
        if code == "transport.owned_property" { #expect(failure.message.contains(name)) }
        if code == "transport.bad_property" { #expect((failure.cause ?? "").isEmpty == false) }
    }

    @Test func ownedPropertiesMayBeRepeatedAndOthersOverridden() throws {
        let options = KafkaOptions(
            brokers: "127.0.0.1:1",
            properties: [("acks", "all"), ("message.max.bytes", "200000"), ("queue.buffering.max.kbytes", "5000")])
        let producer = try KafkaProducer(options)
        #expect(producer.queueLimits.bytes == 5_000 * 1_024)
        #expect((100_000..<200_000).contains(producer.maximumRecordByteCount))
        producer.close()
    }

    @Test func theConsumerOwnsWhatKeepsOffsetsExact() throws {
        for (name, value) in [
            ("enable.auto.commit", "true"), ("group.id", "other"), ("auto.offset.reset", "latest"),
            ("partition.assignment.strategy", "cooperative-sticky"),
        ] {
            let options = KafkaOptions(brokers: "127.0.0.1:1", properties: [(name, value)])
            let failure = #expect(throws: Failure.self, "\(name)") { _ = try KafkaConsumer(options, group: "mine") }
            #expect(failure?.code == "transport.owned_property")
        }
    }

    @Test func aFullQueueTakesThePrefixThatFits() throws {
        let options = KafkaOptions(brokers: "127.0.0.1:1", properties: [("queue.buffering.max.messages", "100")])
        let producer = try KafkaProducer(options)
        defer { producer.close() }
        #expect(try Records((0..<70).map { "\($0)" }).produce(producer, "t", 3) == 70)
        #expect(try Records((0..<70).map { "\($0)" }).produce(producer, "t", 3) == 30)
        #expect(try Records(["one more"]).produce(producer, "t", 3) == 0)
        #expect(producer.inFlight.records == 100)
        let small = try KafkaProducer(
            KafkaOptions(brokers: "127.0.0.1:1", properties: [("queue.buffering.max.kbytes", "1")]))
        defer { small.close() }
        // The third does not fit; the short one behind it must not slip past it.
        let values = Array(repeating: String(repeating: "x", count: 400), count: 3) + ["y"]
        #expect(try Records(values).produce(small, "t", 0) == 2)
    }

    @Test func aBrokerThatIsDownIsReportedAndNothingIsGivenUp() throws {
        let producer = try KafkaProducer(KafkaOptions(brokers: "127.0.0.1:1"))
        defer { producer.close() }
        #expect(try Records(["a"]).produce(producer, "t", 0) == 1)
        var faults: [Failure] = []
        for _ in 0..<40 where faults.isEmpty {
            try producer.poll(timeoutMilliseconds: 50) { _ in Issue.record("delivered without a broker") }
            faults += producer.takeFaults()
        }
        #expect(faults.first?.code == "transport.broker_down")
        #expect(producer.inFlight.records == 1)
    }

    @Test func brokerErrorsAreRetriedInOrderAndOnce() throws {
        let fixture = try Fixture(.mock)
        fixture.cluster?.failProduce([
            RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        ])
        for batch in 0..<5 { try fixture.produce((0..<20).map { "v\(batch * 20 + $0)" }, tag: UInt64(batch * 20)) }
        try fixture.pollProducer(until: 100, seconds: 20)
        #expect(fixture.deliveries.map(\.tag) == (0..<100).map { $0 })
        #expect(fixture.deliveries.compactMap { $0.failure?.description }.first == nil)
        try fixture.consumer.start([(fixture.partitions[0], 0)], workerCount: 1)
        #expect(fixture.read(count: 100).map(\.value) == (0..<100).map { "v\($0)" })
    }

    @Test func anOutageOfTheBrokerIsSurvived() throws {
        let fixture = try Fixture(.mock)
        try fixture.produce(["before"])
        try fixture.pollProducer(until: 1)
        fixture.cluster?.setDown(1, true)
        try fixture.produce(["during"], tag: 1)
        try fixture.pollProducer(until: 2, seconds: 1)
        #expect(fixture.deliveries.count == 1)
        fixture.cluster?.setDown(1, false)
        try fixture.pollProducer(until: 2, seconds: 20)
        #expect(fixture.deliveries.map(\.tag) == [0, 1])
    }

    @Test func anOffsetOutOfRangeIsAFaultAndNeverAJump() throws {
        let fixture = try Fixture(.mock)
        try fixture.produce(["a", "b"])
        try fixture.pollProducer(until: 2)
        let partition = fixture.partitions[0]
        try fixture.consumer.start([(partition, 1_000)], workerCount: 1)
        var codes: [String] = []
        for _ in 0..<50 where codes.isEmpty {
            _ = unsafe fixture.consumer.consume(worker: 0, maximumCount: 10, timeoutMilliseconds: 100) { _ in
                Issue.record("a record behind the end")
            }
            for signal in try fixture.consumer.poll(timeoutMilliseconds: 10) {
                if case .fault(let place, let failure) = signal, place == partition { codes.append(failure.code) }
            }
        }
        #expect(codes.first == "transport.offset_out_of_range")
        #expect(try fixture.consumer.bounds(of: partition) == (0, 2))
    }

    @Test func marksAreReadByContent() throws {
        let fixture = try Fixture(.mock)
        try fixture.produce(["a", "b", nil])
        try fixture.pollProducer(until: 3)
        let partition = fixture.partitions[0]
        let key = Array("k1".utf8), value = Array("b".utf8)
        let expected = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in unsafe RecordMark.hash(key: key, value: value) }
        }
        let mark = try #require(try fixture.consumer.mark(at: 1, of: partition))
        #expect(mark.offset == 1 && mark.hash == expected && mark.timestamp > 1_600_000_000_000)
        #expect(try fixture.consumer.mark(at: 2, of: partition)?.offset == 2)
        #expect(try fixture.consumer.mark(at: 3, of: partition) == nil)
        #expect(try fixture.consumer.mark(at: 1, of: partition) == mark)
        // And a fetch goes on as if nothing had been looked up.
        try fixture.consumer.start([(partition, 0)], workerCount: 1)
        #expect(fixture.read(count: 3).map(\.offset) == [0, 1, 2])
    }

    @Test func theMarkHashTellsKeyFromValue() {
        func hash(_ key: [UInt8], _ value: [UInt8]) -> UInt64 {
            unsafe key.withUnsafeBytes { key in
                unsafe value.withUnsafeBytes { value in unsafe RecordMark.hash(key: key, value: value) }
            }
        }
        #expect(hash([1], [2, 3]) != hash([1, 2], [3]))
        #expect(hash([], [1]) != hash([1], []))
    }

    /// Two members: the first gives up everything, both get a part, and when one leaves the other gets all.
    /// Not on the mock cluster: it never answers the join of a second member.
    @Test(.enabled(if: realBrokers != nil, "MILLRACE_KAFKA names no broker"))
    func aRebalanceMovesPartitionsWithoutOverlap() throws {
        let fixture = try Fixture(.broker, partitions: 4)
        for partition in 0..<Int32(4) { try fixture.produce(["a", "b", "c"], partition: partition) }
        try fixture.pollProducer(until: 12)
        let brokers = realBrokers ?? ""
        let fast = KafkaOptions(brokers: brokers, properties: [("heartbeat.interval.ms", "300")])
        let first = try KafkaConsumer(fast, group: fixture.group)
        defer { first.close() }
        try first.subscribe([fixture.topic])
        let all = try assigned(first)
        #expect(all.count == 4)
        try first.start(all.map { ($0, 0) }, workerCount: 1)
        #expect(readAll(first, count: 12).count == 12)
        // A stop of our own keeps the membership.
        try first.stop()
        for _ in 0..<5 { #expect(try first.poll(timeoutMilliseconds: 100).isEmpty) }
        try first.start(all.map { ($0, 1) }, workerCount: 1)
        #expect(readAll(first, count: 8).count == 8)

        let second = try KafkaConsumer(fast, group: fixture.group)
        try second.subscribe([fixture.topic])
        var shares: [[TopicPartition]] = [[], []]
        var revoked = false
        let deadline = SystemClock().monotonicNanoseconds() + 120_000_000_000
        while shares[0].isEmpty || shares[1].isEmpty, SystemClock().monotonicNanoseconds() < deadline {
            for (index, consumer) in [first, second].enumerated() {
                for signal in try consumer.poll(timeoutMilliseconds: 50) {
                    switch signal {
                    case .assigned(let partitions): shares[index] = partitions
                    case .revoked(let partitions, let lost):
                        revoked = true
                        #expect(partitions.count == 4 && !lost)
                        consumer.committed([all[0]: 2])
                        try consumer.stop()
                    case .fault(_, let failure): Issue.record("\(failure)")
                    }
                }
            }
        }
        #expect(revoked)
        #expect(shares[0].count == 2 && shares[1].count == 2)
        #expect(Set(shares[0] + shares[1]) == Set(all))
        second.close()
        var back: [TopicPartition] = []
        while back.isEmpty, SystemClock().monotonicNanoseconds() < deadline {
            for signal in try first.poll(timeoutMilliseconds: 50) {
                if case .assigned(let partitions) = signal { back = partitions }
                if case .revoked = signal { try first.stop() }
            }
        }
        #expect(Set(back) == Set(all))
    }

    /// Polling alone keeps the membership, however long nothing is fetched.
    @Test(.enabled(if: realBrokers != nil, "MILLRACE_KAFKA names no broker"))
    func pollingAloneKeepsTheMembership() throws {
        let fixture = try Fixture(.broker)
        let options = KafkaOptions(
            brokers: realBrokers ?? "",
            properties: [("session.timeout.ms", "6000"), ("max.poll.interval.ms", "6000")])
        let consumer = try KafkaConsumer(options, group: fixture.group)
        defer { consumer.close() }
        try consumer.subscribe([fixture.topic])
        #expect(try assigned(consumer).count == 1)
        for _ in 0..<85 { #expect(try consumer.poll(timeoutMilliseconds: 100).isEmpty) }
    }
}
