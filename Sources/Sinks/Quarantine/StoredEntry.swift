public import Event
internal import JSON

/// Names one entry of the quarantine: the file's token and number, and the line, from 1.
///
/// Text form `3f9c5a7be1d20486-0-17`: line 17 of `part-3f9c5a7be1d20486-0.jsonl`.
public struct EntryID: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// `part-<token>-<n>`
    public var file: String
    public var line: UInt64

    static let filePrefix = "part-"
    static let fileSuffix = ".jsonl"

    init(file: String, line: UInt64) {
        self.file = file
        self.line = line
    }

    /// Parses the text form; nil on anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 3, Self.isPart(parts[0], parts[1]), let line = Position(String(parts[2])),
            line.minor == 0, line.major > 0
        else { return nil }
        self.init(file: "\(Self.filePrefix)\(parts[0])-\(parts[1])", line: line.major)
    }

    public var description: String { "\(file.dropFirst(Self.filePrefix.count))-\(line)" }
    public var fileName: String { file + Self.fileSuffix }

    public static func < (left: EntryID, right: EntryID) -> Bool {
        left.file != right.file ? left.file < right.file : left.line < right.line
    }

    /// `part-<token>-<n>` of a quarantine file's name, or nil.
    static func file(ofName name: String) -> String? {
        guard name.hasPrefix(filePrefix), name.hasSuffix(fileSuffix) else { return nil }
        let stem = name.dropLast(fileSuffix.count)
        let parts = stem.dropFirst(filePrefix.count).split(separator: "-", omittingEmptySubsequences: false)
        return parts.count == 2 && isPart(parts[0], parts[1]) ? String(stem) : nil
    }

    private static func isPart(_ token: Substring, _ number: Substring) -> Bool {
        token.utf8.count == 16 && token.utf8.allSatisfy { $0 &- 48 < 10 || $0 &- 97 < 6 }
            && !number.isEmpty && number.utf8.count <= 9 && number.utf8.allSatisfy { $0 &- 48 < 10 }
    }
}

/// An entry as it lies in the warehouse (docs/formats/quarantine.md).
public struct StoredEntry: Sendable {
    public var id: EntryID
    /// `2026-11-20`, of the folder.
    public var day: String
    /// The raw value of a `Rejection`, or what a newer program wrote.
    public var reason: String
    public var column: String?
    public var pipeline: String
    public var table: String?
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    public var timestamp: Int64
    public var agent: String?
    public var source: String?
    public var stream: StreamID?
    public var from: Position?
    public var to: Position?
    public var excerpt: String?
    public var isPart: Bool
    public var replays: Int
    /// Which of its topic's epochs the offset is of.
    public var epoch = 0
    /// The event's bytes, whole.
    public var bytes: [UInt8]

    /// The same event refused for another reason.
    func refused(_ refusal: ReplayRefusal, isPart: Bool) -> QuarantineEntry {
        var entry = QuarantineEntry(
            reason: refusal.reason, pipeline: pipeline, table: refusal.table, topic: topic, partition: partition,
            offset: offset, timestamp: timestamp)
        entry.column = refusal.column
        entry.agent = agent
        entry.source = source
        entry.stream = stream
        entry.from = from
        entry.to = to
        entry.isPart = isPart
        entry.replays = replays + 1
        entry.epoch = epoch
        return entry
    }

    static func reading(_ line: ArraySlice<UInt8>, id: EntryID, day: String) throws(Malformed) -> StoredEntry {
        guard let value = JSONValue(parsing: Array(line)) else { throw Malformed(what: "it is not JSON") }
        let object = try ObjectReader(value)
        guard try object.integer("version") == 1 else { throw Malformed(what: "its version is not known") }
        return StoredEntry(
            id: id, day: day, reason: try object.string("reason"), column: try object.optional("column", Reading.text),
            pipeline: try object.string("pipeline"), table: try object.optional("table", Reading.text),
            topic: try object.string("topic"), partition: try object.partition(),
            offset: try object.integer("offset"), timestamp: try object.integer("timestamp"),
            agent: try object.optional("agent", Reading.text), source: try object.optional("source", Reading.text),
            stream: try object.optional("stream", Reading.stream),
            from: try object.optional("from") { $0.string.flatMap { Position($0) } },
            to: try object.optional("to") { $0.string.flatMap { Position($0) } },
            excerpt: try object.optional("excerpt", Reading.text),
            isPart: try object.optional("part") { $0.boolean } ?? false,
            replays: try object.optional("replays") { $0.integer.map { Int(clamping: $0) } } ?? 0,
            epoch: try object.optional("epoch") { $0.integer.map { Int(clamping: max(0, $0)) } } ?? 0,
            bytes: try object.get("bytes") { $0.string.flatMap { Base64.decode($0) } })
    }
}

/// Which entries are meant; what is empty excludes none.
public struct QuarantineFilter: Sendable, Equatable {
    public var pipelines: Set<String> = []
    /// `db.table`, or `_unrouted` for entries without one.
    public var tables: Set<String> = []
    public var reasons: Set<String> = []
    /// `2026-11-20`: days of the transport records, in UTC.
    public var days: Set<String> = []
    public var ids: Set<EntryID> = []

    public init() {}

    /// Whether a folder of a table may hold such entries. Why `_unrouted` always: tables whose name cannot be a
    /// folder lie there too.
    func mayHold(folder: String) -> Bool {
        tables.isEmpty || folder == QuarantineWriter.unroutedFolder || tables.contains(folder)
    }

    func matches(day: String) -> Bool { days.isEmpty || days.contains(day) }
    func matches(file: String) -> Bool { ids.isEmpty || ids.contains { $0.file == file } }

    /// Whether an entry is meant.
    public func matches(_ entry: StoredEntry) -> Bool {
        (pipelines.isEmpty || pipelines.contains(entry.pipeline))
            && (tables.isEmpty || tables.contains(entry.table ?? QuarantineWriter.unroutedFolder))
            && (reasons.isEmpty || reasons.contains(entry.reason)) && matches(day: entry.day)
            && (ids.isEmpty || ids.contains(entry.id))
    }
}
