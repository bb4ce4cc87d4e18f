internal import Columns
internal import Event

extension ParquetFilter {
    /// Whether the chunk's Bloom filter says that the one value that is asked for is not there.
    func isNot(in chunk: ChunkMetadata, _ column: StoredColumn, _ source: any ParquetSource) throws(Failure) -> Bool {
        guard let offset = chunk.bloomOffset, let least, let greatest, let bytes = Self.plain(least, column),
            bytes == Self.plain(greatest, column), let filter = try Self.bloomFilter(at: offset, source)
        else { return false }
        return !filter.mayHold(ValueHash.of(bytes))
    }

    /// A value as PLAIN has it; nil if it cannot be one of the column.
    private static func plain(_ value: Value, _ column: StoredColumn) -> [UInt8]? {
        func little(_ word: Int64, _ byteCount: Int) -> [UInt8] {
            (0..<byteCount).map { UInt8(truncatingIfNeeded: word >> Int64(8 * $0)) }
        }
        switch (value, column.physical, column.conversion) {
        case (.word(let word), .int32, .word): return Int32(exactly: word) == nil ? nil : little(word, 4)
        case (.word(let word), .int64, .word): return little(word, 8)
        case (.decimal(let wide), .int32, .decimalWord): return Int32(exactly: wide).map { little(Int64($0), 4) }
        case (.decimal(let wide), .int64, .decimalWord): return Int64(exactly: wide).map { little($0, 8) }
        case (.decimal(let wide), .fixed, .decimalBytes):
            guard column.width <= 16 else { return nil }
            return (0..<column.width).reversed().map { UInt8(truncatingIfNeeded: wide >> Int128(8 * $0)) }
        // Two zeros are one number and have different bytes.
        case (.double(let number), .double, .word):
            return number == 0 || number.isNaN ? nil : little(Int64(bitPattern: number.bitPattern), 8)
        case (.bytes(let bytes), .byteArray, .bytes): return bytes
        default: return nil
        }
    }

    /// Nil for filters of another kind.
    private static func bloomFilter(at offset: Int64, _ source: any ParquetSource) throws(Failure) -> BloomFilter? {
        guard offset >= 0, offset < source.byteCount else { throw Damage.corrupt("a Bloom filter is outside of it") }
        let headerByteCount = Int(min(64, source.byteCount - offset))
        var input = ThriftInput(try source.bytes(at: offset, count: headerByteCount))
        var byteCount = 0
        var kinds: [Int] = []
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: byteCount = try input.size("a Bloom filter's size", maximum: 128 << 20)
            case 2, 3, 4:
                try input.structure { _, field throws(Failure) in
                    kinds.append(field.id)
                    return false
                }
            default: return false
            }
            return true
        }
        guard kinds == [1, 1, 1] else { return nil }
        return BloomFilter(try source.bytes(at: offset + Int64(input.at), count: byteCount)[...])
    }
}
