internal import Columns
internal import Event

// Values of one step into the page under construction. `rows` are the rows that have values.
extension ColumnEncoder {
    @unsafe
    func takeWords(_ source: UnsafePointer<Int64>, _ rows: UnsafePointer<Int32>, _ count: Int) {
        if leaf.physical == .double {
            unsafe doubles.take(source, rows: rows, count: count)
        } else {
            unsafe words.take(source, rows: rows, count: count)
        }
        rawByteCount += count * max(leaf.width, 1)
        if usesDictionary, let wordDictionary {
            let target = unsafe UnsafeMutableRawPointer(numbers.reserve(4 * count)).assumingMemoryBound(to: UInt32.self)
            unsafe wordDictionary.lookUp(source, rows: rows, count: count, into: target)
            numbers.advance(4 * count)
            return
        }
        let target = unsafe UnsafeMutableRawPointer(values.reserve(8 * count)).assumingMemoryBound(to: Int64.self)
        for index in 0..<count { unsafe target[index] = source[Int(rows[index])] }
        values.advance(8 * count)
    }

    /// Decimals of up to 18 digits: the low one of their two words says all.
    @unsafe
    func takeNarrowDecimals(
        _ source: UnsafePointer<Int64>, _ rows: UnsafePointer<Int32>, _ count: Int, _ scratch: EncoderScratch
    ) {
        let words = unsafe UnsafeMutableRawPointer(scratch.wide).assumingMemoryBound(to: Int64.self)
        for index in 0..<count { unsafe words[index] = source[2 * Int(rows[index])] }
        for index in 0..<count { unsafe scratch.rows[index] = Int32(truncatingIfNeeded: index) }
        unsafe takeWords(UnsafePointer(words), UnsafePointer(scratch.rows), count)
    }

    @unsafe
    func takeBytes(
        _ offsets: UnsafePointer<Int64>, _ bytes: UnsafePointer<UInt8>, _ rows: UnsafePointer<Int32>, _ count: Int
    ) {
        let target = unsafe UnsafeMutableRawPointer(numbers.reserve(4 * count)).assumingMemoryBound(to: UInt32.self)
        if usesDictionary, let byteDictionary {
            let page = UInt32(record.pages.count + 1)
            let total = unsafe byteDictionary.lookUp(
                offsets, bytes, rows: rows, count: count, page: page, into: target, bounds: &texts)
            rawByteCount += total + 4 * count
            numbers.advance(4 * count)
            return
        }
        // The bytes of neighbours lie together: one copy for a run of rows without a gap between them.
        var index = 0
        while index < count {
            let first = unsafe Int(rows[index])
            var last = first
            repeat {
                let from = unsafe Int(offsets[last])
                let length = unsafe Int(offsets[last &+ 1]) &- from
                unsafe target[index] = UInt32(truncatingIfNeeded: length)
                unsafe texts.take(bytes + from, length)
                last &+= 1
                index &+= 1
            } while unsafe index < count && Int(rows[index]) == last
            let from = unsafe Int(offsets[first])
            let to = unsafe Int(offsets[last])
            unsafe values.append(UnsafeRawBufferPointer(start: bytes + from, count: to - from))
            rawByteCount += to - from
        }
        rawByteCount += 4 * count
        numbers.advance(4 * count)
    }

    /// Values of a fixed number of bytes: decimals beyond 18 digits, and INT96.
    @unsafe
    func takeFixed(
        _ source: UnsafePointer<Int64>, _ rows: UnsafePointer<Int32>, _ count: Int, _ scratch: EncoderScratch
    ) {
        rawByteCount += count * leaf.width
        let width = leaf.width
        let target = unsafe UnsafeMutableRawPointer(numbers.reserve(4 * count)).assumingMemoryBound(to: UInt32.self)
        unsafe withUnsafeTemporaryAllocation(byteCount: 32, alignment: 16) { buffer in
            guard let start = buffer.baseAddress else { return }
            let text = unsafe start.assumingMemoryBound(to: UInt8.self)
            for index in 0..<count {
                let row = unsafe Int(rows[index])
                if leaf.physical == .int96 {
                    unsafe Self.writeInt96(source[row], start)
                } else {
                    let value = unsafe Int128(source[2 * row + 1]) << 64
                        | Int128(UInt64(bitPattern: source[2 * row]))
                    wides.take(value)
                    // Big-endian, the last `width` of 16 bytes.
                    unsafe start.storeBytes(of: (value << Int128(8 * (16 - width))).bigEndian, as: Int128.self)
                }
                if usesDictionary, let byteDictionary {
                    unsafe target[index] = byteDictionary.number(of: text, width)
                } else {
                    unsafe values.append(UnsafeRawBufferPointer(start: start, count: width))
                }
            }
        }
        if usesDictionary { numbers.advance(4 * count) }
    }

    /// Nanoseconds of the day, then the Julian day number. Source: parquet.thrift (INT96), Hive's NanoTime.
    @unsafe
    private static func writeInt96(_ microseconds: Int64, _ target: UnsafeMutableRawPointer) {
        let dayLength: Int64 = 86_400_000_000
        var (day, rest) = microseconds.quotientAndRemainder(dividingBy: dayLength)
        if rest < 0 {
            rest += dayLength
            day -= 1
        }
        unsafe target.storeBytes(of: rest * 1_000, as: Int64.self)
        unsafe target.storeBytes(of: Int32(truncatingIfNeeded: day + 2_440_588), toByteOffset: 8, as: Int32.self)
    }
}
