internal import Codec
internal import Event
internal import Platform

/// The bytes of an open file as a stream sees them: of a compressed one, what it holds.
final class FileContent {
    enum Match { case same, other, short }

    private let descriptor: Descriptor
    private let compressed: CompressedContent?
    let identity: InodeIdentity
    var isCompressed: Bool { compressed != nil }

    /// Opens a regular file without blocking, whatever lies there. Nil: it is no regular file any more.
    init?(path: String) throws(Errno) {
        let opened = try Syscalls.open(path, .readNonblocking)
        let status = try opened.status()
        guard status.isRegular else { return nil }
        identity = InodeIdentity(status)
        if let method = CompressedContent.method(ofName: path) {
            guard let content = CompressedContent(method) else { throw .noMemory }
            compressed = content
        } else {
            compressed = nil
        }
        descriptor = opened
    }

    /// Of the file itself: the size of a compressed one is not its content's.
    func status() throws(Errno) -> FileStatus { try descriptor.status() }

    /// Whether a compressed file is whole, and how much it holds: reads all of it. Nil: it is a plain one.
    func measure() throws(Errno) -> CompressedContent.Measure? { try compressed?.measure(descriptor) }

    /// Reads until the buffer is full or the file ends; the count of bytes.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        if let compressed { return try unsafe compressed.read(descriptor, at: offset, into: buffer) }
        var count = 0
        while count < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
            let got = try unsafe descriptor.read(at: offset + UInt64(count), into: rest)
            if got == 0 { break }
            count += got
        }
        return count
    }

    /// Whether the content at a rung is the rung's. Reads at most `ContentChain.maximumTailByteCount`.
    func match(_ rung: Rung, scratch: inout [UInt8]) throws(Errno) -> Match {
        let start = ContentChain.tailStart(of: rung.position)
        let count = Int(rung.position - start)
        if scratch.count < count { scratch = [UInt8](repeating: 0, count: ContentChain.maximumTailByteCount) }
        let outcome = unsafe scratch.withUnsafeMutableBytes { buffer -> Result<Match, Errno> in
            let tail = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            do throws(Errno) {
                guard try unsafe read(at: start, into: tail) == count else { return .success(.short) }
            } catch {
                return .failure(error)
            }
            var cursor = ChainCursor(tailOf: rung)
            let found = unsafe cursor.rung(
                at: rung.position, recordStart: rung.recordStart, in: UnsafeRawBufferPointer(tail))
            return .success(found == rung ? .same : .other)
        }
        return try outcome.get()
    }

    func agrees(with rung: Rung, scratch: inout [UInt8]) throws(Errno) -> Bool {
        try match(rung, scratch: &scratch) == .same
    }

    /// How far the content holds what `marks` (rising) say, or nil where it holds something else. 0: it is
    /// shorter than all of them.
    func agreement(_ marks: [Rung], scratch: inout [UInt8]) throws(Errno) -> UInt64? {
        var through: UInt64 = 0
        for mark in marks {
            switch try match(mark, scratch: &scratch) {
            case .same: through = mark.position
            case .other: return nil
            case .short: return through
            }
        }
        return through
    }
}

extension InodeIdentity {
    init(_ status: FileStatus) {
        self.init(device: status.device, inode: status.inode, birth: status.birth)
    }
}
