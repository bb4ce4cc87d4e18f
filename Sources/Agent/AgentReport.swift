internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Telemetry
internal import Transport

/// What the agent tells about itself, beside what its sources report.
struct AgentReport {
    /// A fault that stands or stood lately.
    struct Fault {
        var failure: Failure
        var count: Int
        var last: Int64
    }

    static let maximumFaultCount = 32
    /// A fault is told as long as it was seen within this time.
    static let faultMilliseconds: Int64 = 600_000
    /// Files in a heartbeat, those that are furthest behind first: some 60 KB.
    static let maximumHeartbeatFileCount = 200
    /// Files in `status.json`.
    static let maximumStatusFileCount = 20_000
    static let maximumForeignCount = 16

    let startedAt: Int64
    var faults: [String: Fault] = [:]
    var foreign: [String] = []
    var newIDsReason: String?
    var checkpointAt: Int64?
    var streamCount = 0
    var producerCount = 1
    var hasMoved = false
    /// A checkpoint holds what the mirror does not.
    var isMirrorBehind = false

    init(startedAt: Int64) { self.startedAt = startedAt }

    mutating func add(_ failures: [Failure], now: Int64) {
        for failure in failures {
            let key = "\(failure.code) \(failure.message.prefix(120))"
            if faults[key] == nil, faults.count >= Self.maximumFaultCount {
                guard let oldest = faults.min(by: { $0.value.last < $1.value.last })?.key else { continue }
                faults[oldest] = nil
            }
            faults[key] = Fault(failure: failure, count: (faults[key]?.count ?? 0) + 1, last: now)
        }
    }

    mutating func forgetOld(now: Int64) {
        if faults.isEmpty { return }
        faults = faults.filter { now &- $0.value.last < Self.faultMilliseconds }
    }

    var faultsJSON: JSONValue {
        .array(faults.values.sorted { $0.last > $1.last }.map { fault in
            [
                "code": .string(fault.failure.code), "message": .string(fault.failure.message),
                "cause": JSONValue(fault.failure.cause), "count": JSONValue(fault.count),
                "last": JSONValue(fault.last),
            ]
        })
    }
}

extension FileReport {
    var behind: UInt64 { byteCount > acknowledged ? byteCount - acknowledged : 0 }

    fileprivate var json: JSONValue {
        [
            "source": .string(source), "path": .string(path), "stream": .string(stream.description),
            "topic": .string(topic), "partition": JSONValue(partition), "bytes": JSONValue(byteCount),
            "read": JSONValue(read), "acknowledged": JSONValue(acknowledged),
            "oldestUnshipped": oldestUnshipped.map { JSONValue($0) } ?? .null, "state": .string(state),
        ]
    }
}

extension AgentRuntime {
    /// The regular work beside shipping.
    func tend(now: Int64) {
        let time = clock.monotonicNanoseconds() / 1_000_000
        collectFaults(now: now)
        if shipper.takeMoved() { report.hasMoved = true }
        let isDue = report.hasMoved || (report.isMirrorBehind && time >= due.mirror)
        if isDue, time >= due.checkpoint, time >= due.checkpointRetry {
            report.hasMoved = false
            do throws(Failure) { try checkpoint() } catch {
                report.hasMoved = true
                checkpointFailed(error)
            }
        }
        if time >= due.refresh { refreshTopics(time) }
        if time >= due.heartbeat, settings.heartbeatMilliseconds > 0 { beatHeart(now: now, time) }
        if time >= due.status { publishStatus(now: now, state: "running") }
    }

    private func collectFaults(now: Int64) {
        var all = shipper.takeFaults()
        for failure in all { log.limited("\(failure.code) \(failure.message)")?.failure(failure) }
        for source in sources {
            let faults = source.takeFaults()
            for failure in faults {
                log.limited("\(source.name) \(failure.code) \(failure.message)")?
                    .failure(failure, ["source": .string(source.name)])
            }
            all += faults
            for notice in source.takeNotices() {
                log.notice(
                    notice.code, notice.message, ["source": .string(source.name), "path": .string(notice.path)])
            }
        }
        if !all.isEmpty { report.add(all, now: now) }
    }

    /// Asks for partition counts while the transport answers; a topic may have grown.
    private func refreshTopics(_ time: Int64) {
        due.refresh = time &+ Self.refreshMilliseconds
        // Why: the question blocks while no broker answers, and nothing could be done with the answer.
        guard let producer = shipper.producer, shipper.inFlight.records == 0 || shipper.reported(within: 2_000)
        else { return }
        for source in sources {
            do throws(Failure) {
                source.setPartitionCount(try producer.partitionCount(of: source.topic))
            } catch {
                shipper.report(error)
            }
        }
    }

