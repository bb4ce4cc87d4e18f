public import Columns

/// What a tool's record does not tell of a value, by kind: counted, never passed on silently.
///
/// `docs/formats/types.md` names what cannot be seen in a record at all.
public enum Loss: Int, Sendable, CaseIterable {
    /// A zero date, or a day that does not exist: null with `dates: typed`.
    case zeroDate
    /// A date that the tool keeps only as a zero date, or moved over the days that the Gregorian calendar left out.
    case movedDate
    /// A column's default where NULL may have stood (Debezium, unless told otherwise).
    case nullOrDefault
    /// NULL where a zero date may have stood (Debezium).
    case nullDate
    /// `true` where any number but 0 may have stood (Debezium, BOOL).
    case boolean
    /// A TIME that may be wrong: below 0, from 24 hours on, or moved by the reader's time zone (Maxwell).
    case timeOfDay
    /// A null TIME where a value below 0 or from 24 hours on may have stood (Debezium, `isostring`).
    case nullTime
    /// A BIT of more than 31 bits (Maxwell).
    case wideBits
    /// U+FFFD where a byte stood that the character set does not define.
    case replacedText
    /// Text that is not UTF-8 in the database, destroyed by the tool (Canal).
    case destroyedText
    /// A FLOAT with six digits only (Debezium, snapshot).
    case floatDigits
    /// A DECIMAL by way of a double (Debezium, `decimal.handling.mode=double`).
    case roundedDecimal
    /// Digits of a fraction that the tool cut off (Debezium, `time.precision.mode=connect`).
    case cutFraction
    /// A geometry without its SRID (Maxwell).
    case missingSRID
    /// A year 2000 where 0000 may have stood (Debezium, snapshot).
    case zeroYear
    /// A JSON null that is not told from NULL (Maxwell).
    case jsonNull
    /// A TIMESTAMP in the reader's time zone, taken as UTC because none is configured; or from an hour that the
    /// clock shows twice (Canal).
    case assumedZone
    /// A text that may be read in two ways; the usual way was taken (Debezium's modes).
    case guessedMode
    /// A value that an ALTER made and no record tells: expression, generated column, changed zone.
    case unknownFill
    /// A statement that may have taken or brought rows of which no record tells: partitions, `ALTER IGNORE`.
    case hiddenRows

    /// As it stands in a manifest and in `status`.
    public var name: String {
        switch self {
        case .zeroDate: "zero_date"
        case .movedDate: "moved_date"
        case .nullOrDefault: "null_or_default"
        case .nullDate: "null_date"
        case .boolean: "boolean"
        case .timeOfDay: "time_of_day"
        case .nullTime: "null_time"
        case .wideBits: "wide_bits"
        case .replacedText: "replaced_text"
        case .destroyedText: "destroyed_text"
        case .floatDigits: "float_digits"
        case .roundedDecimal: "rounded_decimal"
        case .cutFraction: "cut_fraction"
        case .missingSRID: "missing_srid"
        case .zeroYear: "zero_year"
        case .jsonNull: "json_null"
        case .assumedZone: "assumed_zone"
        case .guessedMode: "guessed_mode"
        case .unknownFill: "unknown_fill"
        case .hiddenRows: "hidden_rows"
        }
    }
}

extension ChangeTool {
    /// What no record of the tool ever shows, so that nothing can count it. In `sync status` and in the docs.
    public var unseen: [String] {
        switch self {
        case .maxwell: ["TRUNCATE", "JSON null (comes as NULL)", "the empty error value of an ENUM (comes as NULL)"]
        case .debezium:
            ["TRUNCATE, unless skipped.operations=none", "years below 100 (moved by enable.time.adjuster)"]
        case .canal: ["positions in the source: records that come again count as new ones"]
        }
    }
}

/// How many values were lost, by kind.
public struct LossCounts: Sendable, Equatable {
    private var counts = [Int64](repeating: 0, count: Loss.allCases.count)
    public init() {}

    public subscript(loss: Loss) -> Int64 { counts[loss.rawValue] }
    /// Counts values of one kind.
    public mutating func add(_ loss: Loss, _ count: Int64 = 1) { counts[loss.rawValue] &+= count }
    /// Takes back what turned out to be no loss.
    mutating func clear(_ loss: Loss) { counts[loss.rawValue] = 0 }
    /// Adds the counts of another.
    public mutating func add(_ other: LossCounts) {
        for index in counts.indices { counts[index] &+= other.counts[index] }
    }
    public var isEmpty: Bool { counts.allSatisfy { $0 == 0 } }
    /// The kinds that occurred, by their order in `Loss`.
    public var list: [(loss: Loss, count: Int64)] {
        Loss.allCases.compactMap { counts[$0.rawValue] > 0 ? ($0, counts[$0.rawValue]) : nil }
    }
}
