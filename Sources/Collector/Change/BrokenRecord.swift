internal import Event

/// A JSON document that goes over several lines of a file: Maxwell puts a JSON column into its record as it is, line
/// breaks and all. Its lines are events; those of one pack lie in the slab as they lay in the file.
enum BrokenRecord {
    /// A document is looked for in this many bytes at most.
    static let maximumByteCount = 1 << 20

    /// How many of the events from `index` on make one document, and where its last line ends in the slab; nil if
    /// the document does not end with one of them.
    static func extent(
        from index: Int, of events: [Int32], _ references: [EventReference], _ slab: ByteView
    ) -> (eventCount: Int, end: Int)? {
        let first = references[Int(events[index])]
        guard first.byteCount > 0, slab[first.start] == UInt8(ascii: "{") else { return nil }
        var scan = BracketScan()
        var at = index
        while true {
            let reference = references[Int(events[at])]
            for place in reference.start..<reference.start + reference.byteCount { scan.take(slab[place]) }
            let end = reference.start + reference.byteCount
            if scan.depth <= 0 { return scan.depth == 0 && at > index ? (at - index + 1, end) : nil }
            // Why: a line feed inside a string is no JSON, whatever follows.
            guard !scan.isInString, at + 1 < events.count, end - first.start < maximumByteCount else { return nil }
            let next = references[Int(events[at + 1])]
            guard events[at + 1] == events[at] + 1, next.pack == reference.pack, next.from == reference.to,
                next.start == end + 1
            else { return nil }
            at += 1
        }
    }
}