    func beatHeart(now: Int64, _ time: Int64) {
        due.heartbeat = time &+ Int64(settings.heartbeatMilliseconds)
        guard let producer = shipper.producer else { return }
        if heartbeatPartition == nil {
            guard shipper.inFlight.records == 0 || shipper.reported(within: 2_000) else {
                due.heartbeat = time &+ 100
                return
            }
            do throws(Failure) {
                let count = try producer.partitionCount(of: settings.heartbeatTopic)
                heartbeatPartition = Int32(Hash.xxh3(Array(settings.name.utf8)) % UInt64(max(count, 1)))
            } catch {
                due.heartbeat = time &+ Self.refreshMilliseconds
                shipper.report(error)
                return
            }
        }
        guard let heartbeatPartition else { return }
        let value = document(now: now, state: "running", maximumFileCount: AgentReport.maximumHeartbeatFileCount).bytes
        guarded { () throws(Failure) in
            do throws(Failure) {
                _ = try shipper.shipHeartbeat(
                    topic: settings.heartbeatTopic, partition: heartbeatPartition, value: value)
            } catch {
                if error.kind == .fatal { throw error }
                shipper.report(error)
            }
        }
    }

    /// Replaces `status.json`, and the supervisor's status line.
    func publishStatus(now: Int64, state: String) {
        let begin = clock.monotonicNanoseconds()
        report.forgetOld(now: now)
        let document = document(now: now, state: state, maximumFileCount: AgentReport.maximumStatusFileCount)
        do throws(Failure) { try folder?.writeStatus(document.bytes + [10]) } catch {
            log.limited(error.code, everySeconds: 60)?.failure(error)
        }
        if state == "running" {
            let (records, bytes) = shipper.inFlight
            notifier.status("\(records) records (\(bytes) bytes) in flight, \(report.faults.count) faults")
        }
        let end = clock.monotonicNanoseconds()
        // Why: at most a fiftieth of the time goes into it, however many files there are.
        due.status = end / 1_000_000 &+ max(1_000, (end &- begin) / 1_000_000 &* 50)
    }

    /// The document of heartbeats and `status.json` (docs/formats/agent-state.md).
    func document(now: Int64, state: String, maximumFileCount: Int) -> JSONValue {
        var reports = sources.flatMap { $0.reports() }
        let fileCount = reports.count
        let behind = reports.reduce(UInt64(0)) { $0 &+ $1.behind }
        let oldest = reports.compactMap(\.oldestUnshipped).min()
        if reports.count > maximumFileCount {
            reports.sort { $0.behind > $1.behind }
            reports.removeLast(reports.count - maximumFileCount)
        }
        let feeds = shipper.feeds.map { feed -> JSONValue in
            [
                "name": .string(feed.source.name), "topic": .string(feed.source.topic),
                "partitions": .array(feed.source.partitions.sorted().map { JSONValue($0) }),
                "watermark": feed.source.watermark.map { JSONValue($0) } ?? .null,
                "state": .string(feed.text), "records": JSONValue(feed.recordCount),
                "events": JSONValue(feed.eventCount), "bytes": JSONValue(feed.byteCount),
            ]
        }
        let (records, bytes) = shipper.inFlight
        return [
            "version": 1, "agent": .string(settings.name), "program": .string(Self.version),
            "incarnation": JSONValue(machine?.incarnation), "time": JSONValue(now),
            "started": JSONValue(report.startedAt), "process": JSONValue(Environment.processIdentifier),
            "state": .string(state), "bytesBehind": JSONValue(behind),
            "oldestUnshipped": oldest.map { JSONValue($0) } ?? .null,
            "inFlight": ["records": JSONValue(records), "bytes": JSONValue(bytes)],
            "checkpoint": report.checkpointAt.map { JSONValue($0) } ?? .null,
            "checkpointBehind": .boolean(report.hasMoved),
            "mirrorBehind": .boolean(report.hasMoved || report.isMirrorBehind),
            "producers": JSONValue(report.producerCount),
            "newIDs": JSONValue(report.newIDsReason),
            "foreign": .array(report.foreign.suffix(AgentReport.maximumForeignCount).map(JSONValue.string)),
            "faults": report.faultsJSON, "sources": .array(feeds), "fileCount": JSONValue(fileCount),
            "files": .array(reports.map(\.json)),
        ]
    }
}

extension Feed {
    var text: String {
        switch state {
        case .open: "open"
        case .draining: "draining"
        case .waiting: "waiting"
        }
    }
}
