internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Replay
internal import Sinks

/// `millrace sync`: the tables of synced databases, made from their change logs.
enum SyncVerb {
    static let sync = OptionSpec(
        "sync", value: "NAME", isRepeatable: true, "Only these syncs of the configuration. Default: all.")
    static let tables = OptionSpec(
        "table", value: "DB.TABLE", isRepeatable: true, "Only these tables of the warehouse.")
    private static let threads = OptionSpec(
        "threads", value: "COUNT", "Threads to work with. Default: one for each processor.")

    static let specs = [
        VerbSpec(
            "sync run", "Makes the daily states of all synced tables from their change logs.",
            discussion: "Only days whose changes, schema or rules are not those that their state was made from are "
                + "made, and the days behind them. May be stopped and run again at any time. Exit 75: another one is "
                + "at work.",
            options: [
                ConfigFile.option, ConfigFile.json, sync,
                tables,
                OptionSpec("day", value: "YYYY-MM-DD", "Up to this day. Default: all days with changes."),
                threads,
            ]),
        VerbSpec(
            "sync delta", "Brings the views of now (millrace ddl --view) up to the newest change.",
            discussion: "Writes what changed since the newest daily states; a table of which that does not tell "
                + "what it is now (another schema, rows truncated, a late change) is replayed. Meant for every few "
                + "minutes. Exit 75: a replay is at work.",
            options: [
                ConfigFile.option, ConfigFile.json, sync,
                tables,
                threads,
            ]),
        VerbSpec(
            "sync plan", "The replay of a table's day, as SQL for an engine of your own.",
            discussion: "The state before, the changes of the log, the state after: the table that the statements "
                + "make holds what millrace sync run would make, row for row. A table that SQL cannot replay so is "
                + "refused with the reason (exit 1): then --from delta, where millrace sync delta has brought the "
                + "changes into rows.",
            options: [
                ConfigFile.option, sync,
                OptionSpec(
                    "engine", value: "SYSTEM", choices: ["spark", "hive", "trino", "duckdb"], isRequired: true,
                    "Who runs it."),
                OptionSpec("table", value: "DB.TABLE", isRepeatable: true, "Only these. Default: all."),
                OptionSpec("day", value: "YYYY-MM-DD", "The state at the end of this day. Default: the newest."),
                OptionSpec(
                    "from", value: "WHAT", choices: ["log", "delta"],
                    "The change log, or what sync delta made of it. Default: log."),
                OptionSpec("into", value: "DB.TABLE", "The table that is made. Default: DB.TABLE_replayed."),
                OptionSpec(
                    "suffix", value: "TEXT",
                    "With --from delta: what stands behind the names of the views. Default: _now."),
                OptionSpec("catalog", value: "NAME", "Trino's catalogue. Default: hive."),
            ]),
        VerbSpec(
            "sync status",
            "The newest state of every synced table: its day, rows, what is not in it yet, and what contradicts it.",
            options: [
                ConfigFile.option, ConfigFile.json, sync,
                OptionSpec(
                    "rejected",
                    "Instead: what could not be brought into the states, with reason, key, text, place; JSON lines."),
            ]),
        VerbSpec(
            "sync get", "One row of a synced table's newest state, as JSON.",
            discussion: "Exit 1: there is no such row.",
            options: [ConfigFile.option, sync],
            arguments: [
                ArgumentSpec("table", "db.table in the warehouse."),
                ArgumentSpec("key", isRepeated: true, "A value for each column of the key."),
            ]),
    ]

