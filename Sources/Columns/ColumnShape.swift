/// The type of a column.
public enum ColumnType: String, Sendable, CaseIterable {
    case boolean, int32, int64, double
    /// Exact, with a fixed number of digits behind the point.
    case decimal
    case string, bytes, date, timestamp
    /// A JSON document, kept as text.
    case json
    /// Elements of one shape, in order.
    case list
    /// Values by keys, in order; no key twice.
    case map
    /// Fields by name.
    case structure = "struct"

    /// Whether values hold values of other columns.
    @inlinable public var isNested: Bool { self == .list || self == .map || self == .structure }
    /// The types that hold no others.
    public static let scalars = allCases.filter { !$0.isNested }
}

/// A named part of a nested shape: `element` of a list, `key` and `value` of a map, a field of a struct.
public struct ColumnField: Sendable, Hashable {
    public let name: String
    public let shape: ColumnShape

    /// A field.
    public init(_ name: String, _ shape: ColumnShape) {
        self.name = name
        self.shape = shape
    }
}

/// A column's type with what belongs to it: `int64`, `decimal(18,2)`, `list<struct<id: int64, name: string>>`.
public struct ColumnShape: Sendable, Hashable {
    /// The most digits of a decimal: what Hive, Spark and Parquet readers take, and what 128 bits hold.
    public static let maximumPrecision = 38
    /// Lists, maps and structs within each other, the outermost counted: what Hive's text tables have separators for.
    public static let maximumDepth = 8
    /// Most fields of one struct, and most scalars of one column.
    public static let maximumFieldCount = 4_096
    /// What keys of a map may be: what readers compare exactly.
    public static let keyTypes: [ColumnType] = [.string, .int32, .int64, .date]

    public let type: ColumnType
    /// Digits of a decimal, 1 to 38; 38 and meaningless for other types.
    public let precision: Int
    /// Digits behind the point of a decimal, 0 to `precision`; 0 for other types.
    public let scale: Int
    /// Of a list its element, of a map its key and its value, of a struct its fields; empty for scalars.
    public let fields: [ColumnField]

    /// A shape; digits are brought into their range and forgotten for types other than decimal.
    public init(_ type: ColumnType, precision: Int = maximumPrecision, scale: Int = 0) {
        self.type = type
        let digits = min(max(precision, 1), Self.maximumPrecision)
        self.precision = type == .decimal ? digits : Self.maximumPrecision
        self.scale = type == .decimal ? min(max(scale, 0), digits) : 0
        fields = []
    }

    /// A shape as `ColumnSpec` keeps it in parts.
    init(_ type: ColumnType, precision: Int, scale: Int, fields: [ColumnField]) {
        if type.isNested {
            self.init(nested: type, fields)
        } else {
            self.init(type, precision: precision, scale: scale)
        }
    }

    private init(nested type: ColumnType, _ fields: [ColumnField]) {
        self.type = type
        precision = Self.maximumPrecision
        scale = 0
        self.fields = fields
    }

    /// A list of elements.
    public static func list(_ element: ColumnShape) -> ColumnShape {
        ColumnShape(nested: .list, [ColumnField("element", element)])
    }

    /// A map from keys to values.
    public static func map(_ key: ColumnShape, _ value: ColumnShape) -> ColumnShape {
        ColumnShape(nested: .map, [ColumnField("key", key), ColumnField("value", value)])
    }

    /// A struct of fields.
    public static func structure(_ fields: [ColumnField]) -> ColumnShape {
        ColumnShape(nested: .structure, fields)
    }

    /// Scalars in this shape, itself included.
    public var leafCount: Int { type.isNested ? fields.reduce(0) { $0 + $1.shape.leafCount } : 1 }

    /// Lists, maps and structs within each other; 0 for a scalar.
    public var depth: Int { type.isNested ? 1 + (fields.map(\.shape.depth).max() ?? 0) : 0 }

    /// Reads a scalar: `int64`, `decimal(18,2)` or `decimal(18)`. Nil on anything else, `decimal` alone included.
    init?(scalar text: String) {
        guard let parenthesis = text.firstIndex(of: "(") else {
            guard let type = ColumnType(rawValue: text), type != .decimal, !type.isNested else { return nil }
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
    public var text: String {
        switch type {
        case .decimal: "decimal(\(precision),\(scale))"
        case .list, .map: type.rawValue + "<" + fields.map(\.shape.text).joined(separator: ", ") + ">"
        case .structure:
            "struct<" + fields.map { ShapeText.quoted($0.name) + ": " + $0.shape.text }.joined(separator: ", ") + ">"
        default: type.rawValue
        }
    }
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
