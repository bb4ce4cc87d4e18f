public import Event
internal import Platform

/// How a local warehouse makes files and folders.
public struct LocalStorageSettings: Sendable, Equatable {
    public var fileMode: UInt32
    public var folderMode: UInt32
    /// Group of files and folders by name; nil: the process's own.
    public var group: String?

    public init(fileMode: UInt32 = 0o640, folderMode: UInt32 = 0o750, group: String? = nil) {
        self.fileMode = fileMode
        self.folderMode = folderMode
        self.group = group
    }
}

/// A warehouse in a folder of a local (POSIX) file system.
///
/// `putIfAbsent` is temp, fsync, link(2), fsync(folder): link refuses a taken name, unlike rename.
/// Mode and group are set on the open file or new folder, whatever the umask says.
public final class LocalStorage: Storage {
    public let root: String
    private let settings: LocalStorageSettings
    private let group: UInt32?

    /// `sink.unknown_group` if the group does not exist; `sink.missing` if the root is not there and
    /// cannot be made.
    public init(root: String, settings: LocalStorageSettings = LocalStorageSettings()) throws(Failure) {
        self.root = root.utf8.count > 1 && root.hasSuffix("/") ? String(root.dropLast()) : root
        self.settings = settings
        if let name = settings.group {
            guard let identifier = Syscalls.group(named: name) else {
                throw Failure(
                    "sink.unknown_group", stage: .sink, kind: .config,
                    "the group \(name) of the warehouse does not exist",
                    hint: "make the group, or change warehouse.group")
            }
            group = identifier
        } else {
            group = nil
        }
        do throws(Errno) {
            try DurableFile.makeFolders(self.root, permissions: settings.folderMode)
        } catch {
            throw .storage(error, "make", self.root)
        }
    }

    func absolute(_ path: String) throws(Failure) -> String {
        if path.isEmpty { return root }
        guard WarehousePath.isSafe(path) else {
            throw Failure(
                "sink.unsafe_path", stage: .sink, kind: .corrupt,
                "a path would leave the warehouse: \(path.debugDescription)",
                hint: "look at who made the name; nothing was written")
        }
        return root + "/" + path
    }

    /// Runs system calls on a path and maps the errno.
    private func call<Result: ~Copyable>(
        _ verb: String, _ path: String, _ body: (String) throws(Errno) -> Result
    ) throws(Failure) -> Result {
        let full = try absolute(path)
        do throws(Errno) { return try body(full) } catch { throw .storage(error, verb, path) }
    }

    public func create(_ path: String) throws(Failure) -> any StorageFile {
        try call("create", path) { full throws(Errno) in
            LocalFile(try open(new: full), path: path)
        }
    }

    private func open(new full: String) throws(Errno) -> Descriptor {
        let file = try Syscalls.open(full, .createNew, permissions: settings.fileMode)
        try Syscalls.changeMode(full, settings.fileMode)
        if let group { try Syscalls.changeGroup(full, group) }
        return file
    }

    public func read(_ path: String, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        let bytes = try call("read", path) { full throws(Errno) in
            try DurableFile.read(full, maximum: maximumByteCount + 1)
        }
        if let bytes, bytes.count > maximumByteCount {
            throw Failure(
                "sink.too_large", stage: .sink, kind: .corrupt, "\(path) is larger than \(maximumByteCount) bytes",
                hint: "it is not a file that millrace wrote")
        }
        return bytes
    }

    public func read(_ path: String, at offset: UInt64, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        try call("read", path) { full throws(Errno) -> [UInt8]? in
            do throws(Errno) {
                return try Syscalls.open(full, .read).readPart(at: offset, maximum: maximumByteCount)
            } catch {
                if error == .noEntry { return nil }
                throw error
            }
        }
    }

    public func list(_ folder: String) throws(Failure) -> [String]? {
        try call("list", folder) { full throws(Errno) in
            do throws(Errno) { return try Syscalls.list(full) } catch {
                if error == .noEntry { return nil }
                throw error
            }
        }
    }

    public func status(_ path: String) throws(Failure) -> StorageStatus? {
        try call("look at", path) { full throws(Errno) in
            do throws(Errno) {
                let status = try Syscalls.status(full)
                return StorageStatus(
                    byteCount: status.byteCount, modified: status.modified / 1_000_000, isFolder: status.isDirectory)
            } catch {
                if error == .noEntry { return nil }
                throw error
            }
        }
    }

    public func putIfAbsent(_ path: String, _ bytes: [UInt8], temporary: String) throws(Failure) -> Bool {
        let fullTemporary = try absolute(temporary)
        defer { try? Syscalls.unlink(fullTemporary) }
        return try call("put", path) { full throws(Errno) in
            let file = try open(new: fullTemporary)
            try file.writeAll(bytes)
            try file.sync()
            try file.close()
            do throws(Errno) {
                // Order: the bytes are durable before the name exists, the name before anybody acts on it.
                try Syscalls.link(fullTemporary, full)
            } catch {
                if error == .exists { return false }
                throw error
            }
            try DurableFile.syncFolder(of: full)
            return true
        }
    }

