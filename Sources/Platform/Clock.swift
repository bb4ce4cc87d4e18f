internal import Glibc

/// The one clock. Instants are milliseconds since the epoch (wall) or nanoseconds (monotonic).
public protocol Clock: Sendable {
    /// Wall clock: may step. Milliseconds since 1970-01-01 UTC.
    func wallMilliseconds() -> Int64
    /// CLOCK_MONOTONIC: never steps, only for durations within the process. Nanoseconds.
    func monotonicNanoseconds() -> Int64
}

/// The machine's clocks.
public struct SystemClock: Clock {
    public init() {}

    /// CLOCK_REALTIME, in milliseconds.
    public func wallMilliseconds() -> Int64 { read(CLOCK_REALTIME) / 1_000_000 }
    /// CLOCK_MONOTONIC, in nanoseconds.
    public func monotonicNanoseconds() -> Int64 { read(CLOCK_MONOTONIC) }
    /// What the calling thread has used of a processor, in nanoseconds: for measurements on a machine that is shared.
    public func threadNanoseconds() -> Int64 { read(CLOCK_THREAD_CPUTIME_ID) }

    private func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        _ = unsafe clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// The id of this boot (`/proc/sys/kernel/random/boot_id`), or "" where it cannot be read.
public enum Boot {
    /// Reads the id; it changes at every boot of the kernel.
    public static func identifier() -> String {
        guard let file = try? Syscalls.open("/proc/sys/kernel/random/boot_id", .read),
            let bytes = try? file.readAll(maximum: 64)
        else { return "" }
        return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
    }
}

/// The one way to sleep.
public enum Sleep {
    /// Sleeps the calling thread: for backoff on threads of our own, never as a poll loop.
    public static func milliseconds(_ count: Int) {
        _ = usleep(UInt32(clamping: count * 1_000))
    }
}
