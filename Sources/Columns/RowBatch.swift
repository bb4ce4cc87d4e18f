/// Where a row goes: a table and a partition of it.
public struct RowGroup: Hashable, Sendable {
    /// `db.table`.
    public var table: String
    /// `dt=2026-11-20`.
    public var partition: String
    public init(table: String, partition: String) {
        self.table = table
        self.partition = partition
    }
}

/// Rows in typed columns: what a parser fills and a format drains. Reused: keeps its memory, so a batch
/// of its usual size allocates nothing. One owner at a time; not thread-safe.
///
/// Invariants:
/// - every column holds exactly `rowCount` rows, except between the first append of a row and its
///   `commitRow` or `abandonRow`;
/// - `rowGroup[r]` is an index into `groups`, `rowEvent[r]` one into the events of the EventBatch that
///   the rows were parsed from; rows are in the order of those events.
// Safety: `content` is allocated and freed by the batch alone.
@safe public final class RowBatch {
    /// The most columns a table may have, the scalars of nested ones counted: each starts with 8 to 24 KiB, 16,384 of
    /// them with 400 MiB at most.
    public static let maximumColumnCount = 16_384

    /// The columns, in the table's order. The handles live as long as this batch.
    public let columns: [Column]
    /// Why a pointer: as a property it would be checked for exclusive access at every row.
    private let content: UnsafeMutablePointer<Content>
    /// Committed rows.
    public var rowCount: Int { unsafe content.pointee.rowCount }
    /// The groups of this batch's rows, in order of first appearance.
    public var groups: [RowGroup] { unsafe content.pointee.groups }
    /// Per row: index into `groups`.
    public var rowGroup: [Int32] { unsafe content.pointee.rowGroup }
    /// Per row: index into the EventBatch's events.
    public var rowEvent: [Int32] { unsafe content.pointee.rowEvent }

    private struct Content {
        var rowCount = 0
        var groups: [RowGroup] = []
        var rowGroup: [Int32] = []
        var rowEvent: [Int32] = []

        mutating func removeAll() {
            rowCount = 0
            groups.removeAll(keepingCapacity: true)
            rowGroup.removeAll(keepingCapacity: true)
            rowEvent.removeAll(keepingCapacity: true)
        }

        mutating func retain(_ isKept: [Bool]) {
            var kept = 0
            for row in 0..<rowCount where isKept[row] {
                rowGroup[kept] = rowGroup[row]
                rowEvent[kept] = rowEvent[row]
                kept += 1
            }
            rowGroup.removeLast(rowCount - kept)
            rowEvent.removeLast(rowCount - kept)
            rowCount = kept
        }

        mutating func commitRow(event: Int32, group: Int32) {
            precondition(group >= 0 && Int(group) < groups.count, "row without a group")
            rowCount += 1
            rowGroup.append(group)
            rowEvent.append(event)
        }
    }

    /// Forgets the rows that are not marked; their values are gone already.
    func keepRows(_ isKept: [Bool]) { unsafe content.pointee.retain(isKept) }

    /// A batch for columns of these names and types; decimals have 38 digits and no scale.
    public convenience init(columns: [(name: String, type: ColumnType)]) {
        self.init(shapes: columns.map { ($0.name, ColumnShape($0.type)) })
    }

    /// A batch for a table's columns.
    public convenience init(_ columns: [ColumnSpec]) {
        self.init(shapes: columns.map { ($0.name, $0.shape) })
    }

    /// A batch for columns of these names and shapes.
    public init(shapes: [(name: String, shape: ColumnShape)]) {
        precondition(
            shapes.reduce(0) { $0 + $1.shape.leafCount } <= Self.maximumColumnCount, "too many columns")
        columns = shapes.map { Column(name: $0.name, shape: $0.shape) }
        unsafe content = .allocate(capacity: 1)
        unsafe content.initialize(to: Content())
    }

    deinit {
        for column in columns { column.destroy() }
        unsafe content.deinitialize(count: 1)
        unsafe content.deallocate()
    }

    /// Forgets rows and groups, keeps memory.
    public func removeAll() {
        for column in columns { column.truncate(to: 0) }
        unsafe content.pointee.removeAll()
    }

    /// Adds a group and returns its index. The caller asks once per group.
    public func appendGroup(_ group: RowGroup) -> Int32 {
        unsafe content.pointee.groups.append(group)
        return unsafe Int32(content.pointee.groups.count - 1)
    }

    /// Closes the row whose values were appended to every column.
    public func commitRow(event: Int32, group: Int32) {
        unsafe content.pointee.commitRow(event: event, group: group)
    }

    /// Takes back what was appended since the last `commitRow`.
    public func abandonRow() {
        for column in columns { column.truncate(to: rowCount) }
    }
}
