import Agent
import Configuration
import Event
import Glibc
import Platform
import Testing
import Transport

/// A temporary folder, a source over it, and a collector that takes what it ships: events are deduplicated
/// by coverage as design section 3 says, and every broken rule is kept in `faults`.
final class Bench {
    let folder: String
    var settings: FilesSourceSettings
    var source: FileSource
    var now: Int64 = 1_000_000
    var collector = TestCollector()
    /// Acknowledgements not yet given, in order per stream.
    var unacknowledged: [(stream: StreamID, to: UInt64, isEnd: Bool)] = []
    var records: [[UInt8]] = []
    var notices: [SourceNotice] = []
    var batch = ShipBatch()
    var generator: SeededGenerator
    /// Room for a read. Why not left to the source: without optimisation it takes longer than all else in a short test.
    private static let slab = [UInt8](repeating: 0, count: 544 << 10)

    init(_ include: [String] = ["*.log*"], seed: UInt64 = 1, _ change: (inout FilesSourceSettings) -> Void = { _ in }) {
        var template = Array("/tmp/millrace-files-XXXXXX".utf8CString)
        folder = unsafe String(cString: mkdtemp(&template))
        settings = FilesSourceSettings(name: "access", topic: "logs", include: [])
        settings.include = include.map { [folder] in folder + "/" + $0 }
        batch.slab = Self.slab
        change(&settings)
        settings.exclude = settings.exclude.map { [folder] in $0.contains("/") ? folder + "/" + $0 : $0 }
        generator = SeededGenerator(seed: seed)
        source = FileSource(
            settings: settings, agent: "shop-7", resume: .sameIDs, records: [], generator: generator)
        source.setPartitionCount(4)
    }

    deinit {
        source.close()
        Self.remove(folder: folder)
        _ = unsafe unlink(folder + ".clock")
    }

