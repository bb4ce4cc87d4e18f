internal import Event
internal import JSON

/// What tools say of types with their records, in any of their shapes.
///
/// - Canal's `mysqlType`: `{"id": "BIGINT unsigned"}`.
/// - Debezium's `tableChanges`: a list of `{"id": "\"db\".\"t\"", "table": {"columns": [...]}}`.
/// - Debezium's envelope: the fields of a row's struct, `[{"field": "id", "type": "int32", ...}]`, alone or
///   under `fields`.
/// - Maxwell's `def`: `{"columns": [{"type": "int", "name": "id"}], "primary-key": ["id"]}`.
enum TypesDocument {
    struct Table {
        var columns: [ColumnDefinition] = []
        var key: [String]?
    }

    /// Most columns that are read.
    private static let maximumColumnCount = 16_384

    static func tables(
        _ bytes: [UInt8], database: String, table: String?, key: [String]?
    ) -> [(TableName, Table)] {
        guard let document = JSONValue(parsing: bytes) else { return [] }
        if let changes = document.array ?? document["tableChanges"]?.array, changes.contains(where: { $0["id"] != nil })
        {
            return changes.compactMap(tableChange)
        }
        guard let table else { return [] }
        var found = Table()
        if let fields = document.array ?? document["fields"]?.array {
            found.columns = fields.prefix(maximumColumnCount).compactMap(envelopeField)
        } else if let columns = document["columns"]?.array {
            found.columns = columns.prefix(maximumColumnCount).compactMap(maxwellColumn)
            found.key = document["primary-key"]?.array?.compactMap(\.string)
        } else {
            found.columns = (document.members ?? []).prefix(maximumColumnCount).compactMap { member in
                guard let text = member.value.string, let type = MySQLType(text) else { return nil }
                return ColumnDefinition(name: member.name, type: type)
            }
        }
        guard !found.columns.isEmpty else { return [] }
        found.key = found.key ?? key
        return [(TableName(database, table), found)]
    }

    /// The name of a table behind a statement, as Maxwell states it beside its columns; nil: not said.
    static func name(_ bytes: [UInt8]) -> TableName? {
        guard let document = JSONValue(parsing: bytes), document["columns"] != nil,
            let database = document["database"]?.string, let table = document["table"]?.string
        else { return nil }
        return TableName(database, table)
    }

    /// How the values of each column are written, as Debezium's envelope says it.
    static func forms(_ bytes: [UInt8]) -> [String: DebeziumForm] {
        guard let document = JSONValue(parsing: bytes), let fields = document.array ?? document["fields"]?.array
        else { return [:] }
        var forms: [String: DebeziumForm] = [:]
        for field in fields.prefix(maximumColumnCount) {
            guard let name = field["field"]?.string, let word = field["type"]?.string else { continue }
            var form = DebeziumForm()
            switch field["name"]?.string {
            case "io.debezium.time.Time", "io.debezium.time.Timestamp", "org.apache.kafka.connect.data.Time",
                "org.apache.kafka.connect.data.Timestamp":
                form.unit = .milliseconds
            case "io.debezium.time.MicroTime", "io.debezium.time.MicroTimestamp": form.unit = .microseconds
            case "io.debezium.time.NanoTime", "io.debezium.time.NanoTimestamp": form.unit = .nanoseconds
            case "io.debezium.time.IsoTime": form.isTextTime = true
            case "org.apache.kafka.connect.data.Decimal": form.decimals = .precise
            case nil where word == "bytes": form.binary = .base64
            case nil where word == "string": form.decimals = .text
            default: break
            }
            if field["optional"]?.boolean == true, let value = field["default"], value != .null {
                form.standIn = value.bytes
            }
            forms[name] = form
        }
        return forms
    }

    private static func tableChange(_ change: JSONValue) -> (TableName, Table)? {
        guard let id = change["id"]?.string, let table = change["table"], let columns = table["columns"]?.array
        else { return nil }
        let parts = id.parts(at: "\"").filter { !$0.isEmpty && $0 != "." }
        guard parts.count >= 2 else { return nil }
        var found = Table()
        found.columns = columns.prefix(maximumColumnCount).compactMap(changedColumn)
        found.key = table["primaryKeyColumnNames"]?.array?.compactMap(\.string)
        return (TableName(parts[parts.count - 2], parts[parts.count - 1]), found)
    }

