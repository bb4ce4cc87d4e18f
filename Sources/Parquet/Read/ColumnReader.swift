internal import Columns
internal import Event

/// Reads one column of values of a row group, front to back, a page at a time: a flat one by `read`, a part of a
/// nested one entry by entry (`ColumnReader+Entries`).
///
/// Invariants: at most one data page and one dictionary are in memory; no more entries come out than the row group
/// has, and fewer are damage. Entries of a flat column are its rows.
final class ColumnReader {
    let column: StoredColumn
    private let source: any ParquetSource
    private let expander: PageExpander
    private var chunk = ChunkMetadata()
    private var groupRowCount: Int64 = 0
    /// The chunk's pages, once a jump has asked for them; nil if the file does not say.
    private var pages: [PageLocation]??
    /// Where the next page begins, and where the chunk ends.
    private var at: Int64 = 0
    private(set) var end: Int64 = 0
    /// Rows that are not yet read; those of the page in hand included.
    var rowsLeft: Int64 = 0
    var pageRowsLeft = 0
    private var page = ByteBuffer()
    var levels = HybridDecoder(.empty, bitWidth: 0)
    var repetitions = HybridDecoder(.empty, bitWidth: 0)
    /// The levels of the next entry of a nested column, if they were looked at.
    var entry: (repetition: Int, definition: Int)?
    private var values = PageValues(.plain, .empty)
    private var pageBytes = PageBytes.empty
    /// The last value of a page whose values leave out what they share.
    private var previous = ByteBuffer()
    private let dictionary = DictionaryPage()
    private var hasDictionary = false

    /// Bytes first read for a page's header; doubled until it is whole.
    private static let headerByteCount = 4_096
    /// The longest header: statistics of two long values.
    private static let maximumHeaderByteCount = 16 << 20

    init(_ column: StoredColumn, _ source: any ParquetSource, _ expander: PageExpander) throws(Failure) {
        if let refusal = column.refusal {
            throw Damage.unsupported("column \(column.name.debugDescription), \(refusal),")
        }
        self.column = column
        self.source = source
        self.expander = expander
    }

    /// Whether the chunk has more pages.
    var hasPages: Bool { at < end }

    /// Begins a row group. `entryCount`: of a flat column its rows.
    func begin(_ chunk: ChunkMetadata, rowCount: Int64, entryCount: Int64) {
        self.chunk = chunk
        groupRowCount = rowCount
        pages = nil
        at = chunk.offset
        end = chunk.offset + chunk.compressedByteCount
        rowsLeft = entryCount
        pageRowsLeft = 0
        entry = nil
        hasDictionary = false
    }

    /// Goes from one row towards a later one by whole pages, as far as the page index allows. Returns the row that is
    /// next now.
    func jump(from row: Int64, to target: Int64) throws(Failure) -> Int64 {
        if pages == nil { pages = .some(try PageIndex.locations(chunk, source, rowCount: groupRowCount)) }
        guard case .some(.some(let pages)) = pages,
            let page = pages.last(where: { $0.firstRow <= target }), page.firstRow > row
        else { return row }
        if at == chunk.offset, !hasDictionary, page.offset > at {
            // The dictionary stands before the first page.
            let header = try readHeader()
            if header.kind == .dictionary {
                try readDictionary(header, try source.bytes(at: at, count: header.compressedByteCount))
            }
        }
        at = page.offset
        pageRowsLeft = 0
        entry = nil
        if column.repetition == 0 { rowsLeft = groupRowCount - page.firstRow }
        return page.firstRow
    }

    /// Passes rows of a flat column; `target` is left as it was.
    func skip(from row: Int64, to end: Int64, _ target: Column) throws(Failure) {
        var row = try jump(from: row, to: end)
        let count = target.count
        while row < end {
            let step = min(end - row, 1_024)
            try read(Int(step), into: target)
            target.truncate(to: count)
            row += step
        }
    }

    /// Appends the next rows, all of which the row group still has.
    func read(_ count: Int, into target: Column) throws(Failure) {
        var left = count
        while left > 0 {
            if pageRowsLeft == 0 { try loadPage() }
            let step = min(left, pageRowsLeft)
            if values.usesDictionary {
                try appendNumbers(step, to: target)
            } else {
                try appendValues(step, to: target)
            }
            pageRowsLeft -= step
            rowsLeft -= Int64(step)
            left -= step
        }
    }

    // MARK: Pages

