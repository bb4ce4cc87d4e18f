internal import Columns

/// Parquet's types of stored values.
enum PhysicalType: Int, Sendable {
    case boolean = 0, int32 = 1, int64 = 2, int96 = 3, float = 4, double = 5, byteArray = 6, fixed = 7
}

/// How values of a page are written. The raw values are those of the file.
enum PageEncoding: Int, Sendable, Comparable {
    case plain = 0, plainDictionary = 2, rle = 3, deltaBinaryPacked = 5, deltaLengthByteArray = 6
    case rleDictionary = 8

    static func < (left: PageEncoding, right: PageEncoding) -> Bool { left.rawValue < right.rawValue }
}

/// One column of a file: our type and what it is in Parquet. Always optional, never nested.
struct Leaf: Sendable, Equatable {
    let name: String
    let shape: ColumnShape
    let physical: PhysicalType
    /// Bytes of a value; 0 where they vary, and for booleans.
    let width: Int

    init(name: String, shape: ColumnShape, usesInt96: Bool) {
        self.name = name
        self.shape = shape
        switch shape.type {
        case .boolean: (physical, width) = (.boolean, 0)
        case .int32, .date: (physical, width) = (.int32, 4)
        case .int64: (physical, width) = (.int64, 8)
        case .double: (physical, width) = (.double, 8)
        case .timestamp: (physical, width) = usesInt96 ? (.int96, 12) : (.int64, 8)
        case .string, .bytes, .json: (physical, width) = (.byteArray, 0)
        case .decimal:
            switch shape.precision {
            case ...9: (physical, width) = (.int32, 4)
            case ...18: (physical, width) = (.int64, 8)
            default: (physical, width) = (.fixed, Self.fixedByteCount(precision: shape.precision))
            }
        }
    }

    /// The fewest bytes whose two's complement holds every number of so many digits.
    static func fixedByteCount(precision: Int) -> Int {
        var byteCount = 1
        while byteCount < 16, (UInt128(1) << UInt128(8 * byteCount - 1)) <= UInt128(DecimalText.power(precision)) - 1 {
            byteCount += 1
        }
        return byteCount
    }

    /// Whether values are text: bounds are cut between characters.
    var isText: Bool { shape.type == .string || shape.type == .json }

    /// The SchemaElement of the footer. Source: parquet.thrift.
    func write(to output: inout ThriftOutput) {
        output.int32(1, physical.rawValue)
        if physical == .fixed { output.int32(2, width) }
        output.int32(3, 1)
        output.text(4, name)
        switch shape.type {
        case .string:
            output.int32(6, 0)
            output.structure(10) { $0.structure(1) { _ in } }
        case .json:
            output.int32(6, 19)
            output.structure(10) { $0.structure(12) { _ in } }
        case .date:
            output.int32(6, 6)
            output.structure(10) { $0.structure(6) { _ in } }
        case .timestamp where physical == .int64:
            output.int32(6, 10)
            output.structure(10) { logical in
                logical.structure(8) { timestamp in
                    timestamp.boolean(1, true)
                    timestamp.structure(2) { $0.structure(2) { _ in } }
                }
            }
        case .decimal:
            output.int32(6, 5)
            output.int32(7, shape.scale)
            output.int32(8, shape.precision)
            output.structure(10) { logical in
                logical.structure(5) { decimal in
                    decimal.int32(1, shape.scale)
                    decimal.int32(2, shape.precision)
                }
            }
        // Why no INTEGER(32 or 64, signed): it says nothing that the stored type does not.
        case .timestamp, .boolean, .int32, .int64, .double, .bytes: break
        }
    }
}
