internal import Columns
public import Event
internal import JSON
internal import Parquet
internal import Platform
internal import Schema
internal import Sinks

/// What one generation of a table's now is: `_now.json` beside its files (docs/formats/state.md).
struct NowRecord {
    static let name = "_now.json"
    static let baseName = "_base.json"

    /// Counts up while the folder is there.
    var generation: Int64
    /// The day of the state, and its manifest.
    var day: String
    var base: StateManifest
    var unique: [String]?
    /// XXH3-128 of the names of the change files in the delta.
    var changes: String
    /// Files of this generation's delta.
    var files: [String] = []
    /// Whether the delta of the generation before lies beside it.
    var keepsDelta = false
    /// Changes in the delta, and rows that they touch.
    var changeCount = 0
    var identityCount = 0

    func encoded() -> [UInt8] {
        let content: JSONValue = [
            "millrace": "now", "version": 1, "generation": JSONValue(generation), "day": .string(day),
            "unique": unique.map { .array($0.map { .string($0) }) } ?? .null, "changes": .string(changes),
            "files": .array(files.map { .string($0) }), "keeps_delta": .boolean(keepsDelta),
            "change_count": JSONValue(changeCount), "rows": JSONValue(identityCount),
        ]
        return content.bytes + Array("\n".utf8)
    }

    /// Reads a record; nil for one that cannot be used: then it is made again.
    init?(_ bytes: [UInt8], base: StateManifest) {
        guard let content = JSONValue(parsing: bytes), content["millrace"]?.string == "now",
            content["version"]?.integer == 1, let generation = content["generation"]?.integer,
            let day = content["day"]?.string, let changes = content["changes"]?.string
        else { return nil }
        (self.generation, self.day, self.base, self.changes) = (generation, day, base, changes)
        unique = content["unique"]?.array?.compactMap(\.string)
        files = content["files"]?.array?.compactMap(\.string) ?? []
        keepsDelta = content["keeps_delta"]?.boolean ?? true
        changeCount = content["change_count"]?.integer.map { Int($0) } ?? 0
        identityCount = content["rows"]?.integer.map { Int($0) } ?? 0
    }

    init(generation: Int64, day: String, base: StateManifest, unique: [String]?, changes: String) {
        (self.generation, self.day, self.base, self.unique, self.changes) = (generation, day, base, unique, changes)
    }

    var layout: NowLayout { NowLayout(state: base.layout, unique: unique) }
}

/// `_millrace/now/<db>/<table>/`: `state` (links to the files of a daily state), `delta`, and what they are. The whole
/// folder is replaced in one step.
struct NowFolder {
    static let root = "_millrace/now"
    static let emptyName = "part-empty.parquet"

    let store: StateStore
    /// `db.table`.
    let table: String

    var path: String {
        store.warehouse + "/" + Self.root + "/" + (WarehousePath.folder(ofTable: table) ?? "unsafe")
    }
    var state: String { path + "/state" }
    var delta: String { path + "/delta" }

    /// Tables that have one, as `db.table`.
    static func tables(_ store: StateStore) throws(Failure) -> [String] {
        var tables: [String] = []
        let root = store.warehouse + "/" + Self.root
        for database in try store.list(root) {
            for table in try store.list(root + "/" + database) { tables.append(database + "." + table) }
        }
        return tables
    }

    /// What is there; nil: nothing, or nothing that can be used.
    func record() throws(Failure) -> NowRecord? {
        do throws(Errno) {
            let maximum = StateManifest.maximumByteCount
            guard let bytes = try DurableFile.read(path + "/" + NowRecord.name, maximum: maximum),
                let base = try DurableFile.read(path + "/" + NowRecord.baseName, maximum: maximum),
                let manifest = try? StateManifest(base, path: path)
            else { return nil }
            return NowRecord(bytes, base: manifest)
        } catch {
            throw ReplayFailure.storage(error, "read", path)
        }
    }

    func remove() throws(Failure) { try store.takeAway(path) }
}

