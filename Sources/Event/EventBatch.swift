/// Where a pack came from: one per transport record.
public struct PackContext: Sendable {
    /// The record's key, or nil in a topic that others fill.
    public var key: PackKey?
    public var topic: String
    public var partition: Int32
    public var offset: Int64
    /// The record's timestamp in milliseconds since the epoch; -1 if it has none.
    public var timestamp: Int64
    /// Where a foreign record's own key lies in the batch's slab; empty: it has none, or nobody asked for it.
    public var recordKey = 0..<0

    public init(key: PackKey?, topic: String, partition: Int32, offset: Int64, timestamp: Int64) {
        self.key = key
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.timestamp = timestamp
    }
}

/// One event of a batch: where its bytes lie in the slab, what it covers, and its pack.
public struct EventReference: Sendable {
    /// Byte range in the batch's slab, without the line feed.
    public var start: Int
    public var byteCount: Int
    public var from: Position
    public var to: Position
    /// Index into `EventBatch.packs`.
    public var pack: Int32

    public init(start: Int, byteCount: Int, from: Position, to: Position, pack: Int32) {
        self.start = start
        self.byteCount = byteCount
        self.from = from
        self.to = to
        self.pack = pack
    }
}

/// The unit of the flow: one byte slab, references into it, and the packs they came in. Reused: no
/// allocation per event once it has grown to its steady size. One owner at a time; not thread-safe.
///
/// Behind the last byte of the slab `padding` zero bytes may be read (simdjson).
@safe public struct EventBatch: ~Copyable {
    /// Readable bytes behind the slab's content.
    public static let padding = 64

    private var slab: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes in use.
    public private(set) var byteCount = 0
    public private(set) var events: [EventReference] = []
    public private(set) var packs: [PackContext] = []

    public init(byteCapacity: Int = 1 << 20) {
        capacity = max(byteCapacity, 4_096)
        unsafe slab = .allocate(byteCount: capacity + Self.padding, alignment: 64)
        unsafe slab.initializeMemory(as: UInt8.self, repeating: 0, count: capacity + Self.padding)
    }

    deinit { unsafe slab.deallocate() }

    public var isEmpty: Bool { events.isEmpty }

    /// Forgets content, keeps memory.
    public mutating func removeAll() {
        byteCount = 0
        events.removeAll(keepingCapacity: true)
        packs.removeAll(keepingCapacity: true)
    }

    /// Copies a record's value into the slab, before it the record's own key, if one is given. Returns the pack's
    /// index and where the value begins.
    public mutating func appendPack(
        _ context: PackContext, value: UnsafeRawBufferPointer, recordKey: UnsafeRawBufferPointer? = nil
    ) -> (pack: Int32, start: Int) {
        var context = context
        if let recordKey = unsafe recordKey, let base = recordKey.baseAddress {
            reserve(recordKey.count)
            // Safety: `reserve` made room for the key behind byteCount.
            unsafe (slab + byteCount).copyMemory(from: base, byteCount: recordKey.count)
            context.recordKey = byteCount..<byteCount + recordKey.count
            byteCount += recordKey.count
        }
        let start = byteCount
        reserve(value.count)
        if let base = value.baseAddress {
            // Safety: `reserve` made room for value.count bytes behind byteCount.
            unsafe (slab + start).copyMemory(from: base, byteCount: value.count)
        }
        byteCount += value.count
        // Why: a parser may look past the last event's end; it must meet zeros, not an older batch.
        unsafe (slab + byteCount).initializeMemory(as: UInt8.self, repeating: 0, count: Self.padding)
        packs.append(context)
        return (Int32(packs.count - 1), start)
    }

    /// Adds an event whose bytes are in the slab already.
    public mutating func appendEvent(_ event: EventReference) {
        precondition(event.start >= 0 && event.byteCount >= 0 && event.start + event.byteCount <= byteCount)
        events.append(event)
    }

    /// Lends the slab; the pointer must not outlive the call.
    public borrowing func withSlab<Result: ~Copyable, E: Error>(
        _ body: (UnsafeRawBufferPointer) throws(E) -> Result
    ) throws(E) -> Result {
        try unsafe body(UnsafeRawBufferPointer(start: slab, count: byteCount))
    }

    /// A copy of one event's bytes: for quarantine and messages, not for the hot path.
    public borrowing func bytes(of event: EventReference) -> [UInt8] {
        unsafe Array(UnsafeRawBufferPointer(start: slab + event.start, count: event.byteCount))
    }

    private mutating func reserve(_ byteCountToAdd: Int) {
        let needed = byteCount + byteCountToAdd
        guard needed > capacity else { return }
        let grown = max(needed, capacity * 2)
        let fresh = UnsafeMutableRawPointer.allocate(byteCount: grown + Self.padding, alignment: 64)
        unsafe fresh.initializeMemory(as: UInt8.self, repeating: 0, count: grown + Self.padding)
        unsafe fresh.copyMemory(from: slab, byteCount: byteCount)
        unsafe slab.deallocate()
        unsafe slab = fresh
        capacity = grown
    }
}
