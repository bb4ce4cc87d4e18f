/// Decides at a start whether streams keep their ids, and afterwards whether a foreign writer forces
/// new ones (design, "The agent"). Pure: the owner writes `state` durably and appends to the mirror
/// where the table says so.
///
/// | Step | Owner does | Machine |
/// | --- | --- | --- |
/// | start | reads the state file | `init` |
/// | trying | writes `state` durably, then appends the incarnation's record until it is acknowledged | - |
/// | acknowledged | reads the mirror from `readOffset(own:)` to its end | `decide` |
/// | decided | writes `state` durably, then opens the sources with `resume` | - |
/// | running | writes a checkpoint with what the sources then hold | `resumed` |
/// | running | reads the mirror onward | `observe` |
/// | closed | nothing in flight: the last checkpoint | `ended` |
///
/// Invariants
/// - Of all runs that branch from one state, at most one keeps its ids: a run that is not the original
///   file in the same boot, or in another boot behind a clean mark, takes new ones; of the others only
///   one finds no foreign incarnation behind the one it follows.
/// - A verdict "new ids" survives a crash: it stays `pending` in the state until a checkpoint holds them.
/// - Compaction never hides a foreign incarnation: its record has a key of its own and is deleted only
///   by a later incarnation, which is foreign too and stands in the mirror then.
///
/// Not covered: a file system rolled back within one boot, under a stopped agent, to a state of the same
/// incarnation that is younger than the last record of a stream in the mirror.
public struct IncarnationMachine: Sendable {
    /// Most tries and settled foreigners that are remembered. Beyond, the oldest are forgotten, which
    /// makes them foreign again: new ids, never equal ones.
    public static let maximumRemembered = 256

    public let incarnation: String
    public private(set) var state: IncarnationState
    /// The incarnation that ours follows.
    public let followed: MirrorPlace?
    private let previousCheckpoint: UInt64
    /// Incarnations whose records are ours or were dealt with.
    private var known: Set<String>
    private var nonces: Set<String> = []
    private var nonceOrder: [String] = []
    private var isDecided = false

    /// `previous`: the incarnation part of the state file, nil if there is none or it is damaged.
    /// `isOriginal`: the file is the very one that was written, not a copy.
    public init(previous: IncarnationState?, isOriginal: Bool, boot: String, incarnation: String) {
        self.incarnation = incarnation
        var state = previous ?? IncarnationState()
        previousCheckpoint = state.checkpoint
        let isSameBoot = !boot.isEmpty && state.boot == boot
        if previous == nil {
            state.pending = PendingNewIDs(reason: "there is no state", afterPowerLoss: false)
        } else if isSameBoot, !isOriginal {
            state.add(PendingNewIDs(reason: "the state file is a copy", afterPowerLoss: false))
        } else if !isSameBoot, !state.isClean {
            state.add(PendingNewIDs(reason: "the machine went down while events were in flight", afterPowerLoss: true))
        }
        // Why: in another boot a copy of the disk may be at work with the same tries.
        if !isSameBoot || !isOriginal { state.tried = [] }
        followed = state.acknowledged
        known = Set(state.tried + state.settled + [incarnation])
        if let followed { known.insert(followed.incarnation) }
        state.tried = (state.tried + [incarnation]).suffix(Self.maximumRemembered)
        state.boot = boot
        state.isClean = false
        self.state = state
    }

    /// Tells a mark that the owner is about to put into a mirror record.
    public mutating func willAppend(nonce: String) {
        nonces.insert(nonce)
        nonceOrder.append(nonce)
        if nonceOrder.count > 16_384 {
            for old in nonceOrder.prefix(8_192) { nonces.remove(old) }
            nonceOrder.removeFirst(8_192)
        }
    }

    /// Where to read the mirror from once the own record is acknowledged at `own`.
    public func readOffset(own: Int64) -> Int64 { followed.map { min($0.offset, own) } ?? 0 }

    /// Whether the streams are to be recovered from the mirror: this state never shipped anything.
    public var recovers: Bool { followed == nil }

