internal import Columns
internal import Event
internal import JSON
internal import Platform
public import Schema

/// Where a day's changes of a table lie, as far as some files tell.
public struct LogSpan: Sendable, Equatable {
    /// Of the files' names and sizes.
    public var files: String
    public var first: SourcePlace
    public var last: SourcePlace
}

/// What is known of one daily state of a table: `manifest.json` beside its files (docs/formats/state.md).
///
/// Invariant: the folder of a day has a manifest exactly if its files are complete and durable.
public struct StateManifest: Sendable, Equatable {
    static let version = 1
    static let maximumByteCount = 16 << 20

    /// The table's name at the source at the end of the day.
    public var source: TableName
    /// Tells the lives of a table apart: where it was created, and its first name.
    public var incarnation: String
    /// XXH3-128 of everything that the state was made from; equal: it need not be made again.
    public var inputs: String
    /// Of the files' names and digests.
    public var digest: String
    public var files: [StateFile] = []
    public var columns: [TableLayout.Column] = []
    public var key: [String] = []
    public var marksDeletes = false
    public var keepsFirstPlace = false
    /// Where the version of the table begins whose columns these are.
    public var versionFrom = SourcePlace.beginning
    /// The greatest place of all changes in it; nil: none yet.
    public var lastPlace: SourcePlace?
    /// Statements that concern the table up to there.
    public var schemaStepCount = 0
    /// Changes of the day.
    public var changeCount = 0
    /// Change files of the table up to the end of the day, and rows in them: more than these came late.
    public var logFileCount = 0
    public var logChangeCount: Int64 = 0
    /// The day's change files under the table's name, and the least and greatest place in them.
    public var logSpan: LogSpan?
    /// Rows of the state, and of the visible table.
    public var rowCount: Int64 = 0
    public var visibleRowCount: Int64 = 0
    public var counts = ReplayCounts()
    /// Changes that could not be read, values that are none of their column's type, by reason.
    public var rejections: [String: Int] = [:]
    /// The same of all days since the table began or was emptied: what did not fit stays so.
    public var contradictionTotals: [String: Int] = [:]
    public var rejectionTotals: [String: Int] = [:]
    /// What the tool's records do not tell, by kind, of all days.
    public var losses: [String: Int] = [:]
    /// How the columns are known: `statement`, `types`, `inferred`.
    public var schemaSource = "statement"
    /// The greatest commit time of the day's changes, microseconds since the epoch.
    public var lastCommitted: Int64?
    /// XXH3-128 of the rules that it was made under.
    public var rules = ""
    /// Which change files are in it: XXH3-128 of their names, by day.
    public var changeDays: [String: String] = [:]

    /// The layout of the files.
    public var layout: StateLayout {
        StateLayout(
            TableLayout(columns: columns, key: key), marksDeletes: marksDeletes, keepsFirstPlace: keepsFirstPlace)
    }

    public init(source: TableName, incarnation: String, inputs: String) {
        self.source = source
        self.incarnation = incarnation
        self.inputs = inputs
        digest = ""
    }

    // MARK: JSON

    /// One JSON object: kind, version and checksum, then the content.
    func encoded() -> [UInt8] {
        let content = json.bytes
        let head = "{\"millrace\":\"state\",\"version\":\(Self.version),\"checksum\":\""
        return Array((head + Hexadecimal.text(Hash.xxh3(content)) + "\",\"content\":").utf8) + content
            + Array("}\n".utf8)
    }

    /// Reads a manifest. Throws `replay.corrupt_state`.
    init(_ bytes: [UInt8], path: String) throws(Failure) {
        guard let document = JSONValue(parsing: bytes), document["millrace"]?.string == "state",
            document["version"]?.integer == Int64(Self.version), let content = document["content"],
            document["checksum"]?.string == Hexadecimal.text(Hash.xxh3(content.bytes))
        else { throw ReplayFailure.corrupt(path, "it is torn, or of another version") }
        guard let read = StateManifest(content) else { throw ReplayFailure.corrupt(path, "fields are missing") }
        self = read
    }

    private var json: JSONValue {
        let files = files.map { file -> JSONValue in
            [
                "name": .string(file.name), "rows": JSONValue(file.rowCount), "bytes": JSONValue(file.byteCount),
                "digest": .string(Hexadecimal.text(file.digest)),
                "first": .string(Hexadecimal.text(file.firstIdentity)),
                "groups": .array(file.groupIdentities.map { .string(Hexadecimal.text($0)) }),
            ]
        }
        let columns = columns.map { column -> JSONValue in
            ["name": .string(column.name), "type": .string(column.shape.text)]
        }
        return [
            "database": .string(source.database), "table": .string(source.table),
            "incarnation": .string(incarnation), "inputs": .string(inputs), "digest": .string(digest),
            "files": .array(files), "columns": .array(columns), "key": .array(key.map { .string($0) }),
            "marks_deletes": .boolean(marksDeletes), "keeps_first_place": .boolean(keepsFirstPlace),
            "version_from": Self.json(versionFrom), "last_place": lastPlace.map(Self.json) ?? .null,
            "schema_steps": JSONValue(schemaStepCount), "changes": JSONValue(changeCount),
            "log_files": JSONValue(logFileCount), "log_changes": JSONValue(logChangeCount),
            "log_span": logSpan.map(Self.json) ?? .null, "rows": JSONValue(rowCount),
            "visible_rows": JSONValue(visibleRowCount), "repeated": JSONValue(counts.repeated),
            "contradictions": Self.json(counts.named),
            "rejections": Self.json(rejections), "contradictions_so_far": Self.json(contradictionTotals),
            "rejections_so_far": Self.json(rejectionTotals), "losses": Self.json(losses),
            "schema_source": .string(schemaSource), "last_committed": lastCommitted.map { JSONValue($0) } ?? .null,
            "rules": .string(rules),
            "change_days": .object(
                changeDays.sorted { $0.key < $1.key }.map { JSONMember($0.key, .string($0.value)) }),
        ]
    }

