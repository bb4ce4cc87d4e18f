/// Writes structures in Thrift's compact protocol, as far as Parquet needs it.
///
/// Source: thrift/doc/specs/thrift-compact-protocol.md. Fields of a structure are written in ascending order.
struct ThriftOutput {
    /// Types as they stand in field and list headers.
    enum Kind: UInt8 {
        case yes = 1, no = 2, byte = 3, int16 = 4, int32 = 5, int64 = 6, binary = 8, list = 9, structure = 12
    }

    private(set) var bytes: [UInt8] = []
    /// The field written last, of each structure that is open.
    private var last: [Int] = [0]

    init() {}

    mutating func removeAll() {
        bytes.removeAll(keepingCapacity: true)
        last = [0]
    }

    private mutating func field(_ id: Int, _ kind: Kind) {
        let step = id - last[last.count - 1]
        precondition(step > 0, "thrift fields out of order")
        if step <= 15 {
            bytes.append(UInt8(step) << 4 | kind.rawValue)
        } else {
            bytes.append(kind.rawValue)
            zigzag(Int64(id))
        }
        last[last.count - 1] = id
    }

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    mutating func zigzag(_ value: Int64) { varint(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    mutating func int32(_ id: Int, _ value: Int) {
        field(id, .int32)
        zigzag(Int64(value))
    }

    mutating func int64(_ id: Int, _ value: Int64) {
        field(id, .int64)
        zigzag(value)
    }

    mutating func int16(_ id: Int, _ value: Int16) {
        field(id, .int16)
        zigzag(Int64(value))
    }

    mutating func boolean(_ id: Int, _ value: Bool) { field(id, value ? .yes : .no) }

    mutating func binary(_ id: Int, _ value: [UInt8]) {
        field(id, .binary)
        element(value)
    }

    mutating func text(_ id: Int, _ value: String) { binary(id, Array(value.utf8)) }

    /// A structure as a field.
    mutating func structure(_ id: Int, _ body: (inout ThriftOutput) -> Void) {
        field(id, .structure)
        element(body)
    }

    /// A list as a field; `body` writes its elements.
    mutating func list(_ id: Int, _ kind: Kind, count: Int, _ body: (inout ThriftOutput) -> Void) {
        field(id, .list)
        if count < 15 {
            bytes.append(UInt8(count) << 4 | kind.rawValue)
        } else {
            bytes.append(0xF0 | kind.rawValue)
            varint(UInt64(count))
        }
        body(&self)
    }

    /// A structure as an element of a list, or at the top.
    mutating func element(_ body: (inout ThriftOutput) -> Void) {
        last.append(0)
        body(&self)
        last.removeLast()
        bytes.append(0)
    }

    /// Bytes as an element of a list.
    mutating func element(_ value: [UInt8]) {
        varint(UInt64(value.count))
        bytes += value
    }

    mutating func element(_ value: Bool) { bytes.append(value ? Kind.yes.rawValue : Kind.no.rawValue) }
}
