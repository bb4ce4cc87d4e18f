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
    /// The next row of the group, and the stretches of rows from there on that no filter rules out.
    private var groupRow: Int64 = 0
    private var stretches: ArraySlice<Range<Int64>> = []
    let source: any ParquetSource
    /// Rows passed over because of a filter, in row groups of which others were read.
    public private(set) var skippedRowCount: Int64 = 0
    /// Rows read in one step: few at first, until it is known how large they are.
    private var step = 1
    /// Row groups passed over because of a filter.
    public private(set) var skippedGroupCount = 0

    /// Opens a file and reads its footer. `selected`: names of columns, nil for all. Throws `parquet.corrupt`,
    /// `parquet.unsupported`, `parquet.no_column`, and what the source throws.
    public init(
        _ source: any ParquetSource, columns names: [String]? = nil, filters: [ParquetFilter] = []
    ) throws(Failure) {
        self.source = source
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

    /// The row group that `next` begins with; nil in the middle of one, at the end, and with filters.
    public var nextGroup: Int? {
        groupRowsLeft == 0 && filters.isEmpty && group + 1 < metadata.groups.count ? group + 1 : nil
    }

    /// Passes over `nextGroup`.
    public func skipGroup() { if nextGroup != nil { group += 1 } }

    func group(_ index: Int) -> GroupMetadata? {
        index >= 0 && index < metadata.groups.count ? metadata.groups[index] : nil
    }

    /// Of all columns, if none is nested; else fewer than the columns' leaves.
    var physicals: [PhysicalType] {
        metadata.fields.allSatisfy { $0.kind == .scalar } ? metadata.columns.map(\.physical) : []
    }

    /// Reads the next rows; false at the end. Throws `parquet.corrupt`, `parquet.unsupported`, and what the
    /// source throws: then the reader is of no more use.
    public func next() throws(Failure) -> Bool {
        rows.removeAll()
        let place = rows.appendGroup(RowGroup(table: "", partition: ""))
        while groupRowsLeft == 0 {
            guard try beginGroup() else { return false }
        }
        var count = 0
        while count < Self.batchRowCount, groupRowsLeft > 0, let stretch = stretches.first {
            if groupRow < stretch.lowerBound { try skip(to: stretch.lowerBound) }
            let length = Int(min(stretch.upperBound - groupRow, Int64(min(step, Self.batchRowCount - count))))
            for (reader, _, column) in flat { try reader.read(length, into: column) }
            for reader in nested { try reader.read(length) }
            for _ in 0..<length { rows.commitRow(event: 0, group: place) }
            groupRowsLeft -= Int64(length)
            groupRow += Int64(length)
            if groupRow == stretch.upperBound { stretches.removeFirst() }
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
    private func beginGroup() throws(Failure) -> Bool {
        while group + 1 < metadata.groups.count {
            group += 1
            let current = metadata.groups[group]
            if try isRuledOut(current) {
                skippedGroupCount += 1
                continue
            }
            stretches = try stretches(of: current)[...]
            groupRow = 0
            groupRowsLeft = stretches.reduce(0) { $0 + Int64($1.count) }
            guard groupRowsLeft > 0 || current.rowCount == 0 else {
                skippedGroupCount += 1
                continue
            }
            skippedRowCount += current.rowCount - groupRowsLeft
            for (reader, place, _) in flat {
                reader.begin(current.columns[place], rowCount: current.rowCount, entryCount: current.rowCount)
            }
            for reader in nested { reader.begin(current) }
            return true
        }
        return false
    }

    private func skip(to row: Int64) throws(Failure) {
        for (reader, _, column) in flat { try reader.skip(from: groupRow, to: row, column) }
        for reader in nested { try reader.skip(from: groupRow, to: row) }
        groupRow = row
    }

    /// The rows of a group that no filter rules out by the page index.
    private func stretches(of group: GroupMetadata) throws(Failure) -> [Range<Int64>] {
        var left = group.rowCount > 0 ? [0..<group.rowCount] : []
        for filter in filters {
            guard let field = metadata.fields.first(where: { $0.name == filter.column }), field.kind == .scalar
            else { continue }
            let column = metadata.columns[field.leaves.lowerBound]
            let chunk = group.columns[field.leaves.lowerBound]
            guard let statistics = try PageIndex.statistics(chunk, source),
                let pages = try PageIndex.locations(chunk, source, rowCount: group.rowCount),
                pages.count == statistics.count
            else { continue }
            var kept: [Range<Int64>] = []
            for (index, page) in pages.enumerated() where !filter.rulesOut(statistics[index], column, rowCount: 1) {
                let end = index + 1 < pages.count ? pages[index + 1].firstRow : group.rowCount
                kept.append(page.firstRow..<end)
            }
            left = Self.common(left, kept)
        }
        return left
    }

    /// Rows that are in both of two rising lists of stretches.
    private static func common(_ left: [Range<Int64>], _ right: [Range<Int64>]) -> [Range<Int64>] {
        var found: [Range<Int64>] = []
        var (first, second) = (0, 0)
        while first < left.count, second < right.count {
            let rows = left[first].clamped(to: right[second])
            if let last = found.last, last.upperBound == rows.lowerBound, !rows.isEmpty {
                found[found.count - 1] = last.lowerBound..<rows.upperBound
            } else if !rows.isEmpty {
                found.append(rows)
            }
            if left[first].upperBound <= right[second].upperBound { first += 1 } else { second += 1 }
        }
        return found
    }

    private func isRuledOut(_ group: GroupMetadata) throws(Failure) -> Bool {
        for filter in filters {
            // Of a nested column nothing is known.
            guard let field = metadata.fields.first(where: { $0.name == filter.column }), field.kind == .scalar
            else { continue }
            let (chunk, column) = (group.columns[field.leaves.lowerBound], metadata.columns[field.leaves.lowerBound])
            if filter.rulesOut(chunk, column, rowCount: group.rowCount) { return true }
            if try filter.isNot(in: chunk, column, source) { return true }
        }
        return false
    }
}
