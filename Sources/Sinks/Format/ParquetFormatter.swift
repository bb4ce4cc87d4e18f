public import Columns
public import Event
internal import Parquet

/// Rows to Parquet, for one lane: a row group in memory for each table and partition in use, written to its
/// staged file when it is full, when memory is short, and before a commit.
///
/// Why a row group of each lane, and not one for all: encoding and compression are most of the work, and so
/// no lane waits for another's.
///
/// Invariants:
/// - after `flush` nothing is held: every row taken is in the files that it was flushed to;
/// - at most `maximumOpenCount` groups are open, holding at most about `heldByteCount`.
/// One thread at a time. Nothing is allocated per row.
public final class ParquetFormatter {
    /// Open row groups: enough for two days of some tables; each has buffers of its own.
    public static let maximumOpenCount = 32
    /// Empty row groups that keep their buffers over a commit.
    static let maximumKeptCount = 4
    /// Memory of the open groups at most: encoded pages and dictionaries.
    public static let maximumHeldByteCount = 96 << 20

    private final class OpenGroup {
        let group: RowGroup
        let layout: ParquetLayout
        let encoder: RowGroupEncoder
        var lastUse: UInt64 = 0
        var heldByteCount = 0

        init(_ group: RowGroup, _ layout: ParquetLayout, _ encoder: RowGroupEncoder) {
            self.group = group
            self.layout = layout
            self.encoder = encoder
        }
    }

    private struct Codec: Hashable {
        var name: String
        var level: Int?
    }

    private var open: [OpenGroup] = []
    private var workspaces: [Codec: ParquetWorkspace] = [:]
    private var clock: UInt64 = 0
    /// Per group of the batch in hand: its rows, where there is more than one group; and how many.
    private var selections: [[Int32]] = []
    private var rowCounts: [Int] = []

    private let heldByteCount: Int

    /// `heldByteCount`: memory of the open groups, encoded pages and dictionaries.
    public init(heldByteCount: Int = ParquetFormatter.maximumHeldByteCount) {
        self.heldByteCount = heldByteCount
    }

    /// Takes all rows of a batch. Rows per group of the batch are in `rowCount(ofGroup:)` afterwards. Throws what
    /// the storage throws; then the attempt is lost.
    public func append(_ rows: RowBatch, as layout: ParquetLayout, to files: StagedFiles) throws(Failure) {
        count(rows)
        for index in rows.groups.indices where rowCounts[index] > 0 {
            let target = try openGroup(rows.groups[index], layout, files)
            if rowCounts[index] == rows.rowCount {
                try target.encoder.append(rows)
            } else {
                try target.encoder.append(rows, selected: selections[index])
            }
            let held = target.encoder.heldByteCount
            files.hold(held - target.heldByteCount)
            target.heldByteCount = held
            if target.encoder.isFull { try write(target, to: files) }
        }
        while open.reduce(0, { $0 + $1.heldByteCount }) > heldByteCount,
            let largest = open.max(by: { $0.heldByteCount < $1.heldByteCount }), largest.encoder.rowCount > 0
        {
            try write(largest, to: files)
            open.removeAll { $0 === largest }
        }
    }

    /// Rows of a group of the batch appended last.
    public func rowCount(ofGroup index: Int) -> Int { rowCounts[index] }

    /// Writes everything that is held: before the files are sealed.
    public func flush(to files: StagedFiles) throws(Failure) {
        for target in open where target.encoder.rowCount > 0 { try write(target, to: files) }
        // Why: empty groups still have their buffers; yesterday's are of no more use.
        if open.count > Self.maximumKeptCount {
            open.sort { $0.lastUse > $1.lastUse }
            open.removeLast(open.count - Self.maximumKeptCount)
        }
    }

    /// Forgets everything that is held: the attempt is over.
    public func removeAll() {
        for target in open {
            target.encoder.removeAll()
            target.heldByteCount = 0
        }
    }

    /// Finds which rows belong to which group.
    private func count(_ rows: RowBatch) {
        rowCounts.removeAll(keepingCapacity: true)
        // Why: nearly all batches are of one day of one table.
        guard rows.groups.count != 1 else {
            rowCounts.append(rows.rowCount)
            return
        }
        while selections.count < rows.groups.count { selections.append([]) }
        for index in selections.indices { selections[index].removeAll(keepingCapacity: true) }
        let rowGroup = rows.rowGroup
        for row in 0..<rows.rowCount { selections[Int(rowGroup[row])].append(Int32(truncatingIfNeeded: row)) }
        for index in rows.groups.indices { rowCounts.append(selections[index].count) }
    }

    private func openGroup(
        _ group: RowGroup, _ layout: ParquetLayout, _ files: StagedFiles
    ) throws(Failure) -> OpenGroup {
        clock += 1
        if let found = open.first(where: { $0.layout === layout && $0.group == group }) {
            found.lastUse = clock
            return found
        }
        if open.count >= Self.maximumOpenCount, let oldest = open.min(by: { $0.lastUse < $1.lastUse }) {
            if oldest.encoder.rowCount > 0 { try write(oldest, to: files) }
            open.removeAll { $0 === oldest }
        }
        let codec = Codec(name: layout.codec.rawValue, level: layout.level)
        let workspace: ParquetWorkspace
        if let found = workspaces[codec] {
            workspace = found
        } else {
            workspace = try ParquetWorkspace(codec: layout.codec, level: layout.level)
            workspaces[codec] = workspace
        }
        let fresh = OpenGroup(group, layout, layout.makeEncoder(workspace))
        fresh.lastUse = clock
        open.append(fresh)
        return fresh
    }

    private func write(_ target: OpenGroup, to files: StagedFiles) throws(Failure) {
        try files.append(
            table: target.group.table, partition: target.group.partition, group: target.encoder, layout: target.layout)
        files.hold(-target.heldByteCount)
        target.heldByteCount = 0
        target.encoder.removeAll()
    }
}
