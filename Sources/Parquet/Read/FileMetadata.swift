internal import Event

/// What the footer says about one column chunk.
struct ChunkMetadata: Sendable {
    var codec = 0
    var valueCount: Int64 = 0
    var compressedByteCount: Int64 = 0
    var uncompressedByteCount: Int64 = 0
    /// How its data pages are encoded, where the file says how many are how.
    var encodings: [(encoding: PageEncoding, count: Int)] = []
    var dataPageOffset: Int64 = 0
    var dictionaryPageOffset: Int64?
    var nullCount: Int64?
    var least: [UInt8]?
    var greatest: [UInt8]?
    var isLeastExact = true
    var isGreatestExact = true
    /// Where the page indexes are.
    var offsetIndex: (offset: Int64, byteCount: Int64)?
    var columnIndex: (offset: Int64, byteCount: Int64)?
    var bloomOffset: Int64?

    /// Where the chunk begins.
    var offset: Int64 {
        guard let dictionaryPageOffset, dictionaryPageOffset > 0 else { return dataPageOffset }
        return min(dictionaryPageOffset, dataPageOffset)
    }
}

/// What the footer says about one row group.
struct GroupMetadata: Sendable {
    var columns: [ChunkMetadata] = []
    var rowCount: Int64 = 0
}

/// The footer, read and checked as far as it can be without the pages. Source: parquet.thrift.
struct FileMetadata: Sendable {
    /// Largest footer: 10,000 columns in a hundred row groups.
    static let maximumFooterByteCount: Int64 = 512 << 20

    /// The table's columns, and the columns of values that they are made of.
    var fields: [StoredField] = []
    var columns: [StoredColumn] = []
    var rowCount: Int64 = 0
    var groups: [GroupMetadata] = []
    var pairs: [(key: String, value: String)] = []
    var createdBy = ""

    /// Reads the end of a file. Throws `parquet.corrupt`, and what the source throws.
    init(_ source: any ParquetSource) throws(Failure) {
        let magic = Array("PAR1".utf8)
        guard source.byteCount >= 12, try source.bytes(at: 0, count: 4) == magic else {
            throw Damage.corrupt("it does not begin as one")
        }
        let tail = try source.bytes(at: source.byteCount - 8, count: 8)
        guard Array(tail[4...]) == magic else { throw Damage.corrupt("it does not end as one") }
        let length = tail[..<4].reversed().reduce(Int64(0)) { $0 << 8 | Int64($1) }
        guard length <= source.byteCount - 12, length <= Self.maximumFooterByteCount else {
            throw Damage.corrupt("its footer is said to have \(length) bytes")
        }
        var input = ThriftInput(try source.bytes(at: source.byteCount - 8 - length, count: Int(length)))
        try read(&input)
        try check(dataEnd: source.byteCount - 8 - length)
    }

    private mutating func read(_ input: inout ThriftInput) throws(Failure) {
        var elements: [StoredColumn] = []
        var (rowCount, groups, pairs, createdBy) = (self.rowCount, self.groups, self.pairs, self.createdBy)
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 2: try input.list { input throws(Failure) in elements.append(try StoredColumn(&input)) }
            case 3: rowCount = Int64(try input.size("the count of rows"))
            case 4: try input.list { input throws(Failure) in groups.append(try Self.group(&input)) }
            case 5: try input.list { input throws(Failure) in pairs.append(try Self.pair(&input)) }
            case 6: createdBy = try input.text()
            default: return false
            }
            return true
        }
        (self.rowCount, self.groups, self.pairs, self.createdBy) = (rowCount, groups, pairs, createdBy)
        (fields, columns) = try StoredField.all(elements)
    }

    private static func pair(_ input: inout ThriftInput) throws(Failure) -> (key: String, value: String) {
        var pair = (key: "", value: "")
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: pair.key = try input.text()
            case 2: pair.value = try input.text()
            default: return false
            }
            return true
        }
        return pair
    }

    private static func group(_ input: inout ThriftInput) throws(Failure) -> GroupMetadata {
        var group = GroupMetadata()
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: try input.list { input throws(Failure) in group.columns.append(try chunk(&input)) }
            case 3: group.rowCount = Int64(try input.size("the count of a group's rows"))
            default: return false
            }
            return true
        }
        return group
    }

    private static func chunk(_ input: inout ThriftInput) throws(Failure) -> ChunkMetadata {
        var chunk = ChunkMetadata()
        var places: [Int64] = [-1, 0, -1, 0]
        try input.structure { input, field throws(Failure) in
            if (4...7).contains(field.id), field.kind == 5 || field.kind == 6 {
                places[field.id - 4] = Int64(try input.size("the place of a page index"))
                return true
            }
            guard field.id == 3, field.kind == 12 else { return false }
            try input.structure { input, field throws(Failure) in
                switch field.id {
                case 4: chunk.codec = try input.size("a codec", maximum: 100)
                case 5: chunk.valueCount = Int64(try input.size("a count of values"))
                case 6: chunk.uncompressedByteCount = Int64(try input.size("a chunk's size"))
                case 7: chunk.compressedByteCount = Int64(try input.size("a chunk's size"))
                case 9: chunk.dataPageOffset = Int64(try input.size("a chunk's offset"))
                case 11: chunk.dictionaryPageOffset = Int64(try input.size("a dictionary's offset"))
                case 12: try statistics(&input, into: &chunk)
                case 13: try input.list { input throws(Failure) in try encoding(&input, into: &chunk) }
                case 14: chunk.bloomOffset = Int64(try input.size("a Bloom filter's place"))
                default: return false
                }
                return true
            }
            return true
        }
        if places[0] >= 0 { chunk.offsetIndex = (places[0], places[1]) }
        if places[2] >= 0 { chunk.columnIndex = (places[2], places[3]) }
        return chunk
    }

    private static func encoding(_ input: inout ThriftInput, into chunk: inout ChunkMetadata) throws(Failure) {
        var (type, encoding, count) = (0, 0, 0)
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: type = try input.size("a page's type")
            case 2: encoding = try input.size("an encoding")
            case 3: count = try input.size("a count of pages", maximum: 1 << 24)
            default: return false
            }
            return true
        }
        // 0 and 3: data pages.
        guard type == 0 || type == 3, let known = PageEncoding(rawValue: encoding) else { return }
        chunk.encodings.append((known, count))
    }

    private static func statistics(_ input: inout ThriftInput, into chunk: inout ChunkMetadata) throws(Failure) {
        var found = chunk
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 3: found.nullCount = try input.integer()
            case 5: found.greatest = try input.binary()
            case 6: found.least = try input.binary()
            case 7: found.isGreatestExact = field.isTrue
            case 8: found.isLeastExact = field.isTrue
            default: return false
            }
            return true
        }
        chunk = found
    }

    private func check(dataEnd: Int64) throws(Failure) {
        var total: Int64 = 0
        for (index, group) in groups.enumerated() {
            let (sum, overflow) = total.addingReportingOverflow(group.rowCount)
            guard !overflow else { throw Damage.corrupt("its row groups have too many rows") }
            total = sum
            guard group.columns.count == columns.count else {
                throw Damage.corrupt("row group \(index) has \(group.columns.count) columns, not \(columns.count)")
            }
            for chunk in group.columns {
                guard chunk.offset >= 4, chunk.offset <= dataEnd, chunk.compressedByteCount <= dataEnd - chunk.offset
                else { throw Damage.corrupt("a column chunk of row group \(index) lies outside of the data") }
            }
        }
        guard total == rowCount else { throw Damage.corrupt("it has \(rowCount) rows, its row groups \(total)") }
    }
}
