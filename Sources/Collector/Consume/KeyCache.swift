internal import Event
internal import Platform

/// What a record's key says.
enum KeyReading {
    /// No key, or none that begins like ours: a record of a topic that others fill.
    case foreign
    /// Begins like ours, but is not a key of a known version.
    case malformed
    /// A key of ours; `entry` is the index of its head in the cache.
    case ours(entry: Int, key: PackKey)
}

/// The heads of the pack keys of one partition.
///
/// Why: keys of one stream differ in their positions only. The head (version, kind, framing, agent,
/// source, stream) is compared as bytes with those seen before and only the tail is parsed: nothing is
/// allocated per record once a stream is known.
///
/// Invariants
/// - A reading equals `PackKey(parsing:)` of the same bytes.
/// - An entry index stays valid until `trim`.
struct KeyCache {
    /// Heads kept: 1,024 streams of a partition at about 200 bytes are 200 KiB. Beyond it the cache
    /// starts anew at the next `trim`.
    static let maximumEntryCount = 1_024

    private struct Entry {
        var head: [UInt8]
        var key: PackKey
    }

    private var entries: [Entry] = []
    private var indices: [UInt64: Int] = [:]
    private var last = 0

    /// How many entries there are: entry indices are below it.
    var count: Int { entries.count }

    func key(of entry: Int) -> PackKey { entries[entry].key }

    /// Forgets everything if there is too much. Returns whether it did.
    mutating func trim() -> Bool {
        guard entries.count > Self.maximumEntryCount else { return false }
        entries.removeAll(keepingCapacity: true)
        indices.removeAll(keepingCapacity: true)
        last = 0
        return true
    }

    mutating func read(_ bytes: UnsafeRawBufferPointer?) -> KeyReading {
        guard let bytes = unsafe bytes, unsafe Self.looksLikeOurs(bytes) else { return .foreign }
        guard bytes.count <= PackKey.maximumByteCount else { return .malformed }
        if last < entries.count, unsafe Self.begins(bytes, with: entries[last].head) {
            return unsafe finish(last, bytes)
        }
        guard let headCount = unsafe Self.headByteCount(bytes) else { return .malformed }
        let hash = unsafe Hash.xxh3(UnsafeRawBufferPointer(rebasing: bytes[..<headCount]))
        if let index = indices[hash], entries[index].head.count == headCount,
            unsafe Self.begins(bytes, with: entries[index].head)
        {
            last = index
            return unsafe finish(index, bytes)
        }
        guard let key = unsafe PackKey(parsing: bytes) else { return .malformed }
        entries.append(Entry(head: unsafe Array(bytes[..<headCount]), key: key))
        last = entries.count - 1
        indices[hash] = last
        return .ours(entry: last, key: key)
    }

    /// Parses ` from to[ prev]` behind a known head.
    private func finish(_ index: Int, _ bytes: UnsafeRawBufferPointer) -> KeyReading {
        var offset = entries[index].head.count
        guard let from = unsafe Self.position(bytes, &offset), unsafe Self.space(bytes, &offset),
            let to = unsafe Self.position(bytes, &offset)
        else { return .malformed }
        var key = entries[index].key
        key.from = from
        key.to = to
        key.prev = from
        if offset < bytes.count {
            guard unsafe Self.space(bytes, &offset), let prev = unsafe Self.position(bytes, &offset),
                offset == bytes.count, prev < from
            else { return .malformed }
            key.prev = prev
        }
        return key.isConsistent ? .ours(entry: index, key: key) : .malformed
    }

    /// `m`, a version of one to three digits, a space.
    private static func looksLikeOurs(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= 3, unsafe bytes[0] == UInt8(ascii: "m") else { return false }
        var index = 1
        while index < bytes.count, index < 4, unsafe isDigit(bytes[index]) { index += 1 }
        return unsafe index > 1 && index < bytes.count && bytes[index] == UInt8(ascii: " ")
    }

    /// The bytes up to and with the sixth space.
    private static func headByteCount(_ bytes: UnsafeRawBufferPointer) -> Int? {
        var spaces = 0
        for index in bytes.indices where unsafe bytes[index] == UInt8(ascii: " ") {
            spaces += 1
            if spaces == 6 { return index + 1 }
        }
        return nil
    }

    private static func begins(_ bytes: UnsafeRawBufferPointer, with head: [UInt8]) -> Bool {
        guard bytes.count >= head.count else { return false }
        return unsafe head.withUnsafeBytes { head in
            unsafe ByteSearch.equal(UnsafeRawBufferPointer(rebasing: bytes[..<head.count]), head)
        }
    }

    private static func space(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Bool {
        guard offset < bytes.count, unsafe bytes[offset] == UInt8(ascii: " ") else { return false }
        offset += 1
        return true
    }

    private static func position(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> Position? {
        guard let major = unsafe decimal(bytes, &offset) else { return nil }
        guard offset < bytes.count, unsafe bytes[offset] == UInt8(ascii: ".") else { return Position(major) }
        offset += 1
        guard let minor = unsafe decimal(bytes, &offset), minor > 0, minor <= UInt64(UInt32.max) else { return nil }
        return Position(major, row: UInt32(minor))
    }

    /// An unsigned decimal without sign and needless zeros.
    private static func decimal(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) -> UInt64? {
        let start = offset
        var value: UInt64 = 0
        while offset < bytes.count, unsafe isDigit(bytes[offset]) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = unsafe product.addingReportingOverflow(UInt64(bytes[offset] &- 48))
            guard !overflow, !carry else { return nil }
            value = sum
            offset += 1
        }
        guard offset > start, unsafe offset == start + 1 || bytes[start] != UInt8(ascii: "0") else { return nil }
        return value
    }

    private static func isDigit(_ byte: UInt8) -> Bool { byte >= 48 && byte <= 57 }
}
