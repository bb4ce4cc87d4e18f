internal import Event
internal import JSON
internal import TimeZone

/// A date and time of day as written: may be a zero date, or a day that does not exist.
struct DateFields {
    var year: Int64 = 0
    var month: Int64 = 0
    var day: Int64 = 0
    var hour: Int64 = 0
    var minute: Int64 = 0
    var second: Int64 = 0
    var micro: Int64 = 0
    /// Minutes east of UTC, if the text says so.
    var offset: Int64?

    var isZero: Bool { year == 0 && month == 0 && day == 0 }

    init() {}

    /// The date of microseconds since the epoch; nil outside the years 0...9999.
    init?(micros: Int64) {
        let daySize: Int64 = 86_400_000_000
        let dayNumber = CivilDay.floorDivide(micros, by: daySize)
        guard dayNumber >= CivilDay.minimum - 366, dayNumber <= CivilDay.maximum else { return nil }
        var rest = micros - dayNumber * daySize
        (year, month, day) = CivilDay.date(of: dayNumber)
        micro = rest % 1_000_000
        rest /= 1_000_000
        second = rest % 60
        minute = rest / 60 % 60
        hour = rest / 3_600
    }

    /// `2024-02-29`, `2024-02-29 12:34:56.7`, `2024-02-29T12:34:56Z`, `2024-02-29Z`; nil if it is none.
    init?(_ text: ByteView) {
        var index = 0
        guard let year = Self.number(text, &index, 4), Self.take(text, &index, UInt8(ascii: "-")),
            let month = Self.number(text, &index, 2), Self.take(text, &index, UInt8(ascii: "-")),
            let day = Self.number(text, &index, 2), month <= 12, day <= 31
        else { return nil }
        (self.year, self.month, self.day) = (year, month, day)
        if index < text.count, text[index] == UInt8(ascii: " ") || text[index] | 0x20 == UInt8(ascii: "t") {
            index += 1
            guard clock(text, &index) else { return nil }
        }
        guard zone(text, &index), index == text.count else { return nil }
    }

    private mutating func clock(_ text: ByteView, _ index: inout Int) -> Bool {
        guard let hour = Self.number(text, &index, 2), Self.take(text, &index, UInt8(ascii: ":")),
            let minute = Self.number(text, &index, 2), hour < 24, minute < 60
        else { return false }
        (self.hour, self.minute) = (hour, minute)
        guard Self.take(text, &index, UInt8(ascii: ":")) else { return true }
        guard let second = Self.number(text, &index, 2), second < 60 else { return false }
        self.second = second
        guard Self.take(text, &index, UInt8(ascii: ".")) else { return true }
        guard let fraction = Self.fraction(text, &index) else { return false }
        micro = fraction
        return true
    }

    private mutating func zone(_ text: ByteView, _ index: inout Int) -> Bool {
        guard index < text.count else { return true }
        if text[index] | 0x20 == UInt8(ascii: "z") {
            index += 1
            offset = 0
            return true
        }
        let sign: Int64
        switch text[index] {
        case UInt8(ascii: "+"): sign = 1
        case UInt8(ascii: "-"): sign = -1
        default: return false
        }
        index += 1
        guard let hours = Self.number(text, &index, 2) else { return false }
        _ = Self.take(text, &index, UInt8(ascii: ":"))
        guard let minutes = Self.number(text, &index, 2) else { return false }
        offset = sign * (hours * 60 + minutes)
        return true
    }

    /// Microseconds since the epoch as if UTC; nil if there is no such day.
    var micros: Int64? {
        guard let day = CivilDay.checkedNumber(year: year, month: month, day: day) else { return nil }
        return (day * 86_400 + hour * 3_600 + minute * 60 + second) * 1_000_000 + micro
    }

    /// Days since the epoch; nil if there is no such day.
    var dayNumber: Int64? { CivilDay.checkedNumber(year: year, month: month, day: day) }

    func writeDate(to scratch: Scratch) {
        scratch.append(digits: year, width: 4)
        scratch.append(UInt8(ascii: "-"))
        scratch.append(digits: month, width: 2)
        scratch.append(UInt8(ascii: "-"))
        scratch.append(digits: day, width: 2)
    }

