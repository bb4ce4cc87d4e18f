internal import Columns
internal import Event
internal import Schema

/// The changes of a table, sorted by identity and, for each, in source order, with bounded memory: full runs are
/// sorted and written to a scratch file.
///
///     append(...)* -> finish -> SortedChanges
///
/// Invariants: at most about `budget` bytes of changes are in memory; at most `maximumRunCount` runs are open.
final class ChangeSorter {
    /// Changes held in memory before they are written: half a million of 250 bytes.
    static let usualBudget = 128 << 20
    /// Runs merged at once, each with a buffer of `SpilledRun.bufferByteCount`: 16 MiB. More become one first.
    static let maximumRunCount = 64

    private let coding: RowCoding
    private let budget: Int
    private let scratchFolder: String
    private let name: String
    private var slab: ByteStore
    private var entries: [RunEntry] = []
    private var spilled: [SpilledRun] = []
    private var spillCount = 0
    /// Changes taken.
    private(set) var changeCount = 0
    /// The least and greatest place taken.
    private(set) var firstPlace: SourcePlace?
    private(set) var lastPlace: SourcePlace?

    /// A sorter that spills into a folder that is there.
    /// `name`: of its files there, which no other sorter at work may have.
    init(_ coding: RowCoding, scratchFolder: String, name: String = "run", budget: Int = usualBudget) {
        self.name = name
        self.coding = coding
        self.budget = budget
        self.scratchFolder = scratchFolder
        slab = ByteStore(capacity: min(budget, 1 << 20))
    }

    /// Takes a change whose values are a row of a batch. `keepsRow`: the row goes into the record.
    func append(_ head: ChangeHead, rows: RowBatch, _ row: Int, keepsRow: Bool = true) throws(Failure) {
        let start = slab.count
        head.append(to: slab, hasRow: keepsRow)
        coding.appendIdentity(of: rows, row, to: slab)
        let identityEnd = slab.count
        if keepsRow { coding.appendRow(rows, row, to: slab) }
        try close(start, identityEnd, head.place)
    }

    private func close(_ start: Int, _ identityEnd: Int, _ place: SourcePlace) throws(Failure) {
        let length = slab.count - start
        guard length <= ChangeRecord.maximumByteCount else {
            slab.truncate(to: start)
            throw Failure(
                "replay.row_too_long", stage: .sink, kind: .corrupt, "a changed row has \(length) bytes",
                hint: "rows of at most \(ChangeRecord.maximumByteCount) bytes can be replayed")
        }
        slab.put(UInt32(truncatingIfNeeded: length), at: start)
        slab.put(UInt32(truncatingIfNeeded: identityEnd - start - ChangeRecord.headByteCount), at: start + 4)
        let identity = slab.view(start + ChangeRecord.headByteCount, identityEnd)
        entries.append(RunEntry(prefix: coding.prefix(of: identity), offset: start))
        changeCount += 1
        firstPlace = min(firstPlace ?? place, place)
        lastPlace = max(lastPlace ?? place, place)
        if slab.count + entries.count * MemoryLayout<RunEntry>.stride >= budget { try spill() }
    }

    private func spill() throws(Failure) {
        guard !entries.isEmpty else { return }
        let run = MemoryRun(slab, entries)
        spilled.append(try SpilledRun(writing: MergedCursor([.init(run, from: nil)]), path: nextPath()))
        entries.removeAll(keepingCapacity: true)
        slab.removeAll()
        if spilled.count >= Self.maximumRunCount {
            let merged = SortedChanges(memory: [], spilled: spilled, coding)
            spilled = [try SpilledRun(writing: try merged.cursor(from: nil), path: nextPath())]
        }
    }

    private func nextPath() -> String {
        spillCount += 1
        return scratchFolder + "/\(name)-\(spillCount)"
    }

    /// All changes, sorted. The sorter takes no more.
    func finish() -> SortedChanges {
        let run = entries.isEmpty ? [] : [MemoryRun(slab, entries)]
        entries = []
        slab = ByteStore()
        return SortedChanges(memory: run, spilled: spilled, coding)
    }
}

/// Where a record lies, with the beginning of its identity.
struct RunEntry {
    var prefix: UInt64
    var offset: Int
}

/// A sorted run in memory. Never changes; may be read by several threads.
// Safety: slab and entries are not written after init.
final class MemoryRun: @unchecked Sendable {
    fileprivate let slab: ByteStore
    fileprivate let entries: [RunEntry]

    init(_ slab: ByteStore, _ entries: [RunEntry]) {
        self.slab = slab
        self.entries = entries.sorted { left, right in
            if left.prefix != right.prefix { return left.prefix < right.prefix }
            let (first, second) = (Self.record(slab, left), Self.record(slab, right))
            let order = first.identity.order(second.identity)
            return order == 0 ? first.comesBefore(second) : order < 0
        }
    }

    @inline(__always)
    fileprivate static func record(_ slab: ByteStore, _ entry: RunEntry) -> ChangeRecord {
        let length = Int(slab.load(entry.offset, as: UInt32.self))
        return ChangeRecord(slab.view(entry.offset, entry.offset + length))
    }

    /// The first record whose identity does not come before this one.
    func firstIndex(from identity: ByteView) -> Int {
        var (low, high) = (0, entries.count)
        while low < high {
            let middle = (low + high) / 2
            if record(middle).identity.order(identity) < 0 { low = middle + 1 } else { high = middle }
        }
        return low
    }

    var count: Int { entries.count }
    @inline(__always)
    func record(_ index: Int) -> ChangeRecord { Self.record(slab, entries[index]) }
    @inline(__always)
    func prefix(_ index: Int) -> UInt64 { entries[index].prefix }
}
