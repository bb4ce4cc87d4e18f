internal import Event
internal import JSON

/// Maxwell's records (docs.maxwells-daemon.io): rows, bootstraps, and DDL.
@safe final class MaxwellDecoder {
    private enum Path: Int, CaseIterable {
        case database, table, type, ts, xid, xoffset, commit, position, gtid, key, data, old, sql, def

        var text: String {
            switch self {
            case .key: "primary_key_columns"
            default: "\(self)"
            }
        }
    }

    private let reader = DocumentReader(paths: Path.allCases.compactMap { JSONPath($0.text) })

    /// Unsafe: 64 bytes behind the text must be readable.
    @unsafe
    func decode(_ text: ByteView, _ event: inout ChangeEvent) -> ChangeOutcome {
        if let fault = unsafe reader.read(padded: text) { return .refused(fault.rejection) }
        let type = reader.value(Path.type.rawValue)
        guard type.kind == .string else { return .refused(type.kind == .none ? .missing : .wrongType, .op) }
        event.database = reader.string(Path.database.rawValue)
        guard !event.database.isEmpty else { return .refused(.missing, .sourceDatabase) }
        event.table = reader.string(Path.table.rawValue)
        let kind = Self.kind(type.text)
        guard kind != .unknown else { return .refused(.notInEnumeration, .op) }
        guard kind == .schema || !event.table.isEmpty else { return .refused(.missing, .sourceTable) }
        if let refusal = context(&event, isSchema: kind == .schema) { return refusal }
        return kind == .schema ? schema(&event) : rows(kind, &event)
    }

    private enum Kind { case insert, update, delete, bootstrapInsert, bootstrapStart, bootstrapEnd, schema, unknown }

    private static func kind(_ type: ByteView) -> Kind {
        switch type.count {
        case 6:
            if type.equals("insert") { return .insert }
            if type.equals("update") { return .update }
            if type.equals("delete") { return .delete }
        case 15 where type.equals("bootstrap-start"): return .bootstrapStart
        case 16 where type.equals("bootstrap-insert"): return .bootstrapInsert
        case 18 where type.equals("bootstrap-complete"): return .bootstrapEnd
        default: break
        }
        let names: [StaticString] = [
            "table-create", "table-alter", "table-drop", "database-create", "database-alter", "database-drop",
        ]
        return names.contains { type.equals($0) } ? .schema : .unknown
    }

    /// What rows and DDL have in common: time, place, transaction.
    private func context(_ event: inout ChangeEvent, isSchema: Bool) -> ChangeOutcome? {
        let time = reader.value(Path.ts.rawValue)
        if time.kind != .none {
            guard time.kind == .number, let ts = Whole.read(time.text), let committed = CommitTime.seconds(ts)
            else { return .refused(.badTime, .committed) }
            event.committed = committed
        }
        let gtid = reader.string(Path.gtid.rawValue)
        event.transaction = gtid.isEmpty ? reader.value(Path.xid.rawValue).text : gtid
        event.transactionRow = reader.whole(Path.xoffset.rawValue)
        let position = reader.value(Path.position.rawValue)
        guard position.kind != .none else { return nil }
        guard position.kind == .string else { return .refused(.wrongType, .placePosition) }
        var row = RecordPlace.Row.unnumbered
        if !isSchema {
            if let number = event.transactionRow {
                guard (0...RecordPlace.maximumRow).contains(number) else { return .refused(.outOfRange, .placeRow) }
                row = .number(UInt32(truncatingIfNeeded: number))
            } else if reader.value(Path.commit.rawValue).kind == .yes {
                row = .last
            }
        }
        // `file:position`, or `file:position:...` with heartbeats.
        let text = position.text
        let colon = text.firstIndex(of: UInt8(ascii: ":"), from: 0)
        guard colon < text.count, let name = BinlogName(text.slice(0, colon)) else {
            return .refused(.wrongType, .placeFile)
        }
        let end = text.firstIndex(of: UInt8(ascii: ":"), from: colon + 1)
        guard let offset = Whole.read(text.slice(colon + 1, end)) else { return .refused(.wrongType, .placePosition) }
        guard let place = RecordPlace(file: name.number, position: offset, row: row) else {
            return .refused(.outOfRange, .placePosition)
        }
        event.log = name.base
        event.place = place
        return nil
    }

    private func schema(_ event: inout ChangeEvent) -> ChangeOutcome {
        event.operation = .schema
        event.sql = reader.string(Path.sql.rawValue)
        event.types = reader.object(Path.def.rawValue)
        guard !event.sql.isEmpty else { return .refused(.missing, .sql) }
        return .changes(1)
    }

    private func rows(_ kind: Kind, _ event: inout ChangeEvent) -> ChangeOutcome {
        event.key = reader.array(Path.key.rawValue)
        if kind == .bootstrapStart || kind == .bootstrapEnd {
            event.operation = kind == .bootstrapStart ? .snapshotStart : .snapshotEnd
            event.isFirst = kind == .bootstrapStart
            return .changes(1)
        }
        let data = reader.object(Path.data.rawValue)
        guard !data.isEmptyObject else {
            return .refused(
                data.isEmpty && reader.value(Path.data.rawValue).kind != .none ? .wrongType : .missing,
                kind == .delete ? .before : .after)
        }
        switch kind {
        case .delete:
            event.operation = .delete
            event.before = data
        case .update:
            event.operation = .update
            event.before = reader.object(Path.old.rawValue)
            event.after = data
        case .bootstrapInsert:
            event.operation = .snapshot
            event.after = data
        default: event.after = data
        }
        return .changes(1)
    }
}
