internal import Event
internal import Platform
internal import Schema
internal import Sinks

/// What readers see of a daily state: a folder of its files, or of their projection.
///
///     make(from: the state's files) -> put
struct Publication {
    let store: StateStore
    /// `db.table`.
    let table: String
    let day: String
    /// Name of the partition folder's key.
    let partition: String
    let manifest: StateManifest
    /// Columns in which equal rows count as one; nil: all rows are shown.
    let unique: [String]?
    var settings = ReplaySettings()

    private var place: String { store.visibleFolder(of: table, day, partition: partition) }
    private var mark: [UInt8] { Array((manifest.inputs + "\n").utf8) }

    /// Whether the folder shows this state.
    func isThere() throws(Failure) -> Bool {
        do throws(Errno) {
            return try DurableFile.read(place + "/" + StateStore.markName, maximum: 1_024) == mark
        } catch {
            if error == .notDirectory { return false }
            throw ReplayFailure.storage(error, "read", place)
        }
    }

    private var made: String { store.scratch + "/visible" }

    /// Makes the folder, aside. Returns the rows in it.
    func make(from state: String) throws(Failure) -> Int64 {
        try store.remove(made)
        try store.makeFolders(made)
        var rowCount = manifest.rowCount
        if let unique {
            let projection = UniqueProjection(
                layout: manifest.layout, columns: unique, folder: state, files: manifest.files, target: made,
                scratch: store.scratch, limits: settings.limits, options: settings.options)
            let files = try projection.run()
            rowCount = files.reduce(0) { $0 + $1.rowCount }
            for (index, file) in files.enumerated() {
                try rename(made + "/" + file.name, made + "/" + StateMerge.name(index, file.digest))
            }
        } else {
            for file in manifest.files { try link(state + "/" + file.name, made + "/" + file.name) }
        }
        try store.write(made + "/" + StateStore.markName, mark)
        return rowCount
    }

    /// Puts the folder that was made in its place, in one step.
    func put(isComplete: Bool) throws(Failure) {
        if isComplete { try store.write(made + "/" + StateStore.successName, []) }
        try store.put(made, at: place)
    }

    /// Says that the day is complete, if it is not said yet.
    func markComplete() throws(Failure) {
        let path = place + "/" + StateStore.successName
        guard (try? Syscalls.status(path)) == nil else { return }
        try store.write(path, [])
        do throws(Errno) { try DurableFile.syncFolder(of: path) } catch {
            throw ReplayFailure.storage(error, "sync", place)
        }
    }

    /// Takes back that the day is complete.
    func markIncomplete() throws(Failure) { try store.remove(place + "/" + StateStore.successName) }

    private func rename(_ from: String, _ to: String) throws(Failure) {
        do throws(Errno) { try Syscalls.rename(from, to) } catch { throw ReplayFailure.storage(error, "name", to) }
    }

    private func link(_ from: String, _ to: String) throws(Failure) {
        do throws(Errno) { try Syscalls.link(from, to) } catch { throw ReplayFailure.storage(error, "link", to) }
    }
}
