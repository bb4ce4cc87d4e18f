/// What stands at the end of a file: page indexes and metadata. Source: parquet.thrift, PageIndex.md.
struct Footer {
    /// The table's columns.
    let columns: [SchemaNode]
    let leaves: [Leaf]
    let options: ParquetOptions
    let groups: [RowGroupRecord]
    let rowCount: Int64
    /// Where each chunk's indexes are: `[group * columns + column]`; length 0: none.
    private var columnIndexes: [(offset: Int64, length: Int)] = []
    private var offsetIndexes: [(offset: Int64, length: Int)] = []

    init(
        columns: [SchemaNode], leaves: [Leaf], options: ParquetOptions, groups: [RowGroupRecord], rowCount: Int64
    ) {
        self.columns = columns
        self.leaves = leaves
        self.options = options
        self.groups = groups
        self.rowCount = rowCount
    }

    /// The column indexes of all chunks, as they follow the last row group.
    mutating func columnIndexes(from start: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        columnIndexes.removeAll()
        for group in groups {
            for (leaf, chunk) in zip(leaves, group.columns) {
                let index = Self.columnIndex(leaf, chunk)
                columnIndexes.append((start + Int64(bytes.count), index.count))
                bytes += index
            }
        }
        return bytes
    }

    /// The offset indexes of all chunks, as they follow the column indexes.
    mutating func offsetIndexes(from start: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        offsetIndexes.removeAll()
        for group in groups {
            var chunkOffset = group.offset
            for chunk in group.columns {
                let first = chunkOffset + Int64(chunk.dictionaryByteCount)
                var output = ThriftOutput()
                output.element { index in
                    index.list(1, .structure, count: chunk.pages.count) { list in
                        for page in chunk.pages {
                            list.element { location in
                                location.int64(1, first + Int64(page.offset))
                                location.int32(2, page.byteCount)
                                location.int64(3, Int64(page.firstRow))
                            }
                        }
                    }
                }
                offsetIndexes.append((start + Int64(bytes.count), output.bytes.count))
                bytes += output.bytes
                chunkOffset += Int64(chunk.compressedByteCount)
            }
        }
        return bytes
    }

    /// Empty if a page has values but no bounds: such a chunk has no column index.
    private static func columnIndex(_ leaf: Leaf, _ chunk: ColumnChunkRecord) -> [UInt8] {
        let pages = chunk.pages
        guard pages.allSatisfy({ $0.bounds != nil || $0.nullCount == $0.entryCount }) else { return [] }
        var output = ThriftOutput()
        output.element { index in
            index.list(1, .yes, count: pages.count) { list in
                for page in pages { list.element(page.bounds == nil) }
            }
            index.list(2, .binary, count: pages.count) { list in
                for page in pages { list.element(page.bounds?.least ?? []) }
            }
            index.list(3, .binary, count: pages.count) { list in
                for page in pages { list.element(page.bounds?.greatest ?? []) }
            }
            index.int32(4, BoundOrder.of(pages.compactMap(\.bounds), leaf))
            index.list(5, .int64, count: pages.count) { list in
                for page in pages { list.zigzag(Int64(page.nullCount)) }
            }
        }
        return output.bytes
    }

    /// What Hive looks for: days are of the Gregorian calendar at all times, INT96 is in UTC. Without it Hive
    /// moves days before 1582 and INT96 times of any year.
    /// Source: Hive's DataWritableWriteSupport (WRITER_TIMEZONE, WRITER_DATE_PROLEPTIC, WRITER_ZONE_CONVERSION_LEGACY).
    private static let calendar: [(key: String, value: String)] = [
        ("writer.time.zone", "UTC"), ("writer.date.proleptic", "true"), ("writer.zone.conversion.legacy", "false"),
    ]

    /// FileMetaData.
    func metadata() -> [UInt8] {
        var output = ThriftOutput()
        output.element { file in
            file.int32(1, 2)
            file.list(2, .structure, count: columns.reduce(1) { $0 + $1.elementCount }) { list in
                list.element { root in
                    root.text(4, "schema")
                    root.int32(5, columns.count)
                }
                var rest = leaves[...]
                for column in columns { column.write(to: &list, leaves: &rest) }
            }
            file.int64(3, rowCount)
            file.list(4, .structure, count: groups.count) { list in
                for index in groups.indices { list.element { write(group: index, to: &$0) } }
            }
            let pairs = options.metadata + Self.calendar
            file.list(5, .structure, count: pairs.count) { list in
                for (key, value) in pairs {
                    list.element { pair in
                        pair.text(1, key)
                        pair.text(2, value)
                    }
                }
            }
            file.text(6, options.createdBy)
            file.list(7, .structure, count: leaves.count) { list in
                for _ in leaves { list.element { $0.structure(1) { _ in } } }
            }
        }
        return output.bytes
    }

    private func write(group index: Int, to output: inout ThriftOutput) {
        let group = groups[index]
        var offset = group.offset
        output.list(1, .structure, count: group.columns.count) { list in
            for column in group.columns.indices {
                list.element { write(column: column, of: index, at: offset, to: &$0) }
                offset += Int64(group.columns[column].compressedByteCount)
            }
        }
        output.int64(2, group.columns.reduce(0) { $0 + Int64($1.uncompressedByteCount) })
        output.int64(3, Int64(group.rowCount))
        output.int64(5, group.offset)
        output.int64(6, group.columns.reduce(0) { $0 + Int64($1.compressedByteCount) })
        // The number has 16 bits and may be left out.
        if let ordinal = Int16(exactly: index) { output.int16(7, ordinal) }
    }

