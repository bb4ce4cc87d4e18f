internal import Columns
public import Configuration
public import Event
internal import Pipeline
public import Sinks
internal import Transport

/// The routes of a configuration as a quarantine replay needs them: events in, staged rows and verdicts out.
///
/// An entry goes to the routes of its own pipeline that take its topic and source: the one that leads to the
/// table that refused it, or, where it reached no route then, all of them. Why not all of them always: the
/// others had the event when it came. No breaker counts here: what is refused stays where it is.
public final class ReplayRoutes: QuarantineIntake {
    /// Reasons whose entries hold something else than an event.
    static let eventless: Set<Rejection> = [.malformedKey, .malformedPack, .nullValue, .overlong]

    private let pipelines: [LanePipeline]
    private let takesOverlap: Bool
    private let parquet = ParquetFormatter()
    private var batch = EventBatch()
    /// Per event of the batch: the entry, and what the routes made of it.
    private var entryOfEvent: [Int] = []
    private var outcomes: [[ReplayOutcome]] = []
    private var rows: [String: [String: UInt64]] = [:]
    /// By pipeline: the streams of source places that changes were taken of.
    private var ledgers: [String: Ledger] = [:]

    /// Compiles the routes. `takesOverlap`: events of which a part is in the warehouse are taken too. Throws
    /// `config` failures.
    public init(_ settings: CollectorSettings, takesOverlap: Bool = false) throws(Failure) {
        self.takesOverlap = takesOverlap
        var pipelines: [LanePipeline] = []
        for plan in try PipelinePlan.all(settings) { pipelines.append(try LanePipeline(plan, partitions: [])) }
        self.pipelines = pipelines
    }

    public func begin(_ state: LogState) {
        ledgers = [:]
        for pipeline in pipelines where pipeline.plan.sync != nil {
            pipeline.plan.coverage.load(state.pipelines[pipeline.plan.name])
        }
    }

    public func claims() -> [PipelineEffect] {
        pipelines.compactMap { pipeline in
            guard let ledger = ledgers[pipeline.plan.name] else { return nil }
            let coverage = pipeline.plan.coverage
            var effect = PipelineEffect(pipeline: pipeline.plan.name)
            effect.notices = ledger.notices
            effect.streams = CommitAssembly.streams(ledger, claimed: coverage.claimed, sampled: coverage.sampled)
                .filter { !$0.added.isEmpty || !$0.sampled.isEmpty }
            for index in effect.streams.indices { effect.streams[index].isAside = true }
            return effect
        }
    }

    public func take(_ entries: [StoredEntry], to files: StagedFiles?) throws(Failure) -> ReplayVerdicts {
        batch.removeAll()
        entryOfEvent.removeAll(keepingCapacity: true)
        rows = [:]
        outcomes = entries.map { _ in [] }
        var verdicts = entries.map { _ in ReplayVerdict.kept(.notAnEvent) }
        for (index, entry) in entries.enumerated() {
            if let obstacle = append(entry, index) { verdicts[index] = .kept(obstacle) }
        }
        for pipeline in pipelines {
            for route in pipeline.routes where !route.events.isEmpty {
                switch route.stage {
                case .rows(let stage): stage.process(batch, events: route.events)
                case .changes(let stage):
                    stage.processAlone(
                        batch, events: route.events,
                        epochs: route.events.map { entries[entryOfEvent[Int($0)]].epoch },
                        coverage: pipeline.plan.coverage, into: &ledgers[pipeline.plan.name, default: Ledger()])
                }
                if let files { try write(route, to: files) }
                count(route, of: pipeline)
                note(route)
            }
            pipeline.removeBatch()
        }
        for index in entries.indices where !outcomes[index].isEmpty { verdicts[index] = .outcomes(outcomes[index]) }
        var result = ReplayVerdicts(verdicts)
        result.rows = rows
        return result
    }

    public func flush(to files: StagedFiles) throws(Failure) { try parquet.flush(to: files) }

