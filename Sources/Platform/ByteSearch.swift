internal import Glibc

/// Looking for bytes in memory with the C library's vectorised search.
public enum ByteSearch {
    /// The index of the first `byte` at or behind `start`, or nil. Source: memchr(3).
    public static func firstIndex(of byte: UInt8, in bytes: UnsafeRawBufferPointer, from start: Int = 0) -> Int? {
        guard start >= 0, start < bytes.count, let base = bytes.baseAddress else { return nil }
        // Safety: start < count, so the searched range lies within the buffer.
        guard let found = unsafe memchr(base + start, Int32(byte), bytes.count - start) else { return nil }
        return unsafe found - UnsafeMutableRawPointer(mutating: base)
    }

    /// Whether two stretches of memory of the same length are equal. Source: memcmp(3).
    public static func equal(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
        guard left.count == right.count else { return false }
        guard let first = left.baseAddress, let second = right.baseAddress else { return true }
        return unsafe memcmp(first, second, left.count) == 0
    }
}
