internal import Columns
internal import Event
internal import Sinks

extension StagedFiles {
    /// Appends formatted rows of one group.
    func append(_ group: RowGroup, like route: RouteSpec, _ bytes: ByteView, rows: Int) throws(Failure) {
        // Safety: `bytes` lives until the call that lends it returns.
        let buffer = unsafe UnsafeRawBufferPointer(start: bytes.start, count: bytes.count)
        try unsafe append(
            table: group.table, partition: group.partition, format: route.fileFormat, compression: route.compression,
            bytes: buffer, rows: UInt64(rows))
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

extension RowBatch {
    /// Whether an event has become a row; the rows are in the events' order.
    func hasRows(of event: Int32) -> Bool {
        let events = rowEvent
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle] < event { low = middle + 1 } else { high = middle }
        }
        return low < events.count && events[low] == event
    }
}
