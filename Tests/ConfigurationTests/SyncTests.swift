import Columns
import Configuration
import Event
import Testing

private func embedded(_ syncs: String) throws(ConfigFaults) -> EmbeddedSettings {
    let text = """
        agent: {state_dir: /tmp/s}
        sources:
          - {name: shop-changes, topic: changes, include: [/tmp/a]}
          - {name: access, include: [/tmp/b]}
        warehouse: {path: /tmp/w}
        \(syncs)
        """
    return try EmbeddedSettings.load(bytes: Array(text.utf8), file: "m.yaml", environment: { _ in nil })
}

@Test func aSyncHasDefaultsThatKeepEverything() throws {
    let settings = try embedded(
        """
        pipelines: [{name: web, routes: [{table: web.access, format: combined}]}]
        syncs: [{name: shop, sources: shop-*, format: maxwell}]
        """)
    let sync = try #require(settings.collector.syncs.first)
    #expect(sync.topics == ["changes"])
    #expect(sync.effectiveSpread == .table)
    #expect(sync.table == "{database}.{table}")
    #expect(sync.log.fileFormat == .parquet && sync.log.compression == .zstd)
    #expect(sync.keepMilliseconds == 30 * 86_400_000)
    #expect(sync.schemaTable == "millrace.shop_ddl_changes")
    let rule = sync.rule(of: "shop.orders".utf8)
    #expect(!rule.ignore && rule.unique == nil && rule.deletes == .remove && rule.key.isEmpty)
}

@Test func theFirstTableRuleThatMatchesCounts() throws {
    let settings = try embedded(
        """
        pipelines: [{name: web, routes: [{table: web.access, format: combined}]}]
        syncs:
          - name: shop
            topics: [changes]
            format: debezium
            tables:
              - {match: shop.retail_event, unique: {except: [id]}, deletes: mark, key: [id]}
              - {match: shop.tmp_*, ignore: true}
              - {match: "*.cart_?", unique: row}
              - {match: shop.*, unique: {columns: [a, b]}}
            output: {format: jsonl, compression: gzip}
        """)
    let sync = try #require(settings.collector.syncs.first)
    #expect(sync.effectiveSpread == .key)
    let first = sync.rule(of: "shop.retail_event".utf8)
    #expect(first.unique == .except(["id"]) && first.deletes == .mark && first.key == ["id"])
    #expect(sync.rule(of: "shop.tmp_1".utf8).ignore)
    #expect(sync.rule(of: "stock.cart_x".utf8).unique == .row)
    #expect(sync.rule(of: "stock.cart_xy".utf8).unique == nil)
    #expect(sync.rule(of: "shop.orders".utf8).unique == .columns(["a", "b"]))
    #expect(sync.log.fileFormat == .jsonLines && sync.log.compression == .gzip)
}

@Test func aPipelineWithoutTopicsLeavesThoseOfSyncsAlone() throws {
    let settings = try embedded(
        """
        pipelines: [{name: web, routes: [{table: web.access, format: combined}]}]
        syncs: [{name: shop, sources: [shop-changes], format: canal}]
        """)
    #expect(settings.collector.pipelines[0].topics == ["access"])
    #expect(settings.collector.topics == ["access", "changes"])
}

@Test(arguments: [
    ("", "\"pipelines\" and \"syncs\" are missing"),
    ("syncs: [{name: a, format: maxwel}]", "did you mean \"maxwell\"?"),
    ("syncs: [{name: a, sources: [x], format: canal}]", "no source has a name that sync \"a\" takes"),
    ("syncs: [{name: a, topics: [x], format: canal}]", "no source fills the topic \"x\""),
    ("syncs: [{name: a, format: canal}, {name: a, format: canal}]", "two syncs are named \"a\""),
    ("syncs: [{name: a-b, format: canal}, {name: a_b, format: canal}]", "two syncs keep schema changes in"),
    ("syncs: [{name: a, format: canal, table: shop.orders}]", "needs {table}"),
    ("syncs: [{name: a, format: canal, tables: [{match: a.b, unique: {only: [id]}}]}]", "\"unique\" has \"only\""),
    ("syncs: [{name: a, format: canal, tables: [{match: a.b, unique: all}]}]", "expected row, {columns: [a, b]}"),
    ("syncs: [{name: a, format: canal, tables: [{match: a.b, ignore: true, key: [c]}]}]", "means nothing for tables"),
    ("syncs: [{name: a, format: canal, tables: [{unique: row}]}]", "\"match\" is missing"),
])
func aWrongSyncIsRefusedWithAReason(_ text: String, _ reason: String) {
    do {
        _ = try embedded(text)
        Issue.record("taken: \(text)")
    } catch {
        #expect("\(error)".contains(reason), "\(error)")
    }
}

@Test func aPipelineAndASyncCannotShareAName() {
    do {
        _ = try embedded(
            """
            pipelines: [{name: a, routes: [{table: web.access, format: combined}]}]
            syncs: [{name: a, format: canal}]
            """)
        Issue.record("taken")
    } catch {
        #expect("\(error)".contains("a pipeline is named \"a\" too"), "\(error)")
    }
}
