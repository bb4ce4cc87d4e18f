internal import Columns
internal import Event
internal import Parquet
internal import Platform

/// Writes rows, in the order of their identities, to state files of a bounded size.
///
/// Invariants: rows of one identity are in one file; each file is durable once it is in `files`; what is written
/// depends on the rows alone. One thread at a time.
final class StateWriter {
    /// Limits of files: small enough that an untouched one is met often, large enough to be few.
    struct Limits: Sendable {
        var fileRowCount = 1 << 19
        var groupRowCount = 1 << 17
        var fileByteCount: Int64 = 256 << 20
    }

    private let layout: StateLayout
    private let coding: RowCoding
    private let limits: Limits
    private let folder: String
    private let name: String
    private let options: ParquetOptions
    private let workspace: ParquetWorkspace
    private var encoder: RowGroupEncoder?
    private var open: OpenFile?
    private let lastIdentity = ByteStore()
    private let scratch = ByteStore()
    private(set) var files: [StateFile] = []

    private final class OpenFile {
        let name: String
        let path: String
        let file: Descriptor
        let parquet: ParquetFile
        let digest = HashStream()
        var rowCount = 0
        let firstIdentity: [UInt8]
        /// Of the row groups behind the first one, in order.
        var groupIdentities: [[UInt8]] = []

        init(_ name: String, _ path: String, _ file: consuming Descriptor, _ parquet: ParquetFile, _ first: [UInt8]) {
            self.name = name
            self.path = path
            self.file = file
            self.parquet = parquet
            firstIdentity = first
        }

        func write(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
            unsafe digest.update(bytes)
            do throws(Errno) { try unsafe file.writeAll(bytes) } catch {
                throw ReplayFailure.storage(error, "write", path)
            }
        }
    }

    /// A writer of files `NAME-0`, `NAME-1`, ... in a folder.
    init(_ layout: StateLayout, folder: String, name: String, limits: Limits, options: ParquetOptions) throws(Failure) {
        self.layout = layout
        coding = RowCoding(layout.table)
        self.folder = folder
        self.name = name
        self.limits = limits
        var options = options
        options.rowGroupRowCount = limits.groupRowCount
        self.options = options
        workspace = try ParquetWorkspace(codec: options.codec, level: options.level)
    }

    /// Takes all rows of a batch, which follow those before in the order of their identities.
    func append(_ rows: RowBatch) throws(Failure) {
        var from = 0
        while from < rows.rowCount {
            let room = max(0, limits.fileRowCount - (open?.rowCount ?? 0))
            var to = min(rows.rowCount, from + room)
            let isFull = to < rows.rowCount || room == 0 || open?.parquet.byteCount ?? 0 >= limits.fileByteCount
            if isFull { to = endOfTwins(rows, from, to) }
            try take(rows, from, to)
            if isFull, to < rows.rowCount { try closeFile() }
            from = to
        }
        guard rows.rowCount > 0 else { return }
        lastIdentity.removeAll()
        coding.appendIdentity(of: rows, rows.rowCount - 1, to: lastIdentity)
    }

    /// Takes a row group of another file as it lies there; `first`: the identity of its first row. False, and nothing
    /// taken, if it is too small to stand for itself, or not what this writer would write.
    func append(_ group: StoredGroup, first: [UInt8]) throws(Failure) -> Bool {
        guard group.rowCount >= limits.groupRowCount / 4 else { return false }
        // Why an eighth: rows that were inserted elsewhere in a file do not cut its last group off.
        if let open, open.rowCount + group.rowCount > limits.fileRowCount + limits.fileRowCount / 8
            || open.parquet.byteCount >= limits.fileByteCount
        {
            try closeFile()
        }
        try writeGroup()
        let isNew = open == nil
        if isNew { try makeFile(first) }
        guard let open else { return false }
        guard try unsafe open.parquet.append(group, write: { bytes throws(Failure) in try unsafe open.write(bytes) })
        else { return false }
        if !isNew { open.groupIdentities.append(first) }
        open.rowCount += group.rowCount
        return true
    }

    /// The first row from `row` on that is not of the identity of the one before it.
    private func endOfTwins(_ rows: RowBatch, _ from: Int, _ row: Int) -> Int {
        if row > 0 {
            lastIdentity.removeAll()
            coding.appendIdentity(of: rows, row - 1, to: lastIdentity)
        }
        for row in row..<rows.rowCount {
            scratch.removeAll()
            coding.appendIdentity(of: rows, row, to: scratch)
            if !scratch.all.equals(lastIdentity.all) { return row }
        }
        return rows.rowCount
    }

    private func take(_ rows: RowBatch, _ from: Int, _ to: Int) throws(Failure) {
        guard from < to else { return }
        if open == nil || encoder?.rowCount == 0 {
            scratch.removeAll()
            coding.appendIdentity(of: rows, from, to: scratch)
            if let open, open.rowCount > 0 {
                open.groupIdentities.append(scratch.all.array)
            } else if open == nil {
                try makeFile(scratch.all.array)
            }
        }
        guard let open, let encoder else { return }
        if from == 0, to == rows.rowCount {
            try encoder.append(rows)
        } else {
            try encoder.append(rows, selected: (from..<to).map { Int32(truncatingIfNeeded: $0) })
        }
        open.rowCount += to - from
        if encoder.isFull { try writeGroup() }
    }

    private func makeFile(_ first: [UInt8]) throws(Failure) {
        let fileName = "\(name)-\(files.count)"
        let path = folder + "/" + fileName
        // Why: a new encoder for each file, so that its bytes do not depend on the files before it.
        encoder = RowGroupEncoder(columns: layout.shapes, options: options, workspace: workspace)
        do throws(Errno) {
            let file = try Syscalls.open(path, .createNew, permissions: 0o640)
            open = OpenFile(
                fileName, path, file, ParquetFile(columns: layout.shapes, options: options), first)
        } catch {
            throw ReplayFailure.storage(error, "make", path)
        }
    }

    private func writeGroup() throws(Failure) {
        guard let open, let encoder, encoder.rowCount > 0 else { return }
        try unsafe open.parquet.append(encoder) { bytes throws(Failure) in try unsafe open.write(bytes) }
        encoder.removeAll()
    }

    private func closeFile() throws(Failure) {
        try writeGroup()
        guard let open else { return }
        try unsafe open.parquet.finish { bytes throws(Failure) in try unsafe open.write(bytes) }
        do throws(Errno) { try open.file.sync() } catch { throw ReplayFailure.storage(error, "sync", open.path) }
        var file = StateFile(
            name: open.name, rowCount: Int64(open.rowCount), byteCount: open.parquet.byteCount,
            digest: open.digest.digest, firstIdentity: open.firstIdentity)
        file.groupIdentities = open.groupIdentities
        files.append(file)
        self.open = nil
        encoder = nil
    }

    /// Closes the last file. The files are complete and durable.
    func finish() throws(Failure) { try closeFile() }
}
