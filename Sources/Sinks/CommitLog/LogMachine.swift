public import Event

/// The decisions of the commit log, without storage and clock: what a commit may do, and what the
/// log's records add up to (design section 6). Value type; two machines fed the same records are equal.
///
/// Invariants:
/// - `tokens` ends with the token of record `state.number`.
/// - `check` accepts exactly what `apply` turns into a state where coverage grew by the ranges added,
///   and nobody else's precondition was passed over.
public struct LogMachine: Sendable, Equatable {
    /// Records that a fence is remembered for, and pruned records whose tokens are kept. A writer that was
    /// away for longer counts as fenced, so nothing older is ever asked for.
    public static let window = 10_000
    /// Gaps and epochs kept per partition, the newest: for `audit`.
    public static let maximumGapCount = 1_000

    public private(set) var state = LogState()
    private(set) var tokens = TokenWindow()

    let window: Int

    public init() { self.init(window: Self.window) }

    /// A smaller window for tests.
    init(window: Int) { self.window = window }

    init(_ checkpoint: Checkpoint, window: Int) {
        self.window = window
        state = checkpoint.state
        tokens = checkpoint.tokens
    }

    /// The token of a record, if it is one of the last ones.
    func token(of number: Int) -> String? { tokens[number] }

    // MARK: Preconditions

    /// Why a commit may not be put as the next record, or nil. Throws where no later state can help:
    /// `commit.invalid` (a broken caller), `commit.coverage_full` (an operator must accept holes).
    ///
    /// `knownThrough`: the newest record that the writer had seen when it staged its files.
    public func conflict(of effects: CommitEffects, writer: String, knownThrough: Int) throws(Failure) -> String? {
        if state.fences[writer] != nil || state.number - knownThrough >= window { return "fenced" }
        var seen: Set<String> = []
        for pipeline in effects.pipelines {
            guard seen.insert(pipeline.pipeline).inserted else {
                throw Self.invalid("pipeline \(pipeline.pipeline) is there twice")
            }
            let before = state.pipelines[pipeline.pipeline] ?? PipelineState()
            if let reason = try Self.conflict(of: pipeline.advances, in: before) { return reason }
            if let reason = try Self.conflict(of: pipeline.streams, in: before) { return reason }
            let touched = Set(pipeline.streams.map(\.stream))
            for stream in pipeline.forgotten where touched.contains(stream) {
                throw Self.invalid("stream \(stream) is forgotten and used at once")
            }
        }
        for file in effects.files {
            if let fault = file.pathFault { throw Self.invalid(fault) }
        }
        guard let quarantine = effects.quarantine else { return nil }
        for file in quarantine.closed {
            if let fault = file.fault { throw Self.invalid(fault) }
        }
        return try state.quarantine.conflict(of: quarantine)
    }

    private static func conflict(of advances: [Advance], in state: PipelineState) throws(Failure) -> String? {
        var seen: Set<PartitionKey> = []
        for advance in advances {
            let key = PartitionKey(topic: advance.topic, partition: advance.partition)
            let name = "\(advance.topic)[\(advance.partition)]"
            let isEpoch = advance.reason == .epoch
            guard seen.insert(key).inserted, advance.next >= 0, advance.from >= -1,
                isEpoch ? advance.newEpoch > advance.epoch : advance.newEpoch == advance.epoch,
                isEpoch || advance.next >= advance.from
            else { throw invalid("the advance of \(name) from \(advance.from) to \(advance.next) makes no sense") }
            guard let found = state.partitions[key] else {
                if advance.from != -1 || advance.epoch != 0 { return "\(name) is not known to the log" }
                continue
            }
            if found.epoch != advance.epoch || found.next != advance.from {
                return "\(name) stands at epoch \(found.epoch) offset \(found.next), "
                    + "not at epoch \(advance.epoch) offset \(advance.from)"
            }
        }
        return nil
    }

