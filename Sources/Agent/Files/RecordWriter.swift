internal import Event
internal import JSON
internal import Transport

/// Appends records of one stream to a batch: keys and control values go to a scratch area that ends up
/// in the slab at `keyBase`.
struct RecordWriter {
    let stream: TailStream
    let keyBase: Int

    func data(
        _ cut: LineCutter.Cut, from: UInt64, valueStart: Int, _ keys: inout [UInt8], _ batch: inout ShipBatch
    ) {
        let to = from + UInt64(cut.byteCount)
        let framing = cut.piece.map { PackKey.Framing.piece(index: $0.index, count: $0.count) } ?? .lines
        let start = keys.count
        appendKey(cut.piece == nil ? .data : .piece, framing, prev: from, from: from, to: to, &keys)
        append(
            OutgoingRecord(
                keyStart: keyBase + start, keyByteCount: keys.count - start, valueStart: valueStart,
                valueByteCount: cut.valueByteCount, tag: 0),
            to: to, eventCount: cut.eventCount, &batch)
    }

    /// `[from, to)` is left out, with nothing behind it in this record.
    func progress(from: UInt64, to: UInt64, _ keys: inout [UInt8], _ batch: inout ShipBatch) {
        let start = keys.count
        appendKey(.progress, .none, prev: from, from: to, to: to, &keys)
        append(
            OutgoingRecord(
                keyStart: keyBase + start, keyByteCount: keys.count - start, valueStart: 0, valueByteCount: 0, tag: 0),
            to: to, eventCount: 0, &batch)
    }

    func announce(_ keys: inout [UInt8], _ batch: inout ShipBatch) {
        var fields: [(String, JSONValue)] = [
            ("path", .string(stream.path)), ("position", JSONValue(stream.first)), ("reason", .string(stream.reason)),
        ]
        if let continues = stream.continues { fields.append(("continues", .string(continues.description))) }
        if let file = stream.file { fields.append(("inode", JSONValue(file.inode))) }
        control(.announce, at: stream.position.position, value: JSONText.object(fields), &keys, &batch)
    }

    func control(
        _ kind: PackKey.Kind, at position: UInt64, value: [UInt8], _ keys: inout [UInt8], _ batch: inout ShipBatch
    ) {
        let start = keys.count
        appendKey(kind, .none, prev: position, from: position, to: position, &keys)
        let valueStart = keys.count
        keys += value
        append(
            OutgoingRecord(
                keyStart: keyBase + start, keyByteCount: valueStart - start, valueStart: keyBase + valueStart,
                valueByteCount: value.count, tag: 0),
            to: position, eventCount: 0, isEnd: kind == .end, &batch)
    }

    private func appendKey(
        _ kind: PackKey.Kind, _ framing: PackKey.Framing, prev: UInt64, from: UInt64, to: UInt64, _ keys: inout [UInt8]
    ) {
        PackKey.appendHead(kind: kind, framing: framing, to: &keys)
        keys += stream.keyMiddle
        PackKey.appendTail(prev: Position(prev), from: Position(from), to: Position(to), into: &keys)
    }

    private func append(
        _ record: OutgoingRecord, to: UInt64, eventCount: Int, isEnd: Bool = false, _ batch: inout ShipBatch
    ) {
        batch.records.append(record)
        batch.steps.append(
            ShipBatch.Step(to: to, byteCount: record.keyByteCount + max(0, record.valueByteCount), isEnd: isEnd))
        batch.eventCounts.append(eventCount)
    }
}

/// Values of control records.
enum JSONText {
    static func object(_ fields: [(String, JSONValue)]) -> [UInt8] {
        JSONValue.object(fields.map { JSONMember($0.0, $0.1) }).bytes
    }

    static func object(_ fields: [(String, String)]) -> [UInt8] { object(fields.map { ($0.0, .string($0.1)) }) }
}
