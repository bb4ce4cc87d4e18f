public import Columns
public import Event

/// A Parquet file as it is written, front to back: magic, row groups, page indexes, footer.
///
///     ParquetFile -> append(group)* -> finish
///
/// Every call hands bytes to `write`, in the order of the file. Memory: what the footer will say, about 200
/// bytes a page. One thread at a time. A file without row groups is a table without rows.
public final class ParquetFile {
    private let columns: [SchemaNode]
    let leaves: [Leaf]
    let options: ParquetOptions
    private var groups: [RowGroupRecord] = []
    /// Bytes written so far.
    public private(set) var byteCount: Int64 = 0
    /// Rows written so far.
    public private(set) var rowCount: Int64 = 0

    private static let magic = Array("PAR1".utf8)

    /// A file for these columns; nothing is written before the first row group or the end.
    public init(columns: [(name: String, shape: ColumnShape)], options: ParquetOptions) {
        self.columns = columns.map { SchemaNode(name: $0.name, shape: $0.shape) }
        leaves = Leaf.all(columns, usesInt96: options.usesInt96)
        self.options = options
    }

    /// Writes a finished row group with the same columns. A group without rows writes nothing.
    /// Throws `sink.other_columns`, and what `write` throws: then the file is lost.
    public func append(
        _ group: RowGroupEncoder, write: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard group.leaves == leaves else {
            throw Failure(
                "sink.other_columns", stage: .format, kind: .corrupt,
                "rows with other columns than the file has were to be written into it",
                hint: "routes into one table must have the same columns")
        }
        try group.finish()
        guard group.rowCount > 0 else { return }
        try unsafe begin(write)
        var record = RowGroupRecord(rowCount: group.rowCount, columns: group.columns.map(\.record))
        record.offset = byteCount
        for column in group.columns {
            try unsafe put(column.dictionaryPage.bytes, write)
            try unsafe put(column.pages.bytes, write)
        }
        for index in record.columns.indices where !record.columns[index].bloomFilter.isEmpty {
            let filter = record.columns[index].bloomFilter
            record.columns[index].bloomPlace = (byteCount, filter.count)
            record.columns[index].bloomFilter = []
            try unsafe put(filter, write)
        }
        note(record)
    }

    /// Takes down a row group that was written.
    func note(_ record: RowGroupRecord) {
        groups.append(record)
        rowCount += Int64(record.rowCount)
    }

    /// Writes the page indexes and the footer: the end of the file.
    public func finish(write: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        try unsafe begin(write)
        var footer = Footer(columns: columns, leaves: leaves, options: options, groups: groups, rowCount: rowCount)
        try unsafe put(footer.columnIndexes(from: byteCount), write)
        try unsafe put(footer.offsetIndexes(from: byteCount), write)
        var bytes = footer.metadata()
        let length = UInt32(bytes.count)
        for shift in stride(from: UInt32(0), to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: length >> shift)) }
        bytes += Self.magic
        try unsafe put(bytes, write)
    }

    func begin(_ write: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        if byteCount == 0 { try unsafe put(Self.magic, write) }
    }

    private func put(_ bytes: [UInt8], _ write: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        var failure: Failure?
        unsafe bytes.withUnsafeBytes { buffer in
            do throws(Failure) { try unsafe put(buffer, write) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    func put(
        _ bytes: UnsafeRawBufferPointer, _ write: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard unsafe !bytes.isEmpty else { return }
        try unsafe write(bytes)
        byteCount += Int64(bytes.count)
    }
}
