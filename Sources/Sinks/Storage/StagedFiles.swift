public import Columns
public import Event
public import Parquet
public import Platform

/// The files of one commit attempt: rows of many lanes come in, sealed files with checksums come out.
///
/// Thread-safe: any lane may append at any time; lanes that meet in one file wait for each other there.
/// `seal` and `abandon` are called once no lane appends any more, by the committer.
///
///     appending -- seal --> sealed -- abandon --> abandoned
///         | first fault: every later append and seal throws it; abandon frees the space
///
/// Invariants:
/// - one open file per (table, partition, role, format, compression); beyond `maximumOpenCount` the least
///   recently used one is finished and the next row of its kind opens another file;
/// - a staged name is `<staging>/part-<token>-<n>.jsonl` (or `.parquet`), the final one
///   `<db>/<table>/<partition>/part-<token>-<n>.jsonl`: the token is of this attempt alone;
/// - no path leaves the warehouse, and no data file gets a hidden name.
public final class StagedFiles: Sendable {
    /// Most files open at once: 64 x (buffer 256 KiB + compressor up to 10 MiB) bounds the memory.
    public static let maximumOpenCount = 64
    /// Bytes gathered per file before a write.
    public static let bufferByteCount = 256 << 10
    /// Most files of one attempt: a record of 100,000 files has about 30 MiB.
    public static let maximumFileCount = 100_000

    /// The random part of the names.
    public let token: String
    private let storage: any Storage
    private let stagingFolder: String
    private let openLimit: Int
    private let table: Monitor<FileTable>

    /// `stagingFolder`: `CommitLog.stagingFolder`, which exists once the log is open.
    public init(
        storage: any Storage, stagingFolder: String, token: String = Token.make(), openLimit: Int = maximumOpenCount
    ) {
        self.storage = storage
        self.stagingFolder = stagingFolder
        self.token = token
        self.openLimit = max(1, openLimit)
        table = Monitor(FileTable())
    }

    private enum Stage { case appending, sealed, abandoned }

    private struct FileTable {
        var stage = Stage.appending
        var open: [StagedKey: StagedFile] = [:]
        var finished: [FileEffect] = []
        /// Every staged name handed out, for `abandon`.
        var names: [String] = []
        var clock: UInt64 = 0
        var byteCount: UInt64 = 0
        var rowCount: UInt64 = 0
        var fault: Failure?
        /// Bytes of rows that are on their way into the files.
        var heldByteCount = 0
    }

    /// Bytes of the files so far, after compression, and of the rows that formatters hold (what a compressor
    /// still holds is not counted).
    public var byteCount: UInt64 { table.withLock { $0.byteCount + UInt64(max(0, $0.heldByteCount)) } }
    public var rowCount: UInt64 { table.withLock { $0.rowCount } }
    public var fileCount: Int { table.withLock { $0.names.count } }
    /// Why this attempt is lost, or nil.
    public var fault: Failure? { table.withLock { $0.fault } }

    /// Appends whole rows (each with its line feed) to the file of their table and partition.
    /// Blocks on the disk. A failure dooms the attempt: seal will not work, abandon it.
    /// Throws `sink.bad_table` for names that cannot be folders, and what the storage throws.
    public func append(
        table name: String, partition: String, role: FileEffect.Role = .data, format: FileFormat = .jsonLines,
        compression: Compression = .none, bytes: UnsafeRawBufferPointer, rows: UInt64
    ) throws(Failure) {
        let key = StagedKey(table: name, partition: partition, role: role, format: format, compression: compression)
        try append(key, rows: rows) { file throws(Failure) in try unsafe file.append(bytes, rows: rows, to: storage) }
    }

    /// Appends a row group to the Parquet file of its table and partition; see the other `append`. The group's
    /// last pages are encoded before anybody has to wait.
    public func append(
        table name: String, partition: String, group: RowGroupEncoder, layout: ParquetLayout
    ) throws(Failure) {
        let key = StagedKey(
            table: name, partition: partition, role: .data, format: .parquet, compression: layout.compression)
        let rows = UInt64(group.rowCount)
        try group.finish()
        try append(key, rows: rows) { file throws(Failure) in try file.append(group, layout, to: storage) }
    }

    /// Says how many bytes of rows formatters hold for this attempt, more (or less) than before.
    public func hold(_ difference: Int) {
        table.withLock { $0.heldByteCount += difference }
    }

    private func append(
        _ key: StagedKey, rows: UInt64, body: (StagedFile) throws(Failure) -> UInt64
    ) throws(Failure) {
        let (file, evicted) = try pin(key)
        do throws(Failure) {
            if let evicted { try finish(evicted) }
            let written = try body(file)
            table.withLock {
                $0.byteCount += written
                $0.rowCount += rows
                file.pinCount -= 1
            }
        } catch {
            table.withLock {
                file.pinCount -= 1
                $0.fault = $0.fault ?? error
            }
            throw error
        }
    }

