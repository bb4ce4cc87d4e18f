internal import Columns
internal import Event
internal import Transport

/// What `--until-caught-up` waits for: every assigned partition read up to the end that it had when it
/// was first started.
struct CaughtUpTarget {
    var ends: [TopicPartition: Int64] = [:]
    var recordCount: UInt64 = 0
    var progressAt: Int64 = 0
}

extension Coordinator {
    func noteTargets(_ partitions: [LanePartition]) throws(Failure) {
        guard caughtUp != nil else { return }
        for partition in partitions where caughtUp?.ends[partition.place] == nil {
            caughtUp?.ends[partition.place] = try consumer.bounds(of: partition.place).next
        }
        caughtUp?.progressAt = now
    }

    /// Whether all is read and committed.
    func isCaughtUp() throws(Failure) -> Bool {
        guard let target = caughtUp, let assigned, pending == nil else { return false }
        if assigned.isEmpty { return true }
        guard deferred.isEmpty else { return false }
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
        if missing.isEmpty { return try commitTarget() }
        let recordCount = reports.reduce(0) { $0 + $1.recordCount }
        if recordCount != target.recordCount || session == nil {
            caughtUp?.recordCount = recordCount
            caughtUp?.progressAt = now
        } else if now - target.progressAt >= Self.idleMilliseconds {
            try skipHoles(missing, nexts)
        }
        return false
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
                guard let next = nexts[place] else { continue }
                if try consumer.mark(at: next, of: place) == nil { caughtUp?.ends[place] = next }
            }
        } catch {
            guard error.isTransient || error.kind == .conflict else { throw error }
            report(error)
            retreat()
        }
    }
}
