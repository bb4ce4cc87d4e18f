import Columns
import Event
import Testing

@testable import Parquet

/// A file of one column of strings without a dictionary, and how its first page is encoded.
private func file(_ texts: [String], _ edit: (inout ParquetOptions) -> Void) throws -> (bytes: [UInt8], PageEncoding) {
    var options = ParquetOptions()
    options.dictionaryByteCount = 0
    edit(&options)
    let shapes: [(name: String, shape: ColumnShape)] = [("s", ColumnShape(.string))]
    let rows = RowBatch(shapes: shapes)
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    for text in texts {
        unsafe Array(text.utf8).withUnsafeBytes { rows.columns[0].append(unsafe ByteView($0)) }
        rows.commitRow(event: 0, group: group)
    }
    let encoder = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec))
    try encoder.append(rows)
    let parquet = ParquetFile(columns: shapes, options: options)
    var bytes: [UInt8] = []
    try unsafe parquet.append(encoder) { unsafe bytes.append(contentsOf: $0) }
    try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
    return (bytes, encoder.columns[0].record.pages[0].encoding)
}

private func texts(_ bytes: [UInt8]) throws -> [String] {
    let reader = try ParquetReader(ParquetBytes(bytes))
    var found: [String] = []
    while try reader.next() { found += (0..<reader.rows.rowCount).map { reader.rows.columns[0].bytes($0).text } }
    return found
}

@Test func sharedBeginningsAreLeftOutWhereThatIsSmaller() throws {
    let paths = (0..<3_000).map { "/var/lib/warehouse/tables/region=\($0 / 100)/part-\(100_000 + $0 * 7)" }
    let words = (0..<3_000).map { "\(UInt64($0) &* 0x9E37_79B9_7F4A_7C15)" }
    for usesPages2 in [false, true] {
        for codec in [ParquetCodec.none, .zstd] {
            let long = try file(paths) { ($0.usesPages2, $0.codec) = (usesPages2, codec) }
            let short = try file(words) { ($0.usesPages2, $0.codec) = (usesPages2, codec) }
            #expect(long.1 == .deltaByteArray && short.1 == .deltaLengthByteArray, "\(codec)")
            let read = try (texts(long.bytes), texts(short.bytes))
            #expect(read.0 == paths && read.1 == words, "\(codec) \(usesPages2)")
        }
    }
    let plain = try file(paths) { $0.usesDelta = false }
    #expect(plain.1 == .plain)
    #expect(try texts(plain.bytes) == paths)
    // What a word shares with the one before may be all of it, or nothing.
    let edges = ["", "a", "ab", "abc", "ab", "", "", "x", "abc"].flatMap { [String](repeating: $0, count: 40) }
    #expect(try texts(try file(edges) { $0.codec = .none }.bytes) == edges)
}
