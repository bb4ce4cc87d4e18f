internal import CRdKafka
public import Event
public import JSON
internal import Platform

/// The newest heartbeat of one agent.
public struct Heartbeat: Sendable, Equatable {
    public var agent: String
    /// When the broker took it (the topic has append time): milliseconds since the epoch, -1 if unknown.
    public var timestamp: Int64
    public var content: JSONValue

    public init(agent: String, timestamp: Int64, content: JSONValue) {
        self.agent = agent
        self.timestamp = timestamp
        self.content = content
    }
}

/// Reads the heartbeats topic to its end: for `millrace lag`.
public final class HeartbeatReader {
    private let topic: String
    private let handle: KafkaHandle
    /// Heartbeats looked at per partition, from its end; older ones are of agents that are silent.
    public static let maximumRecordCount: Int64 = 100_000

    public init(_ options: KafkaOptions, topic: String) throws(Failure) {
        self.topic = topic
        let configuration = try KafkaConfiguration(
            options,
            owned: [
                ("enable.auto.commit", "false"), ("auto.offset.reset", "error"), ("enable.partition.eof", "true"),
            ],
            defaults: [("fetch.message.max.bytes", "1048576"), ("queued.max.messages.kbytes", "8192")])
        handle = try configuration.makeHandle(RD_KAFKA_CONSUMER, events: 0)
    }

    /// The newest heartbeat per agent, sorted by agent; blocks up to the time-out over all partitions.
    /// Records that are no JSON object are skipped.
    public func read(timeoutMilliseconds: Int) throws(Failure) -> [Heartbeat] {
        let clock = SystemClock()
        let deadline = clock.monotonicNanoseconds() + Int64(timeoutMilliseconds) * 1_000_000
        var newest: [String: Heartbeat] = [:]
        for number in 0..<(try handle.partitionCount(of: topic)) {
            let partition = TopicPartition(topic: topic, partition: number)
            let left = Int(max((deadline - clock.monotonicNanoseconds()) / 1_000_000, 1))
            let bounds = try handle.bounds(partition, timeoutMilliseconds: left)
            let from = max(bounds.first, bounds.next - HeartbeatReader.maximumRecordCount)
            try unsafe handle.read(partition, from: from, timeoutMilliseconds: left) { message in
                if let beat = unsafe HeartbeatReader.heartbeat(message) {
                    let before = newest[beat.agent]?.timestamp ?? Int64.min
                    if beat.timestamp >= before { newest[beat.agent] = beat }
                }
                return true
            }
        }
        return newest.values.sorted { $0.agent < $1.agent }
    }

    private static func heartbeat(_ message: UnsafeMutablePointer<rd_kafka_message_t>) -> Heartbeat? {
        guard let key = unsafe KafkaLane.bytes(message.pointee.key, message.pointee.key_len),
            let value = unsafe KafkaLane.bytes(message.pointee.payload, message.pointee.len),
            let content = JSONValue(parsing: unsafe Array(value)), content.members != nil
        else { return nil }
        var kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        return Heartbeat(
            agent: unsafe String(decoding: key, as: UTF8.self),
            timestamp: unsafe rd_kafka_message_timestamp(message, &kind), content: content)
    }

    public func close() { handle.close() }
}
