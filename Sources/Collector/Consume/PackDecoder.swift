internal import Event
internal import Platform
internal import Transport

/// What became of one record at decoding; its events lie in the batch.
struct DecodedPack {
    enum Content: Sendable {
        /// Events to route: a pack of ours, or one record of a foreign topic.
        case events
        case foreign
        /// One event that is refused as a whole.
        case refused(Rejection)
        /// A part of an over-long record: one event, to quarantine.
        case piece(index: UInt32, count: UInt32)
        case progress
        case announce
        case end
        case watermark
    }

    var content: Content
    /// Index of the partition in its lane.
    var partition: Int
    /// Index of the key's head in the partition's `KeyCache`; -1 without a key of ours.
    var entry: Int
    /// Index into `EventBatch.packs`; the same as the index of this pack.
    var pack: Int32
    var firstEvent: Int
    var eventCount: Int
    /// Where the value lies in the slab: for control records.
    var valueStart: Int
    var valueByteCount: Int

    var events: Range<Int> { firstEvent..<(firstEvent + eventCount) }
}

/// Turns transport records into packs and events of a batch: keys by the partition's cache, values by
/// framing (docs/formats/pack.md). Whatever the bytes are, the record comes out: refused at worst.
enum PackDecoder {
    /// Events a pack holds at most: 4 Mi references at 56 bytes are 224 MiB. An agent's pack has at most
    /// 64 Ki (64 KiB of line feeds).
    static let maximumEventCount = 4 << 20

    static func decode(
        _ record: RecordView, partition: Int, keys: inout KeyCache, keepsRecordKey: Bool = false,
        into batch: inout EventBatch
    ) -> DecodedPack {
        let reading = unsafe keys.read(record.key)
        var key: PackKey?
        var entry = -1
        if case .ours(let index, let parsed) = reading {
            key = parsed
            entry = index
        }
        let context = unsafe PackContext(
            key: key, topic: record.topic, partition: record.partition, offset: record.offset,
            timestamp: record.timestamp)
        let value = unsafe record.value ?? UnsafeRawBufferPointer(start: nil, count: 0)
        let isForeign = if case .foreign = reading { true } else { false }
        let (pack, start) = unsafe batch.appendPack(
            context, value: value, recordKey: isForeign && keepsRecordKey ? record.key : nil)
        var decoded = DecodedPack(
            content: .foreign, partition: partition, entry: entry, pack: pack, firstEvent: batch.events.count,
            eventCount: 0, valueStart: start, valueByteCount: value.count)
        if let key {
            let hasValue = unsafe record.value != nil
            decoded.content = unsafe fill(&batch, key, value, hasValue: hasValue, pack: pack, start: start)
        } else if case .malformed = reading {
            decoded.content = .refused(.malformedKey)
        } else if unsafe record.value == nil {
            decoded.content = .refused(.nullValue)
        }
        switch decoded.content {
        case .refused, .piece, .foreign: unsafe appendWhole(&batch, key, record.offset, pack, start, value.count)
        default: break
        }
        decoded.eventCount = batch.events.count - decoded.firstEvent
        return decoded
    }

    /// One event that is the whole value.
    private static func appendWhole(
        _ batch: inout EventBatch, _ key: PackKey?, _ offset: Int64, _ pack: Int32, _ start: Int, _ byteCount: Int
    ) {
        let place = UInt64(clamping: offset)
        batch.appendEvent(
            EventReference(
                start: start, byteCount: byteCount, from: key?.from ?? Position(place),
                to: key?.to ?? Position(place &+ 1), pack: pack))
    }

    private static func fill(
        _ batch: inout EventBatch, _ key: PackKey, _ value: UnsafeRawBufferPointer, hasValue: Bool, pack: Int32,
        start: Int
    ) -> DecodedPack.Content {
        switch key.kind {
        case .data:
            guard hasValue else { return .refused(.nullValue) }
            let isWhole =
                key.framing == .lines
                ? unsafe appendLines(&batch, key, value, pack: pack, start: start)
                : unsafe appendRecords(&batch, key, value, pack: pack, start: start)
            return isWhole ? .events : .refused(.malformedPack)
        case .piece:
            guard hasValue, case .piece(let index, let count) = key.framing else { return .refused(.nullValue) }
            return .piece(index: index, count: count)
        case .progress: return .progress
        case .announce: return .announce
        case .end: return .end
        case .watermark: return .watermark
        }
    }

