/// A look at bytes that somebody else owns: a field of an event, a value of a column.
///
/// Valid until the owner changes or goes (the batch it was lent from, the next `process`); copy to keep.
/// All access is checked against `count`. Trivial: no reference counting on the hot path.
// Safety: the pointer is only read inside [0, count); whoever makes a view vouches for that range.
@safe public struct ByteView {
    @usableFromInline let base: UnsafePointer<UInt8>
    public let count: Int

    /// A view of a buffer; an empty one may have no base address.
    @inlinable
    public init(_ buffer: UnsafeRawBufferPointer) {
        if let address = buffer.baseAddress {
            unsafe base = address.assumingMemoryBound(to: UInt8.self)
        } else {
            unsafe base = emptyBytes
        }
        count = buffer.count
    }

    @inlinable
    public init(start: UnsafePointer<UInt8>, count: Int) {
        unsafe base = start
        self.count = count
    }

    /// A view of nothing.
    @inlinable
    public static var empty: ByteView { unsafe ByteView(start: emptyBytes, count: 0) }

    @inlinable
    public var isEmpty: Bool { count == 0 }

    @inlinable
    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "byte outside view")
        return unsafe base[index]
    }

    /// The bytes `[from, to)`.
    @inlinable
    public func slice(_ from: Int, _ to: Int) -> ByteView {
        precondition(from >= 0 && from <= to && to <= count, "slice outside view")
        return unsafe ByteView(start: base + from, count: to - from)
    }

    /// Eight bytes from `index`, little-endian.
    @inlinable
    public func word(at index: Int) -> UInt64 {
        precondition(index >= 0 && index <= count - 8, "word outside view")
        return unsafe UInt64(
            littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
    }

    /// The first index at or behind `start` that holds `byte`; `count` if none does.
    @inlinable
    public func firstIndex(of byte: UInt8, from start: Int) -> Int {
        precondition(start >= 0 && start <= count, "search outside view")
        let pattern = UInt64(byte) &* 0x0101_0101_0101_0101
        var index = start
        while index &+ 8 <= count {
            let found = ByteView.zeroBytes(unsafe loaded(index) ^ pattern)
            if found != 0 { return index &+ found.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < count {
            if unsafe base[index] == byte { return index }
            index &+= 1
        }
        return count
    }

    /// The first index at or behind `start` that holds either byte; `count` if none does.
    @inlinable
    public func firstIndex(of first: UInt8, or second: UInt8, from start: Int) -> Int {
        precondition(start >= 0 && start <= count, "search outside view")
        let firstPattern = UInt64(first) &* 0x0101_0101_0101_0101
        let secondPattern = UInt64(second) &* 0x0101_0101_0101_0101
        var index = start
        while index &+ 8 <= count {
            let word = unsafe loaded(index)
            let found = ByteView.zeroBytes(word ^ firstPattern) | ByteView.zeroBytes(word ^ secondPattern)
            if found != 0 { return index &+ found.trailingZeroBitCount >> 3 }
            index &+= 8
        }
        while index < count {
            let byte = unsafe base[index]
            if byte == first || byte == second { return index }
            index &+= 1
        }
        return count
    }

    /// Byte-wise equality.
    @inlinable
    public func equals(_ other: ByteView) -> Bool {
        guard count == other.count else { return false }
        var index = 0
        while index &+ 8 <= count {
            if unsafe loaded(index) != other.loaded(index) { return false }
            index &+= 8
        }
        while index < count {
            if unsafe base[index] != other.base[index] { return false }
            index &+= 1
        }
        return true
    }

    /// Equality with a constant; no allocation.
    @inlinable
    public func equals(_ text: StaticString) -> Bool {
        unsafe equals(ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A copy.
    public var array: [UInt8] { unsafe Array(UnsafeBufferPointer(start: base, count: count)) }

    /// A copy as text, bad sequences replaced: for messages and tests.
    public var text: String { unsafe String(decoding: UnsafeBufferPointer(start: base, count: count), as: UTF8.self) }

    /// The pointer behind the view, for a C library; must not outlive the owner.
    @inlinable @unsafe
    public var start: UnsafePointer<UInt8> { unsafe base }

    @inlinable @unsafe
    func loaded(_ index: Int) -> UInt64 {
        unsafe UInt64(littleEndian: UnsafeRawPointer(base + index).loadUnaligned(as: UInt64.self))
    }

    /// The high bit of every byte that is zero; exact up to and including the lowest one.
    @inlinable
    static func zeroBytes(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}

// Safety: never written, never freed; lives as long as the process.
@usableFromInline
nonisolated(unsafe) let emptyBytes: UnsafePointer<UInt8> = {
    let bytes = UnsafeMutablePointer<UInt8>.allocate(capacity: 64)
    unsafe bytes.initialize(repeating: 0, count: 64)
    return unsafe UnsafePointer(bytes)
}()

extension EventBatch {
    /// Lends the slab as a view; it must not outlive the call.
    public borrowing func withBytes<Result: ~Copyable, E: Error>(
        _ body: (ByteView) throws(E) -> Result
    ) throws(E) -> Result {
        // Why: nested closures over a borrowed noncopyable value do not compile; the slab is lent directly.
        try unsafe withSlab { buffer throws(E) in try body(unsafe ByteView(buffer)) }
    }
}
