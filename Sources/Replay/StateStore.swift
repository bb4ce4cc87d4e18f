internal import Event
internal import Platform
internal import Sinks

/// The daily states in the warehouse: `_millrace/state/<db>/<table>/dt=<day>/`, and the visible tables.
///
/// A state is made in `_millrace/state/scratch`, and becomes a day by one rename or exchange of folders; the visible
/// folder of the day follows in the same way. Whoever dies in between leaves something in `scratch`, which the next
/// run removes, or a visible folder that does not fit its state, which the next run makes again.
struct StateStore: Sendable {
    static let root = "_millrace/state"
    static let manifestName = "manifest.json"
    /// In a visible folder: the digest of the manifest that it shows.
    static let markName = "_state"
    static let successName = "_SUCCESS"

    /// The warehouse's folder.
    let warehouse: String
    /// Where what is not finished lies; one for each table at work.
    private(set) var scratch: String
    /// Modes and group of what is made.
    var access = LocalStorageSettings()
    /// Called before each thing that is done to the warehouse: for tests, which end a run there.
    var beforeStep: (@Sendable (_ name: String) throws(Failure) -> Void)?

    init(warehouse: String) {
        self.warehouse = warehouse
        scratch = warehouse + "/" + Self.root + "/scratch"
    }

    /// The same store with a scratch folder of its own, below this one's.
    func aside(_ name: String) -> StateStore {
        var store = self
        store.scratch += "/" + name
        return store
    }

    /// Makes the scratch folder, empty.
    func clearScratch() throws(Failure) {
        try remove(scratch)
        try makeFolders(scratch)
    }

    func makeFolders(_ path: String) throws(Failure) {
        try beforeStep?("make folders")
        do throws(Errno) { try DurableFile.makeFolders(path, permissions: access.folderMode) } catch {
            throw ReplayFailure.storage(error, "make", path)
        }
    }

    /// `shop.orders` -> the folder of its states. `table` is a table's name with folders' names escaped.
    func folder(of table: String) -> String { path(warehouse + "/" + Self.root, table) }
    func folder(of table: String, _ day: String) -> String { folder(of: table) + "/dt=" + day }
    /// Where changes of a day stand that could not be brought into the table.
    func rejectedFile(of table: String, _ day: String) -> String {
        folder(of: table) + "/rejected/dt=" + day + ".jsonl"
    }
    /// What came for days that are not kept any more.
    func lateFile(of table: String) -> String { folder(of: table) + "/late.json" }
    func visibleFolder(of table: String) -> String { path(warehouse, table) }
    func visibleFolder(of table: String, _ day: String, partition: String) -> String {
        visibleFolder(of: table) + "/" + partition + "=" + day
    }

    private func path(_ root: String, _ table: String) -> String {
        root + "/" + (WarehousePath.folder(ofTable: table) ?? "unsafe")
    }

    /// Days of a folder of days, in order.
    func days(in folder: String, partition: String = "dt") throws(Failure) -> [String] {
        try list(folder).filter { $0.hasPrefix(partition + "=") }.map { String($0.dropFirst(partition.utf8.count + 1)) }
            .filter(Self.isDay).sorted()
    }

    /// Whether a text is a date: ten characters, `2026-11-20`.
    static func isDay(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        return bytes.count == 10
            && bytes.enumerated().allSatisfy { $0 == 4 || $0 == 7 ? $1 == 45 : (48...57).contains($1) }
    }

    /// Names in a folder, sorted; none if it is not there.
    func list(_ folder: String) throws(Failure) -> [String] {
        do throws(Errno) { return try Syscalls.list(folder).sorted() } catch {
            if error == .noEntry || error == .notDirectory { return [] }
            throw ReplayFailure.storage(error, "list", folder)
        }
    }

    /// All tables that have states, as `db.table`.
    func tables() throws(Failure) -> [String] {
        var tables: [String] = []
        let root = warehouse + "/" + Self.root
        for database in try list(root) where database != "scratch" && database != "lock" {
            for table in try list(root + "/" + database) { tables.append(database + "." + table) }
        }
        return tables
    }

