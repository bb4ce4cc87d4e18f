internal import Event

/// Sections that more than one program has.
enum SharedSpecs {
    static var log: ConfigSpec<LogSettings> {
        ConfigSpec(
            summary: "The program's own log, on standard error (under systemd: the journal).",
            fields: [
                .optional("level", .choice, \.level, "Lines below this level are not written."),
                .optional(
                    "format", .choice, \.form,
                    "`json`: one object per line, for machines; `text`: for people."),
            ])
    }

    static var kafka: ConfigSpec<KafkaSettings> {
        ConfigSpec(
            summary: "How to reach Kafka.",
            fields: [
                .required(
                    "brokers", .text("host:port list"), \.brokers,
                    "Brokers to begin with, as `host:port`, several separated by commas. Two or three are "
                        + "enough, the rest is learnt."),
                kafkaProperties,
            ])
    }

    /// Properties that have a setting of their own, and what to use.
    private static let reserved = [
        "bootstrap.servers": "kafka.brokers", "metadata.broker.list": "kafka.brokers", "group.id": "group",
    ]

    private static var kafkaProperties: ConfigField<KafkaSettings> {
        ConfigField(
            name: "properties", type: "mapping", range: "any librdkafka property", isRequired: false,
            summary: "Passed to librdkafka as they are, which checks them: TLS, SASL, buffers. Secrets belong "
                + "into the environment: `${NAME}`.",
            defaultText: { _ in "{}" },
            read: { node, faults, target in
                guard case .mapping(let members) = node.content else {
                    faults.add(node.mark, "\"properties\" is \(node.kindText); expected names with values")
                    return
                }
                for member in members {
                    if let instead = reserved[member.name] {
                        faults.add(member.mark, "\"\(member.name)\" is set by \"\(instead)\"")
                        continue
                    }
                    guard case .scalar(let text, _) = member.value.content, !member.value.isNull else {
                        faults.add(member.value.mark, "\"\(member.name.clipped)\" needs a single value")
                        continue
                    }
                    target.properties.append((name: member.name, value: text))
                    target.propertyPlaces[member.name] = "\(faults.file):\(member.mark.line):\(member.mark.column)"
                }
            })
    }
}
