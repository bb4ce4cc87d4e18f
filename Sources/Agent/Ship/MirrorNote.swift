public import Event
internal import JSON
public import Transport

/// What a mirror record under our own name says (docs/formats/agent-state.md).
///
/// Keys: `<agent>/incarnation/<id>`, one per incarnation, so that compaction never removes one while it
/// is not deleted by name; `<agent>/stream/<id>`, the newest of which counts. The agent's name is
/// escaped as in pack keys, so that no name contains `/`.
public enum MirrorNote: Sendable, Equatable {
    case incarnation(id: String, follows: MirrorPlace?, boot: String, nonce: String)
    /// `record` is the source's own; `checkpoint` the number of a checkpoint, durable before, that holds it.
    case stream(StreamID, source: String, incarnation: String, checkpoint: UInt64, nonce: String, record: [UInt8])
    /// An incarnation or a stream that was deleted by its agent.
    case removed
    /// Under our name, but nothing that we know how to read.
    case unreadable
}

extension MirrorNote {
    static let version = 1

    public static func incarnationKey(_ agent: String, _ id: String) -> [UInt8] {
        prefix(agent) + "incarnation/\(id)".utf8
    }

    public static func streamKey(_ agent: String, _ stream: StreamID) -> [UInt8] {
        var key = prefix(agent) + "stream/".utf8
        stream.appendText(to: &key)
        return key
    }

    static func prefix(_ agent: String) -> [UInt8] {
        var key: [UInt8] = []
        PackKey.appendEscaped(agent.utf8, to: &key)
        key.append(UInt8(ascii: "/"))
        return key
    }

    /// The value of an incarnation's record.
    public static func incarnationValue(
        id: String, follows: MirrorPlace?, boot: String, nonce: String, agent: String, time: Int64
    ) -> [UInt8] {
        let value: JSONValue = [
            "version": JSONValue(Self.version), "agent": .string(agent), "incarnation": .string(id),
            "follows": follows.map { ["incarnation": .string($0.incarnation), "offset": JSONValue($0.offset)] } ?? .null,
            "boot": .string(boot), "nonce": .string(nonce), "time": JSONValue(time),
        ]
        return value.bytes
    }

    /// The value of a stream's record.
    public static func streamValue(
        source: String, incarnation: String, checkpoint: UInt64, nonce: String, record: [UInt8]
    ) -> [UInt8] {
        let head: JSONValue = [
            "version": JSONValue(Self.version), "source": .string(source), "incarnation": .string(incarnation),
            "checkpoint": JSONValue(checkpoint), "nonce": .string(nonce),
        ]
        var bytes = head.bytes
        bytes.removeLast()
        bytes += #","record":"#.utf8
        bytes += record
        bytes.append(UInt8(ascii: "}"))
        return bytes
    }

    /// Reads a record; nil if it belongs to another agent.
    public init?(_ record: MirrorRecord, agent: String) {
        let prefix = Self.prefix(agent)
        guard record.key.starts(with: prefix) else { return nil }
        guard let bytes = record.value else {
            self = .removed
            return
        }
        let place = String(decoding: record.key[prefix.count...], as: UTF8.self)
        self = JSONValue(parsing: bytes).flatMap { Self.read($0, place: place) } ?? .unreadable
    }

    /// The streams that the mirror knows, the newest record of each, by source.
    public static func recoveredStreams(_ records: [MirrorRecord], agent: String) -> [String: [AgentState.Stream]] {
        var newest: [[UInt8]: (source: String, stream: AgentState.Stream)] = [:]
        for record in records {
            switch MirrorNote(record, agent: agent) {
            case .stream(let id, let source, _, _, _, let bytes):
                newest[record.key] = (source, AgentState.Stream(id: id, record: bytes))
            case .removed: newest[record.key] = nil
            default: break
            }
        }
        var result: [String: [AgentState.Stream]] = [:]
        for (source, stream) in newest.values { result[source, default: []].append(stream) }
        return result.mapValues { $0.sorted { $0.id < $1.id } }
    }

    /// The streams that the mirror knows better than a state does, by source: written in this boot, so about the
    /// very same files, by the incarnation that the state follows, behind the state, or by a later one.
    static func newerStreams(
        _ records: [MirrorRecord], agent: String, than state: IncarnationState, boot: String
    ) -> [String: [AgentState.Stream]] {
        var writers: Set<String> = []
        let followed = state.acknowledged?.incarnation
        if let followed, state.boot == boot { writers.insert(followed) }
        let fresh = records.filter { record in
            switch MirrorNote(record, agent: agent) {
            case .incarnation(let id, _, let itsBoot, _):
                if itsBoot == boot { writers.insert(id) }
                return false
            case .stream(_, _, let writer, let checkpoint, _, _):
                return writers.contains(writer) && (writer != followed || checkpoint > state.checkpoint)
            case .removed: return true
            default: return false
            }
        }
        return boot.isEmpty ? [:] : recoveredStreams(fresh, agent: agent)
    }

    private static func read(_ value: JSONValue, place: String) -> MirrorNote? {
        guard value["version"]?.integer == Int64(version), let incarnation = value["incarnation"]?.string,
            let nonce = value["nonce"]?.string
        else { return nil }
        if place == "incarnation/\(incarnation)" {
            guard let boot = value["boot"]?.string, let follows = value["follows"] else { return nil }
            var followed: MirrorPlace?
            if !follows.isNull {
                guard let name = follows["incarnation"]?.string, let offset = follows["offset"]?.integer else { return nil }
                followed = MirrorPlace(incarnation: name, offset: offset)
            }
            return .incarnation(id: incarnation, follows: followed, boot: boot, nonce: nonce)
        }
        guard place.hasPrefix("stream/"), let stream = StreamID(text: place.utf8.dropFirst(7)),
            let source = value["source"]?.string, let checkpoint = value["checkpoint"]?.unsigned,
            let record = value["record"]
        else { return nil }
        return .stream(
            stream, source: source, incarnation: incarnation, checkpoint: checkpoint, nonce: nonce,
            record: record.bytes)
    }
}
