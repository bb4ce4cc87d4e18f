internal import Event

/// What a parser found for one column of one event.
struct Cell {
    enum Kind: UInt8 {
        /// No value: absent, null, or `-`.
        case none
        /// Text of a format without types: whatever it reads as.
        case text
        /// A JSON string, unescaped.
        case string
        /// A JSON number as written.
        case number
        case yes, no
        /// A JSON object or array as written.
        case structure
    }

    var kind: Kind
    var bytes: ByteView

    static var none: Cell { Cell(kind: .none, bytes: .empty) }
}
