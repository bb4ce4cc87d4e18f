public import Columns

/// What Debezium counts times in.
enum EpochUnit: Int, Sendable, CaseIterable {
    case milliseconds = 3
    case microseconds = 6
    case nanoseconds = 9

    /// Digits behind the second.
    var digits: Int { rawValue }
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
    /// From the usual to the least usual.
    static let all: TemporalModes = [.adaptive, .connect, .microseconds, .nanoseconds]
    private static let ordered: [TemporalModes] = [.adaptive, .connect, .microseconds, .nanoseconds]

    /// The unit that the first of these modes has for a column.
    func unit(_ codec: ColumnCodec) -> EpochUnit {
        let mode = Self.ordered.first { contains($0) } ?? .adaptive
        if mode == .connect { return .milliseconds }
        if mode == .nanoseconds { return .nanoseconds }
        return mode == .adaptive && codec.kind != .time && codec.fraction <= 3 ? .milliseconds : .microseconds
    }

    /// The modes whose unit for a column is one of some.
    static func having(_ units: Set<EpochUnit>, _ codec: ColumnCodec) -> TemporalModes {
        TemporalModes(ordered.filter { units.contains($0.unit(codec)) })
    }

    /// Whether all of these have the same unit for a column.
    func isCertain(_ codec: ColumnCodec) -> Bool {
        Set(Self.ordered.filter { contains($0) }.map { $0.unit(codec) }).count <= 1
    }
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
            let other = EpochUnit.allCases.first { Self.isPossible(value.magnitude, $0, codec) }
            return (other ?? unit, other != nil)
        }
        let isUsual = unit == TemporalModes.adaptive.unit(codec)
        return (unit, !likely.isCertain(codec) || !isUsual && !proved.isCertain(codec))
    }

    /// Takes a value as evidence.
    mutating func learn(_ codec: ColumnCodec, _ value: Int64) {
        guard !isGiven, value != 0 else { return }
        let units = EpochUnit.allCases.filter { Self.isPossible(value.magnitude, $0, codec) }
        let possible = TemporalModes.having(Set(units), codec)
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
        guard let unit = units.first(where: { Self.isOfOurTime(value.magnitude, $0, codec) }) else { return }
        let narrowed = suggested.intersection(.having([unit], codec))
        if !narrowed.isEmpty { suggested = narrowed }
    }

    private static func isPossible(_ value: UInt64, _ unit: EpochUnit, _ codec: ColumnCodec) -> Bool {
        let digits = unit.digits - min(codec.fraction, unit.digits)
        guard value % power(digits) == 0 else { return false }
        let perMillisecond = power(unit.digits - 3)
        if codec.kind == .time { return value / perMillisecond <= UInt64(ClockText.maximum) / 1_000 }
        return value / perMillisecond < yearLimit
    }

    private static func isOfOurTime(_ value: UInt64, _ unit: EpochUnit, _ codec: ColumnCodec) -> Bool {
        guard codec.kind == .time else { return ourTime.contains(value / power(unit.digits - 3)) }
        // Later than 50 minutes: as nanoseconds it would be earlier.
        return unit == .microseconds && value > UInt64(ClockText.maximum) / 1_000
    }

    private static func power(_ count: Int) -> UInt64 {
        var power: UInt64 = 1
        for _ in 0..<count { power *= 10 }
        return power
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
