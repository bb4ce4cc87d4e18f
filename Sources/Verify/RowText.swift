internal import Columns
internal import Event

/// Rows of a table as texts, of which both sides compute the same sums.
///
/// A row is its columns' texts one behind the other, N for null: numbers and times closed by a comma, all others
/// behind their length and a colon. A row belongs to a range of keys, or to one of `bucketCount` buckets by the hash
/// of the columns that tell rows apart.
struct RowText: Sendable {
    let columns: [ColumnText]
    /// Indices of the columns that tell rows apart.
    let key: [Int]
    /// `database.table`, quoted.
    private let table: String
    /// What stands behind FROM: a table, or what `unique` makes of it.
    private let from: String

    /// - Parameters:
    ///   - isDistinct: equal rows count as one.
    init(_ columns: [ColumnText], key: [Int], table: String, isDistinct: Bool) {
        (self.columns, self.key, self.table) = (columns, key, table)
        let texts = columns.enumerated().map { "\($1.expression) AS c\($0)" }.joined(separator: ", ")
        from = "(SELECT \(isDistinct ? "DISTINCT " : "")\(texts) FROM \(table)) t"
    }

    // MARK: The database's side

    /// - Parameter terms: what stands for the columns' texts and their lengths.
    private func hash(_ indices: [Int], _ terms: (Int) -> (text: String, length: String)) -> String {
        let parts = indices.map { index in
            let (text, length) = terms(index)
            return columns[index].endsWithComma
                ? "IFNULL(CONCAT(\(text), ','), 'N')" : "IFNULL(CONCAT(\(length), ':', \(text)), 'N')"
        }
        return "CAST(CONV(LEFT(SHA2(CONCAT(\(parts.joined(separator: ", "))), 256), 15), 16, 10) AS UNSIGNED)"
    }

    private func named(_ index: Int) -> (text: String, length: String) { ("c\(index)", "LENGTH(c\(index))") }

    private func bucket(_ count: Int) -> String { "(\(hash(key, named)) % \(count))" }

    var countQuery: String { "SELECT COUNT(*) FROM \(from)" }

    /// Bucket, rows and sum of hashes.
    func sumsQuery(_ bucketCount: Int) -> String {
        "SELECT \(bucket(bucketCount)) AS b, COUNT(*), SUM(\(hash(Array(columns.indices), named))) "
            + "FROM \(from) GROUP BY b"
    }

    /// The rows of some buckets.
    func rowsQuery(_ buckets: [Int], of bucketCount: Int) -> String {
        let names = columns.indices.map { "c\($0)" }.joined(separator: ", ")
        let list = buckets.map(String.init).joined(separator: ", ")
        return "SELECT \(names) FROM \(from) WHERE \(bucket(bucketCount)) IN (\(list))"
    }

    // Why the bare column and the index by name: a range of keys must never be looked for in the whole table.
    private func stretch(_ range: KeyRange, _ key: RangeKey) -> String {
        let name = ColumnText.quoted(key.name)
        var conditions: [String] = []
        if let from = range.from { conditions.append("\(name) >= \(from)") }
        if let below = range.below { conditions.append("\(name) < \(below)") }
        return "FROM \(table) FORCE INDEX (\(ColumnText.quoted(key.index)))"
            + (conditions.isEmpty ? "" : " WHERE " + conditions.joined(separator: " AND ")) + " ORDER BY \(name)"
    }

    /// Rows, sum of hashes and greatest key of the first `limit` rows of a range.
    func sumQuery(_ range: KeyRange, _ key: RangeKey, limit: Int) -> String {
        "SELECT COUNT(*), SUM(h), MAX(k) FROM (SELECT \(ColumnText.quoted(key.name)) AS k, "
            + "\(hash(Array(columns.indices)) { (columns[$0].expression, columns[$0].lengthExpression) }) AS h "
            + "\(stretch(range, key)) LIMIT \(limit)) t"
    }

    /// The rows of a range, in the order of their keys.
    func rowsQuery(_ range: KeyRange, _ key: RangeKey) -> String {
        "SELECT \(columns.map(\.expression).joined(separator: ", ")) \(stretch(range, key))"
    }

    // MARK: The warehouse's side

    /// Texts of a row whose columns are in the order of these.
    func texts(_ rows: RowBatch, _ row: Int) -> [[UInt8]?] {
        columns.enumerated().map { $1.text(rows.columns[$0], row) }
    }

    /// 60 bits: what the database sums. `bytes` is room for the text, used again and again.
    func hash(_ rows: RowBatch, _ row: Int, _ bytes: inout [UInt8]) -> UInt64 {
        bytes.removeAll(keepingCapacity: true)
        for index in columns.indices { append(index, rows, row, to: &bytes) }
        return SHA256.prefix(bytes) >> 4
    }

    func bucket(_ rows: RowBatch, _ row: Int, of count: Int, _ bytes: inout [UInt8]) -> Int {
        bytes.removeAll(keepingCapacity: true)
        for index in key { append(index, rows, row, to: &bytes) }
        return Int((SHA256.prefix(bytes) >> 4) % UInt64(count))
    }

    private func append(_ index: Int, _ rows: RowBatch, _ row: Int, to bytes: inout [UInt8]) {
        let (column, text) = (rows.columns[index], columns[index])
        if column.isNull(row) { return bytes.append(UInt8(ascii: "N")) }
        if text.endsWithComma {
            let start = bytes.count
            text.append(column, row, to: &bytes)
            // Why: a text that the database cannot have must not pass for two of its.
            if column.holdsBytes, bytes[start...].contains(UInt8(ascii: ",")) { bytes += "?".utf8 }
            return bytes.append(UInt8(ascii: ","))
        }
        if column.holdsBytes, column.type != .bytes, !text.isJSON {
            ColumnText.append(Int64(column.bytes(row).count), to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            return ColumnText.append(column.bytes(row), to: &bytes)
        }
        let value = text.text(column, row) ?? []
        ColumnText.append(Int64(value.count), to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        bytes += value
    }

    /// The texts of the columns that tell rows apart, as one.
    func identity(_ texts: [[UInt8]?]) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in key {
            guard let text = texts[index] else {
                bytes.append(UInt8(ascii: "N"))
                continue
            }
            ColumnText.append(Int64(text.count), to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            bytes += text
        }
        return bytes
    }
}

/// The column that a table is split into ranges by, and the database's index of it.
struct RangeKey: Sendable {
    var name: String
    var index: String
    /// Where the column stands among those that are compared.
    var place: Int
}
