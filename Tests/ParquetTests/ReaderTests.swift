import Columns
import Event
import Glibc
import ParquetSamples
import Platform
import Testing

@testable import Parquet

@Test func randomTablesReadBackEqual() throws {
    for seed in UInt64(1)...60 {
        let table = RandomTable(seed: seed)
        #expect(try table.difference(reading: try table.file()) == nil, "seed \(seed)")
    }
}

@Test func damagedFilesAreRefusedOrReadButNeverTrap() throws {
    var refused = 0
    for seed in UInt64(1)...80 {
        let table = RandomTable(seed: seed)
        guard table.rowCount <= 1_000 else { continue }
        let whole = try table.file()
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<8 {
            var bytes = whole
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: 0..<bytes.count, using: &generator)] = UInt8.random(in: .min ... .max, using: &generator)
            }
            do throws(Failure) { _ = try table.difference(reading: bytes) } catch {
                refused += 1
                #expect(error.kind == .corrupt)
            }
        }
        for length in stride(from: 0, to: whole.count, by: max(1, whole.count / 10)) {
            #expect(throws: Failure.self) { try table.difference(reading: Array(whole[..<length])) }
        }
    }
    #expect(refused > 100)
}

private func simple(_ options: ParquetOptions, groups: Int = 3) throws -> [UInt8] {
    let shapes: [(name: String, shape: ColumnShape)] = [
        ("n", ColumnShape(.int64)), ("s", ColumnShape(.string)), ("d", ColumnShape(.decimal, precision: 30, scale: 2)),
    ]
    let encoder = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec))
    let file = ParquetFile(columns: shapes, options: options)
    var bytes: [UInt8] = []
    let rows = RowBatch(shapes: shapes)
    for group in 0..<groups {
        rows.removeAll()
        let place = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
        for row in group * 100..<group * 100 + 100 {
            rows.columns[0].append(Int64(row))
            let text = Array("text \(row)".utf8)
            unsafe text.withUnsafeBytes { rows.columns[1].append(unsafe ByteView($0)) }
            rows.columns[2].append(decimal: Int128(row) * 10)
            rows.commitRow(event: 0, group: place)
        }
        try encoder.append(rows)
        try unsafe file.append(encoder) { unsafe bytes.append(contentsOf: $0) }
        encoder.removeAll()
    }
    try unsafe file.finish { unsafe bytes.append(contentsOf: $0) }
    return bytes
}

private func numbers(_ bytes: [UInt8], columns: [String]? = nil, filters: [ParquetFilter]) throws -> ([Int64], Int) {
    let reader = try ParquetReader(ParquetBytes(bytes), columns: columns, filters: filters)
    var found: [Int64] = []
    while try reader.next() {
        for row in 0..<reader.rows.rowCount { found.append(reader.rows.columns[0].integer(row)) }
    }
    return (found, reader.skippedGroupCount)
}

@Test func statisticsRuleOutRowGroups() throws {
    let bytes = try simple(ParquetOptions())
    let cases: [(ParquetFilter, Range<Int64>)] = [
        (ParquetFilter(column: "n"), 0..<300),
        (ParquetFilter(column: "n", least: .word(250)), 200..<300),
        (ParquetFilter(column: "n", greatest: .word(99)), 0..<100),
        (ParquetFilter(column: "n", least: .word(150), greatest: .word(150)), 100..<200),
        (ParquetFilter(column: "n", least: .word(1_000)), 0..<0),
        (ParquetFilter(column: "s", least: .bytes(Array("text 9".utf8))), 0..<100),
        (ParquetFilter(column: "d", least: .decimal(1_500), greatest: .decimal(1_999)), 100..<200),
        // A value of another kind cannot be compared: nothing is ruled out.
        (ParquetFilter(column: "s", least: .word(5)), 0..<300),
    ]
    for (filter, expected) in cases {
        let (found, skipped) = try numbers(bytes, columns: ["n"], filters: [filter])
        #expect(found == Array(expected), "\(filter)")
        #expect(skipped == 3 - expected.count / 100)
    }
}

@Test func columnsAreSelectedByName() throws {
    let bytes = try simple(ParquetOptions())
    let reader = try ParquetReader(ParquetBytes(bytes), columns: ["d", "s"])
    #expect(try reader.next())
    #expect(reader.rows.columns.map(\.name) == ["d", "s"])
    #expect(reader.rows.columns[0].decimal(1) == 10 && reader.rows.columns[1].bytes(1).text == "text 1")
    #expect(throws: Failure.self) { try ParquetReader(ParquetBytes(bytes), columns: ["x"]) }
    #expect(throws: Failure.self) { try ParquetReader(ParquetBytes(bytes), filters: [ParquetFilter(column: "x")]) }
}

@Test func aFileWithoutRowsHasItsColumns() throws {
    let reader = try ParquetReader(ParquetBytes(try simple(ParquetOptions(), groups: 0)))
    #expect(reader.columns.map(\.name) == ["n", "s", "d"])
    #expect(try !reader.next())
    #expect(reader.rowCount == 0)
}

/// Files of other writers and corrupt ones: read, or refused with a reason.
@Test func filesOfOtherWritersAreReadOrRefused() throws {
    let shared = unsafe getenv("MILLRACE_SHARED").map { unsafe String(cString: $0) } ?? "../shared"
    var outcomes: [String: Int] = [:]
    for folder in ["data", "bad_data"] {
        let place = "\(shared)/data/parquet/\(folder)"
        for path in FolderLook().list(place).map({ place + "/" + $0 }) where path.hasSuffix(".parquet") {
            guard let bytes = try DurableFile.read(path, maximum: 64 << 20) else { continue }
            do throws(Failure) {
                let reader = try ParquetReader(ParquetBytes(bytes))
                while try reader.next() {}
                outcomes[folder + " read", default: 0] += 1
            } catch {
                outcomes["\(folder) \(error.code)", default: 0] += 1
                #expect(error.code.hasPrefix("parquet.") || error.code == "codec.corrupt", "\(path): \(error)")
            }
        }
    }
    guard !outcomes.isEmpty else { return }
    #expect(outcomes["data read", default: 0] >= 10, "\(outcomes)")
}
