internal import Change
internal import Columns
internal import Event
internal import Platform

/// `changes TOOL FILE [ROUNDS]`: change records to the columns of the change log on one core, by the CPU time of its
/// thread, and what they are.
func decodeChanges(_ words: [String]) throws -> Int32 {
    guard words.count >= 4, let format = SyncSpec.Format(rawValue: words[2]) else { return 64 }
    let rounds = words.count > 4 ? Int(words[4]) ?? 10 : 10
    let rows = ChangeRows(format)
    let decoder = ChangeDecoder(format)
    var lines = try LineBatches(words[3])
    let clock = SystemClock()
    var nanoseconds: Int64 = 1
    for _ in 0..<rounds {
        lines.rewind()
        while try lines.next() {
            let start = clock.threadNanoseconds()
            take(lines.batch, decoder, rows) { _ in }
            nanoseconds += clock.threadNanoseconds() - start
        }
    }
    say("decode: \(Int64(lines.lineCount * rounds) * 1_000_000_000 / nanoseconds) lines/s\n")
    var outcomes: [String: Int] = [:]
    lines.rewind()
    while try lines.next() { take(lines.batch, decoder, rows) { outcomes["\($0)", default: 0] += 1 } }
    for (name, count) in outcomes.sorted(by: { $0.key < $1.key }) { say("\(name): \(count)\n") }
    return 0
}

private func take(
    _ batch: borrowing EventBatch, _ decoder: ChangeDecoder, _ rows: ChangeRows, _ note: (ChangeOutcome) -> Void
) {
    rows.rows.removeAll()
    let group = rows.rows.appendGroup(RowGroup(table: "bench.rows", partition: "dt=1970-01-01"))
    let events = batch.events
    unsafe batch.withSlab { slab in
        for (index, reference) in events.enumerated() {
            let range = reference.start..<reference.start + reference.byteCount
            let text = unsafe ByteView(UnsafeRawBufferPointer(rebasing: slab[range]))
            let outcome = unsafe decoder.decode(padded: text, key: .empty, topic: .empty)
            note(outcome)
            guard case .changes = outcome else { continue }
            let event = decoder.event
            let origin = ChangeOrigin(
                topic: .empty, partition: 0, offset: 0, event: .empty, leg: 0, file: event.place?.file ?? 0,
                position: event.place?.position ?? 0, row: 0, committed: event.committed ?? 0)
            rows.append(event, origin) { rows.rows.commitRow(event: Int32(truncatingIfNeeded: index), group: group) }
        }
    }
}
