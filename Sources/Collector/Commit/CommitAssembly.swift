internal import Event
internal import Sinks
internal import Transport

/// Puts together what one commit does: the offsets that moved, what was claimed of every stream, and the
/// books, from all lanes of the process. Lanes are parked.
struct CommitAssembly {
    private(set) var effects = CommitEffects()
    /// What was booked per pipeline.
    private(set) var balances: [Balance]

    init(plans: [PipelinePlan], flows: [CollectorPipeline]) {
        balances = plans.map { _ in Balance() }
        for plan in plans {
            var ledger = Ledger()
            for flow in flows { ledger.add(flow.pipelines[plan.index].ledger) }
            var effect = PipelineEffect(pipeline: plan.name)
            for flow in flows { effect.advances += Self.advances(of: plan.index, in: flow) }
            effect.streams = Self.streams(ledger, claimed: plan.coverage.claimed, sampled: plan.coverage.sampled)
            effect.balance = ledger.balance
            for (reason, count) in ledger.rejections { effect.rejections[reason.rawValue] = count }
            effect.tables = ledger.tables
            effect.notices = ledger.notices
            effect.watermarks = ledger.watermarks.sorted { Self.isBefore($0.key, $1.key) }.map { place, time in
                Watermark(
                    agent: place.agent, source: place.source, topic: place.topic, partition: place.partition, time: time)
            }
            balances[plan.index] = ledger.balance
            if !effect.advances.isEmpty { effects.pipelines.append(effect) }
        }
    }

    /// Nothing moved: there is nothing to commit. (Whatever is claimed or booked moved an offset too.)
    var isEmpty: Bool { effects.pipelines.isEmpty }

    /// Offsets moved, and nothing else that anybody waits for: no event, no stream begins or ends.
    var isProgressOnly: Bool {
        effects.pipelines.allSatisfy { pipeline in
            pipeline.balance == Balance() && pipeline.streams.allSatisfy { $0.first == nil && !$0.ended }
        }
    }

    mutating func add(_ files: [FileEffect]) { effects.files += files }

    private static func advances(of pipeline: Int, in flow: CollectorPipeline) -> [Advance] {
        var advances: [Advance] = []
        for (index, partition) in flow.partitions.enumerated() {
            for cursor in partition.cursors where cursor.pipeline == pipeline && cursor.hasMoved {
                let marks = partition.marks.filter { $0.offset > cursor.newestMark && $0.offset < cursor.next }
                var advance = Advance(
                    topic: partition.place.topic, partition: partition.place.partition, epoch: cursor.epoch,
                    from: cursor.base, next: max(cursor.base, cursor.next), marks: marks)
                advance.run = flow.pipelines[pipeline].changes?.places[index].run
                advances.append(advance)
            }
        }
        return advances.sorted { ($0.topic, $0.partition) < ($1.topic, $1.partition) }
    }

    static func streams(
        _ ledger: Ledger, claimed: [StreamID: IntervalSet], sampled: [StreamID: [Position]]
    ) -> [StreamEffect] {
        ledger.streams.sorted { $0.key < $1.key }.map { stream, note in
            var effect = StreamEffect(
                stream: stream, agent: note.agent, source: note.source, topic: note.topic, partition: note.partition,
                epoch: note.epoch, lastOffset: note.lastOffset)
            effect.added = claimed[stream]?.ranges ?? []
            effect.path = note.announcement?.path
            effect.first = note.announcement?.first
            effect.continues = note.announcement?.continues
            effect.reason = note.announcement?.reason
            effect.ended = note.ended
            (effect.table, effect.last, effect.anchor) = (note.table, note.last, note.anchor)
            effect.sampled = sampled[stream] ?? []
            return effect
        }
    }

    private static func isBefore(_ left: WatermarkKey, _ right: WatermarkKey) -> Bool {
        (left.agent, left.source, left.topic, left.partition) < (right.agent, right.source, right.topic, right.partition)
    }
}
