internal import Columns
internal import Event
internal import Platform
internal import Sinks
internal import Transport

/// Where one pipeline stands in one partition.
struct PipelineCursor: Sendable {
    /// Index of the pipeline.
    let pipeline: Int
    let epoch: Int
    /// The stream that records without a key of ours belong to.
    let foreign: StreamID
    /// What the log says; -1: nothing yet. The precondition of the next commit.
    var base: Int64
    /// The next offset as of the last commit, or of the start: below `base` while a topic is replayed.
    var settled: Int64
    /// The next offset to take.
    var next: Int64
    /// Offset of the newest mark in the log; -1: none.
    var newestMark: Int64
    /// One per route.
    var breakers: [Breaker]
    /// Where a sync goes on.
    var resume = SyncResume()
    /// Why this pipeline stands in this partition; nil: it goes on.
    var stopped: Failure?

    init(
        pipeline: Int, epoch: Int, foreign: StreamID, base: Int64, next: Int64, newestMark: Int64,
        breakers: [Breaker]
    ) {
        self.pipeline = pipeline
        self.epoch = epoch
        self.foreign = foreign
        self.base = base
        self.next = next
        settled = next
        self.newestMark = newestMark
        self.breakers = breakers
    }

    func wants(_ offset: Int64) -> Bool { offset >= next && stopped == nil }

    /// Whether there is something to commit.
    var hasMoved: Bool { next > settled }

    /// The identity of what others fill (design section 5): XXH3-128 of topic, NUL, partition (4 bytes,
    /// little-endian), epoch (8 bytes, little-endian).
    static func foreignStream(topic: String, partition: Int32, epoch: Int) -> StreamID {
        var bytes = Array(topic.utf8)
        bytes.append(0)
        for shift in stride(from: 0, to: 32, by: 8) { bytes.append(UInt8(truncatingIfNeeded: partition >> Int32(shift))) }
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: epoch >> shift)) }
        let hash = Hash.xxh3Wide(bytes)
        return StreamID(high: hash.high, low: hash.low | 1)
    }
}

/// One partition in a lane. Owned by the lane's thread, by the coordinator while the lane is parked.
struct LanePartition {
    let place: TopicPartition
    var keys = KeyCache()
    var cursors: [PipelineCursor]
    /// Records seen in this attempt, exponentially spaced.
    var marks: [OffsetMark] = []
    /// Timestamp of the newest record taken, milliseconds; -1: none yet.
    var lastTimestamp: Int64 = -1
    /// Routes that take an entry's source: `routes[entry][cursor index]`.
    private var routes: [[[Int]]] = []
    /// The same for records without a key.
    private let foreignRoutes: [[Int]]
    /// Whether some pipeline wants the records' own keys.
    let keepsRecordKeys: Bool

    init(place: TopicPartition, cursors: [PipelineCursor], plans: [PipelinePlan]) {
        self.place = place
        self.cursors = cursors
        keepsRecordKeys = cursors.contains { plans[$0.pipeline].sync?.needsRecordKeys == true }
        foreignRoutes = cursors.map { plans[$0.pipeline].routes(topic: place.topic, source: nil) }
    }

    /// The lowest offset that some pipeline still wants, or nil if all stand.
    var start: Int64? { cursors.lazy.filter { $0.stopped == nil }.map(\.next).min() }

    /// Makes room in the key cache; between batches only.
    mutating func trim() {
        if keys.trim() { routes.removeAll(keepingCapacity: true) }
    }

    /// Looks the routes of new keys up.
    mutating func prepareRoutes(plans: [PipelinePlan]) {
        while routes.count < keys.count {
            let source = keys.key(of: routes.count).source
            routes.append(cursors.map { plans[$0.pipeline].routes(topic: place.topic, source: source) })
        }
    }

    func wants(_ offset: Int64) -> Bool { cursors.contains { $0.wants(offset) } }

    /// Remembers a record as a proof of this partition's history.
    mutating func mark(_ record: RecordView) {
        let hash = unsafe RecordMark.hash(key: record.key, value: record.value)
        MarkLadder.append(
            unsafe OffsetMark(offset: record.offset, timestamp: record.timestamp, hash: hash), to: &marks)
    }

    /// Counts what a table took and refused; stops its pipeline here if that is too much.
    mutating func trip(_ plan: PipelinePlan, route: Int, seen: Int, rejected: Int) {
        guard let index = cursors.firstIndex(where: { $0.pipeline == plan.index }),
            cursors[index].breakers[route].exceeds(afterSeen: seen, rejected: rejected)
        else { return }
        let spec = plan.spec.routes[route]
        cursors[index].stopped = Failure(
            "validate.too_many_rejected", stage: .validate, kind: .corrupt,
            "table \(spec.table) of pipeline \(plan.name) refused more than \(Int(spec.breakerShare * 100)) % of "
                + "\(spec.breakerWindow) events of \(place); it stands at offset \(cursors[index].next)",
            hint: "look at `millrace quarantine list`; correct the route or the source, or raise `breaker`, "
                + "then restart the collector: nothing is lost meanwhile, and "
                + "`millrace quarantine replay --table \(spec.table)` takes in what was refused")
    }

    /// Stops a sync here: changes of a table came that stand among others that were taken, and were not there.
    mutating func stop(_ plan: PipelinePlan, misplaced table: String) {
        guard let index = cursors.firstIndex(where: { $0.pipeline == plan.index }), cursors[index].stopped == nil
        else { return }
        cursors[index].stopped = Failure(
            "sync.not_in_order", stage: .dedup, kind: .corrupt,
            "changes of table \(table) stand in \(place) among others of it that came before: sync \(plan.name) "
                + "takes a table's changes to be in one partition, in order, and may have left some out",
            hint: "if the topic spreads a table's changes by key, begin a new sync with `spread: key` in a new "
                + "warehouse; if the tool filled in what it had left out, begin a new sync over the topic")
    }

    func routes(entry: Int, cursor: Int) -> [Int] {
        entry >= 0 ? routes[entry][cursor] : foreignRoutes[cursor]
    }
}