    private func write(column: Int, of group: Int, at offset: Int64, to output: inout ThriftOutput) {
        let chunk = groups[group].columns[column]
        output.int64(2, 0)
        output.structure(3) { Self.write(leaves[column], chunk, at: offset, options, to: &$0) }
        let place = group * leaves.count + column
        output.int64(4, offsetIndexes[place].offset)
        output.int32(5, offsetIndexes[place].length)
        if columnIndexes[place].length > 0 {
            output.int64(6, columnIndexes[place].offset)
            output.int32(7, columnIndexes[place].length)
        }
    }

    /// ColumnMetaData.
    private static func write(
        _ leaf: Leaf, _ chunk: ColumnChunkRecord, at offset: Int64, _ options: ParquetOptions,
        to output: inout ThriftOutput
    ) {
        let hasDictionary = chunk.dictionaryByteCount > 0
        let used = Dictionary(chunk.pages.map { ($0.encoding, 1) }, uniquingKeysWith: +)
            .sorted { $0.key < $1.key }
        var encodings = Set(used.map(\.key) + [.rle])
        if hasDictionary { encodings.insert(.plain) }
        output.int32(1, leaf.physical.rawValue)
        output.list(2, .int32, count: encodings.count) { list in
            for encoding in encodings.sorted() { list.zigzag(Int64(encoding.rawValue)) }
        }
        output.list(3, .binary, count: leaf.path.count) { list in
            for name in leaf.path { list.element(Array(name.utf8)) }
        }
        output.int32(4, options.codec.number)
        output.int64(5, Int64(chunk.valueCount))
        output.int64(6, Int64(chunk.uncompressedByteCount))
        output.int64(7, Int64(chunk.compressedByteCount))
        output.int64(9, offset + Int64(chunk.dictionaryByteCount))
        if hasDictionary { output.int64(11, offset) }
        output.structure(12) { statistics in
            statistics.int64(3, Int64(chunk.nullCount))
            guard let bounds = chunk.bounds else { return }
            statistics.binary(5, bounds.greatest)
            statistics.binary(6, bounds.least)
            statistics.boolean(7, bounds.isGreatestExact)
            statistics.boolean(8, bounds.isLeastExact)
        }
        output.list(13, .structure, count: used.count + (hasDictionary ? 1 : 0)) { list in
            if hasDictionary { list.element { Self.write(pageType: 2, .plain, 1, to: &$0) } }
            let type = options.usesPages2 ? 3 : 0
            for (encoding, count) in used { list.element { Self.write(pageType: type, encoding, count, to: &$0) } }
        }
        if let place = chunk.bloomPlace {
            output.int64(14, place.offset)
            output.int32(15, place.byteCount)
        }
    }

    private static func write(
        pageType: Int, _ encoding: PageEncoding, _ count: Int, to output: inout ThriftOutput
    ) {
        output.int32(1, pageType)
        output.int32(2, encoding.rawValue)
        output.int32(3, count)
    }
}

/// Whether the bounds of a chunk's pages rise or fall, so that readers may search instead of scan.
enum BoundOrder {
    /// 0: neither, 1: both rise, 2: both fall.
    static func of(_ bounds: [Bounds], _ leaf: Leaf) -> Int {
        guard bounds.count > 1 else { return 1 }
        var (rises, falls) = (true, true)
        for (left, right) in zip(bounds, bounds.dropFirst()) {
            let least = compare(left.least, right.least, leaf)
            let greatest = compare(left.greatest, right.greatest, leaf)
            if least > 0 || greatest > 0 { rises = false }
            if least < 0 || greatest < 0 { falls = false }
        }
        return rises ? 1 : (falls ? 2 : 0)
    }

    /// Negative: left comes first. In the order of the column's type.
    static func compare(_ left: [UInt8], _ right: [UInt8], _ leaf: Leaf) -> Int {
        switch leaf.physical {
        case .byteArray:
            return left == right ? 0 : (left.lexicographicallyPrecedes(right) ? -1 : 1)
        case .double:
            let (first, second) = (Double(bitPattern: bits(left)), Double(bitPattern: bits(right)))
            return first == second ? 0 : (first < second ? -1 : 1)
        case .fixed:
            let (first, second) = (wide(left), wide(right))
            return first == second ? 0 : (first < second ? -1 : 1)
        case .boolean, .int32, .int64, .int96, .float:
            let (first, second) = (word(left), word(right))
            return first == second ? 0 : (first < second ? -1 : 1)
        }
    }

    static func bits(_ bytes: [UInt8]) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Little-endian and signed, of any width up to eight bytes.
    static func word(_ bytes: [UInt8]) -> Int64 {
        let shift = Int64(64 - 8 * min(8, bytes.count))
        return (Int64(bitPattern: bits(bytes)) << shift) >> shift
    }

    /// Big-endian and signed.
    static func wide(_ bytes: [UInt8]) -> Int128 {
        bytes.reduce(bytes.first ?? 0 >= 0x80 ? -1 : 0) { $0 << 8 | Int128($1) }
    }
}
