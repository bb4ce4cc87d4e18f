public import Event
public import Parquet
internal import Platform

/// A Parquet file of the local disk, to be read.
public final class LocalParquet: ParquetSource {
    private let file: Descriptor
    private let path: String
    public let byteCount: Int64

    /// Opens a regular file. Throws `source.unreadable`.
    public init(_ path: String) throws(Failure) {
        self.path = path
        do throws(Errno) {
            let file = try Syscalls.open(path, .readNonblocking)
            let status = try file.status()
            guard status.isRegular else { throw Errno.isDirectory }
            byteCount = Int64(clamping: status.byteCount)
            self.file = file
        } catch {
            throw Self.failure(path, error)
        }
    }

    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        var done = 0
        while done < buffer.count {
            let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count: Int
            do throws(Errno) {
                count = try unsafe file.read(at: UInt64(clamping: offset) + UInt64(done), into: rest)
            } catch {
                throw Self.failure(path, error)
            }
            guard count > 0 else {
                throw Failure(
                    "parquet.corrupt", stage: .format, kind: .corrupt, "\(path) has become shorter while it was read")
            }
            done += count
        }
    }

    private static func failure(_ path: String, _ error: Errno) -> Failure {
        Failure(
            "source.unreadable", stage: .source, kind: .usage, "\(path) cannot be read",
            hint: "is it a file, and yours?", cause: error.description)
    }
}
