internal import Columns
internal import Event

/// Syncs: databases whose changes and tables are in the warehouse.
enum SyncSpecs {
    static var prototype: SyncSpec { SyncSpec(name: "", topics: [], format: .maxwell) }

    static func sync(topicsAreNeeded: Bool) -> ConfigSpec<SyncSpec> {
        let topicsText = "Topics that the tool fills: those of the rows and that of the schema changes."
        return ConfigSpec(
            summary: "A sync takes the changes of a database, as Maxwell, Debezium or Canal writes them, into one "
                + "change log per table, and from these the tables themselves (`millrace sync`).",
            fields: [
                .required("name", .name(), \.name, "Unique among syncs and pipelines; its progress in the commit "
                    + "log goes by it. To rename is to begin anew."),
                topicsAreNeeded
                    ? .required("topics", .list(.topic, minimumCount: 1), \.topics, topicsText)
                    : .optional("topics", .list(.topic), \.topics, default: "those of its sources", topicsText),
                .optional("sources", .list(PipelineSpecs.sourcePattern), \.sources, default: "all",
                    "Names of sources it takes; `*` stands for any letters."),
                .required("format", .choice, \.format, "The tool that writes the records."),
                .optional(
                    "spread", possible(), \.spread, default: "debezium: key; others: table",
                    "What the tool keeps together in one partition: all changes of a `table` (Maxwell and Canal as "
                        + "they come), or of a `key`. With `table`, changes that come again are known by their "
                        + "place in the source even in another partition; a topic that is spread otherwise "
                        + "must say `key`, or changes count as come again."),
                .optional(
                    "leg", .count(0...(1 << 30)), \.leg,
                    "Number of the source's history. Raise it when its positions begin anew: RESET MASTER, a "
                        + "restored backup, another server."),
                .optional(
                    "schema", .path, \.schemaFile,
                    "File of CREATE TABLE statements (`mysqldump --no-data`) known before the first record."),
                .optional(
                    "dates", .choice, \.dates,
                    "`typed`: date and timestamp columns; a zero date becomes null and is counted. `text`: "
                        + "strings as the server prints them, exact."),
                .optional(
                    "tool_zone", .text("time zone", maximumByteCount: 64), \.toolZone, default: "UTC",
                    "Time zone of the machine that the tool runs on, by its tz name: Canal writes TIMESTAMPs on "
                        + "that clock, Maxwell moves TIMEs by it."),
                .optional(
                    "session_zone", .text("time zone", maximumByteCount: 64), \.sessionZone, default: "not known",
                    "Time zone of the sessions that alter tables, the server's `time_zone` in most cases, by its "
                        + "tz name: what an ALTER makes of rows that are there (DATETIME DEFAULT NOW(), TIMESTAMPs "
                        + "made DATETIMEs or texts). Without it UTC is taken, and such values are counted as "
                        + "`unknown_fill`."),
                .section("debezium", debezium, \.debezium),
                .optional(
                    "keep", .duration(86_400_000...4_000 * 86_400_000), \.keepMilliseconds,
                    "How long daily states are kept."),
                .optional(
                    "table", PipelineSpecs.tableTemplate, \.table,
                    "`db.table` of a table in the warehouse; `{database}` and `{table}` are the source's names. "
                        + "The change log has `_changes` behind it."),
                .sections("tables", table, prototype: SyncTableSpec(match: ""), \.tables),
                .optional(
                    "zone", .text("time zone", maximumByteCount: 64), \.log.timeZone,
                    "Time zone whose midnight begins the day, by its tz name (`Europe/Berlin`)."),
                .optional(
                    "partition", .identifier, \.log.partitionName, "Name of the day's folder: `dt=2026-11-20`."),
                .section("output", PipelineSpecs.output, \.log),
                .section("breaker", PipelineSpecs.breaker, \.log),
            ],
            check: { sync, node, faults in
                if !sync.table.contains("{table}"), node["table"] != nil {
                    faults.add(node, "table", "\"table\" needs {table}, or all tables would be one")
                }
                if sync.format != .debezium, node["debezium"] != nil {
                    faults.add(node, "debezium", "\"debezium\" means nothing for \(sync.format.rawValue)")
                }
            })
    }

