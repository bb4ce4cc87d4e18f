internal import Columns
internal import Event

/// How stored values become ours.
enum Conversion: Sendable, Equatable {
    /// The stored word as it is: booleans, int32, int64, doubles, days, microseconds.
    case word
    case unsigned32
    case float
    case milliseconds, nanoseconds
    case int96
    /// Bytes as they are.
    case bytes
    /// A decimal in a word, or big-endian in bytes.
    case decimalWord, decimalBytes
}

/// One column of values of a file that is read: what the schema says, and what it becomes.
struct StoredColumn: Sendable {
    var name = ""
    var shape = ColumnShape(.bytes)
    var physical = PhysicalType.byteArray
    /// Bytes of a value; 0 where they vary, and for booleans.
    var width = 0
    var conversion = Conversion.bytes
    /// Whether there is a definition level of its own.
    var isOptional = true
    /// The definition level of a value, and the repetition level of an element of the innermost list; settled by
    /// `StoredField`.
    var definition = 0
    var repetition = 0
    /// Why values cannot be read, or nil.
    var refusal: String?

    // As the schema has them.
    private var typeNumber: Int?
    private var typeLength = 0
    private(set) var repeats = false
    private(set) var childCount = 0
    private(set) var converted: Int?
    private var precision = 0
    private var scale = 0
    private(set) var logical: Int?
    private var timeUnit = 2
    private var integerWidth = 0
    private var isSigned = true

    init() {}

    /// Reads a SchemaElement. Source: parquet.thrift.
    init(_ input: inout ThriftInput) throws(Failure) {
        var column = StoredColumn()
        // Without a repetition: the root.
        column.isOptional = false
        try input.structure { input, field throws(Failure) in
            switch field.id {
            case 1: column.typeNumber = try input.size("a type")
            case 2: column.typeLength = try input.size("a type's length", maximum: 1 << 20)
            case 3:
                let repetition = try input.size("a repetition", maximum: 2)
                column.isOptional = repetition == 1
                column.repeats = repetition == 2
            case 4: column.name = try input.text()
            case 5: column.childCount = try input.size("a count of children", maximum: 1 << 24)
            case 6: column.converted = try input.size("a converted type")
            case 7: column.scale = Int(truncatingIfNeeded: try input.integer())
            case 8: column.precision = Int(truncatingIfNeeded: try input.integer())
            case 10: try column.readLogical(&input)
            default: return false
            }
            return true
        }
        self = column
        if childCount == 0 { try interpret() }
    }

    private mutating func readLogical(_ input: inout ThriftInput) throws(Failure) {
        var (logical, unit, width, signed) = (self.logical, timeUnit, integerWidth, isSigned)
        try input.structure { input, field throws(Failure) in
            logical = field.id
            switch field.id {
            case 8:
                try input.structure { input, field throws(Failure) in
                    guard field.id == 2 else { return false }
                    try input.structure { _, field throws(Failure) in
                        unit = field.id
                        return false
                    }
                    return true
                }
                return true
            case 10:
                try input.structure { input, field throws(Failure) in
                    if field.id == 1, field.kind == 3 { width = Int(try input.rawByte()) } else if field.id == 2 {
                        signed = field.isTrue
                    } else {
                        return false
                    }
                    return true
                }
                return true
            default: return false
            }
        }
        (self.logical, timeUnit, integerWidth, isSigned) = (logical, unit, width, signed)
    }

    private mutating func interpret() throws(Failure) {
        guard let number = typeNumber, let type = PhysicalType(rawValue: number) else {
            throw Damage.corrupt("column \(name.debugDescription) has an unknown type")
        }
        physical = type
        if repeats { refusal = "a repeated column" }
        switch type {
        case .boolean: (width, conversion, shape) = (0, .word, ColumnShape(.boolean))
        case .int32: interpretInt32()
        case .int64: interpretInt64()
        case .int96: (width, conversion, shape) = (12, .int96, ColumnShape(.timestamp))
        case .float: (width, conversion, shape) = (4, .float, ColumnShape(.double))
        case .double: (width, conversion, shape) = (8, .word, ColumnShape(.double))
        case .byteArray: interpretBytes()
        case .fixed:
            guard typeLength > 0 else { throw Damage.corrupt("column \(name.debugDescription) has no length") }
            width = typeLength
            interpretBytes()
        }
    }

    private var isDecimal: Bool { converted == 5 || logical == 5 }

    private mutating func interpretDecimal(_ conversion: Conversion) {
        self.conversion = conversion
        guard (1...ColumnShape.maximumPrecision).contains(precision), (0...precision).contains(scale), width <= 16
        else {
            refusal = "a decimal of \(precision) digits"
            return
        }
        shape = ColumnShape(.decimal, precision: precision, scale: scale)
    }

    private mutating func interpretInt32() {
        width = 4
        if isDecimal { return interpretDecimal(.decimalWord) }
        if converted == 6 || logical == 6 {
            (conversion, shape) = (.word, ColumnShape(.date))
        } else if converted == 13 || logical == 10 && !isSigned && integerWidth == 32 {
            (conversion, shape) = (.unsigned32, ColumnShape(.int64))
        } else {
            (conversion, shape) = (.word, ColumnShape(.int32))
        }
    }

    private mutating func interpretInt64() {
        width = 8
        if isDecimal { return interpretDecimal(.decimalWord) }
        if logical == 8 || converted == 9 || converted == 10 {
            let unit = logical == 8 ? timeUnit : (converted == 9 ? 1 : 2)
            conversion = unit == 1 ? .milliseconds : (unit == 2 ? .word : .nanoseconds)
            shape = ColumnShape(.timestamp)
        } else {
            if converted == 14 || logical == 10 && !isSigned { refusal = "an unsigned 64-bit number" }
            (conversion, shape) = (.word, ColumnShape(.int64))
        }
    }

    private mutating func interpretBytes() {
        if isDecimal { return interpretDecimal(.decimalBytes) }
        conversion = .bytes
        switch (logical, converted) {
        case (1, _), (nil, 0), (4, _), (nil, 4): shape = ColumnShape(.string)
        case (12, _), (nil, 19): shape = ColumnShape(.json)
        default: shape = ColumnShape(.bytes)
        }
    }
}
