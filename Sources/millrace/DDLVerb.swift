internal import Change
internal import Columns
internal import Configuration
internal import Event
internal import Pipeline
internal import Platform
internal import Replay

/// `millrace ddl`: what declares the warehouse's tables to Hive, Spark, Trino or DuckDB.
enum DDLVerb {
    static let specs = [
        VerbSpec(
            "ddl", "The statements that declare the tables to Hive, Spark, Trino or DuckDB.",
            discussion: "Tables of routes, change logs and states of syncs. They are external: dropping one removes no "
                + "file. A state's columns are those of its newest day, and every day is the whole table: choose one "
                + "dt. Hive, Spark and Trino learn of new days by "
                + "the last statement of each table (MSCK REPAIR, sync_partition_metadata): repeat it daily. DuckDB "
                + "looks at the folder in every query.",
            options: [
                ConfigFile.option,
                OptionSpec(
                    "for", value: "SYSTEM", choices: Dialect.allCases.map(\.rawValue), isRequired: true,
                    "Who reads the tables."),
                OptionSpec(
                    "table", value: "DB.TABLE", isRepeatable: true,
                    "Only these; needed for routes whose table's name comes from the records. Default: all."),
                OptionSpec(
                    "view", "Instead: views of the synced tables as they are now, DB.TABLE_now. To be given anew when "
                        + "a table's columns or key change."),
                OptionSpec(
                    "suffix", value: "TEXT",
                    "With --view: what stands behind a table's name in its view's. Default: _now."),
                OptionSpec("catalog", value: "NAME", "Trino's catalogue. Default: hive."),
            ])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings = try ConfigFile.requireCollector(command).settings
        guard let dialect = command.value("for").flatMap(Dialect.init) else {
            throw ToolFailure.usage("--for is missing", hint: "--for hive, spark, trino or duckdb")
        }
        if command.flag("view") { return try views(command, settings, dialect) }
        let routes = settings.pipelines.flatMap(\.routes) + settings.syncs.flatMap(logs)
        let synced = try synced(settings)
        let tables = command.values("table")
        var seen: Set<String> = []
        var text = ""
        // Why: where there are logs, their names take the place of the pattern.
        let patterns = Set(settings.syncs.filter(hasStates).map { $0.table + ChangeLog.suffix })
        let all = routes.map(\.table).filter { synced.isEmpty || !patterns.contains($0) } + synced.map(\.fullName)
        for table in tables.isEmpty ? all : tables where seen.insert(table).inserted {
            if var definition = synced.first(where: { $0.fullName == table }) {
                if let catalog = command.value("catalog") { definition.catalog = catalog }
                text += try declaration(definition, dialect) + "\n"
                continue
            }
            guard let route = routes.first(where: { matches($0.table, table) }) else {
                throw ToolFailure.usage(
                    "no route leads to \(table)",
                    hint: "there are " + Set(all).sorted().joined(separator: ", "))
            }
            if table.contains("{") {
                text += "-- \(table): named by the records; give each with --table\n\n"
                continue
            }
            let columns = route.columns == ChangeLog.columns ? route.columns : try RoutePlan(route).columns
            var definition = TableDefinition(
                route, columns: columns, table: table, warehouse: absolute(settings.warehouse.path))
            if let catalog = command.value("catalog") { definition.catalog = catalog }
            text += definition.text(dialect) + "\n"
        }
        Terminal.write(text)
        return 0
    }

    /// The views of now, or with `plan` what makes tables of them.
    static func views(
        _ command: ParsedCommand, _ settings: CollectorSettings, _ dialect: Dialect, plan: Bool = false
    ) throws(Failure) -> Int32 {
        var nows: [NowTable] = []
        for sync in settings.syncs { nows += try StateReader(sync, warehouse: settings.warehouse.path).nows() }
        let tables = command.values("table")
        for table in tables where !nows.contains(where: { $0.table == table }) {
            throw ToolFailure.usage(
                "nothing is known of \(table) as it is now", hint: "millrace sync run or sync delta makes it")
        }
        var text = ""
        for now in nows where tables.isEmpty || tables.contains(now.table) {
            var view = NowView(now, warehouse: absolute(settings.warehouse.path))
            if let catalog = command.value("catalog") { view.catalog = catalog }
            if let suffix = command.value("suffix") { view.suffix = suffix }
            try checkNames(view, settings.warehouse.path)
            text += (plan ? view.plan(dialect, into: command.value("into")) : view.text(dialect)) + "\n"
        }
        Terminal.write(text)
        return 0
    }

