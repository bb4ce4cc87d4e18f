internal import Change
internal import Columns
internal import Event
internal import Pipeline
internal import Sinks

/// One route in one lane: its own stage and format, and the events of the batch in hand.
final class LaneRoute {
    /// What makes rows of events.
    enum Stage {
        case rows(RouteStage)
        case changes(ChangeStage)
    }

    let index: Int
    let spec: RouteSpec
    let stage: Stage
    private let formatter = JSONLinesFormatter()
    /// How rows become delimited text; nil: they become Parquet or JSON lines.
    private let delimited: DelimitedFormatter?
    /// How rows become Parquet; nil: they become lines.
    let layout: ParquetLayout?
    var events: [Int32] = []

    var rows: RowBatch {
        switch stage {
        case .rows(let stage): stage.rows
        case .changes(let stage): stage.rows
        }
    }

    var rejections: [RowRejection] {
        switch stage {
        case .rows(let stage): stage.rejections
        case .changes(let stage): stage.rejections
        }
    }

    init(_ plan: RoutePlan, index: Int) throws(Failure) {
        self.index = index
        spec = plan.spec
        stage = .rows(try RouteStage(plan))
        (layout, delimited) = Self.formats(plan.spec, plan.columns)
    }

    init(_ stage: ChangeStage) {
        index = 0
        spec = stage.plan.route
        self.stage = .changes(stage)
        (layout, delimited) = Self.formats(spec, spec.columns)
    }

    private static func formats(
        _ spec: RouteSpec, _ columns: [ColumnSpec]
    ) -> (ParquetLayout?, DelimitedFormatter?) {
        (
            spec.fileFormat == .parquet ? ParquetLayout(spec, columns: columns) : nil,
            spec.fileFormat == .delimited ? DelimitedFormatter(separator: spec.outputDelimiter) : nil
        )
    }

    /// The name of the column that decided a rejection, if one did.
    func columnName(_ rejection: RowRejection) -> String? {
        switch stage {
        case .rows(let stage): stage.plan.columnName(rejection)
        case .changes: ChangeLog.Field(rawValue: Int(rejection.column))?.name
        }
    }

    /// Formats the stage's rows as lines and lends each group's.
    func formatLines(
        _ body: (_ group: Int, _ bytes: ByteView, _ rowCount: Int) throws(Failure) -> Void
    ) throws(Failure) {
        if let delimited {
            delimited.format(rows)
            try delimited.forEachGroup(body)
        } else {
            formatter.format(rows)
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
        for rejection in rejections {
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

    /// The stage of a sync.
    var changes: ChangeStage? {
        guard case .changes(let stage)? = routes.first?.stage else { return nil }
        return stage
    }

    /// `partitions`: those of the lane, in its order.
    init(_ plan: PipelinePlan, partitions: [LanePartition]) throws(Failure) {
        self.plan = plan
        var routes: [LaneRoute] = []
        if let sync = plan.sync {
            let places = partitions.map { partition in
                let cursor = partition.cursors.first { $0.pipeline == plan.index }
                return ChangePlace(partition.place, epoch: cursor?.epoch ?? 0, resume: cursor?.resume ?? SyncResume())
            }
            routes.append(LaneRoute(ChangeStage(sync, places: places)))
        }
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
        if !route.rejections.isEmpty {
            ledger.tables[route.spec.table, default: RowCounts()].rejected += UInt64(route.rejections.count)
        }
        for rejection in route.rejections { ledger.rejections[rejection.reason, default: 0] += 1 }
        switch route.stage {
        case .rows: settleRows(route)
        case .changes(let stage):
            for outcome in stage.outcomes {
                switch outcome {
                case .written: ledger.balance.written += 1
                case .duplicate: ledger.balance.duplicate += 1
                case .filtered: ledger.balance.filtered += 1
                case .refused: ledger.balance.quarantined += 1
                }
            }
        }
    }

    private func settleRows(_ route: LaneRoute) {
        let rows = route.rows
        if route.rejections.isEmpty, rows.rowCount == route.events.count {
            ledger.balance.written += UInt64(route.events.count)
            return
        }
        var outcomes: [Int32: UInt8] = [:]
        for event in rows.rowEvent { outcomes[event, default: 0] |= 1 }
        for rejection in route.rejections { outcomes[rejection.event, default: 0] |= 2 }
        for event in route.events {
            switch outcomes[event] {
            case 1: ledger.balance.written += 1
            case 2: ledger.balance.quarantined += 1
            case 3: ledger.balance.partlyWritten += 1
            default: ledger.balance.filtered += 1
            }
        }
    }

    /// Counts events that say nothing by themselves.
    func filter(_ count: Int, _ notice: String) {
        ledger.balance.received += UInt64(count)
        ledger.balance.filtered += UInt64(count)
        ledger.notices[notice, default: 0] += UInt64(count)
    }
}
