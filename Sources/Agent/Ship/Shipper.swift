public import Event
public import Platform
public import Transport

/// Moves records from the sources to the producer, and acknowledgements back. One owner thread.
///
/// Invariants
/// - A source learns `acknowledged(to)` only when everything before `to` in its stream is acknowledged.
/// - In flight is capped: per partition and over all. A partition is open while it holds less than both
///   its own cap and what is left of the whole: n partitions that do not answer end up with an equal
///   share each and leave one share to the others.
/// - A failed delivery loses nothing: its source drains, starts over from what is acknowledged, and the
///   fault is named; a fatal producer error does so for all sources, on a new producer.
/// - A watermark is sent behind the events that it speaks for, never while something that was filled
///   has been put back.
///
/// Not protected against: acknowledgements of one partition out of the order of production.
public final class Shipper {
    public struct Limits: Sendable {
        public var inFlightByteCount: Int
        public var partitionByteCount: Int
        /// Shortest time between two watermarks of a source.
        public var watermarkMilliseconds: Int64 = 2_000
        /// The same while a source has nothing to ship: all a warehouse learns is that time goes on.
        public var idleWatermarkMilliseconds: Int64 = 30_000

        public init(inFlightByteCount: Int, partitionByteCount: Int) {
            self.inFlightByteCount = inFlightByteCount
            self.partitionByteCount = partitionByteCount
        }
    }

    final class Slot {
        let topic: Int
        let partition: Int32
        var ledger = PartitionLedger()
        /// The producer's queue was full: closed until something is reported, or this time.
        var fullUntil: Int64 = 0

        init(topic: Int, partition: Int32) {
            self.topic = topic
            self.partition = partition
        }
    }

    struct Topic {
        var name: String
        /// Whether a source writes to it.
        var isData = false
        /// Index into `slots` by partition; -1: none yet.
        var slots: [Int32] = []
    }

    /// Largest partition number that we follow.
    static let maximumPartition: Int32 = 99_999
    /// Batches taken from one source in one round, about 1 MiB each.
    static let batchesPerRound = 8
    /// What a record in flight costs beside its key and value: librdkafka's message and our ledger's entry.
    static let recordOverhead = 256
    /// Tags: slot in the upper bits, serial in the lower 40.
    static let serialBits: UInt64 = 40
    static let serialMask: UInt64 = (1 << serialBits) - 1

    let agent: String
    let limits: Limits
    let clock: any Clock
    var producer: (any Producer)?
    private(set) var topics: [Topic] = []
    private(set) var slots: [Slot] = []
    private(set) var feeds: [Feed] = []
    private var batch = ShipBatch()
    private var inFlightBytes = 0
    private var inFlightRecords = 0
    private var faults: [Failure] = []
    private var run = AckRun()
    /// Whether positions moved since the last `takeMoved`.
    private var hasMoved = false
    private var lastReport: Int64?

    /// Acknowledgements of one stream in a row, told to the source as one.
    private struct AckRun {
        var feed: Int32 = -1
        var stream = StreamID.none
        var to: UInt64 = 0
    }

    public init(agent: String, limits: Limits, clock: any Clock = SystemClock()) {
        self.agent = agent
        self.limits = limits
        self.clock = clock
    }

    /// Adds a source. `watermarkPartitions`: where its last watermark went, from the state.
    public func add(_ source: any StreamSource, watermarkPartitions: Set<Int32> = []) {
        feeds.append(Feed(
            index: Int32(feeds.count), source: source, topic: topicIndex(source.topic),
            watermarkPartitions: watermarkPartitions))
        topics[topicIndex(source.topic)].isData = true
    }

    /// Takes a producer into use, in place of none.
    public func use(_ producer: any Producer) { self.producer = producer }

    /// Records and bytes in flight.
    public var inFlight: (records: Int, bytes: Int) { (inFlightRecords, inFlightBytes) }

    func topicIndex(_ name: String) -> Int {
        if let index = topics.firstIndex(where: { $0.name == name }) { return index }
        topics.append(Topic(name: name))
        return topics.count - 1
    }

    func slot(_ topic: Int, _ partition: Int32) -> Int? {
        guard partition >= 0, partition <= Self.maximumPartition else { return nil }
        let place = Int(partition)
        while topics[topic].slots.count <= place { topics[topic].slots.append(-1) }
        let known = topics[topic].slots[place]
        if known >= 0 { return Int(known) }
        slots.append(Slot(topic: topic, partition: partition))
        topics[topic].slots[place] = Int32(slots.count - 1)
        return slots.count - 1
    }

