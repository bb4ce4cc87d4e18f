internal import CLinux
internal import Glibc

/// The signals that a daemon obeys, read as data from a signalfd(2).
///
/// Make it in main before any thread is started: the signals are blocked in the calling thread, and every
/// thread made later inherits that. SIGPIPE is ignored (a broken pipe is an error of write(2)).
@safe public final class Signals: Sendable {
    public enum Signal: Sendable, Equatable {
        /// SIGTERM or SIGINT: end in an orderly way.
        case terminate
        /// SIGHUP: read the configuration again.
        case reload
    }

    private let number: Int32

    /// Blocks SIGTERM, SIGINT and SIGHUP and ignores SIGPIPE, for the life of the process.
    public init() throws(Errno) {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for each in [SIGTERM, SIGINT, SIGHUP] { unsafe sigaddset(&set, each) }
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, nil)
        _ = signal(SIGPIPE, SIG_IGN)
        number = try Syscalls.negative { unsafe signalfd(-1, &set, Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)) }
    }

    deinit { _ = close(number) }

    /// For poll(2) beside other descriptors.
    public var descriptorNumber: Int32 { number }

    /// The next signal, or nil at the time-out. One thread at a time.
    public func next(timeoutMilliseconds: Int) -> Signal? {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&entry, 1, Int32(clamping: timeoutMilliseconds)) > 0 else { return nil }
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        guard unsafe read(number, &information, size) == size else { return nil }
        return Int32(information.ssi_signo) == SIGHUP ? .reload : .terminate
    }
}
