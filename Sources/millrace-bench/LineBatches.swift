internal import Event
internal import Platform

/// The lines of a file, batch by batch, as a lane gets them: the file is read and cut while it is measured.
// Safety: `chunk` is allocated and freed here, and only used inside its bounds, which are checked.
@safe struct LineBatches: ~Copyable {
    private let file: Descriptor
    private var offset: UInt64 = 0
    private let chunk: UnsafeMutableRawBufferPointer
    /// Bytes at the chunk's start that belong to a line which was not whole.
    private var leftByteCount = 0
    private(set) var batch = EventBatch(byteCapacity: 2 * batchByteCount)
    private(set) var events: [Int32] = []
    private(set) var lineCount = 0

    init(_ path: String) throws(Errno) {
        file = try Syscalls.open(path, .read)
        unsafe chunk = .allocate(byteCount: batchByteCount, alignment: 64)
    }

    deinit { unsafe chunk.deallocate() }

    /// Begins at the file's start again.
    mutating func rewind() {
        (offset, leftByteCount, lineCount) = (0, 0, 0)
    }

    /// Fills the batch with the next lines; false at the end. A last line without a line feed counts.
    mutating func next() throws -> Bool {
        batch.removeAll()
        events.removeAll(keepingCapacity: true)
        var filled = leftByteCount
        while filled < batchByteCount {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: chunk[filled...])
            let count = try unsafe file.read(at: offset, into: rest)
            if count == 0 { break }
            filled += count
            offset += UInt64(count)
        }
        guard filled > 0 else { return false }
        let isLast = filled < batchByteCount
        let content = unsafe UnsafeRawBufferPointer(rebasing: chunk[..<filled])
        let whole = unsafe isLast ? filled : (ByteSearch.last(lineFeed, in: content) ?? filled - 1) + 1
        unsafe cut(UnsafeRawBufferPointer(rebasing: content[..<whole]))
        leftByteCount = filled - whole
        unsafe chunk.copyMemory(from: UnsafeRawBufferPointer(rebasing: content[whole...]))
        return true
    }

    private mutating func cut(_ bytes: UnsafeRawBufferPointer) {
        let context = PackContext(key: nil, topic: "bench", partition: 0, offset: 0, timestamp: -1)
        let (pack, start) = unsafe batch.appendPack(context, value: bytes)
        var line = 0
        while line < bytes.count {
            let end = unsafe ByteSearch.firstIndex(of: lineFeed, in: bytes, from: line) ?? bytes.count
            events.append(Int32(truncatingIfNeeded: batch.events.count))
            batch.appendEvent(
                EventReference(
                    start: start + line, byteCount: end - line, from: Position(UInt64(lineCount + line)),
                    to: Position(UInt64(lineCount + end + 1)), pack: pack))
            lineCount += 1
            line = end + 1
        }
    }
}

private let lineFeed = UInt8(ascii: "\n")
