internal import Event
internal import JSON

/// The names of a key's columns, from the key of a record.
final class KeyNames {
    private let reader = DocumentReader(paths: ["schema", "payload"].compactMap { JSONPath($0) })
    private let names = Scratch(capacity: 256)

    /// A JSON list of names and the object with the values; both empty if the key is no object of them.
    ///
    /// Views stay valid until the next call. Unsafe: 64 bytes behind the key must be readable.
    @unsafe
    func read(_ key: ByteView) -> (names: ByteView, row: ByteView) {
        var row = key
        if key.isEmpty || key.equals("null") { return (.empty, .empty) }
        if unsafe reader.read(padded: key) != nil { return (.empty, .empty) }
        if !reader.object(0).isEmpty, reader.value(1).kind == .structure { row = reader.object(1) }
        names.removeAll()
        var parts = JSONParts(row)
        while let part = parts.next() {
            names.append(names.count == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
            names.append(part.name.raw)
        }
        if names.count == 0 { return (.empty, .empty) }
        names.append(UInt8(ascii: "]"))
        return (names.view, row)
    }
}
