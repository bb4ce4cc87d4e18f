internal import Configuration
internal import Event
internal import Platform
internal import Telemetry
internal import Transport

extension AgentRuntime {
    /// Ships until asked to stop, or until all is done with `isOnce`.
    func loop() {
        var hasWorked = false
        while !control.isStopping {
            beat()
            wait(hasWorked: hasWorked)
            if control.takeReload() {
                log.notice("agent.reload", "files are looked at; the configuration is read at the next start only")
            }
            let now = clock.wallMilliseconds()
            for source in sources { _ = source.look(now: now) }
            makeDurable()
            hasWorked = round(now: now)
            serveMirror()
            tend(now: now)
            if isOnce, !hasWorked, isDone(now: now) { return }
        }
    }

    /// Serves the producer; with nothing to do, waits for acknowledgements or for the files.
    private func wait(hasWorked: Bool) {
        let isFlying = shipper.inFlight.records > 0
        guarded { () throws(Failure) in
            try shipper.collect(timeoutMilliseconds: hasWorked || !isFlying ? 0 : Self.busyMilliseconds)
        }
        if hasWorked || isFlying || sources.contains(where: \.needsDurability) { return }
        _ = Readiness.wait(
            for: sources.compactMap(\.noticeDescriptor), milliseconds: isOnce ? 20 : Self.idleMilliseconds)
    }

    /// One round of shipping. Returns whether anything was handed over.
    private func round(now: Int64) -> Bool {
        var hasWorked = false
        guarded { () throws(Failure) in
            hasWorked = try shipper.ship(now: now)
            if !hasWorked, !sources.contains(where: \.needsDurability) {
                try shipper.shipWatermarks(now: now, isFinal: isFinishing)
            }
        }
        return hasWorked
    }

    /// Runs what talks to the producer; after a fatal error, goes on with a new one.
    func guarded(_ body: () throws(Failure) -> Void) {
        do throws(Failure) {
            if shipper.producer == nil { try reopenProducer() }
            try body()
        } catch {
            if error.code == "agent.stopped" { return }
            log.failure(error)
            report.add([error], now: clock.wallMilliseconds())
            shipper.abandon()
            var generator = SystemRandomNumberGenerator()
            try? pause(milliseconds: producerBackoff.wait(using: &generator))
        }
    }

    private func reopenProducer() throws(Failure) {
        shipper.use(try connections.makeProducer())
        log.notice("agent.producer_renewed", "the producer was made anew; what was in flight is shipped again")
        report.producerCount += 1
    }

    /// Checkpoints what must be durable before it is shipped.
    private func makeDurable() {
        guard sources.contains(where: \.needsDurability) else { return }
        let time = clock.monotonicNanoseconds() / 1_000_000
        if time < due.checkpointRetry { return }
        do throws(Failure) {
            try checkpoint()
        } catch {
            checkpointFailed(error)
        }
    }

    func checkpointFailed(_ failure: Failure) {
        log.limited(failure.code)?.failure(failure)
        report.add([failure], now: clock.wallMilliseconds())
        due.checkpointRetry = clock.monotonicNanoseconds() / 1_000_000 &+ 1_000
    }

    /// Writes a checkpoint of everything, durable on return; streams that waited for it may be shipped.
    func checkpoint() throws(Failure) {
        guard let folder, var machine else { return }
        let begin = clock.monotonicNanoseconds()
        _ = machine.nextCheckpoint()
        // Why: numbered even if the write fails, since the file may be there although its folder's fsync failed.
        self.machine = machine
        var state = AgentState()
        state.incarnation = machine.state
        for (index, source) in sources.enumerated() {
            var entry = AgentState.Source(name: source.name)
            entry.watermarkPartitions = shipper.feeds[index].watermarkPartitions.sorted()
            entry.streams = source.checkpointRecords().map { AgentState.Stream(id: $0.stream, record: $0.bytes) }
            state.sources.append(entry)
        }
        state.sources += absent
        let waiting = sources.filter(\.needsDurability)
        try folder.write(state)
        for source in waiting { source.madeDurable() }
        report.checkpointAt = clock.wallMilliseconds()
        report.streamCount = state.sources.reduce(0) { $0 + $1.streams.count }
        let end = clock.monotonicNanoseconds()
        // Why: at most a twentieth of the time goes into checkpoints, however many streams there are.
        let pause = max(Int64(settings.checkpointMilliseconds), (end &- begin) / 1_000_000 &* 20)
        due.checkpoint = end / 1_000_000 &+ pause
        due.checkpointRetry = 0
        report.isMirrorBehind = true
        if end / 1_000_000 >= due.mirror, mirrorWatch != nil { mirrorStreams() }
    }

