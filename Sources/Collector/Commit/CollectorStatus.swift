internal import Columns
public import Event
public import JSON
internal import Platform
internal import Sinks
internal import Transport

/// What a running collector says of itself: `<warehouse>/_millrace/status/<incarnation>.json`, written
/// about every five seconds, removed at an orderly end (docs/formats/status.md). For `lag` and `status`.
public struct CollectorStatus: Sendable {
    public static let folder = WarehousePath.control + "/status"
    /// Longest status file read: 10,000 partitions at 400 bytes.
    public static let maximumByteCount = 4 << 20

    public struct Partition: Sendable {
        public var topic: String
        public var partition: Int32
        /// Next offset to process; -1: all pipelines stand.
        public var next: Int64
        /// Next offset that is committed, the lowest of all pipelines; -1: none.
        public var committed: Int64
        /// End of the partition when it was last asked for; -1: not yet.
        public var high: Int64
        /// Timestamp of the newest record processed, milliseconds; -1: none yet.
        public var timestamp: Int64
    }

    public struct Standing: Sendable {
        public var pipeline: String
        public var topic: String
        public var partition: Int32
        public var failure: Failure
    }

    public var incarnation: String
    /// Wall clock, milliseconds.
    public var time: Int64
    public var startedAt: Int64
    /// Number and wall clock of the log's last record.
    public var commitNumber: Int
    public var committedAt: Int64
    public var partitions: [Partition] = []
    /// Committed since the log began, per pipeline.
    public var balances: [String: Balance] = [:]
    public var standing: [Standing] = []
    /// Partitions that cannot be started at the moment.
    public var waiting: [String] = []

    public var json: JSONValue {
        [
            "version": 1, "incarnation": .string(incarnation), "time": .integer(time), "started": .integer(startedAt),
            "commit": ["number": .integer(Int64(commitNumber)), "time": .integer(committedAt)],
            "partitions": .array(partitions.map(\.json)),
            "pipelines": .array(
                balances.sorted { $0.key < $1.key }.map { name, balance in
                    ["pipeline": .string(name), "balance": balance.statusJSON]
                }),
            "standing": .array(standing.map(\.json)), "waiting": .array(waiting.map { .string($0) }),
        ]
    }
}

extension CollectorStatus.Partition {
    var json: JSONValue {
        [
            "topic": .string(topic), "partition": .integer(Int64(partition)), "next": .integer(next),
            "committed": .integer(committed), "high": .integer(high), "timestamp": .integer(timestamp),
            "lag": .integer(high >= 0 && next >= 0 ? max(0, high - next) : -1),
        ]
    }
}

extension CollectorStatus.Standing {
    var json: JSONValue {
        [
            "pipeline": .string(pipeline), "topic": .string(topic), "partition": .integer(Int64(partition)),
            "code": .string(failure.code), "message": .string(failure.message),
            "hint": failure.hint.map { .string($0) } ?? .null,
        ]
    }
}

extension Balance {
    var statusJSON: JSONValue {
        [
            "received": .integer(Int64(clamping: received)), "written": .integer(Int64(clamping: written)),
            "partly_written": .integer(Int64(clamping: partlyWritten)),
            "quarantined": .integer(Int64(clamping: quarantined)),
            "duplicate": .integer(Int64(clamping: duplicate)), "filtered": .integer(Int64(clamping: filtered)),
        ]
    }
}

extension Coordinator {
    /// Ends asked of the broker per status: each may take a round trip.
    static let endsPerStatus = 32
    /// A look at an end is worth this much waiting: nothing else goes on meanwhile.
    static let endMilliseconds = 1_000

    private var statusPath: String { CollectorStatus.folder + "/" + log.incarnation + ".json" }

    /// Writes the status. A fault is no trouble: the next one comes in five seconds.
    func writeStatus() {
        askEnds()
        var bytes: [UInt8] = []
        status().json.append(to: &bytes)
        bytes.append(UInt8(ascii: "\n"))
        let temporary = statusPath + ".tmp"
        do throws(Failure) {
            if statusName != log.incarnation {
                if let statusName { try storage.remove(CollectorStatus.folder + "/" + statusName + ".json") }
                try storage.makeFolder(WarehousePath.control)
                try storage.makeFolder(CollectorStatus.folder)
                statusName = log.incarnation
            }
            try storage.remove(temporary)
            let file = try storage.create(temporary)
            let outcome = unsafe bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
                do throws(Failure) { return .success(try unsafe file.append(bytes)) } catch { return .failure(error) }
            }
            try outcome.get()
            try file.close()
            try storage.rename(temporary, statusPath)
        } catch {
            report(error)
        }
    }

    /// Sweeps what dead collectors left in staging, and their statuses: a living one has a staging folder.
    func sweep() throws(Failure) {
        _ = try log.sweepOrphans()
        let living = Set(try storage.list(WarehousePath.staging) ?? [])
        for name in try storage.list(CollectorStatus.folder) ?? [] {
            let incarnation = String(name.prefix { $0 != "." })
            if incarnation != log.incarnation, !living.contains(incarnation) {
                try storage.remove(CollectorStatus.folder + "/" + name)
            }
        }
    }

    func removeStatus() {
        guard let statusName else { return }
        let path = CollectorStatus.folder + "/" + statusName + ".json"
        do throws(Failure) { try storage.remove(path) } catch { report(error) }
    }

    private func status() -> CollectorStatus {
        var status = CollectorStatus(
            incarnation: log.incarnation, time: clock.wallMilliseconds(), startedAt: startedAt,
            commitNumber: log.state.number, committedAt: log.state.time)
        let places = session?.lanes.flatMap(\.report.places) ?? []
        for place in places.sorted(by: { $0.place < $1.place }) {
            let key = PartitionKey(topic: place.place.topic, partition: place.place.partition)
            let committed = plans.filter { $0.spec.topics.contains(key.topic) }
                .map { log.state.pipelines[$0.name]?.partitions[key]?.next ?? -1 }.min() ?? -1
            status.partitions.append(
                CollectorStatus.Partition(
                    topic: key.topic, partition: key.partition, next: place.next ?? -1, committed: committed,
                    high: ends[place.place] ?? -1, timestamp: place.timestamp))
        }
        for plan in plans { status.balances[plan.name] = log.state.pipelines[plan.name]?.balance ?? Balance() }
        for (standing, failure) in stopped.sorted(by: { $0.key.place < $1.key.place }) {
            status.standing.append(
                CollectorStatus.Standing(
                    pipeline: plans[standing.pipeline].name, topic: standing.place.topic,
                    partition: standing.place.partition, failure: failure))
        }
        status.waiting = deferred.keys.sorted().map(\.description)
        return status
    }

    /// Asks for the ends of some partitions, in turn; the first one that does not answer ends it.
    private func askEnds() {
        guard let assigned, !assigned.isEmpty, session != nil else { return }
        for _ in 0..<min(assigned.count, Self.endsPerStatus) {
            endCursor = (endCursor + 1) % assigned.count
            do throws(Failure) {
                ends[assigned[endCursor]] = try consumer.bounds(
                    of: assigned[endCursor], timeoutMilliseconds: Self.endMilliseconds).next
            } catch { return }
        }
    }
}
