internal import Event
internal import JSON

/// Which file on disk: what `statx` says that survives a rename.
struct InodeIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    /// 0: the file system keeps no birth time.
    var birth: Int64
}

/// A decided cut: a place where the next event begins although the bytes alone do not say so. Durable
/// in the checkpoint before anything behind its start is shipped.
struct DecidedCut: Hashable, Sendable {
    enum Kind: String, Sendable {
        /// An unterminated last line: `[from, to)` is an event.
        case line
        /// A run of NUL bytes: `[from, to)` is left out.
        case nul
    }
    var kind: Kind
    var from: UInt64
    var to: UInt64
}

/// What a checkpoint keeps of one stream: a JSON object, version 1 (docs/formats/checkpoint-stream.md).
struct StreamRecord: Hashable, Sendable {
    static let version: UInt64 = 1
    /// Most decided cuts a record may hold: they go as soon as they are acknowledged.
    static let maximumCutCount = 64

    var stream: StreamID
    /// Where the file is now, as far as known.
    var path: String
    /// The path that the stream began under: rotation names extend it.
    var origin: String
    /// Nil: no file is the stream's any more.
    var file: InodeIdentity?
    /// The file that was taken from the stream, as it held another content, while its copy is looked for.
    var lost: InodeIdentity? = nil
    var partition: Int32
    var first: UInt64
    var continues: StreamID?
    /// Why the stream began.
    var reason: String
    /// Whether a record of it was acknowledged.
    var isAnnounced: Bool
    /// The newest one is the acknowledged position; none: 0.
    var ladder: RungLadder
    /// The end of the first record or more, durable before anything is shipped: what proves the file to be
    /// the same while nothing is acknowledged, and a copy later. Nil: nothing was shipped from position 0.
    var head: Rung?
    /// The first bytes that were seen: what proves the file before it has a whole record.
    var prefix: Rung? = nil
    /// Size of the file as of the last look.
    var seen: UInt64
    /// When the file was modified as of the last look that found another size, nanoseconds; 0: not known.
    var modified: Int64 = 0
    /// What the times of its file were before the last look, nanoseconds; nil: what `modified` and the birth say.
    var known: Int64? = nil
    /// The position must be proved against the rungs before anything is shipped (power loss).
    var isUnproved: Bool
    /// The file was taken over from a copy that was shorter than the position.
    var isShortCopy: Bool
    var cuts: [DecidedCut]
    /// When the stream ended, milliseconds; nil: it goes on.
    var ended: Int64?
    /// `maximumRecordByteCount` that the events are cut by.
    var maximumRecordByteCount: Int
}

extension StreamRecord {
    /// Whether this goes on behind the other one, in the same file.
    func isBehind(_ other: StreamRecord) -> Bool {
        if ladder.newest.position != other.ladder.newest.position {
            return ladder.newest.position > other.ladder.newest.position
        }
        return continues == other.stream
    }

    func encoded() -> [UInt8] {
        var members = [
            JSONMember("v", JSONValue(Self.version)), JSONMember("stream", .string(stream.description)),
            JSONMember("path", .string(path)),
        ]
        if origin != path { members.append(JSONMember("origin", .string(origin))) }
        if let file { members += Self.encode(file) }
        members += [
            JSONMember("partition", JSONValue(partition)), JSONMember("first", JSONValue(first)),
            JSONMember("reason", .string(reason)),
        ]
        if let continues { members.append(JSONMember("continues", .string(continues.description))) }
        members += [
            JSONMember("announced", .boolean(isAnnounced)), JSONMember("seen", JSONValue(seen)),
            JSONMember("record", JSONValue(maximumRecordByteCount)),
            JSONMember("rungs", .array(ladder.rungs.map(Self.encode))),
        ]
        if let head { members.append(JSONMember("head", Self.encode(head))) }
        if let prefix { members.append(JSONMember("prefix", Self.encode(prefix))) }
        if modified != 0 { members.append(JSONMember("modified", JSONValue(modified))) }
        if let known { members.append(JSONMember("known", JSONValue(known))) }
        if isUnproved { members.append(JSONMember("unproved", true)) }
        if isShortCopy { members.append(JSONMember("short", true)) }
        if !cuts.isEmpty {
            members.append(
                JSONMember(
                    "cuts",
                    .array(cuts.map { [.string($0.kind.rawValue), JSONValue($0.from), JSONValue($0.to)] })))
        }
        if let ended { members.append(JSONMember("ended", JSONValue(ended))) }
        if let lost { members.append(JSONMember("lost", .object(Self.encode(lost)))) }
        return JSONValue.object(members).bytes
    }