    private static func conflict(of streams: [StreamEffect], in state: PipelineState) throws(Failure) -> String? {
        var changed: [StreamID: IntervalSet] = [:]
        for effect in streams {
            let before = state.streams[effect.stream]
            var covered = changed[effect.stream] ?? before?.covered ?? IntervalSet()
            for range in effect.added + effect.accepted {
                guard covered.isDisjoint(with: range) else { return "\(range) of stream \(effect.stream) is taken" }
                covered.insert(range)
            }
            if covered.count > IntervalSet.maximumRangeCount {
                let hole = covered.holes().first.map { "\($0)" } ?? ""
                throw Failure(
                    "commit.coverage_full", stage: .commit, kind: .corrupt,
                    "stream \(effect.stream) of agent \(effect.agent), source \(effect.source) has more than "
                        + "\(IntervalSet.maximumRangeCount) holes; the first is \(hole)",
                    hint: "find the lost records, or close holes with: millrace audit accept")
            }
            changed[effect.stream] = covered
        }
        return nil
    }

    private static func invalid(_ what: String) -> Failure {
        Failure(
            "commit.invalid", stage: .commit, kind: .fatal, "a commit was refused: \(what)",
            hint: "this is a defect of millrace: please report it")
    }

    // MARK: Effects

    /// Takes the next record in.
    public mutating func apply(_ record: CommitRecord) {
        precondition(record.number == state.number + 1, "records are applied in order")
        state.number = record.number
        state.time = record.time
        for fence in record.effects.fences { state.fences[fence] = record.number }
        state.writers[record.writer] = WriterState(number: record.number, time: record.time)
        if record.number % max(1, window / 100) == 0 { forgetOld() }
        for effect in record.effects.pipelines {
            var pipeline = state.pipelines[effect.pipeline] ?? PipelineState()
            Self.apply(effect, to: &pipeline, time: record.time)
            state.pipelines[effect.pipeline] = pipeline
        }
        if let quarantine = record.effects.quarantine { state.quarantine.apply(quarantine, number: record.number) }
        tokens.append(record.token)
    }

    private mutating func forgetOld() {
        let oldest = state.number - window
        state.fences = state.fences.filter { $0.value > oldest }
        state.writers = state.writers.filter { $0.value.number > oldest }
    }

    /// Drops tokens that no void check can ask for: `unpruned` is the oldest record still kept.
    mutating func dropTokens(unpruned: Int) {
        tokens.drop(below: min(unpruned, state.number) - window)
    }

    private static func apply(_ effect: PipelineEffect, to pipeline: inout PipelineState, time: Int64) {
        for advance in effect.advances { apply(advance, to: &pipeline, time: time) }
        for stream in effect.streams {
            var state =
                pipeline.streams[stream.stream]
                ?? StreamState(
                    agent: stream.agent, source: stream.source, topic: stream.topic, partition: stream.partition,
                    epoch: stream.epoch, lastOffset: stream.lastOffset)
            for range in stream.added { state.covered.insert(range) }
            for range in stream.accepted {
                // An accepted hole counts as covered, so that it is no hole any more.
                state.covered.insert(range)
                state.accepted.insert(range)
            }
            state.path = stream.path ?? state.path
            state.first = stream.first ?? state.first
            state.continues = stream.continues ?? state.continues
            state.reason = stream.reason ?? state.reason
            state.ended = state.ended || stream.ended
            let isNew = pipeline.streams[stream.stream] == nil
            if stream.table != nil {
                if isNew { (state.table, state.sample) = (stream.table, PointSample()) }
                for point in stream.sampled { state.sample?.insert(point) }
            }
            if stream.isAside, !isNew {
                pipeline.streams[stream.stream] = state
                continue
            }
            if stream.table != nil {
                (state.table, state.last, state.anchor) = (stream.table, stream.last, stream.anchor)
            }
            state.topic = stream.topic
            state.partition = stream.partition
            state.epoch = stream.epoch
            state.lastOffset = stream.lastOffset
            state.lastTime = time
            pipeline.streams[stream.stream] = state
        }
        for stream in effect.forgotten { pipeline.streams[stream] = nil }
        if let reclaimed = effect.reclaimed { pipeline.reclaim(reclaimed, into: effect) }
        pipeline.balance += effect.balance
        for (reason, count) in effect.rejections { pipeline.rejections[reason, default: 0] += count }
        for (name, count) in effect.notices { pipeline.notices[name, default: 0] += count }
        for (table, rows) in effect.tables {
            pipeline.tables[table, default: RowCounts()].written += rows.written
            pipeline.tables[table, default: RowCounts()].rejected += rows.rejected
        }
        for watermark in effect.watermarks {
            let index = pipeline.watermarks.firstIndex {
                $0.agent == watermark.agent && $0.source == watermark.source && $0.topic == watermark.topic
                    && $0.partition == watermark.partition
            }
            if let index {
                pipeline.watermarks[index].time = max(pipeline.watermarks[index].time, watermark.time)
            } else {
                pipeline.watermarks.append(watermark)
            }
        }
    }

