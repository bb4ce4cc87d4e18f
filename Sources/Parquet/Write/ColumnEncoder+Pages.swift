internal import Columns
internal import Event

// Pages: what waits becomes bytes of the file. Source: parquet-format README.md, parquet.thrift.
extension ColumnEncoder {
    /// Ends the page under construction, if it has rows.
    func finishPage(_ scratch: EncoderScratch) throws(Failure) {
        guard rowCount > 0 else { return }
        scratch.payload.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        if usesDictionary, !isDictionaryJudged, valueCount == 0 {
            leadingPages.append(pageShape(appendLevels(scratch)))
            unsafe leadingLevels.append(scratch.payload.bytes)
            beginPage()
            return
        }
        let isWorthwhile = isDictionaryWorthwhile
        if usesDictionary, !isDictionaryJudged {
            isDictionaryJudged = true
            if !isWorthwhile { leaveDictionary() }
            try writeLeadingPages(scratch)
        }
        let shape = pageShape(appendLevels(scratch))
        // Why not PLAIN without values: once a page is, no later one may have numbers of the dictionary.
        var encoding = PageEncoding.plain
        if usesDictionary {
            encoding = encodeNumbers(&scratch.payload)
        } else if valueCount > 0 {
            encoding = try encodeValues(scratch)
        }
        if hasBloomFilter, !usesDictionary { hashValues() }
        try writePage(shape, encoding, pageBounds, scratch)
        if usesDictionary, dictionaryByteCount > options.dictionaryByteCount || !isWorthwhile { usesDictionary = false }
        pageStart = (rawByteCount, dictionaryByteCount)
        chunkWords.take(words)
        chunkDoubles.take(doubles)
        chunkWides.take(wides)
        chunkTexts.take(texts)
        beginPage()
    }

    private func pageShape(_ levelByteCounts: (repetition: Int, definition: Int)) -> PageShape {
        PageShape(
            firstRow: chunkRowCount - rowCount, rowCount: rowCount, entryCount: levels.count, valueCount: valueCount,
            levelByteCounts: levelByteCounts)
    }

    /// Writes the pages before the first value, as the chunk's first page with values, or its end, wants them.
    private func writeLeadingPages(_ scratch: EncoderScratch) throws(Failure) {
        var from = 0
        for shape in leadingPages {
            let to = from + shape.levelByteCounts.repetition + shape.levelByteCounts.definition
            scratch.payload.removeAll()
            unsafe scratch.payload.append(UnsafeRawBufferPointer(rebasing: leadingLevels.bytes[from..<to]))
            // A bit width, for readers that take it for granted.
            if usesDictionary { scratch.payload.append(1) }
            try writePage(shape, usesDictionary ? .rleDictionary : .plain, nil, scratch)
            from = to
        }
        scratch.payload.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        leadingPages.removeAll()
        leadingLevels.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
    }

    private var pageBounds: Bounds? {
        switch leaf.physical {
        case .byteArray: texts.bounds(isText: leaf.isText)
        case .double, .float: doubles.bounds
        case .fixed: wides.bounds(width: leaf.width)
        case .int96: nil
        case .boolean: words.bounds(width: 1)
        case .int32, .int64: words.bounds(width: leaf.width)
        }
    }