    /// Framing `lines`: the bytes of the file without the last line feed. The value is one byte shorter
    /// than the range if the last line is terminated, and as long as the range if it is not.
    private static func appendLines(
        _ batch: inout EventBatch, _ key: PackKey, _ value: UnsafeRawBufferPointer, pack: Int32, start: Int
    ) -> Bool {
        guard key.from.minor == 0, key.to.minor == 0 else { return false }
        let span = key.to.major - key.from.major
        let byteCount = UInt64(value.count)
        guard byteCount == span || byteCount == span - 1 else { return false }
        if byteCount == span, unsafe value[value.count - 1] == lineFeed { return false }
        guard unsafe countLines(value) else { return false }
        let base = key.from.major
        var lineStart = 0
        while true {
            let end = unsafe ByteSearch.firstIndex(of: lineFeed, in: value, from: lineStart)
            // Why: the range's end is known, so a position never passes it and cannot overflow.
            let to = end.map { Position(base + UInt64($0) + 1) } ?? key.to
            batch.appendEvent(
                EventReference(
                    start: start + lineStart, byteCount: (end ?? value.count) - lineStart,
                    from: Position(base + UInt64(lineStart)), to: to, pack: pack))
            guard let end else { return true }
            lineStart = end + 1
        }
    }

    /// Whether the value has no more lines than a pack may have.
    private static func countLines(_ value: UnsafeRawBufferPointer) -> Bool {
        guard value.count >= maximumEventCount else { return true }
        var count = 1
        for index in value.indices where unsafe value[index] == lineFeed { count += 1 }
        return count <= maximumEventCount
    }

    /// Framing `records`: see `RecordsFraming`.
    private static func appendRecords(
        _ batch: inout EventBatch, _ key: PackKey, _ value: UnsafeRawBufferPointer, pack: Int32, start: Int
    ) -> Bool {
        // Why twice: a batch takes no event back, and what is malformed at its end is refused whole.
        guard unsafe walkRecords(key, value, { _, _, _ in }) else { return false }
        return unsafe walkRecords(key, value) { item, from, to in
            batch.appendEvent(
                EventReference(
                    start: start + item.start, byteCount: item.byteCount, from: from, to: to, pack: pack))
        }
    }

    /// Calls `each` for every event; false if the value does not fill the key's range exactly.
    private static func walkRecords(
        _ key: PackKey, _ value: UnsafeRawBufferPointer, _ each: (RecordsFraming.Item, Position, Position) -> Void
    ) -> Bool {
        let isBytes = key.from.minor == 0 && key.to.minor == 0
        var offset = 0
        var position = key.from
        var count = 0
        while true {
            switch unsafe RecordsFraming.next(in: value, offset: &offset) {
            case .malformed: return false
            case .end: return count > 0 && position == key.to
            case .item(let item):
                count += 1
                guard count <= maximumEventCount, position < key.to else { return false }
                if item.span == 0 {
                    guard offset == value.count, isBytes || (item.gap == 0 && count == 1),
                        let from = advanced(position, by: item.gap), from < key.to
                    else { return false }
                    each(item, from, key.to)
                    position = key.to
                } else {
                    guard isBytes, let from = advanced(position, by: item.gap),
                        let to = advanced(from, by: item.span), to <= key.to
                    else { return false }
                    each(item, from, to)
                    position = to
                }
            }
        }
    }

    private static func advanced(_ position: Position, by count: UInt64) -> Position? {
        guard count > 0 else { return position }
        let (sum, overflow) = position.major.addingReportingOverflow(count)
        return overflow ? nil : Position(sum)
    }
}

private let lineFeed = UInt8(ascii: "\n")
