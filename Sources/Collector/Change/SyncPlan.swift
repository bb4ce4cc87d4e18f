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
        if let fault = Self.faults(of: spec).first { throw fault }
        self.spec = spec
        names = try TableNames(spec)
        zone = try Zone(spec.log.timeZone)
        var route = spec.log
        route.table = spec.name
        route.sources = spec.sources
        route.columns = ChangeLog.columns
        self.route = route
    }

    /// All that is wrong with a sync's settings, those that only its replay uses included.
    static func faults(of spec: SyncSpec) -> [Failure] {
        var faults: [Failure] = []
        do throws(Failure) { _ = try TableNames(spec) } catch { faults.append(error) }
        for name in [spec.log.timeZone, spec.toolZone, spec.sessionZone].compactMap(\.self) {
            do throws(Failure) { _ = try Zone(name, of: "sync \(spec.name)") } catch { faults.append(error) }
        }
        let partition = spec.log.partitionName
        if partition.lowercased() == "op" || ChangeLog.columns.contains(where: { $0.name == partition.lowercased() }) {
            faults.append(
                Failure(
                    "config.bad_sync", stage: .configuration, kind: .config,
                    "the partition name '\(partition)' of sync \(spec.name) is a column of the change log",
                    hint: "take dt"))
        }
        return faults
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
