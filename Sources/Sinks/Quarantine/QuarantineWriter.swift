public import Event

/// One rejected event, or rejected row of an event.
public struct QuarantineEntry: Sendable {
    public var reason: Rejection
    /// The column that failed, where one did.
    public var column: String?
    public var pipeline: String
    /// `db.table`; nil: unrouted.
    public var table: String?
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    /// The transport record's timestamp, milliseconds: also says the day folder.
    public var timestamp: Int64
    public var agent: String?
    public var source: String?
    public var stream: StreamID?
    public var from: Position?
    public var to: Position?
    /// What is worth showing of a value, cut by who made it.
    public var excerpt: String?
    /// Not all rows of the event fared alike: the bytes hold more than what was rejected, so they cannot be
    /// taken in as a whole later.
    public var isPart = false
    /// How often a replay rejected it again, with another outcome each time.
    public var replays = 0
    /// Which of its topic's epochs the offset is of.
    public var epoch = 0

    public init(
        reason: Rejection, pipeline: String, table: String?, topic: String, partition: Int32, offset: Int64,
        timestamp: Int64
    ) {
        self.reason = reason
        self.pipeline = pipeline
        self.table = table
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
    }
}

/// Formats rejected events as JSON lines and stages them beside the rows (docs/formats/quarantine.md).
///
/// One per lane; not thread-safe. Buffers per (folder, day) up to `maximumBufferByteCount` in all, then
/// hands over; `flush` before the seal.
public struct QuarantineWriter {
    /// Bytes gathered before they are staged: 256 KiB.
    public static let maximumBufferByteCount = 256 << 10
    /// The folder of events without a table.
    public static let unroutedFolder = "_unrouted"

    private struct Group: Hashable {
        var folder: String
        var day: String
    }

    private var buffers: [Group: (bytes: [UInt8], rows: UInt64)] = [:]
    private var byteCount = 0

    public init() {}

    /// Appends one entry with the event's bytes, whole. A table name that cannot be a folder goes to
    /// `_unrouted` (the entry keeps the name).
    public mutating func append(
        _ entry: QuarantineEntry, bytes: UnsafeRawBufferPointer, to files: StagedFiles
    ) throws(Failure) {
        let folder =
            entry.table.flatMap { WarehousePath.folder(ofTable: $0) == nil ? nil : $0 } ?? Self.unroutedFolder
        let group = Group(folder: folder, day: Self.day(entry.timestamp))
        var buffer = buffers[group] ?? ([], 0)
        let before = buffer.bytes.count
        // Order: out of the dictionary while it grows, so that it is not copied.
        buffers[group] = ([], 0)
        unsafe Self.format(entry, bytes, into: &buffer.bytes)
        buffer.rows += 1
        byteCount += buffer.bytes.count - before
        buffers[group] = buffer
        if byteCount >= Self.maximumBufferByteCount { try flush(to: files) }
    }

    /// Appends an entry as it stands in another file: its line without the line feed.
    mutating func append(line: ArraySlice<UInt8>, folder: String, day: String, to files: StagedFiles) throws(Failure) {
        let group = Group(folder: folder, day: day)
        buffers[group, default: ([], 0)].bytes += line
        buffers[group]?.bytes.append(UInt8(ascii: "\n"))
        buffers[group]?.rows += 1
        byteCount += line.count + 1
        if byteCount >= Self.maximumBufferByteCount { try flush(to: files) }
    }

    /// Stages what is buffered.
    public mutating func flush(to files: StagedFiles) throws(Failure) {
        for (group, buffer) in buffers {
            let outcome = unsafe buffer.bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
                do throws(Failure) {
                    return .success(
                        try unsafe files.append(
                            table: group.folder, partition: group.day, role: .quarantine, bytes: bytes,
                            rows: buffer.rows))
                } catch {
                    return .failure(error)
                }
            }
            try outcome.get()
        }
        reset()
    }

    /// Forgets what is buffered: the attempt was abandoned.
    public mutating func reset() {
        buffers.removeAll(keepingCapacity: true)
        byteCount = 0
    }

    // MARK: Format

    static func format(_ entry: QuarantineEntry, _ bytes: UnsafeRawBufferPointer, into line: inout [UInt8]) {
        line += "{\"version\":1".utf8
        field("reason", entry.reason.rawValue, &line)
        if let column = entry.column { field("column", column, &line) }
        field("pipeline", entry.pipeline, &line)
        if let table = entry.table { field("table", table, &line) }
        field("topic", entry.topic, &line)
        number("partition", Int64(entry.partition), &line)
        number("offset", entry.offset, &line)
        number("timestamp", entry.timestamp, &line)
        if let agent = entry.agent { field("agent", agent, &line) }
        if let source = entry.source { field("source", source, &line) }
        if let stream = entry.stream { field("stream", stream.description, &line) }
        if let from = entry.from { field("from", from.description, &line) }
        if let to = entry.to { field("to", to.description, &line) }
        if let excerpt = entry.excerpt { field("excerpt", excerpt, &line) }
        if entry.isPart { line += ",\"part\":true".utf8 }
        if entry.replays > 0 { number("replays", Int64(entry.replays), &line) }
        if entry.epoch > 0 { number("epoch", Int64(entry.epoch), &line) }
        if let text = unsafe String(validating: bytes, as: UTF8.self) { field("text", text, &line) }
        line += ",\"bytes\":\"".utf8
        unsafe Base64.append(bytes, to: &line)
        line += "\"}\n".utf8
    }

    private static func field(_ name: String, _ text: String, _ line: inout [UInt8]) {
        line += ",\"\(name)\":".utf8
        JSONQuote.append(text, to: &line)
    }

    private static func number(_ name: String, _ value: Int64, _ line: inout [UInt8]) {
        line += ",\"\(name)\":\(value)".utf8
    }

    /// `dt=2026-11-20` in UTC. Times before 1970 or beyond 9999 are put to the ends.
    static func day(_ milliseconds: Int64) -> String {
        let days = min(max(milliseconds, 0), 253_402_300_799_999) / 86_400_000
        // Civil from days; eras of 400 years begin on 0000-03-01 (days from 1970-01-01: 719,468).
        let shifted = days + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthIndex = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthIndex + 2) / 5 + 1
        let month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        func padded(_ value: Int64, _ width: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
        }
        return "dt=\(padded(year, 4))-\(padded(month, 2))-\(padded(day, 2))"
    }
}
