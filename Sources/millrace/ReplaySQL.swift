internal import Columns
internal import Event
internal import Replay
internal import Schema

/// A table's day as SQL: the state before, the changes of its log, the state after (docs/formats/state.md says what
/// the replay does; this does the same).
///
/// Columns are `v0`, `v1`, ... on the way, whatever they are called. A change is an event of a key: `k` 0 says that
/// its row goes, else the row is there as `v...`; events stand in source order.
struct ReplaySQL {
    let dialect: Dialect
    let plan: ReplayPlan
    /// Absolute.
    let warehouse: String
    var catalog = "hive"
    private let values: ReplayValue

    init(_ plan: ReplayPlan, _ dialect: Dialect, warehouse: String) {
        self.plan = plan
        self.dialect = dialect
        self.warehouse = warehouse
        values = ReplayValue(dialect: dialect, plan: plan)
    }

    private var layout: NowLayout { plan.layout }
    private var table: TableLayout { layout.state.table }
    private var marks: Bool { layout.state.marksDeletes }
    private var keepsPlace: Bool { layout.state.keepsFirstPlace }
    private var all: [String] { plan.columns.indices.map { "v\($0)" } }
    private var keys: [String] { table.key.map { "v\($0)" } }
    private static let place = ["leg", "f", "p", "r"]

    /// The statements. `target`: `db.table`.
    func text(into target: String?) throws(Failure) -> String {
        do throws(NotInSQL) { return try statements(target) } catch {
            throw Failure(
                "plan.not_in_sql", stage: .control, kind: .usage,
                "\(plan.table) cannot be replayed as SQL by \(dialect.rawValue): \(error.reason)",
                hint: "--from delta: millrace makes rows of the changes, the engine merges them")
        }
    }

    private func statements(_ target: String?) throws(NotInSQL) -> String {
        let names = plan.table.parts(at: ".", maxSplits: 1)
        let parts = (target ?? plan.table + "_replayed").parts(at: ".", maxSplits: 1)
        let prefix = dialect == .trino ? dialect.quoted(catalog) + "." : ""
        let schema = prefix + dialect.quoted(names[0])
        var text = "-- \(plan.table) at the end of \(plan.day)\n"
        text += "\(dialect.isHive ? "CREATE DATABASE" : "CREATE SCHEMA") IF NOT EXISTS \(schema);\n"
        if parts[0] != names[0] {
            text += "\(dialect.isHive ? "CREATE DATABASE" : "CREATE SCHEMA") IF NOT EXISTS "
                + prefix + dialect.quoted(parts[0]) + ";\n"
        }
        var sources: [String] = []
        for (number, input) in plan.inputs.enumerated() {
            let name = schema + "." + dialect.quoted("\(names[names.count - 1])_plan_log_\(number)")
            sources.append(try source(name, warehouse + "/" + input.folder, Self.logColumns, &text))
        }
        var state: String?
        if let base = plan.base {
            let name = schema + "." + dialect.quoted("\(names[names.count - 1])_plan_state")
            state = try source(name, try stateFolder(base), layout.stateShapes, &text)
        }
        let name = prefix + parts.map(dialect.quoted).joined(separator: ".")
        let format = [
            .hive: " STORED AS PARQUET", .spark: " USING PARQUET", .trino: " WITH (format = 'PARQUET')",
        ][dialect]
        return text + "DROP TABLE IF EXISTS \(name);\nCREATE TABLE \(name)\(format ?? "") AS\n"
            + (try query(state, sources)) + ";\n"
    }

    /// Columns of the change log that are read.
    private static let logColumns: [(name: String, shape: ColumnShape)] = [
        ("op", ColumnShape(.string)), ("leg", ColumnShape(.int64)), ("place_file", ColumnShape(.int64)),
        ("place_position", ColumnShape(.int64)), ("place_row", ColumnShape(.int64)),
        ("transaction_row", ColumnShape(.int64)), ("entry", ColumnShape(.int64)), ("before", ColumnShape(.string)),
        ("after", ColumnShape(.string)),
    ]

    // MARK: What is read

    /// Why not always the state's own folder: its manifest lies in it, which Hive and Trino would read.
    private func stateFolder(_ base: String) throws(NotInSQL) -> String {
        guard dialect == .hive || dialect == .trino else { return warehouse + "/" + base }
        if keepsPlace { throw NotInSQL(reason: "its full state has a manifest beside it, which Hive and Trino read") }
        let visible = base.parts(at: "/").dropFirst(2).joined(separator: "/")
        return warehouse + "/" + visible
    }

