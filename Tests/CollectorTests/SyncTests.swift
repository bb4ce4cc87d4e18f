@testable import Collector
import Columns
import Event
import JSON
import Platform
import Sinks
import Testing
import Transport

/// One change of a made-up source, as Maxwell writes it.
private struct SourceChange {
    var table: String
    var position: Int
    var row: Int?
    var id: Int
    var time = 1_709_100_000
    var type = "insert"

    var text: String {
        let number = row.map { "\"xoffset\":\($0)," } ?? "\"commit\":true,"
        return "{\"database\":\"shop\",\"table\":\"\(table)\",\"type\":\"\(type)\",\"ts\":\(time),\"xid\":\(position),"
            + number + "\"position\":\"bin.000001:\(position)\",\"primary_key_columns\":[\"id\"],\"data\":{\"id\":\(id)}}"
    }
}

@Suite(.serialized) struct SyncTests {
    @Test func allFaultsOfASyncAreNamedAtOnce() {
        var sync = SyncSpec(name: "shop", topics: ["changes"], format: .canal)
        #expect(CollectorCheck.failures(of: sync).isEmpty)
        (sync.toolZone, sync.sessionZone) = ("Asia/Shanghai", "Etc/GMT-8")
        #expect(CollectorCheck.failures(of: sync).isEmpty)
        (sync.table, sync.toolZone, sync.sessionZone) = ("one", "Nowhere/Bad", "+08:00")
        (sync.log.timeZone, sync.log.partitionName) = ("X/Y", "OP")
        let faults = CollectorCheck.failures(of: sync)
        let zones = [String](repeating: "config.bad_time_zone", count: 3)
        #expect(faults.map(\.code) == ["config.bad_sync"] + zones + ["config.bad_sync"])
        #expect(faults.allSatisfy { $0.message.contains("sync shop") })
        #expect(throws: Failure.self) { try SyncPlan(sync) }
    }

    private func bench(_ format: SyncSpec.Format, partitions: Int32 = 1, _ change: (inout SyncSpec) -> Void = { _ in }) -> Bench {
        let bench = Bench(["changes": partitions], pipelines: [])
        var sync = SyncSpec(name: "shop", topics: ["changes"], format: format)
        sync.log.fileFormat = .jsonLines
        sync.log.compression = .none
        change(&sync)
        bench.syncs = [sync]
        return bench
    }

    private func send(_ bench: Bench, _ texts: [String], partition: Int32 = 0) {
        for text in texts {
            bench.broker.append(
                place("changes", partition), key: nil, value: Array(text.utf8), timestamp: 1_800_000_000_000)
        }
    }

    private func changes(_ bench: Bench, _ table: String) throws -> [JSONValue] {
        try bench.rows(table.replacing(".", with: "/")).compactMap { JSONValue(parsing: $0) }
    }

    /// (position, row) of every change of a table, sorted.
    private func places(_ bench: Bench, _ table: String) throws -> [[Int64]] {
        try changes(bench, table).map { [$0["place_position"]?.integer ?? -1, $0["place_row"]?.integer ?? -1] }
            .sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func source(_ seed: UInt64, tables: Int, transactions: Int) -> [SourceChange] {
        var generator = SeededGenerator(seed: seed)
        var changes: [SourceChange] = []
        for transaction in 0..<transactions {
            let count = Int.random(in: 1...4, using: &generator)
            for row in 0..<count {
                let table = "t\(Int.random(in: 0..<tables, using: &generator))"
                changes.append(
                    SourceChange(
                        table: table, position: 100 + 10 * transaction, row: row + 1 < count ? row : nil,
                        id: changes.count))
            }
        }
        return changes
    }

    @Test func aTopicThatComesThreeTimesAndShuffledByTableIsOneChangeLog() throws {
        for seed in 1...1 as ClosedRange<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let bench = bench(.maxwell, partitions: 3)
            let all = source(seed, tables: 4, transactions: 60)
            for _ in 0..<3 {
                let shift = Int.random(in: 0..<3, using: &generator)
                var cut = 0
                // Why in two parts: a collector that goes on where another one stopped.
                for end in [Int.random(in: 0...all.count, using: &generator), all.count] {
                    for change in all[cut..<end] {
                        let partition = (Int(change.table.dropFirst()) ?? 0) + shift
                        send(bench, [change.text], partition: Int32(partition % 3))
                    }
                    cut = end
                    try bench.collect()
                }
            }
            for table in 0..<4 {
                let wanted = all.filter { $0.table == "t\(table)" }.map { [Int64($0.position), $0.row.map(Int64.init) ?? Int64(UInt32.max)] }
                #expect(try places(bench, "shop.t\(table)_changes") == wanted, "seed \(seed), table \(table)")
            }
            let balance = try bench.balance("shop")
            #expect(balance.written == UInt64(all.count) && balance.duplicate == UInt64(2 * all.count), "seed \(seed)")
        }
    }

