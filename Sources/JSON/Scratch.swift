public import Event

/// Bytes under construction: unescaped values, rendered documents. Reused; grows, never shrinks. A view stays valid
/// until the next change, or until the next `removeAll` as long as no more is appended than was reserved there.
// Safety: `memory` has `capacity` bytes, of which `count` are written; it is freed in deinit.
@safe public final class Scratch {
    @usableFromInline var memory: UnsafeMutablePointer<UInt8>
    @usableFromInline var capacity: Int
    @usableFromInline var used = 0

    public init(capacity: Int = 4_096) {
        self.capacity = capacity
        unsafe memory = .allocate(capacity: capacity)
        unsafe memory.initialize(repeating: 0, count: capacity)
    }

    deinit { unsafe memory.deallocate() }

    /// Bytes that were appended.
    public var count: Int { used }

    /// What was appended.
    public var view: ByteView { view(from: 0) }

    /// What was appended from `from` on.
    public func view(from: Int) -> ByteView {
        precondition(from >= 0 && from <= used, "view outside scratch")
        return unsafe ByteView(start: UnsafePointer(memory + from), count: used - from)
    }

    /// Forgets the content and makes room for what will be appended; keeps memory.
    public func removeAll(reserving byteCount: Int = 0) {
        used = 0
        if byteCount > capacity { grow(to: byteCount) }
    }

    /// Forgets what stands behind so many bytes.
    public func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= used, "truncation outside scratch")
        used = byteCount
    }

    @inlinable
    public func append(_ byte: UInt8) {
        if used == capacity { grow(to: used + 1) }
        unsafe memory[used] = byte
        used &+= 1
    }

    public func append(_ view: ByteView) {
        guard view.count > 0 else { return }
        if used + view.count > capacity { grow(to: used + view.count) }
        unsafe (memory + used).update(from: view.start, count: view.count)
        used &+= view.count
    }

    public func append(_ text: StaticString) {
        unsafe append(ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    public func append(_ bytes: [UInt8]) { for byte in bytes { append(byte) } }

    /// A decimal number, filled up with zeros to a width of at most 20 digits.
    public func append(decimal value: UInt64, width: Int = 1) {
        precondition(width <= 20, "no number has so many digits")
        var divisor: UInt64 = 1
        var digitCount = 1
        while digitCount < 20, value / divisor >= 10 || digitCount < width {
            divisor *= 10
            digitCount += 1
        }
        while divisor > 0 {
            append(48 &+ UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    /// A number that is not negative, in at least `width` digits.
    public func append(digits value: Int64, width: Int) { append(decimal: value.magnitude, width: width) }

    public func append(integer value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        append(decimal: value.magnitude)
    }

    /// Room for `size` more bytes, written by a C library; `write` answers how many it wrote.
    @unsafe
    public func append(size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        if used + size > capacity { grow(to: used + size) }
        let written = unsafe write(memory + used)
        precondition(written >= 0 && written <= size, "more bytes than there was room for")
        used += written
    }

    @usableFromInline
    func grow(to needed: Int) {
        let grown = max(needed, capacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        unsafe fresh.initialize(repeating: 0, count: grown)
        unsafe fresh.update(from: memory, count: used)
        unsafe memory.deallocate()
        unsafe memory = fresh
        capacity = grown
    }
}
