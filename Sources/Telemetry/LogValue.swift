/// A value beside a log message.
public enum LogValue: Sendable, Equatable {
    case string(String)
    case integer(Int64)
    case double(Double)
    case boolean(Bool)

    /// An integer of any kind; one beyond 64 bits is clamped.
    public static func count(_ value: some BinaryInteger) -> LogValue { .integer(Int64(clamping: value)) }
}

extension LogValue: ExpressibleByStringInterpolation, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .integer(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}

/// Named values beside a log message, in order. Names are lowercase words joined by `_`, constants of the code.
public struct LogFields: Sendable, Equatable {
    public var members: [(name: String, value: LogValue)]

    public init(_ members: [(name: String, value: LogValue)] = []) { self.members = members }

    public mutating func append(_ name: String, _ value: LogValue) { members.append((name, value)) }

    public static func == (left: LogFields, right: LogFields) -> Bool {
        left.members.elementsEqual(right.members, by: ==)
    }
}

extension LogFields: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, LogValue)...) {
        members = elements.map { (name: $0.0, value: $0.1) }
    }
}
