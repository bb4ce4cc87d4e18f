internal import Event

/// Changes sorted by identity and source order, in memory and in scratch files. May be read by several threads, each
/// with a cursor of its own.
final class SortedChanges: Sendable {
    private let memory: [MemoryRun]
    private let spilled: [SpilledRun]
    let coding: RowCoding

    /// The changes of several sorters as one.
    init(_ parts: [SortedChanges], _ coding: RowCoding) {
        memory = parts.flatMap(\.memory)
        spilled = parts.flatMap(\.spilled)
        self.coding = coding
    }

    init(memory: [MemoryRun], spilled: [SpilledRun], _ coding: RowCoding) {
        self.memory = memory
        self.spilled = spilled
        self.coding = coding
    }

    /// A cursor at the first change whose identity does not come before the given one.
    func cursor(from identity: [UInt8]?) throws(Failure) -> MergedCursor {
        var cursors: [RunCursor] = []
        for run in memory { cursors.append(RunCursor(run, from: identity)) }
        for run in spilled { cursors.append(try RunCursor(run, from: identity, coding)) }
        return MergedCursor(cursors)
    }
}

/// Reads one run front to back. One thread at a time.
final class RunCursor {
    private let memory: MemoryRun?
    private var next = 0
    private let spilled: SpilledRun?
    private let coding: RowCoding?
    private let buffer = ByteStore(capacity: 64)
    /// Where in the file the buffer begins, and in the buffer the current record.
    private var offset = 0
    private var at = 0
    private(set) var current: ChangeRecord?
    private(set) var prefix: UInt64 = 0

    init(_ run: MemoryRun, from identity: [UInt8]?) {
        memory = run
        spilled = nil
        coding = nil
        if let identity { next = unsafe identity.withUnsafeBytes { run.firstIndex(from: unsafe ByteView($0)) } }
        show()
    }

    init(_ run: SpilledRun, from identity: [UInt8]?, _ coding: RowCoding) throws(Failure) {
        memory = nil
        spilled = run
        self.coding = coding
        guard let identity else {
            try load()
            return
        }
        let wanted = ByteStore()
        wanted.append(identity)
        offset = run.offset(of: wanted.all)
        try load()
        while let record = current, record.identity.order(wanted.all) < 0 { try advance() }
    }

    func advance() throws(Failure) {
        if memory != nil {
            next += 1
            return show()
        }
        if let current { at += current.bytes.count }
        try load()
    }

    private func show() {
        guard let memory, next < memory.count else {
            current = nil
            return
        }
        current = memory.record(next)
        prefix = memory.prefix(next)
    }

    /// Brings the record at `at` into the buffer.
    private func load() throws(Failure) {
        current = nil
        guard let spilled, let coding else { return }
        if buffer.count - at < 4 || buffer.count - at < Int(buffer.load(at, as: UInt32.self)) {
            offset += at
            at = 0
            buffer.removeAll()
            guard try spilled.read(at: offset, count: SpilledRun.bufferByteCount, into: buffer) >= 4 else { return }
            let length = Int(buffer.load(0, as: UInt32.self))
            if length > buffer.count {
                let start = offset + buffer.count
                _ = try spilled.read(at: start, count: length - buffer.count, into: buffer)
            }
        }
        let record = ChangeRecord(buffer.view(at, at + Int(buffer.load(at, as: UInt32.self))))
        current = record
        prefix = coding.prefix(of: record.identity)
    }
}

/// Reads several runs as one. The current record is valid until the next `advance`. One thread at a time.
final class MergedCursor {
    private let runs: [RunCursor]
    private var least: RunCursor?

    init(_ runs: [RunCursor]) {
        self.runs = runs
        choose()
    }

    @inline(__always) var current: ChangeRecord? { least?.current }
    /// The beginning of the current identity.
    @inline(__always) var prefix: UInt64 { least?.prefix ?? 0 }

    func advance() throws(Failure) {
        try least?.advance()
        choose()
    }

    private func choose() {
        guard runs.count > 1 else {
            least = runs.first
            return
        }
        least = nil
        for run in runs {
            guard let record = run.current else { continue }
            guard let best = least, let found = best.current else {
                least = run
                continue
            }
            if run.prefix > best.prefix { continue }
            if run.prefix < best.prefix {
                least = run
                continue
            }
            let order = record.identity.order(found.identity)
            if order < 0 || order == 0 && record.comesBefore(found) { least = run }
        }
    }
}
