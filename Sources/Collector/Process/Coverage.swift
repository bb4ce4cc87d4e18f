internal import Change
internal import Event
internal import Sinks
internal import Synchronization

/// The coverage of one pipeline, shared by all lanes of the process: a pack that comes through two
/// partitions (a mirrored topic) is taken once. The lock is taken once per pack.
final class Coverage: Sendable {
    private let map: Mutex<CoverageMap>

    init(pipeline: String) { map = Mutex(CoverageMap(pipeline: pipeline)) }

    /// Starts from the log. Not while lanes run.
    func load(_ state: PipelineState?) {
        map.withLock { map in
            map.load((state?.streams ?? [:]).lazy.map { (key: $0.key, value: $0.value.taken) })
            map.load(samples: (state?.streams ?? [:]).compactMapValues(\.sample))
        }
    }

    /// Takes a pack as a whole, if it is wholly fresh or wholly covered; `mixed` leaves it to `takeEvents`.
    /// `leftOut` is claimed in any case.
    func takePack(
        _ stream: StreamID, _ range: CoveredRange, leftOut: CoveredRange?
    ) throws(Failure) -> CoverageMap.PackVerdict {
        try map.withLock { map throws(Failure) in
            if let leftOut { try map.leaveOut(stream, leftOut) }
            return try map.takePack(stream, range)
        }
    }

    /// Decides event by event, in order. What lies between them in `range` was left out on purpose.
    func takeEvents(
        _ stream: StreamID, _ range: CoveredRange, _ events: ArraySlice<EventReference>
    ) throws(Failure) -> [CoverageMap.EventVerdict] {
        try map.withLock { map throws(Failure) in try map.takeEvents(stream, range, events) }
    }

    func leaveOut(_ stream: StreamID, _ range: CoveredRange) throws(Failure) {
        try map.withLock { map throws(Failure) in try map.leaveOut(stream, range) }
    }

    func takeForeign(_ stream: StreamID, offset: UInt64) throws(Failure) -> Bool {
        try map.withLock { map throws(Failure) in try map.takeForeign(stream, offset: offset) }
    }

    /// Decides about changes by their places in the source, in order.
    func takePlaces(_ claims: [PlaceRun.Claim], isAlone: Bool) -> CoverageMap.Places {
        map.withLock { $0.takePlaces(claims, isAlone: isAlone) }
    }

    /// Places that joined the samples since the last `settle` or `giveUp`.
    var sampled: [StreamID: [Position]] { map.withLock { $0.sampled } }
    var claimed: [StreamID: IntervalSet] { map.withLock { $0.claimed } }
    func settle() { map.withLock { $0.settle() } }
    func giveUp() { map.withLock { $0.giveUp() } }
}

extension StreamState {
    /// Taken, or accepted as lost: what comes for it now is a duplicate.
    var taken: IntervalSet {
        guard !accepted.isEmpty else { return covered }
        var set = covered
        set.formUnion(accepted)
        return set
    }
}
