internal import Platform

/// Cuts bytes of a file into records. Pure: where events begin and end is a function of the content (and
/// of decided cuts) alone, never of when it was read; where packs begin and end is not.
///
/// An event is a line with its line feed. A line of more than `maximumRecordByteCount` bytes goes in
/// pieces, each of exactly that many bytes but the last; a piece is cut only once the byte behind it is
/// known not to be the line feed.
struct LineCutter: Sendable {
    struct Piece: Equatable, Sendable {
        /// From 1.
        var index: UInt32
        /// 0: the end of the record is not known.
        var count: UInt32
    }

    struct Cut: Equatable, Sendable {
        /// Bytes of the file that the record covers.
        var byteCount: Int
        /// Bytes of its value: without the last line feed.
        var valueByteCount: Int
        /// Nil: whole events.
        var piece: Piece?
        var eventCount: Int
        /// Whether the next byte begins an event.
        var endsEvent: Bool { piece.map { $0.count > 0 } ?? true }
    }

    private static let lineFeed = UInt8(ascii: "\n")

    let maximumRecordByteCount: Int
    /// 0: one event per record.
    let packByteCount: Int

    /// The next record of `bytes`, or nil if more bytes are needed. `recordOffset`: how far behind the
    /// start of its record the first byte is (a multiple of the maximum). `isFinal`: the bytes' end is
    /// decided to be the end of an event. `hasMore`: more bytes are there to be read behind them.
    func next(_ bytes: UnsafeRawBufferPointer, recordOffset: UInt64, isFinal: Bool, hasMore: Bool = false) -> Cut? {
        guard unsafe !bytes.isEmpty else { return nil }
        let single = min(bytes.count, maximumRecordByteCount + 1)
        let index = UInt32(clamping: recordOffset / UInt64(maximumRecordByteCount) + 1)
        if recordOffset == 0, packByteCount > 0 {
            // Why: no window is longer than the longest line, so no line in it can be too long.
            let window = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<min(single, packByteCount)])
            if let last = unsafe ByteSearch.last(Self.lineFeed, in: window) {
                var last = last
                var pack = unsafe UnsafeRawBufferPointer(rebasing: bytes[...last])
                if unsafe DocumentEnd.isDoubtful(pack) {
                    let region = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<single])
                    let answer = unsafe DocumentEnd.find(in: region, limit: last + 1)
                    let mayWait = hasMore && !isFinal && bytes.count <= maximumRecordByteCount
                    switch answer {
                    case .at(let end): last = end - 1
                    case .open where mayWait: return nil
                    case .open, .unknown: break
                    }
                    unsafe pack = UnsafeRawBufferPointer(rebasing: bytes[...last])
                }
                return Cut(
                    byteCount: last + 1, valueByteCount: last, piece: nil,
                    eventCount: unsafe ByteSearch.count(Self.lineFeed, in: pack))
            }
        }
        let window = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<single])
        if let feed = unsafe ByteSearch.firstIndex(of: Self.lineFeed, in: window) {
            let piece = recordOffset == 0 ? nil : Piece(index: index, count: index)
            return Cut(byteCount: feed + 1, valueByteCount: feed, piece: piece, eventCount: 1)
        }
        if bytes.count > maximumRecordByteCount {
            return Cut(
                byteCount: maximumRecordByteCount, valueByteCount: maximumRecordByteCount,
                piece: Piece(index: index, count: 0), eventCount: 0)
        }
        guard isFinal else { return nil }
        let piece = recordOffset == 0 ? nil : Piece(index: index, count: index)
        return Cut(byteCount: bytes.count, valueByteCount: bytes.count, piece: piece, eventCount: 1)
    }
}

/// Runs of NUL bytes before a record (design section 4): what a writer without O_APPEND leaves behind a
/// truncation, or a power loss behind the last page that was written.
enum NulRun {
    /// 4 KiB: a page. Shorter ones are data.
    static let minimumByteCount = 4_096

    /// Where the first run begins that stands at the start of a record, as an offset; `startsRecord`:
    /// whether the first byte does. A run may reach the end of the bytes.
    static func start(in bytes: UnsafeRawBufferPointer, startsRecord: Bool) -> Int? {
        // Why: a run covers at least one of the probes of every half of its least length.
        var probe = 0
        while probe < bytes.count {
            guard unsafe bytes[probe] == 0 else {
                probe += minimumByteCount / 2
                continue
            }
            var start = probe
            while start > 0, unsafe bytes[start - 1] == 0 { start -= 1 }
            let length = unsafe ByteSearch.leadingZeros(in: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            let atRecord = unsafe start == 0 ? startsRecord : bytes[start - 1] == UInt8(ascii: "\n")
            if atRecord, length >= minimumByteCount || start + length == bytes.count { return start }
            probe = start + max(length, minimumByteCount / 2)
        }
        return nil
    }
}
