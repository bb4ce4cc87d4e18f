public import Columns
internal import Event

/// One value, apart from any column: a default, a key part.
public enum TypedValue: Sendable, Hashable {
    case null
    /// The word of a fixed-width column.
    case word(Int64)
    /// The unscaled number of a decimal.
    case wide(Int128)
    case bytes([UInt8])

    /// The value of a row.
    public init(_ column: Column, _ row: Int) {
        if column.isNull(row) {
            self = .null
        } else if column.holdsBytes {
            self = .bytes(column.bytes(row).array)
        } else if column.type == .decimal {
            self = .wide(column.decimal(row))
        } else {
            self = .word(column.integer(row))
        }
    }

    /// Appends the value; it must be of the column's type.
    public func append(to column: Column) {
        switch self {
        case .null: column.appendNull()
        case .word(let word): column.append(word)
        case .wide(let number): column.append(decimal: number)
        case .bytes(let bytes): unsafe bytes.withUnsafeBytes { column.append(unsafe ByteView($0)) }
        }
    }
}

extension Column {
    /// Appends a copy of another column's value; both are of one type.
    func append(from other: Column, _ row: Int) {
        if other.isNull(row) {
            appendNull()
        } else if holdsBytes {
            append(other.bytes(row))
        } else if type == .decimal {
            append(decimal: other.decimal(row))
        } else {
            append(other.integer(row))
        }
    }
}
