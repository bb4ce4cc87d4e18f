internal import Columns
internal import Event
internal import Sinks

extension StagedFiles {
    /// Appends formatted rows of one group.
    func append(_ group: RowGroup, compression: Compression, _ bytes: ByteView, rows: Int) throws(Failure) {
        // Safety: `bytes` lives until the call that lends it returns.
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)
        try unsafe append(
            table: group.table, partition: group.partition, compression: compression, bytes: buffer,
            rows: UInt64(rows))
    }
}

extension QuarantineEntry {
    /// Says where an event came from.
    init(_ event: EventReference, _ pack: PackContext, _ reason: Rejection, pipeline: String) {
        self.init(
            reason: reason, pipeline: pipeline, table: nil, topic: pack.topic, partition: pack.partition,
            offset: pack.offset, timestamp: pack.timestamp)
        guard let key = pack.key else { return }
        agent = key.agent
        source = key.source
        stream = key.stream
        from = event.from
        to = event.to
    }
}