    /// Finds or makes the file, so that nobody finishes it while it is used; and the one to finish for it.
    private func pin(_ key: StagedKey) throws(Failure) -> (StagedFile, StagedFile?) {
        try table.withLock { state throws(Failure) in
            if let fault = state.fault { throw fault }
            guard state.stage == .appending else { throw Self.misuse("rows came after the seal") }
            state.clock += 1
            var evicted: StagedFile?
            let file: StagedFile
            if let found = state.open[key] {
                file = found
            } else {
                file = try make(key, &state)
                if state.open.count >= openLimit {
                    evicted = state.open.values.filter { $0.pinCount == 0 }.min { $0.lastUse < $1.lastUse }
                    if let evicted { state.open[evicted.key] = nil }
                }
                state.open[key] = file
            }
            file.pinCount += 1
            file.lastUse = state.clock
            return (file, evicted)
        }
    }

    private func make(_ key: StagedKey, _ state: inout FileTable) throws(Failure) -> StagedFile {
        guard let folder = key.folder else {
            throw Failure(
                "sink.bad_table", stage: .sink, kind: .corrupt,
                "table \(key.table.debugDescription), partition \(key.partition.debugDescription) cannot be a folder")
        }
        guard state.names.count < Self.maximumFileCount else {
            throw Failure(
                "sink.too_many_files", stage: .sink, kind: .fatal,
                "a commit has more than \(Self.maximumFileCount) files",
                hint: "commit more often, or write fewer partitions at once")
        }
        let name = "part-\(token)-\(state.names.count)" + key.suffix
        let staged = stagingFolder + "/" + name
        state.names.append(staged)
        return StagedFile(key, staged: staged, final: folder + "/" + name)
    }

    private func finish(_ file: StagedFile) throws(Failure) {
        let (effect, written) = try file.finish(in: storage)
        table.withLock {
            $0.byteCount += written
            $0.finished.append(effect)
        }
    }

    /// Finishes and fsyncs every file and the staging folder. What comes back goes into the commit.
    /// After a throw: `abandon`.
    public func seal() throws(Failure) -> [FileEffect] {
        let open = try table.withLock { state throws(Failure) in
            if let fault = state.fault { throw fault }
            guard state.stage == .appending else { throw Self.misuse("sealed twice") }
            state.stage = .sealed
            let open = state.open.values.sorted { $0.final < $1.final }
            state.open = [:]
            return open
        }
        do throws(Failure) {
            for file in open { try finish(file) }
            let effects = table.withLock { $0.finished.sorted { $0.final < $1.final } }
            // Order: names after bytes; the record that lists them comes after both.
            if !effects.isEmpty { try storage.syncFolder(stagingFolder) }
            return effects
        } catch {
            table.withLock { $0.fault = $0.fault ?? error }
            throw error
        }
    }

    /// Closes and removes every staged file: only where the commit log said that nothing was committed.
    /// What cannot be removed now is swept after the next start.
    public func abandon() {
        let (open, names) = table.withLock { state in
            state.stage = .abandoned
            let open = Array(state.open.values)
            state.open = [:]
            return (open, state.names)
        }
        for file in open { file.drop() }
        for name in names { try? storage.remove(name) }
    }

    private static func misuse(_ what: String) -> Failure {
        Failure(
            "commit.invalid", stage: .sink, kind: .fatal, what, hint: "this is a defect of millrace: please report it"
        )
    }
}

struct StagedKey: Hashable, Sendable {
    var table: String
    var partition: String
    var role: FileEffect.Role
    var format: FileFormat
    var compression: Compression

    /// Where the file is published, or nil if that would not be a visible folder of the warehouse.
    var folder: String? {
        let base: String
        switch role {
        case .data:
            guard let found = WarehousePath.folder(ofTable: table) else { return nil }
            base = found
        case .quarantine:
            guard WarehousePath.isSafeName(table) else { return nil }
            base = WarehousePath.quarantine + "/" + table
        }
        if partition.isEmpty { return base }
        let path = base + "/" + partition
        // Why: a partition that begins with `_` or `.` anywhere would be invisible.
        let isVisible = partition.parts(at: "/").allSatisfy { !$0.begins(with: "_") && !$0.begins(with: ".") }
        return WarehousePath.isSafe(path) && isVisible ? path : nil
    }

    var suffix: String {
        switch (format, compression) {
        case (.parquet, _): ".parquet"
        case (.jsonLines, .none), (.jsonLines, .snappy): ".jsonl"
        case (.jsonLines, .gzip): ".jsonl.gz"
        case (.jsonLines, .zstd): ".jsonl.zst"
        case (.delimited, .none), (.delimited, .snappy): ".txt"
        case (.delimited, .gzip): ".txt.gz"
        case (.delimited, .zstd): ".txt.zst"
        }
    }
}
