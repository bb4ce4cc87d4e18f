internal import Event

/// What of every stream a pipeline has taken: the committed coverage and the claims of the running
/// attempt (design section 3). Pure; `Coverage` puts a lock around it.
///
/// Invariants
/// - `covered` holds what is committed and what is claimed; `claims` the latter only.
/// - A position is claimed at most once: what `takeClaims` hands to a commit is disjoint from
///   everything committed before.
/// - Nothing is claimed by a call that throws.
struct CoverageMap {
    enum PackVerdict: Sendable {
        /// Nothing of it was taken before: it is claimed now.
        case fresh
        /// All of it was taken before.
        case covered
        /// Decide event by event.
        case mixed
    }

    enum EventVerdict: UInt8, Sendable {
        case fresh
        case duplicate
        /// Covered in part: somebody broke an identity rule. What was missing of it is claimed.
        case overlap
    }

    let pipeline: String
    private var covered: [StreamID: IntervalSet] = [:]
    private var claims: [StreamID: IntervalSet] = [:]
    /// Of streams of source places: some of the places taken, and those that joined in the running attempt.
    var samples: [StreamID: PointSample] = [:]
    var sampled: [StreamID: [Position]] = [:]
    private var settledSamples: [StreamID: PointSample] = [:]

    init(pipeline: String) { self.pipeline = pipeline }

    /// Starts from what the log says; claims are forgotten.
    mutating func load(_ streams: some Sequence<(key: StreamID, value: IntervalSet)>) {
        covered.removeAll(keepingCapacity: true)
        claims.removeAll(keepingCapacity: true)
        for (stream, set) in streams { covered[stream] = set }
    }

    /// Starts from what the log says, behind `load`.
    mutating func load(samples: [StreamID: PointSample]) {
        self.samples = samples
        settledSamples = samples
        sampled.removeAll(keepingCapacity: true)
    }

    /// Writes down that a place was taken, unless its stream is older than samples.
    mutating func sample(_ stream: StreamID, _ point: Position) {
        if samples[stream] == nil {
            guard covered[stream] == nil else { return }
            samples[stream] = PointSample()
        }
        if samples[stream]?.insert(point) == true { sampled[stream, default: []].append(point) }
    }

    /// Takes `[from, to)` of a stream if nothing of it was taken before.
    mutating func takePack(_ stream: StreamID, _ range: CoveredRange) throws(Failure) -> PackVerdict {
        switch covered[stream]?.overlap(range) ?? .none {
        case .none:
            try claim(stream, range)
            return .fresh
        case .whole: return .covered
        case .part: return .mixed
        }
    }

    /// Takes one event; for the events of a pack that is `mixed`.
    mutating func takeEvent(_ stream: StreamID, _ range: CoveredRange) throws(Failure) -> EventVerdict {
        switch covered[stream]?.overlap(range) ?? .none {
        case .none:
            try claim(stream, range)
            return .fresh
        case .whole: return .duplicate
        case .part:
            try leaveOut(stream, range)
            return .overlap
        }
    }

    /// Takes the events of a `mixed` pack in order, and what lies between them in `range`, which was left
    /// out on purpose. All of it or, if it throws, nothing.
    mutating func takeEvents(
        _ stream: StreamID, _ range: CoveredRange, _ events: ArraySlice<EventReference>
    ) throws(Failure) -> [EventVerdict] {
        let missing = covered[stream]?.missing(in: range) ?? [range]
        var verdicts: [EventVerdict] = []
        verdicts.reserveCapacity(events.count)
        do throws(Failure) {
            for event in events { verdicts.append(try takeEvent(stream, CoveredRange(event.from, event.to))) }
            try leaveOut(stream, range)
            return verdicts
        } catch {
            // Why: what is claimed is committed with the attempt; events that were not taken must not be.
            for part in missing {
                covered[stream]?.remove(part)
                claims[stream]?.remove(part)
            }
            throw error
        }
    }

    /// Claims what is missing of a range without an event behind it: bytes an agent left out.
    mutating func leaveOut(_ stream: StreamID, _ range: CoveredRange) throws(Failure) {
        guard let set = covered[stream] else { return try claim(stream, range) }
        for missing in set.missing(in: range) { try claim(stream, missing) }
    }

    /// Takes a record that has no key of ours: it covers from the end of the one before it, so that
    /// the coverage of such a stream stays a single range. False: it was taken before.
    mutating func takeForeign(_ stream: StreamID, offset: UInt64) throws(Failure) -> Bool {
        let end = covered[stream]?.end?.major ?? offset
        guard end <= offset, offset < .max else { return false }
        try claim(stream, CoveredRange(bytes: end..<(offset + 1)))
        return true
    }

    /// The ranges claimed since the last `settle` or `giveUp`.
    var claimed: [StreamID: IntervalSet] { claims }

    /// The claims are committed.
    mutating func settle() {
        claims.removeAll(keepingCapacity: true)
        for stream in sampled.keys { settledSamples[stream] = samples[stream] }
        sampled.removeAll(keepingCapacity: true)
    }

    /// The attempt is abandoned: what it claimed is free again.
    mutating func giveUp() {
        for (stream, set) in claims {
            for range in set.ranges { covered[stream]?.remove(range) }
            if covered[stream]?.isEmpty == true { covered[stream] = nil }
        }
        claims.removeAll(keepingCapacity: true)
        for stream in sampled.keys { samples[stream] = settledSamples[stream] }
        sampled.removeAll(keepingCapacity: true)
    }

    func coverage(of stream: StreamID) -> IntervalSet { covered[stream] ?? IntervalSet() }

    private mutating func claim(_ stream: StreamID, _ range: CoveredRange) throws(Failure) {
        covered[stream, default: IntervalSet()].insert(range)
        if let count = covered[stream]?.count, count > IntervalSet.maximumRangeCount {
            covered[stream]?.remove(range)
            throw Self.full(pipeline, stream)
        }
        claims[stream, default: IntervalSet()].insert(range)
    }

    private static func full(_ pipeline: String, _ stream: StreamID) -> Failure {
        Failure(
            "dedup.coverage_full", stage: .dedup, kind: .corrupt,
            "stream \(stream) of pipeline \(pipeline) has more than \(IntervalSet.maximumRangeCount) holes",
            hint: "see the holes with `millrace audit`; close those that cannot be filled with "
                + "`millrace audit accept --pipeline \(pipeline) --stream \(stream)`, then restart the collector")
    }
}
