extension Column {
    /// Appends the rows `[from, from + count)` of another column of the same shape, as they are.
    public func append(rowsOf other: Column, from: Int, count: Int) {
        precondition(other.shape == shape, "rows of another type")
        precondition(unsafe other.state != state, "a column cannot be appended to itself")
        precondition(from >= 0 && count >= 0 && from <= other.count - count, "rows outside column")
        if count > 0 { unsafe state.pointee.append(rowsOf: other.state.pointee, from: from, count: count) }
    }
}

extension ColumnState {
    /// Copies whole words and bytes; the caller has checked the range and the layout.
    fileprivate mutating func append(rowsOf other: ColumnState, from: Int, count added: Int) {
        precondition(layout == .word || layout == .wide || layout == .bytes, "rows of nested columns")
        while count + added > capacity { growRows() }
        unsafe Self.copyBits(from: other.valid, at: from, to: valid, at: count, count: added)
        if layout == .wide {
            unsafe (words + 2 * count).update(from: other.words + 2 * from, count: 2 * added)
        } else if layout == .word {
            unsafe (words + count).update(from: other.words + from, count: added)
        } else {
            let first = unsafe Int(other.words[from])
            let size = unsafe Int(other.words[from + added]) - first
            if byteCount + size > byteCapacity { growBytes(byteCount + size) }
            if size > 0 { unsafe (bytes + byteCount).update(from: other.bytes + first, count: size) }
            let shift = Int64(byteCount - first)
            var row = 1
            while row <= added {
                unsafe words[count &+ row] = other.words[from &+ row] &+ shift
                row &+= 1
            }
            byteCount += size
        }
        count += added
    }

    /// Copies bits a word at a time; what stands behind the target's range is kept or overwritten later.
    private static func copyBits(
        from source: UnsafeMutablePointer<UInt64>, at from: Int, to target: UnsafeMutablePointer<UInt64>, at to: Int,
        count: Int
    ) {
        var done = 0
        while done < count {
            let (read, write) = (from + done, to + done)
            let step = min(count - done, 64 - (read & 63), 64 - (write & 63))
            let mask = step == 64 ? UInt64.max : (1 << UInt64(step)) - 1
            let bits = unsafe source[read >> 6] >> UInt64(read & 63) & mask
            let kept = unsafe target[write >> 6] & ~(mask << UInt64(write & 63))
            unsafe target[write >> 6] = kept | bits << UInt64(write & 63)
            done += step
        }
    }
}
