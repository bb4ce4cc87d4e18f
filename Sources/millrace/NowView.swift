internal import Columns
internal import Event
internal import Replay

/// The declaration of a synced table as it is now: its newest daily state without the rows that changed since, and
/// those rows as they are (docs/formats/state.md). The same SQL for all systems.
struct NowView {
    let database: String
    let table: String
    let layout: NowLayout
    /// Absolute paths.
    let stateFolder: String
    let deltaFolder: String
    /// Catalogue of Trino's Hive connector.
    var catalog = "hive"
    /// What stands behind the table's name in the view's.
    var suffix = NowView.usualSuffix

    static let usualSuffix = "_now"

    /// The names that are declared.
    var names: [String] { ["", "_state", "_delta"].map { table + suffix + $0 } }

    init(_ now: NowTable, warehouse: String) {
        let parts = now.table.parts(at: ".", maxSplits: 1)
        database = parts.first ?? now.table
        table = parts.last ?? now.table
        layout = now.layout
        stateFolder = warehouse + "/" + now.stateFolder
        deltaFolder = warehouse + "/" + now.deltaFolder
    }

    func text(_ dialect: Dialect) -> String {
        let schema = (dialect == .trino ? dialect.quoted(catalog) + "." : "") + dialect.quoted(database)
        let create = dialect.isHive ? "CREATE DATABASE" : "CREATE SCHEMA"
        let name = { (suffix: String) in schema + "." + dialect.quoted(table + suffix) }
        let unreadable = layout.stateShapes.map(\.name).filter { !dialect.canRead($0) }
        let needed = Set(layout.identity + (layout.groups ?? []))
        if let name = unreadable.first(where: needed.contains) {
            return dialect.remark("\(database).\(table)", leftOut: [name]) + "-- rows are told apart by it: no view\n"
        }
        let hidden = [(layout.liveColumn, ColumnShape(.boolean)), (layout.generationColumn, ColumnShape(.int64))]
        return dialect.remark("\(database).\(table)", leftOut: unreadable) + "\(create) IF NOT EXISTS \(schema);\n"
            + (dialect == .duckdb ? "" : "DROP VIEW IF EXISTS \(name(suffix));\n")
            + files(dialect, name(suffix + "_state"), stateFolder, layout.stateShapes)
            + files(dialect, name(suffix + "_delta"), deltaFolder, layout.stateShapes + hidden)
            + "CREATE \(dialect == .duckdb ? "OR REPLACE " : "")VIEW \(name(suffix)) AS\n"
            + query(dialect, state: name(suffix + "_state"), delta: name(suffix + "_delta")) + ";\n"
    }

    /// The statements that make a table of the engine's own that holds what the view shows: the replay, done by the
    /// engine. `target`: `db.table`.
    func plan(_ dialect: Dialect, into target: String?) -> String {
        let catalog = dialect == .trino ? dialect.quoted(catalog) + "." : ""
        let parts = (target ?? "\(database).\(table)_replayed").parts(at: ".", maxSplits: 1)
        let name = catalog + parts.map(dialect.quoted).joined(separator: ".")
        let format =
            switch dialect {
            case .hive: " STORED AS PARQUET"
            case .spark: " USING PARQUET"
            case .trino: " WITH (format = 'PARQUET')"
            case .duckdb: ""
            }
        return text(dialect) + """
            DROP TABLE IF EXISTS \(name);
            CREATE TABLE \(name)\(format) AS
            SELECT * FROM \(catalog)\(dialect.quoted(database)).\(dialect.quoted(table + suffix));

            """
    }

    /// A table over the Parquet files of a folder.
    private func files(
        _ dialect: Dialect, _ name: String, _ folder: String, _ shapes: [(name: String, shape: ColumnShape)]
    ) -> String {
        let columns = shapes.filter { dialect.canRead($0.name) }
            .map { "  \(dialect.quoted($0.name)) \(dialect.type($0.shape))" }.joined(separator: ",\n")
        let place = dialect.literal("file://" + folder)
        switch dialect {
        case .duckdb:
            return """
                CREATE OR REPLACE VIEW \(name) AS
                SELECT * FROM read_parquet(\(dialect.literal(folder + "/part-*")), hive_partitioning = false);

                """
        case .hive:
            return """
                DROP TABLE IF EXISTS \(name);
                CREATE EXTERNAL TABLE \(name) (
                \(columns)
                )
                STORED AS PARQUET
                LOCATION \(place);

                """
        case .spark:
            return """
                DROP TABLE IF EXISTS \(name);
                CREATE TABLE \(name) (
                \(columns)
                )
                USING PARQUET
                LOCATION \(place);

                """
        case .trino:
            return """
                DROP TABLE IF EXISTS \(name);
                CREATE TABLE \(name) (
                \(columns)
                )
                WITH (format = 'PARQUET', external_location = \(place));

                """
        }
    }

    // MARK: The query

    private func list(_ dialect: Dialect, _ names: [String], of table: String? = nil) -> String {
        names.map { (table.map { $0 + "." } ?? "") + dialect.quoted($0) }.joined(separator: ", ")
    }

    private func query(_ dialect: Dialect, state: String, delta: String) -> String {
        let (live, generation) = (dialect.quoted(layout.liveColumn), dialect.quoted(layout.generationColumn))
        let age = dialect.quoted(layout.free("_millrace_age"))
        let identity = list(dialect, layout.identity)
        let columns = (layout.groups == nil ? layout.visibleShapes : layout.stateShapes).map(\.name)
            .filter(dialect.canRead)
        // Why materialized, and why a rank: the files of the delta are to be looked for once, so that both halves see
        // the same. DuckDB would look twice for the greatest generation as well.
        let rows = """
            WITH d AS \(dialect == .duckdb ? "MATERIALIZED " : "")(
              SELECT * FROM (
                SELECT t.*, rank() OVER (PARTITION BY \(identity) ORDER BY \(generation) DESC) AS \(age) FROM \(delta) t
              ) g WHERE g.\(age) = 1
            )
            """
        let union = """
            SELECT \(list(dialect, columns, of: "s")) FROM \(state) s
            LEFT JOIN d ON \(isSame(dialect)) WHERE d.\(live) IS NULL
            UNION ALL
            SELECT \(list(dialect, columns, of: "d")) FROM d WHERE d.\(live)
            """
        guard let groups = layout.groups else { return rows + "\n" + union }
        // Of rows that are equal in some columns the one that came first.
        let shown = layout.visibleShapes.map(\.name).filter(dialect.canRead)
        let number = dialect.quoted(layout.free("_millrace_number"))
        let order = layout.order.map { dialect.quoted($0) + " NULLS FIRST" }.joined(separator: ", ")
        return """
            \(rows)
            SELECT \(list(dialect, shown)) FROM (
            SELECT u.*, row_number() OVER (PARTITION BY \(list(dialect, groups)) ORDER BY \(order)) AS \(number) FROM (
            \(union)
            ) u
            ) n WHERE n.\(number) = 1
            """
    }

    /// Whether rows of the state and the delta are the same: by key, or in all columns, where nulls are equal.
    private func isSame(_ dialect: Dialect) -> String {
        layout.identity.map { name in
            let (left, right) = ("s." + dialect.quoted(name), "d." + dialect.quoted(name))
            if layout.state.table.isKeyed { return "\(left) = \(right)" }
            return dialect.isHive ? "\(left) <=> \(right)" : "\(left) IS NOT DISTINCT FROM \(right)"
        }.joined(separator: " AND ")
    }
}
