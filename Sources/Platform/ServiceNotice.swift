internal import CLinux
internal import Glibc

/// Tells the service supervisor how we are (the sd_notify protocol); does nothing where none listens.
/// Source: sd_notify(3), systemd.service(5) `Type=notify`, `WatchdogSec=`.
public enum ServiceNotice {
    /// The start is over; `status` is shown by `systemctl status`.
    public static func ready(status: String) { send("READY=1\nSTATUS=\(line(status))") }
    public static func status(_ text: String) { send("STATUS=\(line(text))") }
    public static func stopping(status: String) { send("STOPPING=1\nSTATUS=\(line(status))") }
    public static func watchdog() { send("WATCHDOG=1") }

    /// How often `watchdog` must be called, or nil if nobody asks: half of `WATCHDOG_USEC`.
    public static func watchdogMilliseconds() -> Int? {
        guard let text = environment("WATCHDOG_USEC"), let microseconds = Int(text), microseconds > 0 else { return nil }
        return max(microseconds / 2_000, 1)
    }

    private static func send(_ message: String) { _ = unsafe millrace_notify(message) }

    private static func line(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 32 ? 32 : $0 }, as: UTF8.self)
    }

    private static func environment(_ name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        return unsafe String(cString: value)
    }
}

/// The process itself.
public enum HostProcess {
    public static var identifier: Int32 { getpid() }

    /// Ends the process at once with this code, after flushing the standard streams.
    public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}
