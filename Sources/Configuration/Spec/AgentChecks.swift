internal import Event

/// What no single setting of an agent can tell.
extension AgentSpec {
    /// The sources of a file with the nodes they came from. Both lists have the same order and count.
    private static func pairs(_ settings: AgentSettings, _ node: YAMLNode) -> [(FilesSourceSettings, YAMLNode)] {
        guard case .sequence(let items)? = node["sources"]?.value.content else { return [] }
        return Array(zip(settings.sources, items))
    }

    static func checkSources(_ settings: AgentSettings, _ node: YAMLNode, _ faults: inout FaultList) {
        var lines: [String: Int] = [:]
        let partition = settings.maximumInFlightPerPartitionByteCount
        for (source, item) in pairs(settings, node) {
            if !source.name.isEmpty {
                if let line = lines[source.name] {
                    faults.add(item, "name", "two sources are named \"\(source.name)\", the other on line \(line)")
                } else {
                    lines[source.name] = item["name"]?.mark.line ?? item.mark.line
                }
            }
            if source.packByteCount > partition / 2 {
                faults.add(
                    item, "pack",
                    "two packs of \(size(source.packByteCount)) do not fit into \"max_in_flight_per_partition\" "
                        + "(\(size(partition))); the agent would wait after each")
            }
            if source.maximumRecordByteCount > partition {
                faults.add(
                    item, "max_record",
                    "a record of \(size(source.maximumRecordByteCount)) does not fit into "
                        + "\"max_in_flight_per_partition\" (\(size(partition)))")
            }
        }
    }

    /// Kafka's own limit and the control topics; not for the embedded program.
    static func checkTopics(_ settings: AgentSettings, _ node: YAMLNode, _ faults: inout FaultList) {
        let property = settings.kafka.properties.last { $0.name == "message.max.bytes" }?.value
        let message = property.flatMap { Int($0) } ?? defaultMessageByteCount
        let limit = max(0, message - recordOverheadByteCount)
        let control = [("state", settings.stateTopic), ("heartbeats", settings.heartbeatTopic)]
        if settings.stateTopic == settings.heartbeatTopic, let topics = node["topics"]?.value {
            faults.add(topics, "heartbeats", "\"state\" and \"heartbeats\" are the same topic; the state topic "
                + "is compacted")
        }
        for (source, item) in pairs(settings, node) {
            for (name, bytes) in [("max_record", source.maximumRecordByteCount), ("pack", source.packByteCount)]
            where bytes > limit {
                faults.add(
                    item, name,
                    "\"\(name)\" (\(size(bytes))) is above what Kafka takes (\(limit) bytes): raise "
                        + "\"message.max.bytes\" in \"kafka.properties\", and at the brokers and topic, or lower it")
            }
            for (name, topic) in control where topic == source.topic {
                faults.add(item, "topic", "\"\(topic)\" is the control topic \"topics.\(name)\"")
            }
        }
    }
}