    /// Hands changed stream records to the mirror. Only right behind a checkpoint that holds them.
    func mirrorStreams() {
        guard var machine, let mirrorWatch else { return }
        for source in sources {
            for (stream, bytes) in source.takeChangedRecords() {
                let key = MirrorNote.streamKey(settings.name, stream)
                if bytes.isEmpty {
                    mirrorWatch.write(key: key, value: nil)
                    continue
                }
                let nonce = Token.make()
                machine.willAppend(nonce: nonce)
                mirrorWatch.write(
                    key: key,
                    value: MirrorNote.streamValue(
                        source: source.name, incarnation: machine.incarnation, checkpoint: machine.state.checkpoint,
                        nonce: nonce, record: bytes))
            }
        }
        self.machine = machine
        report.isMirrorBehind = false
        due.mirror = clock.monotonicNanoseconds() / 1_000_000 &+ Self.mirrorMilliseconds
    }

    /// Looks at what was read from the mirror: a foreign writer forces new ids.
    private func serveMirror() {
        guard let mirrorWatch else { return }
        for failure in mirrorWatch.takeFaults() {
            log.limited("mirror \(failure.code)", everySeconds: 60)?.failure(failure)
            report.add([failure], now: clock.wallMilliseconds())
        }
        let notes = mirrorWatch.takeNotes()
        if notes.isEmpty { return }
        for id in machine?.observe(notes: notes) ?? [] {
            let reason = "another agent runs under this name (incarnation \(id))"
            log.error(
                "agent.foreign_incarnation", "\(reason): streams go on under new ids",
                ["hint": "give every agent a name and a state folder of its own"])
            report.foreign.append(id)
            report.newIDsReason = reason
            for source in sources { source.takeNewIDs(reason: reason) }
            for feed in shipper.feeds { feed.holdWatermark(now: clock.wallMilliseconds()) }
            for index in absent.indices {
                absent[index].pending = PendingNewIDs(
                    reason: reason, afterPowerLoss: absent[index].pending?.afterPowerLoss ?? false)
            }
            due.checkpoint = 0
            report.hasMoved = true
        }
    }

    /// Whether nothing is left to do: called again until the last watermark is acknowledged, too.
    private func isDone(now: Int64) -> Bool {
        guard !shipper.isDataInFlight, sources.allSatisfy({ $0.isDrained && !$0.needsDurability }),
            !shipper.hasUnsentWatermark
        else { return false }
        if isFinishing { return true }
        isFinishing = true
        return false
    }

    /// Waits for acknowledgements, then writes the last checkpoint, with the clean mark if all came.
    func shutDown() {
        log.info("agent.stopping", "\(shipper.inFlight.records) records are in flight")
        notifier.stopping("waiting for acknowledgements")
        mirrorWatch?.stopReading()
        let begin = clock.monotonicNanoseconds()
        if settings.heartbeatMilliseconds > 0 { beatHeart(now: clock.wallMilliseconds(), begin / 1_000_000) }
        let end = begin &+ Int64(settings.shutdownMilliseconds) &* 1_000_000
        // Why: the last checkpoint and the mirror's thread, which may be asking a broker, take their time, too.
        let deadline = end &- Int64(min(settings.shutdownMilliseconds / 3, 6_000)) &* 1_000_000
        // A heartbeat is worth a second of waiting, events are worth all of it.
        while shipper.producer != nil, !control.isHurried, clock.monotonicNanoseconds() < deadline,
            shipper.isDataInFlight
                || shipper.inFlight.records > 0 && clock.monotonicNanoseconds() &- begin < 1_000_000_000
        {
            do throws(Failure) { try shipper.collect(timeoutMilliseconds: Self.busyMilliseconds) } catch {
                log.failure(error)
                break
            }
            beat()
        }
        let isClean = shipper.producer != nil && !shipper.isDataInFlight
        if isClean { machine?.ended() }
        due.mirror = 0
        do throws(Failure) { try checkpoint() } catch {
            log.failure(error)
        }
        let left = Int((end &- clock.monotonicNanoseconds()) / 1_000_000)
        mirrorWatch?.stop(timeoutMilliseconds: max(min(left, 5_000), 500))
        mirrorWatch = nil
        publishStatus(now: clock.wallMilliseconds(), state: "stopped")
        log.info(
            "agent.stopped", isClean ? "everything read is acknowledged" : "events in flight are shipped again later",
            ["clean": .boolean(isClean)])
    }
}
