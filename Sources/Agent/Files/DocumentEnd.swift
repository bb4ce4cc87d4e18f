internal import Event
internal import Platform

/// Where JSON documents end that go over several lines, so that no pack ends within one: Maxwell puts a JSON column
/// into its record as it is, line breaks and all. Pure.
///
/// Lines that look like whole documents are left alone, so that ordinary logs cost two bytes a pack.
enum DocumentEnd {
    enum Answer: Equatable {
        /// A pack of so many bytes ends with a document.
        case at(Int)
        /// The document that begins the bytes does not end in them.
        case open
        /// These are no such documents.
        case unknown
    }

    private static let lineFeed = UInt8(ascii: "\n")

    /// Whether a pack of lines may end within a document: it begins with one, and its last line is none.
    static func isDoubtful(_ pack: UnsafeRawBufferPointer) -> Bool {
        guard unsafe pack.first == UInt8(ascii: "{"), pack.count >= 2 else { return false }
        let text = unsafe UnsafeRawBufferPointer(rebasing: pack[..<(pack.count - 1)])
        let start = unsafe ByteSearch.last(lineFeed, in: text).map { $0 + 1 } ?? 0
        var end = text.count
        while end > start, unsafe text[end - 1] <= 32 { end -= 1 }
        return unsafe end <= start || text[start] != UInt8(ascii: "{") || text[end - 1] != UInt8(ascii: "}")
    }

    /// The last end of a document within the first `limit` of `bytes`, else the first one behind them.
    static func find(in bytes: UnsafeRawBufferPointer, limit: Int) -> Answer {
        var scan = BracketScan()
        var found: Int?
        for index in bytes.indices {
            let byte = unsafe bytes[index]
            scan.take(byte)
            if byte == lineFeed {
                // A line feed inside a string is no JSON, whatever follows.
                if scan.isInString { return .unknown }
                if scan.depth == 0 {
                    if index < limit { found = index + 1 } else { return .at(found ?? index + 1) }
                }
            }
            if scan.depth < 0 { return .unknown }
            if index >= limit, let found { return .at(found) }
        }
        return found.map { .at($0) } ?? .open
    }
}
