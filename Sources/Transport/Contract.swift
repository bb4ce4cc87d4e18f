public import Event

/// A partition of a topic.
public struct TopicPartition: Hashable, Comparable, Sendable {
    public var topic: String
    public var partition: Int32

    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    public static func < (left: TopicPartition, right: TopicPartition) -> Bool {
        left.topic != right.topic ? left.topic < right.topic : left.partition < right.partition
    }
}

extension TopicPartition: CustomStringConvertible {
    public var description: String { "\(topic)[\(partition)]" }
}

/// One record to ship: key and value are byte ranges of a slab that goes with the call.
public struct OutgoingRecord: Sendable {
    public var keyStart: Int
    public var keyByteCount: Int
    public var valueStart: Int
    /// -1: a null value.
    public var valueByteCount: Int
    /// Comes back in the `Delivery`.
    public var tag: UInt64

    public init(keyStart: Int, keyByteCount: Int, valueStart: Int, valueByteCount: Int, tag: UInt64) {
        self.keyStart = keyStart
        self.keyByteCount = keyByteCount
        self.valueStart = valueStart
        self.valueByteCount = valueByteCount
        self.tag = tag
    }
}

/// What became of a shipped record.
public struct Delivery: Sendable {
    public var tag: UInt64
    public var partition: Int32
    /// The record's offset; -1 if it was not delivered.
    public var offset: Int64
    /// Nil: acknowledged (Kafka: acks=all; embedded: committed to the warehouse).
    public var failure: Failure?

    public init(tag: UInt64, partition: Int32, offset: Int64, failure: Failure?) {
        self.tag = tag
        self.partition = partition
        self.offset = offset
        self.failure = failure
    }
}

/// What an agent ships with. One owner thread; every call but `poll` returns at once or within a
/// stated time. Acknowledgements of one partition come in the order of production.
public protocol Producer: AnyObject {
    /// Largest key + value in bytes that the transport takes.
    var maximumRecordByteCount: Int { get }

    /// The partitions a topic has now. Blocks up to a few seconds; unknown topic: `transport.unknown_topic`.
    func partitionCount(of topic: String) throws(Failure) -> Int32

    /// Offers records of one partition in order; copies keys and values. Returns how many were taken
    /// from the front: fewer than offered means that the partition's or the producer's queue is full.
    func produce(
        topic: String, partition: Int32, slab: UnsafeRawBufferPointer, records: [OutgoingRecord]
    ) throws(Failure) -> Int

    /// Waits up to the time-out for acknowledgements and hands over all that are there. Throws on a
    /// fatal producer error (librdkafka `ERR__FATAL`) only; broker trouble is retried without end.
    func poll(timeoutMilliseconds: Int, _ each: (Delivery) -> Void) throws(Failure)

    /// Records and bytes taken and not yet reported.
    var inFlight: (records: Int, bytes: Int) { get }

    /// Transport trouble seen since the last call (broker down, authentication), for `status` and logs.
    func takeFaults() -> [Failure]

    /// Gives up what is still in flight and frees the handle.
    func close()
}

/// One record of the mirror: the agent's own partition of the state topic, or its file in the warehouse.
public struct MirrorRecord: Hashable, Sendable {
    public var offset: Int64
    public var key: [UInt8]
    /// Nil: a tombstone.
    public var value: [UInt8]?

    public init(offset: Int64, key: [UInt8], value: [UInt8]?) {
        self.offset = offset
        self.key = key
        self.value = value
    }
}

/// The mirror of an agent's state (design section 4): an ordered, durable log, one partition per agent
/// name, possibly shared with other agents. One owner thread.
public protocol MirrorLog: AnyObject {
    /// Checks that the log is fit: a state topic that is not compacted is refused by name
    /// (`transport.state_topic_not_compacted`), a missing one too.
    func check() throws(Failure)

    /// Appends and waits for the acknowledgement. Returns the record's offset. Blocks; gives up with
    /// a transient failure after the time-out (the record may have been written).
    func append(key: [UInt8], value: [UInt8]?, timeoutMilliseconds: Int) throws(Failure) -> Int64

    /// Appends without waiting: for stream positions. Lost ones are harmless (the next replaces them).
    func appendLater(key: [UInt8], value: [UInt8]?) throws(Failure)

    /// Reads everything from `offset` (or the log's start if that is later) to the end as of the call.
    /// `first` is the log's start, `next` the offset behind the last. Blocks up to the time-out.
    func read(
        from offset: Int64, timeoutMilliseconds: Int
    ) throws(Failure) -> (records: [MirrorRecord], first: Int64, next: Int64)

    func close()
}

