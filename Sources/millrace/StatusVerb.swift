internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Sinks

/// `millrace status`: where the warehouse stands, in one look: the last commit and the books.
enum StatusVerb {
    static let specs = [
        VerbSpec(
            "status", "The last commit, the balance of every pipeline, its tables and its rejections.",
            options: [ConfigFile.option, ConfigFile.json])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings = try ConfigFile.requireCollector(command).settings
        let log = try WarehouseLog.state(settings.warehouse)
        let now = SystemClock().wallMilliseconds()
        if command.flag("json") { Terminal.write(json(log, now)) } else { Terminal.write(text(log, now)) }
        return 0
    }

    static func text(_ log: LogState, _ now: Int64) -> String {
        guard log.number > 0 else { return "nothing has been committed yet\n" }
        var text = "commit \(log.number), \(Amounts.age(milliseconds: now - log.time)) ago\n"
        for (name, pipeline) in log.pipelines.sorted(by: { $0.key < $1.key }) {
            let open = pipeline.streams.values.count { !$0.ended }
            text += "\npipeline \(name): \(pipeline.partitions.count) partitions, \(pipeline.streams.count) streams, "
            text += "\(open) open\n\n" + BalanceText.text(of: pipeline) + "\n"
        }
        if !log.fenced.isEmpty { text += "\n\(log.fenced.count) fenced collectors\n" }
        return text
    }

    /// As docs/json.md has it.
    static func json(_ log: LogState, _ now: Int64) -> JSONValue {
        let pipelines = log.pipelines.sorted { $0.key < $1.key }.map { name, pipeline in
            JSONValue.object(
                AuditReport.pipelineMembers(name, pipeline) + [
                    JSONMember("partition_count", JSONValue(pipeline.partitions.count)),
                    JSONMember("stream_count", JSONValue(pipeline.streams.count)),
                    JSONMember("open_stream_count", JSONValue(pipeline.streams.values.count { !$0.ended })),
                ])
        }
        return [
            "version": 1, "commit": JSONValue(log.number), "commit_time_ms": JSONValue(log.time),
            "commit_age_ms": JSONValue(log.number > 0 ? now - log.time : 0), "pipelines": .array(pipelines),
            "fenced": .array(log.fenced.sorted().map { .string($0) }),
        ]
    }
}
