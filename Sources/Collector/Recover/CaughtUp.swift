internal import Columns
internal import Configuration
internal import Event
internal import Sinks
internal import Telemetry
internal import Transport

/// What `--until-caught-up` waits for: every partition of the pipelines' topics read up to the end that it had
/// when this run first looked, by this collector or, as the commit log says, by another one.
struct CaughtUpTarget {
    /// Where a pipeline stands in a partition. A topic made anew counts from 0 again, in a higher epoch.
    struct Reach: Comparable {
        var epoch = 0
        var next: Int64

        static func < (left: Reach, right: Reach) -> Bool { (left.epoch, left.next) < (right.epoch, right.next) }
    }

    /// The first offset that is beyond what this run waits for.
    var ends: [TopicPartition: Int64] = [:]
    var recordCount: UInt64 = 0
    var progressAt: Int64 = 0
    /// All partitions of the topics, assigned to us or not; nil: not looked yet.
    var places: [TopicPartition]?
    /// Below this epoch the log speaks of a partition that was since made anew.
    var epochs: [Coordinator.StandingPlace: Int] = [:]
    /// What we hold was read and committed.
    var isOwnDone = false
    /// How far others had come when the log was last looked at, when that was, and when they last moved.
    var held: [Coordinator.StandingPlace: Reach] = [:]
    var lookedAt: Int64 = 0
    var heldAt: Int64 = 0
}

extension Coordinator {
    /// How often the log is asked how far others have come.
    static let heldPollMilliseconds: Int64 = 1_000
    /// What the wait for others lasts beyond a session's time-out and two commits.
    static let heldMarginMilliseconds: Int64 = 15_000
    /// `session.timeout.ms` where the configuration does not say.
    static let sessionMilliseconds: Int64 = 45_000

    /// How long partitions that others hold may stand still: until a killed member's session has ended, or a
    /// living one must have committed what it reads.
    var longestHeldMilliseconds: Int64 {
        if let told = options.maximumHeldMilliseconds { return told }
        let property = settings.kafka.properties.last { $0.name == "session.timeout.ms" }.flatMap { Int64($0.value) }
        let interval = Int64(settings.commitMilliseconds)
        let progress = max(interval, min(Self.longestProgressMilliseconds, Self.progressFactor * interval))
        return max(0, min(property ?? Self.sessionMilliseconds, 3_600_000)) + progress + Self.heldMarginMilliseconds
    }

    /// Notes the ends of all partitions, once each; one that does not answer is asked again at the next start.
    /// Only while no fetch is started.
    func noteTargets() throws(Failure) {
        guard caughtUp != nil, let assigned else { return }
        caughtUp?.progressAt = now
        let places = try allPlaces(assigned)
        caughtUp?.places = places
        for place in places where caughtUp?.ends[place] == nil {
            do throws(Failure) {
                let next = try consumer.bounds(of: place).next
                if !assigned.contains(place), try !noteEpochs(place) { continue }
                caughtUp?.ends[place] = next
            } catch {
                guard error.isTransient else { throw error }
                report(error)
            }
        }
    }

    private func allPlaces(_ assigned: [TopicPartition]) throws(Failure) -> [TopicPartition] {
        // Why: the embedded channel has one reader, who is given everything.
        guard consumer.provesEpochs else { return assigned }
        var places = Set(assigned)
        for topic in topics {
            do throws(Failure) {
                for partition in 0..<(try consumer.partitionCount(of: topic)) {
                    places.insert(TopicPartition(topic: topic, partition: partition))
                }
            } catch {
                // Why: a topic that does not exist holds no records.
                guard error.code == "transport.unknown_topic" else { throw error }
                report(error)
            }
        }
        return places.sorted()
    }

    /// Notes which epoch a pipeline must have come to in a partition of others; false: cannot be told now.
    private func noteEpochs(_ place: TopicPartition) throws(Failure) -> Bool {
        let recovery = PartitionRecovery(consumer: consumer, place: place)
        let key = PartitionKey(topic: place.topic, partition: place.partition)
        for plan in plans where plan.spec.topics.contains(place.topic) {
            let state = log.state.pipelines[plan.name]?.partitions[key]
            switch try recovery.standing(of: state, lowMilliseconds: 0, isVerified: false) {
            case .lowEnd: return false
            case .ready(let epoch, _, _):
                caughtUp?.epochs[StandingPlace(pipeline: plan.index, place: place)] = epoch
            case .broken(let advance):
                caughtUp?.epochs[StandingPlace(pipeline: plan.index, place: place)] = advance.newEpoch
            }
        }
        return true
    }

    /// Whether all is read and committed, by us and by others; or nothing is to be expected of them any more.
    func isCaughtUp() throws(Failure) -> Bool {
        guard let target = caughtUp, let assigned, pending == nil else { return false }
        guard deferred.isEmpty, let places = target.places else { return false }
        let reports = session?.lanes.map(\.report) ?? []
        var nexts: [TopicPartition: Int64] = [:]
        for report in reports {
            for place in report.places { nexts[place.place] = place.next }
        }
        let missing = assigned.filter { place in
            guard let end = target.ends[place] else { return true }
            guard session != nil else { return !isStanding(place) }
            return (nexts[place] ?? .max) < end
        }
        var held: [TopicPartition] = []
        if missing.isEmpty {
            let others = Set(places).subtracting(assigned)
            // Order: what is ours is committed first; others may wait for it as we do for theirs.
            if others.isEmpty || !target.isOwnDone {
                guard try commitTarget() else { return false }
                if others.isEmpty { return true }
                caughtUp?.isOwnDone = true
            }
            guard now - target.lookedAt >= Self.heldPollMilliseconds else { return false }
            held = try heldMissing(others)
            if held.isEmpty { return try commitTarget() }
            if now - (caughtUp?.heldAt ?? 0) >= longestHeldMilliseconds { return try giveUp(held) }
        }
        let recordCount = reports.reduce(0) { $0 + $1.recordCount }
        if recordCount != target.recordCount || (session == nil && held.isEmpty) {
            caughtUp?.recordCount = recordCount
            caughtUp?.progressAt = now
        } else if now - target.progressAt >= Self.idleMilliseconds {
            try skipHoles(missing + held, nexts)
        }
        return false
    }

