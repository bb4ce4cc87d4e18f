public import Event
internal import JSON
internal import Platform

/// Which file a state was read from or written to. A copy has another inode, birth time or device,
/// even where a tool keeps times and owner; a rename keeps all three. Birth is 0 where the file
/// system has none.
public struct FileIdentity: Sendable, Equatable {
    public var device: UInt64
    public var inode: UInt64
    public var birth: Int64

    public init(device: UInt64, inode: UInt64, birth: Int64) {
        self.device = device
        self.inode = inode
        self.birth = birth
    }
}

/// An incarnation whose mirror record is known, and where it stands in the mirror.
public struct MirrorPlace: Sendable, Equatable {
    public var incarnation: String
    public var offset: Int64

    public init(incarnation: String, offset: Int64) {
        self.incarnation = incarnation
        self.offset = offset
    }
}

/// A decision to go on under new ids that no checkpoint with the new ids has made true yet.
public struct PendingNewIDs: Sendable, Equatable {
    public var reason: String
    public var afterPowerLoss: Bool

    public init(reason: String, afterPowerLoss: Bool) {
        self.reason = reason
        self.afterPowerLoss = afterPowerLoss
    }
}

/// What the state says about incarnations; owned by `IncarnationMachine`.
public struct IncarnationState: Sendable, Equatable {
    /// The boot in which it was written.
    public var boot = ""
    /// The last incarnation whose mirror record was acknowledged.
    public var acknowledged: MirrorPlace?
    /// Incarnations tried since, oldest first; none of them shipped anything.
    public var tried: [String] = []
    /// Foreign incarnations after which new ids were taken already.
    public var settled: [String] = []
    public var pending: PendingNewIDs?
    /// An orderly end with nothing in flight, and nothing since.
    public var isClean = false
    /// Counts the checkpoints of this state folder; mirror records carry it.
    public var checkpoint: UInt64 = 0

    public init() {}
}

/// What a checkpoint holds (docs/formats/agent-state.md).
public struct AgentState: Sendable, Equatable {
    public struct Stream: Sendable, Equatable {
        public var id: StreamID
        /// The source's own record of it, a JSON object; opaque here.
        public var record: [UInt8]

        public init(id: StreamID, record: [UInt8]) {
            self.id = id
            self.record = record
        }
    }

    public struct Source: Sendable, Equatable {
        public var name: String
        /// Partitions that the last watermark was sent to.
        public var watermarkPartitions: [Int32] = []
        public var streams: [Stream] = []
        /// New ids were decided while the source was not configured: holds when it comes back.
        public var pending: PendingNewIDs?

        public init(name: String) { self.name = name }
    }

    public static let version = 1
    /// Largest state file that is read: some 100,000 streams of 2 KiB.
    public static let maximumByteCount = 256 << 20

    public var incarnation = IncarnationState()
    public var sources: [Source] = []

    public init() {}
}

extension AgentState {
    /// `,"checksum":"` + 16 digits + `"}` + line feed.
    private static let tailByteCount = 32

