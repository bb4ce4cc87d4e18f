internal import CLinux
internal import Glibc

/// What statx(2) says of a file. Times in nanoseconds since the epoch.
public struct FileStatus: Hashable, Sendable {
    public var device: UInt64
    public var inode: UInt64
    public var byteCount: UInt64
    public var linkCount: UInt64
    /// 0 where the file system keeps no birth time.
    public var birth: Int64
    public var modified: Int64
    public var mode: UInt32
    public var owner: UInt32

    public init(
        device: UInt64, inode: UInt64, byteCount: UInt64, linkCount: UInt64, birth: Int64, modified: Int64,
        mode: UInt32, owner: UInt32
    ) {
        self.device = device
        self.inode = inode
        self.byteCount = byteCount
        self.linkCount = linkCount
        self.birth = birth
        self.modified = modified
        self.mode = mode
        self.owner = owner
    }

    public var isRegular: Bool { mode & S_IFMT == S_IFREG }
    public var isDirectory: Bool { mode & S_IFMT == S_IFDIR }
    public var isSymbolicLink: Bool { mode & S_IFMT == S_IFLNK }
}

/// How a file is opened.
public enum OpenMode: Sendable {
    case read
    /// Read, never following a symbolic link in the last component, never blocking on a FIFO.
    case readNonblocking
    /// Write; fails if it exists (O_EXCL).
    case createNew
    case writeTruncate
    case append
    case readWriteCreate
    case directory

    var flags: Int32 {
        switch self {
        case .read: O_RDONLY
        case .readNonblocking: O_RDONLY | O_NONBLOCK | O_NOCTTY
        case .createNew: O_WRONLY | O_CREAT | O_EXCL
        case .writeTruncate: O_WRONLY | O_CREAT | O_TRUNC
        case .append: O_WRONLY | O_CREAT | O_APPEND
        case .readWriteCreate: O_RDWR | O_CREAT
        case .directory: O_RDONLY | O_DIRECTORY
        }
    }
}

/// The system calls, one function each: EINTR is retried here and nowhere else; an errno comes out
/// as a thrown `Errno`. Every function first asks `SyscallFaults` (debug builds only). Callable from
/// any thread. Source: the man pages of section 2 of the same names.
public enum Syscalls {
    /// openat(2), always O_CLOEXEC.
    public static func open(_ path: String, _ mode: OpenMode, permissions: UInt32 = 0o644) throws(Errno) -> Descriptor {
        try SyscallFaults.check("open", path)
        let result = try retried { unsafe millrace_open(AT_FDCWD, path, mode.flags, permissions) }
        return Descriptor(result)
    }

    /// statx(2).
    public static func status(_ path: String, followLinks: Bool = true) throws(Errno) -> FileStatus {
        try SyscallFaults.check("stat", path)
        var raw = millrace_stat()
        _ = try retried { unsafe millrace_stat_path(AT_FDCWD, path, followLinks ? 1 : 0, &raw) }
        return FileStatus(raw)
    }

    /// rename(2): replaces what has the name.
    public static func rename(_ from: String, _ to: String) throws(Errno) {
        try SyscallFaults.check("rename", from)
        try negative { unsafe Glibc.rename(from, to) }
    }

    /// renameat2(2) with RENAME_EXCHANGE: each gets the other's name, in one step. Both must be there.
    public static func exchange(_ first: String, _ second: String) throws(Errno) {
        try SyscallFaults.check("exchange", first)
        _ = try retried { unsafe millrace_exchange(first, second) }
    }

    /// Makes a hard link; fails with `.exists` if the name is taken.
    public static func link(_ from: String, _ to: String) throws(Errno) {
        try SyscallFaults.check("link", from)
        try negative { unsafe Glibc.link(from, to) }
    }

    /// unlink(2).
    public static func unlink(_ path: String) throws(Errno) {
        try SyscallFaults.check("unlink", path)
        try negative { unsafe Glibc.unlink(path) }
    }

    /// rmdir(2): an empty folder only.
    public static func removeDirectory(_ path: String) throws(Errno) {
        try SyscallFaults.check("rmdir", path)
        try negative { unsafe Glibc.rmdir(path) }
    }

    /// mkdir(2); fails with `.exists` if the name is taken.
    public static func makeDirectory(_ path: String, permissions: UInt32 = 0o755) throws(Errno) {
        try SyscallFaults.check("mkdir", path)
        try negative { unsafe Glibc.mkdir(path, permissions) }
    }

    /// chmod(2).
    public static func changeMode(_ path: String, _ permissions: UInt32) throws(Errno) {
        try SyscallFaults.check("chmod", path)
        try negative { unsafe Glibc.chmod(path, permissions) }
    }

    /// Changes the group only.
    public static func changeGroup(_ path: String, _ group: UInt32) throws(Errno) {
        try SyscallFaults.check("chown", path)
        try negative { unsafe Glibc.chown(path, UInt32.max, group) }
    }

    /// The id of a group by name, or nil. Source: getgrnam_r(3).
    public static func group(named name: String) -> UInt32? {
        var entry = unsafe Glibc.group()
        var buffer = [CChar](repeating: 0, count: 16_384)
        var found: UnsafeMutablePointer<Glibc.group>?
        guard unsafe getgrnam_r(name, &entry, &buffer, buffer.count, &found) == 0, unsafe found != nil
        else { return nil }
        return unsafe entry.gr_gid
    }

    /// The names in a folder, without `.` and `..`, in no order.
    public static func list(_ path: String) throws(Errno) -> [String] {
        try SyscallFaults.check("readdir", path)
        guard let stream = unsafe opendir(path) else { throw Errno(errno) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else {
                if errno != 0 { throw Errno(errno) }
                return names
            }
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
    }

    /// Free bytes for us on the file system that holds a path. Source: statvfs(3).
    public static func freeByteCount(_ path: String) throws(Errno) -> UInt64 {
        var free: UInt64 = 0
        _ = try retried { unsafe millrace_free_bytes(path, &free) }
        return free
    }

    /// Calls until the result is not -EINTR; throws other negative results.
    static func retried(_ call: () -> Int32) throws(Errno) -> Int32 {
        while true {
            let result = call()
            if result >= 0 { return result }
            if result != -EINTR { throw Errno(-result) }
        }
    }

    /// Calls until it does not fail with EINTR; throws errno if the result is negative.
    @discardableResult
    static func negative<Result: SignedInteger>(_ call: () -> Result) throws(Errno) -> Result {
        while true {
            let result = call()
            if result >= 0 { return result }
            let code = errno
            if code != EINTR { throw Errno(code) }
        }
    }
}

extension FileStatus {
    init(_ raw: millrace_stat) {
        self.init(
            device: raw.device, inode: raw.inode, byteCount: raw.size, linkCount: raw.links, birth: raw.birth,
            modified: raw.modified, mode: raw.mode, owner: raw.uid)
    }
}