    /// How the Parquet files of a folder are named in a query; adds what has to be declared before.
    private func source(
        _ name: String, _ folder: String, _ shapes: [(name: String, shape: ColumnShape)], _ text: inout String
    ) throws(NotInSQL) -> String {
        switch dialect {
        case .duckdb: return "read_parquet(\(dialect.literal(folder + "/part-*")), hive_partitioning = false)"
        case .spark:
            if folder.utf8.contains(where: { "{}[]*?\\".utf8.contains($0) }) {
                throw NotInSQL(reason: "Spark takes \(folder) for a pattern")
            }
            return "parquet." + dialect.quoted("file:" + folder + "/part-*")
        case .hive, .trino: break
        }
        let columns = shapes.map { "  \(dialect.quoted($0.name)) \(dialect.type($0.shape))" }.joined(separator: ",\n")
        let place = dialect.literal("file://" + folder)
        text += "DROP TABLE IF EXISTS \(name);\n"
        text += dialect == .hive
            ? "CREATE EXTERNAL TABLE \(name) (\n\(columns)\n)\nSTORED AS PARQUET\nLOCATION \(place);\n"
            : "CREATE TABLE \(name) (\n\(columns)\n)\nWITH (format = 'PARQUET', external_location = \(place));\n"
        return name
    }

    /// Whether a change stands at a place or behind it; `isBefore`: before it.
    private func condition(_ place: SourcePlace, isBefore: Bool) -> String {
        let pairs = zip(
            ["leg", "place_file", "place_position", "place_row"], [place.leg, place.file, place.position, place.row])
        let sign = isBefore ? "<" : ">"
        return pairs.reversed().reduce(into: "") { text, pair in
            let (name, value) = pair
            text = text.isEmpty
                ? "\(name) \(sign)\(isBefore ? "" : "=") \(value)"
                : "(\(name) \(sign) \(value) OR \(name) = \(value) AND \(text))"
        }
    }

    private func changes(_ sources: [String]) -> String {
        let parts = zip(sources, plan.inputs).map { source, input in
            var conditions = ["op IN ('insert', 'update', 'delete', 'snapshot')"]
            if input.from > .beginning { conditions.append(condition(input.from, isBefore: false)) }
            if let to = input.to { conditions.append(condition(to, isBefore: true)) }
            let old = dialect.quoted("before")
            let new = dialect.quoted("after")
            return """
                  SELECT op, leg, place_file AS f, place_position AS p, place_row AS r,
                    coalesce(transaction_row, 0) AS tr, entry AS en, \(old) AS old,
                    CASE WHEN op = 'delete' THEN coalesce(\(old), \(new)) ELSE \(new) END AS doc
                  FROM \(source) WHERE \(conditions.joined(separator: " AND "))
                """
        }
        return parts.joined(separator: "\n  UNION ALL\n")
    }

    // MARK: The replay

    private func query(_ state: String?, _ sources: [String]) throws(NotInSQL) -> String {
        if keepsPlace, marks { throw NotInSQL(reason: "it has unique and deletes: mark") }
        if sources.isEmpty { return try unchanged(state) }
        return table.isKeyed ? try keyed(state, sources) : try counted(state, sources)
    }

    private func unchanged(_ state: String?) throws(NotInSQL) -> String {
        guard let state else { throw NotInSQL(reason: "it has no state and no changes") }
        return shown("SELECT * FROM \(state)")
    }

    /// `v` of a row: what it holds behind the change (`n...`), and before an update (`o...`).
    private func decoded(_ sources: [String], needsOld: [Int]) throws(NotInSQL) -> String {
        var lines: [String] = []
        for (index, column) in plan.columns.enumerated() {
            lines.append("\(try values.value(column, in: "doc")) AS n\(index)")
        }
        for index in needsOld {
            let column = plan.columns[index]
            let before = try values.value(column, in: "old")
            let after = try values.value(column, in: "doc")
            var value = before
            if plan.tool != .debezium {
                // Maxwell and Canal name what was changed. No key is null, so that need not be told apart.
                value = table.key.contains(index)
                    ? "coalesce(\(before), \(after))"
                    : "CASE WHEN \(try values.isPresent(column, in: "old")) THEN \(before) ELSE \(after) END"
            }
            lines.append("CASE WHEN op = 'update' THEN \(value) END AS o\(index)")
        }
        return """
            c AS (
            \(changes(sources))
            ),
            d AS (
              SELECT op, old, leg, f, p, r, tr, en,
                \(lines.joined(separator: ",\n    "))
              FROM c WHERE doc IS NOT NULL
            )
            """
    }

