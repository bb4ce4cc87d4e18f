internal import Columns
internal import Event

/// `collector.yaml`.
enum CollectorSpec {
    static var prototype: CollectorSettings {
        CollectorSettings(kafka: KafkaSettings(brokers: ""), warehouse: WarehouseSettings(path: ""), pipelines: [])
    }

    static var file: ConfigSpec<CollectorSettings> {
        ConfigSpec(
            summary: "The daemon on the cluster head: reads topics and fills the warehouse, every event once.",
            fields: [
                .section("kafka", SharedSpecs.kafka, \.kafka, isRequired: true),
                .optional(
                    "group", .name(maximumByteCount: 249), \.group,
                    "Consumer group. One group per set of pipelines; collectors of one group share the partitions."),
                .section("topics", topics, \.self),
                .section("warehouse", warehouse, \.self, isRequired: true),
                .section("commit", commit, \.self),
                memory,
                .optional(
                    "shutdown_timeout", .duration(1_000...600_000), \.shutdownMilliseconds,
                    "Longest time from SIGTERM to exit; what is not committed by then is read again."),
                pipelines(topicsAreNeeded: true, \.self),
                syncs(topicsAreNeeded: true, \.self),
                .section("log", SharedSpecs.log, \.log),
            ],
            check: { settings, node, faults in
                PipelineSpecs.check(settings.pipelines, node, &faults)
                SyncSpecs.check(settings, node, &faults)
            })
    }

    static var memory: ConfigField<CollectorSettings> {
        .optional(
            "memory", .bytes(64 << 20...1 << 40), \.memoryByteCount,
            "Budget for what is fetched and being worked on. Higher: fewer, larger fetches; the process needs "
                + "about 60 MiB more.")
    }

    private static var topics: ConfigSpec<CollectorSettings> {
        ConfigSpec(
            summary: "The control topics.",
            fields: [.optional("heartbeats", .topic, \.heartbeatTopic, "Where agents report how they are.")])
    }

    static var warehouse: ConfigSpec<CollectorSettings> {
        ConfigSpec(
            summary: "Where the tables are. All collectors of a warehouse must see the same folder.",
            fields: [
                .required(
                    "path", .path, \.warehouse.path,
                    "The warehouse's folder; it is made if it is missing. Tables are in `<db>/<table>/`, the "
                        + "commit log in `_millrace/`."),
                .optional(
                    "file_mode", .mode(needed: 0o600), \.warehouse.fileMode, "Permissions of data files."),
                .optional(
                    "dir_mode", .mode(needed: 0o700), \.warehouse.folderMode, "Permissions of folders."),
                .optional(
                    "group", .text("group name", maximumByteCount: 256), \.warehouse.group,
                    default: "the process's own",
                    "Group that files and folders are given to; the process must be a member of it."),
                .optional(
                    "fence_after", .duration(600_000...30 * 86_400_000), \.fenceMilliseconds,
                    "How long a collector that may be dead, and whose lock cannot be tried, is left alone "
                        + "before its unfinished files are swept."),
            ])
    }

    static var commit: ConfigSpec<CollectorSettings> {
        ConfigSpec(
            summary: "When rows become visible. A commit closes all open files: short intervals make many small "
                + "files.",
            fields: [
                .optional("interval", .duration(100...3_600_000), \.commitMilliseconds,
                    "Longest time between commits."),
                .optional(
                    "bytes", .bytes(1 << 20...1 << 40), \.commitByteCount,
                    "A commit is made earlier once this much is staged."),
                .optional(
                    "checkpoint_every", .count(1...100_000), \.checkpointEvery,
                    "Commits between checkpoints of the log. Lower: faster start, more writes."),
            ])
    }

    static func pipelines<Target>(
        topicsAreNeeded: Bool, _ path: WritableKeyPath<Target, CollectorSettings>
    ) -> ConfigField<Target> {
        .sections(
            "pipelines", PipelineSpecs.pipeline(topicsAreNeeded: topicsAreNeeded),
            prototype: PipelineSpec(name: "", topics: [], routes: []), path.appending(path: \.pipelines))
    }

    static func syncs<Target>(
        topicsAreNeeded: Bool, _ path: WritableKeyPath<Target, CollectorSettings>
    ) -> ConfigField<Target> {
        .sections(
            "syncs", SyncSpecs.sync(topicsAreNeeded: topicsAreNeeded), prototype: SyncSpecs.prototype,
            path.appending(path: \.syncs))
    }
}

