internal import Columns
internal import Event

/// The systems that tables are declared for.
enum Dialect: String, CaseIterable {
    case hive, spark, trino, duckdb

    /// The type of a shape. `asText`: in a text format, where bytes are base64.
    func type(_ shape: ColumnShape, asText: Bool = false) -> String {
        switch shape.type {
        case .boolean: "BOOLEAN"
        case .int32: isHive ? "INT" : "INTEGER"
        case .int64: "BIGINT"
        case .double: "DOUBLE"
        case .decimal: "DECIMAL(\(shape.precision),\(shape.scale))"
        case .string, .json: text
        case .bytes:
            switch self {
            case .hive, .spark: "BINARY"
            case .trino: "VARBINARY"
            case .duckdb: asText ? text : "BLOB"
            }
        case .date: "DATE"
        case .timestamp:
            switch self {
            case .hive, .spark: "TIMESTAMP"
            case .trino: "TIMESTAMP(6)"
            // What it reads from Parquet, too: instants, shown in the session's zone.
            case .duckdb: "TIMESTAMPTZ"
            }
        case .list, .map, .structure: nested(shape, asText: asText)
        }
    }

    private func nested(_ shape: ColumnShape, asText: Bool) -> String {
        let types = shape.fields.map { type($0.shape, asText: asText) }
        switch (shape.type, self) {
        case (.list, .hive), (.list, .spark): return "ARRAY<\(types[0])>"
        case (.list, .trino): return "ARRAY(\(types[0]))"
        case (.list, .duckdb): return "\(types[0])[]"
        case (.map, .hive), (.map, .spark): return "MAP<\(types[0]), \(types[1])>"
        case (.map, _): return "MAP(\(types[0]), \(types[1]))"
        default:
            let fields = zip(shape.fields, types).map { quoted($0.name) + (isHive ? ": " : " ") + $1 }
                .joined(separator: ", ")
            return isHive ? "STRUCT<\(fields)>" : (self == .trino ? "ROW" : "STRUCT") + "(\(fields))"
        }
    }

    /// Whether the system speaks Hive's SQL.
    var isHive: Bool { self == .hive || self == .spark }

    var text: String { self == .hive || self == .spark ? "STRING" : "VARCHAR" }

    /// Whether a column of a Parquet file can be read by its name. Hive writes a schema of its own for that, unquoted
    /// (MessageTypeParser of parquet-column).
    func canRead(_ name: String) -> Bool {
        self != .hive || !name.utf8.contains { " ,;{}()\n\t=".utf8.contains($0) }
    }

    /// What is said of columns that are left out.
    func remark(_ table: String, leftOut names: [String]) -> String {
        guard !names.isEmpty else { return "" }
        let listed = names.map { quoted($0.replacing(byte: "\n", with: " ")) }.joined(separator: ", ")
        return "-- \(table): Hive reads no Parquet column whose name has a blank or one of ,;{}()= in it; left out: "
            + listed + "\n"
    }

    /// A name that may be any text.
    func quoted(_ name: String) -> String {
        self == .hive || self == .spark
            ? "`" + name.replacing(byte: "`", with: "``") + "`" : "\"" + name.replacing(byte: "\"", with: "\"\"") + "\""
    }

    /// A text.
    func literal(_ text: String) -> String {
        let plain = self == .hive || self == .spark ? text.replacing(byte: "\\", with: "\\\\") : text
        return "'" + plain.replacing(byte: "'", with: self == .hive || self == .spark ? "\\'" : "''") + "'"
    }
}

/// The declaration of one table over the files that a route writes. The files stay what they are: tables are
/// external, and dropping one removes nothing.
struct TableDefinition {
    var database: String
    var table: String
    var columns: [ColumnSpec]
    var partition: String
    var format: FileFormat
    /// The byte between columns of delimited text.
    var separator: UInt8
    /// Absolute path of the table's folder.
    var folder: String
    /// Catalogue of Trino's Hive connector.
    var catalog = "hive"
    /// Whether columns may be others than when it was declared last, and from day to day.
    var isSynced = false

    init(_ spec: RouteSpec, columns: [ColumnSpec], table name: String, warehouse: String) {
        let parts = name.parts(at: ".", maxSplits: 1)
        database = parts.first ?? name
        table = parts.last ?? name
        self.columns = columns
        partition = spec.partitionName
        (format, separator) = (spec.fileFormat, spec.outputDelimiter)
        folder = "\(warehouse)/\(database)/\(table)"
    }

    func text(_ dialect: Dialect) -> String {
        switch dialect {
        case .hive: hive
        case .spark: spark
        case .trino: trino
        case .duckdb: duckdb
        }
    }

    /// As `--table` takes it.
    var fullName: String { database + "." + table }

    func name(_ dialect: Dialect) -> String {
        dialect.quoted(database) + "." + dialect.quoted(table)
    }

    private func isReadable(_ column: ColumnSpec, _ dialect: Dialect) -> Bool {
        format != .parquet || dialect.canRead(column.name)
    }

