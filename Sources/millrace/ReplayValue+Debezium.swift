internal import Columns
internal import Replay
internal import Schema

/// Values whose form a mode of Debezium's decides, where the sync's configuration names the mode.
extension ReplayValue {
    private static let dayMicroseconds = "86400000000"

    private func needs(_ column: TableColumn, _ key: String) -> NotInSQL {
        refused(column, "Debezium's mode decides what stands there, and debezium: {\(key): ...} is not configured")
    }

    /// Division of whole numbers without a remainder, or of positive ones.
    private func divided(_ number: String, _ divisor: String) -> String {
        switch dialect {
        case .spark, .hive: "(\(number) DIV \(divisor))"
        case .duckdb: "(\(number) // \(divisor))"
        case .trino: "(\(number) / \(divisor))"
        }
    }

    private func padded(_ number: String, _ count: Int) -> String {
        "lpad(CAST(\(number) AS \(dialect.type(ColumnShape(.string)))), \(count), '0')"
    }

    /// The date of a count of days since 1970.
    private func day(_ count: String) -> String {
        switch dialect {
        case .duckdb: "CAST(DATE '1970-01-01' + CAST(\(count) AS INTEGER) AS VARCHAR)"
        case .spark, .hive: "CAST(date_add(CAST('1970-01-01' AS DATE), CAST(\(count) AS INT)) AS STRING)"
        case .trino: "CAST(date_add('day', \(count), DATE '1970-01-01') AS VARCHAR)"
        }
    }

    func debeziumDate(_ column: TableColumn, _ text: String) -> String {
        let count = cast(text, ColumnShape(.int32))
        let zero = column.isNullable ? "NULL" : "'0000-00-00'"
        return "CASE WHEN \(text) IS NULL THEN \(zero) WHEN \(count) IS NULL THEN \(text) ELSE \(day(count)) END"
    }

    /// A counted time in microseconds; null where the text is no count.
    private func micros(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        let count = cast(text, ColumnShape(.int64))
        let isShort = column.type.kind != .time && column.type.fraction <= 3
        switch plan.modes.time {
        case .adaptiveMicroseconds: return isShort ? "(\(count) * 1000)" : count
        case .connect: return "(\(count) * 1000)"
        case .microseconds: return count
        case .nanoseconds: return divided(count, "1000")
        case .isostring: throw refused(column, "texts of mode isostring are not read by SQL")
        case nil: throw needs(column, "time_precision_mode")
        }
    }

    /// `2026-11-20 10:11:12.345678` of a DATETIME, which is counted, or of a TIMESTAMP, which is a text in UTC.
    func debeziumTime(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        let micros = try micros(column, text)
        let rest = "(((\(micros) % \(Self.dayMicroseconds)) + \(Self.dayMicroseconds)) % \(Self.dayMicroseconds))"
        let days = divided("(\(micros) - \(rest))", Self.dayMicroseconds)
        func part(_ unit: String, _ modulus: String, _ count: Int) -> String {
            padded("(\(divided(rest, unit)) % \(modulus))", count)
        }
        let counted = [
            day(days), "' '", part("3600000000", "24", 2), "':'", part("60000000", "60", 2), "':'",
            part("1000000", "60", 2), "'.'", part("1", "1000000", 6),
        ].joined(separator: " || ")
        let fraction = "rpad(replace(substr(\(text), 21), 'Z', ''), 6, '0')"
        let written = "replace(substr(\(text), 1, 19), 'T', ' ') || '.' || \(fraction)"
        let zero = "'0000-00-00 00:00:00'"
        // TIMESTAMPs begin one second behind the epoch: that one is the zero TIMESTAMP.
        let first = column.type.kind == .timestamp ? "WHEN \(text) LIKE '1970-01-01T00:00:00%' THEN \(zero) " : ""
        return "CASE WHEN \(text) IS NULL THEN \(column.isNullable ? "NULL" : zero) \(first)"
            + "WHEN \(text) LIKE '____-__-__T%Z' THEN \(written) "
            + "WHEN \(days) BETWEEN -719162 AND 2932896 THEN \(counted) END"
    }

    /// `-838:59:59.000000` of a TIME, with the digits of its type.
    func debeziumClock(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        let micros = try micros(column, text)
        let size = "abs(\(micros))"
        let hours = divided(size, "3600000000")
        var parts = [
            "CASE WHEN \(micros) < 0 THEN '-' ELSE '' END",
            "CASE WHEN \(hours) < 100 THEN \(padded(hours, 2)) ELSE \(padded(hours, 3)) END", "':'",
            padded("(\(divided(size, "60000000")) % 60)", 2), "':'", padded("(\(divided(size, "1000000")) % 60)", 2),
        ]
        let count = column.type.fraction
        if count > 0 { parts += ["'.'", "substr(\(padded("(\(size) % 1000000)", 6)), 1, \(count))"] }
        return "CASE WHEN \(size) <= 3020399999999 THEN \(parts.joined(separator: " || ")) END"
    }

    func debeziumDecimal(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        switch plan.modes.decimals {
        case .string: return decimal(column, of: text)
        case .double: throw refused(column, "digits of doubles are rounded")
        case nil: throw needs(column, "decimal_handling_mode")
        case .precise: break
        }
        guard column.type.precision <= 18 else {
            throw refused(column, "SQL reads no bytes as a number of more than 18 digits")
        }
        let scale = column.shape.scale
        let number = try bigEndian(column, text)
        let digits = "CAST(abs(\(number)) AS \(dialect.type(ColumnShape(.string))))"
        let filled =
            "CASE WHEN length(\(digits)) <= \(scale) THEN lpad(\(digits), \(scale + 1), '0') ELSE \(digits) END"
        let whole = "substr(\(filled), 1, length(\(filled)) - \(scale))"
        let fraction = scale == 0 ? "" : " || '.' || substr(\(filled), length(\(filled)) - \(scale - 1))"
        return cast("(CASE WHEN \(number) < 0 THEN '-' ELSE '' END || \(whole)\(fraction))", column.shape)
    }

    /// The number of at most eight bytes, the highest first, in base64.
    private func bigEndian(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        if dialect == .trino {
            let bytes = base64(text)
            let fill = "CASE WHEN to_hex(substr(\(bytes), 1, 1)) >= '80' THEN X'FF' ELSE X'00' END"
            return "from_big_endian_64(lpad(\(bytes), 8, \(fill)))"
        }
        let hex = "hex(\(base64(text)))"
        let filled = "lpad(\(hex), 16, CASE WHEN \(hex) >= '8' THEN 'F' ELSE '0' END)"
        if dialect == .duckdb {
            let number = "CAST(CAST('0x' || \(filled) AS UBIGINT) AS HUGEINT)"
            return "(CASE WHEN \(hex) >= '8' THEN \(number) - 18446744073709551616 ELSE \(number) END)"
        }
        return "CAST(conv(\(filled), 16, -10) AS BIGINT)"
    }

    func debeziumBytes(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        switch plan.modes.binary {
        case .bytes, .base64: return base64(text)
        case .base64URLSafe: return base64("replace(replace(\(text), '-', '+'), '_', '/')")
        case .hex: return "\(dialect == .trino ? "from_hex" : "unhex")(\(text))"
        case nil: throw needs(column, "binary_handling_mode")
        }
    }
}
