public import Columns
public import Event

/// Where a change's record came from, and its place, as the change log says them.
public struct ChangeOrigin {
    public var topic: ByteView
    public var partition: Int64
    public var offset: Int64
    /// `_event_id`.
    public var event: ByteView
    public var leg: Int64
    public var file: Int64
    public var position: Int64
    public var row: Int64
    /// Microseconds since the epoch.
    public var committed: Int64

    public init(
        topic: ByteView, partition: Int64, offset: Int64, event: ByteView, leg: Int64, file: Int64, position: Int64,
        row: Int64, committed: Int64
    ) {
        self.topic = topic
        self.partition = partition
        self.offset = offset
        self.event = event
        self.leg = leg
        self.file = file
        self.position = position
        self.row = row
        self.committed = committed
    }
}

/// Fills the columns of the change log.
public struct ChangeRows {
    /// Rows in the columns of `ChangeLog`.
    public let rows: RowBatch
    private let columns: [Column]
    private let tool: StaticString

    public init(_ format: SyncSpec.Format) {
        rows = RowBatch(ChangeLog.columns)
        columns = rows.columns
        tool =
            switch format {
            case .maxwell: "maxwell"
            case .debezium: "debezium"
            case .canal: "canal"
            }
    }

    /// Appends all rows of an event, open ones: each is closed by `commit`, in order.
    public func append(_ event: ChangeEvent, _ origin: ChangeOrigin, commit: () -> Void) {
        var entry: Int64 = 0
        event.forEachRow { before, after in
            append(event, origin, before, after, entry: entry)
            entry += 1
            commit()
        }
    }

    private func append(
        _ event: ChangeEvent, _ origin: ChangeOrigin, _ before: ByteView, _ after: ByteView, entry: Int64
    ) {
        // Order: as in `ChangeLog.Field`.
        columns[0].append(Self.name(event.operation))
        put(event.database, 1)
        put(event.table, 2)
        columns[3].append(origin.leg)
        columns[4].append(origin.file)
        columns[5].append(origin.position)
        columns[6].append(origin.row)
        put(event.transaction, 7)
        if let row = event.transactionRow { columns[8].append(row) } else { columns[8].appendNull() }
        columns[9].append(origin.committed)
        put(event.key, 10)
        put(before, 11)
        put(after, 12)
        put(event.sql, 13)
        put(event.types, 14)
        columns[15].append(Self.view(tool))
        put(origin.topic, 16)
        columns[17].append(origin.partition)
        columns[18].append(origin.offset)
        columns[19].append(entry)
        put(origin.event, 20)
    }

    /// Appends a value, or null for none.
    private func put(_ value: ByteView, _ column: Int) {
        if value.isEmpty { columns[column].appendNull() } else { columns[column].append(value) }
    }

    private static func name(_ operation: ChangeLog.Operation) -> ByteView {
        switch operation {
        case .insert: view("insert")
        case .update: view("update")
        case .delete: view("delete")
        case .truncate: view("truncate")
        case .snapshot: view("snapshot")
        case .snapshotStart: view("snapshot_start")
        case .snapshotEnd: view("snapshot_end")
        case .schema: view("schema")
        }
    }

    private static func view(_ text: StaticString) -> ByteView {
        unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
    }
}
