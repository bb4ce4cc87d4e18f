import Event
import Platform
import Transport

/// A broker in memory: partitions with offsets, retention, topics made anew, rebalances.
final class FakeBroker: Sendable {
    struct Record {
        var offset: Int64
        var timestamp: Int64
        var key: [UInt8]?
        var value: [UInt8]?
    }

    struct Partition {
        var first: Int64 = 0
        var next: Int64 = 0
        var records: [Record] = []
        var isCompacted = false
    }

    struct State {
        var partitions: [TopicPartition: Partition] = [:]
        var committed: [TopicPartition: Int64] = [:]
    }

    let state = Monitor(State())

    init(_ topics: [String: Int32]) {
        state.withLock { state in
            for (topic, count) in topics {
                for partition in 0..<count { state.partitions[TopicPartition(topic: topic, partition: partition)] = Partition() }
            }
        }
    }

    func append(_ place: TopicPartition, key: [UInt8]?, value: [UInt8]?, timestamp: Int64 = 1_431_857_103_000) {
        state.signal { state in
            var partition = state.partitions[place] ?? Partition()
            partition.records.append(Record(offset: partition.next, timestamp: timestamp, key: key, value: value))
            partition.next += 1
            state.partitions[place] = partition
        }
    }

    func append(_ place: TopicPartition, _ key: PackKey, _ value: String?) {
        append(place, key: Array(key.text.utf8), value: value.map { Array($0.utf8) })
    }

    /// Offsets without records at the end: a transaction's marker.
    func skip(_ place: TopicPartition, _ count: Int64) {
        state.signal { $0.partitions[place]?.next += count }
    }

    func removeBelow(_ place: TopicPartition, _ offset: Int64) {
        state.signal { state in
            state.partitions[place]?.records.removeAll { $0.offset < offset }
            state.partitions[place]?.first = offset
        }
    }

    func recreate(_ place: TopicPartition) { state.signal { $0.partitions[place] = Partition() } }

    func truncate(_ place: TopicPartition, to offset: Int64) {
        state.signal { state in
            state.partitions[place]?.records.removeAll { $0.offset >= offset }
            state.partitions[place]?.next = offset
        }
    }

    func committed(_ place: TopicPartition) -> Int64? { state.withLock { $0.committed[place] } }
}

/// A consumer of a `FakeBroker`: all partitions, or those of `share`.
final class FakeConsumer: Consumer, @unchecked Sendable {
    private struct Fetch {
        var workers: [[TopicPartition]] = []
        var next: [TopicPartition: Int64] = [:]
    }

    let broker: FakeBroker
    let provesEpochs: Bool
    /// Partitions that the group gives to this member; nil: all.
    let share: [TopicPartition]?
    private let signals = Monitor<[ConsumerSignal]>([])
    private let fetch = Monitor(Fetch())

    init(_ broker: FakeBroker, provesEpochs: Bool = true, share: [TopicPartition]? = nil) {
        self.broker = broker
        self.share = share
        self.provesEpochs = provesEpochs
    }

    func emit(_ signal: ConsumerSignal) { signals.signal { $0.append(signal) } }

    func subscribe(_ topics: [String]) throws(Failure) {
        let all = broker.state.withLock { $0.partitions.keys.filter { topics.contains($0.topic) }.sorted() }
        emit(.assigned(share ?? all))
    }

    func poll(timeoutMilliseconds: Int) throws(Failure) -> [ConsumerSignal] {
        signals.wait(milliseconds: min(timeoutMilliseconds, 5)) { signals in
            if signals.isEmpty { return nil }
            defer { signals.removeAll() }
            return signals
        } ?? []
    }

    func start(_ partitions: [(TopicPartition, Int64)], workerCount: Int) throws(Failure) {
        fetch.signal { fetch in
            fetch = Fetch()
            fetch.workers = (0..<workerCount).map { worker in
                partitions.indices.filter { $0 % workerCount == worker }.map { partitions[$0].0 }
            }
            for (place, offset) in partitions { fetch.next[place] = offset }
        }
    }

    func stop() throws(Failure) { fetch.signal { $0 = Fetch() } }

    func consume(
        worker: Int, maximumCount: Int, timeoutMilliseconds: Int, _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) -> Bool {
        let mine = fetch.withLock { fetch in
            worker < fetch.workers.count ? fetch.workers[worker].map { ($0, fetch.next[$0] ?? 0) } : []
        }
        for (place, next) in mine {
            let records = broker.state.withLock { state in
                Array((state.partitions[place]?.records ?? []).filter { $0.offset >= next }.prefix(maximumCount))
            }
            guard let last = records.last else { continue }
            fetch.withLock { $0.next[place] = last.offset + 1 }
            unsafe lend(place, records, body)
            return true
        }
        Sleep.milliseconds(2)
        return false
    }

    private func lend(
        _ place: TopicPartition, _ records: [FakeBroker.Record], _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) {
        var copies: [UnsafeMutableRawBufferPointer] = unsafe []
        func copy(_ bytes: [UInt8]?) -> UnsafeRawBufferPointer? {
            guard let bytes else { return nil }
            let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(bytes.count, 1), alignment: 1)
            unsafe memory.copyBytes(from: bytes)
            unsafe copies.append(memory)
            return unsafe UnsafeRawBufferPointer(rebasing: memory[..<bytes.count])
        }
        var views: [RecordView] = unsafe []
        for record in records {
            let key = unsafe copy(record.key)
            let value = unsafe copy(record.value)
            unsafe views.append(
                RecordView(
                    topic: place.topic, partition: place.partition, offset: record.offset, timestamp: record.timestamp,
                    key: key, value: value))
        }
        unsafe views.withUnsafeBufferPointer { unsafe body($0) }
        for index in unsafe copies.indices { unsafe copies[index].deallocate() }
    }

    func bounds(
        of partition: TopicPartition, timeoutMilliseconds: Int
    ) throws(Failure) -> (first: Int64, next: Int64) {
        guard let found = broker.state.withLock({ $0.partitions[partition] }) else { throw Self.unknown(partition.topic) }
        return (found.first, found.next)
    }

    func mark(at offset: Int64, of partition: TopicPartition) throws(Failure) -> RecordMark? {
        let record = broker.state.withLock { $0.partitions[partition]?.records.first { $0.offset >= offset } }
        guard let record else { return nil }
        let key = record.key ?? []
        let value = record.value ?? []
        let hash = unsafe key.withUnsafeBytes { key in
            unsafe value.withUnsafeBytes { value in unsafe RecordMark.hash(key: key, value: value) }
        }
        return RecordMark(offset: record.offset, timestamp: record.timestamp, hash: hash)
    }

    func partitionCount(of topic: String) throws(Failure) -> Int32 {
        let count = broker.state.withLock { $0.partitions.keys.filter { $0.topic == topic }.count }
        guard count > 0 else { throw Self.unknown(topic) }
        return Int32(count)
    }

    func isCompacted(_ topic: String) throws(Failure) -> Bool {
        broker.state.withLock { $0.partitions.contains { $0.key.topic == topic && $0.value.isCompacted } }
    }

    func committed(_ offsets: [TopicPartition: Int64]) {
        broker.state.signal { $0.committed.merge(offsets) { _, new in new } }
    }

    func close() {}

    private static func unknown(_ topic: String) -> Failure {
        Failure("transport.unknown_topic", stage: .transport, kind: .transient, "no topic \(topic)")
    }
}
