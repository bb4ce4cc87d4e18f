public import Event
internal import JSON

/// What an event of a tool says: one change, or several rows of one. Views into the event or the decoder, valid
/// until the next `decode` and as long as the event.
public struct ChangeEvent {
    public var operation = ChangeLog.Operation.insert
    /// As the source writes them; empty: not said (DDL of a database has no table).
    public var database = ByteView.empty
    public var table = ByteView.empty
    /// The tool says that this is the first row of its table's snapshot.
    public var isFirst = false
    /// Nil: the record says none.
    public var place: RecordPlace?
    /// The binlog's name without its number: positions of another one are others.
    public var log = ByteView.empty
    /// GTID or XID; empty: not said.
    public var transaction = ByteView.empty
    public var transactionRow: Int64?
    /// Microseconds since the epoch; nil: not said.
    public var committed: Int64?
    /// JSON; empty: not said.
    public var key = ByteView.empty
    public var types = ByteView.empty
    /// DDL text; empty: none.
    public var sql = ByteView.empty
    /// JSON objects of an event of one row; empty: none.
    var before = ByteView.empty
    var after = ByteView.empty
    /// JSON arrays of an event of several rows; empty: it is of one row.
    var rowsBefore = ByteView.empty
    var rowsAfter = ByteView.empty

    init() {}

    /// Calls `body` for every row, in order: `before` and `after` are JSON objects or empty.
    public func forEachRow(_ body: (_ before: ByteView, _ after: ByteView) -> Void) {
        guard !rowsAfter.isEmpty || !rowsBefore.isEmpty else { return body(before, after) }
        let isDelete = operation == .delete
        var rows = JSONParts(rowsAfter, isArray: true)
        var old = JSONParts(rowsBefore, isArray: true)
        while let row = rows.next()?.value.raw {
            let part = old.next()?.value ?? .missing
            let earlier = part.isObject ? part.raw : .empty
            body(isDelete ? row : earlier, isDelete ? .empty : row)
        }
    }
}

/// Why an event holds no change, though nothing is wrong with it. Counted by name.
public enum ChangeFilter: String, Sendable, CaseIterable {
    /// Kafka's sign that a key is gone, behind Debezium's own record of it.
    case tombstone
    /// BEGIN and END of transactions.
    case transaction
    case heartbeat
    /// Canal: the text of the statement whose rows follow.
    case statement
    /// A message that belongs to no table.
    case message
    /// A table that the configuration ignores.
    case ignored = "ignored_table"
}

/// What became of an event.
public enum ChangeOutcome: Sendable, Equatable {
    /// Rows, at least one.
    case changes(Int)
    case filtered(ChangeFilter)
    /// `field`: the column of the change log that has no right value, or nil.
    case refused(Rejection, ChangeLog.Field? = nil)
}
