internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// Changes of a table in its change log that are not in its newest state.
public struct PendingChanges: Sendable, Equatable {
    /// Transactions that are told apart; more count as this many.
    public static let maximumTransactionCount = 1 << 20

    public var changeCount = 0
    /// Transactions that they belong to; nil: the tool's records name none.
    public var transactionCount: Int?
    /// The least commit time of them, microseconds since the epoch.
    public var oldestCommitted: Int64?
    /// The greatest place of them.
    var lastPlace: SourcePlace?
}

extension StateReader {
    private static let fields: [ChangeLog.Field] = [
        .op, .leg, .placeFile, .placePosition, .placeRow, .transaction, .committed,
    ]

    /// What a table's change log has behind a state, and what of days before came after it was made; nil: of all.
    func pending(of source: TableName, behind state: (day: String, manifest: StateManifest)?) throws(Failure)
        -> PendingChanges
    {
        var pending = PendingChanges()
        var transactions: Set<UInt64> = []
        let files = try log.files(of: source, nil)
        var countOfLate = Int64(0)
        for file in files where file.day >= state?.day ?? "" {
            let reader = try ParquetReader(
                LocalParquet(store.warehouse + "/" + file.path), columns: Self.fields.map(\.name))
            while try reader.next() {
                for row in 0..<reader.rows.rowCount {
                    let isNew = note(reader.rows.columns, row, state?.manifest.lastPlace, &pending, &transactions)
                    if isNew, file.day == state?.day { countOfLate -= 1 }
                }
            }
        }
        if !transactions.isEmpty { pending.transactionCount = transactions.count }
        guard let state else { return pending }
        // Those that stand before the last place are told by their number alone.
        let older = files.filter { $0.day <= state.day }
        guard older.count > state.manifest.logFileCount else { return pending }
        for file in older {
            let reader = try ParquetReader(LocalParquet(store.warehouse + "/" + file.path), columns: [])
            countOfLate += reader.rowCount
        }
        let lost = try lateChangeCount(log.stateTable(source) ?? "")
        countOfLate -= state.manifest.logChangeCount + Int64(lost)
        pending.changeCount += Int(max(0, countOfLate))
        return pending
    }

    private func note(
        _ columns: [Column], _ row: Int, _ last: SourcePlace?, _ pending: inout PendingChanges,
        _ transactions: inout Set<UInt64>
    ) -> Bool {
        let place = SourcePlace(
            leg: columns[1].integer(row), file: columns[2].integer(row), position: columns[3].integer(row),
            row: columns[4].integer(row))
        if let last, place <= last { return false }
        pending.lastPlace = max(pending.lastPlace ?? place, place)
        // Where a reading of the whole table begins or ends is no change.
        let operation = columns[0].bytes(row)
        if operation.equals("snapshot_start") || operation.equals("snapshot_end") { return true }
        pending.changeCount += 1
        if !columns[5].isNull(row), transactions.count < PendingChanges.maximumTransactionCount {
            transactions.insert(columns[5].bytes(row).digest)
        }
        if !columns[6].isNull(row) {
            pending.oldestCommitted = min(pending.oldestCommitted ?? .max, columns[6].integer(row))
        }
        return true
    }

    /// Tables whose newest state is their last: renamed (what came after is in the states of the new name), or dropped
    /// on a day that was replayed.
    func ended(
        _ states: [(day: String, manifest: StateManifest)], _ schemaFile: [UInt8]?
    ) throws(Failure) -> Set<TableName> {
        var entries: [(day: String, entry: SchemaEntry)] = []
        for file in try log.schemaFiles() {
            entries += try log.statements(file).map { (file.day, $0) }
        }
        let newest = states.map(\.day).max() ?? ""
        let history = SchemaHistory(
            entries.filter { $0.day <= newest }.map(\.entry), schemaFile: schemaFile, dates: .text)
        let dead = Set(history.incarnations.filter { $0.died != nil }.map(\.identity))
        var ended: Set<TableName> = []
        for (day, manifest) in states {
            let isRenamed = states.contains {
                $0.manifest.incarnation == manifest.incarnation && $0.manifest.source != manifest.source && $0.day > day
            }
            if isRenamed || dead.contains(manifest.incarnation) { ended.insert(manifest.source) }
        }
        return ended
    }

    /// Tables that have changes behind all states, and none themselves: `db.table` in the warehouse.
    ///
    /// Why behind all: the changes of a table that was renamed stay under the name that it had.
    func pendingTables(behind states: [StateManifest]) throws(Failure) -> [(table: String, pending: PendingChanges)] {
        let last = states.compactMap(\.lastPlace).max()
        let known = Set(try store.tables())
        var found: [(table: String, pending: PendingChanges)] = []
        for source in try log.tables() {
            guard let table = log.stateTable(source), !known.contains(table),
                !spec.rule(of: source.text.utf8).ignore
            else { continue }
            let pending = try pending(of: source, behind: nil)
            guard let place = pending.lastPlace, last.map({ place > $0 }) ?? true else { continue }
            found.append((table, pending))
        }
        return found
    }
}