    private static func apply(_ advance: Advance, to pipeline: inout PipelineState, time: Int64) {
        let key = PartitionKey(topic: advance.topic, partition: advance.partition)
        var partition = pipeline.partitions[key] ?? PartitionState(next: advance.next)
        partition.next = advance.next
        if advance.newEpoch != partition.epoch { partition.marks.removeAll { $0.offset >= advance.next } }
        partition.epoch = advance.newEpoch
        if let run = advance.run { partition.run = run }
        // Why: what was not read has no place, and offsets begin anew with an epoch.
        if advance.reason != .records { partition.run?.start = advance.next }
        partition.marks = OffsetMark.thinned(partition.marks, adding: advance.marks)
        if advance.reason != .records {
            partition.gaps.append(
                OffsetGap(
                    epoch: advance.newEpoch, from: advance.from, next: advance.next, reason: advance.reason.rawValue,
                    time: time))
            if partition.gaps.count > maximumGapCount { partition.gaps.removeFirst() }
        }
        pipeline.partitions[key] = partition
    }
}

extension OffsetMark {
    /// The most marks kept: one for each power of two of distance, and the newest.
    public static let maximumCount = 65

    /// Adds newer marks and keeps them exponentially spaced: of all that lie between 2^k and 2^(k+1)
    /// records behind the newest, the oldest stays.
    static func thinned(_ old: [OffsetMark], adding new: [OffsetMark]) -> [OffsetMark] {
        var all = old
        for mark in new where mark.offset > (all.last?.offset ?? -1) { all.append(mark) }
        guard let newest = all.last else { return [] }
        var kept: [OffsetMark] = []
        var lastBucket = -1
        for mark in all.dropLast() {
            let distance = UInt64(newest.offset) &- UInt64(mark.offset)
            let bucket = 63 - distance.leadingZeroBitCount
            if bucket == lastBucket { continue }
            kept.append(mark)
            lastBucket = bucket
        }
        return kept + [newest]
    }
}

extension LogState {
    /// How long an agent may be silent before its streams may be forgotten: 400 days.
    public static let forgetSilenceMilliseconds: Int64 = 400 * 86_400_000

    /// The streams of a pipeline that a commit may forget: ended, or silent for 400 days; and every
    /// record of theirs lies below its partition's log start, so that none can come again.
    ///
    /// `logStarts`: the first offset that each partition still has; a partition without one keeps all.
    public func forgettableStreams(of pipeline: String, logStarts: [PartitionKey: Int64], now: Int64) -> [StreamID] {
        guard let found = pipelines[pipeline] else { return [] }
        return found.streams.filter { _, stream in
            let key = PartitionKey(topic: stream.topic, partition: stream.partition)
            guard let partition = found.partitions[key], let start = logStarts[key] else { return false }
            // A replay from an older epoch cannot happen: that log is gone.
            let isPassed = stream.epoch < partition.epoch || stream.lastOffset < start
            return isPassed && (stream.ended || now - stream.lastTime > Self.forgetSilenceMilliseconds)
        }.keys.sorted()
    }
}
