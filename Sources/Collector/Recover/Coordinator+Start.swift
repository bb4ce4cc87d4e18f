internal import Columns
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry
internal import Transport

extension Coordinator {
    /// Starts the assigned partitions where the log says, after comparing their history with its marks.
    func startSession() throws(Failure) {
        guard let assigned else { return }
        // Why: an attempt that was given up may still be fetched; marks are looked up while nothing is.
        try consumer.stop()
        try settleLeftovers()
        try log.prepare()
        loadCoverage()
        var partitions: [LanePartition] = []
        var broken: [Int: [Advance]] = [:]
        for place in assigned {
            do throws(Failure) {
                if let partition = try prepare(place, &broken) { partitions.append(partition) }
            } catch {
                guard error.isTransient else { throw error }
                if deferred[place] == nil { deferred[place] = 0 }
                voice.limited("deferred." + error.code)?.failure(
                    error, level: .warning, ["place": .string(place.description)])
            }
        }
        if !broken.isEmpty { return try record(broken) }
        looks.deferred = now
        try noteTargets()
        let fetched = partitions.filter { $0.start != nil }
        guard !fetched.isEmpty else {
            startAt = now + Self.deferMilliseconds
            return
        }
        let laneCount = max(1, options.workerCount ?? CollectorRuntime.laneCount(settings))
        let workerCount = min(fetched.count, laneCount)
        let session = try Session(
            fetched, plans: plans, workerCount: workerCount,
            heldByteCount: CollectorRuntime.heldByteCount(settings, laneCount: workerCount), log: log, storage: storage)
        try consumer.start(fetched.map { ($0.place, $0.start ?? 0) }, workerCount: workerCount)
        self.session = session
        committedAt = now
        recordedAt = now
        session.start(consumer: consumer)
        voice.info(
            "started", "partitions are read",
            ["partitions": .count(fetched.count), "lanes": .count(workerCount), "waiting": .count(deferred.count)])
    }

    /// One partition with a cursor for each pipeline that can go on; nil: none can.
    private func prepare(_ place: TopicPartition, _ broken: inout [Int: [Advance]]) throws(Failure) -> LanePartition? {
        let recovery = PartitionRecovery(consumer: consumer, place: place)
        let since = deferred[place] ?? 0
        var cursors: [PipelineCursor] = []
        var isLow = false
        for plan in plans where plan.spec.topics.contains(place.topic) {
            let key = PartitionKey(topic: place.topic, partition: place.partition)
            let state = log.state.pipelines[plan.name]?.partitions[key]
            let standing = try recovery.standing(
                of: state, lowMilliseconds: since > 0 ? now - since : 0, isVerified: verified.contains(place))
            switch standing {
            case .ready(let epoch, let base, let next):
                let start = try options.replays ? min(next, replayStart(plan, place)) : next
                cursors.append(cursor(plan, place, state, epoch: epoch, base: base, next: start))
            case .broken(let advance):
                broken[plan.index, default: []].append(advance)
                tell(advance, plan)
            case .lowEnd:
                isLow = true
                voice.limited("low.\(place)")?.warning(
                    "low_end", "the partition ends below what was read from it; waiting for its leader",
                    ["place": .string(place.description), "pipeline": .string(plan.name)])
            }
        }
        if isLow {
            deferred[place] = since > 0 ? since : max(now, 1)
        } else {
            deferred[place] = nil
            if broken.isEmpty { verified.insert(place) }
        }
        return cursors.isEmpty ? nil : LanePartition(place: place, cursors: cursors, plans: plans)
    }

    /// Where the replay of a partition goes on: its first record, or behind what this run has replayed.
    private func replayStart(_ plan: PipelinePlan, _ place: TopicPartition) throws(Failure) -> Int64 {
        if let known = replayed[StandingPlace(pipeline: plan.index, place: place)] { return known }
        return try consumer.bounds(of: place).first
    }

    private func cursor(
        _ plan: PipelinePlan, _ place: TopicPartition, _ state: PartitionState?, epoch: Int, base: Int64, next: Int64
    ) -> PipelineCursor {
        var cursor = PipelineCursor(
            pipeline: plan.index, epoch: epoch,
            foreign: PipelineCursor.foreignStream(topic: place.topic, partition: place.partition, epoch: epoch),
            base: base, next: next, newestMark: state?.marks.last?.offset ?? -1,
            breakers: plan.spec.routes.map { Breaker(share: $0.breakerShare, window: $0.breakerWindow) })
        if plan.sync != nil {
            let key = PartitionKey(topic: place.topic, partition: place.partition)
            cursor.resume = SyncResume(log.state.pipelines[plan.name], key, epoch: epoch)
        }
        cursor.stopped = stopped[StandingPlace(pipeline: plan.index, place: place)]
        return cursor
    }

    private func tell(_ advance: Advance, _ plan: PipelinePlan) {
        let fields: LogFields = [
            "pipeline": .string(plan.name), "topic": .string(advance.topic), "partition": .count(advance.partition),
            "from": .count(advance.from), "next": .count(advance.next), "epoch": .count(advance.newEpoch),
        ]
        if advance.reason == .gap {
            voice.error("gap", "retention removed records before they were read; `millrace audit` names what is missing", fields)
        } else {
            voice.error("epoch", "the partition was made anew or lost its tail: a new epoch begins", fields)
        }
    }

    /// Writes broken chains of offsets into the log; the next start reads on behind them.
    private func record(_ broken: [Int: [Advance]]) throws(Failure) {
        var effects = CommitEffects()
        for (pipeline, advances) in broken.sorted(by: { $0.key < $1.key }) {
            var effect = PipelineEffect(pipeline: plans[pipeline].name)
            effect.advances = advances
            effects.pipelines.append(effect)
        }
        if case .conflict(let reason) = try log.commit(effects) {
            if reason == "fenced" { try log.renew() }
            throw Failure(
                "commit.conflict", stage: .commit, kind: .conflict, "another collector committed first (\(reason))")
        }
        summary.commitCount += 1
        startAt = now
    }

    /// Looks whether partitions that could not be started can be now; begins a new session if so.
    func lookAtDeferred() throws(Failure) {
        guard !deferred.isEmpty, session != nil, pending == nil, now - looks.deferred >= Self.deferMilliseconds
        else { return }
        looks.deferred = now
        for (place, since) in deferred {
            guard let bounds = try? consumer.bounds(of: place) else { continue }
            let key = PartitionKey(topic: place.topic, partition: place.partition)
            let highest = log.state.pipelines.values.compactMap { $0.partitions[key]?.next }.max() ?? 0
            let isOver = since > 0 && now - since >= EpochMachine.longestLowMilliseconds
            guard since == 0 || isOver || bounds.next >= highest else { continue }
            verified.remove(place)
            try restart()
            return
        }
    }

    /// Commits what there is and starts anew at once.
    func restart() throws(Failure) {
        try commit(isFinal: true)
        abandon()
        try consumer.stop()
        startAt = now
    }
}