    /// As the server prints a DATETIME of that many digits.
    func write(fraction: Int, to scratch: Scratch) {
        writeDate(to: scratch)
        scratch.append(UInt8(ascii: " "))
        scratch.append(digits: hour, width: 2)
        scratch.append(UInt8(ascii: ":"))
        scratch.append(digits: minute, width: 2)
        scratch.append(UInt8(ascii: ":"))
        scratch.append(digits: second, width: 2)
        Self.writeFraction(micro, fraction, to: scratch)
    }

    static func writeFraction(_ micro: Int64, _ digits: Int, to scratch: Scratch) {
        guard digits > 0 else { return }
        scratch.append(UInt8(ascii: "."))
        var value = micro
        for _ in digits..<6 { value /= 10 }
        scratch.append(digits: value, width: digits)
    }

    static func number(_ text: ByteView, _ index: inout Int, _ width: Int) -> Int64? {
        guard index + width <= text.count else { return nil }
        var value: Int64 = 0
        for _ in 0..<width {
            let digit = text[index] &- 48
            guard digit < 10 else { return nil }
            value = value * 10 + Int64(digit)
            index += 1
        }
        return value
    }

    static func take(_ text: ByteView, _ index: inout Int, _ byte: UInt8) -> Bool {
        guard index < text.count, text[index] == byte else { return false }
        index += 1
        return true
    }

    /// Up to nine digits behind the point, as microseconds.
    static func fraction(_ text: ByteView, _ index: inout Int) -> Int64? {
        var value: Int64 = 0
        var digitCount = 0
        while index < text.count, text[index] &- 48 < 10 {
            guard digitCount < 9 else { return nil }
            if digitCount < 6 { value = value * 10 + Int64(text[index] &- 48) }
            digitCount += 1
            index += 1
        }
        while digitCount < 6 {
            value *= 10
            digitCount += 1
        }
        return value
    }
}

/// A TIME: signed, up to 838 hours.
enum ClockText {
    /// The largest TIME in microseconds.
    static let maximum: Int64 = 3_020_399_999_999

    /// Microseconds of `-838:59:59.000`, `07:00`, `24:00:00Z`; nil if it is none.
    static func micros(_ text: ByteView) -> Int64? {
        var index = 0
        let isNegative = DateFields.take(text, &index, UInt8(ascii: "-"))
        var hour: Int64 = 0
        let from = index
        while index < text.count, text[index] &- 48 < 10, index - from < 3 {
            hour = hour * 10 + Int64(text[index] &- 48)
            index += 1
        }
        guard index > from, DateFields.take(text, &index, UInt8(ascii: ":")),
            let minute = DateFields.number(text, &index, 2), minute < 60
        else { return nil }
        var second: Int64 = 0
        var micro: Int64 = 0
        if DateFields.take(text, &index, UInt8(ascii: ":")) {
            guard let found = DateFields.number(text, &index, 2), found < 60 else { return nil }
            second = found
            if DateFields.take(text, &index, UInt8(ascii: ".")) {
                guard let fraction = DateFields.fraction(text, &index) else { return nil }
                micro = fraction
            }
        }
        _ = DateFields.take(text, &index, UInt8(ascii: "Z"))
        guard index == text.count else { return nil }
        let value = ((hour * 60 + minute) * 60 + second) * 1_000_000 + micro
        guard value <= maximum else { return nil }
        return isNegative ? -value : value
    }

    /// As the server prints a TIME of that many digits.
    static func write(_ micros: Int64, fraction: Int, to scratch: Scratch) {
        if micros < 0 { scratch.append(UInt8(ascii: "-")) }
        let value = Int64(clamping: micros.magnitude)
        let seconds = value / 1_000_000
        scratch.append(digits: seconds / 3_600, width: 2)
        scratch.append(UInt8(ascii: ":"))
        scratch.append(digits: seconds / 60 % 60, width: 2)
        scratch.append(UInt8(ascii: ":"))
        scratch.append(digits: seconds % 60, width: 2)
        DateFields.writeFraction(value % 1_000_000, fraction, to: scratch)
    }
}