    private func list(_ dialect: Dialect, withPartition: Bool) -> String {
        var lines = columns.filter { isReadable($0, dialect) }.map { column in
            // Delimited text holds them as JSON.
            let isText = format == .delimited && column.type.isNested
            return "  \(dialect.quoted(column.name)) " + (isText ? dialect.text : dialect.type(column.shape))
        }
        if withPartition { lines.append("  \(dialect.quoted(partition)) \(dialect.text)") }
        return lines.joined(separator: ",\n")
    }

    /// Takes away what was declared before: no file goes with it.
    private func removal(_ name: String) -> String { isSynced ? "DROP TABLE IF EXISTS \(name);\n" : "" }

    private var hive: String { hive(.hive) }

    private func hive(_ dialect: Dialect) -> String {
        let storage =
            switch format {
            case .parquet: "STORED AS PARQUET"
            case .delimited: delimitedStorage
            case .jsonLines:
                // Why both patterns: a whole second is written without a fraction.
                """
                ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.JsonSerDe'
                WITH SERDEPROPERTIES ('timestamp.formats' = \
                "yyyy-MM-dd'T'HH:mm:ss'Z',yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
                STORED AS TEXTFILE
                """
            }
        let remark = dialect.remark(fullName, leftOut: columns.filter { !isReadable($0, dialect) }.map(\.name))
        return """
            \(remark)CREATE DATABASE IF NOT EXISTS \(dialect.quoted(database));
            \(removal(name(dialect)))CREATE EXTERNAL TABLE IF NOT EXISTS \(name(dialect)) (
            \(list(dialect, withPartition: false))
            )
            PARTITIONED BY (\(dialect.quoted(partition)) STRING)
            \(storage)
            LOCATION \(dialect.literal("file://" + folder));
            MSCK REPAIR TABLE \(name(dialect));

            """
    }

    private var spark: String {
        // Why: Spark's own CSV reader knows no escapes outside of quotes; its Hive tables do.
        guard format != .delimited else { return hive(.spark) }
        return """
        CREATE DATABASE IF NOT EXISTS \(Dialect.spark.quoted(database));
        \(removal(name(.spark)))CREATE TABLE IF NOT EXISTS \(name(.spark)) (
        \(list(.spark, withPartition: true))
        )
        USING \(format == .parquet ? "PARQUET" : "JSON")
        PARTITIONED BY (\(Dialect.spark.quoted(partition)))
        LOCATION \(Dialect.spark.literal("file://" + folder));
        MSCK REPAIR TABLE \(name(.spark));

        """
    }

    private var trino: String {
        let schema = Dialect.trino.quoted(catalog) + "." + Dialect.trino.quoted(database)
        let name = schema + "." + Dialect.trino.quoted(table)
        let arguments = [database, table, "ADD"].map(Dialect.trino.literal).joined(separator: ", ")
        return """
            CREATE SCHEMA IF NOT EXISTS \(schema);
            \(removal(name))CREATE TABLE IF NOT EXISTS \(name) (
            \(list(.trino, withPartition: true))
            )
            WITH (
              \(trinoStorage),
              external_location = \(Dialect.trino.literal("file://" + folder)),
              partitioned_by = ARRAY[\(Dialect.trino.literal(partition))]
            );
            CALL \(Dialect.trino.quoted(catalog)).system.sync_partition_metadata(\(arguments));

            """
    }

    private var trinoStorage: String {
        switch format {
        case .parquet: "format = 'PARQUET'"
        case .jsonLines: "format = 'JSON'"
        case .delimited: delimitedProperties
        }
    }

    /// A view without rows for DuckDB.
    var emptyView: String {
        let values = columns.map { column in
            "  CAST(NULL AS \(Dialect.duckdb.type(column.shape))) AS \(Dialect.duckdb.quoted(column.name))"
        } + ["  CAST(NULL AS VARCHAR) AS \(Dialect.duckdb.quoted(partition))"]
        return """
            CREATE SCHEMA IF NOT EXISTS \(Dialect.duckdb.quoted(database));
            CREATE OR REPLACE VIEW \(name(.duckdb)) AS
            SELECT
            \(values.joined(separator: ",\n"))
            WHERE false;

            """
    }

    private var duckdb: String {
        let files = Dialect.duckdb.literal("\(folder)/\(partition)=*/part-*")
        let types =
            (isSynced ? "union_by_name = true, " : "")
            + "hive_partitioning = true, hive_types = {\(Dialect.duckdb.literal(partition)): VARCHAR}"
        let source: String
        if format == .delimited { return delimitedView(files, types) }
        if format == .parquet {
            source = "read_parquet(\(files), \(types))"
        } else {
            let declared = columns.map { column in
                let type = Dialect.duckdb.type(column.shape, asText: true)
                return "\(Dialect.duckdb.literal(column.name)): \(Dialect.duckdb.literal(type))"
            }
            source = """
                read_json(\(files), format = 'newline_delimited', \(types),
                  columns = {\(declared.joined(separator: ", "))})
                """
        }
        return """
            CREATE SCHEMA IF NOT EXISTS \(Dialect.duckdb.quoted(database));
            CREATE OR REPLACE VIEW \(name(.duckdb)) AS
            SELECT * FROM \(source);

            """
    }
}
