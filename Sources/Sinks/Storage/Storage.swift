public import Event

/// What the warehouse stands on: a tree of files with durable, atomic names.
///
/// Paths are relative to the warehouse's root, `/` between components, checked with `WarehousePath`.
/// Every call blocks on the disk, may be made from any thread, and throws a `Failure` whose kind says
/// who acts: `transient` (no space, read-only, denied, ...: keep what is unread and try again later).
/// After a throw the operation may have happened.
///
/// Durability: bytes are safe after `StorageFile.sync`, names after `syncFolder` of their folder. A
/// rename is one step: after a power loss either the old or the new name is there, never neither.
public protocol Storage: AnyObject, Sendable {
    /// Makes a new file; `sink.exists` if the name is taken, `sink.missing` if the folder is not there.
    func create(_ path: String) throws(Failure) -> any StorageFile

    /// The whole file, or nil if there is none. Longer than `maximumByteCount`: `sink.too_large`.
    func read(_ path: String, maximumByteCount: Int) throws(Failure) -> [UInt8]?

    /// The bytes from an offset on, at most so many and at least one before the end; empty at the end; nil if
    /// there is no such file.
    func read(_ path: String, at offset: UInt64, maximumByteCount: Int) throws(Failure) -> [UInt8]?

    /// Names in a folder, in no order; nil if there is no such folder.
    func list(_ folder: String) throws(Failure) -> [String]?

    /// Nil if there is nothing of that name.
    func status(_ path: String) throws(Failure) -> StorageStatus?

    /// Puts a whole file under a name that must be free, durably; false if it is taken (then nothing
    /// changed). Uses `temporary` (a free name) on the way and removes it.
    func putIfAbsent(_ path: String, _ bytes: [UInt8], temporary: String) throws(Failure) -> Bool

    /// Renames a file; replaces nothing in practice, since final names are random. `sink.missing` if
    /// the source or the target's folder is not there.
    func rename(_ from: String, _ to: String) throws(Failure)

    /// Removes a file; a missing one is no error.
    func remove(_ path: String) throws(Failure)

    /// Makes one folder; one that is there is no error. Not durable before `syncFolder` of its parent.
    func makeFolder(_ path: String) throws(Failure)

    /// Makes the names in a folder durable. `""` is the root.
    func syncFolder(_ path: String) throws(Failure)

    /// Removes an empty folder; a missing one is no error.
    func removeFolder(_ path: String) throws(Failure)

    /// Takes the lock of a file (made if missing) until the result is dropped or its process dies.
    /// Nil: somebody else holds it. Storages without locks throw `sink.no_locks`.
    func lock(_ path: String) throws(Failure) -> (any StorageLock)?

    /// The storage's own clock, comparable with `StorageStatus.modified`. Milliseconds.
    func now() throws(Failure) -> Int64
}

extension Storage {
    /// For storages that only read whole files.
    public func read(_ path: String, at offset: UInt64, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        try read(path, maximumByteCount: 1 << 30).map { bytes in
            let start = Int(min(offset, UInt64(bytes.count)))
            return Array(bytes[start..<min(bytes.count, start + maximumByteCount)])
        }
    }
}

/// A file being written, in order. One thread at a time.
public protocol StorageFile: AnyObject, Sendable {
    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure)
    /// Makes the bytes so far durable (not the name). After an error the file must be thrown away.
    func sync() throws(Failure)
    /// Closes; reports what the storage says only now. Later calls do nothing.
    func close() throws(Failure)
}

/// A held lock; dropping it frees it.
public protocol StorageLock: AnyObject, Sendable {}

public struct StorageStatus: Sendable, Equatable {
    public var byteCount: UInt64
    /// Last change by the storage's clock, milliseconds.
    public var modified: Int64
    public var isFolder: Bool

    public init(byteCount: UInt64, modified: Int64, isFolder: Bool) {
        self.byteCount = byteCount
        self.modified = modified
        self.isFolder = isFolder
    }
}

/// Folders whose names this process has made durable, so that each is looked at once.
///
/// Why: a folder that is there may have been made by another process that has not synced its parent
/// yet; a file put into it would be lost with it. "Nobody acts on what may not be durable."
/// One thread at a time.
public struct DurableFolders: Sendable {
    /// Beyond this many the set is emptied and refilled: 4,096 paths of about 60 bytes.
    public static let maximumCount = 4_096
    private var known: Set<String> = []

    public init() {}

    /// Makes a folder and those above it, each durable in its parent.
    public mutating func ensure(_ path: String, in storage: any Storage) throws(Failure) {
        if path.isEmpty || known.contains(path) { return }
        let parent = WarehousePath.parent(of: path)
        try ensure(parent, in: storage)
        try storage.makeFolder(path)
        try storage.syncFolder(parent)
        if known.count >= Self.maximumCount { known.removeAll(keepingCapacity: true) }
        known.insert(path)
    }

    /// Forgets a folder and those above it (somebody removed it).
    public mutating func forget(_ path: String) {
        var rest = path
        while !rest.isEmpty {
            known.remove(rest)
            rest = WarehousePath.parent(of: rest)
        }
    }
}
