internal import Event

/// A look at a page's bytes. Eight bytes behind the end may be read, and are never used.
// Safety: made from a ByteBuffer, whose slack is longer; valid until the buffer changes.
@safe struct PageBytes {
    private let start: UnsafePointer<UInt8>
    let count: Int

    static var empty: PageBytes {
        unsafe PageBytes(start: ByteView.empty.start, count: 0)
    }

    /// The bytes `[from, to)` of a buffer.
    init(_ buffer: borrowing ByteBuffer, _ from: Int, _ to: Int) {
        precondition(from >= 0 && from <= to && to <= buffer.count, "bytes outside of the page")
        unsafe start = UnsafePointer(buffer.start) + from
        count = to - from
    }

    private init(start: UnsafePointer<UInt8>, count: Int) {
        unsafe self.start = start
        self.count = count
    }

    /// Eight bytes from an index up to the end, little-endian; what lies behind the end is anything.
    @inline(__always)
    func word(_ at: Int) -> UInt64 {
        precondition(at >= 0 && at <= count, "word outside of the page")
        return unsafe UInt64(littleEndian: UnsafeRawPointer(start + at).loadUnaligned(as: UInt64.self))
    }

    subscript(_ at: Int) -> UInt8 {
        precondition(at >= 0 && at < count, "byte outside of the page")
        return unsafe start[at]
    }

    func view(_ from: Int, _ to: Int) -> ByteView {
        precondition(from >= 0 && from <= to && to <= count, "bytes outside of the page")
        return unsafe ByteView(start: start + from, count: to - from)
    }

    /// The bytes `[from, to)`.
    func part(_ from: Int, _ to: Int) -> PageBytes {
        precondition(from >= 0 && from <= to && to <= count, "bytes outside of the page")
        return unsafe PageBytes(start: start + from, count: to - from)
    }

    /// Bits `[at, at + width)`, all of which are inside; width up to 64.
    @inline(__always)
    func bits(_ at: Int, _ width: Int) -> UInt64 {
        let byte = at >> 3
        let shift = UInt64(at & 7)
        var value = word(byte) >> shift
        if Int(shift) + width > 64 { value |= UInt64(self[byte + 8]) << (64 - shift) }
        return width == 64 ? value : value & (1 << UInt64(width) - 1)
    }

    /// An unsigned LEB128; nil if it is not whole or too long.
    func varint(_ at: inout Int) -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while at < count, shift < 64 {
            let byte = self[at]
            at += 1
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
