internal import CRdKafka
public import Event
internal import Platform

/// Makes and checks topics: `millrace topics plan|create|check`.
public final class TopicPlanner {
    private let handle: KafkaHandle

    public init(_ options: KafkaOptions) throws(Failure) {
        let configuration = try KafkaConfiguration(options, owned: [("enable.auto.commit", "false")], defaults: [])
        // Why a consumer: its metadata requests never make a topic, whatever the brokers allow.
        handle = try configuration.makeHandle(RD_KAFKA_CONSUMER, events: 0)
    }

    /// The topics that `create` would make now.
    public func plan(_ topics: [TopicSpec]) throws(Failure) -> [TopicSpec] {
        var missing: [TopicSpec] = []
        for topic in topics where try partitionCount(of: topic.name) == nil { missing.append(topic) }
        return missing
    }

    /// Makes the topics that are missing; existing ones are left alone. Returns the names made.
    @discardableResult
    public func create(_ topics: [TopicSpec]) throws(Failure) -> [String] {
        var made: [String] = []
        for topic in try plan(topics) {
            try KafkaAdmin(handle).create(topic)
            made.append(topic.name)
        }
        for name in made { try awaitVisible(name) }
        return made
    }

    /// Brokers learn of a new topic one by one: waits until it can be used, 10 s at most.
    private func awaitVisible(_ topic: String) throws(Failure) {
        for _ in 0..<100 {
            do throws(Failure) {
                if try partitionCount(of: topic) != nil {
                    _ = try KafkaAdmin(handle).topicSettings([topic])
                    return
                }
            } catch {
                guard ["transport.unknown_topic", "transport.leader_lost"].contains(error.code) else { throw error }
            }
            Sleep.milliseconds(100)
        }
        throw KafkaFailure.timeout("topic `\(topic)` was made, but the brokers do not show it yet")
    }

    /// Differences between what is and what should be, one sentence each; empty: all is well.
    public func check(_ topics: [TopicSpec]) throws(Failure) -> [TopicDifference] {
        var differences: [TopicDifference] = []
        var existing: [TopicSpec] = []
        for topic in topics {
            guard let count = try partitionCount(of: topic.name) else {
                differences.append(
                    TopicDifference(topic: topic.name, subject: "topic", expected: "exists", found: "missing"))
                continue
            }
            existing.append(topic)
            if count < topic.partitionCount {
                differences.append(
                    TopicDifference(
                        topic: topic.name, subject: "partitions", expected: "at least \(topic.partitionCount)",
                        found: "\(count)"))
            }
        }
        let found = try KafkaAdmin(handle).topicSettings(existing.map(\.name))
        for topic in existing {
            let replication = try handle.replication(of: topic.name)
            if replication < topic.replication {
                differences.append(
                    TopicDifference(
                        topic: topic.name, subject: "replication", expected: "at least \(topic.replication)",
                        found: "\(replication)"))
            }
            for (name, expected) in topic.settings {
                let value = found[topic.name]?[name] ?? "unset"
                if value != expected {
                    differences.append(
                        TopicDifference(topic: topic.name, subject: name, expected: expected, found: value))
                }
            }
        }
        return differences
    }

    private func partitionCount(of topic: String) throws(Failure) -> Int32? {
        do throws(Failure) {
            return try handle.partitionCount(of: topic)
        } catch {
            if error.code == "transport.unknown_topic" { return nil }
            throw error
        }
    }

    public func close() { handle.close() }
}

/// One way in which a topic is not as it should be.
public struct TopicDifference: Sendable, Equatable, CustomStringConvertible {
    public var topic: String
    /// `topic`, `partitions` or the name of a setting.
    public var subject: String
    public var expected: String
    public var found: String

    public var description: String { "topic \(topic): \(subject) is \(found), should be \(expected)" }
}
