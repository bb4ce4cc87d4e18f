internal import Configuration
internal import Event
internal import Platform
internal import Telemetry
internal import Transport

extension AgentRuntime {
    /// Everything before the first event. Waits for brokers without end; throws what only an operator mends.
    func start() throws(Failure) {
        let folder = try StateFolder(path: settings.stateFolder)
        self.folder = folder
        notifier.status("waiting for the broker")
        let mirror = try connections.makeMirror()
        var isHandedOver = false
        defer { if !isHandedOver { mirror.close() } }
        try retried { () throws(Failure) in try mirror.check() }
        let counts = try openProducer()
        let loaded = try load(folder)
        let (records, next) = try decide(loaded, folder, mirror)
        try openSources(loaded, recovered: records, counts: counts)
        // Order: the verdict is done with in the very checkpoint that holds what the sources made of it.
        machine?.resumed()
        try checkpoint()
        mirrorWatch = MirrorWatch(mirror, agent: settings.name, next: next, watchMilliseconds: Self.watchMilliseconds)
        isHandedOver = true
        scheduleFirst()
        log.info(
            "agent.started", "agent \(settings.name) ships \(sources.count) sources",
            ["incarnation": .string(machine?.incarnation ?? ""), "version": .string(Self.version)])
        notifier.ready("shipping \(sources.count) sources")
    }

    private func scheduleFirst() {
        let time = clock.monotonicNanoseconds() / 1_000_000
        due.checkpoint = time &+ Int64(settings.checkpointMilliseconds)
        due.mirror = time &+ 5_000
        due.refresh = time &+ Self.refreshMilliseconds
    }

    /// Tries until it works, at growing intervals; thrown are failures that are not transient, and `atOnce`.
    private func retried<Result>(
        atOnce: String? = nil, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        var backoff = Backoff(firstMilliseconds: 250, maximumMilliseconds: 10_000)
        var generator = SystemRandomNumberGenerator()
        while true {
            do throws(Failure) {
                return try body()
            } catch {
                guard error.kind == .transient || error.kind == .conflict, error.code != atOnce else { throw error }
                log.limited(error.code)?.failure(error)
                notifier.status("waiting: \(error.message)")
                try pause(milliseconds: backoff.wait(using: &generator))
            }
        }
    }

    /// Opens the producer and asks for the partitions of all data topics.
    private func openProducer() throws(Failure) -> [String: Int32] {
        let producer = try retried { () throws(Failure) in try connections.makeProducer() }
        shipper.use(producer)
        try Self.checkLimits(settings, producer.maximumRecordByteCount)
        var counts: [String: Int32] = [:]
        for topic in Set(settings.sources.map(\.topic)).sorted() {
            counts[topic] = try retried(atOnce: "transport.unknown_topic") { () throws(Failure) in
                try producer.partitionCount(of: topic)
            }
        }
        return counts
    }

    private func load(_ folder: StateFolder) throws(Failure) -> StateFolder.Loaded {
        let loaded = try folder.load(now: clock.wallMilliseconds())
        if case .damaged(let aside, let reason) = loaded {
            let failure = Failure(
                "agent.state_damaged", stage: .control, kind: .corrupt,
                "the state in \(folder.path) cannot be used (\(reason)); it was set aside as \(aside)",
                hint: "the agent goes on from the mirror under new stream ids; nothing is lost, some may be shipped twice")
            log.failure(failure)
            report.add([failure], now: clock.wallMilliseconds())
        }
        return loaded
    }

