internal import Schema

/// What contradicts the state: a change of a row that is not as its source saw it.
public enum Contradiction: String, Sendable, CaseIterable {
    /// An insert of a key that is there.
    case insertedTwice = "inserted_twice"
    /// An update of a row that is not there: it is taken as an insert.
    case updatedMissing = "updated_missing"
    /// A delete of a row that is not there.
    case deletedMissing = "deleted_missing"
    /// The row before, as the source says it, is not the row that is there.
    case beforeDiffers = "before_differs"
}

/// How often each contradiction was met, and how many changes were there twice.
public struct ReplayCounts: Sendable, Equatable {
    public var contradictions: [Contradiction: Int] = [:]
    /// Changes that were there once more at the same place, and count once.
    public var repeated = 0

    public init() {}

    /// Adds another count to this one.
    public mutating func add(_ other: ReplayCounts) {
        contradictions.merge(other.contradictions, uniquingKeysWith: +)
        repeated += other.repeated
    }

    mutating func note(_ contradiction: Contradiction) { contradictions[contradiction, default: 0] += 1 }

    /// Contradictions by their names.
    var named: [String: Int] { Dictionary(uniqueKeysWithValues: contradictions.map { ($0.key.rawValue, $0.value) }) }

    /// All contradictions.
    public var contradictionCount: Int { contradictions.values.reduce(0, +) }
}

/// One key's way through a day: what is there, then its changes in source order.
///
///     begin -> apply(change)* -> outcome
///
/// Pure: no I/O, no clock. Last writer in source order wins; a contradiction is counted and never stops.
struct KeyMachine {
    /// Where a row's values are.
    enum Origin: Equatable {
        /// In the state.
        case state
        /// In the change of this number.
        case change(Int)
    }

    /// The row that the values of are kept, also of a deleted one; nil: the key has never been there.
    private(set) var values: Origin?
    private(set) var isDeleted = true
    /// Where the key came to be; nil: as the state has it.
    private(set) var firstPlace: SourcePlace?
    private var digest: UInt64?
    /// Behind a snapshot's row changes may repeat what the snapshot saw.
    private var isQuiet = false

    /// Begins a key. `digest`: of the row that the state has, if it is known.
    mutating func begin(hasState: Bool, isDeleted: Bool, digest: UInt64?) {
        values = hasState ? .state : nil
        self.isDeleted = !hasState || isDeleted
        self.digest = digest
        firstPlace = nil
        isQuiet = false
    }

    /// Takes the next change. `after`: the digest of the row that it brings, if it is known.
    mutating func apply(
        _ kind: ChangeKind, number: Int, place: SourcePlace, before: UInt64?, after: UInt64?, hasRow: Bool,
        counts: inout ReplayCounts
    ) {
        if kind == .snapshot { isQuiet = true }
        if let contradiction = contradiction(kind, before), !isQuiet { counts.note(contradiction) }
        if kind == .delete {
            if hasRow, isDeleted { values = .change(number) }
            isDeleted = true
            return
        }
        if isDeleted { firstPlace = place }
        values = .change(number)
        isDeleted = false
        digest = after
    }

    private func contradiction(_ kind: ChangeKind, _ before: UInt64?) -> Contradiction? {
        switch kind {
        case .snapshot: return nil
        case .insert: return isDeleted ? nil : .insertedTwice
        case .update, .delete:
            if isDeleted { return kind == .update ? .updatedMissing : .deletedMissing }
            if let before, let digest, before != digest { return .beforeDiffers }
            return nil
        }
    }
}

/// The changes of rows that are equal in every column, as a count: how many of them there are after a day.
///
/// Pure. `net` is what the changes add up to; `debt` the deepest that they fall below where they began: if fewer
/// rows are there, so many deletes had nothing to delete. A delete takes the oldest: so it is known of a row of the
/// state whether it stays before all of them are seen.
struct TwinMachine {
    private(set) var net = 0
    private(set) var debt = 0
    private(set) var deletes = 0

    mutating func begin() { (net, debt, deletes) = (0, 0, 0) }

    mutating func apply(_ kind: ChangeKind) {
        net += kind == .delete ? -1 : 1
        debt = max(debt, -net)
        if kind == .delete { deletes += 1 }
    }

    /// Whether the row of the state that has so many older ones stays.
    func keeps(_ number: Int) -> Bool { number >= deletes }

    /// How many of the rows that the changes brought are gone, if there were so many rows before.
    func takenOfNew(from before: Int) -> Int { max(0, deletes - missing(from: before) - before) }

    /// Rows after the changes, if there were so many before; never fewer for more.
    func count(from before: Int) -> Int { max(before, debt) + net }

    /// Deletes that met nothing.
    func missing(from before: Int) -> Int { max(0, debt - before) }
}
