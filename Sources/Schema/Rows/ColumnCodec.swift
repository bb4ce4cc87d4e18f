internal import Columns
internal import Event
internal import JSON

/// Reads values of one column from text as the server prints it, and prints them so.
///
/// The text form is what all of a value's ways have in common: a tool's record, a default, a conversion.
///
/// Why a class: a type has names and members, and a copy of it for every value would be counted reference by reference.
final class ColumnCodec: Sendable {
    let type: MySQLType
    let shape: ColumnShape
    let kind: MySQLType.Kind
    let isInteger: Bool
    let isUnsigned: Bool
    let isText: Bool
    let isBytes: Bool
    let isGeometry: Bool
    let fraction: Int
    /// A time that Debezium may count.
    let isCountedTime: Bool
    let bitCount: Int
    /// Text of a character set that is not Unicode.
    let hasOtherCharset: Bool
    private let isDecimal: Bool
    let dates: DateRule
    /// Members of an ENUM or SET as bytes.
    let members: [[UInt8]]
    private let smallest: Int128
    private let largest: Int128

    init(_ type: MySQLType, shape: ColumnShape, dates: DateRule) {
        self.type = type
        self.shape = shape
        self.dates = dates
        members = type.members.map { Array($0.utf8) }
        (smallest, largest) = type.range
        kind = type.kind
        isInteger = type.isInteger
        isUnsigned = type.isUnsigned
        isText = type.isText
        isBytes = type.isBytes
        isGeometry = type.isGeometry
        fraction = type.fraction
        isCountedTime = kind == .time || kind == .datetime || kind == .timestamp
        bitCount = type.bitCount
        hasOtherCharset = type.isText && type.charset.map { !Charset.isUnicode($0) } ?? false
        isDecimal = shape.type == .decimal
    }

    /// Appends the value of a text; false, and nothing appended, if it is none of the type.
    func append(_ text: ByteView, to column: Column, _ scratch: Scratch, _ losses: inout LossCounts) -> Bool {
        switch kind {
        case .tinyint, .smallint, .mediumint, .int, .bigint:
            guard let value = IntegerText.parse(text) else { return false }
            return append(integer: value, to: column)
        case .bit:
            guard let value = IntegerText.parse(text), value >= 0 else { return false }
            return append(bits: value, to: column)
        case .year:
            guard let value = IntegerText.parse(text), value == 0 || (1_901...2_155).contains(value) else {
                return false
            }
            column.append(Int64(value))
            return true
        case .decimal: return appendDecimal(text, to: column, scratch)
        case .float:
            guard let value = NumberFormat.double(text) else { return false }
            let narrow = Float(value)
            guard narrow.isFinite else { return false }
            column.append(Double(narrow))
            return true
        case .double:
            guard let value = NumberFormat.double(text) else { return false }
            column.append(value)
            return true
        case .date, .datetime, .timestamp:
            guard let fields = DateFields(text) else { return false }
            return append(fields, to: column, scratch, &losses)
        case .time:
            guard let micros = ClockText.micros(text) else { return false }
            append(clock: micros, to: column, scratch)
            return true
        default:
            if shape.type == .bytes { appendPadded(text, to: column, scratch) } else { column.append(text) }
            return true
        }
    }

    func append(integer value: Int128, to column: Column) -> Bool {
        guard value >= smallest, value <= largest else { return false }
        if isDecimal {
            column.append(decimal: value)
        } else {
            guard let word = Int64(exactly: value) else { return false }
            column.append(word)
        }
        return true
    }

    func append(bits value: Int128, to column: Column) -> Bool {
        guard value >> Int128(bitCount) == 0 else { return false }
        if isDecimal { column.append(decimal: value) } else { column.append(Int64(value)) }
        return true
    }

    private func appendDecimal(_ text: ByteView, to column: Column, _ scratch: Scratch) -> Bool {
        if isDecimal {
            guard let value = try? DecimalText.parse(text, precision: shape.precision, scale: shape.scale) else {
                return false
            }
            column.append(decimal: value)
            return true
        }
        scratch.removeAll()
        guard LongDecimal.normalize(text, precision: type.precision, scale: type.scale ?? 0, into: scratch) else {
            return false
        }
        column.append(scratch.view)
        return true
    }

    /// A date: typed where there is such a day, else null and counted; or as text.
    func append(_ fields: DateFields, to column: Column, _ scratch: Scratch, _ losses: inout LossCounts) -> Bool {
        if dates == .text {
            scratch.removeAll()
            if kind == .date {
                fields.writeDate(to: scratch)
            } else {
                fields.write(fraction: fraction, to: scratch)
            }
            column.append(scratch.view)
            return true
        }
        if let word = kind == .date ? fields.dayNumber : fields.micros {
            column.append(word)
        } else {
            losses.add(.zeroDate)
            column.appendNull()
        }
        return true
    }

    func append(clock micros: Int64, to column: Column, _ scratch: Scratch) {
        scratch.removeAll()
        ClockText.write(micros, fraction: fraction, to: scratch)
        column.append(scratch.view)
    }

    /// Bytes, those of a BINARY(n) filled up with zeros: tools leave them out.
    func appendPadded(_ bytes: ByteView, to column: Column, _ scratch: Scratch) {
        let width = kind == .binary ? type.length ?? 1 : 0
        guard bytes.count < width, width <= 255 else {
            column.append(bytes)
            return
        }
        scratch.removeAll()
        scratch.append(bytes)
        while scratch.count < width { scratch.append(0) }
        column.append(scratch.view)
    }

