// Contract between Pipeline (fills) and Sinks (drains); the columns themselves follow.

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
