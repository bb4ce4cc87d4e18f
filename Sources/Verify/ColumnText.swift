internal import Columns
internal import Event

/// One column as a text that the database and the warehouse write alike, if the values are.
struct ColumnText {
    let name: String
    /// The database's type: `int`, `varchar`.
    let type: String
    let shape: ColumnShape

    /// Whether the text is enough to tell that values are equal; else only that they may differ is known of it.
    var isFloating: Bool { shape.type == .double }

    static func quoted(_ name: String) -> String {
        "`" + name.split(separator: "`", omittingEmptySubsequences: false).joined(separator: "``") + "`"
    }

    /// What the database is asked for.
    var expression: String {
        let column = Self.quoted(name)
        let isTyped = shape.type == .date || shape.type == .timestamp
        switch type {
        case "tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal", "bit":
            return "CAST(\(column) + 0 AS CHAR)"
        case "float", "double": return "CAST(CAST(\(column) AS DOUBLE) AS CHAR)"
        case "date", "datetime", "timestamp":
            guard isTyped else { return "CAST(\(column) AS CHAR)" }
            // A day that is none is null in the warehouse.
            let text = type == "date" ? "%Y-%m-%d" : "%Y-%m-%d %H:%i:%s.%f"
            return "IF(MONTH(\(column)) = 0 OR DAY(\(column)) = 0, NULL, DATE_FORMAT(\(column), '\(text)'))"
        case "time", "uuid", "inet4", "inet6": return "CAST(\(column) AS CHAR)"
        default:
            return shape.type == .bytes ? "HEX(\(column))" : "CAST(CONVERT(\(column) USING utf8mb4) AS BINARY)"
        }
    }

    /// What the warehouse has; nil: null.
    func text(_ column: Column, _ row: Int) -> [UInt8]? {
        guard !column.isNull(row) else { return nil }
        switch column.type {
        case .string, .json: return column.bytes(row).array
        case .bytes: return Self.hexadecimal(column.bytes(row))
        case .decimal: return Self.decimal(column.decimal(row), column.shape.scale)
        case .double: return Array(FloatingText.text(column.double(row)).utf8)
        case .date: return Array(CalendarText.day(column.integer(row)).utf8)
        case .timestamp: return Array(CalendarText.time(column.integer(row)).utf8)
        default: return Array(String(column.integer(row)).utf8)
        }
    }

    private static func hexadecimal(_ bytes: ByteView) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return bytes.array.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }

    private static func decimal(_ value: Int128, _ scale: Int) -> [UInt8] {
        let digits = String(value.magnitude)
        let sign = value < 0 ? "-" : ""
        guard scale > 0 else { return Array((sign + digits).utf8) }
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
        return Array((sign + padded.dropLast(scale) + "." + padded.suffix(scale)).utf8)
    }

    /// Whether two texts stand for the same value.
    func isSame(_ left: [UInt8]?, _ right: [UInt8]?) -> Bool {
        if left == right { return true }
        guard isFloating, let left, let right, let first = Double(String(decoding: left, as: UTF8.self)),
            let second = Double(String(decoding: right, as: UTF8.self))
        else { return false }
        return first == second
    }
}

/// Numbers as MySQL prints a DOUBLE: the shortest digits that read back, with an exponent from 10^15 and below 10^-14.
enum FloatingText {
    static func text(_ value: Double) -> String {
        guard value != 0, value.isFinite else { return value == 0 ? (value.sign == .minus ? "-0" : "0") : "\(value)" }
        let parts = "\(value.magnitude)".split(separator: "e", maxSplits: 1)
        let mantissa = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = String(mantissa[0])
        let fraction = mantissa.count > 1 ? String(mantissa[1]) : ""
        var point = whole.utf8.count + (parts.count > 1 ? Int(parts[1]) ?? 0 : 0)
        var digits = whole + fraction
        while digits.hasPrefix("0"), digits.utf8.count > 1 {
            digits.removeFirst()
            point -= 1
        }
        while digits.hasSuffix("0"), digits.utf8.count > 1 { digits.removeLast() }
        return (value < 0 ? "-" : "") + layout(digits, point)
    }

    private static func layout(_ digits: String, _ point: Int) -> String {
        let count = digits.utf8.count
        if point <= -14 || point > 15 {
            return digits.prefix(1) + (count > 1 ? "." + digits.dropFirst() : "") + "e\(point - 1)"
        }
        if point <= 0 { return "0." + String(repeating: "0", count: -point) + digits }
        if count <= point { return digits + String(repeating: "0", count: point - count) }
        return digits.prefix(point) + "." + digits.dropFirst(point)
    }
}

/// Days and times as the database prints them. Source: Howard Hinnant's civil_from_days.
enum CalendarText {
    /// Days since 1970-01-01.
    static func day(_ number: Int64) -> String {
        let shifted = number &+ 719_468
        let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
        let ofEra = shifted &- era &* 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let part = (5 * ofYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let civil = year &+ era &* 400 &+ (month <= 2 ? 1 : 0)
        return "\(padded(civil, 4))-\(padded(month, 2))-\(padded(ofYear - (153 * part + 2) / 5 + 1, 2))"
    }

    /// Microseconds since 1970-01-01.
    static func time(_ microseconds: Int64) -> String {
        var day = microseconds / 86_400_000_000
        var rest = microseconds % 86_400_000_000
        if rest < 0 { (day, rest) = (day - 1, rest + 86_400_000_000) }
        let seconds = rest / 1_000_000
        let clock = [seconds / 3_600, seconds / 60 % 60, seconds % 60].map { padded($0, 2) }.joined(separator: ":")
        return "\(Self.day(day)) \(clock).\(padded(rest % 1_000_000, 6))"
    }

    private static func padded(_ number: Int64, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.utf8.count)) + text
    }
}
