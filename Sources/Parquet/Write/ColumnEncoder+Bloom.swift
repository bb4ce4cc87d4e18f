internal import Columns

// The Bloom filter of a chunk: of the dictionary's values, and of those that are not in it.
extension ColumnEncoder {
    /// Takes in the values of a page without a dictionary.
    func hashValues() {
        let count = valueCount
        switch leaf.physical {
        case .byteArray:
            let lengths = unsafe UnsafeRawPointer(numbers.start).assumingMemoryBound(to: UInt32.self)
            var at = 0
            for index in 0..<count {
                let length = unsafe Int(lengths[index])
                hashes.append(unsafe ValueHash.of(UnsafeRawBufferPointer(start: values.start + at, count: length)))
                at += length
            }
        case .fixed:
            for index in 0..<count {
                let start = unsafe values.start + index * leaf.width
                hashes.append(unsafe ValueHash.of(UnsafeRawBufferPointer(start: start, count: leaf.width)))
            }
        case .boolean, .int96: break
        case .int32, .int64, .double, .float:
            let words = unsafe UnsafeRawPointer(values.start).assumingMemoryBound(to: Int64.self)
            for index in 0..<count { hash(word: unsafe words[index]) }
        }
    }

    /// Little-endian, so that the first bytes are those of a narrower value.
    private func hash(word: Int64) {
        let width = leaf.width
        hashes.append(
            unsafe withUnsafeBytes(of: word.littleEndian) { bytes in
                unsafe ValueHash.of(UnsafeRawBufferPointer(rebasing: bytes[..<width]))
            })
    }

    func makeBloomFilter(withDictionary: Bool) {
        if withDictionary, let wordDictionary {
            for index in 0..<wordDictionary.count { hash(word: unsafe wordDictionary.content[index]) }
        } else if withDictionary, let byteDictionary {
            for index in 0..<byteDictionary.count { hashes.append(unsafe ValueHash.of(byteDictionary.bytes(index))) }
        }
        guard !hashes.isEmpty else { return }
        var filter = BloomFilter(valueCount: hashes.count)
        for hash in hashes { filter.insert(hash) }
        let bytes = filter.bytes
        var header = ThriftOutput()
        header.element { output in
            output.int32(1, bytes.count)
            // Split blocks, XXH64, not compressed.
            for field in 2...4 { output.structure(field) { $0.structure(1) { _ in } } }
        }
        record.bloomFilter = header.bytes + bytes
    }
}
