public import Columns
public import Event

/// Reads a Parquet file front to back: all columns or some, all row groups or those that statistics do not
/// rule out.
///
///     while try reader.next() { ... reader.rows ... }
///
/// Memory is a page and a dictionary of each column, and a batch of about `batchByteCount`. Files may be
/// hostile: they are refused with `parquet.corrupt`, never believed. One thread at a time.
public final class ParquetReader {
    /// Rows of a batch.
    public static let batchRowCount = 8_192
    /// A batch is cut short beyond this.
    public static let batchByteCount = 16 << 20

    /// Names and shapes of the file's columns.
    public let columns: [(name: String, shape: ColumnShape)]
    /// The rows that `next` has read; valid until the next call. Their columns are those that were selected.
    public let rows: RowBatch
    private let metadata: FileMetadata
    private let selected: [Int]
    private let filters: [ParquetFilter]
    private let readers: [ColumnReader]
    private var group = -1
    private var groupRowsLeft: Int64 = 0
    /// Rows read in one step: few at first, until it is known how large they are.
    private var step = 16
    /// Row groups passed over because of a filter.
    public private(set) var skippedGroupCount = 0

    /// Opens a file and reads its footer. `selected`: names of columns, nil for all. Throws `parquet.corrupt`,
    /// `parquet.unsupported`, `parquet.no_column`, and what the source throws.
    public init(
        _ source: any ParquetSource, columns names: [String]? = nil, filters: [ParquetFilter] = []
    ) throws(Failure) {
        metadata = try FileMetadata(source)
        columns = metadata.columns.map { ($0.name, $0.shape) }
        guard metadata.columns.count <= RowBatch.maximumColumnCount else {
            throw Damage.unsupported("a file of \(metadata.columns.count) columns")
        }
        var selected: [Int] = []
        for name in names ?? [] { selected.append(try Self.index(of: name, in: metadata.columns)) }
        if names == nil { selected = Array(metadata.columns.indices) }
        for filter in filters { _ = try Self.index(of: filter.column, in: metadata.columns) }
        self.selected = selected
        self.filters = filters
        let expander = PageExpander()
        var readers: [ColumnReader] = []
        for index in selected { readers.append(try ColumnReader(metadata.columns[index], source, expander)) }
        self.readers = readers
        rows = RowBatch(shapes: selected.map { [metadata] in (metadata.columns[$0].name, metadata.columns[$0].shape) })
    }

    private static func index(of name: String, in columns: [StoredColumn]) throws(Failure) -> Int {
        guard let index = columns.firstIndex(where: { $0.name == name }) else {
            throw Failure(
                "parquet.no_column", stage: .format, kind: .usage, "the file has no column \(name.debugDescription)",
                hint: "it has " + columns.prefix(20).map(\.name).joined(separator: ", "))
        }
        return index
    }

    /// Rows of the whole file.
    public var rowCount: Int64 { metadata.rowCount }
    /// Rows of each row group.
    public var groupRowCounts: [Int64] { metadata.groups.map(\.rowCount) }
    /// Who wrote the file.
    public var createdBy: String { metadata.createdBy }
    /// The file's key-value pairs.
    public var pairs: [(key: String, value: String)] { metadata.pairs }

    /// Reads the next rows; false at the end. Throws `parquet.corrupt`, `parquet.unsupported`, and what the
    /// source throws: then the reader is of no more use.
    public func next() throws(Failure) -> Bool {
        rows.removeAll()
        let place = rows.appendGroup(RowGroup(table: "", partition: ""))
        while groupRowsLeft == 0 {
            guard beginGroup() else { return false }
        }
        var count = 0
        while count < Self.batchRowCount, groupRowsLeft > 0 {
            let length = Int(min(groupRowsLeft, Int64(min(step, Self.batchRowCount - count))))
            for (reader, column) in zip(readers, rows.columns) { try reader.read(length, into: column) }
            for _ in 0..<length { rows.commitRow(event: 0, group: place) }
            groupRowsLeft -= Int64(length)
            count += length
            let byteCount = rows.columns.reduce(0) { $0 + $1.byteCount }
            step = max(1, min(1_024, Self.batchByteCount / 4 / max(1, byteCount / count), step * 2))
            if byteCount >= Self.batchByteCount { break }
        }
        return true
    }

    /// Begins the next row group that no filter rules out; false if there is none.
    private func beginGroup() -> Bool {
        while group + 1 < metadata.groups.count {
            group += 1
            let current = metadata.groups[group]
            if isRuledOut(current) {
                skippedGroupCount += 1
                continue
            }
            for (reader, index) in zip(readers, selected) {
                reader.begin(current.columns[index], rowCount: current.rowCount)
            }
            groupRowsLeft = current.rowCount
            return true
        }
        return false
    }

    private func isRuledOut(_ group: GroupMetadata) -> Bool {
        filters.contains { filter in
            guard let index = metadata.columns.firstIndex(where: { $0.name == filter.column }) else { return false }
            return filter.rulesOut(group.columns[index], metadata.columns[index], rowCount: group.rowCount)
        }
    }
}
