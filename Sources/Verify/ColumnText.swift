internal import Columns
internal import Event
internal import Schema

/// One column as a text that the database and the warehouse write alike, if the values are.
struct ColumnText: Sendable {
    let name: String
    /// The database's type: `int`, `varchar`.
    let type: String
    /// Whether the database has the texts in UTF-8.
    let isUTF8: Bool
    let shape: ColumnShape

    /// Whether values may be equal though their texts are not.
    var isFloating: Bool { shape.type == .double }
    /// JSON that the database writes its own way; MariaDB's is text as it was written.
    var isJSON: Bool { type == "json" }
    /// Whether no text of the column in the database has a comma in it.
    let endsWithComma: Bool

    /// - Parameter encoding: of the texts in the database; nil: it has none.
    init(name: String, type: String, encoding: String? = nil, shape: ColumnShape) {
        (self.name, self.type, self.shape) = (name, type, shape)
        isUTF8 = Self.texts.contains(type) && ["utf8mb4", "utf8mb3", "utf8", "ascii"].contains(encoding)
        endsWithComma =
            Self.integers.contains(type)
            || ["year", "decimal", "bit", "float", "double", "date", "datetime", "timestamp"].contains(type)
    }

    private static let texts: Set<String> = ["char", "varchar", "tinytext", "text", "mediumtext", "longtext"]
    /// Types whose values are whole numbers.
    static let integers: Set<String> = ["tinyint", "smallint", "mediumint", "int", "bigint"]

    static func quoted(_ name: String) -> String {
        "`" + name.replacing(byte: "`", with: "``") + "`"
    }

    /// What the database is asked for: bytes.
    var expression: String {
        let column = Self.quoted(name)
        let isTyped = shape.type == .date || shape.type == .timestamp
        switch type {
        case "tinyint", "smallint", "mediumint", "int", "bigint", "year", "decimal", "bit":
            return "CAST(\(column) + 0 AS BINARY)"
        case "float", "double": return "CAST(CAST(\(column) AS DOUBLE) AS BINARY)"
        case "date", "datetime", "timestamp":
            guard isTyped else { return "CAST(\(column) AS BINARY)" }
            // A day that is none is null in the warehouse.
            let text = type == "date" ? column : "CAST(\(column) AS DATETIME(6))"
            return "IF(MONTH(\(column)) = 0 OR DAY(\(column)) = 0, NULL, CAST(\(text) AS BINARY))"
        case "time": return "CAST(\(column) AS BINARY)"
        case "uuid", "inet4", "inet6", "json": return "CAST(CAST(\(column) AS CHAR) AS BINARY)"
        default:
            if shape.type == .bytes { return "CAST(HEX(\(column)) AS BINARY)" }
            return isUTF8 ? "CAST(\(column) AS BINARY)" : "CAST(CONVERT(\(column) USING utf8mb4) AS BINARY)"
        }
    }

    /// The length of that.
    var lengthExpression: String {
        "LENGTH(\(isUTF8 && shape.type != .bytes ? Self.quoted(name) : expression))"
    }

    /// What the warehouse has; nil: null.
    func text(_ column: Column, _ row: Int) -> [UInt8]? {
        guard !column.isNull(row) else { return nil }
        var bytes: [UInt8] = []
        append(column, row, to: &bytes)
        return bytes
    }

    /// The warehouse's value as a whole number; nil: it is none.
    static func integer(_ column: Column, _ row: Int) -> Int128? {
        guard !column.isNull(row) else { return nil }
        switch column.type {
        case .boolean, .int32, .int64: return Int128(column.integer(row))
        case .decimal: return column.shape.scale == 0 ? column.decimal(row) : nil
        case .string: return Int128(column.bytes(row).text)
        default: return nil
        }
    }

    /// Appends the text of a value that is not null.
    func append(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        switch column.type {
        case .string, .json:
            let text = column.bytes(row)
            if isJSON, JSONNormalForm.append(text, to: &bytes) { return }
            Self.append(text, to: &bytes)
        case .bytes: Self.append(hexadecimal: column.bytes(row), to: &bytes)
        case .decimal: Self.append(column.decimal(row), scale: column.shape.scale, to: &bytes)
        case .double: FloatingText.append(column.double(row), to: &bytes)
        case .date: CalendarText.append(day: column.integer(row), to: &bytes)
        case .timestamp: CalendarText.append(time: column.integer(row), to: &bytes)
        default: Self.append(column.integer(row), to: &bytes)
        }
    }

