internal import Columns
public import Database
public import Event
public import Replay
internal import Schema

/// A row that is not the same in database and warehouse.
public struct RowDifference: Sendable, Equatable {
    /// Column and text of what tells rows apart; nil: null.
    public var key: [(name: String, text: String?)]
    /// Of a row that both have: the columns in which they differ.
    public var columns: [(name: String, database: String?, warehouse: String?)] = []
    /// How often each side has the row.
    public var databaseCount = 1
    public var warehouseCount = 1

    public static func == (left: RowDifference, right: RowDifference) -> Bool {
        left.key.elementsEqual(right.key, by: { $0 == $1 })
            && left.columns.elementsEqual(right.columns, by: { $0 == $1 })
            && left.databaseCount == right.databaseCount && left.warehouseCount == right.warehouseCount
    }
}

/// What the comparison of a table came to.
public struct VerifiedTable: Sendable, Equatable {
    /// What a table is split by into the parts that are summed.
    public enum Split: String, Sendable {
        /// Stretches of keys, in their order.
        case range
        /// The hash of what tells rows apart.
        case hash
    }

    /// Keys in which rows differ: both ends belong to it; nil: open.
    public struct Range: Sendable, Equatable {
        public var least: Int128?
        public var greatest: Int128?
        public var databaseCount: Int64
        public var warehouseCount: Int64
    }

    public var table: String
    public var day: String
    public var databaseCount: Int64 = 0
    public var warehouseCount: Int64 = 0
    public var split = Split.hash
    /// Parts of the table that were compared by their sums, and those that differ.
    public var bucketCount = 0
    public var differingCount = 0
    /// Statements for sums.
    public var queryCount = 0
    /// Rows that the database was asked for.
    public var fetchedCount = 0
    /// The first ones found: where split by ranges, in the order of the keys.
    public var differences: [RowDifference] = []
    /// The ranges that these lie in.
    public var ranges: [Range] = []
    /// Columns that only one side has.
    public var columnNotes: [String] = []
    /// What could not be listed.
    public var notes: [String] = []
    /// What the tool's records do not tell, as the state says.
    public var losses: [String: Int] = [:]

    public var isSame: Bool { differingCount == 0 && databaseCount == warehouseCount && differences.isEmpty }
}

/// Compares tables of the warehouse with those of the database, in one consistent and read-only transaction.
///
/// Both sides sum hashes of rows, part by part: ranges of keys where the table's key is one column of whole numbers
/// (TableVerification+Ranges.swift), else buckets by the hash of the key (TableVerification+Buckets.swift). Only the
/// rows of parts whose sums differ go over the wire. Memory: the sums, and the rows of one pass (`RowPass.Limits`).
public final class TableVerification {
    /// Rows that are fetched together, if parts are not larger than that.
    static let passRowCount: Int64 = 65_536

    let connection: DatabaseConnection
    /// Differences that are looked for.
    let limit: Int
    let passLimits = RowPass.Limits()

    /// Begins the transaction. Throws `database.*`.
    public init(_ connection: DatabaseConnection, limit: Int = 10) throws(Failure) {
        self.connection = connection
        self.limit = limit
        try connection.run("SET SESSION time_zone = '+00:00'")
        try connection.run("SET SESSION group_concat_max_len = 1024, sql_mode = ''")
        try connection.run("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        try connection.run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")
    }

    /// Compares one table. Throws `database.*` and what reading the warehouse throws.
    public func compare(_ rows: VisibleRows) throws(Failure) -> VerifiedTable {
        var result = VerifiedTable(table: rows.table, day: rows.day)
        result.losses = rows.losses
        let columns = try columns(rows, &result)
        guard !columns.isEmpty else { return result }
        // Why: MySQL runs no query over a derived table without a database.
        try connection.run("USE " + ColumnText.quoted(rows.source.database))
        let names = columns.map(\.name)
        let identity = rows.unique != nil ? names : rows.identity
        var key = identity.compactMap { names.firstIndex(of: $0) }
        // Why: the database may have lost the columns that told rows apart.
        if key.isEmpty { key = Array(columns.indices) }
        let table = ColumnText.quoted(rows.source.database) + "." + ColumnText.quoted(rows.source.table)
        let row = RowText(columns, key: key, table: table, isDistinct: rows.unique != nil)
        if let key = try rangeKey(row, rows), let sample = try sample(key, rows) {
            try compareRanges(row, key, sample, rows, &result)
        } else {
            try compareBuckets(row, rows, &result)
        }
        return result
    }

    // MARK: Columns

    private func columns(_ rows: VisibleRows, _ result: inout VerifiedTable) throws(Failure) -> [ColumnText] {
        let found = try connection.rows(
            """
            SELECT COLUMN_NAME, DATA_TYPE, CHARACTER_SET_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = \
            \(Self.literal(rows.source.database)) AND TABLE_NAME = \(Self.literal(rows.source.table)) \
            ORDER BY ORDINAL_POSITION
            """)
        var types: [String: (type: String, encoding: String?)] = [:]
        for row in found {
            if let name = row[0], let type = row[1] { types[name] = (type.lowercased(), row[2]) }
        }
        if types.isEmpty {
            result.columnNotes = ["the database has no such table"]
            result.differingCount = 1
            return []
        }
        let wanted = Set(rows.unique ?? rows.columns.map(\.name))
        var columns: [ColumnText] = []
        for column in rows.columns where wanted.contains(column.name) {
            guard let type = types[column.name] else {
                result.columnNotes.append("\(column.name): only in the warehouse")
                continue
            }
            columns.append(ColumnText(name: column.name, type: type.type, encoding: type.encoding, shape: column.shape))
        }
        let known = Set(rows.columns.map(\.name))
        for name in types.keys.sorted() where !known.contains(name) {
            result.columnNotes.append("\(name): only in the database")
        }
        return columns
    }

    static func literal(_ text: String) -> String {
        "'" + text.map { $0 == "'" ? "''" : $0 == "\\" ? "\\\\" : String($0) }.joined() + "'"
    }
}
