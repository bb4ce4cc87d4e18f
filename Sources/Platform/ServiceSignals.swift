internal import CLinux
internal import Glibc

/// What an operator asks of a daemon by signal.
public enum ServiceSignal: Sendable {
    /// SIGTERM or SIGINT: end in order.
    case stop
    /// SIGHUP: look at the configuration again.
    case reload
}

/// Signals as data: SIGTERM, SIGINT and SIGHUP are blocked in the process and read from a descriptor,
/// so no code of ours runs inside a signal handler. Source: signalfd(2).
public enum ServiceSignals {
    /// Calls `body` for each signal on a thread of its own, as long as the process lives. Call once, on
    /// the main thread, before any other thread is started (they inherit the blocked signals).
    public static func listen(_ body: @escaping @Sendable (ServiceSignal) -> Void) throws(Errno) {
        let descriptor = try Syscalls.retried { millrace_signal_descriptor() }
        _ = WorkerThread(name: "signals") {
            while true {
                let number = millrace_read_signal(descriptor)
                if number == SIGHUP {
                    body(.reload)
                } else if number == SIGTERM || number == SIGINT {
                    body(.stop)
                } else if number != -EINTR {
                    return
                }
            }
        }
    }
}

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
