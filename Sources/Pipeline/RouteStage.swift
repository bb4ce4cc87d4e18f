public import Columns
public import Event

/// Parse, validate and partition for one lane and route: events in, rows in columns out.
///
/// Invariants:
/// - each event given to `process` ends as exactly one row or one rejection, both in the events' order;
/// - the outcome of an event depends on its bytes, its record's timestamp and the plan alone (but for
///   `too_many_tables`): no clock;
/// - a flow of the usual size allocates nothing per event.
///
/// Reused, one thread at a time; `rows` and `rejections` are valid until the next `process`.
public final class RouteStage {
    public let plan: RoutePlan
    public let rows: RowBatch
    private var maker: RowMaker

    public init(_ plan: RoutePlan) throws(Failure) {
        self.plan = plan
        rows = RowBatch(plan.columns)
        maker = try RowMaker(plan, rows)
    }

    /// The events of the last call that became no row, in order.
    public var rejections: [RowRejection] { maker.rejections }

    /// Parses, checks and partitions exactly these events (indices into `batch.events`), after clearing
    /// what the last call left.
    public func process(_ batch: borrowing EventBatch, events: [Int32]) {
        maker.process(batch, events: events)
    }
}
