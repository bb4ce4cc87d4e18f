public import Platform

extension AgentSettings {
    /// Reads `agent.yaml`: every fault at once, or settings that are complete. Blocks on the disk.
    public static func load(
        path: String, environment: (String) -> String? = Environment.value
    ) throws(ConfigFaults) -> AgentSettings {
        try load(bytes: try Loading.bytes(of: path), file: path, environment: environment)
    }

    /// The same from bytes; `file` is what faults are reported for.
    public static func load(
        bytes: [UInt8], file: String, environment: (String) -> String?
    ) throws(ConfigFaults) -> AgentSettings {
        var settings = try Loading.load(
            AgentSpec.file, prototype: AgentSpec.prototype, bytes: bytes, file: file, environment: environment)
        if settings.name.isEmpty { settings.name = Environment.hostName() }
        return settings
    }
}

extension CollectorSettings {
    /// Reads `collector.yaml`: every fault at once, or settings that are complete. Blocks on the disk.
    public static func load(
        path: String, environment: (String) -> String? = Environment.value
    ) throws(ConfigFaults) -> CollectorSettings {
        try load(bytes: try Loading.bytes(of: path), file: path, environment: environment)
    }

    /// The same from bytes; `file` is what faults are reported for.
    public static func load(
        bytes: [UInt8], file: String, environment: (String) -> String?
    ) throws(ConfigFaults) -> CollectorSettings {
        try Loading.load(
            CollectorSpec.file, prototype: CollectorSpec.prototype, bytes: bytes, file: file,
            environment: environment)
    }
}

extension EmbeddedSettings {
    /// Reads `millrace.yaml`: every fault at once, or settings that are complete. Blocks on the disk.
    public static func load(
        path: String, environment: (String) -> String? = Environment.value
    ) throws(ConfigFaults) -> EmbeddedSettings {
        try load(bytes: try Loading.bytes(of: path), file: path, environment: environment)
    }

    /// The same from bytes; `file` is what faults are reported for.
    public static func load(
        bytes: [UInt8], file: String, environment: (String) -> String?
    ) throws(ConfigFaults) -> EmbeddedSettings {
        var settings = try Loading.load(
            EmbeddedSpec.file, prototype: EmbeddedSpec.prototype, bytes: bytes, file: file,
            environment: environment)
        if settings.agent.name.isEmpty { settings.agent.name = Environment.hostName() }
        settings.collector.log = settings.agent.log
        settings.collector.shutdownMilliseconds = settings.agent.shutdownMilliseconds
        return settings
    }
}
