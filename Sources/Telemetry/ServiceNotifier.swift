public import Platform

/// Tells the service manager how we are, by the sd_notify protocol: lines `NAME=value` in a datagram to the
/// socket that `$NOTIFY_SOCKET` names. Without that variable every call does nothing.
///
/// Errors are swallowed: a service that cannot report must still serve. Callable from any thread; never blocks.
/// Source: sd_notify(3), sd_watchdog_enabled(3).
public struct ServiceNotifier: Sendable {
    /// Longest status text.
    static let maximumStatusByteCount = 1_024

    private let address: String?
    private let clock: any Clock
    private let send: @Sendable (String, String) -> Void
    /// How often `watchdog` must be called: half of what the manager allows; nil: it does not watch.
    public let watchdogMilliseconds: Int?

    public init(
        environment: (String) -> String? = Environment.value, clock: any Clock = SystemClock(),
        send: @escaping @Sendable (String, String) -> Void = { text, address in
            do throws(Errno) { try NotifySocket.send(text, to: address) } catch {}
        }
    ) {
        self.clock = clock
        self.send = send
        address = environment("NOTIFY_SOCKET").flatMap { $0.isEmpty ? nil : $0 }
        let isOurs = environment("WATCHDOG_PID").map { $0 == String(Environment.processIdentifier) } ?? true
        let microseconds = environment("WATCHDOG_USEC").flatMap { Int($0) } ?? 0
        watchdogMilliseconds = isOurs && microseconds > 0 ? max(1, microseconds / 2_000) : nil
    }

    /// Start-up (or a reload) is over.
    public func ready(_ status: String? = nil) { tell(["READY=1"], status) }

    /// The end has begun.
    public func stopping(_ status: String? = nil) { tell(["STOPPING=1"], status) }

    /// A reload has begun; `ready` ends it.
    public func reloading() {
        tell(["RELOADING=1", "MONOTONIC_USEC=\(clock.monotonicNanoseconds() / 1_000)"], nil)
    }

    /// One sentence for `systemctl status`.
    public func status(_ text: String) { tell([], text) }

    /// A sign of life.
    public func watchdog() { tell(["WATCHDOG=1"], nil) }

    /// Asks for more time to start or stop.
    public func extendTimeout(milliseconds: Int) { tell(["EXTEND_TIMEOUT_USEC=\(milliseconds &* 1_000)"], nil) }

    private func tell(_ lines: [String], _ status: String?) {
        guard let address else { return }
        var lines = lines
        if let status {
            let flat = status.utf8.prefix(Self.maximumStatusByteCount).map { $0 < 0x20 ? 0x20 : $0 }
            lines.append("STATUS=" + String(decoding: flat, as: UTF8.self))
        }
        send(lines.joined(separator: "\n"), address)
    }
}
