internal import Event
internal import JSON

/// Debezium's records of MySQL and MariaDB: rows with and without schema, unwrapped rows (`ExtractNewRecordState`),
/// schema changes, transaction metadata, heartbeats; plain, or with key and value in one object as tools that write
/// topics to files do (`{"topic": ..., "key": ..., "value": ...}`).
@safe final class DebeziumDecoder {
    private enum Path: Int, CaseIterable {
        case op, before, after, file, pos, row, db, table, gtid, snapshot, micros, millis
        case transaction, order, readAt
        case databaseName, ddl, tableChanges, status, eventCount
        case schema, payload, wrappedTopic, wrappedKey, wrappedValue
        case firstField, secondField, firstTypes, secondTypes, allTypes

        var text: String {
            switch self {
            case .file, .pos, .row, .db, .table, .gtid, .snapshot: "source.\(self)"
            case .micros: "source.ts_us"
            case .millis: "source.ts_ms"
            case .transaction: "transaction.id"
            case .order: "transaction.total_order"
            case .readAt: "ts_ms"
            case .eventCount: "event_count"
            case .wrappedTopic: "topic"
            case .wrappedKey: "key"
            case .wrappedValue: "value"
            case .firstField: "schema.fields[0].field"
            case .secondField: "schema.fields[1].field"
            case .firstTypes: "schema.fields[0].fields"
            case .secondTypes: "schema.fields[1].fields"
            case .allTypes: "schema.fields"
            default: "\(self)"
            }
        }
    }

    /// One reader per level of wrapping: a value is inside a wrapper, a payload inside a value.
    private let readers = (0..<3).map { _ in
        DocumentReader(paths: Path.allCases.compactMap { JSONPath($0.text) })
    }
    private let flat = FlatRow()
    private let keys = KeyNames()
    private var reader: DocumentReader

    init() { reader = readers[0] }

    /// Unsafe: 64 bytes behind text and key must be readable.
    @unsafe
    func decode(_ text: ByteView, key: ByteView, topic: ByteView, _ event: inout ChangeEvent) -> ChangeOutcome {
        var text = text
        var key = key
        var topic = topic
        var types = ByteView.empty
        for level in readers.indices {
            reader = readers[level]
            if let fault = unsafe reader.read(padded: text) { return .refused(fault.rejection) }
            if reader.value(Path.op.rawValue).kind == .string { return unsafe rows(&event, key: key, types: types) }
            if reader.value(Path.ddl.rawValue).kind == .string { return schema(&event) }
            let wrapped = reader.value(Path.wrappedValue.rawValue)
            let isWrapper = !reader.string(Path.wrappedTopic.rawValue).isEmpty
                && (wrapped.kind == .structure || wrapped.kind == .none)
            let payload = reader.value(Path.payload.rawValue)
            if !reader.object(Path.schema.rawValue).isEmpty, payload.kind == .structure {
                types = rowTypes()
                text = payload.text
            } else if payload.kind == .none, reader.value(Path.schema.rawValue).kind == .structure {
                return .filtered(.tombstone)
            } else if isWrapper, level == 0 {
                guard wrapped.kind == .structure else { return .filtered(.tombstone) }
                key = reader.object(Path.wrappedKey.rawValue)
                topic = reader.string(Path.wrappedTopic.rawValue)
                text = wrapped.text
            } else {
                break
            }
        }
        if let filter = metadata(topic) { return .filtered(filter) }
        return unsafe flatRow(text, key: key, topic: topic, types: types, &event)
    }

    /// BEGIN and END, heartbeats; nil: neither.
    private func metadata(_ topic: ByteView) -> ChangeFilter? {
        let status = reader.string(Path.status.rawValue)
        if status.equals("BEGIN") || status.equals("END") {
            // Why not always: a row may have a column of that name.
            let isOwnTopic = topic.ends(with: ".transaction") || topic.firstIndex(of: 46, from: 0) == topic.count
            if isOwnTopic || reader.value(Path.eventCount.rawValue).kind == .number { return .transaction }
        }
        return topic.starts(with: "__debezium-heartbeat") ? .heartbeat : nil
    }

    /// The fields of the row's own struct, as the envelope's schema lists them.
    private func rowTypes() -> ByteView {
        if reader.string(Path.secondField.rawValue).equals("after") { return reader.array(Path.secondTypes.rawValue) }
        if reader.string(Path.firstField.rawValue).equals("after") { return reader.array(Path.firstTypes.rawValue) }
        return reader.array(Path.allTypes.rawValue)
    }

    // MARK: Rows

