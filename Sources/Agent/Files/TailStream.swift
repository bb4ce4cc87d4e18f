internal import Event
internal import Platform

/// One stream of a file source: which file it is, how far it was read and acknowledged, and what it waits
/// for.
///
/// Invariants:
/// - acknowledged (`ladder.newest`) <= every rung in `inFlight` <= read (`position`);
/// - nothing is read for shipping while `isDurable` is false;
/// - `file` nil: no file is the stream's any more; what is not acknowledged then can only be read again from
///   a copy.
///
/// | state | means |
/// | --- | --- |
/// | active | the file lies under the path that the stream began under |
/// | rotated | it lies under another path, or only the open descriptor leads to it |
/// | searching | its file holds another content now: a copy is looked for, for a while |
/// | ending | `endReason` is set: the `end` record is the next and last one |
/// | ended | the `end` record is acknowledged; rungs are kept to know copies by |
///
/// Belongs to its source's thread.
final class TailStream {
    let id: StreamID
    var path: String
    let origin: String
    var file: InodeIdentity?
    var partition: Int32
    var first: UInt64
    let continues: StreamID?
    var reason: String
    /// A record of the stream was acknowledged.
    var isAnnounced: Bool
    var isAnnounceSent: Bool
    /// Rungs up to the acknowledged position.
    var ladder: RungLadder
    /// Ends of what was handed out and is not acknowledged, rising.
    var inFlight: [Rung] = []
    /// Ends at or above the acknowledged position what may have been shipped: it must hold before anything
    /// is shipped from below it. While nothing is acknowledged: the head.
    var proof: Rung?
    /// The record's head and prefix.
    var head: Rung?
    var prefix: Rung?
    /// Where reading goes on.
    var position: Rung
    /// Size as of the last look.
    var seen: UInt64
    /// Size as of the last proof that the content is the stream's: what lies behind it may be another's, of a
    /// file that was truncated and grew beyond its old size between two looks.
    var provedSize: UInt64
    var modified: Int64
    /// `latest` before the look before, or longer ago while a file of the same log waits to be decided on.
    private(set) var known: Int64 = 0
    var cuts: [DecidedCut]
    var isUnproved: Bool
    var isShortCopy: Bool
    var ended: Int64?
    let maximumRecordByteCount: Int

    var content: FileContent?
    var isDurable: Bool
    var isQueued = false
    var isReportedUnreadable = false
    var endReason: String?
    var isEndSent = false
    /// The last look that found the file, and the one that the stream was allocated in.
    var foundInLook = 0
    var bornInLook = 0
    var goneSince: Int64?
    /// Whether two looks in a row did not find the file: one may miss a file that is renamed meanwhile.
    var isGoneForSure = false
    /// While searching: the file that the stream had, since when, and the look that it was lost in.
    var lost: InodeIdentity?
    var lostSince: Int64?
    var lostInLook = 0
    var retiredSince: Int64?
    var lastChange: Int64 = 0
    /// Its size or time changed, and it was not looked at since that is `FileSource.settleMilliseconds` ago.
    var isSettling = false
    var lastUse: UInt64 = 0
    /// Reading found no whole record in `[from, to)`, the end of the file.
    var stalled: (from: UInt64, to: UInt64)?
    /// A run of NUL bytes at the position: how far it was followed, its end if known, and since when a byte
    /// stands behind it.
    var nulRun: (from: UInt64, scanned: UInt64, end: UInt64?, since: Int64)?
    var wakeAt: Int64?
    /// Sizes and when they were first seen, rising: the age of what is behind.
    var sightings: [(byteCount: UInt64, at: Int64)] = []
    /// The part of every key that stays: agent, source, stream.
    let keyMiddle: [UInt8]

    private var encoded: [UInt8]?
    var isChangedForMirror = true

    /// The most sightings kept: the oldest ones and the latest.
    private static let maximumSightingCount = 8