/// `millrace.yaml`: agent and collector in one process.
enum EmbeddedSpec {
    static var prototype: EmbeddedSettings {
        EmbeddedSettings(agent: AgentSpec.prototype, collector: CollectorSpec.prototype)
    }

    static var file: ConfigSpec<EmbeddedSettings> {
        ConfigSpec(
            summary: "`millrace run`: agent and collector in one process, without Kafka.",
            fields: [
                .section("agent", AgentSpec.agent, \.agent, isRequired: true),
                .sections(
                    "sources", AgentSpec.source(topicIsNeeded: false), prototype: AgentSpec.sourcePrototype,
                    \.agent.sources, isRequired: true),
                .section("warehouse", CollectorSpec.warehouse, \.collector, isRequired: true),
                .section("commit", CollectorSpec.commit, \.collector),
                .optional(
                    "memory", .bytes(64 << 20...1 << 40), \.collector.memoryByteCount,
                    "Budget for what is read and being worked on."),
                CollectorSpec.pipelines(topicsAreNeeded: false, \.collector),
                CollectorSpec.syncs(topicsAreNeeded: false, \.collector),
                .section("log", SharedSpecs.log, \.agent.log),
            ],
            check: { settings, node, faults in
                AgentSpec.checkSources(settings.agent, node, &faults)
                PipelineSpecs.check(settings.collector.pipelines, node, &faults)
                SyncSpecs.check(settings.collector, node, &faults)
                checkTopics(settings, node, &faults)
            },
            complete: { settings, _ in
                let sources = settings.agent.sources
                // Why: a topic of changes would only fill the quarantine of pipelines that do not name theirs.
                let synced = Set(settings.collector.syncs.flatMap { topics(of: $0, sources) })
                for index in settings.collector.pipelines.indices {
                    guard settings.collector.pipelines[index].topics.isEmpty else { continue }
                    settings.collector.pipelines[index].topics = distinct(
                        sources.map(\.topic).filter { !synced.contains($0) })
                }
                for index in settings.collector.syncs.indices {
                    settings.collector.syncs[index].topics = topics(of: settings.collector.syncs[index], sources)
                }
            })
    }

    /// The topics of a sync: as named, or those of its sources.
    private static func topics(of sync: SyncSpec, _ sources: [FilesSourceSettings]) -> [String] {
        guard sync.topics.isEmpty else { return sync.topics }
        let patterns = sync.sources.map { NamePattern($0) }
        return distinct(
            sources.filter { source in patterns.isEmpty || patterns.contains { $0.matches(source.name) } }
                .map(\.topic))
    }

    private static func distinct(_ topics: [String]) -> [String] {
        topics.reduce(into: []) { all, topic in if !all.contains(topic) { all.append(topic) } }
    }

    /// Pipelines and syncs can only take topics that a source of this file fills; what a source reads must go
    /// somewhere: without a reader nothing of it would ever be acknowledged.
    private static func checkTopics(_ settings: EmbeddedSettings, _ node: YAMLNode, _ faults: inout FaultList) {
        let filled = Set(settings.agent.sources.map(\.topic))
        let taken = Set(settings.collector.topics)
        if case .sequence(let items)? = node["sources"]?.value.content {
            for (source, item) in zip(settings.agent.sources, items) where !taken.contains(source.topic) {
                faults.add(
                    item, item["topic"] == nil ? "name" : "topic",
                    "no pipeline or sync takes the topic \"\(source.topic)\" of source \"\(source.name)\"")
            }
        }
        func check(_ topics: [String], _ item: YAMLNode) {
            for topic in topics where !filled.contains(topic) && item["topics"] != nil {
                faults.add(item, "topics", "no source fills the topic \"\(topic)\"")
            }
        }
        if case .sequence(let items)? = node["pipelines"]?.value.content {
            for (pipeline, item) in zip(settings.collector.pipelines, items) { check(pipeline.topics, item) }
        }
        guard case .sequence(let items)? = node["syncs"]?.value.content else { return }
        for (sync, item) in zip(settings.collector.syncs, items) {
            check(sync.topics, item)
            if sync.topics.isEmpty, !settings.agent.sources.isEmpty {
                faults.add(item, "sources", "no source has a name that sync \"\(sync.name)\" takes")
            }
        }
    }
}