/// Makes one generation of a table's now.
struct NowGeneration {
    let folder: NowFolder
    /// Where the state's files lie.
    let stateFolder: String
    var record: NowRecord
    /// The generation before, whose delta stays beside this one; nil: it does not fit.
    let kept: NowRecord?
    /// Changes behind the state.
    let changes: SortedChanges
    var settings = ReplaySettings()

    private var store: StateStore { folder.store }

    /// Writes the files and puts the folder in its place in one step.
    mutating func publish() throws(Failure) {
        let made = store.scratch + "/now"
        try store.remove(made)
        try store.makeFolders(made + "/state")
        try store.makeFolders(made + "/delta")
        for file in record.base.files { try link(stateFolder + "/" + file.name, made + "/state/" + file.name) }
        if record.base.files.isEmpty { try writeEmpty(made + "/state", record.layout.stateShapes) }
        try writeDelta(made + "/delta")
        record.keepsDelta = !(kept?.files.isEmpty ?? true)
        for name in kept?.files ?? [] { try link(folder.delta + "/" + name, made + "/delta/" + name) }
        if record.files.isEmpty, kept?.files.isEmpty ?? true {
            try writeEmpty(made + "/delta", record.layout.deltaShapes)
        }
        try store.write(made + "/" + NowRecord.baseName, record.base.encoded())
        try store.write(made + "/" + NowRecord.name, record.encoded())
        try store.put(made, at: folder.path)
    }

    private mutating func writeDelta(_ folder: String) throws(Failure) {
        let layout = record.layout
        let columns = layout.deltaShapes.map { TableLayout.Column($0.name, $0.shape) }
        let key = layout.state.table.isKeyed ? layout.identity : []
        let writer = try StateWriter(
            StateLayout(TableLayout(columns: columns, key: key)), folder: folder, name: "new",
            limits: settings.limits, options: settings.options)
        let merge = DeltaMerge(
            layout, try changes.cursor(from: nil), folder: stateFolder, files: record.base.files,
            generation: record.generation, writer)
        try merge.run()
        try writer.finish()
        record.identityCount = merge.identityCount
        for (index, file) in writer.files.enumerated() {
            let name = "part-\(record.generation)-" + StateMerge.name(index, file.digest).dropFirst("part-".utf8.count)
            do throws(Errno) { try Syscalls.rename(folder + "/" + file.name, folder + "/" + name) } catch {
                throw ReplayFailure.storage(error, "name", folder + "/" + name)
            }
            record.files.append(name)
        }
    }

    /// Why a file without rows: readers that are given a pattern want one that fits.
    private func writeEmpty(_ folder: String, _ shapes: [(name: String, shape: ColumnShape)]) throws(Failure) {
        let parquet = ParquetFile(columns: shapes, options: settings.options)
        var bytes: [UInt8] = []
        try unsafe parquet.finish { bytes += unsafe Array($0) }
        try store.write(folder + "/" + NowFolder.emptyName, bytes)
    }

    private func link(_ from: String, _ to: String) throws(Failure) {
        do throws(Errno) { try Syscalls.link(from, to) } catch { throw ReplayFailure.storage(error, "link", to) }
    }
}

/// A table with a now, for who declares views.
public struct NowTable: Sendable, Equatable {
    /// `db.table` in the warehouse.
    public var table: String
    /// The folders of its files, from the warehouse's root.
    public var stateFolder: String
    public var deltaFolder: String
    public var layout: NowLayout

    public init(table: String, stateFolder: String, deltaFolder: String, layout: NowLayout) {
        self.table = table
        self.stateFolder = stateFolder
        self.deltaFolder = deltaFolder
        self.layout = layout
    }
}

extension StateReader {
    /// All tables of the sync that have a now, by name.
    public func nows() throws(Failure) -> [NowTable] {
        var found: [NowTable] = []
        for table in try NowFolder.tables(store) {
            let folder = NowFolder(store: store, table: table)
            guard let record = try folder.record(), log.stateTable(record.base.source) == table else { continue }
            let path = String(folder.path.dropFirst(store.warehouse.count + 1))
            found.append(
                NowTable(
                    table: table, stateFolder: path + "/state", deltaFolder: path + "/delta", layout: record.layout))
        }
        return found
    }
}
