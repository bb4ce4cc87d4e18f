internal import Event
internal import JSON
internal import Platform
internal import Sinks
internal import Telemetry

/// What `quarantine list` and `show` say of entries.
struct QuarantineReport {
    struct Kind: Hashable {
        var pipeline: String
        var table: String?
        var reason: String
    }

    /// Most bytes of an event in a list.
    static let maximumExcerptByteCount = 80

    let limit: Int
    var commitNumber = 0
    private(set) var counts: [Kind: UInt64] = [:]
    private(set) var entries: [StoredEntry] = []
    private(set) var entryCount: UInt64 = 0
    private(set) var fileCount = 0
    private(set) var unreadable: UInt64 = 0
    private(set) var faults: [Failure] = []

    init(limit: Int) { self.limit = limit }

    mutating func add(_ entry: StoredEntry) {
        entryCount += 1
        counts[Kind(pipeline: entry.pipeline, table: entry.table, reason: entry.reason), default: 0] += 1
        guard entries.count < limit else { return }
        entries.append(entry)
    }

    mutating func note(_ open: OpenEntries) {
        fileCount = open.fileCount
        unreadable = open.unreadable
        faults = open.faults
    }

    private var sorted: [(key: Kind, value: UInt64)] {
        counts.sorted { left, right in
            (left.key.pipeline, left.key.table ?? "", left.key.reason)
                < (right.key.pipeline, right.key.table ?? "", right.key.reason)
        }
    }

    var text: String {
        var kinds = TextTable([.left("pipeline"), .left("table"), .left("reason"), .right("entries")])
        for (kind, count) in sorted { kinds.add(kind.pipeline, kind.table ?? "-", kind.reason, "\(count)") }
        var text = entryCount == 0 ? "quarantine holds nothing of that kind\n" : kinds.text
        var list = TextTable([
            .left("id"), .left("day"), .left("table"), .left("reason"), .left("column"), .left("place"), .left("event"),
        ])
        for entry in entries {
            list.add(
                entry.id.description, entry.day, entry.table ?? "-", entry.reason, entry.column ?? "-",
                "\(entry.topic)[\(entry.partition)]:\(entry.offset)",
                Self.escaped(entry.excerpt.map { Array($0.utf8) } ?? entry.bytes, limit: Self.maximumExcerptByteCount))
        }
        if !list.isEmpty { text += "\n" + list.text }
        if entryCount > 0 {
            text += "\n\(entryCount) entries in \(fileCount) files"
            text += entryCount > UInt64(entries.count) ? ", \(entries.count) shown (--limit)\n" : "\n"
        }
        if unreadable > 0 { text += "\(unreadable) lines are no entries that this program knows\n" }
        for fault in faults { text += "\(fault)\n" }
        return text
    }

    /// As docs/json.md has it.
    var json: JSONValue {
        [
            "version": 1, "commit": JSONValue(commitNumber), "entry_count": JSONValue(entryCount),
            "file_count": JSONValue(fileCount),
            "counts": .array(
                sorted.map { kind, count in
                    [
                        "pipeline": .string(kind.pipeline), "table": JSONValue(kind.table),
                        "reason": .string(kind.reason), "entries": JSONValue(count),
                    ]
                }),
            "entries": .array(entries.map { Self.json(of: $0, isWhole: false) }),
            "unreadable_count": JSONValue(unreadable), "faults": .array(faults.map(Terminal.json)),
        ]
    }

    /// One entry; `isWhole`: with its bytes.
    static func json(of entry: StoredEntry, isWhole: Bool) -> JSONValue {
        var members = [
            JSONMember("id", .string(entry.id.description)), JSONMember("day", .string(entry.day)),
            JSONMember("reason", .string(entry.reason)), JSONMember("column", JSONValue(entry.column)),
            JSONMember("pipeline", .string(entry.pipeline)), JSONMember("table", JSONValue(entry.table)),
            JSONMember("topic", .string(entry.topic)), JSONMember("partition", JSONValue(entry.partition)),
            JSONMember("offset", JSONValue(entry.offset)), JSONMember("timestamp_ms", JSONValue(entry.timestamp)),
            JSONMember("agent", JSONValue(entry.agent)), JSONMember("source", JSONValue(entry.source)),
            JSONMember("stream", JSONValue(entry.stream?.description)),
            JSONMember("from", JSONValue(entry.from?.description)), JSONMember("to", JSONValue(entry.to?.description)),
            JSONMember("excerpt", JSONValue(entry.excerpt)), JSONMember("is_part", .boolean(entry.isPart)),
            JSONMember("replays", JSONValue(entry.replays)), JSONMember("byte_count", JSONValue(entry.bytes.count)),
        ]
        if isWhole {
            members.append(JSONMember("text", JSONValue(String(validating: entry.bytes, as: UTF8.self))))
            members.append(JSONMember("bytes", .string(Base64.encode(entry.bytes))))
        }
        return .object(members)
    }

    /// Everything about one entry.
    static func page(of entry: StoredEntry) -> String {
        var fields: [(String, String?)] = [
            ("entry", entry.id.description), ("reason", entry.reason), ("column", entry.column),
            ("pipeline", entry.pipeline), ("table", entry.table),
            ("record", "\(entry.topic)[\(entry.partition)] offset \(entry.offset)"),
            ("received", entry.timestamp >= 0 ? Timestamp.rfc3339(entry.timestamp) : nil),
            ("agent", entry.agent), ("source", entry.source), ("stream", entry.stream?.description),
        ]
        if let from = entry.from, let to = entry.to { fields.append(("range", "[\(from), \(to))")) }
        fields.append(("excerpt", entry.excerpt.map { escaped(Array($0.utf8), limit: .max) }))
        if entry.isPart { fields.append(("part", "other rows of the event fared otherwise")) }
        if entry.replays > 0 { fields.append(("replays", "\(entry.replays), each refused for another reason")) }
        fields.append(("bytes", "\(entry.bytes.count)"))
        let width = fields.map(\.0.count).max() ?? 0
        var text = ""
        for (name, value) in fields {
            guard let value else { continue }
            text += name + String(repeating: " ", count: width - name.count) + "  " + value + "\n"
        }
        return text + "\n" + escaped(entry.bytes, limit: .max) + "\n\n"
    }

    /// Printable text as it is, all else as `\xNN`; a backslash as `\\`. Behind `limit` bytes: `...`.
    static func escaped(_ bytes: [UInt8], limit: Int) -> String {
        var text = ""
        var rest = bytes.prefix(limit)[...]
        while let first = rest.first {
            if first == UInt8(ascii: "\\") {
                text += "\\\\"
                rest = rest.dropFirst()
                continue
            }
            // Why up to four: a character of UTF-8; the shortest prefix that is valid is one.
            let character = (1...4).lazy.compactMap { String(validating: rest.prefix($0), as: UTF8.self) }.first
            if let character, let scalar = character.unicodeScalars.first, isPrintable(scalar) {
                text += character
                rest = rest.dropFirst(character.utf8.count)
            } else {
                let digits = String(first, radix: 16)
                text += "\\x" + (digits.utf8.count == 1 ? "0" : "") + digits
                rest = rest.dropFirst()
            }
        }
        return bytes.count > limit ? text + "..." : text
    }

    /// Whether a terminal may have it: no control, no change of direction, nothing invisible.
    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        default: true
        }
    }
}
