import Change
import Columns
import Event
import Platform
import Schema
import Testing

@testable import Replay
import TimeZone

extension SyncReport {
    var isClean: Bool { days.allSatisfy { $0.contradictions.isEmpty } }
    var isMade: Bool { days.allSatisfy { $0.isMade } }
}

@Test func rowsInsertedAndModifiedAreInTheState() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"tea","amount":3.50}"#, at: 10),
            insert("orders", #"{"id":2,"item":"cup","amount":7}"#, at: 20),
            update("orders", #"{"item":"tea"}"#, #"{"id":1,"item":"green tea","amount":3.50}"#, at: 30),
        ], to: "orders", day: "2026-11-20")
    try warehouse.write(
        [
            delete("orders", #"{"id":2,"item":"cup","amount":7.00}"#, at: 40),
            update("orders", #"{"id":1}"#, #"{"id":5,"item":"green tea","amount":3.50}"#, at: 50),
        ], to: "orders", day: "2026-11-21")
    let replay = try SyncReplay(sync(), warehouse: warehouse.path, passedDay: CivilDay.number(of: "2026-11-21"))
    let report = try replay.run()
    #expect(report.problems == [])
    #expect(report.days.map(\.contradictions) == [[:], [:]])
    #expect(try warehouse.columns("orders", "2026-11-20") == ["id", "item", "amount"])
    #expect(
        try warehouse.visible("orders", "2026-11-20")
            == [[.word(1), .text("green tea"), .word(350)], [.word(2), .text("cup"), .word(700)]])
    #expect(try warehouse.visible("orders", "2026-11-21") == [[.word(5), .text("green tea"), .word(350)]])
    let names = try Syscalls.list(warehouse.path + "/shop/orders/dt=2026-11-20")
    #expect(names.contains("_SUCCESS"))
    let open = try Syscalls.list(warehouse.path + "/shop/orders/dt=2026-11-21")
    #expect(!open.contains("_SUCCESS"))
    // Again: nothing to do.
    #expect(try replay.run().days.allSatisfy { !$0.isMade })
}

