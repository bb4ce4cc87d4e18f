public import Configuration
public import Event
internal import Platform

/// The `files` source: follows the files under its patterns, whatever rotation does to them.
///
/// Invariants:
/// - a stream's id and every time-dependent cut is durable before a byte behind it is handed out;
/// - what is handed out was read *before* the newest rung was checked, so it is the stream's;
/// - one file at most belongs to a stream, one stream at most goes on in a file.
///
/// What it does not see: a file that is created, filled and deleted between two looks; bytes that
/// `copytruncate` itself loses between the copy and the truncation. An unterminated last line stays unread
/// as long as its file lives under its name, and is shipped `lastLineMilliseconds` after the file was
/// rotated or deleted.
///
/// One owner thread: the agent's loop.
public final class FileSource: StreamSource {
    /// Streams of a source at most, ended ones that are still remembered included: 100,000 at about 2 KiB
    /// are 200 MB; beyond it new files are left alone and reported.
    public static let maximumStreamCount = 100_000
    /// Files held open at most, not counting those that only the descriptor leads to: half of the usual
    /// limit of 1,024 descriptors.
    public static let maximumOpenCount = 512
    /// Deleted files held open at most: only their descriptors lead to them, and other descriptors are needed too.
    /// Beyond it the ones that were read to their end are given up first, then those that are gone for longest;
    /// what they had unread is lost, and reported as such.
    public static let maximumRemovedOpenCount = 256
    /// A file at its end is closed after this long without change.
    static let closeIdleMilliseconds: Int64 = 300_000
    /// A possible copy is held this long without change before it becomes a stream of its own.
    static let holdMilliseconds: Int64 = 60_000
    /// A file's content is looked at once more when it has not changed for this long. Why: what is written within one
    /// tick of the file system's clock (1 to 10 ms; a second or two where that keeps no more) has one time, so that
    /// a file that was truncated and written anew may have the size and time that it had.
    static let settleMilliseconds: Int64 = 3_000
    /// How long the copy of a truncated file is looked for, in two looks at least.
    static let searchMilliseconds: Int64 = 2_000
    /// Compressed files open at most: each keeps up to 3 MiB of its content.
    static let maximumOpenCompressedCount = 16
    /// Heads that grew by less than their length are made durable once in this time: about a checkpoint's.
    static let headPaceMilliseconds: Int64 = 1_000
    /// How long a byte must have stood behind a run of NUL bytes.
    static let nulRunMilliseconds: Int64 = 60_000
    /// Bytes read for one batch: fits a processor's second-level cache, and is many packs.
    static let readByteCount = 512 << 10
    /// Notices and faults kept until they are taken.
    static let maximumNoticeCount = 1_000

    public var name: String { settings.name }
    public var topic: String { settings.topic }

    let settings: FilesSourceSettings
    let agent: String
    let discovery: FileDiscovery
    let cutter: LineCutter
    var generator: any RandomNumberGenerator
    var watch: DirectoryWatch?

    var streams: [StreamID: TailStream] = [:]
    /// Streams by the path that they began under.
    var origins: [String: [TailStream]] = [:]
    var byFile: [InodeIdentity: TailStream] = [:]
    var held: [InodeIdentity: HeldFile] = [:]
    /// Files that were taken from their streams and have none, as they hold another content, and when they were last
    /// there.
    var orphans: [InodeIdentity: Int64] = [:]
    /// Per file that no stream has: the streams that it is surely no copy of.
    var verdicts: [InodeIdentity: Verdict] = [:]
    /// What is known of compressed files.
    var compressed: [InodeIdentity: CompressedFile] = [:]
    var queue = StreamQueue()
    /// Streams allocated or cut since the last checkpoint, and those in the one being written.
    var undurable: Set<StreamID> = []
    var snapshot: Set<StreamID> = []
    var forgotten: [StreamID] = []
    /// When heads were last made longer, and the streams that wait for the next time.
    var lastHeadRenewal: Int64?
    var headsDue: Set<StreamID> = []

