internal import Columns
internal import Event
internal import Sinks
internal import Transport

/// Where one pipeline goes on in one partition, as the log and the broker say it.
enum PartitionStanding {
    /// Read on at `next`; `base` is what the log says (-1: nothing).
    case ready(epoch: Int, base: Int64, next: Int64)
    /// The chain of offsets cannot go on: this record says so; commit it, then ask again.
    case broken(Advance)
    /// The end lies below what was read: look again later.
    case lowEnd
}

/// Asks the broker what `EpochMachine` wants to know. Only while no fetch is started.
struct PartitionRecovery {
    /// Questions to the broker per partition: two per mark and the bounds.
    static let maximumQuestionCount = 4 * OffsetMark.maximumCount

    let consumer: any Consumer
    let place: TopicPartition

    /// `lowMilliseconds`: how long the end has been seen low. `isVerified`: the marks were compared since
    /// the last trouble, only the bounds are asked.
    func standing(
        of state: PartitionState?, lowMilliseconds: Int64, isVerified: Bool
    ) throws(Failure) -> PartitionStanding {
        guard let state else {
            let first = try consumer.bounds(of: place).first
            return .ready(epoch: 0, base: -1, next: first)
        }
        let unchanged = PartitionStanding.ready(epoch: state.epoch, base: state.next, next: state.next)
        // Why: the embedded channel numbers its records from what we say.
        guard consumer.provesEpochs, !isVerified else { return unchanged }
        switch try verdict(state, lowMilliseconds) {
        case .goOn: return unchanged
        case .lowEnd: return .lowEnd
        case .gap(let next):
            return .broken(advance(state, next: next, reason: .gap))
        case .newEpoch(let next, let marks):
            // Why: an epoch that begins below what retention left continues with a gap of its own.
            var broken = advance(state, next: next, reason: .epoch)
            broken.newEpoch = state.epoch + 1
            broken.marks = marks
            return .broken(broken)
        }
    }

    private func advance(_ state: PartitionState, next: Int64, reason: Advance.Reason) -> Advance {
        Advance(
            topic: place.topic, partition: place.partition, epoch: state.epoch, from: state.next, next: next,
            reason: reason)
    }

    private func verdict(_ state: PartitionState, _ lowMilliseconds: Int64) throws(Failure) -> EpochMachine.Verdict {
        var machine = EpochMachine(
            next: state.next, marks: state.marks, isCompacted: try consumer.isCompacted(place.topic),
            lowMilliseconds: lowMilliseconds)
        var action = EpochMachine.Action.bounds
        for _ in 0..<Self.maximumQuestionCount {
            switch action {
            case .decided(let verdict): return verdict
            case .bounds:
                let (first, next) = try consumer.bounds(of: place)
                action = machine.bounds(first: first, next: next)
            case .mark(let offset): action = machine.found(try consumer.mark(at: offset, of: place))
            }
        }
        throw Failure(
            "transport.epoch_unproved", stage: .transport, kind: .transient,
            "\(place) changes faster than its history can be compared")
    }
}
