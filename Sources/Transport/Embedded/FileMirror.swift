public import Event
internal import Platform

/// The mirror of an agent's state as a file in the warehouse: an append-only log of checked records.
///
/// File: magic `MLRMIR01`, then records of: payload length (4 bytes), XXH3-64 of the payload seeded
/// with its length (8), payload = offset (8), key length (4), value present (1), key, value. All
/// numbers are little-endian.
///
/// Invariants: offsets rise; a record is durable before `append` returns; what is kept in memory is
/// what the file holds. A torn tail (a crash while appending) is cut off at open and reported; damage
/// before the last record is `transport.mirror_corrupt` and changes nothing. One process per file (lock).
public final class FileMirror: MirrorLog {
    static let magic = Array("MLRMIR01".utf8)
    static let frameByteCount = 12
    static let payloadHeadByteCount = 13
    /// A key and value larger than this are refused, and a longer length in the file is damage.
    public static let maximumRecordByteCount = 16 << 20
    /// The file is read whole: 64 MiB is far above what compaction leaves.
    static let maximumFileByteCount = 512 << 20

    private let path: String
    private let lock: FileLock
    private let compactionByteCount: Int
    private var records: [MirrorRecord] = []
    private var nextOffset: Int64 = 0
    private var byteCount = 0
    /// What the newest record of each key takes: the size after a compaction.
    private var liveByteCount: [[UInt8]: Int] = [:]
    /// The file may hold more than we remember: an append failed.
    private var mustRewrite = false
    /// Bytes of a torn tail that were cut off at open; 0 normally.
    public private(set) var tornByteCount = 0

    /// Opens or makes the file with its folder. `compactionByteCount`: rewritten beyond this size, if
    /// that at least halves it. Default 4 MiB.
    public init(path: String, compactionByteCount: Int = 4 << 20) throws(Failure) {
        self.path = path
        self.compactionByteCount = compactionByteCount
        do throws(Errno) {
            try DurableFile.makeFolders(DurableFile.parent(of: path), permissions: 0o750)
            lock = try FileLock(path: path + ".lock", permissions: 0o640)
            guard try lock.take() else { throw Errno.wouldBlock }
        } catch {
            throw FileMirror.failure(error, "cannot open the mirror `\(path)`")
        }
        try load()
    }

    private static func failure(_ error: Errno, _ what: String) -> Failure {
        if error == .wouldBlock {
            return Failure(
                "transport.mirror_locked", stage: .transport, kind: .config, what,
                hint: "another process with this agent's name uses the warehouse", cause: error.description)
        }
        return Failure("transport.mirror_io", stage: .transport, kind: .transient, what, cause: error.description)
    }

    private func load() throws(Failure) {
        let what = "cannot read the mirror `\(path)`"
        let found: [UInt8]?
        do throws(Errno) {
            found = try DurableFile.read(path, maximum: FileMirror.maximumFileByteCount)
        } catch {
            throw FileMirror.failure(error, what)
        }
        // A file shorter than its magic was never acknowledged as anything.
        guard let bytes = found, bytes.count >= FileMirror.magic.count else { return try rewrite() }
        guard bytes.starts(with: FileMirror.magic) else { throw corrupt(0) }
        var position = FileMirror.magic.count
        while position < bytes.count {
            guard let (record, end) = FileMirror.decode(bytes, at: position) else { break }
            guard record.offset >= nextOffset else { throw corrupt(position) }
            remember(record, byteCount: end - position)
            position = end
        }
        byteCount = position
        guard position < bytes.count else { return }
        guard FileMirror.isTorn(bytes, at: position) else { throw corrupt(position) }
        tornByteCount = bytes.count - position
        do throws(Errno) {
            let file = try Syscalls.open(path, .readWriteCreate, permissions: 0o640)
            try file.truncate(to: UInt64(position))
            try file.sync()
        } catch {
            throw FileMirror.failure(error, what)
        }
    }

    private func corrupt(_ position: Int) -> Failure {
        Failure(
            "transport.mirror_corrupt", stage: .transport, kind: .corrupt,
            "the mirror `\(path)` is damaged at byte \(position)",
            hint: "move it away: the agent goes on with its own state and writes a new mirror")
    }

    /// Whether what lies at `position` can be the rest of one append that was cut short: it reaches or
    /// passes the end of the file, or is zeros up to it (blocks that the disk never saw).
    private static func isTorn(_ bytes: [UInt8], at position: Int) -> Bool {
        if bytes[position...].allSatisfy({ $0 == 0 }) { return true }
        guard position + frameByteCount <= bytes.count else { return true }
        let length = Int(LittleEndian.read(bytes, at: position, byteCount: 4))
        return length <= maximumRecordByteCount + payloadHeadByteCount
            && position + frameByteCount + length >= bytes.count
    }

