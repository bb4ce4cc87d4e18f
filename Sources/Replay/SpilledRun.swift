internal import Event
internal import Platform

/// A sorted run in a scratch file, with an index of a record every `indexStepByteCount`. The file has no name any
/// more once it is written: it goes with the process. May be read by several threads.
// Safety: nothing is written after init; reads name their offset.
final class SpilledRun: @unchecked Sendable {
    /// What a cursor reads at once.
    static let bufferByteCount = 256 << 10
    static let indexStepByteCount = 1 << 20

    private let file: Descriptor
    private let byteCount: Int
    private let index: [(identity: [UInt8], offset: Int)]

    /// Writes what a cursor gives. Throws `sink.*`.
    init(writing cursor: MergedCursor, path: String) throws(Failure) {
        var index: [(identity: [UInt8], offset: Int)] = []
        var written = 0
        var indexed = -Self.indexStepByteCount
        let buffer = ByteStore(capacity: Self.bufferByteCount)
        var failure: Failure?
        do throws(Errno) {
            let out = try Syscalls.open(path, .createNew, permissions: 0o600)
            file = try Syscalls.open(path, .read)
            try Syscalls.unlink(path)
            while failure == nil, let record = cursor.current {
                if written - indexed >= Self.indexStepByteCount {
                    index.append((record.identity.array, written))
                    indexed = written
                }
                buffer.append(record.bytes)
                written += record.bytes.count
                if buffer.count >= Self.bufferByteCount {
                    try out.writeAll(buffer)
                    buffer.removeAll()
                }
                do throws(Failure) { try cursor.advance() } catch { failure = error }
            }
            try out.writeAll(buffer)
            try out.close()
        } catch {
            throw ReplayFailure.storage(error, "write", path)
        }
        if let failure { throw failure }
        byteCount = written
        self.index = index
    }

    /// Where to begin to read for records from an identity on.
    func offset(of identity: ByteView?) -> Int {
        guard let identity else { return 0 }
        var found = 0
        for entry in index {
            let order = unsafe entry.identity.withUnsafeBytes { unsafe ByteView($0).order(identity) }
            if order >= 0 { break }
            found = entry.offset
        }
        return found
    }

    /// Fills a store from an offset on; false at the end.
    func read(at offset: Int, count: Int, into store: ByteStore) throws(Failure) -> Int {
        let length = min(count, byteCount - offset)
        guard length > 0 else { return 0 }
        var done = 0
        while done < length {
            try unsafe store.fill(length - done) { buffer throws(Failure) in
                do throws(Errno) {
                    let count = try unsafe file.read(at: UInt64(offset + done), into: buffer)
                    guard count > 0 else { throw Errno.inputOutput }
                    done += count
                    return count
                } catch {
                    throw ReplayFailure.storage(error, "read", "a scratch file")
                }
            }
        }
        return length
    }
}

extension Descriptor {
    /// Writes all of a store.
    borrowing func writeAll(_ store: ByteStore) throws(Errno) {
        let view = store.all
        try unsafe writeAll(UnsafeRawBufferPointer(start: view.start, count: view.count))
    }
}
