public import Event
internal import Transport

/// Decodes one record as a lane does and looks at what came out: for fuzzing.
public enum PackTrial {
    /// What the decoder broke of its promises, or nil.
    public static func fault(key: ByteView, value: ByteView) -> String? {
        var batch = EventBatch(byteCapacity: 4_096)
        var keys = KeyCache()
        let keyBytes = unsafe UnsafeRawBufferPointer(start: key.start, count: key.count)
        let record = unsafe RecordView(
            topic: "t", partition: 0, offset: 7, timestamp: -1, key: keyBytes,
            value: UnsafeRawBufferPointer(start: value.start, count: value.count))
        // Twice: the second time the key's head is known.
        for round in 0..<2 {
            let decoded = unsafe PackDecoder.decode(record, partition: 0, keys: &keys, into: &batch)
            guard decoded.pack == Int32(round), decoded.valueByteCount == value.count,
                decoded.events.upperBound == batch.events.count
            else { return "the pack is not the last one" }
            let known = batch.packs[round].key
            let isOurs = unsafe PackKey(parsing: keyBytes)
            if known != nil, known != isOurs { return "the key is read in two ways" }
            if let fault = fault(decoded, known, Array(batch.events[decoded.events])) { return fault }
        }
        return nil
    }

    private static func fault(_ decoded: DecodedPack, _ key: PackKey?, _ events: [EventReference]) -> String? {
        var position = key?.from
        for event in events {
            guard event.start >= decoded.valueStart, event.byteCount >= 0,
                event.start + event.byteCount <= decoded.valueStart + decoded.valueByteCount
            else { return "an event lies outside of its value" }
            guard event.from < event.to else { return "an event covers nothing" }
            guard case .events = decoded.content else { continue }
            if let last = position, event.from < last { return "events are out of order" }
            position = event.to
        }
        guard case .events = decoded.content, let key else { return nil }
        return position == key.to && !events.isEmpty ? nil : "events do not fill the key's range"
    }
}
