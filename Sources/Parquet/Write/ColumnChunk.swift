/// A data page before it has an encoding: its rows and levels.
struct PageShape: Sendable {
    /// Counted from the row group's.
    var firstRow: Int
    var rowCount: Int
    /// Values and nulls.
    var entryCount: Int
    var valueCount: Int
    /// Bytes of the encoded levels, in pages of version 1 each with its length.
    var levelByteCounts: (repetition: Int, definition: Int)
}

/// A finished data page, for the page index.
struct PageRecord: Sendable {
    /// From the first data page of the chunk.
    var offset: Int
    /// Bytes in the file, the header included.
    var byteCount: Int
    /// The first row, counted from the row group's.
    var firstRow: Int
    var rowCount: Int
    /// Values and nulls; of nested columns other than the rows.
    var entryCount: Int
    var nullCount: Int
    var bounds: Bounds?
    var encoding: PageEncoding
}

/// A finished column chunk: what the footer says about it. Offsets count from the first byte of the chunk.
struct ColumnChunkRecord: Sendable {
    var valueCount = 0
    var nullCount = 0
    var bounds: Bounds?
    var pages: [PageRecord] = []
    /// Bytes of the dictionary page in the file, 0 without one; it comes first.
    var dictionaryByteCount = 0
    var uncompressedByteCount = 0
    var compressedByteCount = 0
    /// The Bloom filter with its header, until it is in the file; then where it is.
    var bloomFilter: [UInt8] = []
    var bloomPlace: (offset: Int64, byteCount: Int)?
}

/// A finished row group. Offsets count from its first byte.
struct RowGroupRecord: Sendable {
    var rowCount: Int
    var columns: [ColumnChunkRecord]
    /// In the file; filled in as the group is written.
    var offset: Int64 = 0
}
