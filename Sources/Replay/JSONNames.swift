internal import Event
internal import JSON

/// A JSON list of names.
enum JSONNames {
    static func list(_ text: ByteView) -> [String]? {
        JSONValue(parsing: text.array)?.array?.compactMap(\.string)
    }
}
