internal import Columns
internal import Event
internal import JSON
internal import Pipeline
internal import Sinks

/// What one route makes of one line.
struct LineOutcome: Equatable {
    enum Kind: Equatable {
        /// The row as the table's JSON lines have it.
        case row(partition: String, values: JSONValue)
        case rejected(Rejection, column: String?)
        /// Part of the format, but no record: a header, a directive.
        case filtered
    }
    var table: String
    var kind: Kind
}

/// Puts lines through a route, one at a time, as the first lines of a stream of its own.
final class LineTrial {
    private let stage: RouteStage
    private let formatter = JSONLinesFormatter()
    private let names: [String]
    /// Takes the formatted row apart again; numbers stay as they are written.
    private let reader: DocumentReader
    private var batch = EventBatch(byteCapacity: 65_536)
    private let received: Int64
    private var position: UInt64 = 0

    /// `received` is the records' timestamp in milliseconds.
    init(_ route: RouteSpec, received: Int64) throws(Failure) {
        stage = try RouteStage(try RoutePlan(route))
        names = stage.rows.columns.map(\.name)
        reader = DocumentReader(paths: names.map { JSONPath(member: $0) })
        self.received = received
    }

    /// The outcome of the next line, without its line feed.
    func outcome(_ line: ArraySlice<UInt8>) -> LineOutcome {
        let next = position + UInt64(line.count) + 1
        let key = PackKey(
            kind: .data, framing: .lines, agent: "try", source: "try", stream: StreamID(high: 0, low: 1),
            from: Position(position), to: Position(next))
        let context = PackContext(key: key, topic: "try", partition: 0, offset: 0, timestamp: received)
        batch.removeAll()
        let (pack, start) = unsafe line.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
        batch.appendEvent(
            EventReference(
                start: start, byteCount: line.count, from: Position(position), to: Position(next), pack: pack))
        position = next
        stage.process(batch, events: [0])
        return LineOutcome(table: stage.rows.groups.first?.table ?? stage.plan.spec.table, kind: kind())
    }

    private func kind() -> LineOutcome.Kind {
        if let rejection = stage.rejections.first {
            return .rejected(rejection.reason, column: stage.plan.columnName(rejection))
        }
        guard stage.rows.rowCount > 0, let group = stage.rows.groups.first else { return .filtered }
        formatter.format(stage.rows)
        var values = JSONValue.null
        formatter.forEachGroup { _, bytes, _ in values = .object(members(bytes.array)) }
        return .row(partition: group.partition, values: values)
    }

    private func members(_ row: [UInt8]) -> [JSONMember] {
        let padded = row + [UInt8](repeating: 0, count: EventBatch.padding)
        return unsafe padded.withUnsafeBytes { bytes in
            let line = unsafe ByteView(UnsafeRawBufferPointer(rebasing: bytes[..<row.count]))
            guard unsafe reader.read(padded: line) == nil else { return [] }
            var members: [JSONMember] = []
            for (index, name) in names.enumerated() {
                let value = reader.value(index)
                let text = String(decoding: value.text.array, as: UTF8.self)
                switch value.kind {
                case .none: continue
                case .string: members.append(JSONMember(name, .string(text)))
                case .number, .structure: members.append(JSONMember(name, .written(text)))
                case .yes: members.append(JSONMember(name, .boolean(true)))
                case .no: members.append(JSONMember(name, .boolean(false)))
                }
            }
            return members
        }
    }
}
