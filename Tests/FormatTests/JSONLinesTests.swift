import Columns
import Event
import JSON
import Pipeline
import Platform
import Sinks
import Testing

private func lines(_ rows: RowBatch) -> [String] {
    let formatter = JSONLinesFormatter()
    formatter.format(rows)
    var found: [String] = []
    formatter.forEachGroup { _, bytes, rowCount in
        let text = bytes.text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(text.count == rowCount + 1 && text.last == "", "whole lines")
        found += text.dropLast()
    }
    return found
}

private func append(_ text: String, to column: Column) {
    unsafe Array(text.utf8).withUnsafeBytes { column.append(unsafe ByteView($0)) }
}

@Test func everyTypeIsWrittenAsItShouldBe() {
    let rows = RowBatch(columns: [
        ("b", .boolean), ("i", .int32), ("l", .int64), ("d", .double), ("s", .string), ("day", .date), ("t", .timestamp),
        ("j", .json), ("o\"\\\n", .int64),
    ])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "dt=x"))
    rows.columns[0].append(Int64(1))
    rows.columns[1].append(Int64(-5))
    rows.columns[2].append(Int64.min)
    rows.columns[3].append(0.1)
    append("a\"\\/\u{1}\u{1F}\u{8}\t\n\u{C}\r\u{7F}é😀\0 and a longer clean run behind it", to: rows.columns[4])
    rows.columns[5].append(Int64(16_572))
    rows.columns[6].append(Int64(1_431_857_103_000_000))
    append("{\"a\":\r\n[1.10, 2]}", to: rows.columns[7])
    rows.columns[8].append(Int64(0))
    rows.commitRow(event: 0, group: group)
    for column in rows.columns { column.appendNull() }
    rows.commitRow(event: 1, group: group)
    for column in rows.columns where column.type != .timestamp && column.type != .int64 { column.appendNull() }
    rows.columns[2].append(Int64.max)
    rows.columns[6].append(Int64(-62_135_596_800_000_000 + 1))
    rows.columns[8].appendNull()
    rows.commitRow(event: 2, group: group)
    #expect(lines(rows) == [
        #"{"b":true,"i":-5,"l":-9223372036854775808,"d":0.1,"s":"a\"\\/\u0001\u001f\b\t\n\f\r"# + "\u{7F}é😀"
            + #"\u0000 and a longer clean run behind it","day":"2015-05-17","t":"2015-05-17T10:05:03Z","j":{"a":  [1.10, 2]},"o\"\\\n":0}"#,
        "{}",
        #"{"l":9223372036854775807,"t":"0001-01-01T00:00:00.000001Z"}"#,
    ])
}

@Test func decimalsKeepTheirDigitsAndBytesAreBase64() {
    let rows = RowBatch(shapes: [("d", ColumnShape(.decimal, precision: 38, scale: 2)), ("b", ColumnShape(.bytes))])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "dt=x"))
    for (number, text) in [(Int128(-12_345), "\0\u{1}"), (DecimalText.power(38) - 1, ""), (0, "abc")] {
        rows.columns[0].append(decimal: number)
        append(text, to: rows.columns[1])
        rows.commitRow(event: 0, group: group)
    }
    #expect(lines(rows) == [
        #"{"d":-123.45,"b":"AAE="}"#, #"{"d":999999999999999999999999999999999999.99,"b":""}"#, #"{"d":0.00,"b":"YWJj"}"#,
    ])
}

@Test func eachGroupGetsItsOwnRowsInOrder() {
    let rows = RowBatch(columns: [("n", .int64)])
    let formatter = JSONLinesFormatter()
    for round in 0..<3 {
        rows.removeAll()
        let groups = (0..<3).map { rows.appendGroup(RowGroup(table: "t\($0)", partition: "p")) }
        for number in 0..<30 {
            rows.columns[0].append(Int64(number + round))
            rows.commitRow(event: Int32(number), group: groups[number % 3])
        }
        formatter.format(rows)
        formatter.forEachGroup { group, bytes, rowCount in
            #expect(rowCount == 10)
            let expected = stride(from: group, to: 30, by: 3).map { "{\"n\":\($0 + round)}\n" }.joined()
            #expect(bytes.text == expected)
        }
    }
}

