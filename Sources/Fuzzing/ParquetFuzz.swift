internal import Columns
internal import Event
internal import Parquet
internal import Sinks

/// The Parquet reader: a file of any bytes is read or refused.
enum ParquetFuzz {
    /// Batches read of a file: what a file claims to hold has no end.
    private static let maximumBatchCount = 64

    static func fault(_ input: ByteView) -> String? {
        do throws(Failure) {
            let reader = try ParquetReader(ParquetBytes(input.array))
            let formatter = JSONLinesFormatter()
            for _ in 0..<maximumBatchCount {
                guard try reader.next() else { return nil }
                let rows = reader.rows
                guard rows.rowCount > 0, rows.columns.allSatisfy({ $0.count == rows.rowCount }) else {
                    return "a batch whose columns differ in rows"
                }
                if rows.columns.count <= 64 { formatter.format(rows) }
            }
            return nil
        } catch {
            return error.kind == .corrupt || error.kind == .usage ? nil : "\(error.code): \(error.message)"
        }
    }
}
