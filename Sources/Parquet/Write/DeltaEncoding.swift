/// DELTA_BINARY_PACKED: differences to the value before, packed with as few bits as a miniblock needs.
///
/// Source: parquet-format Encodings.md. Blocks of 128 values in four miniblocks, as all writers make them.
enum DeltaEncoding {
    static let blockCount = 128
    static let miniblockCount = 32

    /// Appends numbers. With `is32` all are of 32 bits and differences wrap there, as readers expect.
    static func append(_ values: UnsafePointer<Int64>, count: Int, is32: Bool, to output: inout ByteBuffer) {
        output.append(varint: UInt64(blockCount))
        output.append(varint: UInt64(blockCount / miniblockCount))
        output.append(varint: UInt64(count))
        output.append(zigzag: count > 0 ? unsafe values[0] : 0)
        guard count > 1 else { return }
        unsafe withUnsafeTemporaryAllocation(of: UInt64.self, capacity: blockCount) { deltas in
            guard let base = deltas.baseAddress else { return }
            unsafe base.initialize(repeating: 0, count: blockCount)
            var from = 1
            while from < count {
                let length = min(blockCount, count - from)
                unsafe appendBlock(values + from, length, is32: is32, base, to: &output)
                from += length
            }
        }
    }

    private static func appendBlock(
        _ values: UnsafePointer<Int64>, _ count: Int, is32: Bool, _ deltas: UnsafeMutablePointer<UInt64>,
        to output: inout ByteBuffer
    ) {
        var least = Int64.max
        for index in 0..<count {
            var delta = unsafe values[index] &- values[index - 1]
            if is32 { delta = Int64(Int32(truncatingIfNeeded: delta)) }
            unsafe deltas[index] = UInt64(bitPattern: delta)
            least = min(least, delta)
        }
        output.append(zigzag: least)
        let mask: UInt64 = is32 ? 0xFFFF_FFFF : .max
        for index in 0..<count { unsafe deltas[index] = (deltas[index] &- UInt64(bitPattern: least)) & mask }
        for index in count..<blockCount { unsafe deltas[index] = 0 }
        var widths: UInt32 = 0
        for miniblock in 0..<4 {
            let first = miniblock * miniblockCount
            var all: UInt64 = 0
            for index in first..<first + miniblockCount { all |= unsafe deltas[index] }
            widths |= UInt32(64 - all.leadingZeroBitCount) << UInt32(8 * miniblock)
        }
        output.append(littleEndian: widths)
        for miniblock in 0..<4 where miniblock * miniblockCount < count {
            let width = Int(widths >> UInt32(8 * miniblock) & 0xFF)
            unsafe appendMiniblock(deltas + miniblock * miniblockCount, width, to: &output)
        }
    }

    /// Packs 32 values into `4 * width` bytes.
    private static func appendMiniblock(
        _ values: UnsafePointer<UInt64>, _ width: Int, to output: inout ByteBuffer
    ) {
        guard width > 0 else { return }
        let byteCount = 4 * width
        let target = unsafe UnsafeMutableRawPointer(output.reserve(byteCount + 16))
        unsafe target.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount + 16)
        var place = 0
        for index in 0..<miniblockCount {
            let at = place >> 3
            let shift = UInt64(place & 7)
            let value = unsafe values[index]
            let word = unsafe target.loadUnaligned(fromByteOffset: at, as: UInt64.self) | value << shift
            unsafe target.storeBytes(of: word, toByteOffset: at, as: UInt64.self)
            if Int(shift) + width > 64 {
                let rest = UInt8(truncatingIfNeeded: value >> (64 - shift))
                unsafe target.storeBytes(of: rest, toByteOffset: at + 8, as: UInt8.self)
            }
            place += width
        }
        output.advance(byteCount)
    }
}
