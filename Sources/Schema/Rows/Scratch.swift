internal import Event

/// Bytes under construction: lends them as a view. Reused; grows, never shrinks.
// Safety: memory belongs to this object; views are valid until the next change.
@safe final class Scratch {
    private var bytes: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var count = 0

    init(capacity: Int = 4_096) {
        self.capacity = capacity
        unsafe bytes = .allocate(capacity: capacity)
    }

    deinit { unsafe bytes.deallocate() }

    var view: ByteView { unsafe ByteView(start: UnsafePointer(bytes), count: count) }

    func removeAll() { count = 0 }

    func append(_ byte: UInt8) {
        if count == capacity { grow(to: count + 1) }
        unsafe bytes[count] = byte
        count &+= 1
    }

    func append(_ view: ByteView) {
        guard view.count > 0 else { return }
        if count + view.count > capacity { grow(to: count + view.count) }
        unsafe (bytes + count).update(from: view.start, count: view.count)
        count &+= view.count
    }

    func append(_ text: StaticString) {
        append(unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    func append(_ text: [UInt8]) { for byte in text { append(byte) } }

    /// A number with at least that many digits.
    func append(digits value: Int64, width: Int) {
        var limit: Int64 = 1
        var digitCount = 1
        while digitCount < 18, value / limit >= 10 || digitCount < width {
            limit *= 10
            digitCount += 1
        }
        var rest = value
        while limit > 0 {
            append(48 + UInt8(truncatingIfNeeded: rest / limit))
            rest %= limit
            limit /= 10
        }
    }

    func append(integer value: Int64) {
        if value < 0 { append(UInt8(ascii: "-")) }
        var rest = value.magnitude
        var limit: UInt64 = 1
        while rest / limit >= 10 { limit *= 10 }
        while limit > 0 {
            append(48 + UInt8(truncatingIfNeeded: rest / limit))
            rest %= limit
            limit /= 10
        }
    }

    /// Room for `size` more bytes, written by a C library.
    func append(size: Int, _ write: (UnsafeMutablePointer<UInt8>) -> Int) {
        if count + size > capacity { grow(to: count + size) }
        let written = unsafe write(bytes + count)
        precondition(written >= 0 && written <= size, "more bytes than there was room for")
        count += written
    }

    private func grow(to needed: Int) {
        let grown = max(needed, capacity * 2)
        let fresh = UnsafeMutablePointer<UInt8>.allocate(capacity: grown)
        unsafe fresh.update(from: bytes, count: count)
        unsafe bytes.deallocate()
        unsafe bytes = fresh
        capacity = grown
    }
}