    var partitionCount: Int32 = 0
    var now: Int64 = 0
    var lookCount = 0
    var lastScan: Int64?
    var mustScan = true
    /// Origins that the last look has left a possible generation of for the next one.
    var undecided: Set<String> = []
    /// No checkpoint knew the source: `start: end` holds for the files of the first look.
    let isFirstStart: Bool
    /// The start of the last whole look, until every file was read to its end as of then.
    var pendingWatermark: (at: Int64, behind: Set<StreamID>)?
    public internal(set) var watermark: Int64?
    var openCount = 0
    var openCompressedCount = 0
    var useCount: UInt64 = 0
    var scratch: [UInt8] = []
    var keyScratch: [UInt8] = []
    var lastFill: LastFill?
    var faults: [Failure] = []
    var notices: [SourceNotice] = []
    /// Paths whose fault was reported and still stands.
    var faultyPaths: Set<String> = []

    /// A file that may be a copy of a stream's: neither read nor dismissed.
    struct HeldFile {
        var path: String
        var byteCount: UInt64
        var modified: Int64
        var lastChange: Int64
        var look: Int
        /// The first look that found it as it is.
        var firstLook: Int
    }

    struct Verdict {
        var byteCount: UInt64
        var modified: Int64
        var others: Set<StreamID> = []
    }

    struct CompressedFile {
        var byteCount: UInt64
        var modified: Int64
        var since: Int64
        var measure: CompressedContent.Measure?
    }

    /// What `unread` needs of the last batch.
    struct LastFill {
        var stream: StreamID
        var start: Rung
        var wasAnnounceSent: Bool
        /// Per record: where the record began that its end is in.
        var recordStarts: [UInt64]
    }

    /// `records`: what `checkpointRecords` gave at the last checkpoint, or the mirror's. A damaged one is
    /// reported and left out.
    public init(
        settings: FilesSourceSettings, agent: String, resume: Resume, records: [[UInt8]],
        generator: any RandomNumberGenerator = SystemRandomNumberGenerator()
    ) {
        self.settings = settings
        self.agent = agent
        self.generator = generator
        discovery = FileDiscovery(settings)
        cutter = LineCutter(
            maximumRecordByteCount: max(1, settings.maximumRecordByteCount), packByteCount: settings.packByteCount)
        isFirstStart = records.isEmpty
        watch = try? DirectoryWatch()
        if watch == nil {
            faults.append(
                Failure(
                    "source.no_notices", stage: .source, kind: .transient,
                    "inotify cannot be had: files are polled only",
                    hint: "raise fs.inotify.max_user_instances"))
        }
        for record in furthest(decoded(records)) { restore(record, resume) }
        for stream in streams.values {
            if let lost = stream.lost, byFile[lost] == nil { orphans[lost] = .max }
        }
    }

    private func decoded(_ records: [[UInt8]]) -> [StreamRecord] {
        records.compactMap { bytes in
            if let record = StreamRecord(decoding: bytes) { return record }
            faults.append(
                Failure(
                    "source.bad_record", stage: .source, kind: .corrupt,
                    "source \(name): a stream's record in the checkpoint is damaged and left out: its file is read anew",
                    hint: "events of that file may be shipped a second time under a new stream"))
            return nil
        }
    }

    /// Of open streams that claim one file, the one that is furthest: the mirror may know a stream and the one
    /// that continues it.
    private func furthest(_ records: [StreamRecord]) -> [StreamRecord] {
        var owners: [InodeIdentity: StreamRecord] = [:]
        for record in records where record.ended == nil {
            guard let file = record.file else { continue }
            if let other = owners[file], !record.isBehind(other) { continue }
            owners[file] = record
        }
        return records.filter { record in
            guard record.ended == nil, let file = record.file else { return true }
            return owners[file]?.stream == record.stream
        }
    }

