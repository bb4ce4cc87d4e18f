internal import Columns
internal import Event
internal import Replay
internal import Schema

/// Why a value cannot be read by SQL as the replay reads it.
struct NotInSQL: Error {
    let reason: String
}

/// Values of a tool's JSON documents as typed SQL, exactly as the built-in replay reads them; what SQL cannot read so
/// is refused.
struct ReplayValue {
    let dialect: Dialect
    let plan: ReplayPlan

    /// Digits of a number that survive being read as a double, as these systems' JSON functions do.
    static let doubleDigitCount = 15

    /// The value of a column in a document.
    func value(_ column: TableColumn, in document: String) throws(NotInSQL) -> String {
        let type = column.type
        let text = try text(column.name, in: document)
        switch type.kind {
        case .tinyint, .smallint, .mediumint, .int, .bigint: return try integer(column, text)
        case .bit: return try bits(column, text)
        case .year:
            let year = cast(text, column.shape)
            return plan.tool == .canal ? year : "CASE WHEN \(text) = '1900' THEN 0 ELSE \(year) END"
        case .decimal: return try decimal(column, text)
        case .float: return "CAST(CAST(\(cast(text, ColumnShape(.double))) AS \(single)) AS \(double))"
        case .double: return cast(text, column.shape)
        case .date, .datetime, .timestamp: return try date(column, text)
        case .time: return try clock(column, text)
        case .enum: return try member(column, text, document)
        case .set: return try set(column, text, document)
        case .json where plan.tool != .debezium: throw refused(column, "JSON is kept as it was written")
        default: break
        }
        if type.isGeometry || type.kind == .vector { throw refused(column, "its bytes are put together anew") }
        return type.isBytes ? try bytes(column, text) : text
    }

    /// Whether a document names a column.
    func isPresent(_ column: TableColumn, in document: String) throws(NotInSQL) -> String {
        let path = try path(column.name)
        switch dialect {
        case .duckdb: return "coalesce(json_exists(\(document), \(path)), false)"
        case .spark:
            let names = "json_object_keys(\(document))"
            return "coalesce(array_contains(\(names), \(dialect.literal(column.name))), false)"
        case .trino: return "(json_extract(\(document), \(path)) IS NOT NULL)"
        case .hive: throw NotInSQL(reason: "Hive does not tell a column that is null from one that is not named")
        }
    }

    func refused(_ column: TableColumn, _ reason: String) -> NotInSQL {
        NotInSQL(reason: "column \(column.name), \(column.type.kind.rawValue): \(reason)")
    }

    // MARK: Text

