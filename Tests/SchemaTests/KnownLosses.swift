import Columns

@testable import Schema

/// What the recording tools are known to lose, as a rule on one cell: may it differ from the database?
///
/// Rules go by tool and type and value, never by the name of a table: any recording can be held against them.
enum KnownLosses {
    /// Whether a tool loses the difference between a cell that was found and the one that the database holds.
    static func explain(_ tool: ChangeTool, _ column: TableColumn, found: String, expected: String) -> Bool {
        switch tool {
        case .maxwell: maxwell(column, found, expected)
        case .debezium: debezium(column, found, expected)
        case .canal: canal(column, found, expected)
        }
    }

    private static func hasOtherCharset(_ column: TableColumn) -> Bool {
        guard column.type.isText, let charset = column.type.charset else { return false }
        return !Charset.isUnicode(charset)
    }

    private static func isTimeBeyondDay(_ text: String) -> Bool {
        text.hasPrefix("-") || (Int(text.prefix { $0 != ":" }) ?? 0) >= 24
    }

    /// A zero month or day, or none of both.
    private static func isZeroDate(_ text: String) -> Bool {
        let parts = text.prefix(10).split(separator: "-")
        return parts.count == 3 && (parts[1] == "00" || parts[2] == "00")
    }

    private static func maxwell(_ column: TableColumn, _ found: String, _ expected: String) -> Bool {
        switch column.type.kind {
        case .bit: return column.type.bitCount > 31
        case .time: return isTimeBeyondDay(expected)
        case .json: return found == "\\N" && expected == "null"
        case .enum: return found == "\\N" && expected == ""
        case .date, .datetime, .timestamp:
            return isZeroDate(expected) && found.hasPrefix("0000-00-00") || expected.hasPrefix("1582-10")
        default:
            if column.type.isGeometry {
                return found.hasPrefix("00000000") && found.dropFirst(8) == expected.dropFirst(8)
            }
            return hasOtherCharset(column) && found.contains("\u{FFFD}")
        }
    }

    private static func debezium(_ column: TableColumn, _ found: String, _ expected: String) -> Bool {
        switch column.type.kind {
        case .date, .datetime, .timestamp:
            if found == "\\N" { return isZeroDate(expected) }
            guard let year = Int(expected.prefix(4)), year < 100 else { return false }
            let adjusted = year < 70 ? 2000 + year : 1900 + year
            return found.dropFirst(4) == expected.dropFirst(4) && Int(found.prefix(4)) == adjusted
        case .time: if isTimeBeyondDay(expected) { return found == "\\N" }
        case .float: return floatHasSixDigits(found, expected)
        case .year: return found == "2000" && expected == "0000"
        case .tinyint: if found == "1", expected != "0", expected != "\\N" { return true }
        default: if hasOtherCharset(column), found.contains("\u{FFFD}") { return true }
        }
        return expected == "\\N" && column.defaultClause != nil
    }

    private static func floatHasSixDigits(_ found: String, _ expected: String) -> Bool {
        guard let left = Double(found), let right = Double(expected) else { return false }
        return (left - right).magnitude <= right.magnitude * 5e-6
    }

    private static func canal(_ column: TableColumn, _ found: String, _ expected: String) -> Bool {
        hasOtherCharset(column) && !expected.utf8.allSatisfy { $0 < 0x80 }
    }
}
