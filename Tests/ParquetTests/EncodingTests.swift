import Columns
import Event
import Testing

@testable import Parquet

private func bytes(_ buffer: borrowing ByteBuffer) -> [UInt8] { unsafe Array(buffer.bytes) }

private func levels(_ values: [UInt8]) -> [UInt8] {
    var output = ByteBuffer()
    unsafe values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe HybridEncoding.append(levels: base, count: buffer.count, to: &output)
    }
    return bytes(output)
}

private func indices(_ values: [UInt32], _ bitWidth: Int) -> [UInt8] {
    var output = ByteBuffer()
    unsafe values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe HybridEncoding.append(indices: base, count: buffer.count, bitWidth: bitWidth, to: &output)
    }
    return bytes(output)
}

private func delta(_ values: [Int64], is32: Bool = false) -> [UInt8] {
    var output = ByteBuffer()
    unsafe values.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe DeltaEncoding.append(base, count: buffer.count, is32: is32, to: &output)
    }
    return bytes(output)
}

/// The examples of parquet-format's Encodings.md.
@Test func packedBitsAreThoseOfTheSpecification() {
    #expect(indices([0, 1, 2, 3, 4, 5, 6, 7], 3) == [3, 0b1000_1000, 0b1100_0110, 0b1111_1010])
}

@Test func levelsAreRunsOrBits() {
    #expect(levels([UInt8](repeating: 1, count: 1_000)) == [0xD0, 0x0F, 1])
    #expect(levels([1]) == [2, 1])
    #expect(levels([0, 1]) == [3, 0b10])
    #expect(levels([1, 0, 1, 0, 1, 0, 1, 0, 1]) == [5, 0b0101_0101, 1])
    #expect(levels([0] + [UInt8](repeating: 1, count: 40)) == [3, 0b1111_1110, 66, 1])
}

@Test func equalIndicesAreARun() {
    #expect(indices([UInt32](repeating: 300, count: 100), 9) == [0xC8, 0x01, 0x2C, 0x01])
    #expect(indices([5], 3) == [3, 5, 0, 0])
}

@Test func differencesArePackedAsTheSpecificationSays() {
    // Its first example: 1, 2, 3, 4, 5: all differences equal, no bits.
    #expect(delta([1, 2, 3, 4, 5]) == [0x80, 0x01, 4, 5, 2, 2, 0, 0, 0, 0])
    // Its second: 7, 5, 3, 1, 2, 3, 4, 5: least difference -2, two bits.
    #expect(delta([7, 5, 3, 1, 2, 3, 4, 5]) == [0x80, 0x01, 4, 8, 14, 3, 2, 0, 0, 0, 0xC0, 0x3F, 0, 0, 0, 0, 0, 0])
    #expect(delta([]) == [0x80, 0x01, 4, 0, 0])
}

@Test func differencesOf32BitsWrapThere() {
    let packed = delta([Int64(Int32.max), Int64(Int32.min)], is32: true)
    // The difference is 1 in 32 bits.
    #expect(packed == [0x80, 0x01, 4, 2, 0xFE, 0xFF, 0xFF, 0xFF, 0x0F, 2, 0, 0, 0, 0])
}

@Test func thriftIsCompact() {
    var output = ThriftOutput()
    output.element { top in
        top.int32(1, -1)
        top.boolean(2, true)
        top.int64(20, 300)
        top.text(21, "ab")
        top.list(22, .int32, count: 2) { list in
            list.zigzag(1)
            list.zigzag(-2)
        }
        top.structure(23) { $0.boolean(1, false) }
    }
    #expect(
        output.bytes == [0x15, 1, 0x11, 0x06, 40, 0xD8, 0x04, 0x18, 2, 0x61, 0x62, 0x19, 0x25, 2, 3, 0x1C, 0x12, 0, 0])
}

@Test func dictionariesNumberValuesInOrderOfAppearance() {
    let words = WordDictionary()
    let texts = ByteDictionary(width: 0)
    let source = (0..<5_000).map { Int64($0 * 7_919 % 1_000) }
    let rows = source.indices.map { Int32($0) }
    var numbers = [UInt32](repeating: 0, count: source.count)
    unsafe source.withUnsafeBufferPointer { source in
        unsafe rows.withUnsafeBufferPointer { rows in
            unsafe numbers.withUnsafeMutableBufferPointer { numbers in
                guard let first = source.baseAddress, let row = rows.baseAddress, let number = numbers.baseAddress else { return }
                unsafe words.lookUp(first, rows: row, count: source.count, into: number)
            }
        }
    }
    #expect(words.count == 1_000)
    for index in source.indices {
        #expect(unsafe words.content[Int(numbers[index])] == source[index])
        let text = Array("\(source[index])".utf8) + [UInt8](repeating: 0, count: 8)
        let number = unsafe text.withUnsafeBufferPointer { buffer in
            unsafe buffer.baseAddress.map { unsafe texts.number(of: $0, text.count - 8) }
        }
        #expect(number == numbers[index])
    }
    #expect(texts.count == 1_000)
    for index in source.indices {
        #expect(unsafe Array(texts.bytes(Int(numbers[index]))) == Array("\(source[index])".utf8))
    }
}

@Test func equalRowsGiveEqualFiles() throws {
    func file() throws -> [UInt8] {
        let shapes: [(name: String, shape: ColumnShape)] = [("n", ColumnShape(.int64)), ("s", ColumnShape(.string))]
        let rows = RowBatch(shapes: shapes)
        let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
        for row in 0..<1_000 {
            rows.columns[0].append(Int64(row % 77))
            let text = Array("text \(row % 200)".utf8)
            unsafe text.withUnsafeBytes { rows.columns[1].append(unsafe ByteView($0)) }
            rows.commitRow(event: 0, group: group)
        }
        let options = ParquetOptions()
        let encoder = RowGroupEncoder(
            columns: shapes, options: options, workspace: try ParquetWorkspace(codec: .zstd))
        try encoder.append(rows)
        var bytes: [UInt8] = []
        let parquet = ParquetFile(columns: shapes, options: options)
        try unsafe parquet.append(encoder) { unsafe bytes.append(contentsOf: $0) }
        try unsafe parquet.finish { unsafe bytes.append(contentsOf: $0) }
        #expect(parquet.byteCount == bytes.count)
        return bytes
    }
    let first = try file()
    #expect(try file() == first)
    #expect(first.starts(with: Array("PAR1".utf8)) && first.suffix(4) == Array("PAR1".utf8))
}

@Test func longValuesDoNotPileUpInADictionary() throws {
    let shapes: [(name: String, shape: ColumnShape)] = [("s", ColumnShape(.string))]
    let encoder = RowGroupEncoder(columns: shapes, options: ParquetOptions(), workspace: try ParquetWorkspace(codec: .zstd))
    let rows = RowBatch(shapes: shapes)
    for number in 0..<64 {
        rows.removeAll()
        let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
        let text = [UInt8](repeating: UInt8(number), count: 500_000)
        unsafe text.withUnsafeBytes { rows.columns[0].append(unsafe ByteView($0)) }
        rows.commitRow(event: 0, group: group)
        try encoder.append(rows)
        #expect(encoder.heldByteCount < 8 << 20, "after \(number + 1) values")
    }
}
