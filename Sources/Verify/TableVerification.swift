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
    public var table: String
    public var day: String
    public var databaseCount: Int64 = 0
    public var warehouseCount: Int64 = 0
    /// Parts of the table that were compared by their sums, and those that differ.
    public var bucketCount = 0
    public var differingCount = 0
    /// Rows that the database was asked for.
    public var fetchedCount = 0
    /// The first ones found.
    public var differences: [RowDifference] = []
    /// Columns that only one side has, or that cannot be compared.
    public var columnNotes: [String] = []
    /// What the tool's records do not tell, as the state says.
    public var losses: [String: Int] = [:]

    public var isSame: Bool { differingCount == 0 && databaseCount == warehouseCount && differences.isEmpty }
}

/// Compares tables of the warehouse with those of the database, in one consistent and read-only transaction.
///
/// Both sides sum hashes of rows, in parts of about a hundred rows by the hash of their key. Only the rows of parts
/// whose sums differ go over the wire. Memory: the sums, and the rows of `passBucketCount` parts.
public final class TableVerification {
    private static let rowsPerBucket: Int64 = 100
    private static let maximumBucketCount: Int64 = 1 << 16
    private static let passBucketCount = 32
    /// Rows of one pass that are kept; more mean that a part is not what it should be.
    private static let maximumPassRowCount = 1_000_000

    private let connection: DatabaseConnection
    /// Differences that are looked for.
    private let limit: Int

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
        let key = identity.compactMap { names.firstIndex(of: $0) }
        let table = ColumnText.quoted(rows.source.database) + "." + ColumnText.quoted(rows.source.table)
        let row = RowText(columns, key: key, table: table, isDistinct: rows.unique != nil)
        result.databaseCount = Int64(try connection.rows(row.countQuery).first?.first??.description ?? "0") ?? 0
        try rows.forEach([names[0]]) { _, _ in result.warehouseCount += 1 }
        let most = max(result.databaseCount, result.warehouseCount)
        result.bucketCount = Int(max(1, min(most / Self.rowsPerBucket, Self.maximumBucketCount)))
        let differing = try differingBuckets(row, rows, result.bucketCount)
        result.differingCount = differing.count
        var from = 0
        while from < differing.count, result.differences.count < limit {
            let to = min(from + Self.passBucketCount, differing.count)
            try find(Array(differing[from..<to]), row, rows, &result)
            from = to
        }
        // What differs in its text alone (numbers of floating point) is the same.
        if from >= differing.count, result.differences.isEmpty { result.differingCount = 0 }
        return result
    }

    // MARK: Columns

    private func columns(_ rows: VisibleRows, _ result: inout VerifiedTable) throws(Failure) -> [ColumnText] {
        let found = try connection.rows(
            """
            SELECT COLUMN_NAME, DATA_TYPE FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = \
            \(Self.literal(rows.source.database)) AND TABLE_NAME = \(Self.literal(rows.source.table)) \
            ORDER BY ORDINAL_POSITION
            """)
        var types: [String: String] = [:]
        for row in found {
            if let name = row[0], let type = row[1] { types[name] = type.lowercased() }
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
            // MariaDB's is text as it was written.
            if type == "json" {
                result.columnNotes.append("\(column.name): JSON of MySQL, not compared")
                continue
            }
            columns.append(ColumnText(name: column.name, type: type, shape: column.shape))
        }
        let known = Set(rows.columns.map(\.name))
        for name in types.keys.sorted() where !known.contains(name) {
            result.columnNotes.append("\(name): only in the database")
        }
        return columns
    }

    private static func literal(_ text: String) -> String {
        "'" + text.map { $0 == "'" ? "''" : $0 == "\\" ? "\\\\" : String($0) }.joined() + "'"
    }

    // MARK: Sums

    private struct Sum: Equatable {
        var count: Int64 = 0
        var hash: UInt128 = 0
    }

    private func differingBuckets(
        _ row: RowText, _ rows: VisibleRows, _ bucketCount: Int
    ) throws(Failure) -> [Int] {
        var here = Array(repeating: Sum(), count: bucketCount)
        try rows.forEach(row.columns.map(\.name)) { batch, index in
            let texts = row.texts(batch, index)
            let bucket = row.bucket(texts, of: bucketCount)
            here[bucket].count += 1
            here[bucket].hash += UInt128(row.hash(texts))
        }
        var there = Array(repeating: Sum(), count: bucketCount)
        for found in try connection.rows(row.sumsQuery(bucketCount)) {
            guard let bucket = found[0].flatMap({ Int($0) }), bucket >= 0, bucket < bucketCount else { continue }
            there[bucket] = Sum(
                count: found[1].flatMap { Int64($0) } ?? 0, hash: found[2].flatMap { UInt128($0) } ?? 0)
        }
        return (0..<bucketCount).filter { here[$0] != there[$0] }
    }

    // MARK: Rows

    private func find(
        _ buckets: [Int], _ row: RowText, _ rows: VisibleRows, _ result: inout VerifiedTable
    ) throws(Failure) {
        var there: [[UInt8]: [[[UInt8]?]]] = [:]
        try connection.run(row.rowsQuery(buckets, of: result.bucketCount))
        var count = 0
        while let texts = try connection.next() {
            count += 1
            guard count <= Self.maximumPassRowCount else { continue }
            there[row.identity(texts), default: []].append(texts)
        }
        result.fetchedCount += count
        let wanted = Set(buckets)
        var open: [[UInt8]: [[[UInt8]?]]] = [:]
        try rows.forEach(row.columns.map(\.name)) { batch, index in
            let texts = row.texts(batch, index)
            guard wanted.contains(row.bucket(texts, of: result.bucketCount)) else { return }
            let identity = row.identity(texts)
            if var list = there[identity], let same = list.firstIndex(where: { isSame($0, texts, row) }) {
                list.remove(at: same)
                there[identity] = list.isEmpty ? nil : list
            } else {
                open[identity, default: []].append(texts)
            }
        }
        let identities = Set(there.keys).union(open.keys).sorted { $0.lexicographicallyPrecedes($1) }
        for identity in identities where result.differences.count < limit {
            result.differences.append(difference(there[identity] ?? [], open[identity] ?? [], row))
        }
    }

    private func isSame(_ left: [[UInt8]?], _ right: [[UInt8]?], _ row: RowText) -> Bool {
        row.columns.indices.allSatisfy { row.columns[$0].isSame(left[$0], right[$0]) }
    }

    private func difference(_ there: [[[UInt8]?]], _ here: [[[UInt8]?]], _ row: RowText) -> RowDifference {
        let any = there.first ?? here.first ?? []
        var difference = RowDifference(key: row.key.map { (row.columns[$0].name, Self.shown(any[$0])) })
        (difference.databaseCount, difference.warehouseCount) = (there.count, here.count)
        if let left = there.first, let right = here.first {
            for index in row.columns.indices where !row.columns[index].isSame(left[index], right[index]) {
                difference.columns.append((row.columns[index].name, Self.shown(left[index]), Self.shown(right[index])))
            }
        }
        return difference
    }

    private static func shown(_ text: [UInt8]?) -> String? {
        text.map { String(decoding: $0.prefix(200), as: UTF8.self) + ($0.count > 200 ? "..." : "") }
    }
}