    private static let order = ["leg", "f", "p", "r", "CASE WHEN k = 0 THEN 0 ELSE 1 END", "tr", "en", "k"]
    private static let kind = "CASE op WHEN 'delete' THEN 0 WHEN 'insert' THEN 1 WHEN 'update' THEN 2 ELSE 3 END"

    private func keyed(_ state: String?, _ sources: [String]) throws(NotInSQL) -> String {
        for index in table.key where table.columns[index].shape.type == .double {
            throw NotInSQL(reason: "column \(table.columns[index].name) of its key is a floating number")
        }
        let old = marks ? Array(plan.columns.indices) : table.key
        let place = "leg, f, p, r, tr, en"
        let rows = plan.columns.indices.map { "n\($0) AS v\($0)" }.joined(separator: ", ")
        // Of a deleted row only the key is needed, but where it is kept.
        let gone = plan.columns.indices.map { "\(old.contains($0) ? "o" : "n")\($0) AS v\($0)" }.joined(separator: ", ")
        let isThere = table.key.map { "n\($0) IS NOT NULL" }.joined(separator: " AND ")
        let wasThere = table.key.map { "o\($0) IS NOT NULL" }.joined(separator: " AND ")
        let moved = table.key.map { "n\($0) IS NULL OR o\($0) <> n\($0)" }.joined(separator: " OR ")
        let by = "PARTITION BY \(keys.joined(separator: ", ")) ORDER BY "
        let up = by + Self.order.joined(separator: ", ")
        let down = by + Self.order.map { $0 + " DESC" }.joined(separator: ", ")
        let birth = Self.place.map {
            "max(CASE WHEN i = l + 1 THEN \($0) END) OVER (PARTITION BY \(keyList)) AS b\($0)"
        }
        let text = """
            WITH \(try decoded(sources, needsOld: old)),
            e AS (
              SELECT \(place), \(Self.kind) AS k, \(rows) FROM d WHERE \(isThere)
              UNION ALL
              SELECT \(place), 0 AS k, \(gone) FROM d WHERE op = 'update' AND \(wasThere) AND (\(moved))
            ),
            g AS (
              SELECT e.*, row_number() OVER (\(down)) AS n, row_number() OVER (\(up)) AS i,
                lag(k) OVER (\(up)) AS k0, lead(k) OVER (\(up)) AS k1 FROM e
            ),
            h AS (
              SELECT g.*, max(CASE WHEN k = 0 THEN i ELSE 0 END) OVER (PARTITION BY \(keyList)) AS l FROM g
            ),
            w AS (
              SELECT * FROM (SELECT h.*, \(birth.joined(separator: ", ")) FROM h) x WHERE \(winner)
            )
            """
        return text + "\n" + shown(merged(state))
    }

    private var keyList: String { keys.joined(separator: ", ") }

    /// The event that a key's row is taken from: the last one; of a kept row that is deleted, the one that it was.
    private var winner: String {
        guard marks else { return "n = 1" }
        return "(n = 1 AND (k <> 0 OR k0 = 0 OR k0 IS NULL)) OR (n = 2 AND k <> 0 AND k1 = 0)"
    }

    /// Rows of the state files' columns behind all changes.
    private func merged(_ state: String?) -> String {
        let names = plan.columns.map { dialect.quoted($0.name) }
        let deleted = dialect.quoted(StateLayout.deletedColumn)
        let firsts = layout.order.prefix(keepsPlace ? 4 : 0).map(dialect.quoted)
        // A row that one delete meets is the state's, if it is there.
        let isBare = "w.k = 0 AND w.k0 IS NULL"
        let isKnown = "s.\(dialect.quoted(table.columns[table.key[0]].name)) IS NOT NULL"
        let fromState = "\(isBare) AND \(isKnown) AND NOT s.\(deleted)"
        var fresh = zip(names, all).map { name, value in
            marks && state != nil
                ? "CASE WHEN \(fromState) THEN s.\(name) ELSE w.\(value) END AS \(name)" : "w.\(value) AS \(name)"
        }
        if marks { fresh.append("(w.k = 0 OR w.n = 2) AS \(deleted)") }
        for (name, place) in zip(firsts, Self.place) {
            let old = "CASE WHEN w.l = 0 AND \(isKnown) THEN s.\(name) ELSE w.b\(place) END"
            fresh.append("\(state == nil ? "w.b\(place)" : old) AS \(name)")
        }
        let on = table.key.map { "s.\(dialect.quoted(table.columns[$0].name)) = w.v\($0)" }.joined(separator: " AND ")
        let join = state.map { " LEFT JOIN \($0) s ON \(on)" } ?? ""
        let changed = "SELECT \(fresh.joined(separator: ", ")) FROM w\(join)" + (marks ? "" : " WHERE w.k <> 0")
        guard let state else { return changed }
        let kept = layout.stateShapes.map { "s." + dialect.quoted($0.name) }.joined(separator: ", ")
        return """
            SELECT \(kept) FROM \(state) s LEFT JOIN w ON \(on) WHERE w.n IS NULL
            UNION ALL
            \(changed)
            """
    }

