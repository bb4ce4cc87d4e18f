public import Columns
internal import Event

/// The columns of a table's state, and what tells its rows apart.
///
/// Invariant: a key column is a column; a table without a key is told apart by all of its columns, and may hold
/// equal rows (a multiset).
public struct TableLayout: Sendable, Equatable {
    /// A column of the state.
    public struct Column: Sendable, Equatable {
        public var name: String
        public var shape: ColumnShape

        public init(_ name: String, _ shape: ColumnShape) {
            self.name = name
            self.shape = shape
        }
    }

    /// In the table's order.
    public let columns: [Column]
    /// Indices of the key's columns; empty: a table without a key.
    public let key: [Int]

    /// A layout; a key that names a column that is not there is no key.
    public init(columns: [Column], key names: [String]) {
        self.columns = columns
        let indices = names.compactMap { name in columns.firstIndex { $0.name == name } }
        key = indices.count == names.count ? indices : []
    }

    /// Whether rows have a key.
    public var isKeyed: Bool { !key.isEmpty }
    /// The columns that tell rows apart.
    public var identity: [Int] { isKeyed ? key : Array(columns.indices) }
    /// What a batch for the columns is made from.
    public var shapes: [(name: String, shape: ColumnShape)] { columns.map { ($0.name, $0.shape) } }
}

/// Rows and keys as bytes.
///
/// - An *identity* is bytes whose order is that of the values, column after column: what state files are sorted
///   by. Each column begins with 1, or is a single 0 where null.
/// - A *row* is bytes that are equal exactly if the rows are: a bit a column (1: there is a value), then the values,
///   words in 8 bytes, decimals in 16, the others with their length in 4 bytes before them.
public struct RowCoding: Sendable {
    public let layout: TableLayout
    private let identity: [Int]
    /// Whether the first column of the identity is words: then its first bytes are enough to compare most rows.
    let hasWordPrefix: Bool

    public init(_ layout: TableLayout) {
        self.layout = layout
        identity = layout.identity
        hasWordPrefix = identity.first.map { Self.isWord(layout.columns[$0].shape.type) } ?? false
    }

    static func isWord(_ type: ColumnType) -> Bool {
        switch type {
        case .boolean, .int32, .int64, .double, .date, .timestamp: true
        default: false
        }
    }

    /// The first of the columns that tell rows apart.
    var firstIdentityColumn: Int? { identity.first }

    /// The beginning of an identity as a number in the same order.
    @inline(__always)
    func prefix(of identity: ByteView) -> UInt64 {
        guard hasWordPrefix else { return identity.prefix }
        return identity.count >= 9 && identity[0] == 1 ? identity.slice(1, 9).prefix : 0
    }

    /// Appends the identity of a row.
    func appendIdentity(of rows: RowBatch, _ row: Int, to bytes: ByteStore) {
        for index in identity {
            Self.appendOrdered(rows.columns[index], row, to: bytes)
        }
    }

    /// Appends one value so that bytes are in the order of the values.
    static func appendOrdered(_ column: Column, _ row: Int, to bytes: ByteStore) {
        guard !column.isNull(row) else { return bytes.append(byte: 0) }
        bytes.append(byte: 1)
        if column.holdsBytes {
            let value = column.bytes(row)
            var index = 0
            while index < value.count {
                let byte = value[index]
                bytes.append(byte: byte)
                // Why: 0 0 ends the value and comes before every longer one.
                if byte == 0 { bytes.append(byte: 0xFF) }
                index &+= 1
            }
            bytes.append(byte: 0)
            bytes.append(byte: 0)
        } else if column.type == .decimal {
            let value = UInt128(bitPattern: column.decimal(row)) ^ (1 << 127)
            append(bigEndian: UInt64(truncatingIfNeeded: value >> 64), to: bytes)
            append(bigEndian: UInt64(truncatingIfNeeded: value), to: bytes)
        } else {
            append(bigEndian: ordered(column.integer(row), column.type), to: bytes)
        }
    }

    /// A word as an unsigned number in the same order.
    @inline(__always)
    static func ordered(_ word: Int64, _ type: ColumnType) -> UInt64 {
        if type == .double, word < 0 { return ~UInt64(bitPattern: word) }
        return UInt64(bitPattern: word) ^ (1 << 63)
    }

    @inline(__always)
    private static func append(bigEndian word: UInt64, to bytes: ByteStore) { bytes.append(word: word.bigEndian) }

    /// Appends all values of a row; a batch may have further columns behind the layout's.
    func appendRow(_ rows: RowBatch, _ row: Int, to bytes: ByteStore) {
        let start = bytes.count
        bytes.appendZeros((layout.columns.count + 7) / 8)
        for index in layout.columns.indices {
            let column = rows.columns[index]
            if column.isNull(row) { continue }
            bytes.set(1 << UInt8(index % 8), at: start + index / 8)
            if column.holdsBytes {
                let value = column.bytes(row)
                bytes.append(word: UInt32(truncatingIfNeeded: value.count).littleEndian)
                bytes.append(value)
            } else if column.type == .decimal {
                let value = UInt128(bitPattern: column.decimal(row))
                bytes.append(word: UInt64(truncatingIfNeeded: value).littleEndian)
                bytes.append(word: UInt64(truncatingIfNeeded: value >> 64).littleEndian)
            } else {
                bytes.append(word: column.integer(row).littleEndian)
            }
        }
    }

    /// Appends a row's bytes, as `appendRow` made them, to the first columns of a batch.
    func decodeRow(_ bytes: ByteView, into rows: RowBatch) {
        var at = (layout.columns.count + 7) / 8
        for index in layout.columns.indices {
            let column = rows.columns[index]
            guard bytes[index / 8] >> UInt8(index % 8) & 1 == 1 else {
                column.appendNull()
                continue
            }
            if column.holdsBytes {
                let count = Int(Self.littleEndian32(bytes, at))
                column.append(bytes.slice(at + 4, at + 4 + count))
                at += 4 + count
            } else if column.type == .decimal {
                let low = UInt128(bytes.word(at: at))
                let high = UInt128(bytes.word(at: at + 8))
                column.append(decimal: Int128(truncatingIfNeeded: high << 64 | low))
                at += 16
            } else {
                column.append(Int64(bitPattern: bytes.word(at: at)))
                at += 8
            }
        }
    }

    private static func littleEndian32(_ bytes: ByteView, _ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
    }
}
