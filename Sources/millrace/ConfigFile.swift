internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Transport

/// A configuration of any of the three programs, told apart by its sections.
enum ConfigFile {
    case agent(AgentSettings)
    case collector(CollectorSettings)
    case embedded(EmbeddedSettings)

    enum Kind: String, CaseIterable { case agent, collector, millrace }

    /// Longest file that is looked at.
    static let maximumByteCount = 4 << 20

    /// By the names at the left margin: pipelines and sources: `millrace.yaml`; pipelines alone:
    /// `collector.yaml`; else `agent.yaml`.
    static func kind(of path: String) -> Kind {
        let bytes = (try? DurableFile.read(path, maximum: maximumByteCount)).flatMap { $0 } ?? []
        let names = Set(
            bytes.split(separator: 10).compactMap { line -> String? in
                guard let first = line.first, first >= 97, first <= 122,
                    let colon = line.firstIndex(of: UInt8(ascii: ":"))
                else { return nil }
                return String(decoding: line[..<colon], as: UTF8.self)
            })
        guard names.contains("pipelines") || names.contains("syncs") else { return .agent }
        return names.contains("sources") || names.contains("agent") ? .millrace : .collector
    }

    static func load(_ path: String, as kind: Kind? = nil) throws(ConfigFaults) -> ConfigFile {
        switch kind ?? Self.kind(of: path) {
        case .agent: .agent(try AgentSettings.load(path: path))
        case .collector: .collector(try CollectorSettings.load(path: path))
        case .millrace: .embedded(try EmbeddedSettings.load(path: path))
        }
    }

    /// The same with all faults as one failure that lists them.
    static func require(_ path: String) throws(Failure) -> ConfigFile {
        do throws(ConfigFaults) { return try load(path) } catch {
            throw Failure(
                "config.invalid", stage: .configuration, kind: .config,
                "\(path) has \(error.faults.count) fault(s)\n\(error)", hint: "millrace check \(path)")
        }
    }

    var collectorSettings: CollectorSettings? {
        switch self {
        case .agent: nil
        case .collector(let settings): settings
        case .embedded(let settings): settings.collector
        }
    }

    var agentSettings: AgentSettings? {
        switch self {
        case .agent(let settings): settings
        case .collector: nil
        case .embedded(let settings): settings.agent
        }
    }

    static let option = OptionSpec(
        "config", short: "c", value: "FILE", "The configuration. Default: the one of this machine in /etc/millrace.")
    static let json = OptionSpec("json", "As docs/json.md describes it.")

    /// `--config`, or what is installed: the collector's, or the embedded program's.
    static func path(_ command: ParsedCommand) throws(Failure) -> String {
        if let path = command.value("config") { return path }
        let installed = ["/etc/millrace/collector.yaml", "/etc/millrace/millrace.yaml"]
        for path in installed where (try? Syscalls.status(path)) != nil { return path }
        throw ToolFailure.usage("no configuration given, and none in /etc/millrace", hint: "--config FILE")
    }

    /// Nil in the embedded program.
    var kafka: KafkaSettings? {
        switch self {
        case .agent(let settings): settings.kafka
        case .collector(let settings): settings.kafka
        case .embedded: nil
        }
    }

    /// The collector's part, for verbs that read a warehouse.
    static func requireCollector(
        _ command: ParsedCommand
    ) throws(Failure) -> (file: ConfigFile, settings: CollectorSettings) {
        let path = try path(command)
        let file = try require(path)
        guard let settings = file.collectorSettings else {
            throw ToolFailure.usage("\(path) is an agent's configuration: it names no warehouse",
                hint: "give collector.yaml or millrace.yaml")
        }
        return (file, settings)
    }
}

extension KafkaSettings {
    var options: KafkaOptions { KafkaOptions(brokers: brokers, properties: properties, clientID: "millrace") }
}

/// The warehouse's commit log, read without changing anything.
enum WarehouseLog {
    static func open(_ settings: WarehouseSettings) throws(Failure) -> CommitLog {
        let storage = try LocalStorage(
            root: settings.path,
            settings: LocalStorageSettings(
                fileMode: settings.fileMode, folderMode: settings.folderMode, group: settings.group))
        return CommitLog(storage: storage)
    }

    /// Where every pipeline stands; the state before the first commit if there is no warehouse yet.
    static func state(_ settings: WarehouseSettings) throws(Failure) -> LogState {
        guard (try? Syscalls.status(settings.path)) != nil else { return LogState() }
        let log = try open(settings)
        try log.load()
        return log.state
    }
}
