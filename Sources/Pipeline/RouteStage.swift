public import Columns
public import Event

/// Parse, validate and partition for one lane and route: events in, rows in columns out.
///
/// Invariants:
/// - each event given to `process` ends as exactly one row or one rejection, both in the events' order; or as
///   neither, if the format has lines that are no records (headers, directives): those count as filtered;
/// - the outcome of an event depends on its bytes, its record's timestamp and the plan alone (but for
///   `too_many_tables`): no clock, and nothing of the events before it;
/// - a flow of the usual size allocates nothing per event.
///
/// Reused, one thread at a time; `rows` and `rejections` are valid until the next `process`.
public final class RouteStage {
    public let plan: RoutePlan
    public let rows: RowBatch
    private var maker: any RowMaking

    public init(_ plan: RoutePlan) throws(Failure) {
        self.plan = plan
        rows = RowBatch(plan.columns)
        maker = try Self.maker(plan, rows)
    }

    /// The events of the last call that became no row, in order.
    public var rejections: [RowRejection] { maker.rejections }

    /// Parses, checks and partitions exactly these events (indices into `batch.events`), after clearing
    /// what the last call left.
    public func process(_ batch: borrowing EventBatch, events: [Int32]) {
        maker.process(batch, events: events)
    }

    private static func maker(_ plan: RoutePlan, _ rows: RowBatch) throws(Failure) -> any RowMaking {
        switch plan.spec.format {
        case .combined: try RowMaker(plan, rows, CombinedParser(plan.spec.parse))
        case .json, .maxwell: try RowMaker(plan, rows, DocumentParser(plan))
        case .delimited: try RowMaker(plan, rows, DelimitedParser(plan))
        case .raw: try RowMaker(plan, rows, RawParser())
        case .regex: try RowMaker(plan, rows, PatternParser(plan))
        case .logfmt, .keyValue: try RowMaker(plan, rows, KeyValueParser(plan))
        case .syslog: try RowMaker(plan, rows, SyslogParser(plan))
        case .w3c: try RowMaker(plan, rows, W3CParser(plan))
        }
    }
}
