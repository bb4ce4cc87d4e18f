internal import Event
internal import JSON

/// The names of a key's columns, from the key of a record.
// Safety: `memory` has `capacity` bytes, of which `count` are written; freed in deinit.
@safe final class KeyNames {
    private let reader = DocumentReader(paths: ["schema", "payload"].compactMap { JSONPath($0) })
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity = 256
    private var count = 0

    init() {
        unsafe memory = .allocate(capacity: capacity)
        unsafe memory.initialize(repeating: 0, count: capacity)
    }

    deinit { unsafe memory.deallocate() }

    /// A JSON list of names and the object with the values; both empty if the key is no object of them.
    ///
    /// Views stay valid until the next call. Unsafe: 64 bytes behind the key must be readable.
    @unsafe
    func read(_ key: ByteView) -> (names: ByteView, row: ByteView) {
        var row = key
        if key.isEmpty || key.equals("null") { return (.empty, .empty) }
        if unsafe reader.read(padded: key) != nil { return (.empty, .empty) }
        if !reader.object(0).isEmpty, reader.value(1).kind == .structure { row = reader.object(1) }
        // Why this bound: the names and what stands between them are a part of the key.
        reserve(key.count + 2)
        count = 0
        var parts = JSONParts(row)
        while parts.next() {
            append(count == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
            for index in 0..<parts.name.count { append(parts.name[index]) }
        }
        if count == 0 { return (.empty, .empty) }
        append(UInt8(ascii: "]"))
        return (unsafe ByteView(start: UnsafePointer(memory), count: count), row)
    }

    private func append(_ byte: UInt8) {
        precondition(count < capacity, "names beyond their key")
        unsafe memory[count] = byte
        count += 1
    }

    private func reserve(_ needed: Int) {
        guard needed > capacity else { return }
        unsafe memory.deallocate()
        capacity = max(needed, 2 * capacity)
        unsafe memory = .allocate(capacity: capacity)
        unsafe memory.initialize(repeating: 0, count: capacity)
    }
}
