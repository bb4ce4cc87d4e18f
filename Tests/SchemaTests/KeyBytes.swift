import Columns
import Event

@testable import Schema

/// The canonical bytes of a row's key: equal exactly where all key values are, byte by byte, and in the order of
/// the values, column by column (nulls first), so that runs can be sorted and merged by them.
///
/// Why: no collation. Two rows whose keys differ by case alone cannot be in the table at once if the source holds
/// them for equal; a change from one to the other is then a change of key like any other, because before and
/// after say exactly which. Nothing is lost by telling them apart, and rows of two tables with other
/// collations would be by not doing so.
struct KeyBytes: Sendable {
    /// Indexes of the columns that are the key.
    let columns: [Int]

    /// The key of a version; for a table without one, all its columns.
    init(_ version: TableVersion) {
        columns = version.key.isEmpty ? Array(version.columns.indices) : version.key
    }

    /// A key of these columns.
    init(columns: [Int]) { self.columns = columns }

    /// Appends the bytes of a row's key.
    func append(_ row: Int, of batch: [Column], to bytes: inout [UInt8]) {
        for index in columns { Self.append(batch[index], row, to: &bytes) }
    }

    private static func append(_ column: Column, _ row: Int, to bytes: inout [UInt8]) {
        guard !column.isNull(row) else {
            bytes.append(0)
            return
        }
        bytes.append(1)
        if column.holdsBytes {
            append(escaped: column.bytes(row), to: &bytes)
        } else if column.type == .decimal {
            let number = column.decimal(row)
            append(UInt64(truncatingIfNeeded: number >> 64) ^ 1 << 63, to: &bytes)
            append(UInt64(truncatingIfNeeded: number), to: &bytes)
        } else if column.type == .double {
            append(ordered(column.double(row)), to: &bytes)
        } else {
            append(UInt64(bitPattern: column.integer(row)) ^ 1 << 63, to: &bytes)
        }
    }

    /// A double's bits in the order of its values; -0 is 0, as in the database.
    private static func ordered(_ value: Double) -> UInt64 {
        let bits = (value == 0 ? 0 : value).bitPattern
        return bits >> 63 == 1 ? ~bits : bits | 1 << 63
    }

    private static func append(_ word: UInt64, to bytes: inout [UInt8]) {
        for shift: UInt64 in [56, 48, 40, 32, 24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
    }

    /// A zero byte becomes 00 FF, the end is 00 00: no value is the beginning of another one's bytes.
    private static func append(escaped value: ByteView, to bytes: inout [UInt8]) {
        for index in 0..<value.count {
            let byte = value[index]
            bytes.append(byte)
            if byte == 0 { bytes.append(0xFF) }
        }
        bytes.append(0)
        bytes.append(0)
    }
}