/// parse(format(x)) = x for random strings, numbers and times, through the JSON route.
@Test func whatIsWrittenReadsBackEqual() throws {
    let seed: UInt64 = 77
    var generator = SeededGenerator(seed: seed)
    var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
    spec.columns = [
        ColumnSpec(name: "t", type: .timestamp), ColumnSpec(name: "s", type: .string), ColumnSpec(name: "l", type: .int64),
        ColumnSpec(name: "d", type: .double), ColumnSpec(name: "day", type: .date), ColumnSpec(name: "b", type: .boolean),
    ]
    let stage = try RouteStage(try RoutePlan(spec))
    let rows = RowBatch(columns: spec.columns.map { ($0.name, $0.type) })
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    let scalars: [Unicode.Scalar] = ["\"", "\\", "\n", "\0", "\u{1F}", "a", "é", "€", "😀", "\u{FEFF}", "\u{2028}", " "]
    for number in 0..<2_000 {
        rows.columns[0].append(Int64.random(in: -62_135_596_800_000_000..<253_402_300_800_000_000, using: &generator))
        var text = ""
        for _ in 0..<Int.random(in: 0...40, using: &generator) { text.unicodeScalars.append(scalars.randomElement(using: &generator)!) }
        append(text, to: rows.columns[1])
        rows.columns[2].append(Int64(bitPattern: generator.next() >> UInt64.random(in: 0...63, using: &generator)))
        let double = Double(bitPattern: generator.next())
        if double.isFinite { rows.columns[3].append(double) } else { rows.columns[3].appendNull() }
        rows.columns[4].append(Int64.random(in: -719_162...2_932_896, using: &generator))
        rows.columns[5].append(Int64(number % 2))
        rows.commitRow(event: Int32(number), group: group)
    }
    var batch = EventBatch()
    let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: -1)
    for line in lines(rows) {
        let bytes = Array(line.utf8)
        let (pack, start) = unsafe bytes.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
        batch.appendEvent(EventReference(start: start, byteCount: bytes.count, from: Position(1), to: Position(2), pack: pack))
    }
    stage.process(batch, events: Array(0..<2_000))
    #expect(stage.rejections.isEmpty, "seed \(seed)")
    try #require(stage.rows.rowCount == 2_000)
    for (left, right) in zip(rows.columns, stage.rows.columns) {
        for row in 0..<2_000 {
            let same = left.isNull(row) == right.isNull(row)
                && (left.holdsBytes ? left.bytes(row).equals(right.bytes(row)) : left.integer(row) == right.integer(row))
            guard same else {
                Issue.record("seed \(seed): column \(left.name), row \(row)")
                return
            }
        }
    }
}

@Test func delimitedTextIsAsHiveReadsIt() throws {
    let shapes: [(name: String, shape: ColumnShape)] = [
        ("s", ColumnShape(.string)), ("i", ColumnShape(.int64)), ("d", ColumnShape(.double)), ("b", ColumnShape(.boolean)),
        ("m", ColumnShape(.decimal, precision: 5, scale: 2)), ("t", ColumnShape(.timestamp)), ("y", ColumnShape(.date)),
        ("x", ColumnShape(.bytes)), ("l", try #require(ColumnShape("list<string>"))),
    ]
    let rows = RowBatch(shapes: shapes)
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "dt=x"))
    append("a|b\\\n\r\\N", to: rows.columns[0])
    rows.columns[1].append(Int64.min)
    rows.columns[2].append(0.1)
    rows.columns[3].append(Int64(1))
    rows.columns[4].append(decimal: -150)
    rows.columns[5].append(Int64(1_431_857_103_000_001))
    rows.columns[6].append(Int64(16_572))
    append("\0\u{1}", to: rows.columns[7])
    append("a|\n", to: rows.columns[8].children[0])
    rows.columns[8].children[0].appendNull()
    rows.columns[8].appendList()
    rows.commitRow(event: 0, group: group)
    for column in rows.columns { column.appendNull() }
    rows.commitRow(event: 1, group: group)
    let formatter = DelimitedFormatter(separator: UInt8(ascii: "|"))
    formatter.format(rows)
    formatter.forEachGroup { _, bytes, rowCount in
        #expect(rowCount == 2)
        #expect(bytes.text == #"""
            a\|b\\\n\r\\N|-9223372036854775808|0.1|true|-1.50|2015-05-17 10:05:03.000001|2015-05-17|AAE=|["a\|\\n",null]
            \N|\N|\N|\N|\N|\N|\N|\N|\N

            """#)
    }
}

@Test func timesBeyondTheYearsOneTo9999AreNumbers() {
    // Found by fuzzing the Parquet reader: files of others hold any number.
    let rows = RowBatch(shapes: [("t", ColumnShape(.timestamp)), ("y", ColumnShape(.date))])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    let times: [Int64] = [.min, -62_135_596_800_000_001, -62_135_596_800_000_000, 253_402_300_799_999_999, .max]
    for (time, day) in zip(times, [Int64.min, -719_163, -719_162, 2_932_896, .max]) {
        rows.columns[0].append(time)
        rows.columns[1].append(day)
        rows.commitRow(event: 0, group: group)
    }
    let formatter = JSONLinesFormatter()
    formatter.format(rows)
    var lines: [String] = []
    formatter.forEachGroup { _, bytes, _ in lines = bytes.text.split(separator: "\n").map(String.init) }
    #expect(lines == [
        #"{"t":-9223372036854775808,"y":-9223372036854775808}"#, #"{"t":-62135596800000001,"y":-719163}"#,
        #"{"t":"0001-01-01T00:00:00Z","y":"0001-01-01"}"#, #"{"t":"9999-12-31T23:59:59.999999Z","y":"9999-12-31"}"#,
        #"{"t":9223372036854775807,"y":9223372036854775807}"#,
    ])
}
