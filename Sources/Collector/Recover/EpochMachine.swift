internal import Sinks
internal import Transport

/// Finds out whether a partition still is the one that the log knows (design section 6): librdkafka
/// knows neither topic ids nor leader epochs, so the chain of offsets is proved by content. Pure: the
/// caller asks the broker what an action names and hands the answer back.
///
/// | state | asks | goes to |
/// |---|---|---|
/// | begun | bounds | comparing, or decided |
/// | comparing(i) | the record at mark i | equal: decided (a low end: wait); different: searching; gone: confirming, or the next older one in a compacted topic |
/// | confirming(i) | bounds again: retention may have passed the mark meanwhile | searching, or begun anew |
/// | searching(i) | older marks | the first that is equal, or none: a new epoch behind it, or at 0 |
///
/// Invariants
/// - Only growth, retention or compaction never makes a new epoch.
/// - A new epoch begins behind the highest mark that is equal, at 0 if there is none.
struct EpochMachine {
    enum Action: Sendable, Equatable {
        /// First and next offset of the partition.
        case bounds
        /// The first record at or behind this offset.
        case mark(Int64)
        case decided(Verdict)
    }

    enum Verdict: Sendable, Equatable {
        case goOn
        /// Retention removed the offsets from `next` of the log up to this one unread.
        case gap(next: Int64)
        /// The partition, or its tail, was made anew: read on here. These marks still are true.
        case newEpoch(next: Int64, marks: [OffsetMark])
        /// The end lies below what was read: look again, until it grows or `longestLowMilliseconds` are over.
        case lowEnd
    }

    /// How long an end below our offset is waited for: a leader that comes back with its tail.
    static let longestLowMilliseconds: Int64 = 600_000

    private enum State {
        case begun
        case comparing(Int)
        case confirming(Int)
        case searching(Int)
    }

    private let next: Int64
    private let marks: [OffsetMark]
    private let isCompacted: Bool
    /// How long the end has been low up to now.
    private let lowMilliseconds: Int64
    private var state = State.begun
    private var first: Int64 = 0
    private var end: Int64 = 0

    init(next: Int64, marks: [OffsetMark], isCompacted: Bool, lowMilliseconds: Int64 = 0) {
        self.next = next
        self.marks = marks
        self.isCompacted = isCompacted
        self.lowMilliseconds = lowMilliseconds
    }

    private var isLow: Bool { end < next }

    /// The answer to `.bounds`.
    mutating func bounds(first: Int64, next end: Int64) -> Action {
        self.first = first
        self.end = end
        if case .confirming(let index) = state {
            // Why: gone counts only if the log still starts at or below it; else retention took it.
            if marks[index].offset >= first { return search(from: index - 1) }
        }
        return compare(from: marks.count - 1)
    }

    /// The answer to `.mark`: what was found, nil at the end of the partition.
    mutating func found(_ mark: RecordMark?) -> Action {
        switch state {
        case .comparing(let index):
            switch Self.relation(mark, marks[index]) {
            case .equal: return unproved()
            case .different: return search(from: index - 1)
            case .gone where isCompacted: return compare(from: index - 1)
            case .gone:
                state = .confirming(index)
                return .bounds
            }
        case .searching(let index):
            if Self.relation(mark, marks[index]) == .equal { return begin(behind: index) }
            return search(from: index - 1)
        case .begun, .confirming: return .bounds
        }
    }

    /// Compares the newest mark at or before `index` that the partition can still hold.
    private mutating func compare(from index: Int) -> Action {
        var index = index
        while index >= 0, marks[index].offset >= end { index -= 1 }
        guard index >= 0, marks[index].offset >= first else { return unproved() }
        state = .comparing(index)
        return .mark(marks[index].offset)
    }

    /// Nothing speaks against the epoch but, perhaps, an end that is too low.
    private mutating func unproved() -> Action {
        if isLow {
            guard lowMilliseconds >= Self.longestLowMilliseconds else { return .decided(.lowEnd) }
            return search(from: marks.count - 1)
        }
        return .decided(first > next ? .gap(next: first) : .goOn)
    }

    /// A new epoch is proved; where does it begin?
    private mutating func search(from index: Int) -> Action {
        var index = index
        while index >= 0, marks[index].offset >= end { index -= 1 }
        guard index >= 0, marks[index].offset >= first else { return begin(behind: -1) }
        state = .searching(index)
        return .mark(marks[index].offset)
    }

    private func begin(behind index: Int) -> Action {
        guard index >= 0 else { return .decided(.newEpoch(next: 0, marks: [])) }
        return .decided(.newEpoch(next: marks[index].offset + 1, marks: Array(marks[...index])))
    }

    private enum Relation { case equal, different, gone }

    private static func relation(_ found: RecordMark?, _ mark: OffsetMark) -> Relation {
        guard let found, found.offset == mark.offset else { return .gone }
        return found.hash == mark.hash && found.timestamp == mark.timestamp ? .equal : .different
    }
}