    @unsafe
    private func rows(_ event: inout ChangeEvent, key: ByteView, types: ByteView) -> ChangeOutcome {
        let op = reader.string(Path.op.rawValue)
        guard op.count == 1 else { return .refused(.notInEnumeration, .op) }
        switch op[0] {
        case UInt8(ascii: "c"): event.operation = .insert
        case UInt8(ascii: "u"): event.operation = .update
        case UInt8(ascii: "d"): event.operation = .delete
        case UInt8(ascii: "r"): event.operation = .snapshot
        case UInt8(ascii: "t"): event.operation = .truncate
        case UInt8(ascii: "m"): return .filtered(.message)
        default: return .refused(.notInEnumeration, .op)
        }
        if let refusal = source(&event) { return refusal }
        if event.operation == .snapshot { event.isFirst = reader.string(Path.snapshot.rawValue).starts(with: "first") }
        guard !event.database.isEmpty else { return .refused(.missing, .sourceDatabase) }
        guard !event.table.isEmpty else { return .refused(.missing, .sourceTable) }
        event.types = types
        let identity = unsafe keys.read(key)
        event.key = identity.names
        if event.operation == .truncate { return .changes(1) }
        event.before = reader.object(Path.before.rawValue)
        event.after = reader.object(Path.after.rawValue)
        if event.operation == .delete {
            // Why: some set-ups write the key alone; it is enough to know the row.
            if event.before.isEmpty { event.before = identity.row }
            event.after = .empty
            return event.before.isEmpty ? .refused(.missing, .before) : .changes(1)
        }
        return event.after.isEmpty ? .refused(.missing, .after) : .changes(1)
    }

    private func schema(_ event: inout ChangeEvent) -> ChangeOutcome {
        event.operation = .schema
        event.sql = reader.string(Path.ddl.rawValue)
        guard !event.sql.isEmpty else { return .refused(.missing, .sql) }
        if let refusal = source(&event) { return refusal }
        let name = reader.string(Path.databaseName.rawValue)
        if !name.isEmpty { event.database = name }
        event.types = reader.array(Path.tableChanges.rawValue)
        // Why: a schema change has no row; its numbers are all 0.
        event.place?.row = .unnumbered
        return .changes(1)
    }

    private func source(_ event: inout ChangeEvent) -> ChangeOutcome? {
        event.database = reader.string(Path.db.rawValue)
        event.table = reader.string(Path.table.rawValue)
        let gtid = reader.string(Path.gtid.rawValue)
        event.transaction = gtid.isEmpty ? reader.string(Path.transaction.rawValue) : gtid
        event.transactionRow = reader.whole(Path.order.rawValue)
        let micros = reader.whole(Path.micros.rawValue)
        let millis = reader.whole(Path.millis.rawValue) ?? reader.whole(Path.readAt.rawValue)
        if micros != nil || millis != nil {
            let committed = micros.flatMap(CommitTime.microseconds) ?? millis.flatMap(CommitTime.milliseconds)
            guard let committed else { return .refused(.badTime, .committed) }
            event.committed = committed
        }
        return place(
            file: reader.string(Path.file.rawValue), position: reader.value(Path.pos.rawValue),
            row: reader.value(Path.row.rawValue), &event)
    }

    private func place(
        file: ByteView, position: DocumentReader.Value, row: DocumentReader.Value, _ event: inout ChangeEvent
    ) -> ChangeOutcome? {
        guard !file.isEmpty else { return nil }
        guard let name = BinlogName(file) else { return .refused(.wrongType, .placeFile) }
        guard let offset = Whole.read(position.text) else { return .refused(.wrongType, .placePosition) }
        var number = RecordPlace.Row.unnumbered
        // Why not in snapshots: all their rows have the number 0.
        if event.operation != .snapshot, row.kind != .none {
            guard let value = Whole.read(row.text) else { return .refused(.wrongType, .placeRow) }
            guard (0...RecordPlace.maximumRow).contains(value) else { return .refused(.outOfRange, .placeRow) }
            number = .number(UInt32(truncatingIfNeeded: value))
        }
        guard let place = RecordPlace(file: name.number, position: offset, row: number) else {
            return .refused(.outOfRange, .placePosition)
        }
        event.log = name.base
        event.place = place
        return nil
    }

    // MARK: Unwrapped rows

    /// A row without its envelope: what it is about is in members that begin with `__`, or in the topic's name.
    @unsafe
    private func flatRow(
        _ text: ByteView, key: ByteView, topic: ByteView, types: ByteView, _ event: inout ChangeEvent
    ) -> ChangeOutcome {
        if let fault = unsafe flat.read(text) { return .refused(fault.rejection) }
        // Why: `ts_ms` and nothing else is a heartbeat; a document without any sign of a row is not Debezium's.
        if flat.isHeartbeat { return .filtered(.heartbeat) }
        (event.database, event.table) = flat.names(topic)
        guard !event.database.isEmpty, !event.table.isEmpty else { return .refused(.missing, .op) }
        guard let operation = flat.operation else { return .refused(.notInEnumeration, .op) }
        event.operation = operation
        event.committed = flat.committed
        event.transaction = flat.transaction
        event.types = types
        event.key = unsafe keys.read(key).names
        let row = flat.row
        guard operation == .truncate || !row.isEmpty else {
            return .refused(.missing, operation == .delete ? .before : .after)
        }
        if operation == .delete { event.before = row } else if operation != .truncate { event.after = row }
        if let refusal = place(file: flat.file, position: flat.position, row: flat.number, &event) { return refusal }
        return .changes(1)
    }
}

extension ByteView {
    func starts(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && slice(0, text.utf8CodeUnitCount).equals(text)
    }

    func ends(with text: StaticString) -> Bool {
        count >= text.utf8CodeUnitCount && slice(count - text.utf8CodeUnitCount, count).equals(text)
    }
}
