internal import Columns
internal import Event
internal import Pipeline
internal import Sinks

/// One route in one lane: its own stage and format, and the events of the batch in hand.
final class LaneRoute {
    let index: Int
    let plan: RoutePlan
    let stage: RouteStage
    private let formatter = JSONLinesFormatter()
    /// How rows become delimited text; nil: they become Parquet or JSON lines.
    private let delimited: DelimitedFormatter?
    /// How rows become Parquet; nil: they become lines.
    let layout: ParquetLayout?
    var events: [Int32] = []

    var spec: RouteSpec { plan.spec }

    init(_ plan: RoutePlan, index: Int) throws(Failure) {
        self.index = index
        self.plan = plan
        stage = try RouteStage(plan)
        layout = plan.spec.fileFormat == .parquet ? ParquetLayout(plan.spec, columns: plan.columns) : nil
        delimited = plan.spec.fileFormat == .delimited
            ? DelimitedFormatter(separator: plan.spec.outputDelimiter) : nil
    }

    /// Formats the stage's rows as lines and lends each group's.
    func formatLines(
        _ body: (_ group: Int, _ bytes: ByteView, _ rowCount: Int) throws(Failure) -> Void
    ) throws(Failure) {
        if let delimited {
            delimited.format(stage.rows)
            try delimited.forEachGroup(body)
        } else {
            formatter.format(stage.rows)
            try formatter.forEachGroup(body)
        }
    }

    /// How many events of the batch this route took and refused, per partition of the lane.
    func countsByPartition(
        _ batch: borrowing EventBatch, _ packs: [DecodedPack]
    ) -> [Int: (seen: Int, rejected: Int)] {
        var counts: [Int: (seen: Int, rejected: Int)] = [:]
        var last = -1
        var run = 0
        // Why runs: events of one pack lie together; the dictionary is touched once per pack.
        for event in events {
            let pack = Int(batch.events[Int(event)].pack)
            if pack != last, run > 0 {
                counts[packs[last].partition, default: (0, 0)].seen += run
                run = 0
            }
            last = pack
            run += 1
        }
        if run > 0 { counts[packs[last].partition, default: (0, 0)].seen += run }
        for rejection in stage.rejections {
            counts[packs[Int(batch.events[Int(rejection.event)].pack)].partition, default: (0, 0)].rejected += 1
        }
        return counts
    }
}

/// One pipeline in one lane: its routes, its books, and what of the batch in hand goes to quarantine.
final class LanePipeline {
    /// An event of the batch refused before it reached a route.
    struct Refused {
        var event: Int32
        var reason: Rejection
        /// What more there is to say: piece `3/7`.
        var detail: String?
    }

    let plan: PipelinePlan
    let routes: [LaneRoute]
    var ledger = Ledger()
    var refused: [Refused] = []

    init(_ plan: PipelinePlan) throws(Failure) {
        self.plan = plan
        var routes: [LaneRoute] = []
        for (index, route) in plan.routes.enumerated() { routes.append(try LaneRoute(route, index: index)) }
        self.routes = routes
    }

    /// Gives events to routes. Every (event, route) counts once; without a route the pipeline's rule for
    /// unrouted events holds.
    func route(_ events: Range<Int>, to indices: [Int]) {
        ledger.balance.received += UInt64(events.count * max(indices.count, 1))
        if indices.isEmpty {
            switch plan.spec.unrouted {
            case .ignore: ledger.balance.filtered += UInt64(events.count)
            case .quarantine: for event in events { refuse(event, .unrouted) }
            }
        }
        for index in indices {
            for event in events { routes[index].events.append(Int32(truncatingIfNeeded: event)) }
        }
    }

    /// Counts events that were taken before, once for each route that would have had them.
    func drop(_ count: Int, routeCount: Int) {
        let outcomes = UInt64(count * max(routeCount, 1))
        ledger.balance.received += outcomes
        ledger.balance.duplicate += outcomes
    }

    /// Refuses a whole event, once: it reaches no route.
    func refuseWhole(_ event: Int, _ reason: Rejection, detail: String? = nil) {
        ledger.balance.received += 1
        refuse(event, reason, detail: detail)
    }

    private func refuse(_ event: Int, _ reason: Rejection, detail: String? = nil) {
        ledger.balance.quarantined += 1
        ledger.rejections[reason, default: 0] += 1
        refused.append(Refused(event: Int32(truncatingIfNeeded: event), reason: reason, detail: detail))
    }

    /// Forgets what belongs to the batch in hand.
    func removeBatch() {
        refused.removeAll(keepingCapacity: true)
        for route in routes { route.events.removeAll(keepingCapacity: true) }
    }

    /// Books what a route made of its events.
    func settle(_ route: LaneRoute) {
        let stage = route.stage
        if stage.rejections.isEmpty, stage.rows.rowCount == route.events.count {
            ledger.balance.written += UInt64(route.events.count)
            return
        }
        var outcomes: [Int32: UInt8] = [:]
        for event in stage.rows.rowEvent { outcomes[event, default: 0] |= 1 }
        for rejection in stage.rejections {
            outcomes[rejection.event, default: 0] |= 2
            ledger.rejections[rejection.reason, default: 0] += 1
        }
        for event in route.events {
            switch outcomes[event] {
            case 1: ledger.balance.written += 1
            case 2: ledger.balance.quarantined += 1
            case 3: ledger.balance.partlyWritten += 1
            default: ledger.balance.filtered += 1
            }
        }
        ledger.tables[route.spec.table, default: RowCounts()].rejected += UInt64(stage.rejections.count)
    }
}
