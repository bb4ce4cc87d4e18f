internal import Columns
internal import Event
internal import JSON

/// What an ALTER makes of a value where its text does not tell it: numbers of ENUMs and SETs, times as numbers and
/// numbers as times, floating point as text.
///
/// Follows Field::get_copy_func and Field_*::store (sql/field.cc), number_to_datetime and number_to_time
/// (sql-common/my_time.c) and my_gcvt (strings/dtoa.c) of MariaDB 10.11, in strict mode. MySQL's are the same but for
/// fractions of a second, which it rounds. Not for values that are null.
struct ServerConversion {
    /// A number as the server hands it from one type to another.
    private enum Number {
        /// In units of 10^-18.
        case exact(Int128)
        case real(Double)
    }

    private static let unit = DecimalText.power(18)

    private let old: MySQLType
    private let from: ColumnCodec
    private let to: ColumnCodec

    init(_ old: MySQLType, _ from: ColumnCodec, _ to: ColumnCodec) {
        (self.old, self.from, self.to) = (old, from, to)
    }

    /// Appends the value; nil: its text is what counts. False: it does not fit, and nothing was appended.
    func append(_ column: Column, _ row: Int, to target: Column) -> Bool? {
        let text = Scratch(capacity: 128)
        from.write(column, row, to: text)
        switch to.kind {
        case .enum, .set:
            if isNumeric { return number(text.view).flatMap(whole).map { append(member: $0, to: target) } ?? false }
            return append(memberOf: text.view, to: target)
        case .year: return number(text.view).map { append(year: $0, text.view, to: target) } ?? false
        case .bit, .tinyint, .smallint, .mediumint, .int, .bigint:
            guard let number = number(text.view), let whole = whole(number) else { return false }
            return to.kind == .bit ? whole >= 0 && to.append(bits: whole, to: target)
                : to.append(integer: whole, to: target)
        case .decimal, .float, .double: return append(numberOf: text.view, to: target)
        case .time: return append(timeOf: text.view, to: target)
        case .date, .datetime, .timestamp: return append(dateOf: text.view, to: target)
        default: return append(textOf: text.view, column, row, to: target)
        }
    }

    // MARK: Numbers

    private var isMember: Bool { from.kind == .enum || from.kind == .set }
    private var isReal: Bool { from.kind == .float || from.kind == .double }
    private var isMoment: Bool { old.isTime }
    private var isNumeric: Bool {
        from.isInteger || isReal || from.kind == .decimal || from.kind == .bit || from.kind == .year
    }

    private func number(_ text: ByteView) -> Number? {
        if isMember { return index(of: text).map { .exact($0 * Self.unit) } }
        if isReal { return NumberFormat.double(text).map { .real($0) } }
        if isMoment || from.kind == .time {
            // `2024-02-29 12:34:56.7` is 20240229123456.7.
            let digits = text.array.filter { $0 != 0x3A && $0 != 0x20 && ($0 != 0x2D || from.kind == .time) }
            return exact(digits)
        }
        return exact(Self.trimmed(text))
    }

    private func exact(_ digits: [UInt8]) -> Number? {
        let value = unsafe digits.withUnsafeBytes { bytes in
            try? DecimalText.parse(unsafe ByteView(bytes), precision: 38, scale: 18)
        }
        return value.map { .exact($0) }
    }

    /// Rounded as the server does: halves away from zero, of floating point to the even; fractions of seconds are cut.
    private func whole(_ number: Number) -> Int128? {
        switch number {
        case .exact(let value):
            if isMoment || from.kind == .time { return value / Self.unit }
            return (value + (value < 0 ? -Self.unit / 2 : Self.unit / 2)) / Self.unit
        case .real(let value):
            guard value.magnitude < 1e30 else { return nil }
            return Int128(value.rounded(.toNearestOrEven))
        }
    }

    private static func power(_ count: Int) -> Int64 { Int64(DecimalText.power(count)) }

    private static func trimmed(_ text: ByteView) -> [UInt8] {
        let isBlank = { (byte: UInt8) in byte == 0x20 || (9...13).contains(byte) }
        return text.array.drop(while: isBlank).reversed().drop(while: isBlank).reversed()
    }

    private func append(numberOf text: ByteView, to target: Column) -> Bool {
        guard !text.isEmpty || isMember else { return false }
        var digits = Self.trimmed(text)
        if isMember || isMoment || from.kind == .time {
            guard case .exact(let value) = number(text) else { return false }
            digits = Self.text(value)
        }
        return append(digits, to: target)
    }

    /// `-12.5` of units of 10^-18.
    private static func text(_ value: Int128) -> [UInt8] {
        let fraction = String(value.magnitude % unit.magnitude)
        let text = (value < 0 ? "-" : "") + String(value.magnitude / unit.magnitude)
        guard fraction != "0" else { return Array(text.utf8) }
        return Array((text + "." + String(repeating: "0", count: 18 - fraction.utf8.count) + fraction).utf8)
    }

