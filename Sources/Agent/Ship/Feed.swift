internal import Event
internal import Platform

/// One source as the shipper sees it.
///
/// | State | Meaning |
/// | --- | --- |
/// | open | may be filled from |
/// | draining | a delivery failed: nothing new until all that is in flight was reported |
/// | waiting | until a time, after a fault (topic missing, delivery failed) |
final class Feed {
    enum State: Equatable {
        case open
        case draining
        /// Monotonic nanoseconds.
        case waiting(until: Int64)
    }

    /// What a watermark says: time and partitions, and where it still has to be sent to.
    struct Announcement {
        var value: [UInt8]
        var targets: [Int32]
    }

    let index: Int32
    let source: any StreamSource
    let topic: Int
    var state = State.open
    var backoff = Backoff(firstMilliseconds: 1_000, maximumMilliseconds: 60_000)
    /// Records taken by the transport and not yet reported.
    var unreported = 0

    var watermark: Int64?
    var watermarkSentAt = Int64.min
    /// When something of the source was last handed to the producer.
    var shippedAt = Int64.min
    /// Only looks that began later count: before it, something was put back to be read again.
    var watermarkFloor = Int64.min
    var watermarkPartitions: Set<Int32>
    /// Where the last announcement went: again, should it have been lost.
    var watermarkTargets: Set<Int32> = []
    var announcement: Announcement?

    var recordCount: UInt64 = 0
    var eventCount: UInt64 = 0
    var byteCount: UInt64 = 0

    init(index: Int32, source: any StreamSource, topic: Int, watermarkPartitions: Set<Int32>) {
        self.index = index
        self.source = source
        self.topic = topic
        self.watermarkPartitions = watermarkPartitions
    }

    func isOpen(at time: Int64) -> Bool {
        switch state {
        case .open: return true
        case .draining: return false
        case .waiting(let until):
            if time < until { return false }
            state = .open
            return true
        }
    }

    func wait(from time: Int64) {
        var generator = SystemRandomNumberGenerator()
        state = .waiting(until: time &+ Int64(backoff.wait(using: &generator)) &* 1_000_000)
    }

    /// Something that was filled is to be read again: no watermark from a look before now.
    func holdWatermark(now: Int64) {
        watermarkFloor = max(watermarkFloor, now)
        announcement = nil
        watermarkPartitions.formUnion(watermarkTargets)
    }
}