    init(_ record: StreamRecord, keyMiddle: [UInt8], isDurable: Bool) {
        id = record.stream
        path = record.path
        origin = record.origin
        file = record.file
        lost = record.lost
        partition = record.partition
        first = record.first
        continues = record.continues
        reason = record.reason
        isAnnounced = record.isAnnounced
        isAnnounceSent = record.isAnnounced
        ladder = record.ladder
        position = record.ladder.newest
        head = record.head
        prefix = record.prefix
        if let known = record.head ?? record.prefix, known.position > record.ladder.newest.position { proof = known }
        seen = record.seen
        provedSize = record.seen
        modified = record.modified
        cuts = record.cuts
        isUnproved = record.isUnproved
        isShortCopy = record.isShortCopy
        ended = record.ended
        maximumRecordByteCount = record.maximumRecordByteCount
        self.keyMiddle = keyMiddle
        self.isDurable = isDurable
        known = record.known ?? latest
    }

    var acknowledged: UInt64 { ladder.newest.position }
    var isOver: Bool { ended != nil || endReason != nil }
    /// No file is the stream's, and it goes on if a copy is found.
    var isSearching: Bool { file == nil && !isOver }
    /// All that is known of the content, rising.
    var marks: [Rung] {
        var marks = ladder.rungs
        for rung in [prefix, head, proof, position] {
            guard let rung, rung.position > 0, !marks.contains(where: { $0.position == rung.position })
            else { continue }
            marks.append(rung)
        }
        return marks.sorted { $0.position < $1.position }
    }
    /// When its file was last modified or born at. What nobody has read of a file is no part of what is known: its copy
    /// is a generation that was missed.
    var latest: Int64 {
        let isRead = !ladder.isEmpty || prefix != nil || head != nil || proof != nil || position.position > 0
        return max(isRead ? modified : 0, file?.birth ?? 0)
    }

    func setKnown(_ time: Int64) {
        guard time != known else { return }
        known = time
        touch()
    }

    /// Whether the stream has no file that it could go on in: a copy may take its place.
    var wantsCopy: Bool {
        if file == nil { return true }
        guard goneSince != nil, isGoneForSure else { return false }
        return content == nil || position.position >= seen
    }

    var record: StreamRecord {
        StreamRecord(
            stream: id, path: path, origin: origin, file: file, lost: lost, partition: partition, first: first,
            continues: continues, reason: reason, isAnnounced: isAnnounced, ladder: ladder, head: head,
            prefix: prefix, seen: seen, modified: modified, known: known == latest ? nil : known,
            isUnproved: isUnproved, isShortCopy: isShortCopy, cuts: cuts, ended: ended,
            maximumRecordByteCount: maximumRecordByteCount)
    }

    /// Call after any change of what the record holds.
    func touch() {
        encoded = nil
        isChangedForMirror = true
    }

    func encodedRecord() -> [UInt8] {
        if let encoded { return encoded }
        let bytes = record.encoded()
        encoded = bytes
        return bytes
    }

    func sight(_ byteCount: UInt64, now: Int64) {
        guard byteCount > sightings.last?.byteCount ?? acknowledged else { return }
        if sightings.count == Self.maximumSightingCount { sightings.removeLast() }
        sightings.append((byteCount, now))
    }

    /// Moves the acknowledged position to the highest rung at or below `to`.
    func acknowledge(to: UInt64) {
        var count = 0
        while count < inFlight.count, inFlight[count].position <= to {
            ladder.append(inFlight[count])
            count += 1
        }
        inFlight.removeFirst(count)
        isAnnounced = true
        let acknowledged = acknowledged
        if let known = proof, known.position <= acknowledged { proof = nil }
        cuts.removeAll { $0.to <= acknowledged }
        sightings.removeAll { $0.byteCount <= acknowledged }
        touch()
    }

    /// Reads again from the acknowledged position.
    func rewind() {
        inFlight.removeAll()
        if position.position > max(acknowledged, proof?.position ?? 0) { proof = position }
        position = ladder.newest
        isAnnounceSent = isAnnounced
        isEndSent = false
        stalled = nil
        nulRun = nil
    }

    /// The cut that the position is in or before.
    var nextCut: DecidedCut? { cuts.first { $0.to > position.position } }
}
