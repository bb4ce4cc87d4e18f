internal import Event

/// Bytes that a parser made: unescaped values, rendered documents. Views stay valid until the next
/// `removeAll` as long as no more is appended than was reserved.
// Safety: `memory` has `capacity` bytes, of which `count` are written; it is freed in deinit.
@safe final class Scratch {
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4_096) {
        self.capacity = capacity
        unsafe memory = .allocate(capacity: capacity)
        unsafe memory.initialize(repeating: 0, count: capacity)
    }

    deinit { unsafe memory.deallocate() }

    /// Forgets the content and makes room for what will be appended; keeps memory.
    func removeAll(reserving byteCount: Int = 0) {
        count = 0
        if byteCount > capacity { grow(to: byteCount) }
    }

    func truncate(to byteCount: Int) {
        precondition(byteCount >= 0 && byteCount <= count, "truncation outside scratch")
        count = byteCount
    }

    func append(_ byte: UInt8) {
        if count == capacity { grow(to: count + 1) }
        unsafe memory[count] = byte
        count += 1
    }

    func append(_ view: ByteView) {
        if count + view.count > capacity { grow(to: count + view.count) }
        unsafe (memory + count).update(from: view.start, count: view.count)
        count += view.count
    }

    func append(_ text: StaticString) {
        unsafe append(ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Appends a decimal number.
    func append(decimal value: UInt64) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            append(48 &+ UInt8(truncatingIfNeeded: value / divisor % 10))
            divisor /= 10
        }
    }

    /// Appends a code point as UTF-8; the caller has ruled out surrogates.
    func append(codePoint: UInt32) {
        switch codePoint {
        case ..<0x80: append(UInt8(truncatingIfNeeded: codePoint))
        case ..<0x800:
            append(0xC0 | UInt8(truncatingIfNeeded: codePoint >> 6))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        case ..<0x10000:
            append(0xE0 | UInt8(truncatingIfNeeded: codePoint >> 12))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 6 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        default:
            append(0xF0 | UInt8(truncatingIfNeeded: codePoint >> 18 & 0x07))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 12 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint >> 6 & 0x3F))
            append(0x80 | UInt8(truncatingIfNeeded: codePoint & 0x3F))
        }
    }

    /// What was appended from `from` on.
    func view(from: Int) -> ByteView {
        precondition(from >= 0 && from <= count, "view outside scratch")
        return unsafe ByteView(start: UnsafePointer(memory + from), count: count - from)
    }

    private func grow(to needed: Int) {
        let grown = max(needed, capacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        unsafe fresh.initialize(repeating: 0, count: grown)
        unsafe fresh.update(from: memory, count: count)
        unsafe memory.deallocate()
        unsafe memory = fresh
        capacity = grown
    }
}
