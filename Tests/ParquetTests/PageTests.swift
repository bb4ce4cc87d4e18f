import Columns
import Event
import Testing

@testable import Parquet

/// A file of one column of strings, without a dictionary unless `edit` allows one, and how its pages are encoded.
private func file(
    _ texts: [String?], _ edit: (inout ParquetOptions) -> Void
) throws -> (bytes: [UInt8], encodings: [PageEncoding]) {
    var options = ParquetOptions()
    options.dictionaryByteCount = 0
    edit(&options)
    let shapes: [(name: String, shape: ColumnShape)] = [("s", ColumnShape(.string))]
    let rows = RowBatch(shapes: shapes)
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    for text in texts {
        if let text {
            unsafe Array(text.utf8).withUnsafeBytes { rows.columns[0].append(unsafe ByteView($0)) }
        } else {
            rows.columns[0].appendNull()
        }
        rows.commitRow(event: 0, group: group)
    }
    let encoder = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec))
    try encoder.append(rows)
    let parquet = ParquetFile(columns: shapes, options: options)
    var bytes: [UInt8] = []
    try unsafe parquet.append(encoder) { unsafe bytes.append(contentsOf: $0) }
    try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
    return (bytes, encoder.columns[0].record.pages.map(\.encoding))
}

private func texts(_ bytes: [UInt8]) throws -> [String?] {
    let reader = try ParquetReader(ParquetBytes(bytes))
    var found: [String?] = []
    while try reader.next() {
        let column = reader.rows.columns[0]
        found += (0..<reader.rows.rowCount).map { column.isNull($0) ? nil : column.bytes($0).text }
    }
    return found
}

@Test func sharedBeginningsAreLeftOutWhereThatIsSmaller() throws {
    let paths = (0..<3_000).map { "/var/lib/warehouse/tables/region=\($0 / 100)/part-\(100_000 + $0 * 7)" }
    let words = (0..<3_000).map { "\(UInt64($0) &* 0x9E37_79B9_7F4A_7C15)" }
    for usesPages2 in [false, true] {
        for codec in [ParquetCodec.none, .zstd] {
            let long = try file(paths) { ($0.usesPages2, $0.codec) = (usesPages2, codec) }
            let short = try file(words) { ($0.usesPages2, $0.codec) = (usesPages2, codec) }
            #expect(long.encodings[0] == .deltaByteArray && short.encodings[0] == .deltaLengthByteArray, "\(codec)")
            let read = try (texts(long.bytes), texts(short.bytes))
            #expect(read.0 == paths && read.1 == words, "\(codec) \(usesPages2)")
        }
    }
    let plain = try file(paths) { $0.usesDelta = false }
    #expect(plain.encodings[0] == .plain)
    #expect(try texts(plain.bytes) == paths)
    // What a word shares with the one before may be all of it, or nothing.
    let edges = ["", "a", "ab", "abc", "ab", "", "", "x", "abc"].flatMap { [String](repeating: $0, count: 40) }
    #expect(try texts(try file(edges) { $0.codec = .none }.bytes) == edges)
}

/// A file of a rising number, its text, a list of it, and a number without order.
private func rising(_ rowCount: Int, _ edit: (inout ParquetOptions) -> Void) throws -> [UInt8] {
    var options = ParquetOptions()
    options.pageRowCount = 50
    edit(&options)
    let shapes: [(name: String, shape: ColumnShape)] = [
        ("n", ColumnShape(.int64)), ("s", ColumnShape(.string)), ("l", .list(ColumnShape(.int64))), ("m", ColumnShape(.int64)),
    ]
    let rows = RowBatch(shapes: shapes)
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    for row in 0..<rowCount {
        rows.columns[0].append(Int64(row))
        unsafe Array("text \(row % 300)".utf8).withUnsafeBytes { rows.columns[1].append(unsafe ByteView($0)) }
        for element in 0..<row % 7 { rows.columns[2].children[0].append(Int64(row * 10 + element)) }
        if row % 5 == 0 { rows.columns[2].appendNull() } else { rows.columns[2].appendList() }
        rows.columns[3].append(Int64(row &* 7_919 % 1_000))
        rows.commitRow(event: 0, group: group)
    }
    let encoder = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec))
    try encoder.append(rows)
    let parquet = ParquetFile(columns: shapes, options: options)
    var bytes: [UInt8] = []
    try unsafe parquet.append(encoder) { unsafe bytes.append(contentsOf: $0) }
    try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
    return bytes
}

