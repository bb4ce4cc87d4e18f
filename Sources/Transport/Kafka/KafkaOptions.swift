internal import CRdKafka
internal import Event

/// How to reach a cluster: brokers, and librdkafka properties that are passed on unchecked.
public struct KafkaOptions: Sendable {
    /// `bootstrap.servers`.
    public var brokers: String
    /// In the order of the configuration file; librdkafka judges them.
    public var properties: [(name: String, value: String)]
    /// Shown by the brokers in their logs and quotas.
    public var clientID: String

    public init(brokers: String, properties: [(name: String, value: String)] = [], clientID: String = "millrace") {
        self.brokers = brokers
        self.properties = properties
        self.clientID = clientID
    }
}

/// The librdkafka that this process runs with.
public enum KafkaLibrary {
    /// Its version, as `2.0.2`.
    public static var version: String { unsafe String(cString: rd_kafka_version_str()) }

    /// Whether SCRAM logins to Kafka 4 fail with it: it repeats the client nonce, which Kafka 4 rejects.
    public static var scramIsBroken: Bool { rd_kafka_version() < 0x0206_01ff }
}

/// One librdkafka configuration under construction: ours first, then the operator's.
///
/// Owned properties carry a promise of Millrace (nothing lost, nothing skipped silently); a
/// configuration that contradicts one is refused, one that repeats it is fine.
@safe struct KafkaConfiguration: ~Copyable {
    // Safety: the handle is freed here or handed to `rd_kafka_new`, which takes it over; never both.
    private var raw: OpaquePointer?
    private var debug = false

    /// `owned` may not be contradicted by the operator, `defaults` may be overridden.
    init(_ options: KafkaOptions, owned: [(String, String)], defaults: [(String, String)]) throws(Failure) {
        unsafe raw = rd_kafka_conf_new()
        for (name, value) in defaults + [("client.id", options.clientID)] { try set(name, value) }
        for (name, value) in options.properties {
            let plain = KafkaConfiguration.canonical(name)
            if plain == "debug" { debug = true }
            if let mine = KafkaConfiguration.mine(plain, owned), mine.value != value {
                throw KafkaFailure.contradicted(name: name, value: value, owned: mine.value)
            }
            try set(name, value)
        }
        for (name, value) in owned { try set(name, value) }
        try set("bootstrap.servers", options.brokers)
    }

    deinit {
        if let raw = unsafe raw { unsafe rd_kafka_conf_destroy(raw) }
    }

    /// Aliases of owned properties, so that none is contradicted by another name.
    private static func canonical(_ name: String) -> String {
        switch name {
        case "request.required.acks": "acks"
        case "delivery.timeout.ms": "message.timeout.ms"
        case "metadata.broker.list": "bootstrap.servers"
        case "message.send.max.retries": "retries"
        default: name
        }
    }

    private static func mine(_ name: String, _ owned: [(String, String)]) -> (name: String, value: String)? {
        for (key, value) in owned where key == name { return (key, value) }
        return nil
    }

    private func set(_ name: String, _ value: String) throws(Failure) {
        try unsafe KafkaConfiguration.set(raw, name, value)
    }

    private static func set(_ raw: OpaquePointer?, _ name: String, _ value: String) throws(Failure) {
        var text = [CChar](repeating: 0, count: 512)
        let outcome = unsafe rd_kafka_conf_set(raw, name, value, &text, text.count)
        if outcome != RD_KAFKA_CONF_OK { throw KafkaFailure.badProperty(name, KafkaFailure.text(text)) }
    }

    /// Makes the handle. `events`: which ones come through its queues.
    consuming func makeHandle(_ kind: rd_kafka_type_t, events: Int32) throws(Failure) -> KafkaHandle {
        unsafe rd_kafka_conf_set_events(raw, events)
        // Why: librdkafka prints its log to stderr; what matters of it comes as ERROR events. With
        // `debug` set the operator wants exactly that print.
        if !debug { unsafe rd_kafka_conf_set_log_cb(raw, nil) }
        var text = [CChar](repeating: 0, count: 512)
        guard let handle = unsafe rd_kafka_new(kind, raw, &text, text.count) else {
            throw KafkaFailure.refused(KafkaFailure.text(text))
        }
        unsafe raw = nil
        return unsafe KafkaHandle(handle)
    }
}
