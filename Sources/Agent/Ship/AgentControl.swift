internal import Synchronization

/// How others reach a running agent; callable from any thread.
public final class AgentControl: Sendable {
    private let stops = Atomic<Int>(0)
    private let reloads = Atomic<Int>(0)

    public init() {}

    /// Ends the agent in order; a second call ends the wait for acknowledgements.
    public func requestStop() { stops.wrappingAdd(1, ordering: .releasing) }

    /// Looks again at what can be looked at while running.
    public func requestReload() { reloads.wrappingAdd(1, ordering: .releasing) }

    public var isStopping: Bool { stops.load(ordering: .acquiring) > 0 }
    public var isHurried: Bool { stops.load(ordering: .acquiring) > 1 }

    func takeReload() -> Bool { reloads.exchange(0, ordering: .acquiringAndReleasing) > 0 }
}
