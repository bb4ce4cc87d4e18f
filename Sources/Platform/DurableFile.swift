/// The one place of durable renames: temp -> write -> fsync -> rename -> fsync(folder).
public enum DurableFile {
    /// Replaces `path` by `bytes` so that after a crash at any point the file is complete old or
    /// complete new, and after the return it is new. The temporary name is `path` + `.tmp`; one
    /// writer per path. Blocks on the disk.
    public static func replace(_ path: String, with bytes: [UInt8], permissions: UInt32 = 0o600) throws(Errno) {
        let temporary = path + ".tmp"
        let file = try Syscalls.open(temporary, .writeTruncate, permissions: permissions)
        try file.writeAll(bytes)
        try file.sync()
        try file.close()
        try Syscalls.rename(temporary, path)
        try syncFolder(of: path)
    }

    /// Like `replace`, in a file that is always a new one, for a content that names the file itself:
    /// `content` is given what the kernel says of the file that it will be written to.
    public static func replace(
        _ path: String, permissions: UInt32, _ content: (FileStatus) -> [UInt8]
    ) throws(Errno) {
        let temporary = path + ".tmp"
        do { try Syscalls.unlink(temporary) } catch { if error != .noEntry { throw error } }
        let file = try Syscalls.open(temporary, .createNew, permissions: permissions)
        try file.writeAll(content(try file.status()))
        try file.sync()
        try file.close()
        try Syscalls.rename(temporary, path)
        try syncFolder(of: path)
    }

    /// fsync of the folder that holds `path`: makes a rename, a link or a creation in it durable.
    public static func syncFolder(of path: String) throws(Errno) {
        try sync(folder: parent(of: path))
    }

    /// fsync of a folder: makes the names in it durable.
    public static func sync(folder: String) throws(Errno) {
        let descriptor = try Syscalls.open(folder, .directory)
        try descriptor.sync()
    }

    /// Makes a folder and those above it, each made durable in its parent.
    public static func makeFolders(_ path: String, permissions: UInt32 = 0o755) throws(Errno) {
        if let status = try? Syscalls.status(path) {
            if status.isDirectory { return }
            throw .notDirectory
        }
        let above = parent(of: path)
        if above != path, !above.isEmpty { try makeFolders(above, permissions: permissions) }
        do {
            try Syscalls.makeDirectory(path, permissions: permissions)
        } catch {
            if error != .exists { throw error }
        }
        try syncFolder(of: path)
    }

    /// The whole file, or nil if there is none. Throws `Errno(EFBIG)` semantics by truncation: pass a
    /// maximum that the format names.
    public static func read(_ path: String, maximum: Int) throws(Errno) -> [UInt8]? {
        do {
            let file = try Syscalls.open(path, .read)
            return try file.readAll(maximum: maximum)
        } catch {
            if error == .noEntry { return nil }
            throw error
        }
    }

    /// The folder part of a path: "/" for "/a", "." for "a".
    public static func parent(of path: String) -> String {
        let bytes = Array(path.utf8)
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return "." }
        if slash == 0 { return "/" }
        return String(decoding: bytes[..<slash], as: UTF8.self)
    }

    /// The last component of a path.
    public static func name(of path: String) -> String {
        let bytes = Array(path.utf8)
        guard let slash = bytes.lastIndex(of: UInt8(ascii: "/")) else { return path }
        return String(decoding: bytes[(slash + 1)...], as: UTF8.self)
    }
}