    private func path(_ name: String) throws(NotInSQL) -> String {
        let isPlain = name.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95
        }
        let isBad = name.utf8.contains { $0 < 32 || "\"'`\\[]$*.".utf8.contains($0) }
        guard isPlain || !isBad && dialect != .hive else {
            throw NotInSQL(reason: "the name of column \(name) cannot be written as a JSON path")
        }
        switch dialect {
        case .duckdb: return "'$.\"\(name)\"'"
        case .spark: return isPlain ? "'$.\(name)'" : "\"$['\(name)']\""
        case .trino: return "'$[\"\(name)\"]'"
        case .hive: return "'$.\(name)'"
        }
    }

    private func text(_ name: String, in document: String) throws(NotInSQL) -> String {
        let function =
            switch dialect {
            case .duckdb: "json_extract_string"
            case .spark, .hive: "get_json_object"
            case .trino: "json_extract_scalar"
            }
        return "\(function)(\(document), \(try path(name)))"
    }

    func base64(_ text: String) -> String { "\(dialect.isHive ? "unbase64" : "from_base64")(\(text))" }

    func cast(_ text: String, _ shape: ColumnShape) -> String {
        "\(dialect == .hive ? "CAST" : "TRY_CAST")(\(text) AS \(dialect.type(shape)))"
    }

    private var single: String { dialect == .trino ? "REAL" : "FLOAT" }
    private var double: String { "DOUBLE" }

    // MARK: Numbers

    private func integer(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        if plan.tool == .debezium, column.type.kind == .bigint, column.type.isUnsigned {
            throw refused(column, "Debezium's mode decides what stands there")
        }
        let number = cast(text, column.shape)
        let (smallest, largest) = column.type.range
        let one = column.shape.type == .decimal ? "CAST(1 AS \(dialect.type(column.shape)))" : "1"
        // Why the point: these systems round to an integer, the replay takes none that is not whole.
        return "CASE WHEN \(text) = 'true' THEN \(one) WHEN \(text) = 'false' THEN \(one) - \(one) "
            + "WHEN \(text) LIKE '%.%' OR NOT \(number) BETWEEN \(smallest) AND \(largest) THEN NULL ELSE \(number) END"
    }

    private func bits(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        if plan.tool == .debezium { throw refused(column, "its bits are bytes") }
        if plan.tool == .maxwell, column.type.bitCount > 31 { throw refused(column, "Maxwell shifts its bits") }
        return cast(text, column.shape)
    }

    private func decimal(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        guard column.shape.type == .decimal else { throw refused(column, "it has more than 38 digits") }
        switch plan.tool {
        case .canal: break
        case .maxwell:
            guard column.type.precision <= Self.doubleDigitCount else {
                throw refused(column, "JSON functions read numbers as doubles, of \(Self.doubleDigitCount) digits")
            }
        case .debezium: return try debeziumDecimal(column, text)
        }
        return decimal(column, of: text)
    }

    func decimal(_ column: TableColumn, of text: String) -> String {
        // Why: DuckDB takes no `1E-8` where no digit stands before the point.
        let isWide = dialect == .duckdb && column.shape.scale < ColumnShape.maximumPrecision
        let widest = ColumnShape(.decimal, precision: ColumnShape.maximumPrecision, scale: column.shape.scale)
        let number = cast(isWide ? cast(text, widest) : text, column.shape)
        guard column.type.precision <= Self.doubleDigitCount else { return number }
        // One of too many digits is none of the type: it is not rounded.
        return "CASE WHEN CAST(\(number) AS \(double)) = \(cast(text, ColumnShape(.double))) THEN \(number) END"
    }

    // MARK: Dates and times

    private func date(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        let kind = column.type.kind
        if plan.hasZone, kind == .timestamp, plan.tool == .canal { throw refused(column, "it is in tool_zone") }
        var text = text
        if plan.tool == .debezium {
            text = kind == .date ? debeziumDate(column, text) : try debeziumTime(column, text)
        }
        let count = column.type.fraction
        let seconds = "substr(\(text), 1, \(kind == .date ? 10 : 19))"
        if plan.dates == .text {
            return kind == .date || count == 0
                ? seconds : "\(seconds) || '.' || rpad(substr(\(text), 21), \(count), '0')"
        }
        let whole = kind == .date ? seconds : text
        let zone = kind == .date ? "" : dialect == .duckdb ? " || '+00'" : dialect == .spark ? " || 'Z'" : ""
        return "CASE WHEN \(text) LIKE '____-00-%' OR \(text) LIKE '____-__-00%' THEN NULL "
            + "ELSE \(cast("(\(whole)\(zone))", column.shape)) END"
    }

    private func clock(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        if plan.tool == .debezium { return try debeziumClock(column, text) }
        if plan.hasZone, plan.tool == .maxwell { throw refused(column, "it is in tool_zone") }
        let count = column.type.fraction
        guard dialect != .hive else {
            if count > 0 { throw refused(column, "Hive cannot fill up its digits") }
            return text
        }
        let seconds = "split_part(\(text), '.', 1)"
        return count == 0
            ? seconds : "\(seconds) || '.' || rpad(coalesce(split_part(\(text), '.', 2), ''), \(count), '0')"
    }

    // MARK: Members and bytes

    private func member(_ column: TableColumn, _ text: String, _ document: String) throws(NotInSQL) -> String {
        let members = column.type.members
        switch plan.tool {
        case .maxwell:
            if members.contains(where: { $0.utf8.contains(UInt8(ascii: "'")) }) {
                throw refused(column, "Maxwell doubles its quotes")
            }
            // The error value '' arrives as null.
            if column.isNullable { return text }
            return "CASE WHEN \(text) IS NULL AND \(try isPresent(column, in: document)) THEN '' ELSE \(text) END"
        case .debezium:
            if members.contains(where: { $0.utf8.contains(UInt8(ascii: ",")) }) {
                throw refused(column, "Debezium escapes its commas")
            }
            return text
        case .canal:
            let cases = members.enumerated().map { "WHEN '\($0 + 1)' THEN \(dialect.literal($1))" }
            let listed = members.map(dialect.literal).joined(separator: ", ")
            return "CASE \(text) WHEN '0' THEN '' \(cases.joined(separator: " ")) "
                + "ELSE CASE WHEN \(text) IN (\(listed)) THEN \(text) END END"
        }
    }

    private func set(_ column: TableColumn, _ text: String, _ document: String) throws(NotInSQL) -> String {
        switch plan.tool {
        case .debezium: return text
        case .maxwell:
            let path = try path(column.name)
            switch dialect {
            case .duckdb:
                let list = "json_extract_string(\(document), \(path.dropLast())[*]')"
                return "CASE WHEN \(text) LIKE '[%' THEN array_to_string(\(list), ',') ELSE \(text) END"
            case .spark:
                return "CASE WHEN \(text) LIKE '[%' THEN concat_ws(',', from_json(\(text), 'array<string>')) "
                    + "ELSE \(text) END"
            case .trino:
                return "array_join(TRY_CAST(json_extract(\(document), \(path)) AS ARRAY(VARCHAR)), ',')"
            case .hive: throw refused(column, "Hive does not read a list of texts")
            }
        case .canal:
            let members = column.type.members
            guard members.count <= 62 else { throw refused(column, "it has more members than a number has bits") }
            let mask = cast(text, ColumnShape(.int64))
            let parts = members.enumerated().map { bit, member in
                let value = "\(UInt64(1) << UInt64(bit))"
                let both = dialect == .trino ? "bitwise_and(\(mask), \(value))" : "(\(mask) & \(value))"
                return "CASE WHEN \(both) <> 0 THEN \(dialect.literal("," + member)) ELSE '' END"
            }
            let joined = parts.joined(separator: " || ")
            return "CASE WHEN \(mask) IS NULL THEN \(text) ELSE substr(\(joined), 2) END"
        }
    }

    private func bytes(_ column: TableColumn, _ text: String) throws(NotInSQL) -> String {
        let decoded: String
        switch plan.tool {
        case .maxwell: decoded = base64(text)
        case .debezium: decoded = try debeziumBytes(column, text)
        case .canal: throw refused(column, "Canal writes bytes as Latin-1")
        }
        let width = column.type.kind == .binary ? column.type.length ?? 1 : 0
        guard (1...255).contains(width) else { return decoded }
        // A BINARY is filled up with zeros: tools leave them out.
        let isTrino = dialect == .trino
        return "\(isTrino ? "from_hex" : "unhex")(rpad(\(isTrino ? "to_hex" : "hex")(\(decoded)), \(2 * width), '0'))"
    }
}