    /// The incarnation's steps up to the durable verdict. Returns what the mirror holds, and where to
    /// read on in it.
    private func decide(
        _ loaded: StateFolder.Loaded, _ folder: StateFolder, _ mirror: any MirrorLog
    ) throws(Failure) -> (records: [MirrorRecord], next: Int64) {
        var state = AgentState()
        var machine: IncarnationMachine
        let boot = Boot.identifier()
        if case .state(let found, let isOriginal) = loaded {
            state = found
            machine = IncarnationMachine(
                previous: found.incarnation, isOriginal: isOriginal, boot: boot, incarnation: Token.make())
        } else {
            machine = IncarnationMachine(previous: nil, isOriginal: false, boot: boot, incarnation: Token.make())
        }
        state.incarnation = machine.state
        try folder.write(state)
        let nonce = Token.make()
        machine.willAppend(nonce: nonce)
        let key = MirrorNote.incarnationKey(settings.name, machine.incarnation)
        let value = MirrorNote.incarnationValue(
            id: machine.incarnation, follows: machine.followed, boot: boot, nonce: nonce, agent: settings.name,
            time: clock.wallMilliseconds())
        let own = try retried { () throws(Failure) in
            try mirror.append(key: key, value: value, timeoutMilliseconds: 10_000)
        }
        let from = machine.readOffset(own: own)
        // Why: an answer that ends before our own record is not the whole truth yet.
        let read = try retried { () throws(Failure) in
            let read = try mirror.read(from: from, timeoutMilliseconds: 30_000)
            guard read.next > own else {
                throw Failure(
                    "agent.mirror_behind", stage: .transport, kind: .transient,
                    "the mirror does not show our own record yet")
            }
            return read
        }
        let notes = read.records.compactMap { record in
            MirrorNote(record, agent: settings.name).map { (offset: record.offset, note: $0) }
        }
        let foreign = machine.decide(own: own, notes: notes)
        state.incarnation = machine.state
        if !machine.recovers { try folder.write(state) }
        for id in foreign { report.foreign.append(id) }
        if case .newIDs(let reason, let loss) = machine.resume {
            // A first start is no event for an operator.
            let level: Log.Level = machine.recovers && read.records.count <= 1 ? .info : .warning
            log.write(
                level, "agent.new_ids", "streams go on under new ids: \(reason)",
                ["after_power_loss": .boolean(loss), "foreign": .count(foreign.count)])
            report.newIDsReason = machine.recovers ? nil : reason
        }
        self.machine = machine
        let followedKey = machine.followed.map { MirrorNote.incarnationKey(settings.name, $0.incarnation) }
        if let followedKey { try? mirror.appendLater(key: followedKey, value: nil) }
        return (read.records, read.next)
    }

    /// Makes the sources with their records: of the state, or of the mirror where there was none.
    private func openSources(
        _ loaded: StateFolder.Loaded, recovered records: [MirrorRecord], counts: [String: Int32]
    ) throws(Failure) {
        guard let machine else { return }
        var known: [String: AgentState.Source] = [:]
        if case .state(let state, _) = loaded {
            for source in state.sources { known[source.name] = source }
            if case .newIDs = machine.resume { takeNewer(records, than: state.incarnation, into: &known) }
        }
        if machine.recovers {
            for (name, streams) in MirrorNote.recoveredStreams(records, agent: settings.name) {
                known[name] = AgentState.Source(name: name)
                known[name]?.streams = streams
                log.notice(
                    "agent.recovered", "\(streams.count) streams of source \(name) were recovered from the mirror")
            }
        }
        for each in settings.sources {
            let before = known.removeValue(forKey: each.name)
            let resume = Self.merged(machine.resume, before?.pending)
            let source = connections.makeSource(each, resume, before?.streams.map(\.record) ?? [])
            source.setPartitionCount(counts[each.topic] ?? 1)
            sources.append(source)
            shipper.add(source, watermarkPartitions: Set(before?.watermarkPartitions ?? []))
        }
        absent = known.values.sorted { $0.name < $1.name }
        for index in absent.indices {
            absent[index].pending = Self.pending(Self.merged(machine.resume, absent[index].pending))
        }
    }

    /// A state that went back in time goes on where the mirror says, as far as that was written on this machine
    /// in this boot: then the files are the same ones, and what was acknowledged is not shipped again.
    private func takeNewer(
        _ records: [MirrorRecord], than state: IncarnationState, into known: inout [String: AgentState.Source]
    ) {
        let newer = MirrorNote.newerStreams(records, agent: settings.name, than: state, boot: Boot.identifier())
        for (name, streams) in newer {
            var source = known[name] ?? AgentState.Source(name: name)
            let ids = Set(streams.map(\.id))
            source.streams = source.streams.filter { !ids.contains($0.id) } + streams
            known[name] = source
            log.notice(
                "agent.recovered", "the mirror is ahead of the state by \(streams.count) streams of source \(name)")
        }
    }

    private static func merged(_ resume: Resume, _ pending: PendingNewIDs?) -> Resume {
        guard let pending else { return resume }
        guard case .newIDs(let reason, let loss) = resume else {
            return .newIDs(reason: pending.reason, afterPowerLoss: pending.afterPowerLoss)
        }
        return .newIDs(reason: reason, afterPowerLoss: loss || pending.afterPowerLoss)
    }

    private static func pending(_ resume: Resume) -> PendingNewIDs? {
        guard case .newIDs(let reason, let loss) = resume else { return nil }
        return PendingNewIDs(reason: reason, afterPowerLoss: loss)
    }
}
