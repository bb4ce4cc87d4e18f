public import Columns

/// What `agent.yaml` says, checked and with defaults filled in.
public struct AgentSettings: Sendable, Equatable {
    /// Name of this agent; unique among agents. Default: the host name.
    public var name: String
    /// Folder of the agent's own state (checkpoint, lock). One agent per folder.
    public var stateFolder: String
    public var sources: [FilesSourceSettings]
    public var kafka: KafkaSettings
    /// `state`, `heartbeats` topics.
    public var stateTopic = "millrace-state"
    public var heartbeatTopic = "millrace-heartbeats"
    public var heartbeatMilliseconds = 10_000
    /// Bytes in flight at most, over all partitions. Default 32 MiB.
    public var maximumInFlightByteCount = 32 << 20
    /// In flight per partition at most. Default 8 MiB.
    public var maximumInFlightPerPartitionByteCount = 8 << 20
    public var checkpointMilliseconds = 1_000
    /// Longest time from SIGTERM to exit. Default 25 s.
    public var shutdownMilliseconds = 25_000
    public var log = LogSettings()

    public init(name: String, stateFolder: String, sources: [FilesSourceSettings], kafka: KafkaSettings) {
        self.name = name
        self.stateFolder = stateFolder
        self.sources = sources
        self.kafka = kafka
    }
}

public struct FilesSourceSettings: Sendable, Equatable {
    public enum Start: String, Sendable, CaseIterable { case head, end }
    public enum Overlong: String, Sendable, CaseIterable { case cut, quarantine }
    public var name: String
    public var topic: String
    /// Glob patterns (`*`, `?`, `[...]`, `**`).
    public var include: [String]
    public var exclude: [String] = []
    /// Folders beside a file's own where its copies may turn up.
    public var rotationFolders: [String] = []
    public var start: Start = .head
    /// Longest record in bytes; a longer one is shipped in pieces. Default 512 KiB.
    public var maximumRecordByteCount = 512 << 10
    /// Pack limit in bytes; 0: `pack: off`. Default 64 KiB.
    public var packByteCount = 64 << 10
    /// How often files are looked at where inotify says nothing. Default 1 s.
    public var pollMilliseconds = 1_000
    /// An unterminated last line of a file that is gone is shipped after this. Default 5 s.
    public var lastLineMilliseconds = 5_000
    /// How long rungs of an ended stream are kept. Default 7 days.
    public var forgetMilliseconds: Int64 = 7 * 86_400_000
    /// How long a rotated or deleted file's descriptor is kept once all is read. Default 60 s.
    public var closeRemovedMilliseconds = 60_000

    public init(name: String, topic: String, include: [String]) {
        self.name = name
        self.topic = topic
        self.include = include
    }
}

public struct KafkaSettings: Sendable, Equatable {
    public var brokers: String
    /// Any librdkafka property, in the order of the file.
    public var properties: [(name: String, value: String)]
    /// Where each property stands, `file:line:column`: so that librdkafka's complaint about one can be shown
    /// at its place. Not part of equality.
    public var propertyPlaces: [String: String] = [:]

    public init(brokers: String, properties: [(name: String, value: String)] = []) {
        self.brokers = brokers
        self.properties = properties
    }

    public static func == (left: KafkaSettings, right: KafkaSettings) -> Bool {
        left.brokers == right.brokers && left.properties.elementsEqual(right.properties, by: ==)
    }
}

public struct LogSettings: Sendable, Equatable {
    public enum Level: String, Sendable, CaseIterable { case debug, info, notice, warning, error }
    public enum Form: String, Sendable, CaseIterable { case json, text }
    public var level: Level = .info
    public var form: Form = .json
    public init() {}
}

public struct WarehouseSettings: Sendable, Equatable {
    public var path: String
    /// Mode of data files. Default 0640.
    public var fileMode: UInt32 = 0o640
    /// Mode of folders. Default 0750.
    public var folderMode: UInt32 = 0o750
    /// Group of files and folders by name; nil: the process's own.
    public var group: String?
    public init(path: String) { self.path = path }
}

/// What `collector.yaml` says.
public struct CollectorSettings: Sendable, Equatable {
    public var kafka: KafkaSettings
    /// Consumer group. Default `millrace`. One group per set of pipelines.
    public var group = "millrace"
    public var heartbeatTopic = "millrace-heartbeats"
    public var warehouse: WarehouseSettings
    public var pipelines: [PipelineSpec]
    public var syncs: [SyncSpec] = []
    public var commitMilliseconds = 60_000
    /// Bytes of staged files that trigger a commit. Default 256 MiB.
    public var commitByteCount = 256 << 20
    /// Memory budget in bytes. Default 256 MiB.
    public var memoryByteCount = 256 << 20
    public var shutdownMilliseconds = 25_000
    /// Records between checkpoints of the commit log. Default 100.
    public var checkpointEvery = 100
    /// How long a dead collector's staging is left alone before it may be fenced without its lock. Default 1 h.
    public var fenceMilliseconds: Int64 = 3_600_000
    public var log = LogSettings()

    public init(kafka: KafkaSettings, warehouse: WarehouseSettings, pipelines: [PipelineSpec]) {
        self.kafka = kafka
        self.warehouse = warehouse
        self.pipelines = pipelines
    }

    /// All topics that pipelines and syncs read, each once.
    public var topics: [String] { Set(pipelines.flatMap(\.topics) + syncs.flatMap(\.topics)).sorted() }
}

/// What `millrace.yaml` says: agent and collector in one process, no Kafka.
public struct EmbeddedSettings: Sendable, Equatable {
    public var agent: AgentSettings
    public var collector: CollectorSettings
    public init(agent: AgentSettings, collector: CollectorSettings) {
        self.agent = agent
        self.collector = collector
    }
}
