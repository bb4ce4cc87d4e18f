internal import Glibc

/// The process's own output streams.
public enum StandardStreams {
    /// Writes to stderr, in one write(2) where the kernel takes it all. Errors are ignored: there is nowhere
    /// left to say so.
    public static func writeError(_ bytes: [UInt8]) { write(2, bytes) }

    /// Writes to stdout. False if it cannot be written (a closed pipe, a full disk).
    @discardableResult
    public static func writeOutput(_ bytes: [UInt8]) -> Bool { write(1, bytes) }

    @discardableResult
    private static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool {
        var start = 0
        while start < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start)
            }
            if count < 0 {
                if errno == EINTR { continue }
                return false
            }
            start += count
        }
        return true
    }
}