    /// What readers see of the state's rows.
    private func shown(_ rows: String) -> String {
        let list = layout.visibleShapes.map { dialect.quoted($0.name) }.joined(separator: ", ")
        guard let groups = layout.groups else { return "SELECT \(list) FROM (\n\(rows)\n) z" }
        let by = groups.map(dialect.quoted).joined(separator: ", ")
        let order = layout.order.map { dialect.quoted($0) + " NULLS FIRST" }.joined(separator: ", ")
        return """
            SELECT \(list) FROM (
            SELECT z.*, row_number() OVER (PARTITION BY \(by) ORDER BY \(order)) AS millrace_number FROM (
            \(rows)
            ) z
            ) y WHERE millrace_number = 1
            """
    }

    // MARK: Rows without a key

    /// Equal rows are counted: a delete takes one where there is one.
    private func counted(_ state: String?, _ sources: [String]) throws(NotInSQL) -> String {
        if let groups = layout.groups, groups != layout.visibleShapes.map(\.name) {
            throw NotInSQL(reason: "it has no key, and is unique in some of its columns only")
        }
        for column in table.columns where column.shape.type == .double {
            throw NotInSQL(reason: "it has no key, and column \(column.name) is a floating number")
        }
        let every = Array(plan.columns.indices)
        let rows = every.map { "n\($0) AS v\($0)" }.joined(separator: ", ")
        let gone = every.map { "o\($0) AS v\($0)" }.joined(separator: ", ")
        let list = all.joined(separator: ", ")
        let place = "leg, f, p, r, tr, en"
        // Without a row before it an update is a row more.
        let hasOld = plan.tool == .debezium ? " AND old IS NOT NULL" : ""
        let names = plan.columns.map { dialect.quoted($0.name) }
        let before = state.map {
            "SELECT \(zip(names, all).map { "\($0) AS \($1)" }.joined(separator: ", ")), "
                + "count(*) AS b, 0 AS net, 0 AS debt FROM \($0) GROUP BY \(names.joined(separator: ", "))\n"
                + "  UNION ALL\n  "
        } ?? ""
        let text = """
            WITH \(try decoded(sources, needsOld: every)),
            e AS (
              SELECT DISTINCT \(place), k, \(list) FROM (
                SELECT \(place), \(Self.kind) AS k, \(rows) FROM d WHERE op <> 'snapshot'
                UNION ALL
                SELECT \(place), 0 AS k, \(gone) FROM d WHERE op = 'update'\(hasOld)
              ) x
              UNION ALL
              SELECT \(place), 3 AS k, \(rows) FROM d WHERE op = 'snapshot'
            ),
            g AS (
              SELECT e.*, CASE WHEN k = 0 THEN -1 ELSE 1 END AS a, sum(CASE WHEN k = 0 THEN -1 ELSE 1 END) OVER
                (PARTITION BY \(list) ORDER BY \(Self.order.joined(separator: ", "))
                ROWS UNBOUNDED PRECEDING) AS t FROM e
            ),
            h AS (
              \(before)SELECT \(list), 0 AS b, sum(a) AS net, max(-t) AS debt FROM g GROUP BY \(list)
            ),
            m AS (
              SELECT \(list), greatest(sum(b), max(debt)) + sum(net) AS m FROM h GROUP BY \(list)
            )
            """
        let selected = zip(names, all).map { "\($1) AS \($0)" }.joined(separator: ", ")
        if layout.groups != nil { return "\(text)\nSELECT \(selected) FROM m WHERE m > 0" }
        let copies =
            switch dialect {
            case .duckdb: "FROM (SELECT *, unnest(range(CAST(m AS BIGINT))) AS copy FROM m WHERE m > 0) x"
            case .spark: "FROM m LATERAL VIEW explode(sequence(1, CAST(m AS INT))) x AS copy WHERE m > 0"
            case .trino: "FROM m CROSS JOIN UNNEST(sequence(1, m)) AS x (copy) WHERE m > 0"
            case .hive: "FROM m LATERAL VIEW posexplode(split(space(CAST(m AS INT) - 1), ' ')) x AS copy, s WHERE m > 0"
            }
        return "\(text)\nSELECT \(selected) \(copies)"
    }
}