    private func restore(_ found: StreamRecord, _ resume: Resume) {
        var record = found
        guard streams[record.stream] == nil else { return }
        var isDurable = true
        if record.ended == nil {
            var reason: String?
            if case .newIDs(let why, let afterPowerLoss) = resume {
                reason = why
                record.isUnproved = record.isUnproved || afterPowerLoss
            } else if record.maximumRecordByteCount != cutter.maximumRecordByteCount {
                reason = "framing"
            }
            if let reason {
                record = continuing(record, reason: reason)
                isDurable = false
            }
        }
        record.maximumRecordByteCount = cutter.maximumRecordByteCount
        insert(record, isDurable: isDurable)
    }

    /// The record of a stream that goes on from another's acknowledged position under a new id.
    func continuing(_ record: StreamRecord, reason: String) -> StreamRecord {
        var next = record
        var rung = record.ladder.newest
        if reason == "framing", rung.recordStart != rung.position {
            // Why: pieces of another size cannot go on; the rest of the record becomes one of its own.
            rung.recordStart = rung.position
            var ladder = record.ladder
            ladder.cut(to: rung.position - 1)
            ladder.append(rung)
            next.ladder = ladder
        }
        next.stream = StreamID.random(using: &generator)
        next.first = rung.position
        next.continues = record.stream
        next.reason = reason
        next.isAnnounced = false
        if next.isUnproved { (next.head, next.prefix) = (nil, nil) }
        return next
    }

    @discardableResult
    func insert(_ record: StreamRecord, isDurable: Bool) -> TailStream {
        var middle: [UInt8] = []
        PackKey.appendEscaped(agent.utf8, to: &middle)
        middle.append(UInt8(ascii: " "))
        PackKey.appendEscaped(settings.name.utf8, to: &middle)
        middle.append(UInt8(ascii: " "))
        record.stream.appendText(to: &middle)
        let stream = TailStream(record, keyMiddle: middle, isDurable: isDurable)
        if stream.partition < 0 || stream.partition >= max(partitionCount, 1), partitionCount > 0 {
            stream.partition = pin(stream.id)
        }
        streams[stream.id] = stream
        origins[stream.origin, default: []].append(stream)
        if let file = stream.file, byFile[file] == nil { byFile[file] = stream }
        if !isDurable { undurable.insert(stream.id) }
        return stream
    }

    func remove(_ stream: TailStream) {
        close(stream)
        queue.remove(stream)
        streams[stream.id] = nil
        origins[stream.origin]?.removeAll { $0 === stream }
        if origins[stream.origin]?.isEmpty == true { origins[stream.origin] = nil }
        if let file = stream.file, byFile[file] === stream { byFile[file] = nil }
        undurable.remove(stream.id)
        snapshot.remove(stream.id)
        forgotten.append(stream.id)
    }

    func pin(_ id: StreamID) -> Int32 {
        // Why not `low`: its lowest bit is always set.
        partitionCount > 0 ? Int32(truncatingIfNeeded: id.high % UInt64(partitionCount)) : -1
    }

    public func setPartitionCount(_ count: Int32) {
        guard count > 0, count != partitionCount else { return }
        partitionCount = count
        for stream in streams.values where stream.partition < 0 || stream.partition >= count {
            if stream.partition >= 0 {
                stream.rewind()
                stream.isAnnounced = false
                stream.isAnnounceSent = false
                stream.reason = "partition"
                enqueue(stream)
            }
            stream.partition = pin(stream.id)
            markUndurable(stream)
        }
    }

    public var noticeDescriptor: Int32? { watch?.number }
    public var needsDurability: Bool { !undurable.isEmpty || !snapshot.isEmpty }

    func markUndurable(_ stream: TailStream) {
        stream.touch()
        stream.isDurable = false
        snapshot.remove(stream.id)
        undurable.insert(stream.id)
    }

    public func madeDurable() {
        for id in snapshot {
            guard let stream = streams[id] else { continue }
            stream.isDurable = true
            enqueue(stream)
        }
        snapshot.removeAll()
    }

    public func checkpointRecords() -> [(stream: StreamID, bytes: [UInt8])] {
        snapshot.formUnion(undurable)
        undurable.removeAll()
        return streams.values.map { ($0.id, $0.encodedRecord()) }
    }