    /// The longest file of CREATE TABLE statements.
    private static let maximumSchemaByteCount = 256 << 20

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let (file, settings) = try ConfigFile.requireCollector(command)
        if command.verb == "sync plan" {
            guard let engine = command.value("engine").flatMap(Dialect.init) else {
                throw ToolFailure.usage("--engine is missing", hint: "--engine spark, hive, trino or duckdb")
            }
            if command.value("from") == "delta" { return try DDLVerb.views(command, settings, engine, plan: true) }
        }
        let wanted = command.values("sync")
        for name in wanted where !settings.syncs.contains(where: { $0.name == name }) {
            throw ToolFailure.usage(
                "there is no sync \(name)", hint: "there are " + settings.syncs.map(\.name).joined(separator: ", "))
        }
        let specs = settings.syncs.filter { wanted.isEmpty || wanted.contains($0.name) }
        guard !specs.isEmpty else {
            throw ToolFailure.usage("the configuration has no syncs", hint: "docs/configuration.md, syncs")
        }
        switch command.verb {
        case "sync run", "sync delta":
            return try replay(command, specs, settings.warehouse, PartitionEnds(file.kafka == nil ? nil : settings))
        case "sync plan": return try PlanVerb.run(command, specs, settings.warehouse)
        case "sync verify": return try VerifyVerb.run(command, specs, settings.warehouse.path)
        case "sync get": return try get(command, specs, settings.warehouse.path)
        default:
            if command.flag("rejected") { return try rejected(specs, settings.warehouse.path) }
            return try status(command, specs, settings.warehouse, PartitionEnds(file.kafka == nil ? nil : settings))
        }
    }

    // MARK: run

    private static func replay(
        _ command: ParsedCommand, _ specs: [SyncSpec], _ warehouse: WarehouseSettings, _ ends: PartitionEnds
    ) throws(Failure) -> Int32 {
        let threads = try command.integer("threads", in: 1...64) ?? Processors.count
        let isDelta = command.verb == "sync delta"
        let day = isDelta ? nil : command.value("day")
        if let day, !isDay(day) {
            throw ToolFailure.usage("\(day) is no day", hint: "--day 2026-11-20")
        }
        let passed = PassedDay(try WarehouseLog.state(warehouse), ends)
        var reports: [JSONValue] = []
        for spec in specs {
            let replay = try SyncReplay(
                spec, warehouse: warehouse.path,
                access: LocalStorageSettings(
                    fileMode: warehouse.fileMode, folderMode: warehouse.folderMode, group: warehouse.group),
                schemaFile: try schemaFile(spec),
                passedDay: passed.of(spec), threadCount: threads)
            let tables = Set(command.values("table"))
            let report = try isDelta ? replay.updateNow(tables: tables) : replay.run(lastDay: day, tables: tables)
            if command.flag("json") { reports.append(json(spec, report)) } else { show(spec, report) }
        }
        let warnings = passed.warnings
        if command.flag("json") {
            Terminal.write(["version": 1, "syncs": .array(reports), "warnings": .array(warnings.map(Terminal.json))])
        }
        for warning in warnings { Terminal.warn(warning) }
        // Why not for a delta: it says nothing of whole days.
        return isDelta ? 0 : warnings.map(\.exitCode).max() ?? 0
    }

    static func isDay(_ text: String) -> Bool {
        text.utf8.count == 10
            && text.utf8.enumerated().allSatisfy { $0 == 4 || $0 == 7 ? $1 == 45 : (48...57).contains($1) }
    }

    static func schemaFile(_ spec: SyncSpec) throws(Failure) -> [UInt8]? {
        guard let path = spec.schemaFile else { return nil }
        let bytes = (try? DurableFile.read(path, maximum: maximumSchemaByteCount)).flatMap { $0 }
        guard let bytes else {
            throw Failure(
                "config.no_schema_file", stage: .configuration, kind: .config, "\(path) cannot be read",
                hint: "schema of sync \(spec.name) names a file of CREATE TABLE statements")
        }
        return bytes
    }

    private static func show(_ spec: SyncSpec, _ report: SyncReport) {
        let made = report.days.filter(\.isMade)
        var text = "sync \(spec.name): \(report.days.count) states, \(made.count) made\n"
        var table = TextTable([
            .left("table"), .left("day"), .right("changes"), .right("rows"), .right("shown"), .left("remarks"),
        ])
        for day in made {
            table.add(
                day.table, day.day, "\(day.changeCount)", "\(day.rowCount)", "\(day.visibleRowCount)",
                remarks(day.contradictions, day.rejections, day.losses))
        }
        text += table.text
        for problem in report.problems { text += "schema: \(problem)\n" }
        for (table, count) in report.lateChanges.sorted(by: { $0.key < $1.key }) {
            text += "too late: \(count) changes of \(table) for days that are not kept: they are in no state\n"
        }
        for day in report.removedDays { text += "removed: \(day)\n" }
        for now in report.nows {
            text += "now: \(now.table): \(now.day) and \(now.changeCount) changes of \(now.rowCount) rows\n"
        }
        Terminal.write(text)
    }

    private static func remarks(_ counts: [String: Int]...) -> String {
        counts.flatMap { $0.sorted { $0.key < $1.key } }.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
    }

    private static func json(_ counts: [String: Int]) -> JSONValue {
        .object(counts.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) })
    }

    private static func json(_ spec: SyncSpec, _ report: SyncReport) -> JSONValue {
        let days = report.days.map { day -> JSONValue in
            [
                "table": .string(day.table), "day": .string(day.day), "made": .boolean(day.isMade),
                "complete": .boolean(day.isComplete), "changes": JSONValue(day.changeCount),
                "rows": JSONValue(day.rowCount), "visible_rows": JSONValue(day.visibleRowCount),
                "linked_files": JSONValue(day.linkedFileCount), "contradictions": json(day.contradictions),
                "rejections": json(day.rejections), "losses": json(day.losses),
            ]
        }
        return [
            "sync": .string(spec.name), "days": .array(days),
            "problems": .array(report.problems.map { .string($0) }),
            "removed": .array(report.removedDays.map { .string($0) }), "late_changes": json(report.lateChanges),
            "now": .array(
                report.nows.map { now in
                    [
                        "table": .string(now.table), "day": .string(now.day), "generation": JSONValue(now.generation),
                        "changes": JSONValue(now.changeCount), "rows": JSONValue(now.rowCount),
                    ]
                }),
        ]
    }

    // MARK: status and get

    private static func status(
        _ command: ParsedCommand, _ specs: [SyncSpec], _ warehouse: WarehouseSettings, _ ends: PartitionEnds
    ) throws(Failure) -> Int32 {
        let now = SystemClock().wallMilliseconds()
        let passed = PassedDay(try WarehouseLog.state(warehouse), ends)
        var syncs: [JSONValue] = []
        var text = ""
        for spec in specs {
            let tables = try StateReader(spec, warehouse: warehouse.path).status(schemaFile: schemaFile(spec))
            // Why only then: a broker that is away is waited for.
            if tables.contains(where: { !$0.isComplete }) { _ = passed.of(spec) }
            var list = TextTable([
                .left("table"), .left("day"), .left("complete"), .right("rows"), .right("shown"), .right("lag"),
                .left("behind"), .left("schema"), .left("remarks"),
            ])
            for table in tables {
                let lag = self.lag(table, now).map { $0 == 0 ? "0" : Amounts.age(milliseconds: $0) } ?? "-"
                list.add(
                    table.table, table.day.isEmpty ? "-" : table.day, table.isComplete ? "yes" : "no",
                    "\(table.rowCount)", "\(table.visibleRowCount)", lag, behind(table.pending),
                    table.schemaSource.isEmpty ? "-" : table.schemaSource,
                    remarks(table.contradictions, table.rejections, table.losses, late(table)))
            }
            let unseen = StateReader.unseen(spec)
            text += "sync \(spec.name): \(tables.count) tables\n" + list.text
            text += "not in the records of \(spec.format.rawValue): \(unseen.joined(separator: "; "))\n"
            syncs.append([
                "sync": .string(spec.name), "not_in_records": .array(unseen.map { .string($0) }),
                "tables": .array(tables.map { json($0, now) }),
            ])
        }
        if command.flag("json") {
            Terminal.write([
                "version": 1, "syncs": .array(syncs), "warnings": .array(passed.warnings.map(Terminal.json)),
            ])
        } else {
            Terminal.write(text)
        }
        for warning in passed.warnings { Terminal.warn(warning) }
        return 0
    }

    /// Age of the oldest change that is not in the state, milliseconds; 0: there is none; nil: it has no time.
    private static func lag(_ table: TableStatus, _ now: Int64) -> Int64? {
        table.pending.changeCount == 0 ? 0 : table.pending.oldestCommitted.map { max(1, now - $0 / 1_000) }
    }

    private static func behind(_ pending: PendingChanges) -> String {
        guard pending.changeCount > 0 else { return "-" }
        let counted = { (count: Int, noun: String) in "\(count) \(noun)" + (count == 1 ? "" : "s") }
        let transactions = pending.transactionCount.map { ", " + counted($0, "transaction") } ?? ""
        return counted(pending.changeCount, "change") + transactions
    }

    private static func late(_ table: TableStatus) -> [String: Int] {
        table.lateChangeCount > 0 ? ["late_changes": table.lateChangeCount] : [:]
    }

    /// Lines as they are kept, with table and day before them.
    private static func rejected(_ specs: [SyncSpec], _ warehouse: String) throws(Failure) -> Int32 {
        for spec in specs {
            let reader = try StateReader(spec, warehouse: warehouse)
            for table in try reader.status().map(\.table) {
                for (day, lines) in try reader.rejected(of: table) {
                    let head: JSONValue = ["table": .string(table), "day": .string(day)]
                    for line in lines.split(separator: UInt8(ascii: "\n")) {
                        _ = StandardStreams.writeOutput(head.bytes.dropLast() + [UInt8(ascii: ",")] + line.dropFirst())
                        _ = StandardStreams.writeOutput([UInt8(ascii: "\n")])
                    }
                }
            }
        }
        return 0
    }

    private static func json(_ table: TableStatus, _ now: Int64) -> JSONValue {
        [
            "table": .string(table.table), "day": table.day.isEmpty ? .null : .string(table.day),
            "complete": .boolean(table.isComplete),
            "rows": JSONValue(table.rowCount), "visible_rows": JSONValue(table.visibleRowCount),
            "changes": JSONValue(table.changeCount), "late_changes": JSONValue(table.lateChangeCount),
            "lag_ms": lag(table, now).map { JSONValue($0) } ?? .null,
            "behind_changes": JSONValue(table.pending.changeCount),
            "behind_transactions": table.pending.changeCount == 0
                ? 0 : table.pending.transactionCount.map { JSONValue($0) } ?? .null,
            "newest_ms": table.lastCommitted.map { JSONValue(max(0, now - $0 / 1_000)) } ?? .null,
            "schema_source": table.schemaSource.isEmpty ? .null : .string(table.schemaSource),
            "contradictions": json(table.contradictions),
            "rejections": json(table.rejections), "losses": json(table.losses),
        ]
    }

    private static func get(
        _ command: ParsedCommand, _ specs: [SyncSpec], _ warehouse: String
    ) throws(Failure) -> Int32 {
        let table = command.arguments("table").first ?? ""
        for spec in specs {
            let reader = try StateReader(spec, warehouse: warehouse)
            guard let rows = try reader.row(of: table, key: command.arguments("key")) else { continue }
            let formatter = JSONLinesFormatter()
            formatter.format(rows)
            formatter.forEachGroup { _, bytes, _ in _ = StandardStreams.writeOutput(bytes.array) }
            return 0
        }
        return 1
    }
}
