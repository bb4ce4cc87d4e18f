internal import Columns
internal import Event
internal import Pipeline
internal import Sinks
internal import Transport

/// The flow of one lane, in order; each stage is called once:
///
///     transport -> decode -> dedup -> parse, validate, partition -> format -> sink
///
/// (consume: `PackDecoder`; dedup: `Dedup`, `Coverage`; parse, validate, partition: `RouteStage`;
/// format: `JSONLinesFormatter`, `ParquetFormatter`; sink: `StagedFiles`; commit: `Coordinator`.)
final class CollectorPipeline {
    /// Bytes of values processed together: large enough that nothing per batch counts, small enough
    /// that slab, columns and formatted rows of a lane stay within 8 MiB.
    static let batchByteCount = 1 << 20

    var partitions: [LanePartition]
    let pipelines: [LanePipeline]
    /// The attempt's files; replaced by the coordinator after each commit.
    var staged: StagedFiles
    private(set) var recordCount: UInt64 = 0
    private let plans: [PipelinePlan]
    private var quarantine = QuarantineWriter()
    /// Row groups in memory; empty behind `flush`.
    let parquet: ParquetFormatter
    private var batch = EventBatch(byteCapacity: 2 * CollectorPipeline.batchByteCount)
    private var packs: [DecodedPack] = []
    private var lastPartition = 0

    /// `heldByteCount`: what row groups may hold.
    init(
        partitions: [LanePartition], plans: [PipelinePlan], staged: StagedFiles, heldByteCount: Int
    ) throws(Failure) {
        parquet = ParquetFormatter(heldByteCount: heldByteCount)
        self.partitions = partitions
        self.plans = plans
        self.staged = staged
        var pipelines: [LanePipeline] = []
        for plan in plans { pipelines.append(try LanePipeline(plan, partitions: partitions)) }
        self.pipelines = pipelines
    }

    /// Takes records lent by the transport: all of them, or the attempt is lost.
    func take(_ records: UnsafeBufferPointer<RecordView>) throws(Failure) {
        for index in records.indices {
            let place = unsafe decode(records[index])
            // Why only the last of a run: hashing every record would cost, and proves no more. Why the first one
            // ever: it is compared at once if a partition made anew ends below all others.
            if let place,
                unsafe partitions[place].marks.isEmpty || index + 1 == records.count
                    || !isSame(place, records[index + 1])
            {
                unsafe partitions[place].mark(records[index])
            }
            if batch.byteCount >= Self.batchByteCount { try process() }
        }
        try process()
    }

    /// Stages what is buffered; before the seal.
    func flush() throws(Failure) {
        try parquet.flush(to: staged)
        try quarantine.flush(to: staged)
    }

    private func process() throws(Failure) {
        for decoded in packs { dedup(decoded) }
        for pipeline in pipelines {
            for route in pipeline.routes where !route.events.isEmpty || pipeline.changes != nil {
                process(route, of: pipeline)
                try write(route, of: pipeline)
                pipeline.settle(route)
                trip(route, of: pipeline)
                if let changes = pipeline.changes { stand(changes, of: pipeline) }
            }
            for refused in pipeline.refused { try reject(refused, of: pipeline) }
            pipeline.removeBatch()
        }
        for index in partitions.indices { partitions[index].trim() }
        packs.removeAll(keepingCapacity: true)
        batch.removeAll()
    }

    // MARK: Stages

    /// The index of the record's partition, or nil if no pipeline wants the record.
    private func decode(_ record: RecordView) -> Int? {
        guard let place = unsafe partitionIndex(of: record), unsafe partitions[place].wants(record.offset)
        else { return nil }
        recordCount += 1
        let keepsRecordKeys = partitions[place].keepsRecordKeys
        packs.append(
            unsafe PackDecoder.decode(
                record, partition: place, keys: &partitions[place].keys, keepsRecordKey: keepsRecordKeys, into: &batch))
        partitions[place].prepareRoutes(plans: plans)
        return place
    }

