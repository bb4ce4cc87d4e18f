public import Columns

/// What Debezium counts times in.
enum EpochUnit: Int, Sendable {
    case milliseconds = 3
    case microseconds = 6
    case nanoseconds = 9

    /// Digits behind the second.
    var digits: Int { rawValue }
    static let all: [EpochUnit] = [.milliseconds, .microseconds, .nanoseconds]
}

/// The modes that count times, of `time.precision.mode` (TemporalPrecisionMode of Debezium 3.5).
struct TemporalModes: OptionSet, Sendable {
    let rawValue: UInt8

    /// The usual one, `adaptive_time_microseconds`: a DATETIME of up to three digits in milliseconds, others and TIMEs
    /// in microseconds.
    static let adaptive = TemporalModes(rawValue: 1)
    static let connect = TemporalModes(rawValue: 2)
    static let microseconds = TemporalModes(rawValue: 4)
    static let nanoseconds = TemporalModes(rawValue: 8)
    static let all = TemporalModes(rawValue: 15)

    /// The unit that the most usual of these modes has for a column.
    func unit(_ codec: ColumnCodec) -> EpochUnit {
        if contains(.adaptive) { return Self.isShort(codec) ? .milliseconds : .microseconds }
        if contains(.connect) { return .milliseconds }
        return contains(.microseconds) ? .microseconds : .nanoseconds
    }

    /// The modes that have a unit for a column.
    static func having(_ unit: EpochUnit, _ codec: ColumnCodec) -> TemporalModes {
        switch unit {
        case .milliseconds: TemporalModes(rawValue: isShort(codec) ? 3 : 2)
        case .microseconds: TemporalModes(rawValue: isShort(codec) ? 4 : 5)
        case .nanoseconds: .nanoseconds
        }
    }

    /// Whether all of these have the same unit for a column.
    func isCertain(_ codec: ColumnCodec) -> Bool { isSubset(of: .having(unit(codec), codec)) }

    private static func isShort(_ codec: ColumnCodec) -> Bool { codec.kind != .time && codec.fraction <= 3 }
}

/// What the values of a table tell of the mode that its times were counted in: one holds for the whole connector.
///
/// A value proves what it cannot be: a TIME of more than 838 hours, a year behind 9999, digits that its column does
/// not have. It suggests the unit in which it is a day of our time; that counts while nothing proves otherwise.
struct TemporalEvidence {
    /// The first value behind year 9999, in milliseconds.
    private static let yearLimit: UInt64 = 253_402_300_800_000
    /// In its unit, 1973 to 2286; in one a thousand times greater or smaller, within four months of 1970, or behind
    /// the year 5000.
    private static let ourTime: Range<UInt64> = 100_000_000_000..<10_000_000_000_000
    /// Values in a row that contradict all before them: the connector was configured anew.
    private static let maximumContradictionCount = 4
    private static let powers: [UInt64] = (0...9).map { (0..<$0).reduce(1) { power, _ in power * 10 } }

    private var contradictionCount = 0
    /// What values leave possible, and what they suggest.
    private var proved = TemporalModes.all
    private var suggested = TemporalModes.all
    private let isGiven: Bool

    /// - Parameter given: the mode as configured.
    init(_ given: TemporalModes? = nil) {
        isGiven = given != nil
        proved = given ?? .all
    }

    private var likely: TemporalModes {
        let both = proved.intersection(suggested)
        return both.isEmpty ? proved : both
    }

    /// The unit of a column's value, and whether that is a guess.
    mutating func unit(_ codec: ColumnCodec, of value: Int64) -> (unit: EpochUnit, isGuess: Bool) {
        learn(codec, value)
        let unit = likely.unit(codec)
        guard value != 0, !isGiven else { return (unit, false) }
        if !Self.isPossible(value.magnitude, unit, codec) {
            let other = EpochUnit.all.first { Self.isPossible(value.magnitude, $0, codec) }
            return (other ?? unit, other != nil)
        }
        let isUsual = unit == TemporalModes.adaptive.unit(codec)
        return (unit, !likely.isCertain(codec) || !isUsual && !proved.isCertain(codec))
    }

    /// Takes a value as evidence.
    mutating func learn(_ codec: ColumnCodec, _ value: Int64) {
        guard !isGiven, value != 0 else { return }
        var possible: TemporalModes = []
        var ours: TemporalModes?
        for unit in EpochUnit.all where Self.isPossible(value.magnitude, unit, codec) {
            possible.formUnion(.having(unit, codec))
            if ours == nil, Self.isOfOurTime(value.magnitude, unit, codec) { ours = .having(unit, codec) }
        }
        guard !possible.isEmpty else { return }
        let both = proved.intersection(possible)
        if both.isEmpty {
            contradictionCount += 1
            guard contradictionCount == Self.maximumContradictionCount else { return }
            (proved, suggested) = (possible, .all)
        } else {
            proved = both
        }
        contradictionCount = 0
        guard let ours, !suggested.isDisjoint(with: ours) else { return }
        suggested.formIntersection(ours)
    }

    private static func isPossible(_ value: UInt64, _ unit: EpochUnit, _ codec: ColumnCodec) -> Bool {
        guard value % powers[unit.digits - min(codec.fraction, unit.digits)] == 0 else { return false }
        let inMilliseconds = value / powers[unit.digits - 3]
        return inMilliseconds < (codec.kind == .time ? UInt64(ClockText.maximum) / 1_000 + 1 : yearLimit)
    }

    private static func isOfOurTime(_ value: UInt64, _ unit: EpochUnit, _ codec: ColumnCodec) -> Bool {
        guard codec.kind == .time else { return ourTime.contains(value / powers[unit.digits - 3]) }
        // Later than 50 minutes: as nanoseconds it would be earlier.
        return unit == .microseconds && value > UInt64(ClockText.maximum) / 1_000
    }
}

/// How Debezium writes the values of one column, as far as its envelope's schema says it.
struct DebeziumForm: Equatable {
    var unit: EpochUnit?
    var decimals: DecodeOptions.DecimalMode?
    var binary: DecodeOptions.BinaryMode?
    var isTextTime = false
    /// The default of a column that may be null, as it stands where NULL stood: JSON.
    var standIn: [UInt8]?
}

extension DecodeOptions {
    /// Takes what is configured of Debezium's modes.
    public mutating func take(_ modes: DebeziumModes) {
        switch modes.time {
        case .adaptiveMicroseconds: temporal = .adaptive
        case .connect: temporal = .connect
        case .microseconds: temporal = .microseconds
        case .nanoseconds: temporal = .nanoseconds
        case .isostring, nil: break
        }
        hasTextTimes = modes.time == .isostring
        switch modes.decimals {
        case .precise: decimals = .precise
        case .string: decimals = .text
        case .double, nil: break
        }
        switch modes.binary {
        case .bytes, .base64, .base64URLSafe: binary = .base64
        case .hex: binary = .hex
        case nil: break
        }
    }
}
