public import Columns
public import Event
internal import Parquet
internal import Platform
public import Schema
internal import Sinks

/// A synced table as readers see it on a day, row by row, as often as it is asked for. One thread at a time.
public final class VisibleRows {
    public let table: String
    public let day: String
    /// The table's name at the source.
    public let source: TableName
    public let columns: [TableLayout.Column]
    /// Names of the columns that tell rows apart; all of them for a table without a key.
    public let identity: [String]
    public let isKeyed: Bool
    /// Columns in which equal rows count as one; nil: all rows are shown.
    public let unique: [String]?
    /// Values that the tool's records do not tell, by kind.
    public let losses: [String: Int]
    private let folder: String
    private let marksDeletes: Bool

    init(_ store: StateStore, _ spec: SyncSpec, table: String, day: String, _ manifest: StateManifest) {
        self.table = table
        self.day = day
        source = manifest.source
        columns = manifest.columns
        let layout = manifest.layout.table
        isKeyed = layout.isKeyed
        identity = layout.identity.map { layout.columns[$0].name }
        unique = spec.rule(of: manifest.source.text.utf8).unique(among: manifest.columns.map(\.name))
        losses = manifest.losses
        marksDeletes = manifest.marksDeletes
        folder = store.visibleFolder(of: table, day, partition: spec.log.partitionName)
    }

    /// Reads the columns of these names of all rows that are not marked as deleted. Throws what reading throws.
    ///
    /// - Parameter range: what is far from these values of a column of whole numbers may be passed over.
    public func forEach(
        _ names: [String], near range: (column: String, least: Int128?, greatest: Int128?)? = nil,
        _ body: (RowBatch, Int) throws(Failure) -> Void
    ) throws(Failure) {
        let filters = range.map { self.filters($0.column, $0.least, $0.greatest) } ?? []
        let wanted = names + (marksDeletes ? [StateLayout.deletedColumn] : [])
        let files: [String]
        do throws(Errno) { files = try Syscalls.list(folder).filter { $0.hasPrefix("part-") }.sorted() } catch {
            throw ReplayFailure.storage(error, "list", folder)
        }
        for file in files {
            let reader = try ParquetReader(LocalParquet(folder + "/" + file), columns: wanted, filters: filters)
            while try reader.next() {
                for row in 0..<reader.rows.rowCount {
                    if marksDeletes, reader.rows.columns[names.count].integer(row) != 0 { continue }
                    try body(reader.rows, row)
                }
            }
        }
    }

    private func filters(_ name: String, _ least: Int128?, _ greatest: Int128?) -> [ParquetFilter] {
        guard let shape = columns.first(where: { $0.name == name })?.shape else { return [] }
        let value: (Int128) -> ParquetFilter.Value
        switch shape.type {
        case .int32, .int64: value = { .word(Int64(clamping: $0)) }
        case .decimal where shape.scale == 0: value = { .decimal($0) }
        default: return []
        }
        return [ParquetFilter(column: name, least: least.map(value), greatest: greatest.map(value))]
    }
}

extension StateReader {
    /// The tables of the newest day, or of a day, that they have a state of.
    public func visibleTables(day: String? = nil) throws(Failure) -> [VisibleRows] {
        var found: [VisibleRows] = []
        for table in try store.tables() {
            let newest = try store.days(in: store.folder(of: table)).last
            guard let day = day ?? newest, let manifest = try store.manifest(of: table, day),
                log.stateTable(manifest.source) == table
            else { continue }
            found.append(VisibleRows(store, spec, table: table, day: day, manifest))
        }
        return found
    }
}

extension SyncTableSpec {
    /// Columns in which equal rows count as one; nil: all rows are shown.
    func unique(among names: [String]) -> [String]? {
        switch unique {
        case nil: nil
        case .row: names
        case .columns(let wanted): names.filter { wanted.contains($0) }
        case .except(let left): names.filter { !left.contains($0) }
        }
    }
}
