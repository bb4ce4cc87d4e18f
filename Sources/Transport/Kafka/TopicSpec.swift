/// A topic as it should be.
public struct TopicSpec: Sendable, Equatable {
    public var name: String
    public var partitionCount: Int32
    public var replication: Int
    /// Topic settings by their broker names, in the order they are printed.
    public var settings: [(name: String, value: String)]

    public init(name: String, partitionCount: Int32, replication: Int, settings: [(name: String, value: String)] = []) {
        self.name = name
        self.partitionCount = partitionCount
        self.replication = replication
        self.settings = settings
    }

    public static func == (left: TopicSpec, right: TopicSpec) -> Bool {
        left.name == right.name && left.partitionCount == right.partitionCount
            && left.replication == right.replication && left.settings.elementsEqual(right.settings, by: ==)
    }
}

extension TopicSpec {
    /// A topic of events: `partitionCount` partitions, at least two replicas in step where there are three.
    public static func data(
        _ name: String, partitionCount: Int32, replication: Int, retentionMilliseconds: Int64,
        maximumRecordByteCount: Int
    ) -> TopicSpec {
        TopicSpec(
            name: name, partitionCount: partitionCount, replication: replication,
            settings: common(replication) + [
                ("cleanup.policy", "delete"), ("retention.ms", String(retentionMilliseconds)),
                ("max.message.bytes", String(maximumRecordByteCount)),
            ])
    }

    /// The agents' mirrors: compacted, so that the newest record of each key stays for ever.
    public static func state(_ name: String, partitionCount: Int32 = 4, replication: Int) -> TopicSpec {
        TopicSpec(
            name: name, partitionCount: partitionCount, replication: replication,
            settings: common(replication) + [("cleanup.policy", "compact")])
    }

    /// Heartbeats: the broker's clock on each, kept for a day.
    public static func heartbeats(_ name: String, partitionCount: Int32 = 1, replication: Int) -> TopicSpec {
        TopicSpec(
            name: name, partitionCount: partitionCount, replication: replication,
            settings: common(replication) + [
                ("cleanup.policy", "delete"), ("retention.ms", "86400000"),
                ("message.timestamp.type", "LogAppendTime"),
            ])
    }

    /// What which warehouse has committed: compacted.
    public static func acknowledgements(_ name: String, partitionCount: Int32 = 1, replication: Int) -> TopicSpec {
        TopicSpec(
            name: name, partitionCount: partitionCount, replication: replication,
            settings: common(replication) + [("cleanup.policy", "compact")])
    }

    private static func common(_ replication: Int) -> [(name: String, value: String)] {
        [("min.insync.replicas", String(replication >= 3 ? 2 : 1))]
    }
}

extension TopicSpec: CustomStringConvertible {
    /// One line, as `millrace topics plan` prints it.
    public var description: String {
        let list = settings.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
        return "\(name): partitions=\(partitionCount) replication=\(replication)" + (list.isEmpty ? "" : " " + list)
    }
}