    public func rename(_ from: String, _ to: String) throws(Failure) {
        let target = try absolute(to)
        try call("rename", from) { full throws(Errno) in try Syscalls.rename(full, target) }
    }

    public func remove(_ path: String) throws(Failure) {
        try call("remove", path) { full throws(Errno) in
            do throws(Errno) { try Syscalls.unlink(full) } catch { if error != .noEntry { throw error } }
        }
    }

    public func makeFolder(_ path: String) throws(Failure) {
        try call("make", path) { full throws(Errno) in
            do throws(Errno) {
                try Syscalls.makeDirectory(full, permissions: settings.folderMode)
            } catch {
                if error != .exists { throw error }
                guard try Syscalls.status(full).isDirectory else { throw .notDirectory }
                return
            }
            try Syscalls.changeMode(full, settings.folderMode)
            if let group { try Syscalls.changeGroup(full, group) }
        }
    }

    public func syncFolder(_ path: String) throws(Failure) {
        try call("sync", path) { full throws(Errno) in try DurableFile.sync(folder: full) }
    }

    public func removeFolder(_ path: String) throws(Failure) {
        try call("remove", path) { full throws(Errno) in
            do throws(Errno) { try Syscalls.removeDirectory(full) } catch { if error != .noEntry { throw error } }
        }
    }

    public func lock(_ path: String) throws(Failure) -> (any StorageLock)? {
        try call("lock", path) { full throws(Errno) -> LocalLock? in
            let lock = try FileLock(path: full, permissions: settings.fileMode)
            return try lock.take() ? LocalLock(lock) : nil
        }
    }

    public func now() throws(Failure) -> Int64 { SystemClock().wallMilliseconds() }
}

/// Safety: one thread at a time, as `StorageFile` demands.
final class LocalFile: StorageFile, @unchecked Sendable {
    /// Dirty bytes after which the disk is put to work: while a lane goes on, and not all at the commit, where
    /// every lane waits for it.
    static let writebackByteCount = 4 << 20

    private var descriptor: Descriptor?
    private let path: String
    private var dirtyByteCount = 0

    init(_ descriptor: consuming Descriptor, path: String) {
        self.descriptor = consume descriptor
        self.path = path
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        do throws(Errno) { try unsafe descriptor?.writeAll(bytes) } catch { throw .storage(error, "write", path) }
        dirtyByteCount += bytes.count
        if dirtyByteCount >= Self.writebackByteCount {
            dirtyByteCount = 0
            descriptor?.startWriteback()
        }
    }

    func sync() throws(Failure) {
        do throws(Errno) { try descriptor?.sync() } catch { throw .storage(error, "sync", path) }
    }

    func close() throws(Failure) {
        guard let open = descriptor.take() else { return }
        do throws(Errno) { try open.close() } catch { throw .storage(error, "close", path) }
    }
}

/// Safety: the lock is never touched again before deinit frees it.
final class LocalLock: StorageLock, @unchecked Sendable {
    private let lock: FileLock
    init(_ lock: consuming FileLock) { self.lock = lock }
}

extension Failure {
    /// What an errno of the warehouse's file system means. Source: the man pages of section 2.
    static func storage(_ error: Errno, _ verb: String, _ path: String) -> Failure {
        let (code, kind, hint): (String, Kind, String?) =
            switch error {
            case .noSpace, .quota:
                (
                    "sink.no_space", .transient,
                    "free space or raise the quota; nothing is lost, the commit is tried again"
                )
            case .readOnly:
                ("sink.read_only", .transient, "the file system became read-only: see dmesg, repair, remount")
            case .access, .notPermitted:
                ("sink.access_denied", .transient, "give the collector's user write access to the warehouse")
            case .exists: ("sink.exists", .transient, nil)
            case .noEntry: ("sink.missing", .transient, nil)
            case .inputOutput: ("sink.input_output", .transient, "look for disk errors in dmesg")
            case .tooManyOpen, .tooManyOpenInSystem: ("sink.too_many_open", .transient, "raise LimitNOFILE")
            case .notDirectory, .isDirectory:
                ("sink.not_a_folder", .transient, "move away what has the name of a table's file or folder")
            case .notEmpty: ("sink.not_empty", .transient, nil)
            case .crossDevice:
                (
                    "sink.cross_device", .config,
                    "the warehouse and all below it must be one file system (no mounts inside)"
                )
            case .nameTooLong, .loop: ("sink.bad_name", .transient, "shorten the table or partition name")
            case .fileTooLarge: ("sink.too_large", .transient, "raise the file size limit, or commit more often")
            case .tooManyLinks: ("sink.too_many_links", .transient, "the folder is full: fewer entries per folder")
            case .busy, .stale: ("sink.stale", .transient, "the mount under the warehouse went away: remount it")
            case .noMemory: ("sink.no_memory", .transient, nil)
            default: ("sink.failed", .transient, nil)
            }
        return Failure(code, stage: .sink, kind: kind, "cannot \(verb) \(path)", hint: hint, cause: error.description)
    }
}
