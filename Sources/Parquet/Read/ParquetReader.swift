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
    private let filters: [ParquetFilter]
    /// Of the selected columns: the flat ones with their place in the file, and the others.
    private let flat: [(reader: ColumnReader, place: Int, column: Column)]
    private let nested: [NestedReader]
    private var group = -1
    private var groupRowsLeft: Int64 = 0
    /// Rows read in one step: few at first, until it is known how large they are.
    private var step = 1
    /// Row groups passed over because of a filter.
    public private(set) var skippedGroupCount = 0

    /// Opens a file and reads its footer. `selected`: names of columns, nil for all. Throws `parquet.corrupt`,
    /// `parquet.unsupported`, `parquet.no_column`, and what the source throws.
    public init(
        _ source: any ParquetSource, columns names: [String]? = nil, filters: [ParquetFilter] = []
    ) throws(Failure) {
        metadata = try FileMetadata(source)
        columns = metadata.fields.map { ($0.name, $0.shape) }
        guard metadata.columns.count <= RowBatch.maximumColumnCount else {
            throw Damage.unsupported("a file of \(metadata.columns.count) columns")
        }
        var selected: [StoredField] = []
        for name in names ?? [] { selected.append(try Self.field(name, in: metadata.fields)) }
        if names == nil { selected = metadata.fields }
        for filter in filters { _ = try Self.field(filter.column, in: metadata.fields) }
        self.filters = filters
        for field in selected {
            guard let refusal = field.refusal else { continue }
            throw Damage.unsupported("column \(field.name.debugDescription), \(refusal),")
        }
        rows = RowBatch(shapes: selected.map { ($0.name, $0.shape) })
        let expander = PageExpander()
        var flat: [(reader: ColumnReader, place: Int, column: Column)] = []
        var nested: [NestedReader] = []
        for (field, column) in zip(selected, rows.columns) {
            var readers: [ColumnReader] = []
            for place in field.leaves {
                readers.append(try ColumnReader(metadata.columns[place], source, expander))
            }
            if field.kind == .scalar {
                flat.append((readers[0], field.leaves.lowerBound, column))
            } else {
                nested.append(NestedReader(field, into: column, readers))
            }
        }
        (self.flat, self.nested) = (flat, nested)
    }

    private static func field(_ name: String, in fields: [StoredField]) throws(Failure) -> StoredField {
        guard let field = fields.first(where: { $0.name == name }) else {
            throw Failure(
                "parquet.no_column", stage: .format, kind: .usage, "the file has no column \(name.debugDescription)",
                hint: "it has " + fields.prefix(20).map(\.name).joined(separator: ", "))
        }
        return field
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
            for (reader, _, column) in flat { try reader.read(length, into: column) }
            for reader in nested { try reader.read(length) }
            for _ in 0..<length { rows.commitRow(event: 0, group: place) }
            groupRowsLeft -= Int64(length)
            count += length
            let byteCount = rows.columns.reduce(0) { $0 + $1.byteCount }
            // Why one by one with nested columns: a single row of theirs may be of any length.
            let longest = nested.isEmpty ? 1_024 : 1
            step = max(1, min(longest, Self.batchByteCount / 4 / max(1, byteCount / count), step * 2))
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
            for (reader, place, _) in flat { reader.begin(current.columns[place], rowCount: current.rowCount) }
            for reader in nested { reader.begin(current.columns) }
            groupRowsLeft = current.rowCount
            return true
        }
        return false
    }

    private func isRuledOut(_ group: GroupMetadata) -> Bool {
        filters.contains { filter in
            // Of a nested column nothing is known.
            guard let field = metadata.fields.first(where: { $0.name == filter.column }), field.kind == .scalar
            else { return false }
            let place = field.leaves.lowerBound
            return filter.rulesOut(group.columns[place], metadata.columns[place], rowCount: group.rowCount)
        }
    }
}