    private func dedup(_ decoded: DecodedPack) {
        let context = batch.packs[Int(decoded.pack)]
        let place = decoded.partition
        for index in partitions[place].cursors.indices where partitions[place].cursors[index].wants(context.offset) {
            let routes = partitions[place].routes(entry: decoded.entry, cursor: index)
            let pipeline = pipelines[partitions[place].cursors[index].pipeline]
            do throws(Failure) {
                try Dedup.take(
                    decoded, context, batch, &partitions[place].cursors[index], routes: routes, into: pipeline)
            } catch {
                partitions[place].cursors[index].stopped = error
            }
        }
        partitions[place].lastTimestamp = max(partitions[place].lastTimestamp, context.timestamp)
    }

    /// Parses, validates and partitions the route's events.
    private func process(_ route: LaneRoute, of pipeline: LanePipeline) {
        switch route.stage {
        case .rows(let stage): stage.process(batch, events: route.events)
        case .changes(let stage):
            stage.process(
                batch, events: route.events, refused: pipeline.refused.map(\.event), packs: packs,
                coverage: pipeline.plan.coverage, into: &pipeline.ledger)
        }
    }

    private func write(_ route: LaneRoute, of pipeline: LanePipeline) throws(Failure) {
        let rows = route.rows
        let groups = rows.groups
        if let layout = route.layout {
            try parquet.append(rows, as: layout, to: staged)
            for index in groups.indices {
                pipeline.ledger.tables[groups[index].table, default: RowCounts()].written
                    += UInt64(parquet.rowCount(ofGroup: index))
            }
        } else {
            try route.formatLines { index, bytes, count throws(Failure) in
                try staged.append(groups[index], like: route.spec, bytes, rows: count)
                pipeline.ledger.tables[groups[index].table, default: RowCounts()].written += UInt64(count)
            }
        }
        let rejections = route.rejections
        for (index, rejection) in rejections.enumerated() {
            let isPart =
                rows.hasRows(of: rejection.event)
                || rejections[max(0, index - 1)...min(index + 1, rejections.count - 1)]
                    .count { $0.event == rejection.event } > 1
            try reject(
                rejection.event, rejection.reason, table: route.spec.table, column: route.columnName(rejection),
                isPart: isPart, of: pipeline)
        }
    }

    private func reject(_ refused: LanePipeline.Refused, of pipeline: LanePipeline) throws(Failure) {
        try reject(refused.event, refused.reason, excerpt: refused.detail, of: pipeline)
    }

    private func reject(
        _ index: Int32, _ reason: Rejection, table: String? = nil, column: String? = nil, excerpt: String? = nil,
        isPart: Bool = false, of pipeline: LanePipeline
    ) throws(Failure) {
        let event = batch.events[Int(index)]
        var entry = QuarantineEntry(event, batch.packs[Int(event.pack)], reason, pipeline: pipeline.plan.name)
        entry.table = table
        entry.column = column
        entry.excerpt = excerpt
        entry.isPart = isPart
        let place = packs[Int(event.pack)].partition
        entry.epoch = partitions[place].cursors.first { $0.pipeline == pipeline.plan.index }?.epoch ?? 0
        try unsafe batch.withSlab { slab throws(Failure) in
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: slab[event.start..<(event.start + event.byteCount)])
            try unsafe quarantine.append(entry, bytes: bytes, to: staged)
        }
    }

    /// Stops the pipeline in the partitions where a table refuses too much.
    private func trip(_ route: LaneRoute, of pipeline: LanePipeline) {
        for (place, counts) in route.countsByPartition(batch, packs) {
            partitions[place].trip(pipeline.plan, route: route.index, seen: counts.seen, rejected: counts.rejected)
        }
    }

    /// Stops a sync in the partitions that bring a table's changes beside those of another.
    private func stand(_ changes: ChangeStage, of pipeline: LanePipeline) {
        for (place, table) in changes.misplaced { partitions[place].stop(pipeline.plan, misplaced: table) }
    }

    // MARK: Places

    private func partitionIndex(of record: RecordView) -> Int? {
        if unsafe isSame(lastPartition, record) { return lastPartition }
        guard let found = partitions.indices.first(where: { unsafe isSame($0, record) }) else { return nil }
        lastPartition = found
        return found
    }

    private func isSame(_ place: Int, _ record: RecordView) -> Bool {
        guard place < partitions.count else { return false }
        return unsafe partitions[place].place.partition == record.partition
            && partitions[place].place.topic == record.topic
    }
}