    /// The manifest of a day, or nil if there is no such state.
    func manifest(of table: String, _ day: String) throws(Failure) -> StateManifest? {
        let path = folder(of: table, day) + "/" + Self.manifestName
        guard let bytes = try read(path, maximum: StateManifest.maximumByteCount) else { return nil }
        return try StateManifest(bytes, path: path)
    }

    /// Writes a file, durably.
    func write(_ path: String, _ bytes: [UInt8]) throws(Failure) {
        try beforeStep?("write")
        do throws(Errno) {
            let file = try Syscalls.open(path, .createNew, permissions: 0o640)
            try file.writeAll(bytes)
            try file.sync()
            try file.close()
        } catch {
            throw ReplayFailure.storage(error, "write", path)
        }
    }

    /// Puts a file in the place of another, durably; nil: removes it.
    func replace(_ path: String, with bytes: [UInt8]?) throws(Failure) {
        guard let bytes else {
            if (try? Syscalls.status(path)) != nil { try remove(path) }
            return
        }
        try makeFolders(DurableFile.parent(of: path))
        try beforeStep?("replace")
        do throws(Errno) { try DurableFile.replace(path, with: bytes, permissions: access.fileMode) } catch {
            throw ReplayFailure.storage(error, "write", path)
        }
    }

    /// A file's bytes; nil if it is not there.
    func read(_ path: String, maximum: Int) throws(Failure) -> [UInt8]? {
        do throws(Errno) { return try DurableFile.read(path, maximum: maximum) } catch {
            if error == .notDirectory { return nil }
            throw ReplayFailure.storage(error, "read", path)
        }
    }

    /// Puts a finished folder in the place of another, or where none is: readers see the old one or the new one.
    func put(_ made: String, at place: String) throws(Failure) {
        try makeFolders(DurableFile.parent(of: place))
        try beforeStep?("put")
        do throws(Errno) {
            try setAccess(made)
            try DurableFile.sync(folder: made)
            if (try? Syscalls.status(place)) != nil {
                try Syscalls.exchange(made, place)
            } else {
                try Syscalls.rename(made, place)
            }
            try DurableFile.syncFolder(of: place)
        } catch {
            throw ReplayFailure.storage(error, "replace", place)
        }
        try remove(made)
    }

    /// Gives a new folder and its files the warehouse's modes and group, whatever the umask says.
    private func setAccess(_ folder: String) throws(Errno) {
        let group = access.group.flatMap { Syscalls.group(named: $0) }
        for name in try Syscalls.list(folder) {
            let path = folder + "/" + name
            if try Syscalls.status(path).isDirectory {
                try setAccess(path)
                try DurableFile.sync(folder: path)
                continue
            }
            try Syscalls.changeMode(path, access.fileMode)
            if let group { try Syscalls.changeGroup(path, group) }
        }
        try Syscalls.changeMode(folder, access.folderMode)
        if let group { try Syscalls.changeGroup(folder, group) }
    }

    /// Takes a folder away in one step, then removes what was in it.
    func takeAway(_ folder: String) throws(Failure) {
        try beforeStep?("take away")
        let aside = scratch + "/gone"
        try remove(aside)
        do throws(Errno) {
            try Syscalls.rename(folder, aside)
            try DurableFile.syncFolder(of: folder)
        } catch {
            if error == .noEntry { return }
            throw ReplayFailure.storage(error, "remove", folder)
        }
        try remove(aside)
    }

    /// Removes a file or a folder with all that is in it.
    func remove(_ path: String) throws(Failure) {
        try beforeStep?("remove")
        do throws(Errno) { try Self.removeAll(path) } catch { throw ReplayFailure.storage(error, "remove", path) }
    }

    private static func removeAll(_ path: String) throws(Errno) {
        let status: FileStatus
        do throws(Errno) { status = try Syscalls.status(path, followLinks: false) } catch {
            if error == .noEntry { return }
            throw error
        }
        guard status.isDirectory else { return try Syscalls.unlink(path) }
        for name in try Syscalls.list(path) { try removeAll(path + "/" + name) }
        try Syscalls.removeDirectory(path)
    }
}
