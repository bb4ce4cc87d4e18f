public import Columns
internal import Event

/// A column's type as MySQL or MariaDB knows it.
public struct MySQLType: Sendable, Hashable {
    /// The family of types.
    public enum Kind: String, Sendable, CaseIterable {
        case tinyint, smallint, mediumint, int, bigint, decimal, float, double, bit, year
        case date, datetime, timestamp, time
        case char, varchar, tinytext, text, mediumtext, longtext
        case binary, varbinary, tinyblob, blob, mediumblob, longblob
        case `enum`, set, json, uuid, inet4, inet6, vector
        case geometry, point, linestring, polygon, multipoint, multilinestring, multipolygon, geometrycollection
        /// A type that this parser does not know: read as text.
        case other
    }

    public var kind: Kind
    /// Characters, bytes, bits or digits in parentheses; nil if not said.
    public var length: Int?
    /// Digits behind the point.
    public var scale: Int?
    public var isUnsigned = false
    public var isZerofill = false
    /// BOOL or BOOLEAN in the statement: a tinyint(1).
    public var isBoolean = false
    /// Members of an ENUM or SET.
    public var members: [String] = []
    /// Character set of a text; nil: the table's.
    public var charset: String?
    public var collation: String?
    /// As written, for `other`.
    public var word: String?

    public init(_ kind: Kind, length: Int? = nil, scale: Int? = nil) {
        self.kind = kind
        self.length = length
        self.scale = scale
    }

    /// Digits of fractions of a second, 0...6.
    public var fraction: Int { min(max(length ?? 0, 0), 6) }
    /// Digits of a decimal, 10 if not said.
    public var precision: Int { min(max(length ?? 10, 1), 65) }
    /// Bits of a BIT.
    public var bitCount: Int { min(max(length ?? 1, 1), 64) }

    /// Whether values are characters with a character set.
    public var isText: Bool {
        switch kind {
        case .char, .varchar, .tinytext, .text, .mediumtext, .longtext, .enum, .set: true
        default: false
        }
    }
    public var isBytes: Bool {
        switch kind {
        case .binary, .varbinary, .tinyblob, .blob, .mediumblob, .longblob, .vector: true
        default: false
        }
    }
    public var isGeometry: Bool {
        switch kind {
        case .geometry, .point, .linestring, .polygon, .multipoint, .multilinestring, .multipolygon,
            .geometrycollection:
            true
        default: false
        }
    }
    public var isInteger: Bool {
        switch kind {
        case .tinyint, .smallint, .mediumint, .int, .bigint: true
        default: false
        }
    }
    public var isTime: Bool {
        switch kind {
        case .date, .datetime, .timestamp: true
        default: false
        }
    }

    /// The warehouse's type for values of this one.
    public func shape(_ dates: DateRule) -> ColumnShape {
        switch kind {
        case .tinyint, .smallint, .mediumint: return ColumnShape(.int32)
        case .int: return ColumnShape(isUnsigned ? .int64 : .int32)
        case .bigint: return isUnsigned ? ColumnShape(.decimal, precision: 20, scale: 0) : ColumnShape(.int64)
        case .decimal:
            let digits = precision
            guard digits <= ColumnShape.maximumPrecision else { return ColumnShape(.string) }
            return ColumnShape(.decimal, precision: digits, scale: scale ?? 0)
        case .float, .double: return ColumnShape(.double)
        case .bit: return bitCount > 63 ? ColumnShape(.decimal, precision: 20, scale: 0) : ColumnShape(.int64)
        case .year: return ColumnShape(.int32)
        case .date: return ColumnShape(dates == .typed ? .date : .string)
        case .datetime, .timestamp: return ColumnShape(dates == .typed ? .timestamp : .string)
        default: return ColumnShape(isBytes || isGeometry ? .bytes : .string)
        }
    }

    /// Smallest and largest value of an integer type; as 128 bits, so that all of them fit.
    public var range: (Int128, Int128) {
        let bits: Int128 =
            switch kind {
            case .tinyint: 8
            case .smallint: 16
            case .mediumint: 24
            case .int: 32
            default: 64
            }
        return isUnsigned ? (0, (1 << bits) - 1) : (-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
    }

    /// As MariaDB's `SHOW CREATE TABLE` writes it.
    public var text: String {
        var text = kind == .other ? (word ?? "other") : kind.rawValue
        switch kind {
        case .enum, .set:
            text += "(" + members.map { "'" + Self.quoted($0) + "'" }.joined(separator: ",") + ")"
        case .decimal: text += "(\(precision),\(scale ?? 0))"
        case .bit: text += "(\(bitCount))"
        case .year: text += "(4)"
        case .char, .binary: text += "(\(length ?? 1))"
        case .datetime, .timestamp, .time: text += fraction > 0 ? "(\(fraction))" : ""
        case .float, .double:
            if let length, let scale { text += "(\(length),\(scale))" }
        case .tinyint, .smallint, .mediumint, .int, .bigint: text += "(\(length ?? defaultWidth))"
        case .date, .tinytext, .text, .mediumtext, .longtext, .tinyblob, .blob, .mediumblob, .longblob: break
        default:
            if let length { text += "(\(length))" }
        }
        if isUnsigned { text += " unsigned" }
        if isZerofill { text += " zerofill" }
        return text
    }

    private var defaultWidth: Int {
        switch kind {
        case .tinyint: isBoolean ? 1 : isUnsigned ? 3 : 4
        case .smallint: isUnsigned ? 5 : 6
        case .mediumint: isUnsigned ? 8 : 9
        case .int: isUnsigned ? 10 : 11
        default: 20
        }
    }

    private static func quoted(_ text: String) -> String {
        text.replacing(byte: "'", with: "''")
    }
}
