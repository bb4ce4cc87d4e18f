import Columns
import Testing

@Test(arguments: [
    ("int64", "int64", 1, 0), ("decimal(18, 2)", "decimal(18,2)", 1, 0), ("list<int64>", "list<int64>", 1, 1),
    (" map < string,double > ", "map<string, double>", 2, 1),
    ("struct<a:int32,b:list<decimal(4)>>", "struct<a: int32, b: list<decimal(4,0)>>", 2, 2),
    ("struct<`a``, b`: json, x-y$: date>", "struct<`a``, b`: json, x-y$: date>", 2, 1),
    ("list<list<list<list<list<list<list<list<bytes>>>>>>>>", "list<list<list<list<list<list<list<list<bytes>>>>>>>>", 1, 8),
] as [(String, String, Int, Int)])
func aShapeIsReadAndWritten(_ text: String, _ written: String, _ leafCount: Int, _ depth: Int) throws {
    let shape = try #require(ColumnShape(text))
    #expect(shape.text == written && shape.leafCount == leafCount && shape.depth == depth)
    #expect(ColumnShape(written) == shape && ColumnShape.fault(in: text) == nil)
}

@Test(arguments: [
    ("", "\"\" is no type"), ("lst<int64>", "\"lst\" is no type"), ("list", "\"<\" is missing behind list"),
    ("list<int64", "\">\" is missing at the end of list"), ("list<int64>>", "there is more behind its end"),
    ("map<string>", "\",\" is missing between a map's key and its value"),
    ("map<double, string>", "keys of a map are string, int32, int64, date, not double"),
    ("struct<>", "a field of a struct has no name, or a bad one"),
    ("struct<a int32>", "\":\" is missing behind the field \"a\""),
    ("struct<a: int32, A: int32>", "the field \"A\" is there twice; names differ by more than case"),
    ("list<decimal>", "write decimal(18,2): 1 to 38 digits, and how many of them stand behind the point"),
    ("list<decimal(39)>", "write decimal(18,2): 1 to 38 digits, and how many of them stand behind the point"),
    ("list<list<list<list<list<list<list<list<list<int32>>>>>>>>>", "it is nested deeper than 8 levels"),
] as [(String, String)])
func whatIsNoShapeIsToldWhy(_ text: String, _ reason: String) {
    #expect(ColumnShape(text) == nil)
    #expect(ColumnShape.fault(in: text)?.reason == reason)
}

@Test func nestedRowsAreTakenBackWithAllThatIsInThem() throws {
    let shape = try #require(ColumnShape("struct<a: list<int64>, b: string>"))
    let rows = RowBatch(shapes: [("v", shape)])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    let (column, list) = (rows.columns[0], rows.columns[0].children[0])
    for row in 0..<5_000 {
        for element in 0..<row % 4 { list.children[0].append(Int64(element)) }
        if row % 3 == 0 { rows.abandonRow(); list.children[0].append(Int64(9)) }
        list.appendList()
        column.children[1].appendNull()
        column.appendStructure()
        if row % 5 == 0 { column.truncate(to: rows.rowCount) } else { rows.commitRow(event: 0, group: group) }
    }
    #expect(column.count == rows.rowCount && list.count == rows.rowCount)
    #expect(list.children[0].count == list.range(rows.rowCount - 1).upperBound)
    rows.removeAll()
    #expect(column.count == 0 && list.count == 0 && list.children[0].count == 0 && column.byteCount == 0)
}
