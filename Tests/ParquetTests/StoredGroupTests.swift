import Columns
import Event
import Platform
import Testing

@testable import Parquet

private let shapes: [(name: String, shape: ColumnShape)] = [
    ("id", ColumnShape(.int64)), ("name", ColumnShape(.string)), ("few", ColumnShape(.string)),
    ("price", ColumnShape(.decimal, precision: 9, scale: 2)), ("wide", ColumnShape(.decimal, precision: 30, scale: 2)),
    ("rate", ColumnShape(.double)), ("yes", ColumnShape(.boolean)), ("nothing", ColumnShape(.int32)),
]

private func encoder(_ count: Int, from first: Int, _ options: ParquetOptions) throws -> RowGroupEncoder {
    let rows = RowBatch(shapes: shapes)
    let group = rows.appendGroup(RowGroup(table: "", partition: ""))
    for row in first..<first + count {
        for (index, column) in rows.columns.enumerated() {
            if (row + index) % 7 == 0 || index == 7 {
                column.appendNull()
            } else if column.holdsBytes {
                let text = index == 1 ? "name \(row &* 7_919 % 100_003) " + String(repeating: "x", count: row % 90) : "f\(row % 3)"
                unsafe Array(text.utf8).withUnsafeBytes { column.append(unsafe ByteView($0)) }
            } else if column.type == .decimal {
                column.append(decimal: Int128(row) * 13 - 40)
            } else if column.type == .double {
                column.append(Double(row) / 3)
            } else {
                column.append(column.type == .boolean ? Int64(row % 2) : Int64(row))
            }
        }
        rows.commitRow(event: 0, group: group)
    }
    let encoder = RowGroupEncoder(columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec))
    try encoder.append(rows)
    return encoder
}

@Test(arguments: ParquetCodec.allCases, [1, 700, 5_000])
func aRowGroupOfAnotherFileIsTheSameBytes(_ codec: ParquetCodec, _ count: Int) throws {
    var options = ParquetOptions()
    options.codec = codec
    options.pageRowCount = 300
    var first: [UInt8] = []
    let file = ParquetFile(columns: shapes, options: options)
    for number in 0..<3 { try unsafe file.append(encoder(count, from: number * count, options)) { first += unsafe Array($0) } }
    try unsafe file.finish { first += unsafe Array($0) }

    var second: [UInt8] = []
    let reader = try ParquetReader(ParquetBytes(first))
    let copy = ParquetFile(columns: shapes, options: options)
    for number in 0..<3 {
        #expect(reader.nextGroup == number)
        let group = try #require(try reader.storedGroup(number))
        #expect(group.rowCount == count)
        #expect(try unsafe copy.append(group) { second += unsafe Array($0) })
        reader.skipGroup()
    }
    try unsafe copy.finish { second += unsafe Array($0) }
    #expect(try reader.nextGroup == nil && !reader.next())
    #expect(first == second)
}

@Test func aRowGroupOfOtherColumnsOrCodecIsNotTaken() throws {
    var options = ParquetOptions()
    var bytes: [UInt8] = []
    let file = ParquetFile(columns: shapes, options: options)
    try unsafe file.append(encoder(10, from: 0, options)) { bytes += unsafe Array($0) }
    try unsafe file.finish { bytes += unsafe Array($0) }
    let group = try #require(try ParquetReader(ParquetBytes(bytes)).storedGroup(0))
    var written = 0
    let fewer = ParquetFile(columns: Array(shapes.dropLast()), options: options)
    #expect(try unsafe !fewer.append(group) { written += $0.count })
    options.codec = .gzip
    #expect(try unsafe !ParquetFile(columns: shapes, options: options).append(group) { written += $0.count })
    #expect(written == 0)
    #expect(try ParquetReader(ParquetBytes(bytes)).storedGroup(1) == nil)
}