    @Test func whatADeliveryFromTheMiddleLackedIsTakenFromALaterOne() throws {
        for seed in 1...2 as ClosedRange<UInt64> {
            var generator = SeededGenerator(seed: seed)
            let bench = bench(.maxwell)
            let all = source(seed, tables: 2, transactions: 40)
            var end = all.count - 1
            for _ in 0..<3 {
                // Why not behind the last one: what a tool leaves out and fills in later is not seen as such.
                let from = Int.random(in: 0...end, using: &generator)
                let to = Int.random(in: from...all.count, using: &generator)
                end = to
                send(bench, all[from..<to].map(\.text))
            }
            send(bench, all.map(\.text))
            try bench.collect()
            var count = 0
            for table in 0..<2 { count += try changes(bench, "shop.t\(table)_changes").count }
            #expect(count == all.count, "seed \(seed)")
        }
    }

    @Test func whatWasRefusedCanComeLaterByItsPlace() throws {
        let bench = bench(.maxwell)
        let all = source(1, tables: 1, transactions: 20).map(\.text)
        var damaged = all
        damaged[7] = String(damaged[7].dropLast(3))
        send(bench, damaged)
        try bench.collect()
        #expect(try changes(bench, "shop.t0_changes").count == all.count - 1)
        #expect(try bench.quarantine().count == 1)
        send(bench, all)
        try bench.collect()
        #expect(try places(bench, "shop.t0_changes").count == all.count)
        #expect(try bench.balance("shop").written == UInt64(all.count))
    }

    @Test func theDayIsTheRunningMaximumOfTheCommitDate() throws {
        let bench = bench(.maxwell)
        let midnight = 1_709_164_800  // 2024-02-29T00:00:00Z
        let times = [midnight - 10, midnight + 1, midnight - 5, midnight + 86_400]
        let all = times.enumerated().map { index, time in
            SourceChange(table: "t", position: 100 + index, row: 0, id: index, time: time).text
        }
        for _ in 0..<2 {
            send(bench, all)
            try bench.collect()
        }
        let days = try Syscalls.list(bench.root + "/shop/t_changes").sorted()
        #expect(days == ["dt=2024-02-28", "dt=2024-02-29", "dt=2024-03-01"])
        let second = try bench.rows("shop/t_changes/dt=2024-02-29").compactMap { JSONValue(parsing: $0)?["place_position"]?.integer }
        #expect(second.sorted() == [101, 102])
    }

