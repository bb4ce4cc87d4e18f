/// The hybrid of run lengths and bit packing: levels and dictionary indices.
///
/// Source: parquet-format Encodings.md, "RLE/Bit-Packing Hybrid". Runs begin where a group of eight would.
enum HybridEncoding {
    /// Bits that hold 0...maximum.
    static func bitWidth(maximum: Int) -> Int { maximum <= 0 ? 0 : Int.bitWidth - maximum.leadingZeroBitCount }

    /// Appends definition levels, one byte 0 or 1 each, as bits. Returns nothing: the caller measures.
    static func append(levels: UnsafePointer<UInt8>, count: Int, to output: inout ByteBuffer) {
        var from = 0
        while from < count {
            let value = unsafe levels[from]
            let run = unsafe runLength(levels, from, count, value)
            // A run of 32 costs two bytes, packed it would be four.
            if run >= 32 || run == count - from {
                output.append(varint: UInt64(run) << 1)
                output.append(value)
                from += run
                continue
            }
            // Packed groups up to where a long run begins at a group's edge.
            var to = from
            while to < count {
                let length = unsafe runLength(levels, to, min(count, to + 32), levels[to])
                if length >= 32 { break }
                to = min(count, to + 8)
            }
            let groupCount = (to - from + 7) / 8
            output.append(varint: UInt64(groupCount) << 1 | 1)
            let target = unsafe output.reserve(groupCount)
            for group in 0..<groupCount {
                var bits: UInt8 = 0
                let first = from + 8 * group
                for place in 0..<min(8, to - first) { bits |= unsafe levels[first + place] << UInt8(place) }
                unsafe target[group] = bits
            }
            output.advance(groupCount)
            from = to
        }
    }

    private static func runLength(_ levels: UnsafePointer<UInt8>, _ from: Int, _ to: Int, _ value: UInt8) -> Int {
        let pattern = UInt64(value) &* 0x0101_0101_0101_0101
        var index = from
        while index &+ 8 <= to {
            guard unsafe UnsafeRawPointer(levels + index).loadUnaligned(as: UInt64.self) == pattern else { break }
            index &+= 8
        }
        while index < to, unsafe levels[index] == value { index &+= 1 }
        return index - from
    }

    /// Appends dictionary indices of a bit width above 0.
    static func append(
        indices: UnsafePointer<UInt32>, count: Int, bitWidth: Int, to output: inout ByteBuffer
    ) {
        // Eight packed values are `bitWidth` bytes; a run is 1 to 3 bytes and what the value takes.
        let shortestRun = bitWidth <= 2 ? 24 : (bitWidth <= 4 ? 16 : 8)
        var from = 0
        while from < count {
            let value = unsafe indices[from]
            var run = from + 1
            while run < count, unsafe indices[run] == value { run &+= 1 }
            if run - from >= shortestRun || run == count && run - from > 1 {
                output.append(varint: UInt64(run - from) << 1)
                for byte in 0..<(bitWidth + 7) / 8 {
                    output.append(UInt8(truncatingIfNeeded: value >> UInt32(8 * byte)))
                }
                from = run
                continue
            }
            var to = min(count, from + 8)
            while to < count, unsafe !isRun(indices, to, count, shortestRun) { to = min(count, to + 8) }
            unsafe append(packed: indices + from, count: to - from, bitWidth: bitWidth, to: &output)
            from = to
        }
    }

    private static func isRun(_ indices: UnsafePointer<UInt32>, _ from: Int, _ count: Int, _ length: Int) -> Bool {
        guard from + length <= count else { return false }
        let value = unsafe indices[from]
        var index = from + 1
        while index < from + length {
            if unsafe indices[index] != value { return false }
            index &+= 1
        }
        return true
    }

    /// One bit-packed run: whole groups of eight, the last one filled up with zeros.
    private static func append(
        packed indices: UnsafePointer<UInt32>, count: Int, bitWidth: Int, to output: inout ByteBuffer
    ) {
        let groupCount = (count + 7) / 8
        output.append(varint: UInt64(groupCount) << 1 | 1)
        let byteCount = groupCount * bitWidth
        let target = unsafe UnsafeMutableRawPointer(output.reserve(byteCount))
        let width = UInt64(bitWidth)
        var bits: UInt64 = 0
        var bitCount: UInt64 = 0
        var at = 0
        var index = 0
        while index < count {
            bits |= UInt64(unsafe indices[index]) << bitCount
            bitCount &+= width
            if bitCount >= 32 {
                unsafe target.storeBytes(of: UInt32(truncatingIfNeeded: bits), toByteOffset: at, as: UInt32.self)
                at &+= 4
                bits >>= 32
                bitCount &-= 32
            }
            index &+= 1
        }
        while at < byteCount {
            unsafe target.storeBytes(of: UInt8(truncatingIfNeeded: bits), toByteOffset: at, as: UInt8.self)
            bits >>= 8
            at &+= 1
        }
        output.advance(byteCount)
    }
}
