import Event

@testable import Sinks

/// One process's view of a `ModelDisk`: every step of every operation is counted, and may fail.
///
/// Safety: tests of the model run on one thread.
final class ModelStorage: Storage, @unchecked Sendable {
    enum Fault {
        /// Nothing happens, and it says so.
        case error
        /// It happens, and says that it did not.
        case lostReply
        /// The process dies before it.
        case crash
        case powerLoss(ModelDisk.Loss)
        /// The process sleeps before it, while others run.
        case sleep(() -> Void)
    }

    static let dead = Failure("model.dead", stage: .sink, kind: .fatal, "the process is dead")
    static let broken = Failure("model.error", stage: .sink, kind: .transient, "injected")

    let disk: ModelDisk
    private let generation: Int
    private(set) var isCrashed = false
    /// Steps taken so far.
    private(set) var stepCount = 0
    /// Asked at every step, with its number from 1.
    var fault: ((Int) -> Fault?)?
    var trace: [String] = []
    var isTracing = false

    init(_ disk: ModelDisk) {
        self.disk = disk
        generation = disk.generation
    }

    var isDead: Bool { isCrashed || generation != disk.generation }

    func crash() {
        isCrashed = true
        disk.locks = disk.locks.filter { $0.value != ObjectIdentifier(self) }
    }

    /// One step: may fail before or after `body`.
    func step<Result>(_ name: @autoclosure () -> String, _ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        if isDead { throw Self.dead }
        stepCount += 1
        if isTracing { trace.append("\(stepCount) \(name())") }
        switch fault?(stepCount) {
        case nil: break
        case .error?:
            throw Self.broken
        case .lostReply?:
            _ = try body()
            throw Self.broken
        case .crash?:
            crash()
            throw Self.dead
        case .powerLoss(let loss)?:
            disk.losePower(loss)
            throw Self.dead
        case .sleep(let others)?:
            others()
            if isDead { throw Self.dead }
        }
        return try body()
    }

    private static func failure(_ code: String, _ path: String) -> Failure {
        Failure(code, stage: .sink, kind: .transient, "cannot use \(path)")
    }

    private func folder(of path: String) throws(Failure) -> ModelDisk.Node {
        guard let folder = disk.node(WarehousePath.parent(of: path)) else { throw Self.failure("sink.missing", path) }
        return folder
    }

    private func place(_ node: ModelDisk.Node, at path: String) throws(Failure) {
        let folder = try folder(of: path)
        let name = WarehousePath.name(of: path)
        if folder.entries[name] != nil { throw Self.failure("sink.exists", path) }
        disk.change([(folder, name, node)])
    }

    func create(_ path: String) throws(Failure) -> any StorageFile {
        try step("create \(path)") { () throws(Failure) in
            let node = ModelDisk.Node(isFolder: false, modified: disk.now)
            try place(node, at: path)
            return ModelFile(node, self, path)
        }
    }

    func read(_ path: String, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        try step("read \(path)") { disk.node(path)?.bytes }
    }

    func read(_ path: String, at offset: UInt64, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        try step("read \(path) at \(offset)") {
            disk.node(path).map { Array($0.bytes.dropFirst(Int(offset)).prefix(maximumByteCount)) }
        }
    }

    func list(_ folder: String) throws(Failure) -> [String]? {
        try step("list \(folder)") { disk.node(folder).map { Array($0.entries.keys) } }
    }

    func status(_ path: String) throws(Failure) -> StorageStatus? {
        try step("status \(path)") {
            disk.node(path).map {
                StorageStatus(byteCount: UInt64($0.bytes.count), modified: $0.modified, isFolder: $0.isFolder)
            }
        }
    }

    /// The same steps as `LocalStorage.putIfAbsent`.
    func putIfAbsent(_ path: String, _ bytes: [UInt8], temporary: String) throws(Failure) -> Bool {
        let file = try create(temporary) as! ModelFile
        defer { try? remove(temporary) }
        try step("write \(temporary)") { file.node.bytes = bytes }
        try file.sync()
        do throws(Failure) {
            try step("link \(path)") { () throws(Failure) in try place(file.node, at: path) }
        } catch {
            if error.code == "sink.exists" { return false }
            throw error
        }
        try syncFolder(WarehousePath.parent(of: path))
        return true
    }

    func rename(_ from: String, _ to: String) throws(Failure) {
        try step("rename \(from) \(to)") { () throws(Failure) in
            let source = try folder(of: from)
            guard let node = disk.node(from) else { throw Self.failure("sink.missing", from) }
            let target = try folder(of: to)
            disk.change([(source, WarehousePath.name(of: from), nil), (target, WarehousePath.name(of: to), node)])
        }
    }

    func remove(_ path: String) throws(Failure) {
        try step("remove \(path)") {
            guard let folder = disk.node(WarehousePath.parent(of: path)), disk.node(path) != nil else { return }
            disk.judgeRemoval(of: path)
            disk.change([(folder, WarehousePath.name(of: path), nil)])
        }
    }

    func makeFolder(_ path: String) throws(Failure) {
        try step("makeFolder \(path)") { () throws(Failure) in
            if disk.node(path) != nil { return }
            try place(ModelDisk.Node(isFolder: true, modified: disk.now), at: path)
        }
    }

    func syncFolder(_ path: String) throws(Failure) {
        try step("syncFolder \(path)") { () throws(Failure) in
            guard let folder = disk.node(path) else { throw Self.failure("sink.missing", path) }
            disk.sync(folder: folder)
        }
    }

    func removeFolder(_ path: String) throws(Failure) {
        try step("removeFolder \(path)") { () throws(Failure) in
            guard let folder = disk.node(path) else { return }
            if !folder.entries.isEmpty { throw Self.failure("sink.not_empty", path) }
            disk.change([(try self.folder(of: path), WarehousePath.name(of: path), nil)])
        }
    }

    func lock(_ path: String) throws(Failure) -> (any StorageLock)? {
        try step("lock \(path)") { () throws(Failure) -> ModelLock? in
            if !disk.hasLocks { throw Self.failure("sink.no_locks", path) }
            if disk.locks[path] != nil { return nil }
            if disk.node(path) == nil {
                try place(ModelDisk.Node(isFolder: false, modified: disk.now), at: path)
            }
            disk.locks[path] = ObjectIdentifier(self)
            return ModelLock(self, path)
        }
    }

    func now() throws(Failure) -> Int64 { disk.now }
}

final class ModelFile: StorageFile, @unchecked Sendable {
    let node: ModelDisk.Node
    private let storage: ModelStorage
    private let path: String

    init(_ node: ModelDisk.Node, _ storage: ModelStorage, _ path: String) {
        self.node = node
        self.storage = storage
        self.path = path
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        let copy = unsafe Array(bytes)
        try storage.step("append \(path)") { node.bytes += copy }
    }

    func sync() throws(Failure) {
        do throws(Failure) {
            try storage.step("sync \(path)") { if !node.isPoisoned { node.durableBytes = node.bytes } }
        } catch {
            node.isPoisoned = true
            throw error
        }
    }

    func close() throws(Failure) { try storage.step("close \(path)") {} }
}

final class ModelLock: StorageLock, @unchecked Sendable {
    private weak var storage: ModelStorage?
    private let owner: ObjectIdentifier
    private let path: String

    init(_ storage: ModelStorage, _ path: String) {
        self.storage = storage
        owner = ObjectIdentifier(storage)
        self.path = path
    }

    deinit {
        guard let storage, storage.disk.locks[path] == owner else { return }
        storage.disk.locks[path] = nil
    }
}
