internal import Event

/// `agent.yaml`.
enum AgentSpec {
    /// Longest key of a pack (`PackKey.maximumByteCount`) and what a record costs beside key and value (at most
    /// 70 bytes in a v2 batch of one), rounded up: a record limit must stay below Kafka's by this.
    static let recordOverheadByteCount = 1 << 10
    /// librdkafka's default of `message.max.bytes`. Source: librdkafka CONFIGURATION.md.
    static let defaultMessageByteCount = 1_000_000

    static var prototype: AgentSettings {
        AgentSettings(name: "", stateFolder: "", sources: [], kafka: KafkaSettings(brokers: ""))
    }

    static var file: ConfigSpec<AgentSettings> {
        ConfigSpec(
            summary: "The daemon on a shop server: follows files and ships their lines to Kafka.",
            fields: [
                .section("agent", agent, \.self, isRequired: true),
                .section("kafka", SharedSpecs.kafka, \.kafka, isRequired: true),
                .section("topics", topics, \.self),
                .sections(
                    "sources", source(topicIsNeeded: true), prototype: sourcePrototype, \.sources,
                    isRequired: true),
                .section("log", SharedSpecs.log, \.log),
            ],
            check: { settings, node, faults in
                checkSources(settings, node, &faults)
                checkTopics(settings, node, &faults)
            })
    }

    static var agent: ConfigSpec<AgentSettings> {
        ConfigSpec(
            summary: "The agent itself.",
            fields: [
                .optional(
                    "name", .name(), \.name, default: "the host name",
                    "Unique among all agents: it names the agent in every record. To rename is to begin anew."),
                .required(
                    "state_dir", .path, \.stateFolder,
                    "Folder of the agent's own state. One agent per folder, on a local disk, never copied to "
                        + "another machine."),
                .optional(
                    "shutdown_timeout", .duration(1_000...600_000), \.shutdownMilliseconds,
                    "Longest time from SIGTERM to exit. What is not acknowledged by then is sent again after "
                        + "the start."),
                .optional(
                    "checkpoint_interval", .duration(100...60_000), \.checkpointMilliseconds,
                    "How often positions are made durable. Longer: fewer writes, more repeats after a crash "
                        + "(they are recognised)."),
                .optional(
                    "max_in_flight", .bytes(1 << 20...1 << 30), \.maximumInFlightByteCount,
                    "Bytes sent and not yet acknowledged, over all partitions, with 256 a record for its keeping: "
                        + "bounds the memory."),
                .optional(
                    "max_in_flight_per_partition", .bytes(128 << 10...1 << 30),
                    \.maximumInFlightPerPartitionByteCount,
                    "The same for one partition, so that one without a leader does not stop the others. At "
                        + "least two packs."),
                .optional(
                    "heartbeat_interval", .duration(1_000...3_600_000), \.heartbeatMilliseconds,
                    "How often the agent reports to the heartbeat topic."),
            ],
            check: { settings, node, faults in
                if settings.maximumInFlightPerPartitionByteCount > settings.maximumInFlightByteCount {
                    let name = "max_in_flight_per_partition"
                    faults.add(
                        node, node[name] == nil ? "max_in_flight" : name,
                        "\"max_in_flight_per_partition\" (\(size(settings.maximumInFlightPerPartitionByteCount))) is "
                            + "above \"max_in_flight\" (\(size(settings.maximumInFlightByteCount)))")
                }
            })
    }

    private static var topics: ConfigSpec<AgentSettings> {
        ConfigSpec(
            summary: "The control topics.",
            fields: [
                .optional(
                    "state", .topic, \.stateTopic,
                    "Mirror of the agents' state; must be compacted (`cleanup.policy=compact`)."),
                .optional("heartbeats", .topic, \.heartbeatTopic, "Where agents report how they are."),
            ])
    }

    static var sourcePrototype: FilesSourceSettings { FilesSourceSettings(name: "", topic: "", include: []) }

    /// In the embedded program a source's topic may be left out.
    static func source(topicIsNeeded: Bool) -> ConfigSpec<FilesSourceSettings> {
        let topicText = "Where its lines go."
        return ConfigSpec(
            summary: "What the agent reads. Each source is a set of files that are only appended to.",
            fields: [
                .required("name", .name(), \.name, "Unique in the agent; routes of the collector refer to it."),
                type,
                topicIsNeeded
                    ? .required("topic", .topic, \.topic, topicText)
                    : .optional("topic", .topic, \.topic, default: "the source's name", topicText),
                .required(
                    "include", .list(.path, minimumCount: 1), \.include,
                    "Patterns of paths: `*`, `?`, `[a-z]`, and `**` for any depth of folders. A rotated copy "
                        + "need not match: it is followed."),
                .optional("exclude", .list(.path), \.exclude, "Patterns of paths that are left out."),
                .optional(
                    "rotation_dirs", .list(.path), \.rotationFolders,
                    "Folders where rotation puts copies, if not beside the file."),
                .optional(
                    "start", .choice, \.start,
                    "Where a file that is there at the very first start is begun. Files that appear later are "
                        + "always read from the head."),
                .optional(
                    "max_record", .bytes(1 << 10...64 << 20), \.maximumRecordByteCount,
                    "Longest line; a longer one is shipped in pieces, never dropped."),
                .optional(
                    "pack", .sizeOrOff(1 << 10...16 << 20), \.packByteCount,
                    "How many bytes of lines one Kafka record carries at most. `off`: one line each, for topics "
                        + "that others read too (costs three times the CPU)."),
                .optional(
                    "poll_interval", .duration(50...60_000), \.pollMilliseconds,
                    "How often files are looked at where the kernel reports nothing (network file systems)."),
                .optional(
                    "last_line_timeout", .duration(100...3_600_000), \.lastLineMilliseconds,
                    "A last line without line feed, in a file that is gone, is shipped after this."),
                .optional(
                    "forget_after", .duration(3_600_000...400 * 86_400_000), \.forgetMilliseconds,
                    "How long an ended file's fingerprints are kept, to recognise its copies."),
                .optional(
                    "close_removed", .duration(1_000...86_400_000), \.closeRemovedMilliseconds,
                    "How long a rotated or deleted file stays open once all of it is shipped."),
            ],
            complete: { settings, _ in
                if !topicIsNeeded, settings.topic.isEmpty { settings.topic = settings.name }
            })
    }

    /// There is one type so far; the name is taken so that others can follow.
    private static var type: ConfigField<FilesSourceSettings> {
        ConfigField(
            name: "type", type: "choice", range: "files", isRequired: false, summary: "Kind of source: `files` "
                + "follows files.",
            defaultText: { _ in "files" },
            read: { node, faults, _ in
                if case .scalar("files", _) = node.content { return }
                faults.add(node.mark, "\"type\" must be files")
            })
    }

    static func size(_ byteCount: Int) -> String { Units.sizeText(Int64(byteCount)) }
}
