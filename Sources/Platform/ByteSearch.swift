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

    /// How many bytes equal `byte`: 64 at a time.
    public static func count(_ byte: UInt8, in bytes: UnsafeRawBufferPointer) -> Int {
        let wanted = SIMD64<UInt8>(repeating: byte)
        let ones = SIMD64<UInt8>(repeating: 1)
        let zeros = SIMD64<UInt8>(repeating: 0)
        var total = 0
        var offset = 0
        while offset + 64 <= bytes.count {
            // Why: a lane of eight bits holds 255 hits at most.
            var sums = zeros
            let end = offset + min(255, (bytes.count - offset) / 64) * 64
            while offset < end {
                // Safety: offset + 64 <= bytes.count.
                let lanes = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: SIMD64<UInt8>.self)
                sums &+= zeros.replacing(with: ones, where: lanes .== wanted)
                offset += 64
            }
            let low = SIMD32<UInt16>(truncatingIfNeeded: sums.evenHalf)
                &+ SIMD32<UInt16>(truncatingIfNeeded: sums.oddHalf)
            total += Int(low.wrappedSum())
        }
        while offset < bytes.count {
            if unsafe bytes[offset] == byte { total += 1 }
            offset += 1
        }
        return total
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