    /// The text of the state file. `identity`: of the very file that it is written to.
    func encoded(identity: FileIdentity) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(sources.reduce(1_024) { $0 + $1.streams.reduce(0) { $0 + $1.record.count + 64 } })
        let head: JSONValue = [
            "version": JSONValue(Self.version),
            "checkpoint": JSONValue(incarnation.checkpoint),
            "boot": .string(incarnation.boot),
            "identity": [
                "device": JSONValue(identity.device), "inode": JSONValue(identity.inode),
                "birth": JSONValue(identity.birth),
            ],
            "acknowledged": incarnation.acknowledged.map {
                ["incarnation": .string($0.incarnation), "offset": JSONValue($0.offset)]
            } ?? .null,
            "tried": .array(incarnation.tried.map(JSONValue.string)),
            "settled": .array(incarnation.settled.map(JSONValue.string)),
            "pending": incarnation.pending?.json ?? .null,
            "clean": .boolean(incarnation.isClean),
        ]
        head.append(to: &bytes)
        bytes.removeLast()
        bytes += #","sources":["#.utf8
        for (index, source) in sources.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            source.append(to: &bytes)
        }
        bytes.append(UInt8(ascii: "]"))
        let checksum = Self.checksum(of: bytes)
        bytes += #","checksum":"\#(checksum)"}"#.utf8
        bytes.append(10)
        return bytes
    }

    /// Why a state file is not what we wrote.
    enum Unreadable: Error, Equatable {
        case damaged(String)
        /// Written by a later program.
        case version(Int64)
    }

    /// Reads the text of a state file; also returns the identity that it names.
    static func decoded(_ bytes: [UInt8]) throws(Unreadable) -> (state: AgentState, identity: FileIdentity) {
        guard bytes.count > tailByteCount, bytes.last == 10 else { throw .damaged("it is cut short") }
        let body = Array(bytes[..<(bytes.count - tailByteCount)])
        let tail = String(decoding: bytes[(bytes.count - tailByteCount)...], as: UTF8.self)
        guard tail == #","checksum":"\#(checksum(of: body))"}"# + "\n" else { throw .damaged("its checksum differs") }
        guard let document = JSONValue(parsing: bytes), let version = document["version"]?.integer else {
            throw .damaged("it is not a state document")
        }
        guard version == Int64(Self.version) else { throw .version(version) }
        guard let identity = FileIdentity(document["identity"]), let state = AgentState(document) else {
            throw .damaged("a field is missing")
        }
        return (state, identity)
    }

    private static func checksum(of bytes: [UInt8]) -> String {
        let text = String(Hash.xxh3(bytes), radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }

    private init?(_ document: JSONValue) {
        guard let boot = document["boot"]?.string, let checkpoint = document["checkpoint"]?.unsigned,
            let tried = Self.texts(document["tried"]), let settled = Self.texts(document["settled"]),
            let isClean = document["clean"]?.boolean, let sources = document["sources"]?.array,
            let acknowledged = document["acknowledged"], let pending = document["pending"]
        else { return nil }
        incarnation.boot = boot
        incarnation.checkpoint = checkpoint
        incarnation.tried = tried
        incarnation.settled = settled
        incarnation.isClean = isClean
        if !acknowledged.isNull {
            guard let name = acknowledged["incarnation"]?.string, let offset = acknowledged["offset"]?.integer
            else { return nil }
            incarnation.acknowledged = MirrorPlace(incarnation: name, offset: offset)
        }
        if !pending.isNull {
            guard let read = PendingNewIDs(pending) else { return nil }
            incarnation.pending = read
        }
        for entry in sources {
            guard let source = Source(entry) else { return nil }
            self.sources.append(source)
        }
    }

    private static func texts(_ value: JSONValue?) -> [String]? {
        guard let values = value?.array else { return nil }
        let texts = values.compactMap(\.string)
        return texts.count == values.count ? texts : nil
    }
}

extension AgentState.Source {
    fileprivate func append(to bytes: inout [UInt8]) {
        bytes += #"{"name":"#.utf8
        JSONValue.appendQuoted(name, to: &bytes)
        bytes += #","watermark":"#.utf8
        JSONValue.array(watermarkPartitions.map { JSONValue($0) }).append(to: &bytes)
        bytes += #","pending":"#.utf8
        (pending?.json ?? .null).append(to: &bytes)
        bytes += #","streams":["#.utf8
        for (index, stream) in streams.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += #"{"id":""#.utf8
            stream.id.appendText(to: &bytes)
            bytes += #"","record":"#.utf8
            bytes += stream.record
            bytes.append(UInt8(ascii: "}"))
        }
        bytes += "]}".utf8
    }

    fileprivate init?(_ value: JSONValue) {
        guard let name = value["name"]?.string, let streams = value["streams"]?.array else { return nil }
        self.init(name: name)
        watermarkPartitions = (value["watermark"]?.array ?? []).compactMap { $0.integer.flatMap { Int32(exactly: $0) } }
        if let value = value["pending"], !value.isNull {
            guard let read = PendingNewIDs(value) else { return nil }
            pending = read
        }
        for entry in streams {
            guard let id = entry["id"]?.string.flatMap({ StreamID($0) }), let record = entry["record"] else { return nil }
            self.streams.append(AgentState.Stream(id: id, record: record.bytes))
        }
    }
}

extension FileIdentity {
    init(_ status: FileStatus) {
        self.init(device: status.device, inode: status.inode, birth: status.birth)
    }

    fileprivate init?(_ value: JSONValue?) {
        guard let device = value?["device"]?.unsigned, let inode = value?["inode"]?.unsigned,
            let birth = value?["birth"]?.integer
        else { return nil }
        self.init(device: device, inode: inode, birth: birth)
    }
}

extension PendingNewIDs {
    fileprivate var json: JSONValue {
        ["reason": .string(reason), "afterPowerLoss": .boolean(afterPowerLoss)]
    }

    fileprivate init?(_ value: JSONValue) {
        guard let reason = value["reason"]?.string, let loss = value["afterPowerLoss"]?.boolean else { return nil }
        self.init(reason: reason, afterPowerLoss: loss)
    }
}