    /// Decides. `notes`: everything under our name from `readOffset` to the end, our own record among
    /// it; `own`: our own record's offset. Returns the foreign incarnations that were found.
    public mutating func decide(own: Int64, notes: [(offset: Int64, note: MirrorNote)]) -> [String] {
        var foreign: [String] = []
        var foundFollowed = false
        var wentBack = false
        var lastBoot: String?
        for (offset, note) in notes {
            switch note {
            case .incarnation(let id, _, let boot, let nonce):
                if id == followed?.incarnation, offset == followed?.offset { foundFollowed = true }
                if isOwn(id, nonce) { continue }
                if !foreign.contains(id) { foreign.append(id) }
                lastBoot = boot
            case .stream(_, _, let writer, let checkpoint, _, _):
                if writer == followed?.incarnation, checkpoint > previousCheckpoint { wentBack = true }
                if !known.contains(writer), !foreign.contains(writer) { foreign.append(writer) }
            case .removed: break
            case .unreadable: foreign.append("record \(offset)")
            }
        }
        if followed == nil {
            // Why: nothing of this state was ever shipped, so earlier writers are predecessors.
            if let lastBoot, lastBoot != state.boot { state.pending?.afterPowerLoss = true }
            known.formUnion(foreign)
            foreign = []
        } else {
            judge(foundFollowed: foundFollowed, foreign: foreign, wentBack: wentBack)
        }
        state.acknowledged = MirrorPlace(incarnation: incarnation, offset: own)
        state.tried = []
        isDecided = true
        return foreign
    }

    private mutating func judge(foundFollowed: Bool, foreign: [String], wentBack: Bool) {
        if !foundFollowed {
            state.add(PendingNewIDs(
                reason: "the mirror no longer holds the incarnation that the state names", afterPowerLoss: false))
        }
        if let first = foreign.first {
            state.add(PendingNewIDs(
                reason: "another agent ran under this name (incarnation \(first))", afterPowerLoss: false))
        }
        if wentBack {
            state.add(PendingNewIDs(reason: "the state went back in time", afterPowerLoss: false))
        }
        for id in foreign { settle(id) }
    }

    /// How the sources go on; valid after `decide`.
    public var resume: Resume {
        precondition(isDecided, "asked before the decision")
        guard let pending = state.pending else { return .sameIDs }
        return .newIDs(reason: pending.reason, afterPowerLoss: pending.afterPowerLoss)
    }

    /// The sources hold what `resume` said: the next checkpoint makes it true.
    public mutating func resumed() { state.pending = nil }

    /// Looks at records behind the own one. Returns each foreign writer once; for each of them the
    /// sources take new ids.
    public mutating func observe(notes: [(offset: Int64, note: MirrorNote)]) -> [String] {
        var found: [String] = []
        for (offset, note) in notes {
            let writer: String
            switch note {
            case .incarnation(let id, _, _, let nonce):
                if isOwn(id, nonce) { continue }
                // Why: our own id with a mark that we never wrote is a copy of this process.
                writer = id == incarnation ? "\(id) (copy \(nonce))" : id
            case .stream(_, _, let id, _, let nonce, _):
                if id == incarnation ? nonces.contains(nonce) : known.contains(id) { continue }
                writer = id == incarnation ? "\(id) (copy)" : id
            case .removed: continue
            case .unreadable: writer = "record \(offset)"
            }
            if known.contains(writer) { continue }
            settle(writer)
            found.append(writer)
        }
        return found
    }

    /// A checkpoint is about to be written: numbers it.
    public mutating func nextCheckpoint() -> UInt64 {
        state.checkpoint &+= 1
        return state.checkpoint
    }

    /// Everything is acknowledged and nothing will be shipped any more.
    public mutating func ended() { state.isClean = true }

    private func isOwn(_ id: String, _ nonce: String) -> Bool {
        id == incarnation ? nonces.contains(nonce) : known.contains(id)
    }

    private mutating func settle(_ id: String) {
        known.insert(id)
        state.settled = (state.settled + [id]).suffix(Self.maximumRemembered)
    }
}

extension IncarnationState {
    /// Adds a reason for new ids to the one that stands.
    fileprivate mutating func add(_ more: PendingNewIDs) {
        guard var pending else {
            self.pending = more
            return
        }
        if pending.reason.utf8.count < 200 { pending.reason += "; \(more.reason)" }
        pending.afterPowerLoss = pending.afterPowerLoss || more.afterPowerLoss
        self.pending = pending
    }
}
