internal import Agent
internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry

/// Who must end next, in `millrace run`: fed about ten times a second by one thread.
struct EmbeddedSupervisor: Sendable {
    struct Order {
        var endsCollector = false
        var failure: Failure?
    }

    let control: AgentControl
    let voice: Log
    let service: ServiceNotifier
    let warehouse: WarehouseSettings
    /// Nil: patience without end.
    let giveUpMilliseconds: Int64?

    private let clock = SystemClock()
    private var stopAskedAt: Int64?
    private var collectorEndedAt: Int64?
    private var isHurried = false
    private var lastReceived: UInt64 = 0
    private var lastProgressAt: Int64
    private var lookAt: Int64

    /// How often the log is looked at for progress.
    private static let lookMilliseconds: Int64 = 5_000
    /// How long the agent may take to see the last acknowledgements.
    private static let lastWordMilliseconds: Int64 = 2_000

    init(
        control: AgentControl, voice: Log, service: ServiceNotifier, warehouse: WarehouseSettings,
        giveUpMilliseconds: Int64?
    ) {
        self.control = control
        self.voice = voice
        self.service = service
        self.warehouse = warehouse
        self.giveUpMilliseconds = giveUpMilliseconds
        lastProgressAt = clock.monotonicNanoseconds() / 1_000_000
        lookAt = lastProgressAt
    }

    mutating func next(_ signal: Signals.Signal?, agentHasEnded: Bool, collectorHasEnded: Bool) -> Order {
        let now = clock.monotonicNanoseconds() / 1_000_000
        var order = Order()
        switch signal {
        case .terminate:
            if stopAskedAt == nil { askToStop(now) } else { hurry() }
        case .reload: control.requestReload()
        default: break
        }
        if giveUpMilliseconds != nil, !agentHasEnded, stopAskedAt == nil { order.failure = patienceEnded(now) }
        if let asked = stopAskedAt, now - asked >= EmbeddedProcess.drainMilliseconds { order.endsCollector = true }
        if agentHasEnded { order.endsCollector = true }
        if collectorHasEnded, !agentHasEnded {
            if stopAskedAt == nil { askToStop(now) }
            collectorEndedAt = collectorEndedAt ?? now
            if now - (collectorEndedAt ?? now) >= Self.lastWordMilliseconds { hurry() }
        }
        return order
    }

    private mutating func askToStop(_ now: Int64) {
        stopAskedAt = now
        service.stopping("committing what was read")
        voice.notice("stopping", "asked to end")
        control.requestStop()
    }

    private mutating func hurry() {
        guard !isHurried else { return }
        isHurried = true
        control.requestStop()
    }

    /// The failure of a run that takes nothing in for too long; asks the agent to stop.
    private mutating func patienceEnded(_ now: Int64) -> Failure? {
        guard let patience = giveUpMilliseconds, now >= lookAt else { return nil }
        lookAt = now + min(Self.lookMilliseconds, max(100, patience / 4))
        var cause: String?
        do throws(Failure) {
            // Why not the commit's number: watermarks are committed too, while every table stands.
            let received = try WarehouseLog.state(warehouse).pipelines.values.reduce(0) { $0 &+ $1.balance.received }
            if received != lastReceived {
                lastReceived = received
                lastProgressAt = now
            }
        } catch { cause = error.message }
        guard now - lastProgressAt >= patience else { return nil }
        askToStop(now)
        return Failure(
            "commit.no_progress", stage: .commit, kind: .transient,
            "nothing was committed for \(patience / 1_000) s; what was not written is still in the files",
            hint: "the log above says why; a longer time: --give-up", cause: cause)
    }
}
