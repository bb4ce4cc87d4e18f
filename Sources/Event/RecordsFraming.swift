/// The `records` framing of a pack's value (docs/formats/pack.md): for events that are not plain lines.
/// A sequence, without padding or count, of
///
///     gap    varint   what was left out on purpose since the event before, in positions
///     span   varint   how much of the stream the event covers; 0 in the last event: up to the pack's `to`
///     length varint   bytes that follow
///     bytes
///
/// A varint is unsigned LEB128: seven bits a byte, lowest first, at most 10 bytes, no needless zero
/// byte at its end. Gaps and spans count the major part of a position (bytes of a file); a pack whose
/// `from` or `to` has a row index holds exactly one event, written with gap 0 and span 0.
public enum RecordsFraming {
    /// Bytes that a varint takes at most: 64 bits in groups of seven.
    public static let maximumVarintByteCount = 10

    /// One event as framed.
    public struct Item: Hashable, Sendable {
        public var gap: UInt64
        public var span: UInt64
        /// Where its bytes begin in the value.
        public var start: Int
        public var byteCount: Int
    }

    /// What a step of reading found.
    public enum Step: Hashable, Sendable {
        case item(Item)
        /// The value is used up.
        case end
        /// The rest is not of this framing.
        case malformed
    }

    /// Reads the next event at `offset` and moves it behind. Never reads outside `bytes`.
    public static func next(in bytes: UnsafeRawBufferPointer, offset: inout Int) -> Step {
        guard offset >= 0, offset < bytes.count else { return .end }
        guard let gap = unsafe varint(in: bytes, offset: &offset),
            let span = unsafe varint(in: bytes, offset: &offset),
            let length = unsafe varint(in: bytes, offset: &offset),
            length <= UInt64(bytes.count - offset)
        else { return .malformed }
        let item = Item(gap: gap, span: span, start: offset, byteCount: Int(length))
        offset += item.byteCount
        return .item(item)
    }

    /// Appends one event.
    public static func append(gap: UInt64, span: UInt64, _ content: some Collection<UInt8>, to bytes: inout [UInt8]) {
        appendVarint(gap, to: &bytes)
        appendVarint(span, to: &bytes)
        appendVarint(UInt64(content.count), to: &bytes)
        bytes.append(contentsOf: content)
    }

    static func appendVarint(_ value: UInt64, to bytes: inout [UInt8]) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Nil at the end of the bytes, on more than 64 bits, and on a needless last zero.
    private static func varint(in bytes: UnsafeRawBufferPointer, offset: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while offset < bytes.count, shift < 70 {
            let byte = unsafe bytes[offset]
            offset += 1
            // Why: the tenth byte holds the one bit that is left of 64.
            if shift == 63, byte > 1 { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return byte == 0 && shift > 0 ? nil : value }
            shift += 7
        }
        return nil
    }
}
