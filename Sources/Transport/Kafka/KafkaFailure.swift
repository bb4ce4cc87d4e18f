internal import CRdKafka
internal import Event

/// From librdkafka's error codes to `Failure`: the one place.
enum KafkaFailure {
    static func text(_ buffer: [CChar]) -> String {
        String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    static func badProperty(_ name: String, _ cause: String) -> Failure {
        Failure(
            "transport.bad_property", stage: .transport, kind: .config,
            "librdkafka \(KafkaLibrary.version) refuses the kafka property `\(name)`",
            hint: "see the list of properties in librdkafka's CONFIGURATION.md", cause: cause)
    }

    static func contradicted(name: String, value: String, owned: String) -> Failure {
        Failure(
            "transport.owned_property", stage: .transport, kind: .config,
            "the kafka property `\(name)` is millrace's own: it must be `\(owned)`",
            hint: "remove it: with another value records could be lost, repeated or skipped silently")
    }

    static func refused(_ cause: String) -> Failure {
        Failure(
            "transport.bad_property", stage: .transport, kind: .config,
            "librdkafka \(KafkaLibrary.version) refuses the kafka properties as a whole", cause: cause)
    }

    static func timeout(_ what: String) -> Failure {
        Failure("transport.timeout", stage: .transport, kind: .transient, what,
            hint: "check that the brokers and the partition's leader can be reached")
    }

    static func unknownTopic(_ topic: String) -> Failure {
        Failure(
            "transport.unknown_topic", stage: .transport, kind: .transient, "topic `\(topic)` does not exist",
            hint: "make it with `millrace topics create`, or correct its name")
    }

    /// `what`: the sentence before the reason, for example "cannot read web[3]".
    static func make(_ code: rd_kafka_resp_err_t, _ what: String, detail: String = "") -> Failure {
        let name = unsafe String(cString: rd_kafka_err2name(code))
        let reason = detail.isEmpty ? unsafe String(cString: rd_kafka_err2str(code)) : detail
        let (label, kind, hint) = classify(code, reason)
        return Failure(
            "transport." + label, stage: .transport, kind: kind, what, hint: hint, cause: "\(reason) (\(name))")
    }

    private static func classify(
        _ code: rd_kafka_resp_err_t, _ reason: String
    ) -> (label: String, kind: Failure.Kind, hint: String?) {
        switch code {
        case RD_KAFKA_RESP_ERR__AUTHENTICATION, RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
            return ("authentication", .transient, authenticationHint(reason))
        case RD_KAFKA_RESP_ERR__SSL:
            return ("tls", .transient, "check ssl.ca.location, the certificates and the broker's host name")
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
            return ("broker_down", .transient, "check `brokers`, the network and the listener's protocol")
        case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
            RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
            return ("timeout", .transient, "check that the brokers and the partition's leader can be reached")
        case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
            RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
            return ("unknown_topic", .transient, "make it with `millrace topics create`, or correct its name")
        case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
            RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED:
            return ("not_authorized", .transient, "give this user the ACLs that `millrace topics plan` prints")
        case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE, RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
            return ("offset_out_of_range", .conflict, nil)
        case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH, RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
            RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR:
            return ("leader_lost", .transient, "look for under-replicated partitions on the brokers")
        case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
            return (
                "record_too_large", .config,
                "raise message.max.bytes of the topic, or lower the pack and record limits of the source")
        case RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND:
            return ("not_enough_replicas", .transient, "brokers are down: bring them back")
        case RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR:
            return (
                "replication", .config,
                "a topic cannot have more replicas than there are brokers: `--replication 1` for a single one")
        case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
            return ("max_poll_exceeded", .conflict, "a commit took longer than max.poll.interval.ms")
        case RD_KAFKA_RESP_ERR__QUEUE_FULL:
            return ("queue_full", .transient, nil)
        case RD_KAFKA_RESP_ERR__FATAL, RD_KAFKA_RESP_ERR__FENCED, RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
            RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION, RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE:
            return ("fatal", .fatal, nil)
        case RD_KAFKA_RESP_ERR__PURGE_QUEUE, RD_KAFKA_RESP_ERR__PURGE_INFLIGHT, RD_KAFKA_RESP_ERR__DESTROY:
            return ("closed", .transient, nil)
        default:
            return ("error", .transient, nil)
        }
    }

    private static func authenticationHint(_ reason: String) -> String {
        let plain = "check sasl.mechanism, sasl.username and sasl.password"
        guard KafkaLibrary.scramIsBroken else { return plain }
        // Why: librdkafka before 2.6.1 repeats the client's nonce; the broker says no more than
        // "invalid credentials", and operators look for a wrong password for hours.
        return plain + "; with SCRAM: librdkafka \(KafkaLibrary.version) cannot log in to Kafka 4 by SCRAM"
            + " (2.6.1 or later can): use PLAIN over TLS, a client certificate, or a newer librdkafka"
    }
}
