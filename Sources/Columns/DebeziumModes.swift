/// Settings of Debezium's connector that decide how it writes values. Nil: found out, from the records' envelopes if
/// they have one, else from the values.
public struct DebeziumModes: Sendable, Equatable {
    /// `time.precision.mode`.
    public enum Time: String, Sendable, CaseIterable {
        case adaptiveMicroseconds = "adaptive_time_microseconds"
        case connect, isostring, microseconds, nanoseconds
    }

    /// `decimal.handling.mode`.
    public enum Decimals: String, Sendable, CaseIterable { case precise, double, string }

    /// `binary.handling.mode`.
    public enum Binary: String, Sendable, CaseIterable {
        case bytes, base64
        case base64URLSafe = "base64-url-safe"
        case hex
    }

    public var time: Time?
    public var decimals: Decimals?
    public var binary: Binary?

    public init() {}
}
