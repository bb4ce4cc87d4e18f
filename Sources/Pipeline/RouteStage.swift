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
    private let run: (borrowing EventBatch, [Int32]) -> Void
    private let refused: () -> [RowRejection]

    public init(_ plan: RoutePlan) throws(Failure) {
        self.plan = plan
        rows = RowBatch(plan.columns)
        (run, refused) = try Self.work(plan, rows)
    }

    /// The events of the last call that became no row, in order.
    public var rejections: [RowRejection] { refused() }

    /// Parses, checks and partitions exactly these events (indices into `batch.events`), after clearing
    /// what the last call left.
    public func process(_ batch: borrowing EventBatch, events: [Int32]) {
        run(batch, events)
    }

    private typealias Work = ((borrowing EventBatch, [Int32]) -> Void, () -> [RowRejection])

    private static func work(_ plan: RoutePlan, _ rows: RowBatch) throws(Failure) -> Work {
        switch plan.spec.format {
        case .combined: work(try RowMaker(plan, rows, CombinedParser(plan.spec.parse)))
        case .json: work(try RowMaker(plan, rows, DocumentParser(plan)))
        case .delimited: work(try RowMaker(plan, rows, DelimitedParser(plan)))
        case .raw: work(try RowMaker(plan, rows, RawParser()))
        case .regex: work(try RowMaker(plan, rows, PatternParser(plan)))
        case .logfmt, .keyValue: work(try RowMaker(plan, rows, KeyValueParser(plan)))
        case .syslog: work(try RowMaker(plan, rows, SyslogParser(plan)))
        case .w3c: work(try RowMaker(plan, rows, W3CParser(plan)))
        }
    }

    /// Why closures: the compiler makes code of its own for each parser; behind a protocol all would share one
    /// that looks up every call, at a third of the time.
    private static func work<Parser>(_ maker: RowMaker<Parser>) -> Work {
        let box = MakerBox(maker)
        return ({ batch, events in box.maker.process(batch, events: events) }, { box.maker.rejections })
    }
}

private final class MakerBox<Parser: RecordParser> {
    var maker: RowMaker<Parser>
    init(_ maker: RowMaker<Parser>) { self.maker = maker }
}
