internal import Change
internal import Columns
internal import Event
internal import JSON

/// The envelopes of Maxwell, Debezium and Canal. The input: a byte for the key's length, the key, the record.
///
/// Promises that are checked: an event has as many rows as its outcome says, images are JSON objects, lists are lists,
/// names become folder names or nothing, and places lie within their bounds.
final class ChangeFuzz {
    static let names = ["maxwell", "debezium", "canal"]

    private let decoder: ChangeDecoder
    private let rows: ChangeRows
    private let reader = DocumentReader(paths: [])
    private let names: TableNames?
    private var box = Box()

    private struct Box: ~Copyable { var batch = EventBatch(byteCapacity: 1 << 16) }

    init?(_ name: String) {
        guard let format = SyncSpec.Format(rawValue: name) else { return nil }
        decoder = ChangeDecoder(format)
        rows = ChangeRows(format)
        names = try? TableNames(SyncSpec(name: "fuzz", topics: ["t"], format: format))
    }

    func fault(_ input: ByteView) -> String? {
        guard !input.isEmpty else { return nil }
        let keyEnd = 1 + min(Int(input[0]), input.count - 1)
        // Why a batch: decoders look behind the end of what they read.
        box.batch.removeAll()
        let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: -1)
        _ = unsafe box.batch.appendPack(
            context, value: UnsafeRawBufferPointer(start: input.start, count: input.count))
        return box.batch.withBytes { bytes in
            let start = bytes.count - input.count
            let key = bytes.slice(start + 1, start + keyEnd)
            let text = bytes.slice(start + keyEnd, bytes.count)
            // Safety: both lie in the batch's slab, which has padding behind it.
            let outcome = unsafe decoder.decode(padded: text, key: key, topic: Self.topic)
            guard case .changes(let count) = outcome else { return nil }
            return fault(decoder.event, count)
        }
    }

    private static var topic: ByteView {
        let text: StaticString = "server.shop.orders"
        return unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }

    private func fault(_ event: ChangeEvent, _ count: Int) -> String? {
        var found: String?
        var seen = 0
        event.forEachRow { before, after in
            seen += 1
            for image in [before, after] where !image.isEmpty {
                if unsafe reader.read(padded: image) != nil { found = "an image is no object: \(image.text)" }
            }
        }
        if seen != count || count < 1 { return "\(count) rows, \(seen) found" }
        for list in [event.key, event.types] where !list.isEmpty {
            if list[0] != UInt8(ascii: "["), list[0] != UInt8(ascii: "{") { return "no list: \(list.text)" }
        }
        if event.operation == .schema, event.sql.isEmpty { return "a statement without a text" }
        if let place = event.place, !(0...RecordPlace.maximumFile).contains(place.file)
            || !(0...RecordPlace.maximumPosition).contains(place.position)
        {
            return "a place out of bounds: \(place)"
        }
        return found ?? nameFault(event) ?? rowFault(event, count)
    }

    private func nameFault(_ event: ChangeEvent) -> String? {
        guard let name = names?.changes(database: event.database, table: event.table) else { return nil }
        let parts = name.parts(at: ".")
        guard parts.count == 2 else { return "a name of \(parts.count) parts: \(name)" }
        for part in parts {
            let isPlain = !part.isEmpty && part.utf8.count <= 255 && part.utf8.first != UInt8(ascii: "_")
                && part.utf8.allSatisfy { $0 > 32 && $0 != UInt8(ascii: "/") && $0 != 127 }
            if !isPlain { return "no folder's name: \(name.debugDescription)" }
        }
        return nil
    }

    private func rowFault(_ event: ChangeEvent, _ count: Int) -> String? {
        rows.rows.removeAll()
        let group = rows.rows.appendGroup(RowGroup(table: "a.b", partition: "dt=1970-01-01"))
        let origin = ChangeOrigin(
            topic: .empty, partition: 0, offset: 0, event: .empty, leg: 0, file: 0, position: 0, row: 0, committed: 0)
        rows.append(event, origin) { rows.rows.commitRow(event: 0, group: group) }
        let isWhole = rows.rows.rowCount == count && rows.rows.columns.allSatisfy { $0.count == count }
        return isWhole ? nil : "columns of different lengths"
    }
}
