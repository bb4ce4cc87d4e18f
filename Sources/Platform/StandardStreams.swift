internal import Glibc

/// The process's own output streams.
public enum StandardStreams {
    /// Writes to stderr, in one write(2) where the kernel takes it all. Errors are ignored: there is nowhere
    /// left to say so.
    public static func writeError(_ bytes: [UInt8]) { write(2, bytes) }

    /// Writes to stdout. False if it cannot be written (a closed pipe, a full disk).
    @discardableResult
    public static func writeOutput(_ bytes: [UInt8]) -> Bool { write(1, bytes) }

    /// Reads stdin to its end, at most `maximum` bytes. Blocks until the writer closes it.
    public static func readInput(maximum: Int) throws(Errno) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < maximum {
            let count = unsafe block.withUnsafeMutableBytes { unsafe Glibc.read(0, $0.baseAddress, $0.count) }
            if count < 0 {
                if errno == EINTR { continue }
                throw Errno(errno)
            }
            if count == 0 { break }
            bytes += block[..<min(count, maximum - bytes.count)]
        }
        return bytes
    }

    /// Whether stdout is a terminal.
    public static var outputIsTerminal: Bool { isatty(1) == 1 }

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
