internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry
internal import Transport

extension Coordinator {
    /// The barrier and the commit: lanes park, files are sealed, the record is put, offsets move, lanes go
    /// on (not if `isFinal`). Nothing moved: nothing is committed.
    func commit(isFinal: Bool) throws(Failure) {
        guard let session else { return }
        if pending == nil {
            try session.park()
            for flow in session.flows { try flow.flush() }
            var assembly = CommitAssembly(plans: plans, flows: session.flows)
            guard !assembly.isEmpty else {
                committedAt = now
                if !isFinal { session.resume() }
                return
            }
            if assembly.isProgressOnly, !isFinal, mayHoldProgress {
                committedAt = now
                session.resume()
                return
            }
            // Order: files are durable before the record that names them.
            assembly.add(try session.staged.seal())
            pending = assembly
        }
        try settle(isFinal: isFinal)
    }

    /// Whether offsets of records without events can wait: a record of the log for each watermark of each agent
    /// would fill it while nothing happens. Not in the embedded channel, where agents wait for the commit.
    private var mayHoldProgress: Bool {
        let pause = min(Self.longestProgressMilliseconds, Self.progressFactor * Int64(settings.commitMilliseconds))
        return caughtUp == nil && !options.replays && consumer.provesEpochs && now - recordedAt < pause
    }

    /// Puts the pending record, again and again if the last answer was lost.
    func settle(isFinal: Bool = false) throws(Failure) {
        guard let session, let assembly = pending else { return }
        let expected = log.state.number + 1
        switch try log.commit(assembly.effects) {
        case .committed(let number):
            pending = nil
            backoff.reset()
            committed(assembly, number: number, session)
            // Why: what others committed in between may cover streams that our lanes hold too.
            if number != expected { loadCoverage() }
            session.beginAttempt()
            if !isFinal { session.resume() }
        case .conflict(let reason):
            pending = nil
            if reason == "fenced" { try log.renew() }
            throw Failure(
                "commit.conflict", stage: .commit, kind: .conflict,
                "another collector committed first (\(reason)); this attempt is read again",
                hint: "harmless after a rebalance; if it goes on, two collectors with different groups share a warehouse")
        }
    }

    private func committed(_ assembly: CommitAssembly, number: Int, _ session: Session) {
        for plan in plans {
            plan.coverage.settle()
            summary.balances[plan.name, default: Balance()] += assembly.balances[plan.index]
        }
        summary.commitCount += 1
        committedAt = now
        recordedAt = now
        consumer.committed(committedOffsets(session))
        if options.replays { noteReplayed(session) }
        let rows = assembly.effects.files.reduce(into: UInt64(0)) { $0 += $1.role == .data ? $1.rows : 0 }
        voice.info(
            "committed", "a commit is in the log",
            ["number": .count(number), "files": .count(assembly.effects.files.count), "rows": .count(rows)])
    }

    /// Below these offsets everything is in the warehouse, for every pipeline that reads the partition: a copy of
    /// the log's own numbers. A partition that the log does not know yet has none.
    private func committedOffsets(_ session: Session) -> [TopicPartition: Int64] {
        var offsets: [TopicPartition: Int64] = [:]
        for flow in session.flows {
            for partition in flow.partitions {
                let key = PartitionKey(topic: partition.place.topic, partition: partition.place.partition)
                let known = partition.cursors.compactMap { cursor in
                    log.state.pipelines[plans[cursor.pipeline].name]?.partitions[key]?.next
                }
                guard known.count == partition.cursors.count else { continue }
                offsets[partition.place] = known.min()
            }
        }
        return offsets
    }

    private func noteReplayed(_ session: Session) {
        for partition in session.flows.flatMap(\.partitions) {
            for cursor in partition.cursors {
                replayed[StandingPlace(pipeline: cursor.pipeline, place: partition.place)] = cursor.next
            }
        }
    }

    func loadCoverage() {
        for plan in plans { plan.coverage.load(log.state.pipelines[plan.name]) }
    }

    /// The group takes our partitions: one try, because others wait for them.
    func commitBeforeLeaving() throws(Failure) {
        do throws(Failure) {
            try commit(isFinal: true)
        } catch {
            guard error.kind == .transient || error.kind == .conflict else { throw error }
            report(error)
        }
    }

    /// Finds out what became of a commit whose session ended before the answer.
    func settleLeftovers() throws(Failure) {
        guard let files = unsettled else { return }
        if try log.settle() == nil { files.abandon() }
        unsettled = nil
    }
}
