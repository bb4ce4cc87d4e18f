internal import Event

/// What is in flight in one partition, in the order of production: a ring of entries.
///
/// Invariants
/// - Serials are consecutive; `head` is the oldest that is still here.
/// - An entry leaves only at the head, and only if it was acknowledged or made void: whoever takes what
///   leaves sees the longest acknowledged prefix of every stream.
/// - Its size is bounded by the caps of the `Shipper`: each entry stands for at least its key.
struct PartitionLedger {
    struct Entry {
        enum Fate: UInt8 {
            case flying
            case acknowledged
            /// The delivery failed: the entry stays until its source starts over.
            case failed
            /// Counts for nobody any more: its source started over.
            case void
        }

        var stream: StreamID
        var to: UInt64
        var byteCount: Int
        /// Index of the feed; -1: a record of the agent itself (heartbeat).
        var feed: Int32
        /// Whether the acknowledgement moves the stream (events and control records of a stream).
        var moves: Bool
        var isEnd: Bool
        var fate = Fate.flying
    }

    private var ring: [Entry] = []
    private var start = 0
    private(set) var count = 0
    /// Serial of the oldest entry.
    private(set) var head: UInt64 = 0
    private(set) var byteCount = 0

    var nextSerial: UInt64 { head &+ UInt64(count) }

    mutating func append(_ entry: Entry) {
        if count == ring.count { grow(entry) }
        ring[(start &+ count) & (ring.count &- 1)] = entry
        count &+= 1
        byteCount &+= entry.byteCount
    }

    /// Doubles the ring; `filler` only fills the free places.
    private mutating func grow(_ filler: Entry) {
        var larger: [Entry] = []
        let capacity = max(ring.count * 2, 64)
        larger.reserveCapacity(capacity)
        for index in 0..<count { larger.append(ring[(start + index) & (ring.count - 1)]) }
        while larger.count < capacity { larger.append(filler) }
        ring = larger
        start = 0
    }

    /// Sets the fate of a flying entry. Returns its feed; nil if there is no such entry in flight.
    mutating func settle(_ serial: UInt64, _ fate: Entry.Fate) -> Int32? {
        let distance = serial &- head
        guard distance < UInt64(count) else { return nil }
        let index = (start &+ Int(distance)) & (ring.count &- 1)
        guard ring[index].fate == .flying else { return nil }
        ring[index].fate = fate
        return ring[index].feed
    }

    /// Takes the oldest entry if it may leave.
    mutating func popSettled() -> Entry? {
        guard count > 0 else { return nil }
        let entry = ring[start]
        guard entry.fate == .acknowledged || entry.fate == .void else { return nil }
        start = (start &+ 1) & (ring.count &- 1)
        count &-= 1
        head &+= 1
        byteCount &-= entry.byteCount
        return entry
    }

    /// Makes everything of a feed void.
    mutating func void(feed: Int32) {
        for distance in 0..<count {
            let index = (start + distance) & (ring.count - 1)
            if ring[index].feed == feed { ring[index].fate = .void }
        }
    }

    mutating func removeAll() {
        head &+= UInt64(count)
        start = 0
        count = 0
        byteCount = 0
    }
}
