internal import Columns
public import Event

/// A row group as it lies in a file: what another file of the same columns needs to hold it byte for byte.
public struct StoredGroup {
    /// As a writer would have it; offsets count from the group's first byte.
    let record: RowGroupRecord
    /// Where each chunk begins.
    let offsets: [Int64]
    let physicals: [PhysicalType]
    let columns: [(name: String, shape: ColumnShape)]
    let codec: Int
    let createdBy: String
    let source: any ParquetSource

    /// Rows in it.
    public var rowCount: Int { record.rowCount }
    /// Bytes of its chunks.
    public var byteCount: Int64 { record.columns.reduce(0) { $0 + Int64($1.compressedByteCount) } }
}

extension ParquetReader {
    /// A row group as it lies in the file; nil where the file does not say enough of it: nested columns, no page
    /// index, Bloom filters.
    public func storedGroup(_ index: Int) throws(Failure) -> StoredGroup? {
        guard let group = group(index), let codec = group.columns.first?.codec,
            group.columns.allSatisfy({ $0.codec == codec && $0.bloomOffset == nil })
        else { return nil }
        var record = RowGroupRecord(rowCount: Int(group.rowCount), columns: [])
        for chunk in group.columns {
            guard let stored = try PageIndex.record(chunk, source, rowCount: group.rowCount) else { return nil }
            record.columns.append(stored)
        }
        return StoredGroup(
            record: record, offsets: group.columns.map(\.offset), physicals: physicals, columns: columns, codec: codec,
            createdBy: createdBy, source: source)
    }
}

extension PageIndex {
    /// What a writer would know of a flat chunk; nil if the file does not say it.
    static func record(
        _ chunk: ChunkMetadata, _ source: any ParquetSource, rowCount: Int64
    ) throws(Failure) -> ColumnChunkRecord? {
        guard let places = try locations(chunk, source, rowCount: rowCount), !chunk.encodings.isEmpty,
            chunk.valueCount == rowCount, let nullCount = chunk.nullCount
        else { return nil }
        let known = try statistics(chunk, source)
        let nulls = try nullCounts(chunk, source)
        guard known == nil || known?.count == places.count && nulls?.count == places.count else { return nil }
        var encodings = chunk.encodings.flatMap { Array(repeating: $0.encoding, count: $0.count) }
        guard encodings.count == places.count else { return nil }
        var record = ColumnChunkRecord()
        record.valueCount = Int(chunk.valueCount)
        record.nullCount = Int(nullCount)
        record.compressedByteCount = Int(chunk.compressedByteCount)
        record.uncompressedByteCount = Int(chunk.uncompressedByteCount)
        record.dictionaryByteCount = Int(chunk.dataPageOffset - chunk.offset)
        if let least = chunk.least, let greatest = chunk.greatest {
            record.bounds = Bounds(
                least: least, greatest: greatest, isLeastExact: chunk.isLeastExact,
                isGreatestExact: chunk.isGreatestExact)
        }
        for (index, place) in places.enumerated() {
            let end = index + 1 < places.count ? places[index + 1].firstRow : rowCount
            guard place.byteCount > 0 else { return nil }
            let rows = Int(end - place.firstRow)
            var page = PageRecord(
                offset: Int(place.offset - chunk.dataPageOffset), byteCount: Int(place.byteCount),
                firstRow: Int(place.firstRow), rowCount: rows, entryCount: rows,
                // Why 0 without an index: then a page with values has no bounds, and the chunk no index again.
                nullCount: nulls.map { Int($0[index]) } ?? 0, bounds: nil, encoding: encodings.removeFirst())
            if let least = known?[index].least, let greatest = known?[index].greatest {
                page.bounds = Bounds(least: least, greatest: greatest)
            }
            record.pages.append(page)
        }
        return record
    }
}

extension ParquetFile {
    /// Largest piece that is copied at once.
    private static let pieceByteCount = 1 << 20

    /// Writes a row group of another file as it lies there. False, and nothing written, if it is not what this file
    /// would hold: other columns, another codec, another version of the writer. Throws as `append` does.
    public func append(
        _ group: StoredGroup, write: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) -> Bool {
        guard group.codec == options.codec.number, group.createdBy == options.createdBy, options.bloomColumns.isEmpty,
            group.columns.count == leaves.count,
            zip(group.columns, leaves).allSatisfy({ $0.shape == $1.shape && $1.path == [$0.name] }),
            zip(group.physicals, leaves).allSatisfy({ $0 == $1.physical })
        else { return false }
        try unsafe begin(write)
        var record = group.record
        record.offset = byteCount
        var bytes = [UInt8](repeating: 0, count: Self.pieceByteCount)
        for (offset, chunk) in zip(group.offsets, record.columns) {
            var done = 0
            while done < chunk.compressedByteCount {
                let count = min(chunk.compressedByteCount - done, bytes.count)
                var failure: Failure?
                unsafe bytes.withUnsafeMutableBytes { buffer in
                    let piece = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
                    do throws(Failure) {
                        try unsafe group.source.read(at: offset + Int64(done), into: piece)
                        try unsafe put(UnsafeRawBufferPointer(piece), write)
                    } catch { failure = error }
                }
                if let failure { throw failure }
                done += count
            }
        }
        note(record)
        return true
    }
}