    public func takeChangedRecords() -> [(stream: StreamID, bytes: [UInt8])] {
        var records: [(stream: StreamID, bytes: [UInt8])] = forgotten.map { ($0, []) }
        forgotten.removeAll()
        for stream in streams.values where stream.isChangedForMirror {
            stream.isChangedForMirror = false
            records.append((stream.id, stream.encodedRecord()))
        }
        return records
    }

    public func acknowledged(_ id: StreamID, to: UInt64, isEnd: Bool) {
        guard let stream = streams[id] else { return }
        stream.acknowledge(to: to)
        if isEnd {
            stream.ended = now
            close(stream)
            stream.touch()
        }
    }

    public func rewind() {
        lastFill = nil
        for stream in streams.values where stream.ended == nil {
            stream.rewind()
            enqueue(stream)
        }
    }

    public func takeNewIDs(reason: String) {
        lastFill = nil
        for stream in Array(streams.values) where !stream.isOver {
            let content = stream.content
            let next = continuing(stream.record, reason: reason)
            remove(stream)
            let fresh = insert(next, isDurable: false)
            if let content { attach(content, to: fresh) }
            fresh.bornInLook = stream.bornInLook
            fresh.foundInLook = stream.foundInLook
            (fresh.goneSince, fresh.isGoneForSure) = (stream.goneSince, stream.isGoneForSure)
            fresh.retiredSince = stream.retiredSince
            fresh.lastChange = stream.lastChange
            (fresh.lost, fresh.lostSince, fresh.lostInLook) = (stream.lost, stream.lostSince, stream.lostInLook)
            fresh.sightings = stream.sightings
            notice("source.new_id", fresh, "goes on as \(fresh.id) from \(fresh.first): \(reason)")
        }
    }

    public var partitions: Set<Int32> { Set(streams.values.map(\.partition).filter { $0 >= 0 }) }

    public func close() {
        for stream in streams.values { close(stream) }
        watch = nil
    }

    public func takeFaults() -> [Failure] {
        defer { faults.removeAll() }
        return faults
    }

    public func takeNotices() -> [SourceNotice] {
        defer { notices.removeAll() }
        return notices
    }

    func notice(_ code: String, _ stream: TailStream, _ message: String) { notice(code, stream.path, message) }

    func notice(_ code: String, _ path: String, _ message: String) {
        guard notices.count < Self.maximumNoticeCount else { return }
        notices.append(SourceNotice(code: code, message: message, path: path))
    }

    /// Reports a fault of one path once, until `cleared` is called for it.
    func fault(_ code: String, _ path: String, _ error: Errno) {
        guard faultyPaths.insert(path).inserted, faults.count < Self.maximumNoticeCount else { return }
        faults.append(
            Failure(
                code, stage: .source, kind: .transient, "source \(name): \(path) cannot be read; it is tried again",
                hint: "check owner and mode of the file and of the folders above it", cause: error.description))
    }

    func enqueue(_ stream: TailStream) {
        guard stream.isDurable, stream.ended == nil, !stream.isSearching else { return }
        queue.append(stream)
    }
}

/// The streams that may have something to ship, in turn. A stream is in it once at most.
struct StreamQueue {
    private var items: [TailStream?] = []
    private var head = 0
    private(set) var count = 0

    mutating func append(_ stream: TailStream) {
        guard !stream.isQueued else { return }
        stream.isQueued = true
        items.append(stream)
        count += 1
    }

    mutating func popFirst() -> TailStream? {
        while head < items.count {
            let item = items[head]
            items[head] = nil
            head += 1
            if head > 1_024, head * 2 > items.count {
                items.removeFirst(head)
                head = 0
            }
            if let item, item.isQueued {
                item.isQueued = false
                count -= 1
                return item
            }
        }
        items.removeAll(keepingCapacity: true)
        head = 0
        return nil
    }

    mutating func remove(_ stream: TailStream) {
        // Why: its place stays, empty, until its turn comes; looking for it would cost the length of the queue.
        guard stream.isQueued else { return }
        stream.isQueued = false
        count -= 1
    }
}