@Test func twoIdenticalRowsAreOneRecord() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(events, at: 1), ddl(cart, at: 2)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("events", #"{"id":1,"who":"a","what":"x"}"#, at: 10),
            insert("events", #"{"id":2,"who":"a","what":"x"}"#, at: 11),
            insert("events", #"{"id":3,"who":"b","what":"x"}"#, at: 12),
        ], to: "events", day: "2026-11-20")
    try warehouse.write(
        [insert("cart", #"{"who":"a","what":"x"}"#, at: 13), insert("cart", #"{"who":"a","what":"x"}"#, at: 14)],
        to: "cart", day: "2026-11-20")
    try warehouse.write(
        [update("events", #"{"what":"x"}"#, #"{"id":1,"who":"a","what":"y"}"#, at: 20)], to: "events",
        day: "2026-11-21")
    try warehouse.write(
        [update("cart", #"{"what":"x"}"#, #"{"who":"a","what":"y"}"#, at: 21)], to: "cart", day: "2026-11-21")
    try warehouse.write(
        [delete("events", #"{"id":2,"who":"a","what":"x"}"#, at: 30)], to: "events", day: "2026-11-22")
    try warehouse.write([delete("cart", #"{"who":"a","what":"x"}"#, at: 31)], to: "cart", day: "2026-11-22")
    let spec = sync([
        rule("shop.events") { $0.unique = .except(["id"]) }, rule("shop.cart") { $0.unique = .row },
    ])
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(report.isClean)
    let (a, b, x, y) = (Value.text("a"), Value.text("b"), Value.text("x"), Value.text("y"))
    #expect(try warehouse.visible("events", "2026-11-20") == [[.word(1), a, x], [.word(3), b, x]])
    #expect(try warehouse.visible("events", "2026-11-21") == [[.word(1), a, y], [.word(2), a, x], [.word(3), b, x]])
    #expect(try warehouse.visible("events", "2026-11-22") == [[.word(1), a, y], [.word(3), b, x]])
    #expect(try warehouse.visible("cart", "2026-11-20") == [[a, x]])
    #expect(try warehouse.visible("cart", "2026-11-21") == [[a, x], [a, y]])
    #expect(try warehouse.visible("cart", "2026-11-22") == [[a, y]])
    // All rows are shown without the rule.
    #expect(try SyncReplay(sync(), warehouse: warehouse.path).run().days.contains { $0.isMade })
    #expect(try warehouse.visible("cart", "2026-11-20") == [[a, x], [a, x]])
    #expect(try warehouse.visible("events", "2026-11-20")?.count == 3)
}

@Test func theTwinThatShowsGivesItsPlaceToTheNext() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(events, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("events", #"{"id":7,"who":"a","what":"x"}"#, at: 10),
            insert("events", #"{"id":2,"who":"a","what":"x"}"#, at: 11),
        ], to: "events", day: "2026-11-20")
    try warehouse.write(
        [delete("events", #"{"id":7,"who":"a","what":"x"}"#, at: 20)], to: "events", day: "2026-11-21")
    let spec = sync([rule("*") { $0.unique = .columns(["who", "what"]) }])
    _ = try SyncReplay(spec, warehouse: warehouse.path).run()
    #expect(try warehouse.visible("events", "2026-11-20") == [[.word(7), .text("a"), .text("x")]])
    #expect(try warehouse.visible("events", "2026-11-21") == [[.word(2), .text("a"), .text("x")]])
}

@Test func aTruncateTakesWhatWasBeforeIt() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1), ddl("TRUNCATE TABLE orders", at: 15)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10),
            insert("orders", #"{"id":2,"item":"b","amount":1}"#, at: 20),
        ], to: "orders", day: "2026-11-20")
    try warehouse.write(
        [
            ChangeSample(op: "truncate", table: "orders", place: place(30)),
            insert("orders", #"{"id":2,"item":"c","amount":1}"#, at: 31),
        ], to: "orders", day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("orders", "2026-11-20") == [[.word(2), .text("b"), .word(100)]])
    #expect(try warehouse.visible("orders", "2026-11-21") == [[.word(2), .text("c"), .word(100)]])
    #expect(report.isClean)
}

@Test func aDeleteOfTheDayBeforeThatComesADayLateMakesBothDaysAnew() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10),
            insert("orders", #"{"id":2,"item":"b","amount":1}"#, at: 11),
        ], to: "orders", day: "2026-11-20")
    try warehouse.write([insert("orders", #"{"id":3,"item":"c","amount":1}"#, at: 20)], to: "orders", day: "2026-11-21")
    let replay = try SyncReplay(sync(), warehouse: warehouse.path)
    _ = try replay.run()
    try warehouse.write([delete("orders", #"{"id":1,"item":"a","amount":1}"#, at: 12)], to: "orders", day: "2026-11-20")
    let report = try replay.run()
    #expect(report.isMade)
    #expect(try warehouse.visible("orders", "2026-11-20")?.count == 1)
    #expect(try warehouse.visible("orders", "2026-11-21")?.count == 2)
}

@Test func changesThatOverlapInPlaceAcrossDaysAreOrderedByPlace() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    // The partition of the update passed midnight before the one of the delete.
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10),
            delete("orders", #"{"id":1,"item":"b","amount":1}"#, at: 30),
        ], to: "orders", day: "2026-11-20")
    try warehouse.write(
        [update("orders", #"{"item":"a"}"#, #"{"id":1,"item":"b","amount":1}"#, at: 20)], to: "orders",
        day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("orders", "2026-11-21") == [])
    #expect(report.days.last?.contradictions == [:])
}

@Test func columnsThatComeAndGoLeaveTheStateAsTheDatabaseHasIt() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write([insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10)], to: "orders", day: "2026-11-20")
    try warehouse.write(
        [
            ddl("ALTER TABLE orders ADD COLUMN note VARCHAR(9) NOT NULL DEFAULT 'none' AFTER id", at: 15),
            ddl("ALTER TABLE orders MODIFY id BIGINT NOT NULL, DROP COLUMN item", at: 25),
        ], to: nil, day: "2026-11-21")
    try warehouse.write(
        [
            insert("orders", #"{"id":2,"note":"n","item":"b","amount":2}"#, at: 20),
            insert("orders", #"{"id":3,"note":"m","amount":3}"#, at: 30),
        ], to: "orders", day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.columns("orders", "2026-11-21") == ["id", "note", "amount"])
    #expect(
        try warehouse.visible("orders", "2026-11-21") == [
            [.word(1), .text("none"), .word(100)], [.word(2), .text("n"), .word(200)],
            [.word(3), .text("m"), .word(300)],
        ])
    #expect(report.days.allSatisfy { $0.rejections.isEmpty && $0.contradictions.isEmpty }, "\(report)")
}

@Test func aKeyThatChangesIsFollowed() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(cart, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [insert("cart", #"{"who":"a","what":"x"}"#, at: 10), insert("cart", #"{"who":"b","what":"x"}"#, at: 11)],
        to: "cart", day: "2026-11-20")
    try warehouse.write([ddl("ALTER TABLE cart ADD PRIMARY KEY (who)", at: 20)], to: nil, day: "2026-11-21")
    try warehouse.write(
        [
            delete("cart", #"{"who":"b","what":"x"}"#, at: 15),
            insert("cart", #"{"who":"c","what":"x"}"#, at: 16),
            update("cart", #"{"what":"x"}"#, #"{"who":"a","what":"y"}"#, at: 30),
        ], to: "cart", day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(
        try warehouse.visible("cart", "2026-11-21") == [[.text("a"), .text("y")], [.text("c"), .text("x")]])
    #expect(report.isClean)
}

@Test func tablesThatSwapNamesKeepTheirRows() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write(
        [ddl("CREATE TABLE a (id INT PRIMARY KEY)", at: 1), ddl("CREATE TABLE b (id INT PRIMARY KEY)", at: 2)],
        to: nil, day: "2026-11-20")
    try warehouse.write([insert("a", #"{"id":1}"#, at: 10)], to: "a", day: "2026-11-20")
    try warehouse.write([insert("b", #"{"id":2}"#, at: 11)], to: "b", day: "2026-11-20")
    try warehouse.write([ddl("RENAME TABLE a TO t, b TO a, t TO b", at: 20)], to: nil, day: "2026-11-21")
    try warehouse.write([insert("a", #"{"id":12}"#, at: 15), insert("a", #"{"id":22}"#, at: 25)], to: "a", day: "2026-11-21")
    try warehouse.write([delete("b", #"{"id":1}"#, at: 30)], to: "b", day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("a", "2026-11-21") == [[.word(2)], [.word(22)]])
    #expect(try warehouse.visible("b", "2026-11-21") == [[.word(12)]])
    #expect(report.isClean)
}

@Test func aTableThatIsDroppedAndMadeAnewBeginsEmpty() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write([insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10)], to: "orders", day: "2026-11-20")
    try warehouse.write([ddl("DROP TABLE orders", at: 20)], to: nil, day: "2026-11-21")
    try warehouse.write([ddl("CREATE TABLE orders (code CHAR(3) PRIMARY KEY)", at: 30)], to: nil, day: "2026-11-22")
    try warehouse.write([insert("orders", #"{"code":"abc"}"#, at: 40)], to: "orders", day: "2026-11-22")
    _ = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("orders", "2026-11-20")?.count == 1)
    #expect(try warehouse.visible("orders", "2026-11-21") == nil)
    #expect(try warehouse.visible("orders", "2026-11-22") == [[.text("abc")]])
}

@Test func withoutStatementsTypesAreFoundInTheValues() throws {
    let warehouse = try SampleWarehouse()
    var first = insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10)
    first.key = #"["id"]"#
    try warehouse.write([first], to: "orders", day: "2026-11-20")
    var second = update("orders", #"{"amount":1}"#, #"{"id":1,"item":"a","amount":1.25}"#, at: 20)
    second.key = #"["id"]"#
    try warehouse.write([second], to: "orders", day: "2026-11-21")
    let report = try SyncReplay(sync(), warehouse: warehouse.path).run()
    #expect(try warehouse.visible("orders", "2026-11-20") == [[.word(1), .text("a"), .word(1)]])
    #expect(try warehouse.visible("orders", "2026-11-21") == [[.word(1), .text("a"), .word(125)]])
    #expect(report.days.allSatisfy { $0.contradictions.isEmpty }, "\(report)")
}

@Test func deletesAreMarkedWhereThatIsWanted() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write(
        [
            insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10),
            insert("orders", #"{"id":2,"item":"b","amount":1}"#, at: 11),
        ], to: "orders", day: "2026-11-20")
    try warehouse.write([delete("orders", #"{"id":1,"item":"a","amount":1}"#, at: 20)], to: "orders", day: "2026-11-21")
    try warehouse.write([insert("orders", #"{"id":1,"item":"c","amount":1}"#, at: 30)], to: "orders", day: "2026-11-22")
    let spec = sync([rule("*") { $0.deletes = .mark }])
    let report = try SyncReplay(spec, warehouse: warehouse.path).run()
    let two: Row = [.word(2), .text("b"), .word(100), .word(0)]
    #expect(try warehouse.visible("orders", "2026-11-21") == [[.word(1), .text("a"), .word(100), .word(1)], two])
    #expect(try warehouse.visible("orders", "2026-11-22") == [[.word(1), .text("c"), .word(100), .word(0)], two])
    #expect(report.isClean)
}

@Test func aDayIsTheSameBytesHoweverOftenItIsMade() throws {
    let warehouse = try SampleWarehouse()
    try warehouse.write([ddl(orders, at: 1)], to: nil, day: "2026-11-20")
    try warehouse.write([insert("orders", #"{"id":1,"item":"a","amount":1}"#, at: 10)], to: "orders", day: "2026-11-20")
    let replay = try SyncReplay(sync(), warehouse: warehouse.path)
    _ = try replay.run()
    let first = try Syscalls.list(warehouse.path + "/shop/orders/dt=2026-11-20").sorted()
    ScratchFolder.remove(warehouse.path + "/_millrace")
    #expect(try replay.run().isMade)
    #expect(try Syscalls.list(warehouse.path + "/shop/orders/dt=2026-11-20").sorted() == first)
}
