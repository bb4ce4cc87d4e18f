internal import Event

/// One partition of the embedded channel: unacknowledged records in order, and their numbers.
///
/// States: *unnumbered* (`base` nil: records wait), *numbered* (the record at index i has offset
/// base + i). Invariants: records leave only by `acknowledge(below:)`; `cursor` is within the records.
struct EmbeddedLog {
    private var records: [EmbeddedRecord?] = []
    private var head = 0
    private(set) var base: Int64?
    private var cursor = 0
    private var isStarted = false

    var count: Int { records.count - head }
    /// Offset behind the last record; what `start` said while there is none.
    var next: Int64 { (base ?? 0) &+ Int64(count) }
    var hasDeliverable: Bool { isStarted && cursor < count }

    mutating func append(_ record: EmbeddedRecord) { records.append(record) }

    /// Delivers from the oldest unacknowledged record on, which gets number `offset`.
    ///
    /// Why also when `offset` is not the old base: only `acknowledge` lets go of a record. If the
    /// warehouse moved on without us, the same events come again and their coverage drops them.
    mutating func start(at offset: Int64) {
        base = offset
        cursor = 0
        isStarted = true
    }

    mutating func stop() { isStarted = false }

    /// The next records in order, at most `maximumCount`, with the offset of the first.
    mutating func take(_ maximumCount: Int, into taken: inout [EmbeddedRecord]) -> Int64 {
        let first = (base ?? 0) &+ Int64(cursor)
        let end = min(cursor + maximumCount, count)
        for index in cursor..<end {
            if let record = records[head + index] { taken.append(record) }
        }
        cursor = end
        return first
    }

    /// Lets go of the records below `offset`; returns them with their offsets.
    mutating func acknowledge(below offset: Int64, _ each: (EmbeddedRecord, Int64) -> Void) {
        guard let first = base else { return }
        // Never beyond what was delivered: such a number was not given by us.
        let done = min(max(offset.subtractingReportingOverflow(first).partialValue, 0), Int64(cursor))
        for index in 0..<Int(done) {
            if let record = records[head + index] { each(record, first + Int64(index)) }
            records[head + index] = nil
        }
        head += Int(done)
        cursor -= Int(done)
        base = first + done
        if head > 1_024, head * 2 > records.count {
            records.removeFirst(head)
            head = 0
        }
    }
}
