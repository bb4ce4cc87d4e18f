internal import Event
internal import Sinks

/// What a lane learnt of one stream in this attempt.
struct StreamNote: Sendable {
    var agent: String
    var source: String
    var topic: String
    var partition: Int32
    var epoch: Int
    var lastOffset: Int64
    /// Whether anything of it was fresh here: of two partitions that carry one stream, the one that
    /// brought something new is written down.
    var isFresh = false
    var announcement: Announcement?
    var ended = false
    /// See `StreamEffect.table`.
    var table: String?
    var last: Position?
    var anchor: UInt64?
}

/// The value of an announce record.
struct Announcement: Sendable, Equatable {
    var path: String?
    var first: Position
    var continues: StreamID?
    var reason: String?
}

struct WatermarkKey: Hashable, Sendable {
    var agent: String
    var source: String
    var topic: String
    var partition: Int32
}

/// The books of one lane and pipeline in the running attempt. Owned by the lane's thread, by the
/// coordinator while the lane is parked.
struct Ledger {
    var balance = Balance()
    var rejections: [Rejection: UInt64] = [:]
    var tables: [String: RowCounts] = [:]
    var watermarks: [WatermarkKey: Int64] = [:]
    var streams: [StreamID: StreamNote] = [:]
    /// What else was counted, by name.
    var notices: [String: UInt64] = [:]

    var isEmpty: Bool { balance == Balance() && watermarks.isEmpty && streams.isEmpty && notices.isEmpty }

    mutating func removeAll() { self = Ledger() }

    mutating func add(_ other: Ledger) {
        balance += other.balance
        rejections.merge(other.rejections, uniquingKeysWith: +)
        for (table, counts) in other.tables {
            tables[table, default: RowCounts()].written += counts.written
            tables[table, default: RowCounts()].rejected += counts.rejected
        }
        watermarks.merge(other.watermarks, uniquingKeysWith: max)
        notices.merge(other.notices, uniquingKeysWith: +)
        for (stream, note) in other.streams { add(stream, note) }
    }

    /// Merges what two lanes know of a stream.
    private mutating func add(_ stream: StreamID, _ note: StreamNote) {
        guard let known = streams[stream] else {
            streams[stream] = note
            return
        }
        var merged = known
        if note.isFresh || !known.isFresh { merged = note }
        merged.announcement = note.announcement ?? known.announcement
        merged.ended = note.ended || known.ended
        merged.isFresh = note.isFresh || known.isFresh
        streams[stream] = merged
    }
}
