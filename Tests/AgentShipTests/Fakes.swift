@testable import Agent
import Event
import Platform
import Synchronization
import Transport

/// What the fakes of one test share: topics with their records, as a broker would keep them.
final class FakeBroker: @unchecked Sendable {
    // Safety: tests drive one thread at a time, or lock through the agent's own hand-overs.
    struct Record {
        var partition: Int32
        var key: [UInt8]
        var value: [UInt8]
    }

    var partitions: [String: Int32] = ["data": 3, "millrace-heartbeats": 1]
    var records: [String: [Record]] = [:]
    /// Partitions that do not answer.
    var leaderless: Set<Int32> = []
    /// Keys whose next delivery fails.
    var failures: [Failure] = []
    /// Thrown by the next polls.
    var fatal: [Failure] = []
    /// Records that the producer takes per call at most.
    var takes = Int.max
    var producerCount = 0
    let mirror = Monitor<[MirrorRecord]>([])
    var nextMirrorOffset: Int64 = 0
    /// Appends whose answer is lost.
    var lostAnswers = 0
}

final class FakeProducer: Producer {
    let broker: FakeBroker
    private var waiting: [(topic: String, record: FakeBroker.Record, tag: UInt64)] = []
    private var bytes = 0
    private(set) var peakBytes = 0

    init(_ broker: FakeBroker) {
        self.broker = broker
        broker.producerCount += 1
    }

    var maximumRecordByteCount: Int { 1_000_000 }

    func partitionCount(of topic: String) throws(Failure) -> Int32 {
        if let count = broker.partitions[topic] { return count }
        throw Failure("transport.unknown_topic", stage: .transport, kind: .transient, "topic `\(topic)` does not exist")
    }

    func produce(
        topic: String, partition: Int32, slab: UnsafeRawBufferPointer, records: [OutgoingRecord]
    ) throws(Failure) -> Int {
        _ = try partitionCount(of: topic)
        let taken = min(records.count, broker.takes)
        for record in records.prefix(taken) {
            let key = unsafe Array(slab[record.keyStart..<(record.keyStart + record.keyByteCount)])
            let value = unsafe Array(slab[record.valueStart..<(record.valueStart + max(record.valueByteCount, 0))])
            waiting.append((topic, FakeBroker.Record(partition: partition, key: key, value: value), record.tag))
            bytes += key.count + value.count
        }
        peakBytes = max(peakBytes, bytes)
        return taken
    }

    func poll(timeoutMilliseconds: Int, _ each: (Delivery) -> Void) throws(Failure) {
        if !broker.fatal.isEmpty { throw broker.fatal.removeFirst() }
        var left: [(topic: String, record: FakeBroker.Record, tag: UInt64)] = []
        for entry in waiting {
            if entry.topic == "data", broker.leaderless.contains(entry.record.partition) {
                left.append(entry)
                continue
            }
            bytes -= entry.record.key.count + entry.record.value.count
            if entry.topic == "data", let failure = broker.failures.popLast() {
                each(Delivery(tag: entry.tag, partition: entry.record.partition, offset: -1, failure: failure))
                continue
            }
            broker.records[entry.topic, default: []].append(entry.record)
            each(Delivery(tag: entry.tag, partition: entry.record.partition, offset: 0, failure: nil))
        }
        waiting = left
    }

    var inFlight: (records: Int, bytes: Int) { (waiting.count, bytes) }
    func takeFaults() -> [Failure] { [] }
    func close() {}
}

final class FakeMirror: MirrorLog {
    let broker: FakeBroker
    init(_ broker: FakeBroker) { self.broker = broker }

    func check() throws(Failure) {}

    func append(key: [UInt8], value: [UInt8]?, timeoutMilliseconds: Int) throws(Failure) -> Int64 {
        let offset = broker.mirror.withLock { records -> Int64 in
            let offset = (records.last?.offset ?? -1) + 1
            records.append(MirrorRecord(offset: offset, key: key, value: value))
            return offset
        }
        if broker.lostAnswers > 0 {
            broker.lostAnswers -= 1
            throw Failure("transport.timeout", stage: .transport, kind: .transient, "no answer")
        }
        return offset
    }

    func appendLater(key: [UInt8], value: [UInt8]?) throws(Failure) {
        broker.mirror.withLock { records in
            records.append(MirrorRecord(offset: (records.last?.offset ?? -1) + 1, key: key, value: value))
        }
    }

    func read(
        from offset: Int64, timeoutMilliseconds: Int
    ) throws(Failure) -> (records: [MirrorRecord], first: Int64, next: Int64) {
        broker.mirror.withLock { records in
            (records.filter { $0.offset >= offset }, records.first?.offset ?? 0, (records.last?.offset ?? -1) + 1)
        }
    }

    func close() {}
}

