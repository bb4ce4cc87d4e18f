internal import Event

/// Where a page of a chunk begins, in the file and in the row group.
struct PageLocation: Sendable {
    var offset: Int64 = -1
    /// With its header; 0: not said.
    var byteCount: Int64 = 0
    var firstRow: Int64 = -1
}

/// The page index of a chunk, read when a filter or a jump needs it. Source: parquet-format PageIndex.md.
enum PageIndex {
    /// Largest index of a chunk: a million pages with short bounds.
    static let maximumByteCount: Int64 = 64 << 20

    /// The pages of a chunk; nil if the file does not say. Their rows rise from 0, their places lie in the chunk.
    static func locations(
        _ chunk: ChunkMetadata, _ source: any ParquetSource, rowCount: Int64
    ) throws(Failure) -> [PageLocation]? {
        guard var input = try input(chunk.offsetIndex, source) else { return nil }
        var pages: [PageLocation] = []
        try input.structure { input, field throws(Failure) in
            guard field.id == 1, field.kind == 9 else { return false }
            try input.list { input throws(Failure) in
                var page = PageLocation()
                try input.structure { input, field throws(Failure) in
                    switch field.id {
                    case 1: page.offset = Int64(try input.size("a page's place"))
                    case 2: page.byteCount = Int64(try input.size("a page's size"))
                    case 3: page.firstRow = Int64(try input.size("a page's first row"))
                    default: return false
                    }
                    return true
                }
                pages.append(page)
            }
            return true
        }
        var (row, offset) = (Int64(-1), chunk.offset - 1)
        for page in pages {
            guard page.firstRow > row, page.firstRow < max(rowCount, 1), page.offset > offset,
                page.offset < chunk.offset + chunk.compressedByteCount
            else { throw Damage.corrupt("a page index names pages that cannot be") }
            (row, offset) = (page.firstRow, page.offset)
        }
        guard pages.first?.firstRow == 0 else { throw Damage.corrupt("a page index does not begin with the first row") }
        return pages
    }

    /// What is known of each page as if it were a chunk of its own; nil if the file does not say.
    static func statistics(_ chunk: ChunkMetadata, _ source: any ParquetSource) throws(Failure) -> [ChunkMetadata]? {
        guard var input = try input(chunk.columnIndex, source) else { return nil }
        var nulls: [Bool] = []
        var least: [[UInt8]] = []
        var greatest: [[UInt8]] = []
        try input.structure { input, field throws(Failure) in
            guard field.kind == 9 else { return false }
            switch field.id {
            case 1: try input.list { input throws(Failure) in nulls.append(try input.rawByte() == 1) }
            case 2: try input.list { input throws(Failure) in least.append(try input.binary()) }
            case 3: try input.list { input throws(Failure) in greatest.append(try input.binary()) }
            default: return false
            }
            return true
        }
        guard least.count == nulls.count, greatest.count == nulls.count else {
            throw Damage.corrupt("a page index has bounds of some pages only")
        }
        return nulls.indices.map { index in
            var page = ChunkMetadata()
            // One row stands for all: a page of nulls has no others.
            page.nullCount = nulls[index] ? 1 : 0
            if !nulls[index] { (page.least, page.greatest) = (least[index], greatest[index]) }
            return page
        }
    }

    /// The nulls of each page; nil if the file does not say.
    static func nullCounts(_ chunk: ChunkMetadata, _ source: any ParquetSource) throws(Failure) -> [Int64]? {
        guard var input = try input(chunk.columnIndex, source) else { return nil }
        var counts: [Int64] = []
        try input.structure { input, field throws(Failure) in
            guard field.id == 5, field.kind == 9 else { return false }
            try input.list { input throws(Failure) in counts.append(Int64(try input.size("a count of nulls"))) }
            return true
        }
        return counts
    }

    private static func input(
        _ place: (offset: Int64, byteCount: Int64)?, _ source: any ParquetSource
    ) throws(Failure) -> ThriftInput? {
        guard let place, place.byteCount > 0, place.byteCount <= maximumByteCount else { return nil }
        return ThriftInput(try source.bytes(at: place.offset, count: Int(place.byteCount)))
    }
}
