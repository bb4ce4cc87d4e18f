public import Event
internal import JSON

/// The name of an event as tables have it (`_event_id`): `<stream>:<from>-<to>`, in topics that others fill
/// `<topic>:<partition>:<offset>`. What the events of a pack share is made once; nothing is allocated per event.
public final class EventName {
    private let bytes = Scratch(capacity: 320)
    /// Bytes that all events of the pack share.
    private var prefixCount = 0
    private var hasKey = false
    private var range: (from: Position, to: Position) = (.zero, .zero)

    public init() {}

    /// Takes the pack of the events to come.
    public func begin(_ pack: PackContext) {
        hasKey = pack.key != nil
        let prefix = pack.key.map { "\($0.stream):" } ?? "\(pack.topic):\(pack.partition):\(pack.offset)"
        bytes.removeAll()
        for byte in prefix.utf8 { bytes.append(byte) }
        prefixCount = bytes.count
    }

    /// Takes the event to name.
    public func begin(event reference: EventReference) { range = (reference.from, reference.to) }

    /// The name; valid until the next call of anything here.
    public func text() -> ByteView {
        bytes.truncate(to: prefixCount)
        guard hasKey else { return bytes.view(from: 0) }
        append(range.from)
        bytes.append(UInt8(ascii: "-"))
        append(range.to)
        return bytes.view(from: 0)
    }

    private func append(_ position: Position) {
        bytes.append(decimal: position.major)
        guard position.minor > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        bytes.append(decimal: UInt64(position.minor))
    }
}