    private func isOpen(_ topic: Int, _ partition: Int32, _ time: Int64) -> Bool {
        guard let index = slot(topic, partition) else { return false }
        let slot = slots[index]
        return time >= slot.fullUntil
            && slot.ledger.byteCount < min(limits.partitionByteCount, limits.inFlightByteCount - inFlightBytes)
    }

    /// One round over all sources. Returns whether anything was handed to the producer. Throws fatal
    /// producer errors only.
    public func ship(now: Int64) throws(Failure) -> Bool {
        var moved = false
        let time = clock.monotonicNanoseconds()
        for feed in feeds where feed.isOpen(at: time) {
            for _ in 0..<Self.batchesPerRound {
                batch.removeAll()
                let isFilled = feed.source.fill(&batch, now: now) { isOpen(feed.topic, $0, time) }
                guard isFilled else { break }
                if batch.records.isEmpty { continue }
                let (taken, isWhole) = try offer(feed, now: now, time: time)
                if taken > 0 { moved = true }
                if !isWhole { break }
            }
        }
        return moved
    }

    /// Hands the batch to the producer. Returns how many records it took, and whether that was all.
    private func offer(_ feed: Feed, now: Int64, time: Int64) throws(Failure) -> (taken: Int, isWhole: Bool) {
        let count = batch.records.count
        guard let index = slot(feed.topic, batch.partition), batch.steps.count == count else {
            preconditionFailure("a batch for partition \(batch.partition) with \(batch.steps.count) steps")
        }
        let base = UInt64(index) << Self.serialBits
        let serial = slots[index].ledger.nextSerial
        for offset in 0..<count {
            batch.records[offset].tag = base | ((serial &+ UInt64(offset)) & Self.serialMask)
        }
        let taken: Int
        do throws(Failure) {
            taken = try produce(topic: topics[feed.topic].name, partition: batch.partition)
        } catch {
            feed.source.unread(batch, from: 0)
            feed.holdWatermark(now: now)
            if error.kind == .fatal { throw error }
            report(error)
            feed.wait(from: time)
            return (0, false)
        }
        for offset in 0..<taken {
            let step = batch.steps[offset]
            let cost = step.byteCount &+ Self.recordOverhead
            slots[index].ledger.append(PartitionLedger.Entry(
                stream: batch.stream, to: step.to, byteCount: cost, feed: feed.index, moves: true, isEnd: step.isEnd))
            inFlightBytes &+= cost
            feed.byteCount &+= UInt64(truncatingIfNeeded: step.byteCount)
        }
        for offset in 0..<min(taken, batch.eventCounts.count) {
            feed.eventCount &+= UInt64(truncatingIfNeeded: batch.eventCounts[offset])
        }
        inFlightRecords += taken
        feed.shippedAt = now
        feed.unreported += taken
        feed.recordCount &+= UInt64(taken)
        if taken == count { return (taken, true) }
        feed.source.unread(batch, from: taken)
        feed.holdWatermark(now: now)
        slots[index].fullUntil = time &+ 20_000_000
        return (taken, false)
    }

