/// The books of one pipeline, in events: every (event, route) has exactly one outcome.
///
///     received = written + partlyWritten + quarantined + duplicate + filtered
public struct Balance: Hashable, Sendable {
    public var received: UInt64 = 0
    public var written: UInt64 = 0
    /// A change event whose rows fared differently.
    public var partlyWritten: UInt64 = 0
    public var quarantined: UInt64 = 0
    public var duplicate: UInt64 = 0
    public var filtered: UInt64 = 0

    public init() {}

    public var holds: Bool { received == written + partlyWritten + quarantined + duplicate + filtered }

    public static func + (left: Balance, right: Balance) -> Balance {
        var sum = left
        sum += right
        return sum
    }

    public static func += (left: inout Balance, right: Balance) {
        left.received += right.received
        left.written += right.written
        left.partlyWritten += right.partlyWritten
        left.quarantined += right.quarantined
        left.duplicate += right.duplicate
        left.filtered += right.filtered
    }
}