/// A source of numbered lines: stream `i` lives in partition `i % count` and has `lineCount` lines of
/// `width` bytes. Checks the order of the calls it gets.
final class FakeSource: StreamSource {
    let name: String
    let topic = "data"
    let width: Int
    var streams: [StreamID]
    var partitionOf: [StreamID: Int32] = [:]
    var read: [StreamID: UInt64] = [:]
    var acknowledgedTo: [StreamID: UInt64] = [:]
    var lineCount: UInt64
    var batchRecords = 10
    var newIDs: [String] = []
    var rewindCount = 0
    var isDurable = false
    var shippedBeforeDurable = false
    var currentWatermark: Int64?
    var givenPartitions: Set<Int32>?
    let resume: Resume
    let restored: [[UInt8]]
    private var changed: Set<StreamID> = []

    init(
        name: String = "access", streams count: Int = 4, lines: UInt64 = 100, width: Int = 50,
        resume: Resume = .sameIDs, restored: [[UInt8]] = []
    ) {
        self.name = name
        self.width = width
        self.resume = resume
        self.restored = restored
        lineCount = lines
        streams = (0..<count).map { StreamID(high: 1, low: UInt64($0) + 1) }
        for (index, stream) in streams.enumerated() {
            partitionOf[stream] = Int32(index % 3)
            let text = String(decoding: restored.first { String(decoding: $0, as: UTF8.self).contains("\"\(stream)\"") } ?? [], as: UTF8.self)
            let position = text.split(separator: ":").last.flatMap { UInt64($0.dropLast()) } ?? 0
            read[stream] = position
            acknowledgedTo[stream] = position
        }
    }

    var size: UInt64 { lineCount * UInt64(width) }
    func setPartitionCount(_ count: Int32) {}
    func look(now: Int64) -> Bool { true }
    var noticeDescriptor: Int32? { nil }
    var needsDurability: Bool { !isDurable }
    func madeDurable() { isDurable = true }

    func fill(_ batch: inout ShipBatch, now: Int64, isOpen: (Int32) -> Bool) -> Bool {
        for stream in streams {
            guard let partition = partitionOf[stream], var from = read[stream], from < size, isOpen(partition)
            else { continue }
            if !isDurable { shippedBeforeDurable = true }
            batch.topic = topic
            batch.partition = partition
            batch.stream = stream
            var slab: [UInt8] = []
            while from < size, batch.records.count < batchRecords {
                let key = PackKey(
                    kind: .data, framing: .lines, agent: "a", source: name, stream: stream, from: Position(from),
                    to: Position(from + UInt64(width)))
                let start = slab.count
                key.appendText(to: &slab)
                let keyCount = slab.count - start
                slab += [UInt8](repeating: 120, count: width)
                batch.records.append(OutgoingRecord(
                    keyStart: start, keyByteCount: keyCount, valueStart: start + keyCount, valueByteCount: width, tag: 0))
                from += UInt64(width)
                batch.steps.append(ShipBatch.Step(to: from, byteCount: keyCount + width, isEnd: false))
                batch.eventCounts.append(1)
            }
            batch.slab = slab
            read[stream] = from
            streams.append(streams.removeFirst())
            return true
        }
        return false
    }

    func unread(_ batch: ShipBatch, from taken: Int) {
        read[batch.stream] = taken == 0 ? batch.steps[0].to - UInt64(width) : batch.steps[taken - 1].to
    }

    func acknowledged(_ stream: StreamID, to: UInt64, isEnd: Bool) {
        precondition(to > acknowledgedTo[stream] ?? 0, "acknowledged backwards")
        acknowledgedTo[stream] = to
        changed.insert(stream)
    }

    func rewind() {
        rewindCount += 1
        read = acknowledgedTo
    }

    func takeNewIDs(reason: String) { newIDs.append(reason) }

    private func record(_ stream: StreamID) -> [UInt8] {
        Array(#"{"version":1,"id":"\#(stream)","at":\#(acknowledgedTo[stream] ?? 0)}"#.utf8)
    }

    func checkpointRecords() -> [(stream: StreamID, bytes: [UInt8])] { streams.map { ($0, record($0)) } }

    func takeChangedRecords() -> [(stream: StreamID, bytes: [UInt8])] {
        defer { changed = [] }
        return changed.map { ($0, record($0)) }
    }

    var watermark: Int64? { currentWatermark }
    var partitions: Set<Int32> { givenPartitions ?? Set(partitionOf.values) }
    var isDrained: Bool { streams.allSatisfy { read[$0] == size } }

    func reports() -> [FileReport] {
        streams.map {
            FileReport(
                source: name, path: "/log/\($0)", stream: $0, topic: topic, partition: partitionOf[$0] ?? 0,
                byteCount: size, read: read[$0] ?? 0, acknowledged: acknowledgedTo[$0] ?? 0, oldestUnshipped: nil,
                state: "active")
        }
    }

    func takeFaults() -> [Failure] { [] }
    func takeNotices() -> [SourceNotice] { [] }
    func close() {}
}

extension FakeBroker {
    /// Bytes of each stream that are in the data topic, as intervals.
    func covered(_ stream: StreamID) -> IntervalSet {
        var set = IntervalSet()
        for record in records["data"] ?? [] {
            guard let key = PackKey(parsing: record.key), key.stream == stream, key.kind == .data else { continue }
            set.insert(CoveredRange(key.from, key.to))
        }
        return set
    }
}
