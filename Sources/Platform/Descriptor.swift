internal import CLinux
internal import Glibc

/// An open file descriptor, with exactly one owner. `close()` reports an error; dropping it closes
/// silently (for descriptors that were only read).
public struct Descriptor: ~Copyable {
    private let raw: Int32

    init(_ raw: Int32) { self.raw = raw }

    /// Takes over a descriptor from outside (a socket, a signal descriptor).
    public static func adopting(_ raw: Int32) -> Descriptor { Descriptor(raw) }

    deinit { _ = Glibc.close(raw) }

    /// The number, for poll(2) and messages; the owner stays the owner.
    public var number: Int32 { raw }

    /// Closes and reports what close(2) says; never retried (Linux releases the number even on EINTR).
    public consuming func close() throws(Errno) {
        let number = raw
        discard self
        try SyscallFaults.check("close", "")
        if Glibc.close(number) != 0, errno != EINTR { throw Errno(errno) }
    }

    /// statx(2) of the open file.
    public borrowing func status() throws(Errno) -> FileStatus {
        try SyscallFaults.check("fstat", "")
        var result = millrace_stat()
        let number = raw
        _ = try Syscalls.retried { unsafe millrace_stat_descriptor(number, &result) }
        return FileStatus(result)
    }

    /// Reads at an offset: the count of bytes, 0 at the end. May be short.
    public borrowing func read(
        at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        try SyscallFaults.check("pread", "")
        let number = raw
        return try Syscalls.negative {
            unsafe pread(number, buffer.baseAddress, buffer.count, Int(bitPattern: UInt(offset)))
        }
    }

    /// Reads once at an offset: at most `maximum` bytes, empty at the end.
    public borrowing func readPart(at offset: UInt64, maximum: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: maximum)
        let outcome = unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Int, Errno> in
            do throws(Errno) { return .success(try unsafe read(at: offset, into: buffer)) } catch {
                return .failure(error)
            }
        }
        bytes.removeLast(bytes.count - (try outcome.get()))
        return bytes
    }

    /// Reads the whole rest from the start, at most `maximum` bytes.
    public borrowing func readAll(maximum: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: min(maximum, 65_536))
        var count = 0
        while count < maximum {
            if count == bytes.count {
                bytes.append(contentsOf: repeatElement(0, count: min(bytes.count, maximum - count)))
            }
            let start = count
            let outcome = unsafe bytes.withUnsafeMutableBytes { buffer -> Result<Int, Errno> in
                do throws(Errno) {
                    return .success(
                        try unsafe read(
                            at: UInt64(start), into: UnsafeMutableRawBufferPointer(rebasing: buffer[start...])))
                } catch {
                    return .failure(error)
                }
            }
            let got = try outcome.get()
            if got == 0 { break }
            count += got
        }
        bytes.removeLast(bytes.count - count)
        return bytes
    }

    /// Writes everything, however often write(2) is short.
    public borrowing func writeAll(_ buffer: UnsafeRawBufferPointer) throws(Errno) {
        var rest = unsafe buffer
        while unsafe !rest.isEmpty {
            try SyscallFaults.check("write", "")
            let number = raw
            let count = try Syscalls.negative { unsafe Glibc.write(number, rest.baseAddress, rest.count) }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[count...])
        }
    }

    /// Writes a whole array, however often write(2) is short.
    public borrowing func writeAll(_ bytes: [UInt8]) throws(Errno) {
        let outcome = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, Errno> in
            do throws(Errno) { return .success(try unsafe writeAll(buffer)) } catch { return .failure(error) }
        }
        try outcome.get()
    }

    /// fsync(2). An error means that the data may be lost for good: never retried by the caller on
    /// the same file (the kernel may have dropped the dirty pages), the file is written anew.
    public borrowing func sync() throws(Errno) {
        try SyscallFaults.check("fsync", SyscallFaults.path(of: number))
        let number = raw
        try Syscalls.negative { fsync(number) }
    }

    /// Begins to write what is dirty, so that a later `sync` finds little to do. Nothing becomes durable by it.
    public borrowing func startWriteback() { millrace_start_writeback(raw) }

    /// ftruncate(2).
    public borrowing func truncate(to byteCount: UInt64) throws(Errno) {
        try SyscallFaults.check("ftruncate", "")
        let number = raw
        try Syscalls.negative { ftruncate(number, Int(bitPattern: UInt(byteCount))) }
    }
}