    @Test func debeziumsKeysAreNamedAndItsTombstonesCounted() throws {
        let bench = bench(.debezium)
        func record(_ op: String, _ row: Int, before: String, after: String) -> String {
            "{\"before\":\(before),\"after\":\(after),\"source\":{\"ts_ms\":1709100000000,\"snapshot\":\"false\",\"db\":\"shop\","
                + "\"table\":\"level\",\"file\":\"bin.000002\",\"pos\":77,\"row\":\(row)},\"op\":\"\(op)\",\"ts_ms\":1}"
        }
        let key = Array("{\"sku\":\"a\",\"place\":1}".utf8)
        let target = place("changes", 0)
        // A key change: delete and insert of one row; then the same again.
        for _ in 0..<2 {
            bench.broker.append(target, key: key, value: Array(record("d", 3, before: "{\"sku\":\"a\"}", after: "null").utf8))
            bench.broker.append(target, key: key, value: nil)
            bench.broker.append(target, key: key, value: Array(record("c", 3, before: "null", after: "{\"sku\":\"b\"}").utf8))
        }
        try bench.collect()
        let rows = try changes(bench, "shop.level_changes")
        #expect(rows.compactMap { $0["op"]?.string }.sorted() == ["delete", "insert"])
        #expect(rows.allSatisfy { $0["key"]?.text == "[\"sku\",\"place\"]" })
        #expect(rows.allSatisfy { $0["place_file"]?.integer == 2 && $0["place_row"]?.integer == 3 })
        let state = try bench.state().pipelines["shop"]
        #expect(state?.notices["tombstone"] == 2)
        #expect(state?.balance.duplicate == 2 && state?.balance.filtered == 2)
    }

    @Test func aSnapshotThatComesTwiceIsTakenOnce() throws {
        let bench = bench(.debezium, partitions: 2)
        func row(_ id: Int) -> String {
            "{\"before\":null,\"after\":{\"id\":\(id)},\"source\":{\"ts_ms\":1709100000000,\"snapshot\":\"true\",\"db\":\"shop\","
                + "\"table\":\"level\",\"file\":\"bin.000002\",\"pos\":77,\"row\":0},\"op\":\"r\",\"ts_ms\":1}"
        }
        func sendKeyed(_ bench: Bench, _ ids: Range<Int>) {
            for id in ids {
                bench.broker.append(
                    place("changes", 0), key: Array("{\"id\":\(id)}".utf8), value: Array(row(id).utf8),
                    timestamp: 1_800_000_000_000)
            }
        }
        for round in 0..<3 {
            sendKeyed(bench, 0..<20)
            if round == 0 { try bench.collect() }
        }
        try bench.collect()
        #expect(try changes(bench, "shop.level_changes").count == 20)
        // From its middle: nothing of it may be taken for what came before, and nothing is lost.
        let other = self.bench(.debezium)
        sendKeyed(other, 5..<20)
        sendKeyed(other, 0..<20)
        try other.collect()
        let ids = Set(try changes(other, "shop.level_changes").compactMap { $0["after"]?["id"]?.integer })
        #expect(ids == Set(0..<20))
    }

    @Test func aStatementThatComesTwiceIsTakenOnce() throws {
        let bench = bench(.maxwell)
        let text = "{\"type\":\"table-create\",\"database\":\"shop\",\"table\":\"t\",\"ts\":1709100000000,"
            + "\"sql\":\"CREATE TABLE t (a INT)\",\"position\":\"bin.000001:4\"}"
        send(bench, [text, text, text])
        try bench.collect()
        #expect(try changes(bench, "millrace.shop_ddl_changes").count == 1)
        #expect(try bench.balance("shop").duplicate == 2)
    }