    /// Partitions of others that are not read to their ends, as the log says; notes whether they moved.
    private func heldMissing(_ others: Set<TopicPartition>) throws(Failure) -> [TopicPartition] {
        guard let target = caughtUp else { return [] }
        caughtUp?.lookedAt = now
        do throws(Failure) { try watch.load() } catch {
            guard error.isTransient else { throw error }
            report(error)
            return others.sorted()
        }
        var reached: [StandingPlace: CaughtUpTarget.Reach] = [:]
        var missing: [TopicPartition] = []
        for place in others.sorted() {
            let isDone = reach(of: place, into: &reached)
            // Why: the log does not tell whether others have replayed what it has long known.
            if !isDone || options.replays { missing.append(place) }
        }
        if reached != target.held || target.heldAt == 0 {
            caughtUp?.held = reached
            caughtUp?.heldAt = now
        }
        if !missing.isEmpty {
            voice.limited("held")?.info(
                "held", "waiting for partitions that other members of the group hold",
                ["partitions": .string(Self.names(missing))])
        }
        return missing
    }

    private func reach(
        of place: TopicPartition, into reached: inout [StandingPlace: CaughtUpTarget.Reach]
    ) -> Bool {
        guard let end = caughtUp?.ends[place] else { return false }
        var isDone = true
        for plan in plans where plan.spec.topics.contains(place.topic) {
            let standing = StandingPlace(pipeline: plan.index, place: place)
            let key = PartitionKey(topic: place.topic, partition: place.partition)
            let state = watch.state.pipelines[plan.name]?.partitions[key]
            let known = CaughtUpTarget.Reach(epoch: state?.epoch ?? 0, next: state?.next ?? 0)
            reached[standing] = known
            if known < CaughtUpTarget.Reach(epoch: caughtUp?.epochs[standing] ?? 0, next: end) { isDone = false }
        }
        return isDone
    }

    /// Ends the run with what is read: the rest is in the hands of others, who do not move.
    private func giveUp(_ held: [TopicPartition]) throws(Failure) -> Bool {
        guard try commitTarget() else { return false }
        let failure = Failure(
            "transport.held_by_others", stage: .transport, kind: .transient,
            "other members of the group hold \(Self.names(held)) and did not read to the end within "
                + "\(longestHeldMilliseconds / 1_000) s; the rest is read and committed",
            hint: "run it again when the session of a killed collector has ended, or end the other members of "
                + "group \(settings.group)")
        voice.failure(failure)
        summary.held = failure
        return true
    }

    private static func names(_ places: [TopicPartition]) -> String {
        let shown = places.prefix(8).map(\.description).joined(separator: ", ")
        return places.count > 8 ? "\(shown) and \(places.count - 8) more" : shown
    }

    /// Why before the end: a commit that fails now is made again, one that fails at the end is not.
    private func commitTarget() throws(Failure) -> Bool {
        guard session != nil else { return true }
        do throws(Failure) {
            try commit(isFinal: false)
            return pending == nil
        } catch {
            try recover(from: error)
            return false
        }
    }

    /// All pipelines of a partition stand.
    private func isStanding(_ place: TopicPartition) -> Bool {
        plans.filter { $0.spec.topics.contains(place.topic) }.allSatisfy {
            stopped[StandingPlace(pipeline: $0.index, place: place)] != nil
        }
    }

    /// A partition may end with offsets that hold no records (transactions): nothing will come for them.
    private func skipHoles(_ missing: [TopicPartition], _ nexts: [TopicPartition: Int64]) throws(Failure) {
        caughtUp?.progressAt = now
        guard consumer.provesEpochs else { return }
        do throws(Failure) {
            try restart()
            for place in missing {
                guard caughtUp?.ends[place] != nil, let next = nexts[place] ?? heldNext(place) else { continue }
                if try consumer.mark(at: next, of: place) == nil { caughtUp?.ends[place] = next }
            }
        } catch {
            guard error.isTransient || error.kind == .conflict else { throw error }
            report(error)
            retreat()
        }
    }

    /// How far all pipelines have come in a partition of others, if they speak of the partition as it is now.
    private func heldNext(_ place: TopicPartition) -> Int64? {
        guard assigned?.contains(place) == false, let target = caughtUp else { return nil }
        var lowest: Int64?
        for plan in plans where plan.spec.topics.contains(place.topic) {
            let standing = StandingPlace(pipeline: plan.index, place: place)
            guard let reach = target.held[standing], reach.epoch == target.epochs[standing] else { return nil }
            lowest = min(lowest ?? .max, reach.next)
        }
        return lowest
    }
}
