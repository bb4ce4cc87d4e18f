public import Event
internal import Platform

/// The collector's end of an `EmbeddedChannel`: all partitions of the subscribed topics, at once.
public final class EmbeddedConsumer: Consumer {
    private struct Group {
        var signals: [ConsumerSignal] = []
        var gates: [WorkerGate<EmbeddedShare>] = []
    }

    private let channel: EmbeddedChannel
    private let group = Monitor(Group())

    init(_ channel: EmbeddedChannel) { self.channel = channel }

    public var provesEpochs: Bool { false }

    public func subscribe(_ topics: [String]) throws(Failure) {
        var partitions: [TopicPartition] = []
        for topic in topics {
            for partition in 0..<(try channel.partitionCount(of: topic)) {
                partitions.append(TopicPartition(topic: topic, partition: partition))
            }
        }
        let all = partitions
        group.signal { $0.signals = [.assigned(all)] }
    }

    public func poll(timeoutMilliseconds: Int) throws(Failure) -> [ConsumerSignal] {
        group.wait(milliseconds: timeoutMilliseconds) { group in
            if group.signals.isEmpty { return nil }
            defer { group.signals.removeAll() }
            return group.signals
        } ?? []
    }

    public func start(_ partitions: [(TopicPartition, Int64)], workerCount: Int) throws(Failure) {
        precondition(workerCount > 0, "start without workers")
        try stop()
        let known: Bool = channel.state.signal { state in
            for (partition, offset) in partitions {
                guard state.logs[partition] != nil else { return false }
                state.logs[partition]?.start(at: offset)
            }
            return true
        }
        guard known else {
            throw Failure(
                "transport.unknown_topic", stage: .transport, kind: .config,
                "a partition to start does not exist in the embedded channel")
        }
        let gates = group.withLock { group in
            while group.gates.count < workerCount { group.gates.append(WorkerGate()) }
            return Array(group.gates[..<workerCount])
        }
        for (worker, gate) in gates.enumerated() {
            let share = partitions.indices.filter { $0 % workerCount == worker }.map { partitions[$0].0 }
            try gate.replace(EmbeddedShare(share))
        }
        group.signal { _ in }
    }

    public func stop() throws(Failure) {
        for gate in group.withLock({ $0.gates }) { try gate.replace(nil) }
        channel.state.withLock { state in
            for partition in state.logs.keys { state.logs[partition]?.stop() }
        }
    }

    public func consume(
        worker: Int, maximumCount: Int, timeoutMilliseconds: Int, _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) -> Bool {
        let found: WorkerGate<EmbeddedShare>? = group.wait(milliseconds: timeoutMilliseconds) {
            $0.gates.indices.contains(worker) ? $0.gates[worker] : nil
        }
        guard maximumCount > 0, let gate = found, let share = gate.source(timeoutMilliseconds: timeoutMilliseconds),
            let place = share.waitForRecords(channel, timeoutMilliseconds), gate.begin(share)
        else { return false }
        defer { gate.end() }
        // Order: taken only inside the gate, so that a `start` meanwhile cannot lose its first records.
        var taken: [EmbeddedRecord] = []
        let first = channel.state.withLock { $0.logs[place]?.take(maximumCount, into: &taken) } ?? 0
        if taken.isEmpty { return false }
        var views: [RecordView] = unsafe []
        unsafe views.reserveCapacity(taken.count)
        for (index, record) in taken.enumerated() {
            unsafe views.append(
                record.view(topic: place.topic, partition: place.partition, offset: first + Int64(index)))
        }
        // Safety: the views point into `taken`, which outlives the call.
        withExtendedLifetime(taken) { unsafe views.withUnsafeBufferPointer { unsafe body($0) } }
        return true
    }

    public func bounds(
        of partition: TopicPartition, timeoutMilliseconds: Int
    ) throws(Failure) -> (first: Int64, next: Int64) {
        _ = try channel.partitionCount(of: partition.topic)
        return channel.state.withLock { state in
            let log = state.logs[partition]
            return (log?.base ?? 0, log?.next ?? 0)
        }
    }

    /// Nil: numbers prove nothing here (`provesEpochs`).
    public func mark(at offset: Int64, of partition: TopicPartition) throws(Failure) -> RecordMark? { nil }

    public func partitionCount(of topic: String) throws(Failure) -> Int32 { try channel.partitionCount(of: topic) }

    public func isCompacted(_ topic: String) throws(Failure) -> Bool {
        _ = try channel.partitionCount(of: topic)
        return false
    }

    public func committed(_ offsets: [TopicPartition: Int64]) {
        channel.state.signal { state in
            for (partition, offset) in offsets {
                guard var log = state.logs.removeValue(forKey: partition) else { continue }
                log.acknowledge(below: offset) { record, number in
                    state.acknowledgements.append(
                        Delivery(tag: record.tag, partition: partition.partition, offset: number, failure: nil))
                    state.recordCount -= 1
                    state.byteCount -= record.byteCount + EmbeddedChannel.recordOverheadByteCount
                }
                state.logs[partition] = log
            }
        }
    }

    public func close() { try? stop() }
}

/// The partitions of one worker between a `start` and the next.
final class EmbeddedShare: @unchecked Sendable {
    // Safety: `turn` belongs to the worker's thread.
    private let partitions: [TopicPartition]
    private var turn = 0

    init(_ partitions: [TopicPartition]) { self.partitions = partitions }

    /// The next partition in turn that has records; nil at the time-out.
    func waitForRecords(_ channel: EmbeddedChannel, _ timeoutMilliseconds: Int) -> TopicPartition? {
        if partitions.isEmpty { return nil }
        return channel.state.wait(milliseconds: timeoutMilliseconds) { state in
            for _ in partitions.indices {
                let place = partitions[turn % partitions.count]
                turn = (turn + 1) % partitions.count
                if state.logs[place]?.hasDeliverable == true { return place }
            }
            return nil
        }
    }
}