@Test(arguments: [false, true])
func pagesThatAFilterRulesOutAreNotRead(_ usesPages2: Bool) throws {
    let bytes = try rising(2_000) {
        ($0.usesPages2, $0.dictionaryByteCount) = (usesPages2, usesPages2 ? 0 : 1 << 20)
    }
    for range in [0...0, 49...50, 777...1_204, 1_950...1_999, 0...1_999] as [ClosedRange<Int64>] {
        let filter = ParquetFilter(column: "n", least: .word(range.lowerBound), greatest: .word(range.upperBound))
        let reader = try ParquetReader(ParquetBytes(bytes), filters: [filter])
        var found: [Int64] = []
        while try reader.next() {
            for row in 0..<reader.rows.rowCount {
                let number = reader.rows.columns[0].integer(row)
                found.append(number)
                // The other columns have been brought to the same row.
                #expect(reader.rows.columns[1].bytes(row).text == "text \(number % 300)")
                let list = reader.rows.columns[2]
                #expect(list.isNull(row) == (number % 5 == 0))
                #expect(
                    list.range(row).map { list.children[0].integer($0) }
                        == (0..<(number % 5 == 0 ? 0 : number % 7)).map { number * 10 + $0 })
            }
        }
        let first = range.lowerBound / 50 * 50
        let end = (range.upperBound / 50 + 1) * 50
        #expect(found == Array(first..<end), "\(range)")
        #expect(reader.skippedRowCount == 2_000 - (end - first))
    }
    // Two filters meet in the middle; one for what is nowhere reads nothing.
    let both = [
        ParquetFilter(column: "n", least: .word(500)), ParquetFilter(column: "n", greatest: .word(520)),
        ParquetFilter(column: "m", least: .word(0)),
    ]
    let reader = try ParquetReader(ParquetBytes(bytes), columns: ["l", "n"], filters: both)
    #expect(try reader.next())
    #expect(reader.rows.rowCount == 50 && reader.rows.columns[1].integer(0) == 500)
    #expect(try !reader.next())
}

@Test(arguments: [
    ("", 0xEF46_DB37_51D8_E999), ("abc", 0x44BC_2CF5_AD77_0999), ("Nobody inspects the spammish repetition", 0xFBCE_A83C_8A37_8BF1),
] as [(String, UInt64)])
func valuesAreHashedAsEveryReaderDoes(_ text: String, _ hash: UInt64) {
    #expect(ValueHash.of(Array(text.utf8)) == hash)
}

@Test(arguments: [0, 1 << 20])
func aBloomFilterRulesOutWhatIsNotThere(_ dictionaryByteCount: Int) throws {
    let bytes = try rising(1_000) {
        ($0.bloomColumns, $0.dictionaryByteCount) = (["m", "s", "l"], dictionaryByteCount)
    }
    var passed = 0
    for value in Int64(0)..<1_000 {
        let text = ParquetFilter.Value.bytes(Array("text \(value)".utf8))
        let reader = try ParquetReader(
            ParquetBytes(bytes), columns: ["s"], filters: [ParquetFilter(column: "s", least: text, greatest: text)])
        var isThere = false
        while try reader.next() {
            for row in 0..<reader.rows.rowCount where reader.rows.columns[0].bytes(row).text == "text \(value)" {
                isThere = true
            }
        }
        #expect(isThere == (value < 300))
        if value >= 300 { passed += reader.skippedGroupCount }
        let number = ParquetFilter.Value.word(value * 7_919 % 1_000)
        let numbers = try ParquetReader(
            ParquetBytes(bytes), columns: ["m"], filters: [ParquetFilter(column: "m", least: number, greatest: number)])
        #expect(try numbers.next(), "\(value)")
    }
    // One in a hundred is let through.
    #expect(passed > 600)
}

@Test func noPageOfADictionaryFollowsAnother() throws {
    // Spark's vectorized reader (4.3.0) throws at a list's page of a dictionary behind a page without one.
    let nulls = [String?](repeating: nil, count: 10)
    let alike: [String?] = (0..<10).map { "word \($0 % 2)" }
    let different: [String?] = (0..<10).map { "some word \($0), not short" }
    let (d, p, l) = (PageEncoding.rleDictionary, PageEncoding.plain, PageEncoding.deltaLengthByteArray)
    let cases: [([[String?]], [PageEncoding])] = [
        ([nulls, nulls], [p, p]),
        ([nulls, nulls, alike, nulls], [d, d, d, d]),
        ([nulls, different, nulls, alike], [p, l, p, l]),
        ([alike, nulls, alike, nulls], [d, d, d, d]),
        ([nulls, alike, nulls, different, nulls, alike, nulls], [d, d, d, d, p, l, p]),
    ]
    for usesPages2 in [false, true] {
        for (pages, encodings) in cases {
            let given = pages.flatMap { $0 }
            let found = try file(given) {
                ($0.pageRowCount, $0.dictionaryByteCount, $0.usesPages2) = (10, 100, usesPages2)
            }
            #expect(found.encodings == encodings)
            #expect(try texts(found.bytes) == given)
        }
    }
}