    /// The tables of syncs that are in the warehouse: states, and change logs.
    private static func synced(_ settings: CollectorSettings) throws(Failure) -> [TableDefinition] {
        var found: [TableDefinition] = []
        for sync in settings.syncs where hasStates(sync) {
            let reader = try StateReader(sync, warehouse: settings.warehouse.path)
            let root = absolute(settings.warehouse.path)
            for table in try reader.changeLogs() {
                found.append(TableDefinition(sync.log, columns: ChangeLog.columns, table: table, warehouse: root))
            }
            for (table, shapes) in try reader.tables() {
                let columns = shapes.map { name, shape in
                    var column = ColumnSpec(name: name, type: shape.type)
                    (column.precision, column.scale) = (shape.precision, shape.scale)
                    return column
                }
                var definition = TableDefinition(sync.log, columns: columns, table: table, warehouse: root)
                definition.isSynced = true
                found.append(definition)
            }
        }
        return found
    }

    /// Whether a sync's change log is of the format that states are made from.
    private static func hasStates(_ sync: SyncSpec) -> Bool { sync.log.fileFormat == .parquet }

    private static func declaration(_ table: TableDefinition, _ dialect: Dialect) throws(Failure) -> String {
        let partition = table.partition.lowercased()
        if dialect != .duckdb, table.columns.contains(where: { $0.name.lowercased() == partition }) {
            return "-- \(table.fullName): a column has the name of the day's folder: the sync's setting partition "
                + "gives the folder another one\n"
        }
        return dialect == .duckdb && !hasFiles(table) ? table.emptyView : table.text(dialect)
    }

    /// Why: DuckDB refuses a view of no files, and a state without rows has none.
    private static func hasFiles(_ table: TableDefinition) -> Bool {
        let days = (try? Syscalls.list(table.folder)) ?? []
        return days.contains { day in
            day.hasPrefix(table.partition + "=")
                && ((try? Syscalls.list(table.folder + "/" + day)) ?? []).contains { $0.hasPrefix("part-") }
        }
    }

    /// Why: a declaration drops what has its name, and a table of the warehouse may have it.
    private static func checkNames(_ view: NowView, _ warehouse: String) throws(Failure) {
        let there = Set(((try? Syscalls.list(warehouse + "/" + view.database)) ?? []).map { $0.lowercased() })
        guard let taken = view.names.first(where: { there.contains($0.lowercased()) }) else { return }
        throw ToolFailure.usage(
            "\(view.database).\(taken) is a table of the warehouse: the view of \(view.database).\(view.table) would "
                + "take its name", hint: "another --suffix than \(view.suffix)")
    }

    /// A sync's change logs, and the one of its DDL.
    private static func logs(_ sync: SyncSpec) -> [RouteSpec] {
        [sync.table + ChangeLog.suffix, sync.schemaTable].map { table in
            var route = sync.log
            route.table = table
            route.columns = ChangeLog.columns
            return route
        }
    }

    static func absolute(_ path: String) -> String {
        guard !path.hasPrefix("/"), let folder = Environment.value(of: "PWD") else { return path }
        return folder + "/" + path
    }

    /// Whether a table is the route's, or one that its replacements can give.
    static func matches(_ pattern: String, _ table: String) -> Bool {
        if pattern == table { return true }
        guard pattern.contains("{") else { return false }
        var rest = table[...]
        let pieces = pattern.replacing("{database}", with: "{").replacing("{table}", with: "{")
            .split(separator: "{", omittingEmptySubsequences: false)
        guard let first = pieces.first, rest.hasPrefix(first) else { return false }
        rest = rest.dropFirst(first.count)
        for piece in pieces.dropFirst() {
            if piece.isEmpty {
                rest = rest.dropFirst(rest.count)
                continue
            }
            guard let range = rest.firstRange(of: piece), range.lowerBound > rest.startIndex else { return false }
            rest = rest[range.upperBound...]
        }
        return rest.isEmpty
    }
}
