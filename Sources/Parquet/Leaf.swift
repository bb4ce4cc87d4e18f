internal import Columns

/// Parquet's types of stored values.
enum PhysicalType: Int, Sendable {
    case boolean = 0, int32 = 1, int64 = 2, int96 = 3, float = 4, double = 5, byteArray = 6, fixed = 7
}

/// How values of a page are written. The raw values are those of the file.
enum PageEncoding: Int, Sendable, Comparable {
    case plain = 0, plainDictionary = 2, rle = 3, deltaBinaryPacked = 5, deltaLengthByteArray = 6
    case deltaByteArray = 7
    case rleDictionary = 8

    static func < (left: PageEncoding, right: PageEncoding) -> Bool { left.rawValue < right.rawValue }
}

/// One column of values of a file: a flat column, or a scalar inside a nested one. Always optional, but for keys of
/// maps.
///
/// Why optional even where the table requires a value: a column that is required today and not tomorrow would give
/// one table files of two schemas, for the three bytes a page that levels of a full page take.
struct Leaf: Sendable, Equatable {
    /// Names from the table's column down to this one, as the file has them.
    let path: [String]
    /// The children to take from the table's column down to this one; empty for a flat one.
    let children: [Int]
    let shape: ColumnShape
    let physical: PhysicalType
    /// Bytes of a value; 0 where they vary, and for booleans.
    let width: Int
    /// The definition level of a value, and the repetition level of an element of the innermost list.
    let definition: UInt8
    let repetition: UInt8
    /// Whether there is a value wherever there could be one: keys.
    let isKey: Bool

    /// A flat column.
    init(name: String, shape: ColumnShape, usesInt96: Bool) {
        self.init(SchemaNode(name: name, shape: shape), [name], [], usesInt96)
    }

    /// The columns of values of a table's columns, in the order of the file.
    static func all(_ columns: [(name: String, shape: ColumnShape)], usesInt96: Bool) -> [Leaf] {
        var leaves: [Leaf] = []
        for (name, shape) in columns {
            let node = SchemaNode(name: name, shape: shape)
            node.forEachLeaf { leaves.append(Leaf($0, $1, $2, usesInt96)) }
        }
        return leaves
    }

    /// The column of the table that it belongs to.
    var name: String { path[0] }
    var isFlat: Bool { children.isEmpty }

    private init(_ node: SchemaNode, _ path: [String], _ children: [Int], _ usesInt96: Bool) {
        self.path = path
        self.children = children
        (definition, repetition, isKey) = (node.definition, node.repetition, node.isKey)
        let shape = node.shape
        self.shape = shape
        switch shape.type {
        case .boolean: (physical, width) = (.boolean, 0)
        case .int32, .date: (physical, width) = (.int32, 4)
        case .int64: (physical, width) = (.int64, 8)
        case .double: (physical, width) = (.double, 8)
        case .timestamp: (physical, width) = usesInt96 ? (.int96, 12) : (.int64, 8)
        case .string, .bytes, .json: (physical, width) = (.byteArray, 0)
        case .list, .map, .structure: preconditionFailure("a nested column has no values of its own")
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
        output.int32(3, isKey ? 0 : 1)
        output.text(4, path[path.count - 1])
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
        case .timestamp, .boolean, .int32, .int64, .double, .bytes, .list, .map, .structure: break
        }
    }
}