    private static func encode(_ file: InodeIdentity) -> [JSONMember] {
        [
            JSONMember("device", JSONValue(file.device)), JSONMember("inode", JSONValue(file.inode)),
            JSONMember("birth", JSONValue(file.birth)),
        ]
    }

    private static func encode(_ rung: Rung) -> JSONValue {
        var fields = [JSONValue(rung.position), .string(hexadecimal(rung.hash)), .string(hexadecimal(rung.before))]
        if rung.recordStart != rung.position { fields.append(JSONValue(rung.recordStart)) }
        return .array(fields)
    }

    /// Nil on anything that is not a whole record of this version.
    init?(decoding bytes: [UInt8]) {
        guard let value = JSONValue(parsing: bytes), value["v"]?.unsigned == Self.version,
            let stream = value["stream"]?.string.flatMap({ StreamID($0) }), let path = value["path"]?.string,
            let partition = value["partition"]?.integer.flatMap({ Int32(exactly: $0) }), partition >= -1,
            let first = value["first"]?.unsigned, let reason = value["reason"]?.string,
            let isAnnounced = value["announced"]?.boolean, let seen = value["seen"]?.unsigned,
            let maximum = value["record"]?.integer, maximum > 0, let rungs = value["rungs"]?.array
        else { return nil }
        var decoded: [Rung] = []
        for rung in rungs {
            guard let rung = Self.decode(rung) else { return nil }
            decoded.append(rung)
        }
        guard decoded.count <= RungLadder.maximumCount, let ladder = RungLadder(decoded) else { return nil }
        var cuts: [DecidedCut] = []
        for cut in value["cuts"]?.array ?? [] {
            guard let fields = cut.array, fields.count == 3,
                let kind = fields[0].string.flatMap(DecidedCut.Kind.init(rawValue:)),
                let from = fields[1].unsigned, let to = fields[2].unsigned, from < to
            else { return nil }
            cuts.append(DecidedCut(kind: kind, from: from, to: to))
        }
        let file = Self.identity(value)
        let lost = value["lost"].flatMap { Self.identity($0) }
        guard file != nil || value["inode"] == nil, lost != nil || value["lost"] == nil else { return nil }
        var continues: StreamID?
        if let text = value["continues"]?.string {
            guard let id = StreamID(text) else { return nil }
            continues = id
        }
        var head: Rung?
        var prefix: Rung?
        if let given = value["head"] {
            guard let rung = Self.decode(given) else { return nil }
            head = rung
        }
        if let given = value["prefix"] {
            guard let rung = Self.decode(given) else { return nil }
            prefix = rung
        }
        guard first <= ladder.newest.position, seen <= UInt64(Int64.max),
            ladder.newest.position <= UInt64(Int64.max)
        else { return nil }
        self.init(
            stream: stream, path: path, origin: value["origin"]?.string ?? path, file: file, lost: lost,
            partition: partition, first: first, continues: continues, reason: reason, isAnnounced: isAnnounced,
            ladder: ladder, head: head, prefix: prefix, seen: seen, modified: value["modified"]?.integer ?? 0,
            known: value["known"]?.integer, isUnproved: value["unproved"]?.boolean ?? false,
            isShortCopy: value["short"]?.boolean ?? false, cuts: cuts, ended: value["ended"]?.integer,
            maximumRecordByteCount: Int(maximum))
    }

    private static func identity(_ value: JSONValue) -> InodeIdentity? {
        guard let device = value["device"]?.unsigned, let inode = value["inode"]?.unsigned,
            let birth = value["birth"]?.integer
        else { return nil }
        return InodeIdentity(device: device, inode: inode, birth: birth)
    }

    private static func decode(_ value: JSONValue) -> Rung? {
        guard let fields = value.array, fields.count == 3 || fields.count == 4, let position = fields[0].unsigned,
            let hash = fields[1].string.flatMap({ UInt64($0, radix: 16) }),
            let before = fields[2].string.flatMap({ UInt64($0, radix: 16) })
        else { return nil }
        var start = position
        if fields.count == 4 {
            guard let given = fields[3].unsigned, given < position else { return nil }
            start = given
        }
        return Rung(position: position, hash: hash, before: before, recordStart: start)
    }

    private static func hexadecimal(_ value: UInt64) -> String { String(value, radix: 16) }
}
