/// The type of a column.
public enum ColumnType: String, Sendable, CaseIterable {
    case boolean, int32, int64, double
    /// Exact, with a fixed number of digits behind the point.
    case decimal
    case string, bytes, date, timestamp
    /// A JSON document, kept as text.
    case json
}

/// A column's type with what belongs to it: `int64`, `decimal(18,2)`.
public struct ColumnShape: Sendable, Hashable {
    /// The most digits of a decimal: what Hive, Spark and Parquet readers take, and what 128 bits hold.
    public static let maximumPrecision = 38

    public let type: ColumnType
    /// Digits of a decimal, 1 to 38; 38 and meaningless for other types.
    public let precision: Int
    /// Digits behind the point of a decimal, 0 to `precision`; 0 for other types.
    public let scale: Int

    /// A shape; digits are brought into their range and forgotten for types other than decimal.
    public init(_ type: ColumnType, precision: Int = maximumPrecision, scale: Int = 0) {
        self.type = type
        let digits = min(max(precision, 1), Self.maximumPrecision)
        self.precision = type == .decimal ? digits : Self.maximumPrecision
        self.scale = type == .decimal ? min(max(scale, 0), digits) : 0
    }

    /// Reads `int64`, `decimal(18,2)` or `decimal(18)`. Nil on anything else, `decimal` alone included.
    public init?(_ text: String) {
        guard let parenthesis = text.firstIndex(of: "(") else {
            guard let type = ColumnType(rawValue: text), type != .decimal else { return nil }
            self.init(type)
            return
        }
        guard text[..<parenthesis] == ColumnType.decimal.rawValue, text.last == ")" else { return nil }
        let digits = text[text.index(after: parenthesis)...].dropLast()
            .split(separator: ",", omittingEmptySubsequences: false)
            .map { part in Int(String(part.drop { $0 == " " })) }
        guard (1...2).contains(digits.count), let precision = digits[0], (1...Self.maximumPrecision).contains(precision)
        else { return nil }
        let scale = digits.count == 2 ? digits[1] : 0
        guard let scale, (0...precision).contains(scale) else { return nil }
        self.init(.decimal, precision: precision, scale: scale)
    }

    /// As it is written in a configuration.
    public var text: String { type == .decimal ? "decimal(\(precision),\(scale))" : type.rawValue }
}

/// How bytes are written in a text.
public enum BytesLayout: String, Sendable, CaseIterable {
    /// RFC 4648, either alphabet, padding or none: what Maxwell and Debezium write.
    case base64
    /// Two hexadecimal digits a byte, `0x` before them allowed.
    case hex
    /// The text's own bytes.
    case text
}
