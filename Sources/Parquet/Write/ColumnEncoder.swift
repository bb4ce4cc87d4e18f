internal import Columns
internal import Event

/// One column of the row group under construction: takes values, makes pages.
///
/// Values wait as what they will be in the page: numbers of the dictionary, or plain words and bytes. A full
/// page is encoded and compressed at once, so that a chunk costs its compressed size. A dictionary is given up
/// after the first page if it does not pay, and later once it is too large; pages before that stay as they are,
/// and no later page of the chunk has numbers of it.
final class ColumnEncoder {
    let leaf: Leaf
    let options: ParquetOptions
    // The page under construction.
    /// One byte an entry: the definition level, of flat columns 1 where there is a value.
    var levels = ByteBuffer()
    /// Of columns in lists and maps: the repetition level of each entry.
    var repetitions = ByteBuffer()
    /// With a dictionary the number of each value, without the length of each byte string (UInt32).
    var numbers = ByteBuffer()
    /// Without a dictionary: 8 bytes a word, the bytes of strings one behind the other, or fixed bytes.
    var values = ByteBuffer()
    var rowCount = 0
    var valueCount = 0
    var words = WordBounds()
    var doubles = DoubleBounds()
    var wides = WideBounds()
    var texts: ByteBounds
    // The chunk.
    var wordDictionary: WordDictionary?
    var byteDictionary: ByteDictionary?
    /// Whether the page under construction holds numbers of the dictionary.
    var usesDictionary: Bool
    /// Whether the first page with values has decided about the dictionary.
    var isDictionaryJudged = false
    /// Whether byte strings without a dictionary are written without what they share with the one before; nil: the
    /// chunk has no such page yet.
    var prefersPrefixes: Bool?
    /// Bytes of values and of the dictionary where the page under construction begins.
    var pageStart = (raw: 0, dictionary: 0)
    /// While the dictionary is not decided on: finished pages without a value. Readers (Spark's vectorized one) take
    /// a dictionary's pages only before all others, so these are written once it is known which they are to be.
    var leadingPages: [PageShape] = []
    /// The encoded levels of those pages.
    var leadingLevels = ByteBuffer()
    /// Finished data pages with their headers.
    var pages = ByteBuffer()
    /// The dictionary page with its header; made at the end.
    var dictionaryPage = ByteBuffer()
    var record = ColumnChunkRecord()
    let hasBloomFilter: Bool
    /// For the Bloom filter: of the values that no dictionary holds.
    var hashes: [UInt64] = []
    var chunkRowCount = 0
    /// Values and nulls of the finished pages.
    var chunkEntryCount = 0
    /// Bytes of values before encoding.
    var rawByteCount = 0
    var chunkWords = WordBounds()
    var chunkDoubles = DoubleBounds()
    var chunkWides = WideBounds()
    var chunkTexts: ByteBounds
    /// Row groups for which no dictionary is tried any more, since it did not pay.
    private var restCount = 0

    /// After so many row groups a dictionary is tried again.
    static let maximumRestCount = 7
    /// The longest value: a page's sizes are 32-bit numbers.
    static let maximumValueByteCount = 512 << 20

    init(_ leaf: Leaf, _ options: ParquetOptions) {
        self.leaf = leaf
        self.options = options
        hasBloomFilter = leaf.isFlat && options.bloomColumns.contains(leaf.name) && leaf.physical != .boolean
            && leaf.physical != .int96
        texts = ByteBounds(limit: max(8, options.boundByteCount))
        chunkTexts = ByteBounds(limit: max(8, options.boundByteCount))
        usesDictionary = false
        begin()
    }

    /// Forgets all; keeps memory of a usual size.
    func begin() {
        beginPage()
        pages.removeAll(keeping: 32 << 20)
        dictionaryPage.removeAll()
        record = ColumnChunkRecord()
        (chunkRowCount, chunkEntryCount, rawByteCount) = (0, 0, 0)
        (chunkWords, chunkDoubles, chunkWides) = (WordBounds(), DoubleBounds(), WideBounds())
        chunkTexts.removeAll()
        hashes.removeAll(keepingCapacity: true)
        usesDictionary = leaf.physical != .boolean && options.dictionaryByteCount > 0 && restCount == 0
        (isDictionaryJudged, prefersPrefixes) = (false, nil)
        pageStart = (0, 0)
        leadingPages.removeAll()
        leadingLevels.removeAll()
        if restCount > 0 { restCount -= 1 }
        wordDictionary?.removeAll()
        byteDictionary?.removeAll()
        if usesDictionary, wordDictionary == nil, byteDictionary == nil {
            switch leaf.physical {
            case .boolean: break
            case .int32, .int64, .double, .float: wordDictionary = WordDictionary()
            case .byteArray, .fixed, .int96: byteDictionary = ByteDictionary(width: leaf.width)
            }
        }
    }

    func beginPage() {
        (rowCount, valueCount) = (0, 0)
        levels.removeAll()
        repetitions.removeAll()
        numbers.removeAll()
        values.removeAll(keeping: EncoderScratch.maximumKeptByteCount)
        (words, doubles, wides) = (WordBounds(), DoubleBounds(), WideBounds())
        texts.removeAll()
    }

