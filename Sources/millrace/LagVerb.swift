internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Sinks
internal import Transport

/// `millrace lag`: bytes unread per file, bytes shipped but not committed, records and seconds behind.
enum LagVerb {
    static let specs = [
        VerbSpec(
            "lag", "How far behind: bytes unread per file, bytes shipped but not committed, records and seconds.",
            discussion: "Files come from the agents' heartbeats, or from the state folder given by --agent-state; "
                + "partitions from the commit log and the brokers.",
            options: [
                ConfigFile.option, ConfigFile.json,
                OptionSpec("agent-state", value: "DIR", isRepeatable: true, "State folder of a local agent."),
                OptionSpec("watch", "Show it again every two seconds, until interrupted."),
                OptionSpec("check", "One line for monitoring; exit 0 ok, 1 warning, 2 critical."),
                OptionSpec("warning", value: "DURATION", "With --check: the lag that warns. Default 5m."),
                OptionSpec("critical", value: "DURATION", "With --check: the lag that is critical. Default 1h."),
            ])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let warning = try command.milliseconds("warning") ?? 300_000
        let critical = try command.milliseconds("critical") ?? 3_600_000
        let (file, settings) = try ConfigFile.requireCollector(command)
        var folders = command.values("agent-state")
        if case .embedded(let embedded) = file { folders.append(embedded.agent.stateFolder) }
        let reader = LagReader(settings: settings, isEmbedded: file.kafka == nil, agentFolders: folders)
        while true {
            let report = try reader.read()
            if command.flag("check") {
                let code = report.checkCode(warning: warning, critical: critical)
                Terminal.write(report.checkLine(code: code))
                return code
            }
            if command.flag("watch") && !command.flag("json") { Terminal.write("\u{1B}[H\u{1B}[2J") }
            if command.flag("json") { Terminal.write(report.json) } else { Terminal.write(report.text) }
            guard command.flag("watch") else { return report.faults.isEmpty ? 0 : 75 }
            Sleep.milliseconds(2_000)
        }
    }
}

/// Asks commit log, brokers and agents. What cannot be asked becomes a fault of the report.
struct LagReader {
    var settings: CollectorSettings
    var isEmbedded: Bool
    var agentFolders: [String]

    /// Longest wait for heartbeats.
    static let heartbeatMilliseconds = 10_000
    /// Largest `status.json`: 1,000 bytes for each of 100,000 files, rounded.
    static let maximumStatusByteCount = 128 << 20

    func read() throws(Failure) -> LagReport {
        let log = try WarehouseLog.state(settings.warehouse)
        var report = LagReport(log, now: SystemClock().wallMilliseconds())
        addAgents(&report, log)
        if isEmbedded { addCommittedPartitions(&report, log) } else { addPartitions(&report, log) }
        return report
    }

    private func addAgents(_ report: inout LagReport, _ log: LogState) {
        for folder in agentFolders {
            let path = folder + "/status.json"
            guard let bytes = (try? DurableFile.read(path, maximum: Self.maximumStatusByteCount)).flatMap({ $0 }),
                let status = JSONValue(parsing: bytes)
            else {
                report.faults.append(
                    Failure(
                        "control.no_status", stage: .control, kind: .transient, "cannot read \(path)",
                        hint: "has the agent been started, and may you read its state folder?"))
                continue
            }
            report.add(status: status, time: nil, log: log)
        }
        guard !isEmbedded, agentFolders.isEmpty else { return }
        do throws(Failure) {
            let reader = try HeartbeatReader(settings.kafka.options, topic: settings.heartbeatTopic)
            for beat in try reader.read(timeoutMilliseconds: Self.heartbeatMilliseconds) {
                report.add(status: beat.content, time: beat.timestamp, log: log)
            }
        } catch { report.faults.append(error) }
    }

    private func addCommittedPartitions(_ report: inout LagReport, _ log: LogState) {
        for (name, pipeline) in log.pipelines.sorted(by: { $0.key < $1.key }) {
            for (key, state) in pipeline.partitions.sorted(by: { $0.key < $1.key }) {
                report.partitions.append(
                    LagReport.Partition(
                        pipeline: name, topic: key.topic, partition: key.partition, epoch: state.epoch,
                        next: state.next))
            }
        }
    }

    private func addPartitions(_ report: inout LagReport, _ log: LogState) {
        do throws(Failure) {
            // A consumer that never subscribes: it looks, and joins no group.
            let consumer = try KafkaConsumer(settings.kafka.options, group: settings.group + ".lag")
            defer { consumer.close() }
            let named = settings.pipelines.map { ($0.name, $0.topics) } + settings.syncs.map { ($0.name, $0.topics) }
            for (name, topics) in named {
                for topic in topics {
                    for number in 0..<(try consumer.partitionCount(of: topic)) {
                        let place = TopicPartition(topic: topic, partition: number)
                        let state = log.pipelines[name]?
                            .partitions[PartitionKey(topic: topic, partition: number)]
                        report.partitions.append(
                            try partition(place, name, state, now: report.now, consumer))
                    }
                }
            }
        } catch { report.faults.append(error) }
    }

    private func partition(
        _ place: TopicPartition, _ pipeline: String, _ state: PartitionState?, now: Int64, _ consumer: KafkaConsumer
    ) throws(Failure) -> LagReport.Partition {
        let bounds = try consumer.bounds(of: place)
        let next = max(state?.next ?? bounds.first, bounds.first)
        var result = LagReport.Partition(
            pipeline: pipeline, topic: place.topic, partition: place.partition, epoch: state?.epoch ?? 0,
            next: state?.next, end: bounds.next, behind: max(0, bounds.next - next))
        if bounds.next > next, let first = try consumer.mark(at: next, of: place), first.timestamp >= 0 {
            result.behindMilliseconds = max(0, now - first.timestamp)
        } else if bounds.next <= next {
            result.behindMilliseconds = 0
        }
        return result
    }
}
