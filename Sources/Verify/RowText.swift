internal import Columns
internal import Event

/// Rows of a table as texts, of which both sides compute the same sums.
///
/// A row is its columns' texts one behind the other, each as length, colon and text, or N for null. A row belongs to
/// one of `bucketCount` buckets by the hash of the columns that tell rows apart.
struct RowText {
    let columns: [ColumnText]
    /// Indices of the columns that tell rows apart.
    let key: [Int]
    /// What stands behind FROM: a table, or what `unique` makes of it.
    let from: String

    /// - Parameters:
    ///   - isDistinct: equal rows count as one.
    init(_ columns: [ColumnText], key: [Int], table: String, isDistinct: Bool) {
        self.columns = columns
        self.key = key
        let texts = columns.enumerated().map { "CAST(\($1.expression) AS BINARY) AS c\($0)" }.joined(separator: ", ")
        from = "(SELECT \(isDistinct ? "DISTINCT " : "")\(texts) FROM \(table)) t"
    }

    private func joined(_ indices: some Sequence<Int>) -> String {
        "CONCAT(" + indices.map { "IFNULL(CONCAT(LENGTH(c\($0)), ':', c\($0)), 'N')" }.joined(separator: ", ") + ")"
    }

    private func bucket(_ count: Int) -> String {
        "(CAST(CONV(LEFT(SHA2(\(joined(key)), 256), 15), 16, 10) AS UNSIGNED) % \(count))"
    }

    var countQuery: String { "SELECT COUNT(*) FROM \(from)" }

    /// Bucket, rows and sum of hashes.
    func sumsQuery(_ bucketCount: Int) -> String {
        "SELECT \(bucket(bucketCount)) AS b, COUNT(*), "
            + "SUM(CAST(CONV(LEFT(SHA2(\(joined(columns.indices)), 256), 15), 16, 10) AS UNSIGNED)) "
            + "FROM \(from) GROUP BY b"
    }

    /// The rows of some buckets.
    func rowsQuery(_ buckets: [Int], of bucketCount: Int) -> String {
        let names = columns.indices.map { "c\($0)" }.joined(separator: ", ")
        let list = buckets.map(String.init).joined(separator: ", ")
        return "SELECT \(names) FROM \(from) WHERE \(bucket(bucketCount)) IN (\(list))"
    }

    // MARK: The warehouse's side

    /// Texts of a row whose columns are in the order of these.
    func texts(_ rows: RowBatch, _ row: Int) -> [[UInt8]?] {
        columns.enumerated().map { $1.text(rows.columns[$0], row) }
    }

    private func joined(_ texts: [[UInt8]?], _ indices: some Sequence<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        for index in indices {
            guard let text = texts[index] else {
                bytes.append(UInt8(ascii: "N"))
                continue
            }
            bytes += Array(String(text.count).utf8)
            bytes.append(UInt8(ascii: ":"))
            bytes += text
        }
        return bytes
    }

    /// 60 bits: what the database sums.
    func hash(_ texts: [[UInt8]?]) -> UInt64 { SHA256.prefix(joined(texts, columns.indices)) >> 4 }

    func bucket(_ texts: [[UInt8]?], of count: Int) -> Int {
        Int((SHA256.prefix(joined(texts, key)) >> 4) % UInt64(count))
    }

    /// The texts of the columns that tell rows apart, as one.
    func identity(_ texts: [[UInt8]?]) -> [UInt8] { joined(texts, key) }
}
