public import Event

/// Takes entries of the quarantine through the routes as they are now. The order of the commit is
/// `QuarantineReplay`'s; what becomes of an event is decided here. One thread at a time.
public protocol QuarantineIntake: AnyObject {
    /// An attempt at a commit begins: what the log says of what was taken.
    func begin(_ state: LogState)

    /// One verdict for each entry, in order; rows that came of them go to `files`, or into memory until `flush`.
    /// `files` nil: nothing is written, only judged.
    func take(_ entries: [StoredEntry], to files: StagedFiles?) throws(Failure) -> ReplayVerdicts

    /// What the entries taken since `begin` cover, by pipeline, so that changes that come again are known; and what
    /// else was counted. Streams and notices alone.
    func claims() -> [PipelineEffect]

    /// Stages what is held in memory; before the seal.
    func flush(to files: StagedFiles) throws(Failure)

    /// Forgets what is held in memory: the attempt is over.
    func reset()
}

/// What became of some entries.
public struct ReplayVerdicts: Sendable {
    public var verdicts: [ReplayVerdict]
    /// Rows by pipeline and table.
    public var rows: [String: [String: UInt64]] = [:]

    public init(_ verdicts: [ReplayVerdict]) { self.verdicts = verdicts }
}

/// What became of one entry.
public enum ReplayVerdict: Sendable, Equatable {
    /// One outcome for each route that took it; never empty.
    case outcomes([ReplayOutcome])
    /// It could not be given to a route.
    case kept(ReplayObstacle)
}

/// What one route made of an event.
public enum ReplayOutcome: Sendable, Equatable {
    case written
    /// A change that was taken since by its place in the source: it was delivered again.
    case duplicate
    /// Part of the format, but no record: a header, a directive.
    case filtered
    case rejected(ReplayRefusal)
    /// Some rows of the event were written, others refused.
    case partlyWritten([ReplayRefusal])
}

/// Why a route refused an event, or a row of it.
public struct ReplayRefusal: Sendable, Equatable {
    public var reason: Rejection
    public var table: String?
    public var column: String?

    public init(reason: Rejection, table: String?, column: String?) {
        self.reason = reason
        self.table = table
        self.column = column
    }
}

/// Why an entry cannot be replayed as it is.
public enum ReplayObstacle: String, Sendable, CaseIterable {
    /// The bytes are not those of an event: a piece, a broken pack, a record without a value.
    case notAnEvent = "not_an_event"
    /// Other rows of the event were written.
    case partOfEvent = "part_of_event"
    /// A part of its range is in the warehouse already: taken only where it was asked for by name.
    case overlap
    /// No pipeline of that name.
    case noPipeline = "no_pipeline"
    /// The pipeline has no route (to that table) for this topic and source.
    case noRoute = "no_route"

    /// For people.
    public var text: String {
        switch self {
        case .notAnEvent: "not whole events (pieces, broken packs): they stay for you to look at"
        case .partOfEvent: "parts of events whose other rows are written: they stay for you to look at"
        case .overlap: "that overlap what is written: name them by --reason overlap, or by their ids"
        case .noPipeline: "of pipelines that the configuration does not have"
        case .noRoute: "without a route to their table for their topic and source"
        }
    }
}

/// What a replay did, or would do.
public struct ReplaySummary: Sendable, Equatable {
    /// Entries that the filter chose.
    public var chosen: UInt64 = 0
    /// Events written, and their rows by table.
    public var written: UInt64 = 0
    public var rows: [String: UInt64] = [:]
    public var filtered: UInt64 = 0
    public var duplicate: UInt64 = 0
    /// Rejected for the same reason as before: the entry stays as it is.
    public var unchanged: UInt64 = 0
    /// Rejected for another reason: a new entry stands for it.
    public var superseded: UInt64 = 0
    /// By reason, both of the above.
    public var rejections: [String: UInt64] = [:]
    public var kept: [ReplayObstacle: UInt64] = [:]
    /// Lines that are no entries of a known version.
    public var unreadable: UInt64 = 0
    /// Entries copied to another file as they are, because too many pieces of theirs would be closed.
    public var carried: UInt64 = 0
    public var commits: [Int] = []
    /// Files that could not be read to their end.
    public var faults: [Failure] = []

    public init() {}

    mutating func add(_ other: ReplaySummary) {
        chosen += other.chosen
        written += other.written
        rows.merge(other.rows, uniquingKeysWith: +)
        filtered += other.filtered
        duplicate += other.duplicate
        unchanged += other.unchanged
        superseded += other.superseded
        rejections.merge(other.rejections, uniquingKeysWith: +)
        kept.merge(other.kept, uniquingKeysWith: +)
        unreadable += other.unreadable
        carried += other.carried
        commits += other.commits
        faults += other.faults
    }
}
