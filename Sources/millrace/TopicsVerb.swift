internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Transport

/// `millrace topics plan|create|check`: the topics that a configuration needs.
enum TopicsVerb {
    private static let options = [
        ConfigFile.option, ConfigFile.json,
        OptionSpec("partitions", value: "N", "Partitions of a topic of events. Default 6."),
        OptionSpec("replication", value: "N", "Replicas of each topic. Default 3."),
        OptionSpec("retention", value: "DURATION", "How long events are kept. Default 7d."),
    ]

    static let specs = [
        VerbSpec(
            "topics plan", "What the topics of a configuration should be, and which are missing.", options: options),
        VerbSpec("topics create", "Makes the topics that are missing; others are left alone.", options: options),
        VerbSpec("topics check", "Whether all topics are as they should be; exit 1 if not.", options: options),
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let path = try ConfigFile.path(command)
        let file = try ConfigFile.require(path)
        guard let kafka = file.kafka else {
            throw ToolFailure.usage("\(path) runs without Kafka: it needs no topics", hint: nil)
        }
        let topics = try topicSpecs(of: file, command)
        let planner = try TopicPlanner(kafka.options)
        defer { planner.close() }
        switch command.verb {
        case "topics plan":
            let missing = Set(try planner.plan(topics).map(\.name))
            let lines = topics.map { "\($0)" + (missing.contains($0.name) ? "  (missing)" : "") }
            show(command, "missing", missing.sorted(), lines)
            return 0
        case "topics create":
            let made = try planner.create(topics)
            let nothing = ["nothing to make: all \(topics.count) are there"]
            show(command, "made", made, made.isEmpty ? nothing : made.map { "made \($0)" })
            return 0
        default:
            let differences = try planner.check(topics).map(\.description)
            let nothing = ["all \(topics.count) topics are as they should be"]
            show(command, "differences", differences, differences.isEmpty ? nothing : differences)
            return differences.isEmpty ? 0 : 1
        }
    }

    private static func show(_ command: ParsedCommand, _ name: String, _ values: [String], _ lines: [String]) {
        if command.flag("json") {
            Terminal.write(.object([JSONMember("version", 1), JSONMember(name, .array(values.map { .string($0) }))]))
        } else {
            Terminal.write(lines.map { $0 + "\n" }.joined())
        }
    }

    private static func topicSpecs(of file: ConfigFile, _ command: ParsedCommand) throws(Failure) -> [TopicSpec] {
        let partitions = Int32(try command.integer("partitions", in: 1...10_000) ?? 6)
        let replication = try command.integer("replication", in: 1...32) ?? 3
        let retention = try command.milliseconds("retention") ?? 7 * 86_400_000
        let names: Set<String>
        var specs: [TopicSpec] = []
        switch file {
        case .agent(let settings):
            names = Set(settings.sources.map(\.topic))
            specs = [
                .state(settings.stateTopic, replication: replication),
                .heartbeats(settings.heartbeatTopic, replication: replication),
            ]
        case .collector(let settings):
            names = Set(settings.topics)
            specs = [.heartbeats(settings.heartbeatTopic, replication: replication)]
        case .embedded: names = []
        }
        let data = names.sorted().map { name in
            TopicSpec.data(
                name, partitionCount: partitions, replication: replication, retentionMilliseconds: retention,
                maximumRecordByteCount: 2 << 20)
        }
        return data + specs
    }
}
