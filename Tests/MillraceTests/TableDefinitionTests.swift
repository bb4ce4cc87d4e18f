import Columns
import Event
import Testing

@testable import millrace

private func definition(_ format: FileFormat) throws -> TableDefinition {
    var spec = RouteSpec(table: "shop.orders", format: .json, timeColumn: "at")
    spec.fileFormat = format
    spec.columns = [
        ColumnSpec(name: "at", type: .timestamp), ColumnSpec(name: "o`d\"d", type: .string), ColumnSpec(name: "id", type: .int32),
        ColumnSpec(name: "total", type: .decimal), ColumnSpec(name: "raw", type: .bytes), ColumnSpec(name: "items", type: .json),
    ]
    (spec.columns[3].precision, spec.columns[3].scale) = (18, 2)
    return TableDefinition(spec, columns: spec.columns, table: "shop.orders", warehouse: "/srv/it's")
}

@Test func aParquetTableIsDeclaredToHive() throws {
    #expect(try definition(.parquet).text(.hive) == #"""
        CREATE DATABASE IF NOT EXISTS `shop`;
        CREATE EXTERNAL TABLE IF NOT EXISTS `shop`.`orders` (
          `at` TIMESTAMP,
          `o``d"d` STRING,
          `id` INT,
          `total` DECIMAL(18,2),
          `raw` BINARY,
          `items` STRING
        )
        PARTITIONED BY (`dt` STRING)
        STORED AS PARQUET
        LOCATION 'file:///srv/it\'s/shop/orders';
        MSCK REPAIR TABLE `shop`.`orders`;

        """#)
}

@Test func columnsThatHiveCannotReadAreLeftOut() throws {
    var table = try definition(.parquet)
    table.columns.append(ColumnSpec(name: "Größe cm", type: .int32))
    table.columns.append(ColumnSpec(name: "单价", type: .int32))
    let hive = table.text(.hive)
    #expect(hive.hasPrefix("-- shop.orders: Hive reads no Parquet column"))
    #expect(hive.contains("left out: `Größe cm`\n") && hive.contains("  `单价` INT\n)"))
    #expect(table.text(.spark).contains("  `Größe cm` INT,\n") && !table.text(.spark).hasPrefix("--"))
    table.format = .jsonLines
    #expect(table.text(.hive).contains("  `Größe cm` INT,\n"))
}

@Test func theOtherSystemsAreToldInTheirOwnWords() throws {
    let spark = try definition(.jsonLines).text(.spark)
    #expect(spark.contains("  `items` STRING,\n  `dt` STRING\n)\nUSING JSON\nPARTITIONED BY (`dt`)\n"))
    let trino = try definition(.parquet).text(.trino)
    #expect(trino.contains("CREATE TABLE IF NOT EXISTS \"hive\".\"shop\".\"orders\" (\n  \"at\" TIMESTAMP(6),\n  \"o`d\"\"d\" VARCHAR,\n"))
    #expect(trino.contains("external_location = 'file:///srv/it''s/shop/orders',\n  partitioned_by = ARRAY['dt']\n"))
    let duckdb = try definition(.jsonLines).text(.duckdb)
    #expect(duckdb.contains("read_json('/srv/it''s/shop/orders/dt=*/part-*', format = 'newline_delimited'"))
    #expect(duckdb.contains("'total': 'DECIMAL(18,2)', 'raw': 'VARCHAR', 'items': 'VARCHAR'}"))
    #expect(try definition(.parquet).text(.duckdb).contains("read_parquet('/srv/it''s/shop/orders/dt=*/part-*', hive_partitioning = true"))
}

@Test(arguments: [
    ("shop.orders", "shop.orders", true), ("shop.{table}_changes", "shop.orders_changes", true), ("shop.{table}_changes", "shop._changes", false),
    ("{database}.{table}", "a.b", true), ("{database}.x", "a.y", false), ("a.b", "a.c", false), ("shop.{table}", "shop.x", true),
] as [(String, String, Bool)])
func aTableBelongsToTheRouteThatCanGiveItsName(_ pattern: String, _ table: String, _ expected: Bool) {
    #expect(DDLVerb.matches(pattern, table) == expected, "\(pattern) \(table)")
}

@Test func nestedColumnsAreDeclaredInEachSystemsWords() throws {
    let shape = try #require(ColumnShape("list<struct<id: int64, `a b`: map<string, bytes>>>"))
    let texts = Dialect.allCases.map { $0.type(shape) }
    #expect(texts == [
        "ARRAY<STRUCT<`id`: BIGINT, `a b`: MAP<STRING, BINARY>>>", "ARRAY<STRUCT<`id`: BIGINT, `a b`: MAP<STRING, BINARY>>>",
        #"ARRAY(ROW("id" BIGINT, "a b" MAP(VARCHAR, VARBINARY)))"#, #"STRUCT("id" BIGINT, "a b" MAP(VARCHAR, BLOB))[]"#,
    ])
    #expect(Dialect.duckdb.type(shape, asText: true) == #"STRUCT("id" BIGINT, "a b" MAP(VARCHAR, VARCHAR))[]"#)
}

@Test func delimitedTextIsDeclaredWithItsEscapes() throws {
    let hive = try definition(.delimited).text(.hive)
    #expect(hive.contains(#"""
        ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
        WITH SERDEPROPERTIES ('field.delim' = '\u0001', 'serialization.format' = '\u0001', 'escape.delim' = '\\', \#
        'serialization.escape.crlf' = 'true', 'serialization.null.format' = '\\N')
        STORED AS TEXTFILE
        LOCATION
        """#))
    let duckdb = try definition(.delimited).text(.duckdb)
    #expect(duckdb.contains(#"regexp_extract_all(line, '(?s)((?:[^\\\x01]|\\.)*)(?:\x01|$)', 1) AS parts, "dt""#))
    #expect(duckdb.contains(#"  CAST(nullif(parts[4], '\N') AS DECIMAL(18,2)) AS "total","#))
    #expect(try definition(.delimited).text(.trino).contains(#"textfile_field_separator = U&'\0001',"#))
}
