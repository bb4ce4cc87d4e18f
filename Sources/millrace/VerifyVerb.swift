internal import Columns
internal import Configuration
internal import Database
internal import Event
internal import JSON
internal import Platform
internal import Replay
internal import Verify

/// `millrace sync verify`: the tables of the database against those of the warehouse.
enum VerifyVerb {
    /// The variable that the password is taken from.
    static let variable = "MILLRACE_DATABASE_PASSWORD"
    private static let maximumPasswordByteCount = 4_096

    static let specs = [
        VerbSpec(
            "sync verify", "Compares synced tables with the database by checksums, and shows rows that differ.",
            discussion: "Reads the newest states (run millrace sync run before), and the database in one consistent, "
                + "read-only transaction, under each table's rule: unique, deletes, dates. Parts are ranges of keys "
                + "where the key is one whole number, else by hash; only rows of parts whose sums differ are "
                + "fetched, lowest keys first. What the database took since the state was made differs. The "
                + "password is taken from a file or from \(variable). Exit 1: something differs.",
            options: [
                ConfigFile.option, ConfigFile.json, SyncVerb.sync,
                OptionSpec("against", value: "URL", isRequired: true, "The database: mysql://user@host:3306/."),
                SyncVerb.tables,
                OptionSpec("day", value: "YYYY-MM-DD", "The states of this day. Default: each table's newest."),
                OptionSpec("password-file", value: "FILE", "Its first line is the password."),
                OptionSpec(
                    "tls", value: "WHEN", choices: DatabaseAddress.TLS.allCases.map(\.name),
                    "verify: always, and the certificate must be the host's. Default: prefer."),
                OptionSpec("ca", value: "FILE", "The authorities that are trusted."),
                OptionSpec("limit", value: "COUNT", "Rows that are shown of a table. Default: 10."),
            ])
    ]

    static func run(_ command: ParsedCommand, _ specs: [SyncSpec], _ warehouse: String) throws(Failure) -> Int32 {
        guard var address = DatabaseAddress(command.value("against") ?? "") else {
            throw ToolFailure.usage(
                "--against is no address of a database",
                hint: "mysql://user@host:port/; the password from \(variable), or --password-file")
        }
        if let tls = command.value("tls") {
            address.tls = DatabaseAddress.TLS.allCases.first { $0.name == tls } ?? address.tls
        }
        address.authorities = command.value("ca")
        let limit = try command.integer("limit", in: 1...1_000_000) ?? 10
        let tables = Set(command.values("table"))
        let connection = try DatabaseConnection(address, password: try password(command))
        let verification = try TableVerification(connection, limit: limit)
        var results: [VerifiedTable] = []
        for spec in specs {
            let reader = try StateReader(spec, warehouse: warehouse)
            for rows in try reader.visibleTables(day: command.value("day"))
            where tables.isEmpty || tables.contains(rows.table) {
                results.append(try verification.compare(rows))
            }
        }
        guard !results.isEmpty else {
            throw ToolFailure.usage("there is no state to compare", hint: "millrace sync run")
        }
        if command.flag("json") {
            Terminal.write(["version": 1, "tables": .array(results.map(json))])
        } else {
            Terminal.write(results.map(text).joined())
        }
        return results.allSatisfy(\.isSame) ? 0 : 1
    }

    private static func password(_ command: ParsedCommand) throws(Failure) -> String {
        guard let path = command.value("password-file") else { return Environment.value(of: variable) ?? "" }
        guard let bytes = (try? DurableFile.read(path, maximum: maximumPasswordByteCount)).flatMap({ $0 }) else {
            throw ToolFailure.usage("\(path) cannot be read", hint: "--password-file names a file with the password")
        }
        return String(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self)
    }

    // MARK: What is shown

    private static func text(_ table: VerifiedTable) -> String {
        var text = "\(table.table) \(table.day): " + (table.isSame ? "the same" : "differs")
        text += ", \(table.databaseCount) rows in the database, \(table.warehouseCount) in the warehouse\n"
        for note in table.columnNotes + table.notes { text += "  \(note)\n" }
        if let range = table.ranges.first {
            text += "  first differing range: \(name(range)), \(range.databaseCount) rows in the database, "
                + "\(range.warehouseCount) in the warehouse\n"
        }
        for difference in table.differences {
            text += "  " + difference.key.map { "\($0.name)=\($0.text ?? "NULL")" }.joined(separator: " ") + ": "
            if difference.columns.isEmpty {
                text += "\(difference.databaseCount) in the database, \(difference.warehouseCount) in the warehouse\n"
                continue
            }
            text += "\n"
            for column in difference.columns {
                text += "    \(column.name): \(column.database ?? "NULL") in the database, "
                    + "\(column.warehouse ?? "NULL") in the warehouse\n"
            }
        }
        if !table.isSame, !table.losses.isEmpty {
            let losses = table.losses.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            text += "  the tool's records do not tell all values: \(losses)\n"
        }
        return text
    }

    private static func name(_ range: VerifiedTable.Range) -> String {
        switch (range.least, range.greatest) {
        case (nil, nil): "all keys"
        case (nil, let greatest?): "keys up to \(greatest)"
        case (let least?, nil): "keys from \(least) on"
        case (let least?, let greatest?): "keys from \(least) to \(greatest)"
        }
    }

    private static func json(_ range: VerifiedTable.Range) -> JSONValue {
        [
            "from": json(range.least?.description), "to": json(range.greatest?.description),
            "database_rows": JSONValue(range.databaseCount), "warehouse_rows": JSONValue(range.warehouseCount),
        ]
    }

    private static func json(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }

    private static func json(_ table: VerifiedTable) -> JSONValue {
        let differences = table.differences.map { difference -> JSONValue in
            [
                "key": .object(difference.key.map { JSONMember($0.name, json($0.text)) }),
                "database_rows": JSONValue(difference.databaseCount),
                "warehouse_rows": JSONValue(difference.warehouseCount),
                "columns": .array(
                    difference.columns.map { column in
                        [
                            "column": .string(column.name), "database": json(column.database),
                            "warehouse": json(column.warehouse),
                        ]
                    }),
            ]
        }
        return [
            "table": .string(table.table), "day": .string(table.day), "same": .boolean(table.isSame),
            "database_rows": JSONValue(table.databaseCount), "warehouse_rows": JSONValue(table.warehouseCount),
            "parts_by": .string(table.split.rawValue), "parts": JSONValue(table.bucketCount),
            "differing_parts": JSONValue(table.differingCount),
            "differing_ranges": .array(table.ranges.map(json)), "sum_queries": JSONValue(table.queryCount),
            "fetched_rows": JSONValue(table.fetchedCount), "differences": .array(differences),
            "columns": .array(table.columnNotes.map { .string($0) }),
            "notes": .array(table.notes.map { .string($0) }),
            "losses": .object(
                table.losses.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) }),
        ]
    }
}