    /// A dictionary that does not pay is left alone for a while.
    func giveUpDictionary() {
        usesDictionary = false
        restCount = Self.maximumRestCount
    }

    /// Bytes of memory held for this row group.
    var heldByteCount: Int {
        pages.count + leadingLevels.count + values.count + numbers.count + levels.count + repetitions.count
            + 8 * hashes.count
            + (wordDictionary?.heldByteCount ?? 0)
            + (byteDictionary?.heldByteCount ?? 0)
    }

    /// Bytes of the dictionary as its page would hold them.
    var dictionaryByteCount: Int {
        (wordDictionary?.count ?? 0) * leaf.width + (byteDictionary?.arena.count ?? 0)
    }

    /// Values of the dictionary.
    var dictionaryCount: Int { wordDictionary?.count ?? byteDictionary?.count ?? 0 }

    /// Takes the selected rows of a column.
    func append(_ column: Column, _ selection: RowSelection, _ scratch: EncoderScratch) throws(Failure) {
        precondition(column.shape == leaf.shape, "column of another type")
        var from = 0
        while from < selection.count {
            var count = min(
                selection.count - from, max(1, options.pageRowCount) - rowCount, EncoderScratch.stepRowCount)
            if column.holdsBytes { count = try stepCount(column, selection, from, count) }
            unsafe step(column, selection, from, count, scratch)
            from += count
            if isPageFull { try finishPage(scratch) }
        }
    }

    /// Why the dictionary too: of long values it would outgrow all bounds within one page.
    var isPageFull: Bool {
        levels.count >= options.pageRowCount || pageByteCount >= options.pageByteCount
            || usesDictionary && dictionaryByteCount > options.dictionaryByteCount
    }

    /// Bytes of the page under construction, roughly.
    private var pageByteCount: Int { values.count + (usesDictionary ? valueCount * 2 : 0) }

    /// How many of the rows a page still takes by their bytes; at least one.
    private func stepCount(
        _ column: Column, _ selection: RowSelection, _ from: Int, _ count: Int
    ) throws(Failure) -> Int {
        if column.byteCount <= options.pageByteCount { return count }
        var total = 0
        for index in 0..<count {
            let length = unsafe column.bytes(Int(selection.rows[from + index])).count
            try checkLength(length)
            total += length
            if total > options.pageByteCount { return max(1, index) }
        }
        return count
    }

    func checkLength(_ byteCount: Int) throws(Failure) {
        guard byteCount > Self.maximumValueByteCount else { return }
        throw Failure(
            "sink.value_too_long", stage: .format, kind: .corrupt,
            "a value of column '\(leaf.path.joined(separator: "."))' has \(byteCount) bytes",
            hint: "Parquet files of millrace hold values up to \(Self.maximumValueByteCount >> 20) MiB")
    }

    @unsafe
    private func step(
        _ column: Column, _ selection: RowSelection, _ from: Int, _ count: Int, _ scratch: EncoderScratch
    ) {
        let memory = unsafe column.memory
        let target = unsafe levels.reserve(count)
        var rows = unsafe selection.rows + from
        var valueCount = count
        if unsafe selection.isContiguous && Self.isFull(memory.valid, Int(rows[0]), count) {
            unsafe target.update(repeating: 1, count: count)
        } else {
            valueCount = 0
            let compact = unsafe scratch.rows
            for index in 0..<count {
                let row = unsafe rows[index]
                let bit = unsafe memory.valid[Int(row) >> 6] >> UInt64(row & 63) & 1
                unsafe target[index] = UInt8(truncatingIfNeeded: bit)
                unsafe compact[valueCount] = row
                valueCount &+= Int(bit)
            }
            unsafe rows = UnsafePointer(compact)
        }
        levels.advance(count)
        rowCount += count
        chunkRowCount += count
        guard valueCount > 0 else { return }
        unsafe take(column, rows, valueCount, scratch)
    }

    /// Takes the values of up to `stepRowCount` rows, all of which have one.
    @unsafe
    func take(_ column: Column, _ rows: UnsafePointer<Int32>, _ count: Int, _ scratch: EncoderScratch) {
        let memory = unsafe column.memory
        valueCount += count
        switch leaf.physical {
        case .byteArray: unsafe takeBytes(memory.words, memory.bytes, rows, count)
        case .fixed, .int96: unsafe takeFixed(memory.words, rows, count, scratch)
        case .boolean, .int32, .int64, .double, .float:
            if leaf.shape.type == .decimal {
                unsafe takeNarrowDecimals(memory.words, rows, count, scratch)
            } else {
                unsafe takeWords(memory.words, rows, count)
            }
        }
    }

    /// Whether all rows of a stretch have values.
    private static func isFull(_ valid: UnsafePointer<UInt64>, _ from: Int, _ count: Int) -> Bool {
        let to = from + count
        var word = from >> 6
        while word << 6 < to {
            let low = max(from - word << 6, 0)
            let high = min(to - word << 6, 64)
            let mask = (UInt64.max << UInt64(low)) & (UInt64.max >> UInt64(64 - high))
            if unsafe valid[word] & mask != mask { return false }
            word += 1
        }
        return true
    }
}
