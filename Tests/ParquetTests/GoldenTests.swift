import Columns
import Event
import Platform
import Testing

@testable import Parquet

private let folder: String = {
    var path = #filePath
    for _ in 0..<2 { path = DurableFile.parent(of: path) }
    return path + "/Golden/parquet"
}()

/// A table of every type with nulls, empty and extreme values.
private func table() -> RowBatch {
    let rows = RowBatch(shapes: [
        ("boolean", ColumnShape(.boolean)), ("int32", ColumnShape(.int32)), ("int64", ColumnShape(.int64)),
        ("double", ColumnShape(.double)), ("decimal9", ColumnShape(.decimal, precision: 9, scale: 2)),
        ("decimal18", ColumnShape(.decimal, precision: 18, scale: 0)),
        ("decimal38", ColumnShape(.decimal, precision: 38, scale: 10)), ("string", ColumnShape(.string)),
        ("bytes", ColumnShape(.bytes)), ("date", ColumnShape(.date)), ("timestamp", ColumnShape(.timestamp)),
        ("json", ColumnShape(.json)),
    ])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    let words: [Int64] = [0, 1, -1, .max, .min, 7, 7, 7]
    for (row, word) in words.enumerated() {
        for (index, column) in rows.columns.enumerated() {
            if (row + index) % 5 == 4 {
                column.appendNull()
                continue
            }
            switch column.type {
            case .boolean: column.append(word & 1)
            case .int32: column.append(Int64(Int32(truncatingIfNeeded: word)))
            case .int64: column.append(word)
            case .double: column.append(Double(word) / 3)
            case .decimal: column.append(decimal: Int128(word) % DecimalText.power(column.shape.precision))
            case .date: column.append(word % 100_000)
            case .timestamp: column.append(word % 1_000_000_000_000_000)
            case .string, .bytes, .json:
                let text = Array((word == 0 ? "" : "{\"v\": \(word)}").utf8)
                unsafe text.withUnsafeBytes { column.append(unsafe ByteView($0)) }
            case .list, .map, .structure: break
            }
        }
        rows.commitRow(event: 0, group: group)
    }
    return rows
}

private func file(_ rows: RowBatch) throws -> [UInt8] {
    var options = ParquetOptions()
    // Why: another release of a library may compress otherwise.
    options.codec = .none
    let shapes = rows.columns.map { (name: $0.name, shape: $0.shape) }
    let encoder = RowGroupEncoder(columns: shapes, options: options, workspace: try ParquetWorkspace(codec: .none))
    try encoder.append(rows)
    var bytes: [UInt8] = []
    let parquet = ParquetFile(columns: shapes, options: options)
    try unsafe parquet.append(encoder) { unsafe bytes.append(contentsOf: $0) }
    try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
    return bytes
}

/// Files once written stay readable, whatever is written now, and none of them is ever changed. Version 2 leaves out what
/// byte strings share with the one before.
@Test func everyVersionIsReadAsItWasWritten() throws {
    let newest = folder + "/v2.parquet"
    let rows = table()
    let fresh = try file(rows)
    if Environment.value(of: "UPDATE_GOLDEN") == "1", try DurableFile.read(newest, maximum: 1 << 20) == nil {
        try DurableFile.makeFolders(folder)
        try Syscalls.open(newest, .writeTruncate).writeAll(fresh)
    }
    let first = try #require(try DurableFile.read(folder + "/v1.parquet", maximum: 1 << 20))
    let kept = try #require(try DurableFile.read(newest, maximum: 1 << 20))
    for bytes in [first, kept, fresh] {
        let reader = try ParquetReader(ParquetBytes(bytes))
        #expect(try reader.next())
        #expect(reader.rows.rowCount == rows.rowCount)
        for (found, wanted) in zip(reader.rows.columns, rows.columns) {
            #expect(found.shape == wanted.shape && found.name == wanted.name)
            for row in 0..<rows.rowCount {
                #expect(found.isNull(row) == wanted.isNull(row))
                switch wanted.type {
                case .string, .bytes, .json: #expect(found.bytes(row).equals(wanted.bytes(row)))
                case .decimal: #expect(found.decimal(row) == wanted.decimal(row))
                default: #expect(found.integer(row) == wanted.integer(row), "\(wanted.name) \(row)")
                }
            }
        }
    }
    #expect(kept == fresh, "the files have changed: if that is meant, add a v3 and keep the others for the reader")
}
