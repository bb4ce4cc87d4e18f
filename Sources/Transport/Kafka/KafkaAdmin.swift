internal import CRdKafka
internal import Event

/// CreateTopics and DescribeConfigs over a client's handle. Blocks up to its time-out.
@safe struct KafkaAdmin {
    // Safety: borrows the handle; every C object made here is freed here.
    private let handle: KafkaHandle
    private let timeoutMilliseconds: Int32 = 15_000

    init(_ handle: KafkaHandle) { self.handle = handle }

    /// Settings in force per topic; unknown topics throw `transport.unknown_topic`.
    func topicSettings(_ topics: [String]) throws(Failure) -> [String: [String: String]] {
        if topics.isEmpty { return [:] }
        var resources: [OpaquePointer?] = unsafe topics.map {
            unsafe rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, $0)
        }
        defer { for unsafe resource in unsafe resources { unsafe rd_kafka_ConfigResource_destroy(resource) } }
        let event = try unsafe request(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "cannot ask for the settings of topics") {
            unsafe rd_kafka_DescribeConfigs(handle.raw, &resources, resources.count, $0, $1)
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        var count = 0
        let result = unsafe rd_kafka_event_DescribeConfigs_result(event)
        let found = unsafe rd_kafka_DescribeConfigs_result_resources(result, &count)
        var settings: [String: [String: String]] = [:]
        for index in 0..<count {
            guard let resource = unsafe found?[index] else { continue }
            let topic = unsafe String(cString: rd_kafka_ConfigResource_name(resource))
            let code = unsafe rd_kafka_ConfigResource_error(resource)
            if code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART { throw KafkaFailure.unknownTopic(topic) }
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                throw KafkaFailure.make(code, "cannot ask for the settings of topic `\(topic)`")
            }
            settings[topic] = unsafe entries(resource)
        }
        return settings
    }

    private func entries(_ resource: OpaquePointer) -> [String: String] {
        var count = 0
        let found = unsafe rd_kafka_ConfigResource_configs(resource, &count)
        var settings: [String: String] = [:]
        for index in 0..<count {
            guard let entry = unsafe found?[index], let name = unsafe rd_kafka_ConfigEntry_name(entry) else { continue }
            let value = unsafe rd_kafka_ConfigEntry_value(entry)
            settings[unsafe String(cString: name)] = unsafe value.map { unsafe String(cString: $0) } ?? ""
        }
        return settings
    }

    /// Makes one topic; an existing one is no error.
    func create(_ topic: TopicSpec) throws(Failure) {
        var text = [CChar](repeating: 0, count: 512)
        guard
            let made = unsafe rd_kafka_NewTopic_new(
                topic.name, topic.partitionCount, Int32(clamping: topic.replication), &text, text.count)
        else {
            throw Failure(
                "transport.bad_topic", stage: .transport, kind: .config, "cannot make topic `\(topic.name)`",
                cause: KafkaFailure.text(text))
        }
        defer { unsafe rd_kafka_NewTopic_destroy(made) }
        for (name, value) in topic.settings { _ = unsafe rd_kafka_NewTopic_set_config(made, name, value) }
        var topics: [OpaquePointer?] = unsafe [made]
        let what = "cannot make topic `\(topic.name)`"
        let event = try unsafe request(RD_KAFKA_ADMIN_OP_CREATETOPICS, what) {
            unsafe rd_kafka_CreateTopics(handle.raw, &topics, 1, $0, $1)
        }
        defer { unsafe rd_kafka_event_destroy(event) }
        var count = 0
        let results = unsafe rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count)
        for index in 0..<count {
            guard let result = unsafe results?[index] else { continue }
            let code = unsafe rd_kafka_topic_result_error(result)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS { continue }
            let detail = unsafe rd_kafka_topic_result_error_string(result).map { unsafe String(cString: $0) } ?? ""
            throw KafkaFailure.make(code, what, detail: detail)
        }
    }

    /// Sends a request and waits for its result event; the caller destroys it.
    private func request(
        _ operation: rd_kafka_admin_op_t, _ what: String, _ send: (OpaquePointer?, OpaquePointer?) -> Void
    ) throws(Failure) -> OpaquePointer {
        let options = unsafe rd_kafka_AdminOptions_new(handle.raw, operation)
        defer { unsafe rd_kafka_AdminOptions_destroy(options) }
        var text = [CChar](repeating: 0, count: 256)
        _ = unsafe rd_kafka_AdminOptions_set_request_timeout(options, timeoutMilliseconds, &text, text.count)
        let queue = unsafe rd_kafka_queue_new(handle.raw)
        defer { unsafe rd_kafka_queue_destroy(queue) }
        unsafe send(options, queue)
        guard let event = unsafe rd_kafka_queue_poll(queue, timeoutMilliseconds + 1_000) else {
            throw KafkaFailure.timeout(what)
        }
        let code = unsafe rd_kafka_event_error(event)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            let detail = unsafe rd_kafka_event_error_string(event).map { unsafe String(cString: $0) } ?? ""
            unsafe rd_kafka_event_destroy(event)
            throw KafkaFailure.make(code, what, detail: detail)
        }
        return unsafe event
    }
}
