import Change
import Columns
import Event
import JSON
import Platform
import Schema
import Testing

@testable import Replay

private let day = "2026-11-20"
private let next = "2026-11-21"

@Test func statusShowsTheRowsThatAreShown() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(events, at: 1)], to: nil, day: day)
    try warehouse.write(
        (1...3).map { insert("events", #"{"id":\#($0),"who":"a","what":"x"}"#, at: 10 + Int64($0)) }, to: "events", day: day)
    let spec = sync([rule("*") { $0.unique = .except(["id"]) }])
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    let status = try StateReader(spec, warehouse: warehouse.path).status()
    #expect(status.map(\.rowCount) == [3])
    #expect(status.map(\.visibleRowCount) == [1])
    // Also where the visible folder was lost and made again.
    ScratchFolder.remove(warehouse.path + "/shop/events")
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(report.days.map(\.visibleRowCount) == [1])
    #expect(try warehouse.visible("events", day)?.count == 1)
}

@Test func statusShowsWhatIsNotInTheStateYet() throws {
    let warehouse = try SampleWarehouse()
    let spec = sync()
    try warehouse.write([ddl(orders, at: 1), ddl(events, at: 2)], to: nil, day: day)
    try warehouse.write(
        (1...3).map { insert("orders", #"{"id":\#($0),"item":"a","amount":1}"#, at: 10 + Int64($0)) }, to: "orders",
        day: day)
    func behind() throws -> [String] {
        try StateReader(spec, warehouse: warehouse.path).status().map {
            "\($0.table) \($0.day) \($0.pending.changeCount)"
        }
    }
    #expect(try behind() == ["shop.orders  3"])
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(try behind() == ["shop.events \(day) 0", "shop.orders \(day) 0"])
    try warehouse.write([insert("orders", #"{"id":4,"item":"a","amount":1}"#, at: 20)], to: "orders", day: day)
    try warehouse.write([insert("orders", #"{"id":5,"item":"a","amount":1}"#, at: 21)], to: "orders", day: next)
    #expect(try behind() == ["shop.events \(day) 0", "shop.orders \(day) 2"])
    // One that stands before what the state has.
    try warehouse.write([insert("orders", #"{"id":6,"item":"a","amount":1}"#, at: 5)], to: "orders", day: day)
    #expect(try behind() == ["shop.events \(day) 0", "shop.orders \(day) 3"])
    try warehouse.write([insert("other", #"{"id":1}"#, at: 30)], to: "other", day: next)
    #expect(try behind() == ["shop.events \(day) 0", "shop.orders \(day) 3", "shop.other  1"])
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(try behind() == ["shop.events \(next) 0", "shop.orders \(next) 0", "shop.other \(next) 0"])
    // What came before a rename or a drop is in no state of that name, and waits for none.
    let last = "2026-11-22"
    try warehouse.write([insert("orders", #"{"id":7,"item":"a","amount":1}"#, at: 40)], to: "orders", day: last)
    try warehouse.write([insert("events", #"{"id":1,"who":"a","what":"x"}"#, at: 41)], to: "events", day: last)
    try warehouse.write(
        [ddl("RENAME TABLE orders TO bills", at: 42), ddl("DROP TABLE events", at: 43)], to: nil, day: last)
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(
        try behind() == [
            "shop.bills \(last) 0", "shop.events \(next) 0", "shop.orders \(next) 0", "shop.other \(last) 0",
        ])
}

@Test func whatDoesNotFitIsKeptWithItsReason() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: day)
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"12","amount":1}"#, at: 10),
            insert("orders", #"{"id":2,"item":"tea","amount":"much"}"#, at: 11),
            insert("orders", #"{"id":3,"item":"x""#, at: 12),
            insert("orders", #"{"item":"x","amount":1}"#, at: 13),
        ], to: "orders", day: day)
    try warehouse.write([ddl("ALTER TABLE orders MODIFY item INT", at: 20)], to: nil, day: next)
    // Converted on its way to the end of the day, too.
    try warehouse.write([insert("orders", #"{"id":4,"item":"cup","amount":1}"#, at: 15)], to: "orders", day: next)
    let replay = try SyncReplay(sync(), warehouse: warehouse.path)
    let report = try replay.run()
    #expect(
        report.days.map(\.rejections) == [
            ["unfit_value": 1, "broken_document": 1, "null_key": 1, "missing_column": 1], ["unfit_conversion": 2],
        ])
    #expect(
        try warehouse.visible("orders", next) == [
            [.word(1), .word(12), .word(100)], [.word(2), .null, .null], [.word(4), .null, .word(100)],
        ])
    let reader = try StateReader(sync(), warehouse: warehouse.path)
    let rejected = try reader.rejected(of: "shop.orders")
    #expect(rejected.map(\.day) == [day, next])
    let lines = rejected.map { String(decoding: $0.lines, as: UTF8.self).split(separator: "\n").map(String.init) }
    try #require(lines.map(\.count) == [3, 2])
    #expect(
        lines[0][0] == #"{"reason":"unfit_value","place":[0,1,11,0],"key":{"id":2},"column":"amount","#
            + #""type":"decimal(6,2)","text":"\"much\""}"#)
    #expect(lines[0][1] == #"{"reason":"broken_document","place":[0,1,12,0],"text":"{\"id\":3,\"item\":\"x\""}"#)
    #expect(lines[0][2].hasPrefix(#"{"reason":"null_key","place":[0,1,13,0],"text":"{"#))
    #expect(
        lines[1].sorted() == [
            #"{"reason":"unfit_conversion","key":{"id":2},"column":"item","type":"int32","text":"\"tea\""}"#,
            #"{"reason":"unfit_conversion","place":[0,1,15,0],"key":{"id":4},"column":"item","type":"int32","#
                + #""text":"\"cup\""}"#,
        ].sorted())
    #expect(try reader.rejected(of: "shop.orders", day: next).count == 1)
    // Equal inputs, equal lines.
    ScratchFolder.remove(warehouse.path + "/_millrace/state/shop/orders/dt=" + next)
    _ = try replay.run()
    #expect(try reader.rejected(of: "shop.orders").map(\.lines) == rejected.map(\.lines))
}

/// Rows that a dropped column told apart: what was deleted before was one of them, not the oldest of what they became.
@Test func aDeleteTakesTheRowThatItWasBeforeAnAlterMadeItEqualToAnother() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write(
        [ddl("CREATE TABLE events (v INT, c INT, x INT)", at: 1), ddl("ALTER TABLE events DROP COLUMN x", at: 20)],
        to: nil, day: day)
    try warehouse.write(
        [
            insert("events", #"{"v":1,"c":5,"x":1}"#, at: 10), insert("events", #"{"v":1,"c":6,"x":1}"#, at: 11),
            insert("events", #"{"v":1,"c":5,"x":2}"#, at: 12), delete("events", #"{"v":1,"c":5,"x":2}"#, at: 13),
        ], to: "events", day: day)
    _ = try SyncReplay(sync([rule("*") { $0.unique = .columns(["v"]) }]), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("events", day) == [[.word(1), .word(5)]])
}

@Test func valuesThatNoRecordTellsAreCounted() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: day)
    try warehouse.write(
        (1...4).map { insert("orders", #"{"id":\#($0),"item":"a","amount":1}"#, at: 10 + Int64($0)) }, to: "orders",
        day: day)
    try warehouse.write([ddl("ALTER TABLE orders ADD COLUMN token CHAR(36) DEFAULT (UUID())", at: 20)], to: nil, day: next)
    try warehouse.write([insert("orders", #"{"id":5,"item":"a","amount":1}"#, at: 15)], to: "orders", day: next)
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(report.days.map(\.losses) == [[:], ["unknown_fill": 5]])
}

@Test func statementsThatTakeRowsWithoutAChangeAreCounted() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1), ddl("ALTER TABLE orders TRUNCATE PARTITION p", at: 5)], to: nil, day: day)
    try warehouse.write([insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10)], to: "orders", day: day)
    try warehouse.write(
        [ddl("ALTER IGNORE TABLE orders ADD UNIQUE (item)", at: 20), ddl("ALTER TABLE orders DROP PARTITION q", at: 21)],
        to: nil, day: next)
    try warehouse.write([insert("orders", #"{"id":2,"item":"b","amount":1}"#, at: 30)], to: "orders", day: next)
    let replay = try SyncReplay(sync(), warehouse: warehouse.path)
    let report = try replay.run()
    #expect(report.problems == [])
    #expect(report.days.map(\.losses) == [["hidden_rows": 1], ["hidden_rows": 3]])
    // A TRUNCATE makes good what they did.
    try warehouse.write([ddl("TRUNCATE orders", at: 40)], to: nil, day: next)
    #expect(try replay.run().days.map(\.losses) == [["hidden_rows": 1], [:]])
}

@Test func theToolsWayOfWritingIsFoundOutBeforeTheFirstRow() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl("CREATE TABLE blobs (id INT PRIMARY KEY, b VARBINARY(9))", at: 1)], to: nil, day: day)
    var changes = [
        insert("blobs", #"{"id":1,"b":"abcd"}"#, at: 10), insert("blobs", #"{"id":2,"b":"0a0b0c"}"#, at: 11),
    ]
    for index in changes.indices { changes[index].tool = "debezium" }
    // In two files: what one tells holds for the other.
    try warehouse.write([changes[0]], to: "blobs", day: day)
    try warehouse.write([changes[1]], to: "blobs", day: day)
    var spec = sync()
    spec.format = .debezium
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    let found = try warehouse.visible("blobs", day)
    #expect(found?.count == 2 && report.days[0].losses == [:], "\(report.days)")
    let reader = try StateReader(spec, warehouse: warehouse.path)
    let row = try #require(try reader.row(of: "shop.blobs", key: ["1"]))
    #expect(row.columns[1].bytes(0).array == [0xAB, 0xCD])
}

@Test func anotherZoneOfTheToolMakesTheDaysAnew() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL)", at: 1)], to: nil, day: day)
    var change = insert("t", #"{"id":"1","at":"2026-11-20 08:00:00"}"#, at: 10)
    change.tool = "canal"
    try warehouse.write([change], to: "t", day: day)
    var spec = sync()
    spec.format = .canal
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    let first = try warehouse.visible("t", day)
    spec.toolZone = "Asia/Shanghai"
    #expect(try SyncReplay(spec, warehouse: warehouse.path).run().isMade)
    let second = try warehouse.visible("t", day)
    guard case .word(let before)? = first?[0][1], case .word(let after)? = second?[0][1] else {
        Issue.record("no times: \(first as Any), \(second as Any)")
        return
    }
    #expect(before - after == 8 * 3_600_000_000)
    #expect(try !SyncReplay(spec, warehouse: warehouse.path).run().isMade)
}

@Test func theSessionsZoneMakesStatesAnew() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl("CREATE TABLE t (id INT PRIMARY KEY, at TIMESTAMP NULL)", at: 1)], to: nil, day: day)
    try warehouse.write([insert("t", #"{"id":1,"at":"2026-11-20 08:00:00"}"#, at: 10)], to: "t", day: day)
    try warehouse.write([ddl("ALTER TABLE t MODIFY at DATETIME", at: 20)], to: nil, day: day)
    var spec = sync()
    var times: [Int64] = []
    for zone in [nil, "Asia/Shanghai"] {
        spec.sessionZone = zone
        #expect(try SyncReplay(spec, warehouse: warehouse.path).run().isMade)
        let status = try #require(try StateReader(spec, warehouse: warehouse.path).status().first)
        #expect(status.losses.isEmpty == (zone != nil))
        if case .word(let time)? = try warehouse.visible("t", day)?[0][1] { times.append(time) }
    }
    #expect(times.count == 2 && times[1] - times[0] == 8 * 3_600_000_000)
    spec.sessionZone = "Nowhere/Bad"
    #expect { try SyncReplay(spec, warehouse: warehouse.path) } throws: {
        ($0 as? Failure)?.message == "sync test names a time zone that there is not: 'Nowhere/Bad'"
    }
}

@Test func changesForDaysThatAreNotKeptAreReported() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: day)
    for number in 0..<4 {
        try warehouse.write(
            [insert("orders", #"{"id":\#(number),"item":"a","amount":1}"#, at: 10 + Int64(number))], to: "orders",
            day: "2026-11-2\(number)")
    }
    var spec = sync()
    spec.keepMilliseconds = 86_400_000
    #expect(try SyncReplay(spec, warehouse: warehouse.path).run().lateChanges == [:])
    try warehouse.write(
        [5, 6].map { insert("orders", #"{"id":\#($0),"item":"a","amount":1}"#, at: 9 + Int64($0)) }, to: "orders", day: day)
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(report.lateChanges == ["shop.orders": 2])
    #expect(try StateReader(spec, warehouse: warehouse.path).status().map(\.lateChangeCount) == [2])
    #expect(try warehouse.visible("orders", "2026-11-23")?.count == 4)
}

@Test func rowsWhoseKeyTheServerGaveAreNamed() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(cart, at: 1)], to: nil, day: day)
    try warehouse.write(
        (10...12).map { insert("cart", #"{"who":"a","what":"x"}"#, at: $0) }, to: "cart", day: day)
    try warehouse.write(
        [ddl("ALTER TABLE cart ADD id INT NOT NULL AUTO_INCREMENT PRIMARY KEY FIRST", at: 20)], to: nil, day: next)
    try warehouse.write([insert("cart", #"{"id":4,"who":"b","what":"y"}"#, at: 30)], to: "cart", day: next)
    try warehouse.write(
        [update("cart", #"{"what":"y"}"#, #"{"id":4,"who":"b","what":"z"}"#, at: 40)], to: "cart", day: "2026-11-22")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    let old: Row = [.null, .text("a"), .text("x")]
    #expect(try warehouse.visible("cart", next) == [old, old, old, [.word(4), .text("b"), .text("y")]])
    #expect(try warehouse.visible("cart", "2026-11-22") == [old, old, old, [.word(4), .text("b"), .text("z")]])
    #expect(report.days.map { $0.rejections["unknown_key"] } == [nil, 3, 3])
    #expect(report.days[1].losses == ["unknown_fill": 3])
}

@Test func aReadingOfATableWithoutKeyBeginsItAnew() throws {
    let warehouse = try SampleWarehouse()
    func mark(_ op: String, _ position: Int64, _ row: Int64) -> ChangeSample {
        ChangeSample(op: op, table: "cart", place: place(position, row))
    }
    func read(_ who: String, _ position: Int64, _ row: Int64) -> ChangeSample {
        ChangeSample(op: "snapshot", table: "cart", place: place(position, row), after: #"{"who":"\#(who)","what":"x"}"#)
    }
    try warehouse.write([ddl(cart, at: 1)], to: nil, day: day)
    try warehouse.write(
        [
            insert("cart", #"{"who":"a","what":"x"}"#, at: 10), insert("cart", #"{"who":"a","what":"x"}"#, at: 11),
            // Broken off, and begun again; over midnight.
            mark("snapshot_start", 20, 0), read("a", 20, 1),
            mark("snapshot_start", 30, 0), read("a", 30, 1), read("a", 30, 2),
        ], to: "cart", day: day)
    try warehouse.write(
        [read("b", 30, 3), mark("snapshot_end", 30, 4), insert("cart", #"{"who":"c","what":"x"}"#, at: 40)], to: "cart",
        day: next)
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    let row = { (who: String) -> Row in [.text(who), .text("x")] }
    #expect(try warehouse.visible("cart", day) == [row("a"), row("a")])
    #expect(try warehouse.visible("cart", next) == [row("a"), row("a"), row("b"), row("c")])
    #expect(report.isClean)
}

@Test func theFirstInSourceOrderShowsInTablesWithoutKeyToo() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(cart, at: 1)], to: nil, day: day)
    try warehouse.write(
        [
            insert("cart", #"{"who":"a","what":"z"}"#, at: 10), insert("cart", #"{"who":"a","what":"x"}"#, at: 11),
            insert("cart", #"{"who":"a","what":"z"}"#, at: 12),
        ], to: "cart", day: day)
    try warehouse.write([delete("cart", #"{"who":"a","what":"z"}"#, at: 20)], to: "cart", day: next)
    try warehouse.write([delete("cart", #"{"who":"a","what":"x"}"#, at: 30)], to: "cart", day: "2026-11-22")
    let spec = sync([rule("*") { $0.unique = .columns(["who"]) }])
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(try warehouse.visible("cart", day) == [[.text("a"), .text("z")]])
    // Of two equal rows the older one is taken.
    #expect(try warehouse.visible("cart", next) == [[.text("a"), .text("x")]])
    #expect(try warehouse.visible("cart", "2026-11-22") == [[.text("a"), .text("z")]])
    #expect(report.days.map(\.rowCount) == [3, 2, 1])
}

@Test func deletesThatAreNotMarkedAnyMoreAreGone() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: day)
    for number in 0..<4 {
        try warehouse.write(
            [insert("orders", #"{"id":\#(number),"item":"a","amount":1}"#, at: 10 + Int64(number))], to: "orders",
            day: "2026-11-2\(number)")
    }
    try warehouse.write([delete("orders", #"{"id":0,"item":"a","amount":1}"#, at: 50)], to: "orders", day: day)
    var spec = sync([rule("*") { $0.deletes = .mark }])
    spec.keepMilliseconds = 86_400_000
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(try warehouse.visible("orders", "2026-11-23")?.count == 4)
    // The state that the kept days begin with stays as it is; what is made from it goes by the new rule.
    for rules in [[], [rule("*") { $0.deletes = .mark; $0.unique = .row }]] {
        spec.tables = rules
        #expect(try SyncReplay(spec, warehouse: warehouse.path).run().days.allSatisfy(\.isMade))
        #expect(try warehouse.visible("orders", "2026-11-23")?.count == (rules.isEmpty ? 3 : 4))
    }
}
