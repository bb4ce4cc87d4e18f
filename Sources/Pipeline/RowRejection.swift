public import Event

/// An event of a batch that became no row.
public struct RowRejection: Sendable, Equatable {
    /// Index into the EventBatch's events.
    public var event: Int32
    public var reason: Rejection
    /// Index into `RoutePlan.columns` of the column that decided it, or -1; beyond them a part of a nested column.
    /// `RoutePlan.columnName` has its name.
    public var column: Int32

    public init(event: Int32, reason: Rejection, column: Int32 = -1) {
        self.event = event
        self.reason = reason
        self.column = column
    }
}
