internal import Codec
internal import Columns
internal import Event
internal import Parquet
internal import Platform

/// One file being staged: compression, running checksum, buffered writes.
///
/// Safety: `pinCount` and `lastUse` are touched only under the lock of `StagedFiles`; all else only
/// inside `body`'s lock. That lock is held over writes: lanes that meet in one file must take turns.
final class StagedFile: @unchecked Sendable {
    let key: StagedKey
    let staged: String
    let final: String
    var pinCount = 0
    var lastUse: UInt64 = 0
    private let body: Monitor<Body>

    private struct Body {
        var file: (any StorageFile)?
        var compressor: StreamingCompressor?
        var parquet: ParquetFile?
        let hash = HashStream()
        var buffer: [UInt8] = []
        var rowCount: UInt64 = 0
        /// Bytes of the file, the buffer's included.
        var byteCount: UInt64 = 0
    }

    init(_ key: StagedKey, staged: String, final: String) {
        self.key = key
        self.staged = staged
        self.final = final
        body = Monitor(Body())
    }

    /// Appends rows; the growth of the file in bytes.
    func append(_ bytes: UnsafeRawBufferPointer, rows: UInt64, to storage: any Storage) throws(Failure) -> UInt64 {
        try body.withLock { body throws(Failure) in
            if body.file == nil { try open(&body, storage) }
            body.rowCount += rows
            let before = body.buffer.count
            if let compressor = body.compressor {
                try unsafe compressor.write(bytes, into: &body.buffer)
            } else {
                unsafe body.buffer.append(contentsOf: bytes)
            }
            let growth = UInt64(body.buffer.count - before)
            body.byteCount += growth
            if body.buffer.count >= StagedFiles.bufferByteCount { try flush(&body) }
            return growth
        }
    }

    /// Appends a finished row group; the growth of the file in bytes.
    func append(
        _ group: RowGroupEncoder, _ layout: ParquetLayout, to storage: any Storage
    ) throws(Failure) -> UInt64 {
        try body.withLock { body throws(Failure) in
            if body.file == nil { try open(&body, storage) }
            let parquet =
                body.parquet ?? ParquetFile(columns: layout.columns, options: layout.options(table: key.table))
            body.parquet = parquet
            let before = body.byteCount
            try unsafe parquet.append(group) { bytes throws(Failure) in try unsafe write(bytes, &body) }
            body.rowCount += UInt64(group.rowCount)
            return body.byteCount - before
        }
    }

    /// Large pieces go to the file at once, small ones are gathered.
    private func write(_ bytes: UnsafeRawBufferPointer, _ body: inout Body) throws(Failure) {
        body.byteCount += UInt64(bytes.count)
        if bytes.count >= StagedFiles.bufferByteCount {
            try flush(&body)
            unsafe body.hash.update(bytes)
            try unsafe body.file?.append(bytes)
        } else {
            unsafe body.buffer.append(contentsOf: bytes)
            if body.buffer.count >= StagedFiles.bufferByteCount { try flush(&body) }
        }
    }

    private func open(_ body: inout Body, _ storage: any Storage) throws(Failure) {
        switch (key.format, key.compression) {
        // Why nothing for Parquet: its pages are compressed one by one.
        case (.parquet, _), (_, .none), (_, .snappy): break
        case (_, .gzip): body.compressor = try StreamingCompressor(.gzip)
        case (_, .zstd): body.compressor = try StreamingCompressor(.zstd)
        }
        body.buffer.reserveCapacity(StagedFiles.bufferByteCount * 2)
        body.file = try storage.create(staged)
    }

    private func flush(_ body: inout Body) throws(Failure) {
        let file = body.file
        let hash = body.hash
        let outcome = unsafe body.buffer.withUnsafeBytes { bytes -> Result<Void, Failure> in
            unsafe hash.update(bytes)
            do throws(Failure) { return .success(try unsafe file?.append(bytes) ?? ()) } catch {
                return .failure(error)
            }
        }
        try outcome.get()
        body.buffer.removeAll(keepingCapacity: true)
    }

    /// Writes the rest, fsyncs and closes: the effect, and the growth by the rest.
    func finish(in storage: any Storage) throws(Failure) -> (FileEffect, UInt64) {
        try body.withLock { body throws(Failure) in
            let start = body.byteCount
            let before = body.buffer.count
            if let compressor = body.compressor { try compressor.finish(into: &body.buffer) }
            body.byteCount += UInt64(body.buffer.count - before)
            if let parquet = body.parquet {
                try unsafe parquet.finish { bytes throws(Failure) in try unsafe write(bytes, &body) }
            }
            let growth = body.byteCount - start
            try flush(&body)
            try body.file?.sync()
            try body.file?.close()
            body.file = nil
            body.compressor = nil
            body.parquet = nil
            body.buffer = []
            let effect = FileEffect(
                staged: staged, final: final, role: key.role, table: key.table, partition: key.partition,
                rows: body.rowCount, bytes: body.byteCount, checksum: hexadecimal(body.hash.digest))
            return (effect, growth)
        }
    }

    /// Closes without caring.
    func drop() {
        body.withLock { body in
            try? body.file?.close()
            body.file = nil
            body.compressor = nil
            body.parquet = nil
            body.buffer = []
        }
    }
}
