internal import Change
internal import Event
internal import Sinks
internal import Transport

/// The dedup step of one pipeline for one pack: what is fresh goes to the routes, what was taken before
/// is counted, what overlaps is refused. Moves the cursor behind the record.
enum Dedup {
    /// Throws only if the coverage is full; then nothing of the record was taken and the cursor stands.
    static func take(
        _ decoded: DecodedPack, _ context: PackContext, _ batch: borrowing EventBatch, _ cursor: inout PipelineCursor,
        routes: [Int], into pipeline: LanePipeline
    ) throws(Failure) {
        let coverage = pipeline.plan.coverage
        var isFresh = false
        switch decoded.content {
        case .refused(.nullValue) where context.key == nil && pipeline.plan.sync?.hasTombstones == true:
            isFresh = try coverage.takeForeign(cursor.foreign, offset: UInt64(clamping: context.offset))
            if isFresh {
                pipeline.filter(1, ChangeFilter.tombstone.rawValue)
            } else {
                pipeline.drop(1, routeCount: 1)
            }
        case .refused(let reason):
            // Why no claim: what the key promises is not there, so it stays a hole that `audit` names.
            pipeline.refuseWhole(decoded.firstEvent, reason)
        case .foreign:
            isFresh = try coverage.takeForeign(cursor.foreign, offset: UInt64(clamping: context.offset))
            if isFresh {
                pipeline.route(decoded.events, to: routes)
            } else {
                pipeline.drop(1, routeCount: routes.count)
            }
        case .events, .piece:
            isFresh = try takeEvents(decoded, context, batch, routes: routes, into: pipeline)
        case .progress:
            if let key = context.key { try coverage.leaveOut(key.stream, CoveredRange(key.prev, key.from)) }
        case .announce, .end, .watermark: break
        }
        note(decoded, context, batch, cursor, isFresh: isFresh, in: pipeline)
        cursor.next = context.offset &+ 1
    }

    /// Whether anything was fresh.
    private static func takeEvents(
        _ decoded: DecodedPack, _ context: PackContext, _ batch: borrowing EventBatch, routes: [Int],
        into pipeline: LanePipeline
    ) throws(Failure) -> Bool {
        guard let key = context.key else { return false }
        let coverage = pipeline.plan.coverage
        let range = CoveredRange(key.from, key.to)
        let leftOut = key.prev < key.from ? CoveredRange(key.prev, key.from) : nil
        switch try coverage.takePack(key.stream, range, leftOut: leftOut) {
        case .fresh:
            accept(decoded, decoded.events, routes: routes, into: pipeline)
            return true
        case .covered:
            pipeline.drop(decoded.eventCount, routeCount: isPiece(decoded) ? 1 : routes.count)
            return false
        case .mixed:
            let verdicts = try coverage.takeEvents(key.stream, range, batch.events[decoded.events])
            for (index, verdict) in zip(decoded.events, verdicts) {
                switch verdict {
                case .fresh: accept(decoded, index..<(index + 1), routes: routes, into: pipeline)
                case .duplicate: pipeline.drop(1, routeCount: isPiece(decoded) ? 1 : routes.count)
                case .overlap: pipeline.refuseWhole(index, .overlap)
                }
            }
            return true
        }
    }

    private static func accept(
        _ decoded: DecodedPack, _ events: Range<Int>, routes: [Int], into pipeline: LanePipeline
    ) {
        if case .piece(let index, let count) = decoded.content {
            for event in events { pipeline.refuseWhole(event, .overlong, detail: "\(index)/\(count)") }
        } else {
            pipeline.route(events, to: routes)
        }
    }

    private static func isPiece(_ decoded: DecodedPack) -> Bool {
        if case .piece = decoded.content { true } else { false }
    }

    // MARK: Notes

    private static func note(
        _ decoded: DecodedPack, _ context: PackContext, _ batch: borrowing EventBatch, _ cursor: PipelineCursor,
        isFresh: Bool, in pipeline: LanePipeline
    ) {
        switch decoded.content {
        case .refused: return
        case .watermark:
            guard let key = context.key, let time = ControlValue.watermark(decoded, batch) else { return }
            let place = WatermarkKey(
                agent: key.agent, source: key.source, topic: context.topic, partition: context.partition)
            pipeline.ledger.watermarks[place] = max(pipeline.ledger.watermarks[place] ?? .min, time)
            return
        default: break
        }
        let stream = context.key?.stream ?? cursor.foreign
        guard stream != .none else { return }
        pipeline.ledger.note(stream, context, epoch: cursor.epoch, isFresh: isFresh)
        switch decoded.content {
        case .announce:
            guard let key = context.key else { return }
            pipeline.ledger.streams[stream]?.announcement = ControlValue.announcement(decoded, batch, key)
        case .end: pipeline.ledger.streams[stream]?.ended = true
        default: break
        }
    }
}

extension Ledger {
    /// Writes down where a stream's newest record is.
    mutating func note(_ stream: StreamID, _ context: PackContext, epoch: Int, isFresh: Bool) {
        if let index = streams.index(forKey: stream) {
            streams.values[index].lastOffset = context.offset
            if isFresh, !streams.values[index].isFresh || streams.values[index].partition != context.partition {
                streams.values[index].isFresh = true
                streams.values[index].topic = context.topic
                streams.values[index].partition = context.partition
                streams.values[index].epoch = epoch
            }
            return
        }
        streams[stream] = StreamNote(
            agent: context.key?.agent ?? "", source: context.key?.source ?? "", topic: context.topic,
            partition: context.partition, epoch: epoch, lastOffset: context.offset, isFresh: isFresh)
    }
}