    /// Appends the text of a value to the scratch, as the server prints it. The value is not null.
    func write(_ column: Column, _ row: Int, to scratch: Scratch) {
        switch shape.type {
        case .decimal:
            let value = column.decimal(row)
            unsafe scratch.append(size: DecimalText.maximumByteCount) {
                unsafe DecimalText.write(value, scale: shape.scale, to: $0)
            }
        case .double:
            let value = column.double(row)
            unsafe scratch.append(size: NumberFormat.maximumByteCount) { unsafe NumberFormat.write(value, to: $0) }
        case .date, .timestamp:
            let isDate = shape.type == .date
            let word = column.integer(row)
            guard let fields = DateFields(micros: isDate ? word &* 86_400_000_000 : word) else { return }
            if isDate { fields.writeDate(to: scratch) } else { fields.write(fraction: fraction, to: scratch) }
        case .string, .json, .bytes: scratch.append(column.bytes(row))
        default: scratch.append(integer: column.integer(row))
        }
    }
}

/// Integers of up to 20 digits as text.
enum IntegerText {
    /// The number of `-12`; nil if it is none, or beyond 64 bits on either side.
    static func parse(_ text: ByteView) -> Int128? {
        var index = 0
        var isNegative = false
        if text.count > 0, text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
            isNegative = text[0] == UInt8(ascii: "-")
            index = 1
        }
        guard index < text.count, text.count - index <= 40 else { return nil }
        var value: UInt64 = 0
        while index < text.count {
            let digit = text[index] &- 48
            guard digit < 10 else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit))
            guard !overflow, !carry else { return nil }
            value = sum
            index &+= 1
        }
        return isNegative ? -Int128(value) : Int128(value)
    }
}

/// Decimals of more digits than 128 bits hold, as text.
enum LongDecimal {
    /// Writes `-12.50` with all digits of the scale; false if it is no number or does not fit.
    static func normalize(_ text: ByteView, precision: Int, scale: Int, into scratch: Scratch) -> Bool {
        var digits: [UInt8] = []
        var pointShift = 0
        var index = 0
        var isNegative = false
        if text.count > 0, text[0] == UInt8(ascii: "-") || text[0] == UInt8(ascii: "+") {
            isNegative = text[0] == UInt8(ascii: "-")
            index = 1
        }
        var hasPoint = false
        var seen = false
        while index < text.count {
            let byte = text[index]
            if byte &- 48 < 10 {
                seen = true
                if hasPoint { pointShift -= 1 }
                if byte != 48 || !digits.isEmpty { digits.append(byte - 48) }
                guard digits.count <= 1_000 else { return false }
            } else if byte == UInt8(ascii: "."), !hasPoint {
                hasPoint = true
            } else {
                break
            }
            index += 1
        }
        guard seen else { return false }
        if index < text.count {
            guard text[index] | 0x20 == UInt8(ascii: "e"),
                let exponent = IntegerText.parse(text.slice(index + 1, text.count)), exponent.magnitude < 1_000
            else { return false }
            pointShift += Int(exponent)
        }
        return write(&digits, pointShift + scale, isNegative, precision, scale, into: scratch)
    }

    /// Writes digits that stand for `digits * 10^(shift - scale)`.
    private static func write(
        _ digits: inout [UInt8], _ shift: Int, _ isNegative: Bool, _ precision: Int, _ scale: Int, into scratch: Scratch
    ) -> Bool {
        if digits.isEmpty {
            digits = [0]
        } else if shift >= 0 {
            guard digits.count + shift <= precision else { return false }
            digits += [UInt8](repeating: 0, count: shift)
        } else {
            for _ in 0..<min(-shift, digits.count) {
                guard digits.removeLast() == 0 else { return false }
            }
            if digits.isEmpty { digits = [0] }
        }
        guard digits.count <= precision else { return false }
        while digits.count <= scale { digits.insert(0, at: 0) }
        if isNegative, digits.contains(where: { $0 != 0 }) { scratch.append(UInt8(ascii: "-")) }
        for (at, digit) in digits.enumerated() {
            if scale > 0, at == digits.count - scale { scratch.append(UInt8(ascii: ".")) }
            scratch.append(48 + digit)
        }
        return true
    }

    /// Writes the number of two's complement bytes, big-endian, at a scale.
    static func write(_ bytes: ByteView, precision: Int, scale: Int, into scratch: Scratch) -> Bool {
        guard bytes.count > 0, bytes.count <= 64 else { return false }
        var number = bytes.array
        let isNegative = number[0] >= 0x80
        if isNegative {
            var carry = true
            for index in number.indices.reversed() {
                let inverted = ~number[index]
                number[index] = carry ? inverted &+ 1 : inverted
                carry = carry && number[index] == 0
            }
        }
        var digits: [UInt8] = []
        while number.contains(where: { $0 != 0 }) {
            var rest = 0
            for index in number.indices {
                let value = rest << 8 | Int(number[index])
                number[index] = UInt8(value / 10)
                rest = value % 10
            }
            digits.append(UInt8(rest))
        }
        digits.reverse()
        return write(&digits, 0, isNegative, precision, scale, into: scratch)
    }
}
