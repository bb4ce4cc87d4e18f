internal import Codec
internal import Configuration
internal import Event
internal import Platform

/// A regular file that a look found.
struct FoundFile {
    var path: String
    var status: FileStatus
    /// Whether an include pattern names it; if not, only its rotation name does.
    var isMatched: Bool
    var identity: InodeIdentity { InodeIdentity(status) }
    /// How it is compressed, if it is and can be read.
    var method: CompressionMethod? { CompressedContent.method(ofName: path) }
}

/// Finds the files of a source: those under the patterns, and those whose name says that they may be
/// rotated files or copies of one that a stream began under.
struct FileDiscovery {
    let includes: [GlobPattern]
    let excludes: [GlobPattern]
    let rotationFolders: [String]

    init(_ settings: FilesSourceSettings) {
        includes = settings.include.compactMap { GlobPattern($0) }
        excludes = settings.exclude.compactMap { GlobPattern($0) }
        rotationFolders = settings.rotationFolders
    }

    struct Outcome {
        var files: [FoundFile] = []
        /// Folders to watch.
        var folders: Set<String> = []
        var failures: [(path: String, error: Errno)] = []
    }

    /// Looks once. `origins`: the paths that streams began under; `isKnown`: prefers a path among several
    /// of one file.
    func look(origins: Set<String>, isCurrent: (InodeIdentity, String) -> Bool) -> Outcome {
        let folders = FolderLook()
        var outcome = Outcome()
        // Why bytes: to the file system two names are two, though a String takes them for one.
        var seen: Set<[UInt8]> = []
        var indexes: [InodeIdentity: Int] = [:]
        func add(_ path: String, isMatched: Bool) {
            guard seen.insert(Array(path.utf8)).inserted else { return }
            let status: FileStatus
            do throws(Errno) {
                status = try Syscalls.status(path)
            } catch {
                if error != .noEntry, error != .notDirectory { outcome.failures.append((path, error)) }
                return
            }
            guard status.isRegular else { return }
            let file = FoundFile(path: path, status: status, isMatched: isMatched)
            guard let index = indexes[file.identity] else {
                indexes[file.identity] = outcome.files.count
                outcome.files.append(file)
                return
            }
            // Two paths of one file: a link. The path in use stays, then one that is no symbolic link.
            let other = outcome.files[index]
            if isCurrent(file.identity, other.path) { return }
            let isLink = (try? Syscalls.status(other.path, followLinks: false).isSymbolicLink) ?? false
            if isCurrent(file.identity, path) || isLink {
                outcome.files[index] = file
                outcome.files[index].isMatched = isMatched || other.isMatched
            }
        }
        for pattern in includes {
            for path in folders.expand(pattern) where !excludes.contains(where: { $0.matches(path) }) {
                add(path, isMatched: true)
            }
        }
        for home in Set(origins.map { DurableFile.parent(of: $0) }) {
            for folder in self.folders(for: home) {
                for name in folders.list(folder) where !seen.contains(Array((folder + "/" + name).utf8)) {
                    if extends(name, in: folder, home: home, origins: origins) {
                        add(folder + "/" + name, isMatched: false)
                    }
                }
            }
        }
        outcome.folders = Set(folders.folders)
        outcome.failures += folders.failures
        return outcome
    }

    func isExcluded(_ path: String) -> Bool { excludes.contains { $0.matches(path) } }

    /// The path among `known` that a file was rotated from, if its name says so by a number or date alone.
    func generationOrigin(of path: String, among known: [String: [TailStream]]) -> String? {
        let folder = DurableFile.parent(of: path)
        for origin in RotationName.generationOrigins(of: DurableFile.name(of: path)) {
            let path = folder + "/" + origin
            if known[path] != nil { return path }
        }
        return nil
    }

    /// The origins among `known` that a path's name extends, in its folder or in one beside.
    func owners(of path: String, among known: [String: [TailStream]]) -> [TailStream] {
        let folder = DurableFile.parent(of: path)
        let name = DurableFile.name(of: path)
        var owners: [TailStream] = []
        var homes = [folder]
        if !rotationFolders.isEmpty {
            homes += Set(known.keys.map { DurableFile.parent(of: $0) })
                .filter { $0 != folder && self.folders(for: $0).contains(folder) }
        }
        for home in homes {
            for origin in RotationName.origins(of: name) { owners += known[home + "/" + origin] ?? [] }
            if home != folder { owners += known[home + "/" + name] ?? [] }
        }
        return owners
    }

    private func extends(_ name: String, in folder: String, home: String, origins: Set<String>) -> Bool {
        if folder != home, origins.contains(home + "/" + name) { return true }
        return RotationName.origins(of: name).contains { origins.contains(home + "/" + $0) }
    }

    private func folders(for home: String) -> [String] {
        [home] + rotationFolders.map { $0.hasPrefix("/") ? $0 : home + "/" + $0 }
    }
}
