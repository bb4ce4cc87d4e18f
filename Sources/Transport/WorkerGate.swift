internal import Event
internal import Platform

/// Keeps the bodies of one worker's `consume` apart from the coordinator's `start` and `stop`.
///
/// States: closed (no source), open (source), busy (open, a body runs). A body begins only if the
/// source that its records came from is still the one in force; `replace` waits until no body runs.
/// So nothing fetched before a `replace` is delivered after it.
final class WorkerGate<Source: AnyObject & Sendable>: Sendable {
    private struct State: Sendable {
        var source: Source?
        var isBusy = false
    }

    /// Longest wait of the coordinator for a body: a commit's own limits are below it.
    static var maximumWaitMilliseconds: Int { 60_000 }

    private let state = Monitor(State())

    /// The source in force; waits up to the time-out for one.
    func source(timeoutMilliseconds: Int) -> Source? {
        state.wait(milliseconds: timeoutMilliseconds) { $0.source }
    }

    /// Begins a body with records of `source`; false: they are stale, drop them.
    func begin(_ source: Source) -> Bool {
        state.withLock {
            guard $0.source === source else { return false }
            $0.isBusy = true
            return true
        }
    }

    func end() { state.signal { $0.isBusy = false } }

    /// Puts another source in force (nil: none) and waits for a running body.
    func replace(_ source: Source?) throws(Failure) {
        state.signal { $0.source = nil }
        let done: Bool? = state.wait(milliseconds: Self.maximumWaitMilliseconds) {
            if $0.isBusy { return nil }
            $0.source = source
            return true
        }
        if source != nil { state.signal { _ in } }
        if done == nil {
            throw Failure(
                "transport.worker_busy", stage: .transport, kind: .fatal,
                "a worker has held its records for more than \(Self.maximumWaitMilliseconds / 1_000) s")
        }
    }
}
