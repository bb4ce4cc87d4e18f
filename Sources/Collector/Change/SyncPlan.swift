internal import Change
internal import Columns
internal import Event
internal import Sinks
internal import TimeZone

/// A sync, checked. Immutable; lanes share it.
struct SyncPlan: Sendable {
    let spec: SyncSpec
    let names: TableNames
    let zone: Zone
    /// The change log as a route: which sources it takes, and how its files are written.
    let route: RouteSpec

    init(_ spec: SyncSpec) throws(Failure) {
        self.spec = spec
        names = try TableNames(spec)
        do throws(Failure) { zone = try Zone(spec.log.timeZone) } catch {
            throw Failure(
                error.code, stage: error.stage, kind: error.kind,
                "sync \(spec.name) names a time zone that there is not: '\(spec.log.timeZone.prefix(80))'",
                hint: error.hint)
        }
        guard spec.log.partitionName.lowercased() != "op", !ChangeLog.columns.contains(where: {
            $0.name == spec.log.partitionName.lowercased()
        }) else {
            throw Failure(
                "config.bad_sync", stage: .configuration, kind: .config,
                "the partition name '\(spec.log.partitionName)' of sync \(spec.name) is a column of the change log",
                hint: "take dt")
        }
        var route = spec.log
        route.table = spec.name
        route.sources = spec.sources
        route.columns = ChangeLog.columns
        self.route = route
    }

    /// Whether the keys of records say what a row's key is.
    var needsRecordKeys: Bool { spec.format == .debezium }

    /// Whether a record without a value means that its key is gone, which another record has said before.
    var hasTombstones: Bool { spec.format == .debezium }
}

/// Where a sync goes on in one partition, as the commit log says.
struct SyncResume: Sendable {
    var run = PartitionRun()
    /// The newest place of each table's stream.
    var tables: [StreamID: (last: Position, anchor: UInt64?)] = [:]

    init() {}

    init(_ state: PipelineState?, _ key: PartitionKey, epoch: Int) {
        run = state?.partitions[key]?.run ?? PartitionRun()
        for (stream, known) in state?.streams ?? [:] {
            guard let last = known.last, known.topic == key.topic, known.partition == key.partition,
                known.epoch == epoch, known.lastOffset >= run.start
            else { continue }
            tables[stream] = (last, known.anchor)
        }
    }
}
