import Columns
import Replay
import Testing

@testable import millrace

private func view(key: [String], marks: Bool = false, unique: [String]? = nil) -> NowView {
    let table = TableLayout(
        columns: [.init("id", ColumnShape(.int64)), .init("who", ColumnShape(.string))], key: key)
    let state = StateLayout(table, marksDeletes: marks, keepsFirstPlace: unique != nil)
    let now = NowTable(
        table: "shop.it`s", stateFolder: "_millrace/now/shop/it`s/state", deltaFolder: "_millrace/now/shop/it`s/delta",
        layout: NowLayout(state: state, unique: unique))
    return NowView(now, warehouse: "/srv/w")
}

@Test func aViewIsTheStateWithoutTheDeltasKeysAndTheDeltasRows() {
    let text = view(key: ["id"]).text(.hive)
    #expect(text.contains("CREATE EXTERNAL TABLE `shop`.`it``s_now_delta` ("))
    #expect(text.contains("LOCATION 'file:///srv/w/_millrace/now/shop/it`s/state';"))
    #expect(text.contains("""
        CREATE VIEW `shop`.`it``s_now` AS
        WITH d AS (
          SELECT * FROM (
            SELECT t.*, rank() OVER (PARTITION BY `id` ORDER BY `_millrace_generation` DESC) AS `_millrace_age` \
        FROM `shop`.`it``s_now_delta` t
          ) g WHERE g.`_millrace_age` = 1
        )
        SELECT s.`id`, s.`who` FROM `shop`.`it``s_now_state` s
        LEFT JOIN d ON s.`id` = d.`id` WHERE d.`_millrace_live` IS NULL
        UNION ALL
        SELECT d.`id`, d.`who` FROM d WHERE d.`_millrace_live`;
        """))
}

@Test(arguments: [(Dialect.spark, "s.`who` <=> d.`who`"), (.trino, "s.\"who\" IS NOT DISTINCT FROM d.\"who\"")])
func rowsWithoutAKeyAreTheSameIfAllColumnsAre(dialect: Dialect, condition: String) {
    #expect(view(key: []).text(dialect).contains(condition))
}

@Test func ofRowsThatAreOneRecordTheFirstIsShown() {
    let text = view(key: ["id"], marks: true, unique: ["who"]).text(.duckdb)
    #expect(text.contains("WITH d AS MATERIALIZED ("))
    #expect(text.contains("PARTITION BY \"who\", \"_deleted\" ORDER BY \"_first_leg\" NULLS FIRST"))
    #expect(text.contains("SELECT \"id\", \"who\", \"_deleted\" FROM ("))
}

@Test func columnsOfOursTakeNoNameOfTheTables() {
    let table = TableLayout(columns: [TableLayout.Column("_Millrace_live", ColumnShape(.int32))], key: [])
    #expect(NowLayout(state: StateLayout(table), unique: nil).liveColumn == "_millrace_live_")
}

@Test(arguments: [
    (Dialect.spark, "CREATE TABLE `shop`.`it``s_replayed` USING PARQUET AS\nSELECT * FROM `shop`.`it``s_now`;\n"),
    (.hive, "CREATE TABLE `shop`.`it``s_replayed` STORED AS PARQUET AS\nSELECT * FROM `shop`.`it``s_now`;\n"),
    (.trino, "AS\nSELECT * FROM \"hive\".\"shop\".\"it`s_now\";\n"),
])
func aPlanMakesATableOfTheView(dialect: Dialect, end: String) {
    let text = view(key: ["id"]).plan(dialect, into: nil)
    #expect(text.hasPrefix(view(key: ["id"]).text(dialect)) && text.hasSuffix(end))
    #expect(view(key: ["id"]).plan(dialect, into: "a.b").contains("b\(dialect == .trino ? "\"" : "`") "))
}