    /// Appends a page to the chunk: `scratch.payload` holds its levels and values.
    private func writePage(
        _ shape: PageShape, _ encoding: PageEncoding, _ bounds: Bounds?, _ scratch: EncoderScratch
    ) throws(Failure) {
        let levelByteCounts = shape.levelByteCounts
        scratch.compressed.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        // Levels of version 2 stand before what is compressed.
        let plain = options.usesPages2 ? levelByteCounts.repetition + levelByteCounts.definition : 0
        let isCompressed = scratch.payload.count > plain
        if isCompressed {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: scratch.payload.bytes[plain...])
            try unsafe scratch.compressor.compress(rest, into: &scratch.compressed)
        }
        let (entryCount, nullCount) = (shape.entryCount, shape.entryCount - shape.valueCount)
        let payloadByteCount = scratch.payload.count
        let compressedByteCount = plain + scratch.compressed.count
        scratch.header.removeAll()
        scratch.header.element { header in
            header.int32(1, options.usesPages2 ? 3 : 0)
            header.int32(2, payloadByteCount)
            header.int32(3, compressedByteCount)
            guard options.usesPages2 else {
                header.structure(5) { page in
                    page.int32(1, entryCount)
                    page.int32(2, encoding.rawValue)
                    page.int32(3, PageEncoding.rle.rawValue)
                    page.int32(4, PageEncoding.rle.rawValue)
                }
                return
            }
            header.structure(8) { page in
                page.int32(1, entryCount)
                page.int32(2, nullCount)
                page.int32(3, shape.rowCount)
                page.int32(4, encoding.rawValue)
                page.int32(5, levelByteCounts.definition)
                page.int32(6, levelByteCounts.repetition)
                page.boolean(7, isCompressed && options.codec != .none)
            }
        }
        let offset = pages.count
        pages.append(scratch.header.bytes)
        unsafe pages.append(UnsafeRawBufferPointer(rebasing: scratch.payload.bytes[..<plain]))
        unsafe pages.append(scratch.compressed.bytes)
        record.uncompressedByteCount += scratch.header.bytes.count + payloadByteCount
        record.nullCount += nullCount
        chunkEntryCount += entryCount
        record.pages.append(
            PageRecord(
                offset: offset, byteCount: pages.count - offset, firstRow: shape.firstRow, rowCount: shape.rowCount,
                entryCount: entryCount, nullCount: nullCount, bounds: bounds, encoding: encoding))
    }

    /// Ends the chunk: the last page, the dictionary page and the record.
    func finishChunk(_ scratch: EncoderScratch) throws(Failure) {
        try finishPage(scratch)
        usesDictionary = usesDictionary && isDictionaryJudged
        try writeLeadingPages(scratch)
        let hasDictionary = record.pages.contains { $0.encoding == .rleDictionary }
        if hasDictionary { try writeDictionary(scratch) }
        if hasBloomFilter { makeBloomFilter(withDictionary: hasDictionary) }
        record.valueCount = chunkEntryCount
        record.compressedByteCount = dictionaryPage.count + pages.count
        record.dictionaryByteCount = dictionaryPage.count
        switch leaf.physical {
        case .byteArray: record.bounds = chunkTexts.bounds(isText: leaf.isText)
        case .double, .float: record.bounds = chunkDoubles.bounds
        case .fixed: record.bounds = chunkWides.bounds(width: leaf.width)
        case .int96: record.bounds = nil
        case .boolean: record.bounds = chunkWords.bounds(width: 1)
        case .int32, .int64: record.bounds = chunkWords.bounds(width: leaf.width)
        }
    }

    private func writeDictionary(_ scratch: EncoderScratch) throws(Failure) {
        scratch.payload.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        scratch.compressed.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        if let wordDictionary {
            unsafe Self.append(
                words: wordDictionary.content, count: wordDictionary.count, width: leaf.width, to: &scratch.payload)
            try unsafe scratch.compressor.compress(scratch.payload.bytes, into: &scratch.compressed)
        } else if let byteDictionary {
            try unsafe scratch.compressor.compress(byteDictionary.arena.bytes, into: &scratch.compressed)
        }
        let payloadByteCount = dictionaryByteCount
        let compressedByteCount = scratch.compressed.count
        let count = dictionaryCount
        scratch.header.removeAll()
        scratch.header.element { header in
            header.int32(1, 2)
            header.int32(2, payloadByteCount)
            header.int32(3, compressedByteCount)
            header.structure(7) { page in
                page.int32(1, count)
                page.int32(2, PageEncoding.plain.rawValue)
            }
        }
        dictionaryPage.append(scratch.header.bytes)
        unsafe dictionaryPage.append(scratch.compressed.bytes)
        record.uncompressedByteCount += scratch.header.bytes.count + payloadByteCount
    }

    // MARK: Encodings

    /// Whether what this page adds to the dictionary, and its numbers, are smaller than its values. Few values
    /// tell nothing.
    private var isDictionaryWorthwhile: Bool {
        let plain = rawByteCount - pageStart.raw
        let bits = HybridEncoding.bitWidth(maximum: dictionaryCount - 1)
        let added = dictionaryByteCount - pageStart.dictionary
        return valueCount == 0 || (added + valueCount * bits / 8) * 10 <= plain * 9
    }

    /// Turns the first page's numbers back into values.
    private func leaveDictionary() {
        let count = valueCount
        let source = unsafe UnsafeRawPointer(numbers.start).assumingMemoryBound(to: UInt32.self)
        if let wordDictionary {
            let target = unsafe UnsafeMutableRawPointer(values.reserve(8 * count)).assumingMemoryBound(to: Int64.self)
            for index in 0..<count { unsafe target[index] = wordDictionary.content[Int(source[index])] }
            values.advance(8 * count)
        } else if let byteDictionary {
            let lengths = unsafe UnsafeMutableRawPointer(numbers.start).assumingMemoryBound(to: UInt32.self)
            for index in 0..<count {
                let number = unsafe Int(source[index])
                unsafe values.append(byteDictionary.bytes(number))
                unsafe lengths[index] = UInt32(truncatingIfNeeded: byteDictionary.byteCount(number))
            }
        }
        wordDictionary?.removeAll()
        byteDictionary?.removeAll()
        giveUpDictionary()
    }

    private func encodeNumbers(_ output: inout ByteBuffer) -> PageEncoding {
        let bitWidth = max(1, HybridEncoding.bitWidth(maximum: dictionaryCount - 1))
        output.append(UInt8(bitWidth))
        let source = unsafe UnsafeRawPointer(numbers.start).assumingMemoryBound(to: UInt32.self)
        unsafe HybridEncoding.append(indices: source, count: valueCount, bitWidth: bitWidth, to: &output)
        return .rleDictionary
    }

    /// Appends words as little-endian values of 4 or 8 bytes.
    static func append(
        words: UnsafePointer<Int64>, count: Int, width: Int, to output: inout ByteBuffer
    ) {
        let target = unsafe UnsafeMutableRawPointer(output.reserve(count * width))
        if width == 4 {
            let narrow = unsafe target.assumingMemoryBound(to: Int32.self)
            for index in 0..<count { unsafe narrow[index] = Int32(truncatingIfNeeded: words[index]) }
        } else {
            unsafe target.copyMemory(from: words, byteCount: 8 * count)
        }
        output.advance(count * width)
    }
}