    private static func remove(folder: String) {
        for name in (try? Syscalls.list(folder)) ?? [] {
            let path = folder + "/" + name
            if (try? Syscalls.status(path, followLinks: false).isDirectory) == true {
                remove(folder: path)
            } else {
                _ = unsafe unlink(path)
            }
        }
        _ = unsafe rmdir(folder)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    func append(_ name: String, _ text: String) { append(name, Array(text.utf8)) }

    func append(_ name: String, _ bytes: [UInt8]) {
        do {
            let file = try Syscalls.open(path(name), .append)
            try file.writeAll(bytes)
        } catch { Issue.record("append \(name): \(error)") }
    }

    /// Waits until the file system gives what is written or created now a later time than anything before: the
    /// kernel's clock for it goes by ticks, and a machine with little to give may miss some.
    func waitForFileClock() {
        let start = touchedProbe()
        var tries = 0
        while touchedProbe() <= start, tries < 10_000 {
            usleep(1_000)
            tries += 1
        }
    }

    /// When a file beside the folder was modified that was written to just now.
    private func touchedProbe() -> Int64 {
        let path = folder + ".clock"
        do {
            let file = try Syscalls.open(path, .append)
            try file.writeAll([0])
            return try file.status().modified
        } catch {
            Issue.record("touch \(path): \(error)")
            return .max
        }
    }

    func rename(_ from: String, _ to: String) { #expect(unsafe Glibc.rename(path(from), path(to)) == 0) }
    func delete(_ name: String) { #expect(unsafe unlink(path(name)) == 0) }
    func truncate(_ name: String, to count: Int = 0) { #expect(unsafe Glibc.truncate(path(name), count) == 0) }
    /// `time`: nanoseconds since the epoch.
    func setModified(_ name: String, _ time: Int64) {
        let time = timespec(tv_sec: Int(time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        #expect(unsafe utimensat(AT_FDCWD, path(name), [time, time], 0) == 0)
    }
    func copy(_ from: String, _ to: String) {
        let bytes = (try? DurableFile.read(path(from), maximum: 1 << 24)) ?? nil
        append(to, bytes ?? [])
    }

    /// One turn of the agent's loop: look, checkpoint where it must be durable, ship all there is.
    @discardableResult
    func turn(after milliseconds: Int64 = 1_000, acknowledge: Bool = true) -> [String] {
        now += milliseconds
        let before = collector.delivered.count
        for _ in 0..<3 {
            _ = source.look(now: now)
            settle()
            ship()
            if acknowledge { self.acknowledge() }
        }
        notices += source.takeNotices()
        return Array(collector.delivered[before...])
    }

    func settle() {
        if source.needsDurability {
            records = source.checkpointRecords().map(\.bytes)
            source.madeDurable()
        }
    }

    func ship(maximumBatchCount: Int = .max, isOpen: (Int32) -> Bool = { _ in true }) {
        var count = 0
        while count < maximumBatchCount, source.fill(&batch, now: now, isOpen: isOpen) {
            count += 1
            take(batch.records.count)
            settle()
        }
    }

    /// The transport takes the first records of the batch.
    func take(_ count: Int) {
        for index in 0..<count {
            collector.take(batch, index)
            let step = batch.steps[index]
            unacknowledged.append((batch.stream, step.to, step.isEnd))
        }
    }

    func acknowledge(_ count: Int = .max) {
        for entry in unacknowledged.prefix(count) {
            source.acknowledged(entry.stream, to: entry.to, isEnd: entry.isEnd)
        }
        unacknowledged.removeFirst(min(count, unacknowledged.count))
    }

    func checkpoint() { records = source.checkpointRecords().map(\.bytes) }

    /// A new process: from the last checkpoint, with nothing acknowledged that was in flight.
    func restart(_ resume: Resume = .sameIDs, orderly: Bool = false) {
        if orderly {
            acknowledge()
            checkpoint()
        }
        source.close()
        unacknowledged.removeAll()
        source = FileSource(
            settings: settings, agent: "shop-7", resume: resume, records: records,
            generator: SeededGenerator(seed: generator.next()))
        source.setPartitionCount(4)
    }
}

/// What a collector does with the records: coverage per stream, events in the order of arrival.
struct TestCollector {
    var coverage: [StreamID: IntervalSet] = [:]
    /// What each event of a stream was when it was first seen.
    var events: [StreamID: [UInt64: (to: UInt64, bytes: [UInt8])]] = [:]
    var delivered: [String] = []
    var duplicates = 0
    var faults: [String] = []
    var announces: [String] = []
    var ends: [StreamID] = []
    var progress: [(UInt64, UInt64)] = []
    var keys: [String] = []
    /// Pieces of the record that is under way, per stream.
    private var pieces: [StreamID: [UInt8]] = [:]

    mutating func take(_ batch: ShipBatch, _ index: Int) {
        let record = batch.records[index]
        let key = Array(batch.slab[record.keyStart..<(record.keyStart + record.keyByteCount)])
        let value = Array(batch.slab[record.valueStart..<(record.valueStart + max(0, record.valueByteCount))])
        guard let pack = PackKey(parsing: key) else {
            faults.append("bad key: \(String(decoding: key, as: UTF8.self))")
            return
        }
        keys.append(pack.text)
        if pack.stream != batch.stream { faults.append("key names another stream than its batch") }
        switch pack.kind {
        case .announce: announces.append(String(decoding: value, as: UTF8.self) + " " + pack.stream.description.prefix(8))
        case .end: ends.append(pack.stream)
        case .watermark: faults.append("unexpected \(pack.text)")
        case .progress:
            progress.append((pack.prev.major, pack.from.major))
            cover(pack.stream, pack.prev.major, pack.from.major, [], counts: false)
        case .data: takeLines(pack, value)
        case .piece: takePiece(pack, value)
        }
    }

    private mutating func takeLines(_ pack: PackKey, _ value: [UInt8]) {
        let covered = Int(pack.to.major - pack.from.major)
        guard covered == value.count || covered == value.count + 1 else {
            faults.append("value does not fill \(pack.text)")
            return
        }
        var from = pack.from.major
        let lines = value.split(separator: 10, omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let isLast = index == lines.count - 1
            let to = isLast ? pack.to.major : from + UInt64(line.count) + 1
            cover(pack.stream, from, to, Array(line), counts: true)
            from = to
        }
    }

    private mutating func takePiece(_ pack: PackKey, _ value: [UInt8]) {
        guard case .piece(let index, let count) = pack.framing else { return }
        let isNew = cover(pack.stream, pack.from.major, pack.to.major, value, counts: false)
        guard isNew else { return }
        if index == 1 { pieces[pack.stream] = [] }
        pieces[pack.stream, default: []] += value
        if count == index {
            delivered.append(String(decoding: pieces.removeValue(forKey: pack.stream) ?? [], as: UTF8.self))
        }
    }

    @discardableResult
    private mutating func cover(
        _ stream: StreamID, _ from: UInt64, _ to: UInt64, _ bytes: [UInt8], counts: Bool
    ) -> Bool {
        let range = CoveredRange(bytes: from..<to)
        switch coverage[stream, default: IntervalSet()].overlap(range) {
        case .none:
            coverage[stream, default: IntervalSet()].insert(range)
            events[stream, default: [:]][from] = (to, bytes)
            if counts { delivered.append(String(decoding: bytes, as: UTF8.self)) }
            return true
        case .whole:
            duplicates += 1
            if let known = events[stream]?[from], known.to == to, known.bytes == bytes { return false }
            faults.append("[\(from), \(to)) of \(stream) was another event before")
        case .part:
            faults.append("[\(from), \(to)) of \(stream) overlaps what was taken")
        }
        return false
    }
}
