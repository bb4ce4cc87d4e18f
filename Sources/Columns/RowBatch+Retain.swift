extension RowBatch {
    /// Keeps only the rows that are marked, in their order. Groups stay, with or without rows. For tables without
    /// lists, maps and structs.
    public func retain(_ isKept: [Bool]) {
        precondition(isKept.count == rowCount, "one mark a row")
        for column in columns { column.retain(isKept) }
        keepRows(isKept)
    }
}

extension Column {
    /// Keeps only the rows that are marked.
    // Safety: rows move towards the start only, within what was written.
    fileprivate func retain(_ isKept: [Bool]) {
        precondition(isKept.count == count && !isNested, "one mark a row, of values that are not nested")
        var kept = 0
        var byteCount = 0
        let words = unsafe state.pointee.words
        let valid = unsafe state.pointee.valid
        let bytes = unsafe state.pointee.bytes
        for row in 0..<count where isKept[row] {
            let isValid = unsafe valid[row >> 6] >> UInt64(row & 63) & 1
            let mask = UInt64(1) << UInt64(kept & 63)
            unsafe valid[kept >> 6] = valid[kept >> 6] & ~mask | (isValid == 1 ? mask : 0)
            switch layout {
            case .word, .list, .group: unsafe words[kept] = words[row]
            case .wide:
                unsafe words[2 * kept] = words[2 * row]
                unsafe words[2 * kept + 1] = words[2 * row + 1]
            case .bytes:
                let start = unsafe Int(words[row])
                let length = unsafe Int(words[row + 1]) - start
                if start != byteCount { unsafe (bytes + byteCount).update(from: bytes + start, count: length) }
                unsafe words[kept] = Int64(byteCount)
                byteCount += length
            }
            kept += 1
        }
        if layout == .bytes { unsafe words[kept] = Int64(byteCount) }
        unsafe state.pointee.count = kept
        unsafe state.pointee.byteCount = byteCount
    }
}
