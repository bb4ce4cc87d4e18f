public import Event

/// One record of the commit log: preconditions and effects of one atomic step (design section 6).
public struct CommitRecord: Sendable, Equatable {
    public var number: Int
    /// Random; who finds its own token at a number owns that number.
    public var token: String
    /// Incarnation of the collector that wrote it.
    public var writer: String
    /// Wall clock of the writer, milliseconds since the epoch.
    public var time: Int64
    public var effects: CommitEffects

    public init(number: Int, token: String, writer: String, time: Int64, effects: CommitEffects) {
        self.number = number
        self.token = token
        self.writer = writer
        self.time = time
        self.effects = effects
    }
}

/// What a commit does; also says its preconditions: each advance's `(epoch, from)` is the pipeline's
/// current one, the ranges are disjoint from coverage, the quarantine entries it closes are open, the writer is
/// not fenced.
public struct CommitEffects: Sendable, Equatable {
    public var pipelines: [PipelineEffect] = []
    public var files: [FileEffect] = []
    /// Incarnations fenced by this record.
    public var fences: [String] = []
    /// Entries that are taken out of quarantine.
    public var quarantine: QuarantineEffect?

    public init() {}

    public var isEmpty: Bool { pipelines.isEmpty && files.isEmpty && fences.isEmpty && quarantine == nil }
}

public struct PipelineEffect: Sendable, Equatable {
    public var pipeline: String
    public var advances: [Advance] = []
    public var streams: [StreamEffect] = []
    public var balance = Balance()
    /// Rows rejected by reason (`Rejection.rawValue`).
    public var rejections: [String: UInt64] = [:]
    /// Rows written and rejected per table.
    public var tables: [String: RowCounts] = [:]
    public var watermarks: [Watermark] = []
    /// What else was counted, by name: `tombstone`, `ahead_of_clock`.
    public var notices: [String: UInt64] = [:]
    /// Streams whose coverage is dropped (design section 3: ended or silent for long, and the log start
    /// of their partition has passed their last record). See `LogState.forgettableStreams`.
    public var forgotten: [StreamID] = []
    /// What leaves the quarantine; `balance`, `rejections` and `tables` say what became of it.
    public var reclaimed: Reclaimed?

    public init(pipeline: String) { self.pipeline = pipeline }
}

public struct RowCounts: Sendable, Equatable {
    public var written: UInt64 = 0
    public var rejected: UInt64 = 0
    public init(written: UInt64 = 0, rejected: UInt64 = 0) {
        self.written = written
        self.rejected = rejected
    }
}

/// How far one partition moved, or why its chain of offsets broke.
public struct Advance: Sendable, Equatable {
    public enum Reason: String, Sendable {
        case records  // read in order
        case gap  // retention removed `[from, next)` before we read it
        case epoch  // the topic or its tail was made anew: `epoch` is the new one, reading goes on at `next`
    }
    public var topic: String
    public var partition: Int32
    /// The epoch before the record (precondition), and after it in `newEpoch`.
    public var epoch: Int
    public var newEpoch: Int
    /// Precondition: the partition's next offset. -1: not known to the log yet.
    public var from: Int64
    public var next: Int64
    public var reason: Reason
    /// Records taken, exponentially spaced, the newest last: what epochs are proved by.
    public var marks: [OffsetMark]
    /// How far a sync has come here; nil: unchanged, or no sync.
    public var run: PartitionRun?

    public init(
        topic: String, partition: Int32, epoch: Int, newEpoch: Int? = nil, from: Int64, next: Int64,
        reason: Reason = .records, marks: [OffsetMark] = []
    ) {
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.newEpoch = newEpoch ?? epoch
        self.from = from
        self.next = next
        self.reason = reason
        self.marks = marks
    }
}

/// How far a sync has come in a partition, in its source's order.
public struct PartitionRun: Sendable, Equatable {
    /// Running maximum of the commit date, days since 1970-01-01; nil: no row yet.
    public var day: Int64?
    /// Time of the record that brought that day, milliseconds; nil: not known.
    public var since: Int64?
    /// Place of the newest row; 0 without one.
    public var file: Int64 = 0
    public var position: Int64 = 0
    /// What tables' streams say of their newest place counts only for records from this offset on: something came
    /// before it that has no place.
    public var start: Int64 = 0
    public init() {}
}

/// Offset, timestamp (milliseconds) and XXH3-64 of a record taken.
public struct OffsetMark: Sendable, Equatable {
    public var offset: Int64
    public var timestamp: Int64
    public var hash: UInt64
    public init(offset: Int64, timestamp: Int64, hash: UInt64) {
        self.offset = offset
        self.timestamp = timestamp
        self.hash = hash
    }
}

/// What a commit adds to one stream of a pipeline.
public struct StreamEffect: Sendable, Equatable {
    public var stream: StreamID
    public var agent: String
    public var source: String
    /// Ranges taken, disjoint from the coverage before.
    public var added: [CoveredRange] = []
    /// Ranges that an operator accepted as lost (`millrace audit accept`).
    public var accepted: [CoveredRange] = []
    /// From the announcement, where it was in this commit.
    public var path: String?
    public var first: Position?
    public var continues: StreamID?
    public var reason: String?
    public var ended = false
    /// The source's table (`db.table`), where this is a stream of source places and not of an agent: what it does
    /// not cover is not lost, but was never said to be there.
    public var table: String?
    /// With `table`: the newest place, and what its group's rows are counted from (see `PlaceRun`).
    public var last: Position?
    public var anchor: UInt64?
    /// With `table`: places that joined the sample of those taken.
    public var sampled: [Position] = []
    /// Where its records come from.
    public var topic: String
    public var partition: Int32
    public var epoch: Int
    /// Offset of its last record in this commit.
    public var lastOffset: Int64
    /// Whether this only adds ranges and samples, out of quarantine: where a stream that is known stands stays.
    public var isAside = false

    public init(
        stream: StreamID, agent: String, source: String, topic: String, partition: Int32, epoch: Int,
        lastOffset: Int64
    ) {
        self.stream = stream
        self.agent = agent
        self.source = source
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.lastOffset = lastOffset
    }
}

public struct Watermark: Sendable, Equatable {
    public var agent: String
    public var source: String
    public var topic: String
    public var partition: Int32
    /// Everything older was sent before. Milliseconds since the epoch.
    public var time: Int64
    public init(agent: String, source: String, topic: String, partition: Int32, time: Int64) {
        self.agent = agent
        self.source = source
        self.topic = topic
        self.partition = partition
        self.time = time
    }
}

/// A staged file and the name it is published under. Paths are relative to the warehouse.
public struct FileEffect: Sendable, Equatable {
    public enum Role: String, Sendable { case data, quarantine }
    public var staged: String
    public var final: String
    public var role: Role
    public var table: String
    /// `dt=2026-11-20`.
    public var partition: String
    public var rows: UInt64
    public var bytes: UInt64
    /// XXH3-64 of the file's bytes, 16 hexadecimal digits.
    public var checksum: String
    public init(
        staged: String, final: String, role: Role, table: String, partition: String, rows: UInt64, bytes: UInt64,
        checksum: String
    ) {
        self.staged = staged
        self.final = final
        self.role = role
        self.table = table
        self.partition = partition
        self.rows = rows
        self.bytes = bytes
        self.checksum = checksum
    }
}