    /// The record at `position` and where it ends; nil if it is not whole.
    static func decode(_ bytes: [UInt8], at position: Int) -> (MirrorRecord, end: Int)? {
        guard position + frameByteCount <= bytes.count else { return nil }
        let length = Int(LittleEndian.read(bytes, at: position, byteCount: 4))
        let start = position + frameByteCount
        guard length >= payloadHeadByteCount, length <= maximumRecordByteCount + payloadHeadByteCount,
            start + length <= bytes.count
        else { return nil }
        let payload = Array(bytes[start..<(start + length)])
        guard LittleEndian.read(bytes, at: position + 4, byteCount: 8) == Hash.xxh3(payload, seed: UInt64(length)),
            let offset = Int64(exactly: LittleEndian.read(payload, at: 0, byteCount: 8))
        else { return nil }
        let keyByteCount = Int(LittleEndian.read(payload, at: 8, byteCount: 4))
        guard payloadHeadByteCount + keyByteCount <= length else { return nil }
        let key = Array(payload[payloadHeadByteCount..<(payloadHeadByteCount + keyByteCount)])
        let value = payload[12] == 0 ? nil : Array(payload[(payloadHeadByteCount + keyByteCount)...])
        return (MirrorRecord(offset: offset, key: key, value: value), start + length)
    }

    static func encode(_ record: MirrorRecord) -> [UInt8] {
        var payload: [UInt8] = []
        LittleEndian.append(UInt64(record.offset), byteCount: 8, to: &payload)
        LittleEndian.append(UInt64(record.key.count), byteCount: 4, to: &payload)
        payload.append(record.value == nil ? 0 : 1)
        payload += record.key
        payload += record.value ?? []
        var bytes: [UInt8] = []
        LittleEndian.append(UInt64(payload.count), byteCount: 4, to: &bytes)
        LittleEndian.append(Hash.xxh3(payload, seed: UInt64(payload.count)), byteCount: 8, to: &bytes)
        return bytes + payload
    }

    private func remember(_ record: MirrorRecord, byteCount: Int) {
        records.append(record)
        nextOffset = record.offset + 1
        liveByteCount[record.key] = record.value == nil ? nil : byteCount
    }

    public func check() throws(Failure) {
        if mustRewrite { try rewrite() }
    }

    public func append(key: [UInt8], value: [UInt8]?, timeoutMilliseconds: Int) throws(Failure) -> Int64 {
        let size = key.count + (value?.count ?? 0)
        guard size <= FileMirror.maximumRecordByteCount else {
            throw Failure(
                "transport.record_too_large", stage: .transport, kind: .config,
                "a mirror record of \(size) bytes exceeds \(FileMirror.maximumRecordByteCount)")
        }
        try check()
        let record = MirrorRecord(offset: nextOffset, key: key, value: value)
        let bytes = FileMirror.encode(record)
        do throws(Errno) {
            let file = try Syscalls.open(path, .append, permissions: 0o640)
            try file.writeAll(bytes)
            try file.sync()
            try file.close()
        } catch {
            try cutBack(after: error)
        }
        byteCount += bytes.count
        remember(record, byteCount: bytes.count)
        let live = liveByteCount.values.reduce(0, +)
        if byteCount > compactionByteCount, live * 2 < byteCount { try compact() }
        return record.offset
    }

    /// After a failed append: the file without it, now or before the next append.
    ///
    /// Why the whole file anew: after a failed fsync the pages may be gone although they read well.
    private func cutBack(after error: Errno) throws(Failure) {
        mustRewrite = true
        try? rewrite()
        throw FileMirror.failure(error, "cannot append to the mirror `\(path)`")
    }

    private func compact() throws(Failure) {
        var newest: [[UInt8]: Int64] = [:]
        for record in records { newest[record.key] = record.offset }
        let before = records
        // The last record stays whatever it is: it carries the next offset over a restart.
        records = records.filter {
            $0.offset + 1 == nextOffset || ($0.value != nil && newest[$0.key] == $0.offset)
        }
        do throws(Failure) {
            try rewrite()
        } catch {
            records = before
            throw error
        }
    }

    /// Writes what is remembered as a whole new file.
    private func rewrite() throws(Failure) {
        var bytes = FileMirror.magic
        for record in records { bytes += FileMirror.encode(record) }
        do throws(Errno) {
            try DurableFile.replace(path, with: bytes, permissions: 0o640)
        } catch {
            throw FileMirror.failure(error, "cannot write the mirror `\(path)`")
        }
        byteCount = bytes.count
        mustRewrite = false
    }

    /// As durable as `append`: a file has no cheaper way that keeps the order.
    public func appendLater(key: [UInt8], value: [UInt8]?) throws(Failure) {
        _ = try append(key: key, value: value, timeoutMilliseconds: 0)
    }

    public func read(
        from offset: Int64, timeoutMilliseconds: Int
    ) throws(Failure) -> (records: [MirrorRecord], first: Int64, next: Int64) {
        (records.filter { $0.offset >= offset }, records.first?.offset ?? nextOffset, nextOffset)
    }

    public func close() {}
}

/// Little-endian numbers in byte arrays; callers check the bounds.
enum LittleEndian {
    static func append(_ value: UInt64, byteCount: Int, to bytes: inout [UInt8]) {
        for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> UInt64(8 * index))) }
    }

    static func read(_ bytes: [UInt8], at position: Int, byteCount: Int) -> UInt64 {
        var value: UInt64 = 0
        for index in 0..<byteCount { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
        return value
    }
}
