internal import Columns
internal import Event

// Encodings of pages without a dictionary. Source: parquet-format Encodings.md.
extension ColumnEncoder {
    /// Appends the values of a page without a dictionary.
    func encodeValues(_ scratch: EncoderScratch) throws(Failure) -> PageEncoding {
        leaf.physical == .byteArray ? try encodeByteStrings(scratch) : encodeFixed(&scratch.payload)
    }

    private func encodeFixed(_ output: inout ByteBuffer) -> PageEncoding {
        let count = valueCount
        switch leaf.physical {
        case .byteArray: return .plain
        case .fixed, .int96:
            unsafe output.append(values.bytes)
            return .plain
        case .boolean:
            let words = unsafe UnsafeRawPointer(values.start).assumingMemoryBound(to: Int64.self)
            let target = unsafe output.reserve((count + 7) / 8)
            unsafe target.update(repeating: 0, count: (count + 7) / 8)
            for index in 0..<count where unsafe words[index] != 0 { unsafe target[index >> 3] |= 1 << UInt8(index & 7) }
            output.advance((count + 7) / 8)
            return .plain
        case .int32, .int64, .double, .float:
            let words = unsafe UnsafeRawPointer(values.start).assumingMemoryBound(to: Int64.self)
            if options.usesDelta, leaf.physical != .double {
                let before = output.count
                unsafe DeltaEncoding.append(words, count: count, is32: leaf.physical == .int32, to: &output)
                // Why: packed bits compress no further, so they have to be clearly fewer.
                if (output.count - before) * 8 <= count * leaf.width * 7 { return .deltaBinaryPacked }
                output.truncate(to: before)
            }
            unsafe Self.append(words: words, count: count, width: leaf.width, to: &output)
            return .plain
        }
    }

    private func encodeByteStrings(_ scratch: EncoderScratch) throws(Failure) -> PageEncoding {
        guard options.usesDelta else {
            appendPlain(&scratch.payload)
            return .plain
        }
        let before = scratch.payload.count
        if prefersPrefixes == nil, valueCount > 1 { prefersPrefixes = try winsByPrefixes(before, scratch) }
        if prefersPrefixes == true {
            appendPrefixed(&scratch.payload)
            return .deltaByteArray
        }
        appendLengths(&scratch.payload)
        return .deltaLengthByteArray
    }

    /// Whether the chunk's first page becomes smaller by leaving out what a value shares with the one before it.
    private func winsByPrefixes(_ before: Int, _ scratch: EncoderScratch) throws(Failure) -> Bool {
        let probe = min(valueCount, 512)
        let shared = unsafe withPrefixes(count: probe) { prefixes, total in
            var shared = 0
            for index in 0..<probe { shared += unsafe Int(prefixes[index]) }
            return (shared: shared, total: total)
        }
        // Why: compression finds short repetitions by itself.
        guard shared.shared * 3 > shared.total else { return false }
        var byteCounts: [Int] = []
        for isPrefixed in [true, false] {
            if isPrefixed { appendPrefixed(&scratch.payload) } else { appendLengths(&scratch.payload) }
            scratch.compressed.removeAll()
            let values = unsafe UnsafeRawBufferPointer(rebasing: scratch.payload.bytes[before...])
            try unsafe scratch.compressor.compress(values, into: &scratch.compressed)
            byteCounts.append(scratch.compressed.count)
            scratch.payload.truncate(to: before)
        }
        return byteCounts[0] * 20 < byteCounts[1] * 19
    }

    @unsafe private var lengths: UnsafePointer<UInt32> {
        unsafe UnsafeRawPointer(numbers.start).assumingMemoryBound(to: UInt32.self)
    }

    /// Lends what each of the first values shares with the one before it, and the bytes of all of them.
    private func withPrefixes<Result>(count: Int, _ body: (UnsafePointer<Int64>, Int) -> Result) -> Result {
        unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: count + 1) { prefixes in
            // Safety: capacity is at least one, so there is an address; lengths add up to the bytes of `values`.
            let base = unsafe prefixes.baseAddress ?? UnsafeMutablePointer(bitPattern: 8).unsafelyUnwrapped
            var (previous, previousLength, at) = (0, 0, 0)
            for index in 0..<count {
                let length = unsafe Int(lengths[index])
                let limit = min(length, previousLength)
                var shared = 0
                while shared < limit, unsafe values.start[previous + shared] == values.start[at + shared] {
                    shared += 1
                }
                unsafe base[index] = Int64(shared)
                (previous, previousLength) = (at, length)
                at += length
            }
            return unsafe body(UnsafePointer(base), at)
        }
    }

    /// DELTA_BYTE_ARRAY: lengths shared with the value before, then the rests as DELTA_LENGTH_BYTE_ARRAY.
    private func appendPrefixed(_ output: inout ByteBuffer) {
        let count = valueCount
        unsafe withPrefixes(count: count) { prefixes, _ in
            unsafe DeltaEncoding.append(prefixes, count: count, is32: true, to: &output)
            unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: count) { rests in
                guard let base = rests.baseAddress else { return }
                for index in 0..<count { unsafe base[index] = Int64(lengths[index]) - prefixes[index] }
                unsafe DeltaEncoding.append(base, count: count, is32: true, to: &output)
            }
            var at = 0
            for index in 0..<count {
                let (length, shared) = unsafe (Int(lengths[index]), Int(prefixes[index]))
                unsafe output.append(
                    UnsafeRawBufferPointer(start: values.start + at + shared, count: length - shared))
                at += length
            }
        }
    }

    /// DELTA_LENGTH_BYTE_ARRAY: lengths, then the bytes.
    private func appendLengths(_ output: inout ByteBuffer) {
        let count = valueCount
        // Safety: lengths fit into 30 bits.
        unsafe withUnsafeTemporaryAllocation(of: Int64.self, capacity: max(count, 1)) { wide in
            guard let base = wide.baseAddress else { return }
            for index in 0..<count { unsafe base[index] = Int64(lengths[index]) }
            unsafe DeltaEncoding.append(base, count: count, is32: true, to: &output)
        }
        unsafe output.append(values.bytes)
    }

    /// PLAIN: each value behind its length.
    private func appendPlain(_ output: inout ByteBuffer) {
        let count = valueCount
        let target = unsafe output.reserve(4 * count + values.count)
        var to = UnsafeMutableRawPointer(target)
        var from = unsafe UnsafeRawPointer(values.start)
        for index in 0..<count {
            let length = unsafe lengths[index]
            unsafe to.storeBytes(of: length.littleEndian, as: UInt32.self)
            unsafe (to + 4).copyMemory(from: from, byteCount: Int(length))
            unsafe to += 4 + Int(length)
            unsafe from += Int(length)
        }
        output.advance(4 * count + values.count)
    }
}
