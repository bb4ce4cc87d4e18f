internal import CLinux
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

    /// The offset of the last `byte`, by memrchr(3).
    public static func last(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress, let found = unsafe millrace_memrchr(base, Int32(byte), bytes.count)
        else { return nil }
        return unsafe UnsafeRawPointer(found) - base
    }

    /// How many bytes equal `byte`.
    public static func count(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int {
        // Safety: the callee reads bytes.count bytes. Why C: Swift's SIMD types cost 20 times as much here.
        unsafe millrace_count(bytes.baseAddress, byte, bytes.count)
    }

    /// How many NUL bytes stand at the start.
    public static func leadingZeros(in bytes: UnsafeRawBufferPointer) -> Int {
        var offset = 0
        while offset + 8 <= bytes.count, unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 {
            offset += 8
        }
        while offset < bytes.count, unsafe bytes[offset] == 0 { offset += 1 }
        return offset
    }
}