/// What a collector learns while it polls.
public enum ConsumerSignal: Sendable {
    /// The group gave us exactly these partitions: answer with `start`.
    case assigned([TopicPartition])
    /// The group takes all partitions away: commit what is processed, then answer with `stop`.
    /// `lost`: they belong to somebody else already.
    case revoked([TopicPartition], lost: Bool)
    /// Trouble: unknown topic, offset out of range, leader lost, authentication. A partition where known.
    case fault(TopicPartition?, Failure)
}

/// A record found at a place in a partition: what epochs are proved by (design section 6).
public struct RecordMark: Hashable, Sendable {
    public var offset: Int64
    /// Milliseconds since the epoch; -1 if the record has none.
    public var timestamp: Int64
    /// XXH3-64 of key then value: `RecordMark.hash(key:value:)`.
    public var hash: UInt64

    public init(offset: Int64, timestamp: Int64, hash: UInt64) {
        self.offset = offset
        self.timestamp = timestamp
        self.hash = hash
    }
}

/// One record lent to a worker: pointers are valid only within the call that lends them.
@unsafe public struct RecordView {
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    /// Milliseconds since the epoch; -1 if the record has none.
    public var timestamp: Int64
    /// Nil: no key.
    public var key: UnsafeRawBufferPointer?
    /// Nil: null value.
    public var value: UnsafeRawBufferPointer?

    public init(
        topic: String, partition: Int32, offset: Int64, timestamp: Int64, key: UnsafeRawBufferPointer?,
        value: UnsafeRawBufferPointer?
    ) {
        unsafe self.topic = topic
        unsafe self.partition = partition
        unsafe self.offset = offset
        unsafe self.timestamp = timestamp
        unsafe self.key = key
        unsafe self.value = value
    }
}

/// What a collector reads from. `poll`, `start`, `stop` and the look-ups belong to one coordinator
/// thread; `consume(worker:)` to one thread per worker.
public protocol Consumer: AnyObject, Sendable {
    /// Joins the group for these topics (exact names).
    func subscribe(_ topics: [String]) throws(Failure)

    /// Serves group and errors; returns what happened within the time-out. Call at least once a second.
    func poll(timeoutMilliseconds: Int) throws(Failure) -> [ConsumerSignal]

    /// Begins to fetch these partitions at these offsets, spread over workers 0..<workerCount (partition
    /// i of the list belongs to worker i % workerCount). Nothing fetched before is delivered any more.
    func start(_ partitions: [(TopicPartition, Int64)], workerCount: Int) throws(Failure)

    /// Stops fetching and drops what was prefetched; partitions stay assigned to us unless revoked.
    /// `start` and `stop` wait for bodies of `consume` that are running: a body never waits for the
    /// coordinator (`transport.worker_busy` after a minute).
    func stop() throws(Failure)

    /// Lends the next records of a worker's partitions, in offset order per partition. Waits up to the
    /// time-out; returns false if there was nothing. At most `maximumCount` records. Per-partition
    /// errors are reported through `poll` as faults, never here.
    func consume(
        worker: Int, maximumCount: Int, timeoutMilliseconds: Int, _ body: (UnsafeBufferPointer<RecordView>) -> Void
    ) -> Bool

    /// First offset and next offset (high watermark) of a partition, asked of the broker. Blocks up to the
    /// time-out.
    func bounds(
        of partition: TopicPartition, timeoutMilliseconds: Int
    ) throws(Failure) -> (first: Int64, next: Int64)

    /// The first record at or behind `offset`, or nil at the end of the partition. Blocks up to 10 s.
    /// Only while no fetch is started.
    func mark(at offset: Int64, of partition: TopicPartition) throws(Failure) -> RecordMark?

    /// Partitions a topic has now; `transport.unknown_topic` if there is none.
    func partitionCount(of topic: String) throws(Failure) -> Int32

    /// Whether the topic's cleanup policy contains `compact`.
    func isCompacted(_ topic: String) throws(Failure) -> Bool

    /// After a commit: everything below these offsets is in the warehouse. Kafka: committed to the
    /// group, asynchronously, advisory; embedded: the acknowledgement to the agent.
    func committed(_ offsets: [TopicPartition: Int64])

    /// Whether offsets outlive this process, so that epochs are proved by marks (design section 6).
    /// False for the embedded channel: it numbers its records anew from what `start` says.
    var provesEpochs: Bool { get }

    func close()
}

extension Consumer {
    public var provesEpochs: Bool { true }

    /// With the time that a start may wait.
    public func bounds(of partition: TopicPartition) throws(Failure) -> (first: Int64, next: Int64) {
        try bounds(of: partition, timeoutMilliseconds: 10_000)
    }
}
