internal import Columns
internal import Event
internal import JSON

/// What a column can read that is not in the event but about it: paths that begin with `_`.
enum Metadata: UInt8, Sendable, CaseIterable {
    /// `<stream>:<from>-<to>`; in topics that others fill `<topic>:<partition>:<offset>`.
    case eventID
    case agent, source
    /// The record's timestamp.
    case received
    case topic, partition, offset

    /// Fields that no column reads, as a JSON object: not metadata, but named like it.
    static let extraName = "_extra"

    var name: String {
        switch self {
        case .eventID: "_event_id"
        case .agent: "_agent"
        case .source: "_source"
        case .received: "_received"
        case .topic: "_topic"
        case .partition: "_partition"
        case .offset: "_offset"
        }
    }

    static func named(_ path: String) -> Metadata? { allCases.first { $0.name == path } }

    /// Types that a column of it may have.
    var types: [ColumnType] {
        switch self {
        case .eventID, .agent, .source, .topic: [.string]
        case .received: [.timestamp, .date]
        case .partition: [.int32, .int64]
        case .offset: [.int64]
        }
    }
}

/// The metadata of one pack as cells: texts are made once per pack, the event's id once per event.
struct MetadataCells {
    private let agent = Scratch(capacity: 64)
    private let source = Scratch(capacity: 64)
    private let topic = Scratch(capacity: 256)
    private let received = Scratch(capacity: 32)
    private let partition = Scratch(capacity: 16)
    private let offset = Scratch(capacity: 32)
    private let event = EventName()

    /// Takes the pack of the events to come.
    mutating func begin(_ pack: PackContext) {
        Self.put(pack.key?.agent ?? "", agent)
        Self.put(pack.key?.source ?? "", source)
        Self.put(pack.topic, topic)
        Self.put(pack.timestamp >= 0 ? String(pack.timestamp) : "", received)
        Self.put(String(pack.partition), partition)
        Self.put(String(pack.offset), offset)
        event.begin(pack)
    }

    mutating func begin(event reference: EventReference) { event.begin(event: reference) }

    func cell(_ metadata: Metadata) -> Cell {
        let text =
            switch metadata {
            case .eventID: event.text()
            case .agent: agent.view(from: 0)
            case .source: source.view(from: 0)
            case .received: received.view(from: 0)
            case .topic: topic.view(from: 0)
            case .partition: partition.view(from: 0)
            case .offset: offset.view(from: 0)
            }
        return text.isEmpty ? .none : Cell(kind: .text, bytes: text)
    }

    private static func put(_ text: String, _ target: Scratch) {
        target.removeAll()
        for byte in text.utf8 { target.append(byte) }
    }
}
