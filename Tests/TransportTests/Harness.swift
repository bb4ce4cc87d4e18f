import CRdKafka
import Event
import Platform
import Testing
import Transport

/// A broker that lives inside librdkafka: protocol tests without a network.
@safe final class MockCluster: @unchecked Sendable {
    private let owner: OpaquePointer
    let raw: OpaquePointer
    let brokers: String

    init(brokerCount: Int32 = 1) {
        let configuration = unsafe rd_kafka_conf_new()
        unsafe rd_kafka_conf_set_log_cb(configuration, nil)
        unsafe owner = rd_kafka_new(RD_KAFKA_PRODUCER, configuration, nil, 0)
        unsafe raw = rd_kafka_mock_cluster_new(owner, brokerCount)
        brokers = unsafe String(cString: rd_kafka_mock_cluster_bootstraps(raw))
    }

    func create(_ topic: String, partitions: Int32) {
        _ = unsafe rd_kafka_mock_topic_create(raw, topic, partitions, 1)
    }

    /// The next Produce requests are answered with these codes.
    func failProduce(_ codes: [rd_kafka_resp_err_t]) {
        var list = codes
        unsafe rd_kafka_mock_push_request_errors_array(raw, 0, list.count, &list)
    }

    func setDown(_ broker: Int32, _ down: Bool) {
        _ = unsafe down ? rd_kafka_mock_broker_set_down(raw, broker) : rd_kafka_mock_broker_set_up(raw, broker)
    }

    deinit {
        unsafe rd_kafka_mock_cluster_destroy(raw)
        unsafe rd_kafka_destroy(owner)
    }
}

/// The real broker of the environment, or nil.
let realBrokers: String? = environment("MILLRACE_KAFKA")

/// Three ways to carry records, one contract.
enum Transport: String, CaseIterable, Sendable {
    case embedded, mock, broker

    static var available: [Transport] { realBrokers == nil ? [.embedded, .mock] : [.embedded, .mock, .broker] }
}

/// A producer and a consumer over one transport and one fresh topic.
final class Fixture {
    let topic = "t-" + Token.make()
    let group = "g-" + Token.make()
    let producer: any Producer
    let consumer: any Consumer
    let kind: Transport
    var deliveries: [Delivery] = []
    private(set) var cluster: MockCluster?

    init(_ kind: Transport, partitions: Int32 = 1) throws {
        self.kind = kind
        switch kind {
        case .embedded:
            let channel = EmbeddedChannel(topics: [topic: partitions])
            producer = channel.makeProducer()
            consumer = channel.makeConsumer()
        case .mock:
            let made = MockCluster()
            made.create(topic, partitions: partitions)
            cluster = made
            producer = try KafkaProducer(KafkaOptions(brokers: made.brokers))
            consumer = try KafkaConsumer(KafkaOptions(brokers: made.brokers), group: group)
        case .broker:
            let options = KafkaOptions(brokers: realBrokers ?? "")
            try TopicPlanner(options).create([TopicSpec(name: topic, partitionCount: partitions, replication: 1)])
            producer = try KafkaProducer(options)
            consumer = try KafkaConsumer(options, group: group)
        }
    }

    deinit {
        producer.close()
        consumer.close()
    }

    /// Produces `values` with keys `k0`, `k1`...; tags count up from `tag`. Returns how many were taken.
    @discardableResult
    func produce(_ values: [String?], partition: Int32 = 0, tag: UInt64 = 0) throws -> Int {
        try Records(values, tag: tag).produce(producer, topic, partition)
    }

    func pollProducer(until count: Int, seconds: Int = 60) throws {
        let deadline = SystemClock().monotonicNanoseconds() + Int64(seconds) * 1_000_000_000
        while deliveries.count < count, SystemClock().monotonicNanoseconds() < deadline {
            try producer.poll(timeoutMilliseconds: 50) { deliveries.append($0) }
        }
    }

    /// All partitions, without waiting for the group: `start` does not need it.
    var partitions: [TopicPartition] {
        let count = (try? consumer.partitionCount(of: topic)) ?? 0
        return (0..<count).map { TopicPartition(topic: topic, partition: $0) }
    }

    /// Polls until the group gave us partitions; returns them.
    func join(seconds: Int = 60) throws -> [TopicPartition] {
        try consumer.subscribe([topic])
        return try assigned(consumer, seconds: seconds)
    }

    /// Reads up to `count` records of a worker, with the offsets they came under.
    func read(worker: Int = 0, count: Int, seconds: Int = 60) -> [Seen] {
        readAll(consumer, worker: worker, count: count, seconds: seconds)
    }
}

struct Seen: Equatable, Sendable {
    var partition: Int32
    var offset: Int64
    var key: String?
    var value: String?
}

func assigned(_ consumer: any Consumer, seconds: Int = 60) throws -> [TopicPartition] {
    let deadline = SystemClock().monotonicNanoseconds() + Int64(seconds) * 1_000_000_000
    while SystemClock().monotonicNanoseconds() < deadline {
        for signal in try consumer.poll(timeoutMilliseconds: 100) {
            if case .assigned(let partitions) = signal { return partitions.sorted() }
        }
    }
    return []
}

func readAll(_ consumer: any Consumer, worker: Int = 0, count: Int, seconds: Int = 60) -> [Seen] {
    var seen: [Seen] = []
    let deadline = SystemClock().monotonicNanoseconds() + Int64(seconds) * 1_000_000_000
    while seen.count < count, SystemClock().monotonicNanoseconds() < deadline {
        _ = unsafe consumer.consume(worker: worker, maximumCount: 1_000, timeoutMilliseconds: 100) { views in
            for unsafe view in unsafe views {
                seen.append(
                    unsafe Seen(
                        partition: view.partition, offset: view.offset,
                        key: view.key.map { unsafe String(decoding: $0, as: UTF8.self) },
                        value: view.value.map { unsafe String(decoding: $0, as: UTF8.self) }))
            }
        }
    }
    return seen
}

/// Records in one slab.
struct Records {
    var slab: [UInt8] = []
    var list: [OutgoingRecord] = []

    init(_ values: [String?], tag: UInt64 = 0) {
        for (index, value) in values.enumerated() {
            let key = Array("k\(index)".utf8)
            let bytes = value.map { Array($0.utf8) }
            list.append(
                OutgoingRecord(
                    keyStart: slab.count, keyByteCount: key.count, valueStart: slab.count + key.count,
                    valueByteCount: bytes?.count ?? -1, tag: tag + UInt64(index)))
            slab += key + (bytes ?? [])
        }
    }

    func produce(_ producer: any Producer, _ topic: String, _ partition: Int32) throws -> Int {
        let records = list
        let outcome = unsafe slab.withUnsafeBytes { slab -> Result<Int, Failure> in
            do throws(Failure) {
                return .success(
                    try unsafe producer.produce(topic: topic, partition: partition, slab: slab, records: records))
            } catch { return .failure(error) }
        }
        return try outcome.get()
    }
}