    private static func json(_ counts: [String: Int]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) })
    }

    private static func json(_ place: SourcePlace) -> JSONValue {
        .array([place.leg, place.file, place.position, place.row].map { JSONValue($0) })
    }

    private static func json(_ span: LogSpan) -> JSONValue {
        ["files": .string(span.files), "first": json(span.first), "last": json(span.last)]
    }

    private static func place(_ value: JSONValue?) -> SourcePlace? {
        guard let words = value?.array?.compactMap(\.integer), words.count == 4 else { return nil }
        return SourcePlace(leg: words[0], file: words[1], position: words[2], row: words[3])
    }

    private static func counts(_ value: JSONValue?) -> [String: Int] {
        var counts: [String: Int] = [:]
        for member in value?.members ?? [] { counts[member.name] = member.value.integer.map { Int($0) } ?? 0 }
        return counts
    }

    private init?(_ content: JSONValue) {
        guard let database = content["database"]?.string, let table = content["table"]?.string,
            let incarnation = content["incarnation"]?.string, let inputs = content["inputs"]?.string,
            let digest = content["digest"]?.string, let versionFrom = Self.place(content["version_from"])
        else { return nil }
        self.init(source: TableName(database, table), incarnation: incarnation, inputs: inputs)
        self.digest = digest
        self.versionFrom = versionFrom
        lastPlace = Self.place(content["last_place"])
        for file in content["files"]?.array ?? [] {
            guard let name = file["name"]?.string, let rows = file["rows"]?.integer, let bytes = file["bytes"]?.integer,
                let digest = file["digest"]?.string.flatMap({ UInt64($0, radix: 16) }),
                let first = file["first"]?.string.flatMap(Hexadecimal.bytes)
            else { return nil }
            var read = StateFile(name: name, rowCount: rows, byteCount: bytes, digest: digest, firstIdentity: first)
            read.groupIdentities = (file["groups"]?.array ?? []).compactMap { $0.string.flatMap(Hexadecimal.bytes) }
            files.append(read)
        }
        for column in content["columns"]?.array ?? [] {
            guard let name = column["name"]?.string, let shape = column["type"]?.string.flatMap({ ColumnShape($0) })
            else { return nil }
            columns.append(TableLayout.Column(name, shape))
        }
        key = content["key"]?.array?.compactMap(\.string) ?? []
        marksDeletes = content["marks_deletes"]?.boolean ?? false
        keepsFirstPlace = content["keeps_first_place"]?.boolean ?? false
        schemaStepCount = content["schema_steps"]?.integer.map { Int($0) } ?? 0
        changeCount = content["changes"]?.integer.map { Int($0) } ?? 0
        logFileCount = content["log_files"]?.integer.map { Int($0) } ?? 0
        logChangeCount = content["log_changes"]?.integer ?? 0
        if let span = content["log_span"], let files = span["files"]?.string, let first = Self.place(span["first"]),
            let last = Self.place(span["last"])
        {
            logSpan = LogSpan(files: files, first: first, last: last)
        }
        rowCount = content["rows"]?.integer ?? 0
        visibleRowCount = content["visible_rows"]?.integer ?? 0
        counts.repeated = content["repeated"]?.integer.map { Int($0) } ?? 0
        for (name, count) in Self.counts(content["contradictions"]) {
            if let contradiction = Contradiction(rawValue: name) { counts.contradictions[contradiction] = count }
        }
        rejections = Self.counts(content["rejections"])
        contradictionTotals = Self.counts(content["contradictions_so_far"])
        rejectionTotals = Self.counts(content["rejections_so_far"])
        losses = Self.counts(content["losses"])
        schemaSource = content["schema_source"]?.string ?? schemaSource
        lastCommitted = content["last_committed"]?.integer
        rules = content["rules"]?.string ?? rules
        for member in content["change_days"]?.members ?? [] { changeDays[member.name] = member.value.string }
    }
}

/// Lowercase hexadecimal digits.
enum Hexadecimal {
    static func text(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }

    static func text(_ bytes: [UInt8]) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * bytes.count)
        for byte in bytes {
            for digit in [byte >> 4, byte & 15] { digits.append(digit < 10 ? 48 + digit : 87 + digit) }
        }
        return String(decoding: digits, as: UTF8.self)
    }

    static func bytes(_ text: String) -> [UInt8]? {
        let digits = text.utf8.map { byte -> UInt8? in
            switch byte {
            case 48...57: byte - 48
            case 97...102: byte - 87
            default: nil
            }
        }
        guard digits.count % 2 == 0 else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = digits[index], let low = digits[index + 1] else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// XXH3-128 of lines.
    static func digest(_ lines: [String]) -> String {
        let hash = Hash.xxh3Wide(Array(lines.joined(separator: "\n").utf8))
        return text(hash.high) + text(hash.low)
    }
}