    @Test func hostileNamesStayInsideTheWarehouse() throws {
        let bench = bench(.maxwell) { sync in
            sync.tables = [SyncTableSpec(match: "shop.tmp_*")]
            sync.tables[0].ignore = true
        }
        let names = ["a/b", "..", ".", "", "o.r", "\\u0007bell", "%2e", "_x", "quo\\\"te", "orders_changes", "tmp_1", "Persian: فروش"]
        for (index, name) in names.enumerated() {
            send(bench, [SourceChange(table: name, position: 100 + index, row: 0, id: index).text])
        }
        try bench.collect()
        let folders = try Syscalls.list(bench.root + "/shop").sorted()
        #expect(folders == [
            "%252e_changes", "%07bell_changes", "%5Fx_changes", "a%2Fb_changes", "o%2Er_changes",
            "orders%5Fchanges_changes", "quo%22te_changes", "Persian%3A%20فروش_changes",
        ].sorted())
        let state = try #require(try bench.state().pipelines["shop"])
        #expect(state.notices["ignored_table"] == 1)
        #expect(state.rejections == ["bad_table_name": 2, "missing": 1])
        #expect(try Syscalls.list(bench.root).sorted() == ["_millrace", "shop"])
    }

    @Test func aCanalMessageHasARowForEachOfItsRows() throws {
        let bench = bench(.canal)
        send(bench, [
            "{\"data\":[{\"id\":\"1\"},{\"id\":\"2\"}],\"database\":\"shop\",\"es\":1709100000000,\"id\":1,\"isDdl\":false,"
                + "\"mysqlType\":{\"id\":\"INT\"},\"old\":[{\"id\":\"8\"},{\"id\":\"9\"}],\"pkNames\":[\"id\"],\"table\":\"t\","
                + "\"ts\":1,\"type\":\"UPDATE\"}",
            "{\"data\":null,\"database\":\"\",\"es\":1709100000000,\"isDdl\":false,\"sql\":\"x\",\"table\":\"\",\"type\":\"QUERY\"}",
            "{\"data\":null,\"database\":\"shop\",\"es\":1709100000000,\"isDdl\":true,\"sql\":\"ALTER TABLE t ADD a INT\","
                + "\"table\":\"t\",\"type\":\"ALTER\"}",
        ])
        try bench.collect()
        let rows = try changes(bench, "shop.t_changes").sorted { ($0["entry"]?.integer ?? 0) < ($1["entry"]?.integer ?? 0) }
        #expect(rows.map { $0["before"]?["id"]?.string } == ["8", "9"])
        #expect(rows.map { $0["after"]?["id"]?.string } == ["1", "2"])
        #expect(rows.map { $0["types"]?.text } == ["{\"id\":\"INT\"}", "{\"id\":\"INT\"}"])
        let ddl = try changes(bench, "millrace.shop_ddl_changes")
        #expect(ddl.compactMap { $0["sql"]?.string } == ["ALTER TABLE t ADD a INT"])
        let balance = try bench.balance("shop")
        #expect(balance.received == 3 && balance.written == 2 && balance.filtered == 1)
        #expect(try bench.state().pipelines["shop"]?.notices["statement"] == 1)
    }

    @Test func aRecordOverSeveralLinesOfAFileIsOneChange() throws {
        let bench = bench(.maxwell)
        func text(_ position: Int, _ data: String) -> String {
            "{\"database\":\"shop\",\"table\":\"t\",\"type\":\"insert\",\"ts\":1709100000,\"xoffset\":0,"
                + "\"position\":\"bin.000001:\(position)\",\"data\":\(data)}"
        }
        var writer = Writer(1)
        let lines = [
            text(1, "{\"id\":1}"), text(2, "{\"doc\":{\n  \"a}\": [1,\n {\"b\": 2}]\n}}"), text(3, "{\"id\":3}"),
            // Damaged: it must not take the good record behind it along.
            "{\"database\":\"shop\",\"data\":{", text(4, "{\"id\":4}"), text(5, "{\"doc\":[\n1]}"),
        ]
        for line in lines { writer.add(line) }
        writer.send(0, writer.bytes.count, to: bench.broker, place("changes", 0))
        try bench.collect()
        #expect(try places(bench, "shop.t_changes").map { $0[0] } == [1, 2, 3, 4, 5])
        let balance = try bench.balance("shop")
        #expect(balance.written == 5 && balance.filtered == 4 && balance.quarantined == 1)
        #expect(try bench.state().pipelines["shop"]?.notices["continued_line"] == 4)
    }
}