    private static func changedColumn(_ column: JSONValue) -> ColumnDefinition? {
        guard let name = column["name"]?.string, let word = column["typeName"]?.string, var type = MySQLType(word)
        else { return nil }
        if type.length == nil, let length = column["length"]?.integer { type.length = Int(length) }
        if let scale = column["scale"]?.integer { type.scale = Int(scale) }
        type.charset = column["charsetName"]?.string ?? type.charset
        if let members = column["enumValues"]?.array?.compactMap(\.string) {
            type.members = members.compactMap {
                MySQLType("enum(\($0.begins(with: "'") ? $0 : "'\($0)'"))")?.members.first
            }
        }
        var definition = ColumnDefinition(name: name, type: type)
        definition.isNullable = column["optional"]?.boolean ?? true
        definition.isAutoIncrement = column["autoIncremented"]?.boolean ?? false
        if let text = column["defaultValueExpression"]?.string { definition.defaultClause = .text(Array(text.utf8)) }
        return definition
    }

    private static func maxwellColumn(_ column: JSONValue) -> ColumnDefinition? {
        guard let name = column["name"]?.string, let word = column["type"]?.string, var type = MySQLType(word)
        else { return nil }
        if column["signed"]?.boolean == false { type.isUnsigned = true }
        type.charset = column["charset"]?.string
        if type.charset == "binary" { type.charset = nil }
        if let length = column["column-length"]?.integer { type.length = Int(length) }
        if let members = column["enum-values"]?.array?.compactMap(\.string) { type.members = members }
        // A decimal without its digits: as many as there can be.
        if type.kind == .decimal, type.length == nil { (type.length, type.scale) = (65, 30) }
        return ColumnDefinition(name: MaxwellName.single(name), type: type)
    }

    private static func envelopeField(_ field: JSONValue) -> ColumnDefinition? {
        guard let name = field["field"]?.string, let word = field["type"]?.string else { return nil }
        var definition = ColumnDefinition(name: name, type: envelopeType(word, field))
        definition.isNullable = field["optional"]?.boolean ?? true
        return definition
    }

    private static func envelopeType(_ word: String, _ field: JSONValue) -> MySQLType {
        let parameters = field["parameters"]
        func number(_ name: String) -> Int? { parameters?[name]?.string.flatMap { Int($0) } }
        // What `column.propagate.source.type` adds; of ENUM and SET it has no members.
        if let word = parameters?["__debezium.source.column.type"]?.string, var type = MySQLType(word),
            type.kind != .enum, type.kind != .set
        {
            if let length = number("__debezium.source.column.length") { type.length = length }
            if let scale = number("__debezium.source.column.scale") { type.scale = scale }
            return type
        }
        switch field["name"]?.string {
        case "org.apache.kafka.connect.data.Decimal":
            return MySQLType(.decimal, length: number("connect.decimal.precision") ?? 38, scale: number("scale") ?? 0)
        case "io.debezium.data.Bits": return MySQLType(.bit, length: number("length"))
        case "io.debezium.time.Date", "org.apache.kafka.connect.data.Date", "io.debezium.time.IsoDate":
            return MySQLType(.date)
        case "io.debezium.time.Timestamp", "org.apache.kafka.connect.data.Timestamp":
            return MySQLType(.datetime, length: 3)
        case "io.debezium.time.MicroTimestamp", "io.debezium.time.NanoTimestamp", "io.debezium.time.IsoTimestamp":
            return MySQLType(.datetime, length: 6)
        case "io.debezium.time.ZonedTimestamp": return MySQLType(.timestamp, length: 6)
        case "io.debezium.time.MicroTime", "io.debezium.time.Time", "io.debezium.time.NanoTime",
            "io.debezium.time.IsoTime", "org.apache.kafka.connect.data.Time":
            return MySQLType(.time, length: 6)
        case "io.debezium.time.Year": return MySQLType(.year)
        case "io.debezium.data.Json": return MySQLType(.json)
        case "io.debezium.data.Enum": return members(.enum, parameters)
        case "io.debezium.data.EnumSet": return members(.set, parameters)
        case let name? where name.hasPrefix("io.debezium.data.geometry."): return MySQLType(.geometry)
        default: break
        }
        switch word {
        case "int8", "int16": return MySQLType(.smallint)
        case "int32": return MySQLType(.int)
        case "int64": return MySQLType(.bigint)
        case "float": return MySQLType(.float)
        case "float32": return MySQLType(.float)
        case "double", "float64": return MySQLType(.double)
        case "boolean": return MySQLType(.tinyint, length: 1)
        case "bytes": return MySQLType(.longblob)
        case "string": return MySQLType(.longtext)
        default: return MySQLType(.json)
        }
    }

    private static func members(_ kind: MySQLType.Kind, _ parameters: JSONValue?) -> MySQLType {
        var type = MySQLType(kind)
        var member = ""
        var isEscaped = false
        for character in parameters?["allowed"]?.string ?? "" {
            if isEscaped {
                if character != "," { member.append("\\") }
                member.append(character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else if character == "," {
                type.members.append(member)
                member = ""
            } else {
                member.append(character)
            }
        }
        type.members.append(member)
        return type
    }
}
