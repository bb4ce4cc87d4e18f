internal import Event
internal import Platform

/// The bytes of an open file as a stream sees them.
final class FileContent {
    private let descriptor: Descriptor
    let identity: InodeIdentity

    /// Opens a regular file without blocking, whatever lies there. Nil: it is no regular file any more.
    init?(path: String) throws(Errno) {
        let opened = try Syscalls.open(path, .readNonblocking)
        let status = try opened.status()
        guard status.isRegular else { return nil }
        identity = InodeIdentity(status)
        descriptor = opened
    }

    func status() throws(Errno) -> FileStatus { try descriptor.status() }

    /// Reads until the buffer is full or the file ends; the count of bytes.
    func read(at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
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
    func agrees(with rung: Rung, scratch: inout [UInt8]) throws(Errno) -> Bool {
        let start = ContentChain.tailStart(of: rung.position)
        let count = Int(rung.position - start)
        if scratch.count < count { scratch = [UInt8](repeating: 0, count: ContentChain.maximumTailByteCount) }
        let outcome = unsafe scratch.withUnsafeMutableBytes { buffer -> Result<Bool, Errno> in
            let tail = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[..<count])
            do throws(Errno) {
                guard try unsafe read(at: start, into: tail) == count else { return .success(false) }
            } catch {
                return .failure(error)
            }
            var cursor = ChainCursor(tailOf: rung)
            let found = unsafe cursor.rung(
                at: rung.position, recordStart: rung.recordStart, in: UnsafeRawBufferPointer(tail))
            return .success(found == rung)
        }
        return try outcome.get()
    }
}

extension InodeIdentity {
    init(_ status: FileStatus) {
        self.init(device: status.device, inode: status.inode, birth: status.birth)
    }
}
