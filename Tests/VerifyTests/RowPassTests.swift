import Columns
import Event
import Testing

@testable import Verify

private let row = RowText(
    [
        ColumnText(name: "id", type: "bigint", shape: ColumnShape(.int64)),
        ColumnText(name: "what", type: "varchar", shape: ColumnShape(.string)),
        ColumnText(name: "score", type: "double", shape: ColumnShape(.double)),
        ColumnText(name: "j", type: "json", shape: ColumnShape(.string)),
    ], key: [0], table: "`shop`.`account`", isDistinct: false)
private let key = RangeKey(name: "id", index: "PRIMARY", place: 0)

private func texts(_ values: [String?]) -> [[UInt8]?] { values.map { $0.map { Array($0.utf8) } } }

@Test func differencesComeInTheOrderOfTheNumbers() {
    var pass = RowPass(row, limits: RowPass.Limits())
    for id in ["-7", "2", "10", "18446744073709551615"] { pass.add(database: texts([id, "tea", "1.5", "[1.0]"])) }
    pass.add(warehouse: texts(["2", "tea", "1.50", "[1]"]))
    pass.add(warehouse: texts(["10", "jam", "1.5", "[1, 2]"]))
    pass.add(warehouse: texts(["9", nil, nil, nil]))
    let found = pass.differences(by: key)
    #expect(found.map(\.key) == [-7, 9, 10, 18_446_744_073_709_551_615])
    #expect(found.map(\.difference.databaseCount) == [1, 0, 1, 1])
    #expect(found.map(\.difference.warehouseCount) == [0, 1, 1, 0])
    #expect(found[2].difference.columns.map(\.name) == ["what", "j"])
}

@Test func whatIsTooLargeIsNoDifference() {
    var pass = RowPass(row, limits: RowPass.Limits(rowCount: 2))
    for id in 1...3 { pass.add(database: texts(["\(id)", "tea", nil, nil])) }
    for id in 1...3 { pass.add(warehouse: texts(["\(id)", "tea", nil, nil])) }
    #expect(pass.isOver && pass.differences(10).isEmpty && pass.differences(by: key).isEmpty)
    var wide = RowPass(row, limits: RowPass.Limits(byteCount: 1_000))
    wide.add(database: texts(["1", String(repeating: "x", count: 1_000), nil, nil]))
    #expect(wide.isOver)
}

@Test func equalRowsAreCountedOnBothSides() {
    var pass = RowPass(row, limits: RowPass.Limits())
    for _ in 0..<3 { pass.add(database: texts(["1", "tea", nil, nil])) }
    pass.add(warehouse: texts(["1", "tea", nil, nil]))
    let found = pass.differences(10)
    #expect(found.map(\.databaseCount) == [2] && found.map(\.warehouseCount) == [0])
}

@Test func aRangeIsAskedForByItsIndex() {
    let query = row.sumQuery(KeyRange(from: -3, below: 18_446_744_073_709_551_615), key, limit: 8)
    #expect(
        query.hasSuffix(
            "FROM `shop`.`account` FORCE INDEX (`PRIMARY`) WHERE `id` >= -3 AND `id` < 18446744073709551615 "
                + "ORDER BY `id` LIMIT 8) t"))
    #expect(row.rowsQuery(KeyRange(), key).hasSuffix("FORCE INDEX (`PRIMARY`) ORDER BY `id`"))
}

// MySQL 9.7 cuts the text of a DOUBLE after 22 characters, MariaDB does not.
@Test(arguments: [
    ("-4.999999955e-17", "-4.9999999549999996e-17", true), ("-1.797693134862316e308", "-1.7976931348623157e308", true),
    ("-4.99e-17", "-4.9999999549999996e-17", false), ("1.5", "1.50", true), ("0.1", "0.10000000000000002", false),
    ("-0", "0", true), ("1e20", "100000000000000000000", true), ("x", "1", false),
])
func doublesAreComparedByValue(database: String, warehouse: String, isSame: Bool) {
    #expect(row.columns[2].isSame(database: Array(database.utf8), warehouse: Array(warehouse.utf8)) == isSame)
}
