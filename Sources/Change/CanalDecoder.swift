internal import Event
internal import JSON

/// Canal's flat messages: the rows of one rows event, or a DDL statement.
@safe final class CanalDecoder {
    private enum Path: Int, CaseIterable {
        case database, table, type, es, ts, isDdl, pkNames, data, old, mysqlType, sql, gtid
        case keyOnly, elsewhere

        var text: String {
            switch self {
            case .keyOnly: "_tidb.onlyHandleKey"
            case .elsewhere: "_tidb.claimCheckLocation"
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
        event.table = reader.string(Path.table.rawValue)
        event.transaction = reader.string(Path.gtid.rawValue)
        // Why above 0: some writers put 0 where they know no event time.
        let time = [Path.es, .ts].lazy.compactMap { [reader] in reader.whole($0.rawValue) }.first { $0 > 0 }
        if let time {
            guard let committed = CommitTime.milliseconds(time) else { return .refused(.badTime, .committed) }
            event.committed = committed
        }
        if reader.value(Path.isDdl.rawValue).kind == .yes { return schema(&event) }
        // Why: with Annotate_rows the server logs the text of the statement whose rows follow.
        if type.text.equals("QUERY") { return .filtered(.statement) }
        if type.text.equals("INSERT") {
            event.operation = .insert
        } else if type.text.equals("UPDATE") {
            event.operation = .update
        } else if type.text.equals("DELETE") {
            event.operation = .delete
        } else {
            return .refused(.notInEnumeration, .op)
        }
        guard !event.database.isEmpty else { return .refused(.missing, .sourceDatabase) }
        guard !event.table.isEmpty else { return .refused(.missing, .sourceTable) }
        return rows(&event)
    }

    private func schema(_ event: inout ChangeEvent) -> ChangeOutcome {
        event.operation = .schema
        event.sql = reader.string(Path.sql.rawValue)
        return event.sql.isEmpty ? .refused(.missing, .sql) : .changes(1)
    }

    private func rows(_ event: inout ChangeEvent) -> ChangeOutcome {
        event.key = reader.array(Path.pkNames.rawValue)
        event.types = reader.object(Path.mysqlType.rawValue)
        event.rowsAfter = reader.array(Path.data.rawValue)
        event.rowsBefore = event.operation == .update ? reader.array(Path.old.rawValue) : .empty
        let field: ChangeLog.Field = event.operation == .delete ? .before : .after
        // Why: a row too large to be sent comes as its key, or as the name of a file; it is not a row of nulls.
        guard reader.value(Path.keyOnly.rawValue).kind != .yes, reader.string(Path.elsewhere.rawValue).isEmpty
        else { return .refused(.missing, field) }
        guard !event.rowsAfter.isEmpty else {
            return .refused(reader.value(Path.data.rawValue).kind == .none ? .missing : .wrongType, field)
        }
        var parts = JSONParts(event.rowsAfter, isArray: true)
        var count = 0
        while let part = parts.next() {
            guard part.value.isObject else { return .refused(.wrongType, field) }
            guard !part.value.raw.isEmptyObject else { return .refused(.missing, field) }
            count += 1
        }
        return count > 0 ? .changes(count) : .refused(.missing, field)
    }
}
