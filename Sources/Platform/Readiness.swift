internal import CLinux
internal import Glibc

/// Waiting for descriptors. Source: poll(2).
public enum Readiness {
    /// Most descriptors of one wait; those beyond are not waited for.
    public static let maximumCount = 64

    /// Waits until one of the descriptors can be read or the time-out is over; true if one can. An
    /// interrupted or failed wait counts as readable: the caller looks.
    public static func wait(for descriptors: [Int32], milliseconds: Int) -> Bool {
        let timeout = Int32(clamping: milliseconds)
        return unsafe descriptors.withUnsafeBufferPointer { buffer in
            unsafe millrace_wait_readable(buffer.baseAddress, Int32(clamping: buffer.count), timeout) != 0
        }
    }
}