    private func produce(topic: String, partition: Int32) throws(Failure) -> Int {
        guard let producer else { return 0 }
        let outcome = unsafe batch.slab.withUnsafeBytes { slab -> Result<Int, Failure> in
            do throws(Failure) {
                return .success(
                    try unsafe producer.produce(topic: topic, partition: partition, slab: slab, records: batch.records))
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }

    /// Produces one record of our own. False: not taken now.
    func offer(_ key: [UInt8], _ value: [UInt8], slot index: Int, feed: Int32) throws(Failure) -> Bool {
        guard let producer else { return false }
        let slot = slots[index]
        let tag = UInt64(index) << Self.serialBits | slot.ledger.nextSerial & Self.serialMask
        let record = OutgoingRecord(
            keyStart: 0, keyByteCount: key.count, valueStart: key.count, valueByteCount: value.count, tag: tag)
        let slab = key + value
        let name = topics[slot.topic].name
        let outcome = unsafe slab.withUnsafeBytes { bytes -> Result<Int, Failure> in
            do throws(Failure) {
                return .success(
                    try unsafe producer.produce(topic: name, partition: slot.partition, slab: bytes, records: [record]))
            } catch { return .failure(error) }
        }
        guard try outcome.get() == 1 else { return false }
        slot.ledger.append(PartitionLedger.Entry(
            stream: .none, to: 0, byteCount: slab.count + Self.recordOverhead, feed: feed, moves: false, isEnd: false))
        inFlightBytes += slab.count + Self.recordOverhead
        inFlightRecords += 1
        if feed >= 0 { feeds[Int(feed)].unreported += 1 }
        return true
    }

    /// Serves the producer: hands acknowledgements to the sources. Throws fatal producer errors only.
    public func collect(timeoutMilliseconds: Int) throws(Failure) {
        guard let producer else { return }
        var fatal: Failure?
        do throws(Failure) {
            try producer.poll(timeoutMilliseconds: timeoutMilliseconds) { take($0) }
        } catch { fatal = error }
        flushRun()
        for failure in producer.takeFaults() { report(failure) }
        if let fatal { throw fatal }
        restartDrained()
    }

    private func take(_ delivery: Delivery) {
        let index = Int(delivery.tag >> Self.serialBits)
        guard index < slots.count else { return }
        let slot = slots[index]
        let distance = (delivery.tag &- slot.ledger.head) & Self.serialMask
        let fate: PartitionLedger.Entry.Fate = delivery.failure == nil ? .acknowledged : .failed
        guard let owner = slot.ledger.settle(slot.ledger.head &+ distance, fate) else { return }
        slot.fullUntil = 0
        if owner >= 0 { feeds[Int(owner)].unreported -= 1 }
        if let failure = delivery.failure {
            fail(failure, owner, slot)
        }
        while let entry = slot.ledger.popSettled() { left(entry) }
    }

    private func fail(_ failure: Failure, _ owner: Int32, _ slot: Slot) {
        report(failure)
        if owner >= 0 {
            feeds[Int(owner)].state = .draining
        } else {
            slot.ledger.void(feed: owner)
        }
    }

    private func left(_ entry: PartitionLedger.Entry) {
        inFlightBytes &-= entry.byteCount
        inFlightRecords &-= 1
        guard entry.fate == .acknowledged, entry.moves else { return }
        hasMoved = true
        if entry.feed != run.feed || entry.stream != run.stream {
            flushRun()
            run = AckRun(feed: entry.feed, stream: entry.stream, to: entry.to)
        }
        run.to = entry.to
        if entry.isEnd {
            feeds[Int(entry.feed)].source.acknowledged(entry.stream, to: entry.to, isEnd: true)
            run.feed = -1
        }
    }

    private func flushRun() {
        guard run.feed >= 0 else { return }
        let feed = feeds[Int(run.feed)]
        feed.source.acknowledged(run.stream, to: run.to, isEnd: false)
        if feed.state == .open { feed.backoff.reset() }
        lastReport = clock.monotonicNanoseconds()
        run.feed = -1
    }

    /// Sources with a failed delivery start over once everything of theirs was reported.
    private func restartDrained() {
        for feed in feeds where feed.state == .draining && feed.unreported == 0 {
            for slot in slots {
                slot.ledger.void(feed: feed.index)
                while let entry = slot.ledger.popSettled() { left(entry) }
            }
            flushRun()
            restart(feed)
            feed.wait(from: clock.monotonicNanoseconds())
        }
    }

    private func restart(_ feed: Feed) {
        feed.source.rewind()
        feed.holdWatermark(now: clock.wallMilliseconds())
        feed.watermark = nil
        feed.state = .open
    }

    /// The producer is gone: closes it, forgets what was in flight, every source starts over.
    public func abandon() {
        producer?.close()
        producer = nil
        for slot in slots { slot.ledger.removeAll() }
        inFlightBytes = 0
        inFlightRecords = 0
        for feed in feeds {
            feed.unreported = 0
            restart(feed)
        }
    }

    func report(_ failure: Failure) {
        // A full list says enough: faults are taken every round.
        if faults.count < 256 { faults.append(failure) }
    }

    /// Faults since the last call: of deliveries and of the transport.
    public func takeFaults() -> [Failure] {
        defer { faults.removeAll() }
        return faults
    }

    /// Whether records of sources are in flight (heartbeats do not count).
    var isDataInFlight: Bool {
        feeds.contains { $0.unreported > 0 } || slots.contains { topics[$0.topic].isData && $0.ledger.count > 0 }
    }

    /// Whether an acknowledgement moved a stream lately.
    func reported(within milliseconds: Int64) -> Bool {
        guard let lastReport else { return false }
        return clock.monotonicNanoseconds() &- lastReport < milliseconds &* 1_000_000
    }

    /// Whether positions moved since the last call.
    public func takeMoved() -> Bool {
        defer { hasMoved = false }
        return hasMoved
    }
}