    func loadPage() throws(Failure) {
        while pageRowsLeft == 0 {
            guard at < end, rowsLeft > 0 else {
                throw Damage.corrupt("column \(column.name.debugDescription) has fewer rows than its row group")
            }
            let header = try readHeader()
            guard Int64(header.compressedByteCount) <= end - at else {
                throw Damage.corrupt("a page of column \(column.name.debugDescription) is longer than its chunk")
            }
            let bytes = try source.bytes(at: at, count: header.compressedByteCount)
            at += Int64(header.compressedByteCount)
            switch header.kind {
            case .index: break
            case .dictionary: try readDictionary(header, bytes)
            case .data, .data2: try readData(header, bytes)
            }
        }
    }

    private func readHeader() throws(Failure) -> PageHeader {
        var length = Int64(Self.headerByteCount)
        while true {
            let bytes = try source.bytes(at: at, count: Int(min(length, end - at)))
            var input = ThriftInput(bytes)
            do throws(Failure) {
                let header = try PageHeader(&input)
                at += Int64(input.at)
                return header
            } catch {
                guard length < end - at, length < Self.maximumHeaderByteCount else { throw error }
                length *= 4
            }
        }
    }

    private func readDictionary(_ header: PageHeader, _ bytes: [UInt8]) throws(Failure) {
        guard !hasDictionary else { throw Damage.corrupt("a chunk has two dictionaries") }
        dictionary.buffer.removeAll(keeping: 64 << 20)
        try expand(bytes[...], header.payloadByteCount, into: &dictionary.buffer)
        try dictionary.read(column, count: header.valueCount)
        hasDictionary = true
    }

