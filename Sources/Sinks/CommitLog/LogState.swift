public import Event

/// The fold of all commit records: where every pipeline stands.
public struct LogState: Sendable, Equatable {
    /// Number of the last record; 0 before the first.
    public var number = 0
    /// Wall clock of the last record, milliseconds.
    public var time: Int64 = 0
    public var pipelines: [String: PipelineState] = [:]
    /// Fenced incarnations, with the number of the record that fenced them. Forgotten after
    /// `LogMachine.window` records; a writer that was away for longer counts as fenced.
    public var fences: [String: Int] = [:]
    /// Who wrote the last `LogMachine.window` records.
    public var writers: [String: WriterState] = [:]
    /// Entries that are out of quarantine.
    public var quarantine = QuarantineState()

    /// Fenced incarnations.
    public var fenced: Set<String> { Set(fences.keys) }

    public init() {}
}

/// The newest record of an incarnation.
public struct WriterState: Sendable, Equatable {
    public var number: Int
    /// Wall clock of the writer, milliseconds.
    public var time: Int64
    public init(number: Int, time: Int64) {
        self.number = number
        self.time = time
    }
}

public struct PipelineState: Sendable, Equatable {
    public var partitions: [PartitionKey: PartitionState] = [:]
    public var streams: [StreamID: StreamState] = [:]
    public var balance = Balance()
    public var rejections: [String: UInt64] = [:]
    public var tables: [String: RowCounts] = [:]
    public var watermarks: [Watermark] = []
    /// Events that were written, wholly or in part, out of quarantine; `balance` counts them as written.
    public var replayed: UInt64 = 0
    /// What else was counted, by name.
    public var notices: [String: UInt64] = [:]

    public init() {}
}

public struct PartitionKey: Hashable, Comparable, Sendable {
    public var topic: String
    public var partition: Int32
    public init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }
    public static func < (left: PartitionKey, right: PartitionKey) -> Bool {
        left.topic != right.topic ? left.topic < right.topic : left.partition < right.partition
    }
}

public struct PartitionState: Sendable, Equatable {
    public var epoch = 0
    /// The next offset to read.
    public var next: Int64
    /// Exponentially spaced records taken in this epoch, oldest first, newest last.
    public var marks: [OffsetMark] = []
    /// Offsets that retention removed unread, and epochs that began, with the commit's time: for `audit`.
    public var gaps: [OffsetGap] = []
    /// How far a sync has come.
    public var run: PartitionRun?

    public init(next: Int64) { self.next = next }
}

public struct OffsetGap: Sendable, Equatable {
    public var epoch: Int
    public var from: Int64
    public var next: Int64
    public var reason: String
    public var time: Int64
    public init(epoch: Int, from: Int64, next: Int64, reason: String, time: Int64) {
        self.epoch = epoch
        self.from = from
        self.next = next
        self.reason = reason
        self.time = time
    }
}

public struct StreamState: Sendable, Equatable {
    public var agent: String
    public var source: String
    public var path: String?
    /// First position by its announcement; nil while none was seen.
    public var first: Position?
    public var continues: StreamID?
    public var reason: String?
    public var covered = IntervalSet()
    public var accepted = IntervalSet()
    public var ended = false
    /// See `StreamEffect.table`.
    public var table: String?
    public var last: Position?
    public var anchor: UInt64?
    /// With `table`: some of the places taken; nil: the stream is older than samples.
    public var sample: PointSample?
    public var topic: String
    public var partition: Int32
    public var epoch: Int
    public var lastOffset: Int64
    /// Commit time of its last record, milliseconds.
    public var lastTime: Int64 = 0

    public init(agent: String, source: String, topic: String, partition: Int32, epoch: Int, lastOffset: Int64) {
        self.agent = agent
        self.source = source
        self.topic = topic
        self.partition = partition
        self.epoch = epoch
        self.lastOffset = lastOffset
    }

    /// Bytes (or transactions) missing between the first position and the end of what is covered. A stream of source
    /// places has none: what it does not cover nobody announced.
    public var holes: [CoveredRange] {
        if table != nil { return [] }
        return covered.holes(from: first ?? covered.start ?? .zero)
    }
}