    static func append(_ text: ByteView, to bytes: inout [UInt8]) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: text.start, count: text.count))
    }

    private static func append(hexadecimal value: ByteView, to bytes: inout [UInt8]) {
        for index in 0..<value.count {
            for digit in [value[index] >> 4, value[index] & 15] { bytes.append(digit < 10 ? 48 + digit : 55 + digit) }
        }
    }

    /// Appends a number's digits.
    static func append(_ value: Int64, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        append(value.magnitude, width: 1, to: &bytes)
    }

    /// Appends at least `width` digits.
    static func append(_ value: UInt64, width: Int, to bytes: inout [UInt8]) {
        var (rest, count, power) = (value, 1, UInt64(1))
        while rest >= 10 {
            rest /= 10
            power &*= 10
            count += 1
        }
        if count < width { bytes.append(contentsOf: repeatElement(48, count: width - count)) }
        rest = value
        while power > 0 {
            bytes.append(UInt8(truncatingIfNeeded: 48 &+ rest / power))
            rest %= power
            power /= 10
        }
    }

    private static func append(_ value: Int128, scale: Int, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        guard let short = UInt64(exactly: value.magnitude), scale < 19 else {
            let digits = String(value.magnitude)
            let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
            bytes += padded.dropLast(scale).utf8
            if scale > 0 { bytes += ("." + padded.suffix(scale)).utf8 }
            return
        }
        let unit = (0..<scale).reduce(UInt64(1)) { unit, _ in unit * 10 }
        append(short / unit, width: 1, to: &bytes)
        guard scale > 0 else { return }
        bytes.append(UInt8(ascii: "."))
        append(short % unit, width: scale, to: &bytes)
    }

    /// Whether two texts stand for the same value.
    func isSame(database: [UInt8]?, warehouse: [UInt8]?) -> Bool {
        if database == warehouse { return true }
        guard let database, let warehouse else { return false }
        if isJSON { return JSONNormalForm.isSame(database: database, warehouse: warehouse) }
        guard isFloating, let first = Double(String(decoding: database, as: UTF8.self)),
            let second = Double(String(decoding: warehouse, as: UTF8.self))
        else { return false }
        // Why: MySQL cuts the text of a DOUBLE after 22 characters.
        let cut = max(-.greatestFiniteMagnitude, min(first, .greatestFiniteMagnitude))
        return first == second || warehouse.count > 22 && (cut - second).magnitude <= second.magnitude * 1e-14
    }
}

/// Days and times as the database prints them. Source: Howard Hinnant's civil_from_days.
enum CalendarText {
    /// Days since 1970-01-01.
    static func append(day number: Int64, to bytes: inout [UInt8]) {
        let shifted = number &+ 719_468
        let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
        let ofEra = shifted &- era &* 146_097
        let year = (ofEra - ofEra / 1_460 + ofEra / 36_524 - ofEra / 146_096) / 365
        let ofYear = ofEra - (365 * year + year / 4 - year / 100)
        let part = (5 * ofYear + 2) / 153
        let month = part < 10 ? part + 3 : part - 9
        let civil = year &+ era &* 400 &+ (month <= 2 ? 1 : 0)
        append(civil, 4, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(month, 2, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        append(ofYear - (153 * part + 2) / 5 + 1, 2, to: &bytes)
    }

    /// Microseconds since 1970-01-01.
    static func append(time microseconds: Int64, to bytes: inout [UInt8]) {
        var day = microseconds / 86_400_000_000
        var rest = microseconds % 86_400_000_000
        if rest < 0 { (day, rest) = (day - 1, rest + 86_400_000_000) }
        append(day: day, to: &bytes)
        let seconds = rest / 1_000_000
        for (mark, number) in [(UInt8(ascii: " "), seconds / 3_600), (58, seconds / 60 % 60), (58, seconds % 60)] {
            bytes.append(mark)
            append(number, 2, to: &bytes)
        }
        bytes.append(UInt8(ascii: "."))
        append(rest % 1_000_000, 6, to: &bytes)
    }

    private static func append(_ number: Int64, _ width: Int, to bytes: inout [UInt8]) {
        if number < 0 { bytes.append(UInt8(ascii: "-")) }
        ColumnText.append(number.magnitude, width: width, to: &bytes)
    }
}
