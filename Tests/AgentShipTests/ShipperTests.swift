@testable import Agent
import Event
import JSON
import Platform
import Testing
import Transport

private func shipper(_ source: FakeSource, _ broker: FakeBroker, total: Int = 1 << 20, partition: Int = 1 << 18)
    -> Shipper
{
    source.isDurable = true
    let shipper = Shipper(agent: "a", limits: Shipper.Limits(inFlightByteCount: total, partitionByteCount: partition))
    shipper.add(source)
    shipper.use(FakeProducer(broker))
    return shipper
}

/// Ships and collects until nothing moves any more.
private func drive(_ shipper: Shipper, rounds: Int = 200) throws {
    for round in 0..<rounds {
        let moved = try shipper.ship(now: Int64(round))
        if !moved, shipper.inFlight.records == 0 { return }
        try shipper.collect(timeoutMilliseconds: 0)
    }
}

private func expectWhole(_ source: FakeSource, _ broker: FakeBroker, except partitions: Set<Int32> = []) {
    for stream in source.streams where !partitions.contains(source.partitionOf[stream] ?? 0) {
        #expect(source.acknowledgedTo[stream] == source.size)
        #expect(broker.covered(stream).ranges == [CoveredRange(bytes: 0..<source.size)])
    }
}

@Test func everythingIsShippedOnceAndAcknowledged() throws {
    let (source, broker) = (FakeSource(), FakeBroker())
    let shipper = shipper(source, broker)
    try drive(shipper)
    expectWhole(source, broker)
    #expect(broker.records["data"]?.count == 400)
    #expect(shipper.inFlight == (0, 0))
    #expect(shipper.feeds[0].eventCount == 400)
}

@Test(arguments: [1, 3, 7])
func whatTheProducerDoesNotTakeIsReadAgain(takes: Int) throws {
    let (source, broker) = (FakeSource(lines: 20), FakeBroker())
    broker.takes = takes
    let shipper = shipper(source, broker)
    try drive(shipper, rounds: 2_000)
    expectWhole(source, broker)
    #expect(broker.records["data"]?.count == 80)
}

@Test func aPartitionThatDoesNotAnswerStopsNeitherTheOthersNorTheCaps() throws {
    let (source, broker) = (FakeSource(lines: 2_000), FakeBroker())
    broker.leaderless = [0]
    let shipper = shipper(source, broker, total: 64 << 10, partition: 16 << 10)
    for round in 0..<3_000 {
        _ = try shipper.ship(now: Int64(round))
        try shipper.collect(timeoutMilliseconds: 0)
        // A batch of the fake is at most 10 records of 150 bytes.
        #expect(shipper.inFlight.bytes <= 64 << 10 + 3 * 1_500)
    }
    expectWhole(source, broker, except: [0])
    #expect(shipper.inFlight.bytes >= 16 << 10)
    broker.leaderless = []
    try drive(shipper, rounds: 3_000)
    expectWhole(source, broker)
}

@Test func aFailedDeliveryLosesNothingAndIsNamed() throws {
    let (source, broker) = (FakeSource(), FakeBroker())
    broker.failures = [Failure("transport.msg_size_too_large", stage: .transport, kind: .config, "too large")]
    let shipper = shipper(source, broker)
    try drive(shipper)
    #expect(shipper.takeFaults().contains { $0.code == "transport.msg_size_too_large" })
    #expect(source.rewindCount == 1)
    // The source waits a second before it goes on.
    #expect(try !shipper.ship(now: 0))
    Sleep.milliseconds(1_100)
    try drive(shipper)
    expectWhole(source, broker)
}

@Test func aFatalErrorGoesOnWithANewProducer() throws {
    let (source, broker) = (FakeSource(), FakeBroker())
    let shipper = shipper(source, broker)
    _ = try shipper.ship(now: 0)
    broker.fatal = [Failure("transport.fatal", stage: .transport, kind: .fatal, "fenced")]
    #expect(throws: Failure.self) { try shipper.collect(timeoutMilliseconds: 0) }
    shipper.abandon()
    #expect(shipper.inFlight == (0, 0))
    shipper.use(FakeProducer(broker))
    try drive(shipper)
    expectWhole(source, broker)
}

@Test func aMissingTopicIsRetriedAndOthersGoOn() throws {
    let (source, broker) = (FakeSource(), FakeBroker())
    let shipper = shipper(source, broker)
    broker.partitions["data"] = nil
    #expect(try !shipper.ship(now: 0))
    #expect(shipper.takeFaults().map(\.code) == ["transport.unknown_topic"])
    #expect(source.read.values.allSatisfy { $0 == 0 })
    broker.partitions["data"] = 3
    Sleep.milliseconds(1_100)
    try drive(shipper)
    expectWhole(source, broker)
}

