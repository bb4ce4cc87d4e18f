internal import Columns
internal import Event

// A scalar inside a nested column: rows become entries with levels. Source: parquet-format README.md, "Nested
// Encoding" (Dremel). A page begins with a row, so rows are taken whole.
extension ColumnEncoder {
    /// Takes the selected rows of the table's column that holds this one.
    func append(nested column: Column, _ selection: RowSelection, _ scratch: EncoderScratch) throws(Failure) {
        var chain = [column]
        for child in leaf.children { chain.append(chain[chain.count - 1].children[child]) }
        let values = chain[chain.count - 1]
        precondition(values.shape == leaf.shape, "column of another type")
        let measures = values.holdsBytes && values.byteCount > options.pageByteCount
        var from = 0
        while from < selection.count {
            scratch.places.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
            let first = levels.count
            var byteCount = 0
            var measured = 0
            while from < selection.count, levels.count < max(1, options.pageRowCount),
                levels.count - first < EncoderScratch.stepRowCount, byteCount <= options.pageByteCount
            {
                unsafe entries(chain, 0, Int(selection.rows[from]), (0, 0, 0), scratch)
                from += 1
                rowCount += 1
                chunkRowCount += 1
                guard measures else { continue }
                let places = unsafe Self.rows(scratch.places)
                while measured < scratch.places.count / 4 {
                    byteCount += unsafe values.bytes(Int(places[measured])).count
                    measured += 1
                }
                try checkLength(byteCount)
            }
            try unsafe take(places: values, scratch)
            if isPageFull { try finishPage(scratch) }
        }
    }

    @unsafe
    private static func rows(_ places: borrowing ByteBuffer) -> UnsafePointer<Int32> {
        unsafe UnsafeRawPointer(places.start).assumingMemoryBound(to: Int32.self)
    }

    /// Takes the values that `entries` found.
    @unsafe
    private func take(places values: Column, _ scratch: EncoderScratch) throws(Failure) {
        var from = 0
        let total = scratch.places.count / 4
        while from < total {
            let count = min(total - from, EncoderScratch.stepRowCount)
            unsafe take(values, Self.rows(scratch.places) + from, count, scratch)
            from += count
        }
    }

    /// The levels of one row of the column at `depth` of the chain, and the rows of values below it. `around`: the
    /// row's repetition level, its definition level if it is null, and the lists around it.
    private func entries(
        _ chain: [Column], _ depth: Int, _ row: Int, _ around: (repetition: UInt8, definition: UInt8, lists: UInt8),
        _ scratch: EncoderScratch
    ) {
        let column = chain[depth]
        if column.isNull(row) {
            entry(around.repetition, around.definition)
            return
        }
        let present = around.definition + 1
        guard depth + 1 < chain.count else {
            entry(around.repetition, leaf.definition)
            scratch.places.append(littleEndian: Int32(truncatingIfNeeded: row))
            return
        }
        guard column.type != .structure else {
            entries(chain, depth + 1, row, (around.repetition, present, around.lists), scratch)
            return
        }
        let range = column.range(row)
        if range.isEmpty {
            entry(around.repetition, present)
            return
        }
        let level = around.lists + 1
        for element in range {
            let repetition = element == range.lowerBound ? around.repetition : level
            entries(chain, depth + 1, element, (repetition, present + 1, level), scratch)
        }
    }

    @inline(__always)
    private func entry(_ repetition: UInt8, _ definition: UInt8) {
        levels.append(definition)
        if leaf.repetition > 0 { repetitions.append(repetition) }
    }

    /// Appends the levels of the page under construction, in pages of version 1 each with their length before them.
    /// Returns the bytes of both kinds.
    func appendLevels(_ scratch: EncoderScratch) -> (repetition: Int, definition: Int) {
        let start = scratch.payload.count
        if leaf.repetition > 0 {
            unsafe append(levels: repetitions.start, repetitions.count, maximum: leaf.repetition, scratch)
        }
        let middle = scratch.payload.count
        unsafe append(levels: levels.start, levels.count, maximum: leaf.definition, scratch)
        return (middle - start, scratch.payload.count - middle)
    }

    private func append(levels: UnsafePointer<UInt8>, _ count: Int, maximum: UInt8, _ scratch: EncoderScratch) {
        let start = scratch.payload.count
        if !options.usesPages2 { scratch.payload.append(littleEndian: UInt32(0)) }
        if maximum == 1 {
            unsafe HybridEncoding.append(levels: levels, count: count, to: &scratch.payload)
        } else {
            scratch.wideLevels.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
            let wide = unsafe UnsafeMutableRawPointer(scratch.wideLevels.reserve(4 * count))
                .assumingMemoryBound(to: UInt32.self)
            for index in 0..<count { unsafe wide[index] = UInt32(levels[index]) }
            unsafe HybridEncoding.append(
                indices: wide, count: count, bitWidth: HybridEncoding.bitWidth(maximum: Int(maximum)),
                to: &scratch.payload)
        }
        guard !options.usesPages2 else { return }
        let byteCount = UInt32(truncatingIfNeeded: scratch.payload.count - start - 4)
        unsafe UnsafeMutableRawPointer(scratch.payload.start + start)
            .storeBytes(of: byteCount.littleEndian, as: UInt32.self)
    }
}
