import Glibc
import Platform
import Synchronization
import Testing

/// On a thread of its own, where all signals are blocked, and by raise(3), which sends to the calling thread
/// only: the test process itself is never hit.
@Test func signalsAreReadAsDataInsteadOfEndingTheProcess() {
    let results = Results()
    let thread = WorkerThread(name: "signals") {
        guard let signals = try? Signals() else { return }
        results.add(signals.next(timeoutMilliseconds: 0))
        for signal in [SIGHUP, SIGTERM, SIGINT] {
            raise(signal)
            results.add(signals.next(timeoutMilliseconds: 5_000))
        }
        results.add(signals.next(timeoutMilliseconds: 1))
    }
    thread.join()
    #expect(results.all == [nil, .reload, .terminate, .terminate, nil])
}

private final class Results: Sendable {
    private let stored = Mutex<[Signals.Signal?]>([])
    func add(_ signal: Signals.Signal?) { stored.withLock { $0.append(signal) } }
    var all: [Signals.Signal?] { stored.withLock { $0 } }
}
