public import Event

/// How streams go on at a start (design section 4, incarnations).
public enum Resume: Sendable, Equatable {
    /// The process alone died, or an orderly end: ids stay.
    case sameIDs
    /// State went back in time or exists twice, or power was lost: every stream goes on under a new
    /// id, announced as continuing the old one, for this reason. `afterPowerLoss`: bytes that were
    /// shipped may never have reached the disk, so a changed file goes on behind its highest rung
    /// that still matches instead of at 0.
    case newIDs(reason: String, afterPowerLoss: Bool)
}

/// How far behind one file is, for `status`, heartbeats and `lag`.
public struct FileReport: Sendable, Equatable {
    public var source: String
    public var path: String
    public var stream: StreamID
    public var topic: String
    public var partition: Int32
    /// Size of the file as of the last look.
    public var byteCount: UInt64
    /// Bytes read and handed to the transport.
    public var read: UInt64
    /// Bytes acknowledged.
    public var acknowledged: UInt64
    /// When the oldest byte that is not acknowledged was first seen, milliseconds; nil: nothing is behind.
    public var oldestUnshipped: Int64?
    /// `active`, `rotated`, `removed`, `held`, `ended`, `error: ...`
    public var state: String
    public init(
        source: String, path: String, stream: StreamID, topic: String, partition: Int32, byteCount: UInt64, read: UInt64,
        acknowledged: UInt64, oldestUnshipped: Int64?, state: String
    ) {
        self.source = source
        self.path = path
        self.stream = stream
        self.topic = topic
        self.partition = partition
        self.byteCount = byteCount
        self.read = read
        self.acknowledged = acknowledged
        self.oldestUnshipped = oldestUnshipped
        self.state = state
    }
}

/// A source of streams, driven by the agent's one loop. Never throws for what a single file does: such
/// faults are reported through `takeFaults` and the rest goes on. Times are wall milliseconds.
///
/// Call order in the loop: `look`; if `needsDurability`, write a checkpoint with `checkpointRecords()`,
/// then `madeDurable()`; `fill` as long as it returns true and the transport takes; `acknowledged` as
/// deliveries come in.
public protocol StreamSource: AnyObject {
    var name: String { get }
    var topic: String { get }

    /// Partitions of the topic, told before the first `look` and when it changes. A stream is pinned at
    /// its allocation and stays; a partition that ceased to exist (count shrank) is pinned anew, announced.
    func setPartitionCount(_ count: Int32)

    /// Looks at the files if a notice or the poll interval says so: finds new, renamed, truncated and
    /// removed ones. Returns whether anything can be read or changed.
    func look(now: Int64) -> Bool

    /// A descriptor that becomes readable when something changed (inotify), or nil.
    var noticeDescriptor: Int32? { get }

    /// Streams were allocated or cut points decided that must be in a durable checkpoint before their
    /// first byte is shipped.
    var needsDurability: Bool { get }
    func madeDurable()

    /// Fills the batch with the next records of one stream whose partition `isOpen`, fairly over
    /// streams. False: nothing to ship now. What is filled counts as read and in flight; at most about
    /// 1 MiB at a time.
    func fill(_ batch: inout ShipBatch, now: Int64, isOpen: (Int32) -> Bool) -> Bool

    /// The transport took only the first `taken` records of the batch last filled: read the rest again.
    func unread(_ batch: ShipBatch, from taken: Int)

    /// The longest acknowledged prefix of a stream now ends at `to`. `isEnd`: its end record is acknowledged.
    func acknowledged(_ stream: StreamID, to: UInt64, isEnd: Bool)

    /// Forgets what is in flight: every stream is read again from its acknowledged position (a producer
    /// that had to be made anew).
    func rewind()

    /// A foreign incarnation was seen: what comes next goes under new ids. What is in flight may still be
    /// acknowledged under the old ones; ranges not yet acknowledged are shipped again under the new.
    func takeNewIDs(reason: String)

    /// The records of all streams that a checkpoint must hold, each encoded (versioned JSON object).
    func checkpointRecords() -> [(stream: StreamID, bytes: [UInt8])]

    /// Streams whose checkpoint record changed since the last call: for the mirror. No bytes: the stream
    /// is forgotten (a tombstone).
    func takeChangedRecords() -> [(stream: StreamID, bytes: [UInt8])]

    /// T: the start of the last whole look after which every file was read to its end; nil: none yet.
    var watermark: Int64? { get }

    /// Partitions this source writes to.
    var partitions: Set<Int32> { get }

    /// Whether a look just made found nothing unread, nothing held undecided and nothing waiting for a
    /// time-out (`--once` may end when nothing is in flight either). With `--once`, an unterminated last
    /// line is left unread and said so.
    var isDrained: Bool { get }

    func reports() -> [FileReport]
    func takeFaults() -> [Failure]
    /// Things an operator should know: truncations, copies taken over, NUL runs, new ids, losses.
    func takeNotices() -> [SourceNotice]
    func close()
}

/// Something that happened to a stream, for log and status.
public struct SourceNotice: Sendable, Equatable {
    /// Dotted, closed: `source.truncated`, `source.renamed`, `source.copy_adopted`, `source.nul_run`, ...
    public var code: String
    public var message: String
    public var path: String
    public init(code: String, message: String, path: String) {
        self.code = code
        self.message = message
        self.path = path
    }
}