    private static var debezium: ConfigSpec<DebeziumModes> {
        let found = "found out"
        return ConfigSpec(
            summary: "How Debezium's connector is set. Needed only where `sync status` counts `guessed_mode`: values "
                + "that could be read in two ways, of records without envelopes.",
            fields: [
                .optional(
                    "time_precision_mode", possible(), \.time, default: found,
                    "The connector's `time.precision.mode`."),
                .optional(
                    "decimal_handling_mode", possible(), \.decimals, default: found,
                    "The connector's `decimal.handling.mode`."),
                .optional(
                    "binary_handling_mode", possible(), \.binary, default: found,
                    "The connector's `binary.handling.mode`."),
            ])
    }

    /// A choice that may be left open.
    private static func possible<Choice>() -> ConfigValue<Choice?>
    where Choice: RawRepresentable & CaseIterable & Sendable & Equatable, Choice.RawValue == String {
        let choice = ConfigValue<Choice>.choice
        return ConfigValue(
            type: choice.type, range: choice.range, read: { choice.read($0, $1, &$2) },
            render: { $0?.rawValue ?? "" })
    }

    private static var table: ConfigSpec<SyncTableSpec> {
        ConfigSpec(
            summary: "What becomes of the source's tables; the first entry that matches counts. Without one a table "
                + "is kept as it is.",
            fields: [
                .required(
                    "match", .text("pattern", maximumByteCount: 512), \.match,
                    "`database.table` as the source writes them; `*` stands for any letters, `?` for one."),
                .optional("ignore", .boolean, \.ignore, "Its changes are left out and counted."),
                unique,
                .optional(
                    "deletes", .choice, \.deletes,
                    "`remove`: a deleted row is gone; `mark`: it stays, with true in the column `_deleted`."),
                .optional(
                    "key", .list(.text("column", maximumByteCount: 256), maximumCount: 64), \.key,
                    default: "the source's", "Columns that identify a row."),
            ],
            check: { table, node, faults in
                guard table.ignore else { return }
                for name in ["unique", "deletes", "key"] where node[name] != nil {
                    faults.add(node, name, "\"\(name)\" means nothing for tables that are ignored")
                }
            })
    }

    /// `row`, `{columns: [...]}` or `{except: [...]}`.
    private static var unique: ConfigField<SyncTableSpec> {
        let expected = "expected row, {columns: [a, b]} or {except: [id]}"
        let names = ConfigValue<[String]>.list(
            .text("column", maximumByteCount: 256), minimumCount: 1, maximumCount: 4_096)
        return ConfigField(
            name: "unique", type: "row, {columns: [...]} or {except: [...]}", range: "", isRequired: false,
            summary: "Rows that are equal, in these columns or in all but those, are one record in the table: the "
                + "one that came first. `{except: [id]}` leaves a surrogate key out of the comparison.",
            defaultText: { _ in "none: every row is a record" },
            read: { node, faults, target in
                switch node.content {
                case .scalar("row", _): target.unique = .row
                case .mapping(let members) where members.count == 1:
                    let member = members[0]
                    guard member.name == "columns" || member.name == "except" else {
                        return faults.add(member.mark, "\"unique\" has \"\(member.name.clipped)\"; \(expected)")
                    }
                    guard let columns = names.read(member.name, member.value, &faults) else { return }
                    target.unique = member.name == "columns" ? .columns(columns) : .except(columns)
                default: faults.add(node.mark, "\"unique\" is wrong; \(expected)")
                }
            })
    }

    /// Across the syncs of a file, and against its pipelines.
    static func check(_ settings: CollectorSettings, _ node: YAMLNode, _ faults: inout FaultList) {
        if node["pipelines"] == nil, node["syncs"] == nil {
            faults.add(node.mark, "\"pipelines\" and \"syncs\" are missing; one of them is needed")
        }
        guard case .sequence(let items)? = node["syncs"]?.value.content else { return }
        let pipelines = Set(settings.pipelines.map(\.name))
        var names: Set<String> = []
        var schemaTables: Set<String> = []
        for (sync, item) in zip(settings.syncs, items) where !sync.name.isEmpty {
            if pipelines.contains(sync.name) {
                faults.add(item, "name", "a pipeline is named \"\(sync.name)\" too")
            } else if !names.insert(sync.name).inserted {
                faults.add(item, "name", "two syncs are named \"\(sync.name)\"")
            } else if !schemaTables.insert(sync.schemaTable.lowercased()).inserted {
                faults.add(item, "name", "two syncs keep schema changes in \(sync.schemaTable); rename one")
            }
        }
    }
}