    /// Rounded where a decimal has too few digits.
    private func append(_ text: [UInt8], to target: Column) -> Bool {
        var losses = LossCounts()
        let isFit = unsafe text.withUnsafeBytes {
            to.append(unsafe ByteView($0), to: target, Scratch(capacity: 64), &losses)
        }
        return isFit ? true : to.kind == .decimal ? appendRounded(text, to: target) : false
    }

    private func appendRounded(_ text: [UInt8], to target: Column) -> Bool {
        guard case .exact(let value) = exact(text), to.shape.type == .decimal, to.shape.scale <= 18 else {
            return false
        }
        let unit = DecimalText.power(18 - to.shape.scale)
        let rounded = (value + (value < 0 ? -unit / 2 : unit / 2)) / unit
        guard rounded.magnitude < DecimalText.power(to.shape.precision).magnitude else { return false }
        target.append(decimal: rounded)
        return true
    }

    private func append(year number: Number, _ text: ByteView, to target: Column) -> Bool {
        var year: Int128
        switch number {
        case .exact: year = whole(number) ?? -1
        case .real(let value): year = value.magnitude < 1e9 ? Int128(value) : -1
        }
        let isText = !isNumeric && !isMember
        if year == 0, isText, Self.trimmed(text).count != 4 { year = 2_000 }
        if (1..<70).contains(year) { year += 2_000 } else if (70..<100).contains(year) { year += 1_900 }
        guard year == 0 || (1_901...2_155).contains(year) else { return false }
        target.append(Int64(year))
        return true
    }

    // MARK: Members

    /// The number of an ENUM's member, from 1; the bits of a SET's.
    private func index(of text: ByteView) -> Int128? {
        if from.kind == .enum {
            if text.isEmpty { return 0 }
            return from.members.firstIndex { $0.elementsEqual(text) }.map { Int128($0 + 1) }
        }
        var mask: Int128 = 0
        for part in text.array.split(separator: UInt8(ascii: ",")) {
            guard let bit = from.members.firstIndex(where: { $0.elementsEqual(part) }), bit < 64 else { return nil }
            mask |= 1 << Int128(bit)
        }
        return mask
    }

    private func append(member number: Int128, to target: Column) -> Bool {
        if to.kind == .enum {
            guard number > 0, number <= Int128(to.members.count) else { return false }
            return append(plain: to.members[Int(number) - 1], to: target)
        }
        guard number >= 0, number >> Int128(min(to.members.count, 64)) == 0 else { return false }
        let chosen = to.members.indices.filter { number >> Int128($0) & 1 == 1 }.map { to.members[$0] }
        return append(plain: Array(chosen.joined(separator: [UInt8(ascii: ",")])), to: target)
    }

    /// By its name, else by its number.
    private func append(memberOf text: ByteView, to target: Column) -> Bool {
        var bytes = text.array
        while bytes.last == 0x20 { bytes.removeLast() }
        if to.kind == .enum {
            if let member = find(bytes) { return append(plain: to.members[member], to: target) }
        } else {
            if bytes.isEmpty { return append(plain: [], to: target) }
            let members = bytes.split(separator: UInt8(ascii: ",")).map { find(Array($0)) }
            if !members.contains(nil) {
                let mask = members.reduce(Int128(0)) { $0 | 1 << Int128($1 ?? 0) }
                return append(member: mask, to: target)
            }
        }
        guard case .exact(let value) = exact(Self.trimmed(text)), value % Self.unit == 0, value > 0 else {
            return false
        }
        return append(member: value / Self.unit, to: target)
    }

    private func find(_ name: [UInt8]) -> Int? {
        if let exact = to.members.firstIndex(of: name) { return exact }
        let lower = String(decoding: name, as: UTF8.self).lowercased()
        return to.type.members.firstIndex { $0.lowercased() == lower }
    }

    private func append(plain bytes: [UInt8], to target: Column) -> Bool {
        unsafe bytes.withUnsafeBytes { target.append(unsafe ByteView($0)) }
        return true
    }

    // MARK: Times

    private func append(timeOf text: ByteView, to target: Column) -> Bool? {
        let scratch = Scratch(capacity: 64)
        if isMoment || !isNumeric, let fields = DateFields(text) {
            let seconds = fields.hour * 3_600 + fields.minute * 60 + fields.second
            to.append(clock: seconds * 1_000_000 + fields.micro, to: target, scratch)
            return true
        }
        if !isNumeric, text.firstIndex(of: UInt8(ascii: ":"), from: 0) < text.count { return nil }
        guard let (whole, micro, isNegative) = parts(text), let digits = Int64(exactly: whole) else { return false }
        var clock = digits
        if digits > 8_385_959 {
            guard !isNegative, let fields = fields(digits, micro) else { return false }
            clock = fields.hour * 10_000 + fields.minute * 100 + fields.second
        }
        let (hour, minute, second) = (clock / 10_000, clock / 100 % 100, clock % 100)
        guard hour <= 838, minute < 60, second < 60 else { return false }
        var micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
        // Why: what is cut off is no part of a sign either.
        for digits in 1...6 where digits <= 6 - to.fraction { micros -= micros % Self.power(digits) }
        to.append(clock: isNegative ? -micros : micros, to: target, scratch)
        return true
    }

