public import Columns

/// The change log: one set of columns for the tables of every source and tool (docs/formats/change-log.md).
///
/// A row is one change of one row, as the tool said it: values stay the tool's own JSON, because what they mean
/// depends on the schema of that moment, which may travel in another topic. The replay makes typed rows of them.
///
/// Order: `leg`, `place_file`, `place_position`, `place_row`; among equals a delete before anything else, then
/// `transaction_row`, then `entry`. Never by time.
public enum ChangeLog {
    /// The name's end: `shop.orders` has its changes in `shop.orders_changes`.
    public static let suffix = "_changes"

    /// `place_row` of the row that ends its transaction, where the tool does not number it (Maxwell).
    public static let lastRow = Int64(UInt32.max)

    /// The columns, in the order of the files.
    public enum Field: Int, CaseIterable, Sendable {
        /// An `Operation`.
        case op
        /// Names as the source writes them.
        case sourceDatabase, sourceTable
        /// The source order. Without a position in the record: the sync's leg << 32 | epoch, 0, offset, and the
        /// event's place in its file (0 where the record is one event).
        case leg, placeFile, placePosition, placeRow
        /// GTID or XID, and the row's number in it; null: not said.
        case transaction, transactionRow
        /// Commit time at the source.
        case committed
        /// JSON list of the key's columns as the tool names them; null: not said, []: the tool says there is none.
        case key
        /// JSON objects, as the tool wrote them. Maxwell's and Canal's `before` has the changed columns only.
        case before, after
        /// Text of the DDL statement.
        case sql
        /// What the tool says of types with this record, as JSON; null: nothing.
        case types
        /// A `SyncSpec.Format`.
        case tool
        /// Where the record came from.
        case topic, topicPartition, topicOffset
        /// Number of the row in its event: 0 but for messages of several rows.
        case entry
        /// `_event_id` of the record.
        case event

        public var name: String {
            switch self {
            case .sourceDatabase: "source_database"
            case .sourceTable: "source_table"
            case .placeFile: "place_file"
            case .placePosition: "place_position"
            case .placeRow: "place_row"
            case .transactionRow: "transaction_row"
            // Why not `partition`, `offset`: reserved words in Hive's SQL.
            case .topicPartition: "topic_partition"
            case .topicOffset: "topic_offset"
            default: "\(self)"
            }
        }

        public var type: ColumnType {
            switch self {
            case .op, .sourceDatabase, .sourceTable, .transaction, .sql, .tool, .topic, .event: .string
            case .leg, .placeFile, .placePosition, .placeRow, .transactionRow, .topicOffset, .entry: .int64
            case .topicPartition: .int32
            case .committed: .timestamp
            case .key, .before, .after, .types: .json
            }
        }
    }

    /// The columns as a table's.
    public static var columns: [ColumnSpec] { Field.allCases.map { ColumnSpec(name: $0.name, type: $0.type) } }

    /// What a change does: the values of the column `op`.
    public enum Operation: String, Sendable, CaseIterable {
        case insert, update, delete, truncate
        /// The row as it was when it was read: it stands, whatever was there before.
        case snapshot
        /// A reading of the whole table begins, or is complete: of its rows only those of a reading that was
        /// completed count, where the tool says so (Maxwell's bootstraps).
        case snapshotStart = "snapshot_start"
        case snapshotEnd = "snapshot_end"
        /// DDL; in the sync's own table of them.
        case schema
    }
}
