public import Event
public import Transport

/// Records of one stream, in order, for one partition: what the files side fills and the shipping
/// side hands to the producer. Reused; one owner thread.
public struct ShipBatch: Sendable {
    /// What one record moves forward once it is acknowledged.
    public struct Step: Sendable {
        /// The stream's acknowledged position after the record (control records: unchanged position).
        public var to: UInt64
        /// Key and value bytes.
        public var byteCount: Int
        /// Whether the record is the stream's `end` record: its acknowledgement ends the stream.
        public var isEnd: Bool
        public init(to: UInt64, byteCount: Int, isEnd: Bool = false) {
            self.to = to
            self.byteCount = byteCount
            self.isEnd = isEnd
        }
    }

    public var topic = ""
    public var partition: Int32 = 0
    public var stream = StreamID.none
    /// Keys and values of all records. Scratch memory: only the ranges that `records` name mean anything,
    /// and it is longer than they are.
    public var slab: [UInt8] = []
    /// `tag` is left 0; the shipping side sets it.
    public var records: [OutgoingRecord] = []
    /// One per record.
    public var steps: [Step] = []
    /// Events in each record, for counters; one per record.
    public var eventCounts: [Int] = []

    public init() {}

    /// Forgets the records. The slab keeps its length.
    // Why: to empty and fill it again would clear a megabyte for every read.
    public mutating func removeAll() {
        records.removeAll(keepingCapacity: true)
        steps.removeAll(keepingCapacity: true)
        eventCounts.removeAll(keepingCapacity: true)
    }
}