    private func expand(_ bytes: ArraySlice<UInt8>, _ byteCount: Int, into buffer: inout ByteBuffer) throws(Failure) {
        var failure: Failure?
        unsafe bytes.withUnsafeBytes { input in
            do throws(Failure) {
                try unsafe expander.expand(input, codec: chunk.codec, byteCount: byteCount, into: &buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    private func readData(_ header: PageHeader, _ bytes: [UInt8]) throws(Failure) {
        guard Int64(header.valueCount) <= rowsLeft else {
            throw Damage.corrupt("column \(column.name.debugDescription) has more rows than its row group")
        }
        guard let encoding = PageEncoding(rawValue: header.encoding) else {
            throw Damage.unsupported("encoding \(header.encoding) of column \(column.name.debugDescription)")
        }
        page.removeAll(keeping: 64 << 20)
        var from = 0
        if header.kind == .data2 {
            from = header.repetitionByteCount + header.levelByteCount
            guard from <= bytes.count, from <= header.payloadByteCount else {
                throw Damage.corrupt("levels are longer than their page")
            }
            page.append(Array(bytes[..<from]))
            if header.isCompressed {
                try expand(bytes[from...], header.payloadByteCount - from, into: &page)
            } else {
                page.append(Array(bytes[from...]))
            }
            setLevels(&repetitions, 0, header.repetitionByteCount, maximum: column.repetition)
            setLevels(&levels, header.repetitionByteCount, from, maximum: column.definition)
        } else {
            try expand(bytes[...], header.payloadByteCount, into: &page)
            if column.repetition > 0 { from = try readLevels(&repetitions, from, maximum: column.repetition) }
            if column.definition > 0 { from = try readLevels(&levels, from, maximum: column.definition) }
        }
        pageBytes = PageBytes(page, from, page.count)
        values = PageValues(encoding, pageBytes)
        if header.valueCount > 0, pageBytes.count > 0 || encoding != .plain {
            guard hasDictionary || encoding != .rleDictionary && encoding != .plainDictionary else {
                throw Damage.corrupt("a chunk has numbers but no dictionary")
            }
            // A page of nulls alone may have no values' bytes at all.
            if pageBytes.count > 0 { try values.begin(column, dictionaryCount: dictionary.count) }
        }
        previous.removeAll(keeping: 1 << 20)
        pageRowsLeft = header.valueCount
    }

    /// Version 1: levels with their length before them. Returns where what follows begins.
    private func readLevels(_ levels: inout HybridDecoder, _ from: Int, maximum: Int) throws(Failure) -> Int {
        guard page.count - from >= 4 else { throw Damage.corrupt("a page is too short for its levels") }
        let length = Int(PageBytes(page, from, page.count).word(0) & 0xFFFF_FFFF)
        guard length <= page.count - from - 4 else { throw Damage.corrupt("levels are longer than their page") }
        setLevels(&levels, from + 4, from + 4 + length, maximum: maximum)
        return from + 4 + length
    }

    private func setLevels(_ levels: inout HybridDecoder, _ from: Int, _ to: Int, maximum: Int) {
        levels = HybridDecoder(PageBytes(page, from, to), bitWidth: HybridEncoding.bitWidth(maximum: maximum))
    }

    // MARK: Values

    private func appendNumbers(_ count: Int, to target: Column) throws(Failure) {
        let isOptional = column.isOptional
        let (bytes, words, places) = (dictionary.bytes, dictionary.words, dictionary.places)
        let isWords = !words.isEmpty
        // Why: locals are free of the run-time checks of exclusive access that properties have per value.
        var (levels, values) = (self.levels, self.values)
        defer { (self.levels, self.values) = (levels, values) }
        for _ in 0..<count {
            if isOptional, try levels.next() == 0 {
                target.appendNull()
                continue
            }
            let number = try values.nextNumber()
            if isWords {
                try append(word: words[number], to: target)
            } else {
                let place = places[number]
                try append(bytes: bytes.view(place.from, place.to), to: target)
            }
        }
    }

    private func appendValues(_ count: Int, to target: Column) throws(Failure) {
        let isOptional = column.isOptional
        let isBytes = column.physical == .byteArray || column.physical == .fixed || column.physical == .int96
        if values.usesPrefixes {
            for _ in 0..<count {
                if isOptional, try levels.next() == 0 { target.appendNull() } else { try appendPrefixed(to: target) }
            }
            return
        }
        let pageBytes = pageBytes
        // Why: see `appendNumbers`.
        var (levels, values) = (self.levels, self.values)
        defer { (self.levels, self.values) = (levels, values) }
        for _ in 0..<count {
            if isOptional, try levels.next() == 0 {
                target.appendNull()
            } else if isBytes {
                let place = try values.nextPlace()
                try append(bytes: pageBytes.view(place.from, place.to), to: target)
            } else {
                try append(word: try values.nextWord(), to: target)
            }
        }
    }

    /// Appends the next value, of an entry that has one.
    func appendValue(to target: Column) throws(Failure) {
        if values.usesDictionary {
            let number = try values.nextNumber()
            if !dictionary.words.isEmpty { return try append(word: dictionary.words[number], to: target) }
            let place = dictionary.places[number]
            return try append(bytes: dictionary.bytes.view(place.from, place.to), to: target)
        }
        if values.usesPrefixes { return try appendPrefixed(to: target) }
        guard column.physical == .byteArray || column.physical == .fixed || column.physical == .int96 else {
            return try append(word: try values.nextWord(), to: target)
        }
        let place = try values.nextPlace()
        try append(bytes: pageBytes.view(place.from, place.to), to: target)
    }

    private func appendPrefixed(to target: Column) throws(Failure) {
        let place = try values.nextPrefixed()
        guard place.shared <= previous.count else {
            throw Damage.corrupt("a value shares more than the one before it has")
        }
        previous.truncate(to: place.shared)
        let rest = pageBytes.view(place.from, place.to)
        unsafe previous.append(UnsafeRawBufferPointer(start: rest.start, count: rest.count))
        try append(bytes: PageBytes(previous, 0, previous.count).view(0, previous.count), to: target)
    }

    @inline(__always)
    private func append(word: Int64, to target: Column) throws(Failure) {
        switch column.conversion {
        case .word: target.append(word)
        case .unsigned32: target.append(word & 0xFFFF_FFFF)
        case .float: target.append(Double(Float(bitPattern: UInt32(truncatingIfNeeded: word))))
        case .milliseconds:
            let (product, overflow) = word.multipliedReportingOverflow(by: 1_000)
            guard !overflow else { throw Damage.unsupported("a time of \(word) ms") }
            target.append(product)
        case .nanoseconds: target.append(word >= 0 ? word / 1_000 : (word + 1) / 1_000 - 1)
        case .decimalWord: target.append(decimal: Int128(word))
        case .int96, .bytes, .decimalBytes: throw Damage.corrupt("values are of another type")
        }
    }

    private func append(bytes: ByteView, to target: Column) throws(Failure) {
        switch column.conversion {
        case .bytes: target.append(bytes)
        case .decimalBytes:
            guard bytes.count <= 16 else { throw Damage.unsupported("a decimal of \(bytes.count) bytes") }
            var value: Int128 = bytes.count > 0 && bytes[0] >= 0x80 ? -1 : 0
            for index in 0..<bytes.count { value = value << 8 | Int128(bytes[index]) }
            target.append(decimal: value)
        case .int96:
            guard bytes.count == 12 else { throw Damage.corrupt("an INT96 has \(bytes.count) bytes") }
            let nanoseconds = Int64(bitPattern: bytes.word(at: 0))
            let day = Int64(Int32(truncatingIfNeeded: bytes.word(at: 4) >> 32)) - 2_440_588
            target.append(day &* 86_400_000_000 &+ nanoseconds / 1_000)
        default: throw Damage.corrupt("values are of another type")
        }
    }
}
