internal import Event
internal import JSON

/// The values of control records (docs/formats/pack.md): JSON objects; what is not understood is left
/// out, because a later agent may say more.
enum ControlValue {
    /// Longest control value looked at: a path and a reason.
    static let maximumByteCount = 65_536

    /// `{"path": "...", "first": 0, "continues": "<stream>", "reason": "..."}`
    static func announcement(
        _ decoded: DecodedPack, _ batch: borrowing EventBatch, _ key: PackKey
    ) -> Announcement {
        let value = parse(decoded, batch)
        return Announcement(
            path: value?["path"]?.string, first: position(value?["first"]) ?? key.from,
            continues: value?["continues"]?.string.flatMap { StreamID($0) }, reason: value?["reason"]?.string)
    }

    /// `{"time": 1795000000000, "partitions": [0, 1]}`: the time, milliseconds.
    static func watermark(_ decoded: DecodedPack, _ batch: borrowing EventBatch) -> Int64? {
        parse(decoded, batch)?["time"]?.integer
    }

    private static func position(_ value: JSONValue?) -> Position? {
        if let number = value?.unsigned { return Position(number) }
        return value?.string.flatMap { Position($0) }
    }

    private static func parse(_ decoded: DecodedPack, _ batch: borrowing EventBatch) -> JSONValue? {
        guard decoded.valueByteCount > 0, decoded.valueByteCount <= maximumByteCount else { return nil }
        let bytes = batch.bytes(
            of: EventReference(
                start: decoded.valueStart, byteCount: decoded.valueByteCount, from: .zero, to: .zero, pack: decoded.pack))
        return JSONValue(parsing: bytes)
    }
}