@Test func watermarksFollowTheEventsToEveryPartitionAndToThoseThatLeft() throws {
    let (source, broker) = (FakeSource(lines: 2), FakeBroker())
    let shipper = shipper(source, broker)
    try drive(shipper)
    source.currentWatermark = 1_000
    try shipper.shipWatermarks(now: 1_000, isFinal: false)
    try shipper.shipWatermarks(now: 1_001, isFinal: false)
    try shipper.collect(timeoutMilliseconds: 0)
    func watermarks() -> [(Int32, JSONValue?)] {
        (broker.records["data"] ?? []).compactMap { record in
            guard let key = PackKey(parsing: record.key), key.kind == .watermark else { return nil }
            return (record.partition, JSONValue(parsing: record.value))
        }
    }
    #expect(watermarks().map(\.0).sorted() == [0, 1, 2])
    #expect(watermarks().first?.1 == ["time": 1_000, "partitions": [0, 1, 2]])
    source.currentWatermark = 2_000
    source.givenPartitions = [0, 2]
    // Too early: the last one is not two seconds old.
    try shipper.shipWatermarks(now: 2_500, isFinal: false)
    #expect(watermarks().count == 3)
    try shipper.shipWatermarks(now: 3_000, isFinal: false)
    try shipper.collect(timeoutMilliseconds: 0)
    #expect(watermarks().suffix(3).map(\.0).sorted() == [0, 1, 2])
    #expect(watermarks().last?.1 == ["time": 2_000, "partitions": [0, 2]])
    source.currentWatermark = 39_000
    try shipper.shipWatermarks(now: 39_000, isFinal: false)
    try shipper.collect(timeoutMilliseconds: 0)
    #expect(watermarks().suffix(2).map(\.0).sorted() == [0, 2])
}

@Test func anIdleSourceSaysSeldomThatTimeGoesOn() throws {
    let (source, broker) = (FakeSource(lines: 2), FakeBroker())
    let shipper = shipper(source, broker)
    _ = try shipper.ship(now: 5_000)
    try shipper.collect(timeoutMilliseconds: 0)
    func sent(at now: Int64, watermark: Int64) throws -> Int {
        source.currentWatermark = watermark
        try shipper.shipWatermarks(now: now, isFinal: false)
        try shipper.collect(timeoutMilliseconds: 0)
        return (broker.records["data"] ?? []).count { PackKey(parsing: $0.key)?.kind == .watermark }
    }
    // A look that began before the lines were shipped, then one that began behind them: at the usual pace.
    #expect(try sent(at: 5_001, watermark: 4_900) == 3)
    #expect(try sent(at: 7_001, watermark: 6_900) == 6)
    // From now on nothing is shipped.
    #expect(try sent(at: 9_100, watermark: 9_000) == 6)
    #expect(try sent(at: 36_900, watermark: 36_800) == 6)
    #expect(try sent(at: 37_001, watermark: 36_900) == 9)
    source.givenPartitions = [0]
    #expect(try sent(at: 39_100, watermark: 39_000) == 12, "partitions that left are told soon")
}

@Test func noWatermarkIsSentForALookBeforeARewind() throws {
    let (source, broker) = (FakeSource(lines: 2), FakeBroker())
    let shipper = shipper(source, broker)
    _ = try shipper.ship(now: 0)
    source.currentWatermark = 1_000
    shipper.abandon()
    shipper.use(FakeProducer(broker))
    try shipper.shipWatermarks(now: SystemClock().wallMilliseconds(), isFinal: true)
    try shipper.collect(timeoutMilliseconds: 0)
    #expect(broker.records["data"] == nil)
    source.currentWatermark = SystemClock().wallMilliseconds() + 1
    try shipper.shipWatermarks(now: SystemClock().wallMilliseconds(), isFinal: true)
    try shipper.collect(timeoutMilliseconds: 0)
    #expect(broker.records["data"]?.count == 3)
}

/// Random faults; oracle: whatever is acknowledged was delivered, and in the end everything is.
@Test(arguments: 0..<12)
func nothingIsLostUnderRandomFaults(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let (source, broker) = (FakeSource(streams: 5, lines: 20), FakeBroker())
    source.batchRecords = Int.random(in: 1...12, using: &generator)
    let shipper = shipper(source, broker, total: 8 << 10, partition: 4 << 10)
    for round in 0..<150 {
        broker.takes = Int.random(in: 0...12, using: &generator)
        broker.leaderless = Int.random(in: 0..<3, using: &generator) == 0 ? [Int32.random(in: 0..<3, using: &generator)] : []
        if Int.random(in: 0..<40, using: &generator) == 0 {
            broker.fatal = [Failure("transport.fatal", stage: .transport, kind: .fatal, "fenced")]
        }
        do throws(Failure) {
            _ = try shipper.ship(now: Int64(round))
            try shipper.collect(timeoutMilliseconds: 0)
        } catch {
            shipper.abandon()
            shipper.use(FakeProducer(broker))
        }
        for stream in source.streams where round % 15 == 0 {
            let to = source.acknowledgedTo[stream] ?? 0
            if to > 0, !broker.covered(stream).contains(CoveredRange(bytes: 0..<to)) {
                Issue.record("seed \(seed), round \(round): \(to) acknowledged, not delivered")
                return
            }
        }
        if round % 20 == 0 { Sleep.milliseconds(21) }
    }
    (broker.takes, broker.leaderless, broker.fatal) = (.max, [], [])
    for _ in 0..<3 {
        Sleep.milliseconds(21)
        try drive(shipper)
    }
    expectWhole(source, broker)
}
