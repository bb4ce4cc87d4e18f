internal import Event

/// A record held by the embedded channel: key and value in one allocation that never moves, so that
/// views of it stay valid while it is retained.
@safe final class EmbeddedRecord: Sendable {
    // Safety: written in `init` only, freed with the last holder.
    nonisolated(unsafe) private let bytes: UnsafeMutableRawBufferPointer
    private let keyByteCount: Int
    private let hasValue: Bool
    let tag: UInt64
    let timestamp: Int64

    var byteCount: Int { unsafe bytes.count }

    /// Copies key and value out of the slab.
    init(_ record: OutgoingRecord, slab: UnsafeRawBufferPointer, timestamp: Int64) {
        let valueByteCount = max(record.valueByteCount, 0)
        precondition(
            record.keyStart >= 0 && record.keyByteCount >= 0 && record.valueStart >= 0
                && record.keyStart + record.keyByteCount <= slab.count
                && record.valueStart + valueByteCount <= slab.count, "record outside its slab")
        unsafe bytes = .allocate(byteCount: record.keyByteCount + valueByteCount, alignment: 8)
        if let base = slab.baseAddress, let target = unsafe bytes.baseAddress {
            unsafe target.copyMemory(from: base + record.keyStart, byteCount: record.keyByteCount)
            unsafe (target + record.keyByteCount).copyMemory(from: base + record.valueStart, byteCount: valueByteCount)
        }
        keyByteCount = record.keyByteCount
        hasValue = record.valueByteCount >= 0
        tag = record.tag
        self.timestamp = timestamp
    }

    deinit { unsafe bytes.deallocate() }

    /// Valid while this record is retained. An empty key counts as none, as in Kafka's producer here.
    func view(topic: String, partition: Int32, offset: Int64) -> RecordView {
        unsafe RecordView(
            topic: topic, partition: partition, offset: offset, timestamp: timestamp,
            key: keyByteCount == 0 ? nil : UnsafeRawBufferPointer(rebasing: bytes[..<keyByteCount]),
            value: hasValue ? UnsafeRawBufferPointer(rebasing: bytes[keyByteCount...]) : nil)
    }
}