    private func append(dateOf text: ByteView, to target: Column) -> Bool? {
        // Why: a TIME becomes a time of the day of the statement.
        if isMoment || from.kind == .time { return nil }
        if !isNumeric, text.firstIndex(of: UInt8(ascii: "-"), from: 0) < text.count { return nil }
        guard let (whole, micro, isNegative) = parts(text), !isNegative, let digits = Int64(exactly: whole),
            let fields = fields(digits, micro)
        else { return false }
        var losses = LossCounts()
        return to.append(fields, to: target, Scratch(capacity: 64), &losses)
    }

    /// A number before its point, and behind it in millionths.
    private func parts(_ text: ByteView) -> (whole: Int128, micro: Int64, isNegative: Bool)? {
        let value: Int128
        switch isMember ? exact(Self.trimmed(text)) : number(text) {
        case .exact(let found): value = found
        case .real(let found):
            guard found.magnitude < 1e18 else { return nil }
            let seconds = found.magnitude.rounded(.down)
            let micro = Int128(((found.magnitude - seconds) * 1e6).rounded(.down))
            value = (Int128(seconds) * Self.unit + micro * (Self.unit / 1_000_000)) * (found < 0 ? -1 : 1)
        case nil: return nil
        }
        let size = Int128(value.magnitude)
        return (size / Self.unit, Int64(size % Self.unit / (Self.unit / 1_000_000)), value < 0)
    }

    /// `20240229`, `240229`, `20240229123456`, `240229123456` as a date; nil if it is none.
    private func fields(_ digits: Int64, _ micro: Int64) -> DateFields? {
        var number = digits
        switch digits {
        case 0, 10_000_101_000_000...: break
        case 101...691_231: number = (digits + 20_000_000) * 1_000_000
        case 700_101...991_231: number = (digits + 19_000_000) * 1_000_000
        case 10_000_101...99_991_231: number = digits * 1_000_000
        case 101_000_000...691_231_235_959: number = digits + 20_000_000_000_000
        case 700_101_000_000...991_231_235_959: number = digits + 19_000_000_000_000
        default: return nil
        }
        var fields = DateFields()
        fields.year = number / 10_000_000_000
        (fields.month, fields.day) = (number / 100_000_000 % 100, number / 1_000_000 % 100)
        (fields.hour, fields.minute, fields.second) = (number / 10_000 % 100, number / 100 % 100, number % 100)
        fields.micro = micro
        guard fields.year <= 9_999, fields.month <= 12, fields.day <= 31, fields.hour < 24, fields.minute < 60,
            fields.second < 60
        else { return nil }
        return fields
    }

    // MARK: Texts

    private func append(textOf text: ByteView, _ column: Column, _ row: Int, to target: Column) -> Bool? {
        var bytes: [UInt8]?
        if isReal {
            var shown: [UInt8] = []
            let value = column.double(row)
            if from.kind == .float {
                FloatingText.append(float: value, to: &shown)
            } else {
                FloatingText.append(value, to: &shown)
            }
            bytes = shown
        } else if from.kind == .year, text.count < 4 {
            bytes = Array("0000".utf8)
        } else if from.kind == .bit, let width = Self.rawWidth(to.kind, from.bitCount) {
            let value = column.type == .decimal ? column.decimal(row) : Int128(column.integer(row))
            bytes = (0..<width).reversed().map { UInt8(truncatingIfNeeded: value >> Int128(8 * $0)) }
        } else if from.isInteger, old.isZerofill {
            let width = min(old.length ?? Self.displayWidth(from.kind), Self.maximumDisplayWidth)
            bytes = Array(repeating: UInt8(ascii: "0"), count: max(0, width - text.count)) + text.array
        }
        if to.kind == .char {
            var trimmed = bytes ?? text.array
            while trimmed.last == 0x20 { trimmed.removeLast() }
            return append(plain: trimmed, to: target)
        }
        return bytes.flatMap { append($0, to: target) }
    }

    /// A BIT becomes its bytes in a TEXT or BLOB, and its number in a CHAR or BINARY of any kind.
    private static func rawWidth(_ kind: MySQLType.Kind, _ bitCount: Int) -> Int? {
        switch kind {
        case .tinytext, .text, .mediumtext, .longtext, .tinyblob, .blob, .mediumblob, .longblob: (bitCount + 7) / 8
        default: nil
        }
    }

    private static let maximumDisplayWidth = 255

    private static func displayWidth(_ kind: MySQLType.Kind) -> Int {
        switch kind {
        case .tinyint: 3
        case .smallint: 5
        case .mediumint: 8
        case .int: 10
        default: 20
        }
    }
}