    public func reset() { parquet.removeAll() }

    // MARK: Routing

    /// Gives an entry's event to its routes, or says why not.
    private func append(_ entry: StoredEntry, _ index: Int) -> ReplayObstacle? {
        guard let reason = Rejection(rawValue: entry.reason), !Self.eventless.contains(reason) else {
            return .notAnEvent
        }
        if entry.isPart { return .partOfEvent }
        if reason == .overlap, !takesOverlap { return .overlap }
        guard let pipeline = pipelines.first(where: { $0.plan.name == entry.pipeline }) else { return .noPipeline }
        let matching = pipeline.plan.routes(topic: entry.topic, source: entry.stream == nil ? nil : entry.source)
        let routes: [Int]
        if let table = entry.table {
            // Why the first: an entry is one outcome of one route.
            routes = Array(matching.filter { pipeline.routes[$0].spec.table == table }.prefix(1))
        } else {
            routes = matching
        }
        guard !routes.isEmpty else { return .noRoute }
        guard let event = append(entry) else { return .notAnEvent }
        entryOfEvent.append(index)
        for route in routes { pipeline.routes[route].events.append(event) }
        return nil
    }

    /// The event with the identity that it had; nil if that is not whole.
    private func append(_ entry: StoredEntry) -> Int32? {
        var context = PackContext(
            key: nil, topic: entry.topic, partition: entry.partition, offset: entry.offset, timestamp: entry.timestamp)
        let place = UInt64(clamping: entry.offset)
        var (from, to) = (Position(place), Position(place &+ 1))
        if let stream = entry.stream {
            guard let agent = entry.agent, let source = entry.source, let first = entry.from, let end = entry.to
            else { return nil }
            (from, to) = (first, end)
            context.key = PackKey(
                kind: .data, framing: .records, agent: agent, source: source, stream: stream, from: from, to: to)
        }
        let (pack, start) = unsafe entry.bytes.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
        batch.appendEvent(
            EventReference(start: start, byteCount: entry.bytes.count, from: from, to: to, pack: pack))
        return Int32(truncatingIfNeeded: batch.events.count - 1)
    }

    // MARK: What came of it

    private func write(_ route: LaneRoute, to files: StagedFiles) throws(Failure) {
        let rows = route.rows
        guard rows.rowCount > 0 else { return }
        if let layout = route.layout { return try parquet.append(rows, as: layout, to: files) }
        let groups = rows.groups
        try route.formatLines { index, bytes, count throws(Failure) in
            try files.append(groups[index], like: route.spec, bytes, rows: count)
        }
    }

    private func count(_ route: LaneRoute, of pipeline: LanePipeline) {
        let groups = route.rows.groups
        for group in route.rows.rowGroup {
            rows[pipeline.plan.name, default: [:]][groups[Int(group)].table, default: 0] += 1
        }
    }

    /// One outcome of each event that the route was given.
    private func note(_ route: LaneRoute) {
        let written = Set(route.rows.rowEvent)
        var duplicates: Set<Int32> = []
        if case .changes(let stage) = route.stage {
            for (event, outcome) in zip(route.events, stage.outcomes) where outcome == .duplicate {
                duplicates.insert(event)
            }
        }
        var refused: [Int32: [ReplayRefusal]] = [:]
        for rejection in route.rejections {
            refused[rejection.event, default: []].append(
                ReplayRefusal(
                    reason: rejection.reason, table: route.spec.table, column: route.columnName(rejection)))
        }
        for event in route.events {
            let entry = entryOfEvent[Int(event)]
            switch (written.contains(event), refused[event]) {
            case (true, nil): outcomes[entry].append(.written)
            case (true, let refusals?): outcomes[entry].append(.partlyWritten(refusals))
            case (false, let refusals?): outcomes[entry].append(.rejected(refusals[0]))
            case (false, nil): outcomes[entry].append(duplicates.contains(event) ? .duplicate : .filtered)
            }
        }
    }
}
