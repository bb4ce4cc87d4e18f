internal import Platform

/// A split block Bloom filter: whether a chunk may hold a value. Source: parquet-format BloomFilter.md.
///
/// Blocks of 256 bits; a value sets one bit in each of the eight words of one block.
struct BloomFilter: Sendable {
    static let blockByteCount = 32
    /// Largest filter of a chunk: at ten bits a value enough for 800,000.
    static let maximumByteCount = 1 << 20
    /// Bits for each value: about one false answer in a hundred.
    static let bitsPerValue = 10

    private static let salts: [UInt32] = [
        0x47B6_137B, 0x4497_4D91, 0x8824_AD5B, 0xA2B7_289D, 0x7054_95C7, 0x2DF1_424B, 0x9EFC_4947, 0x5C6B_FB31,
    ]

    /// Eight words a block.
    private(set) var words: [UInt32]

    /// A filter for so many values.
    init(valueCount: Int) {
        var byteCount = Self.blockByteCount
        while byteCount < Self.maximumByteCount, byteCount * 8 < valueCount * Self.bitsPerValue { byteCount *= 2 }
        words = [UInt32](repeating: 0, count: byteCount / 4)
    }

    /// A filter as a file has it; nil if it is not made of whole blocks.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty, bytes.count % Self.blockByteCount == 0 else { return nil }
        words = []
        words.reserveCapacity(bytes.count / 4)
        var at = bytes.startIndex
        while at < bytes.endIndex {
            words.append(bytes[at..<at + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) })
            at += 4
        }
    }

    /// As it stands in a file.
    var bytes: [UInt8] {
        words.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> UInt32(8 * $0)) } }
    }

    private func block(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: ((hash >> 32) &* UInt64(words.count / 8)) >> 32) * 8
    }

    private static func mask(_ hash: UInt64, _ index: Int) -> UInt32 {
        1 << ((UInt32(truncatingIfNeeded: hash) &* salts[index]) >> 27)
    }

    mutating func insert(_ hash: UInt64) {
        let first = block(hash)
        for index in 0..<8 { words[first + index] |= Self.mask(hash, index) }
    }

    /// False: the value is not there.
    func mayHold(_ hash: UInt64) -> Bool {
        let first = block(hash)
        for index in 0..<8 where words[first + index] & Self.mask(hash, index) == 0 { return false }
        return true
    }
}

/// The hash of values in Bloom filters: XXH64 with seed 0 of a value as PLAIN has it, without a length.
enum ValueHash {
    @unsafe
    static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 { unsafe Hash.xxh64(bytes) }

    static func of(_ bytes: [UInt8]) -> UInt64 { unsafe bytes.withUnsafeBytes { unsafe of($0) } }
}
