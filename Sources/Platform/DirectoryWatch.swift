internal import CLinux
internal import Glibc

/// Change notices of folders by inotify(7). A notice is a hint, never a proof: the owner looks at the
/// files itself, on notices at once and now and then without any.
///
/// Invariants:
/// - one watch per folder, at most `maximumFolderCount`; what is beyond goes without notices;
/// - an overflow of the kernel's queue, or a watch that cannot be had, shows as `mustLookAtAll`.
///
/// One owner thread; never blocks.
public final class DirectoryWatch {
    /// Half of the usual fs.inotify.max_user_watches of old kernels (8,192).
    public static let maximumFolderCount = 4_096

    /// What was noticed since the last call.
    public struct Notices: Sendable, Equatable {
        /// Files that were written to.
        public var written: Set<String> = []
        /// Something was created, moved or removed, the queue overflowed, or a watch was lost.
        public var mustLookAtAll = false
        public init() {}
    }

    private let descriptor: Descriptor
    private var folders: [Int32: String] = [:]
    private var watches: [String: Int32] = [:]
    private var buffer = [UInt8](repeating: 0, count: 65_536)
    /// Folders that are wanted and could not be watched: polling alone serves them.
    public private(set) var unwatched: Set<String> = []

    public init() throws(Errno) {
        try SyscallFaults.check("inotify_init", "")
        let raw = inotify_init1(Int32(bitPattern: UInt32(IN_NONBLOCK) | UInt32(IN_CLOEXEC)))
        guard raw >= 0 else { throw Errno(errno) }
        descriptor = Descriptor.adopting(raw)
    }

    /// For poll(2).
    public var number: Int32 { descriptor.number }
    public var folderCount: Int { watches.count }

    /// Watches exactly these folders.
    public func watch(_ wanted: some Sequence<String>) {
        let wanted = Set(wanted)
        for (folder, watch) in watches where !wanted.contains(folder) {
            _ = inotify_rm_watch(descriptor.number, watch)
            watches[folder] = nil
            folders[watch] = nil
        }
        unwatched = []
        for folder in wanted where watches[folder] == nil {
            guard watches.count < Self.maximumFolderCount else {
                unwatched.insert(folder)
                continue
            }
            let mask =
                UInt32(IN_CREATE) | UInt32(IN_MODIFY) | UInt32(IN_MOVED_FROM) | UInt32(IN_MOVED_TO) | UInt32(IN_DELETE)
                | UInt32(IN_ATTRIB) | UInt32(IN_DELETE_SELF) | UInt32(IN_MOVE_SELF) | UInt32(IN_ONLYDIR)
            let watch = unsafe inotify_add_watch(descriptor.number, folder.isEmpty ? "/" : folder, mask)
            guard watch >= 0 else {
                unwatched.insert(folder)
                continue
            }
            // Why: two paths of one folder (a link) give the same watch; the last one names it, and a
            // look finds the files by both.
            if let other = folders[watch] { watches[other] = nil }
            watches[folder] = watch
            folders[watch] = folder
        }
    }

    /// Takes all notices that are there.
    public func take() -> Notices {
        var notices = Notices()
        while true {
            let number = descriptor.number
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe Glibc.read(number, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            if count <= 0 { return notices }
            parse(count, into: &notices)
        }
    }

    /// The layout of `struct inotify_event`: wd, mask, cookie, len (32 bits each), name padded by NULs.
    private func parse(_ count: Int, into notices: inout Notices) {
        var offset = 0
        while offset + 16 <= count {
            let watch = Int32(truncatingIfNeeded: word(offset))
            let mask = word(offset + 4)
            let length = Int(word(offset + 12))
            let end = min(offset + 16 + length, count)
            let name = String(decoding: buffer[(offset + 16)..<end].prefix { $0 != 0 }, as: UTF8.self)
            offset = end
            if mask & UInt32(IN_IGNORED) != 0 {
                if let folder = folders.removeValue(forKey: watch), watches[folder] == watch { watches[folder] = nil }
                notices.mustLookAtAll = true
            } else if mask & UInt32(IN_MODIFY) != 0, let folder = folders[watch] {
                notices.written.insert(folder + "/" + name)
            } else {
                notices.mustLookAtAll = true
            }
        }
    }

    private func word(_ offset: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(buffer[offset + $1]) << UInt32($1 * 8) }
    }
}
