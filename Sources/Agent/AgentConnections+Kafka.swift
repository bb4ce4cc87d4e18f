public import Configuration
internal import Event
internal import Transport

extension AgentConnections {
    /// Files to Kafka: what `millrace-agent` runs with.
    public static func kafka(_ settings: AgentSettings) -> AgentConnections {
        let options = KafkaOptions(
            brokers: settings.kafka.brokers, properties: settings.kafka.properties,
            clientID: "millrace-agent-\(settings.name)")
        return AgentConnections(
            makeProducer: { () throws(Failure) in
                try KafkaProducer(options, maximumInFlightByteCount: settings.maximumInFlightByteCount)
            },
            makeMirror: { () throws(Failure) in
                try KafkaMirror(options, topic: settings.stateTopic, agent: settings.name)
            },
            makeSource: { FileSource(settings: $0, agent: settings.name, resume: $1, records: $2) })
    }
}
