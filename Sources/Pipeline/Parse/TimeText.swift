internal import Columns
internal import Event
internal import TimeZone

/// Times as text, to microseconds since the epoch. Nil on anything that is not a time of the layout, or
/// is before year 1 or after 9999.
///
/// Fractions beyond microseconds are cut off, never rounded up into the next second. A leap second
/// (`:60`) counts as the first second of the next minute; where the zone is known it must end a day of UTC.
enum TimeText {
    static let microsecondsPerSecond: Int64 = 1_000_000
    /// 0001-01-01T00:00:00Z, and the end of 9999-12-31.
    static let minimum = CivilDay.minimum * 86_400 * microsecondsPerSecond
    static let end = (CivilDay.maximum + 1) * 86_400 * microsecondsPerSecond

    /// `17/May/2015:10:05:03 +0000`, exactly 26 bytes.
    static func apache(_ text: ByteView) -> Int64? {
        guard text.count == 26, text[2] == slash, text[6] == slash, text[11] == colon, text[14] == colon,
            text[17] == colon, text[20] == space
        else { return nil }
        let year = two(text, 7) * 100 + two(text, 9)
        guard let month = month(text, at: 3), year >= 0,
            let day = CivilDay.checkedNumber(year: year, month: month, day: two(text, 0)),
            let clock = clock(two(text, 12), two(text, 15), two(text, 18)),
            let offset = offset(text, at: 21, hasColon: false)
        else { return nil }
        let seconds = day * 86_400 + clock - offset
        guard text[18] != UInt8(ascii: "6") || seconds % 86_400 == 0 else { return nil }
        return seconds * microsecondsPerSecond
    }

    /// `2026-11-20T12:34:56.789Z`; also `t`, `z`, a space for T, and `+0530`. Without a zone `hasZone` becomes
    /// false and the value is as if it were UTC.
    static func rfc3339(_ text: ByteView, _ hasZone: inout Bool) -> Int64? {
        guard text.count >= 19, let day = date(text.slice(0, 10)), text[13] == colon, text[16] == colon,
            text[10] | 0x20 == UInt8(ascii: "t") || text[10] == space,
            let clock = clock(two(text, 11), two(text, 14), two(text, 17))
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if index < text.count, text[index] == dot {
            index += 1
            guard let part = Self.fraction(text, &index) else { return nil }
            fraction = part
        }
        var offset: Int64 = 0
        hasZone = index < text.count
        if hasZone {
            if text[index] | 0x20 == UInt8(ascii: "z") {
                guard index + 1 == text.count else { return nil }
            } else {
                let rest = text.count - index
                guard rest == 5 || rest == 6, let found = Self.offset(text, at: index, hasColon: rest == 6)
                else { return nil }
                offset = found
            }
        }
        let seconds = day * 86_400 + clock - offset
        guard text[17] != UInt8(ascii: "6") || !hasZone || seconds % 86_400 == 0 else { return nil }
        return seconds * microsecondsPerSecond + fraction
    }

    /// `2026-11-20`, as days since 1970-01-01.
    static func date(_ text: ByteView) -> Int64? {
        guard text.count == 10, text[4] == minus, text[7] == minus else { return nil }
        let high = two(text, 0)
        let low = two(text, 2)
        guard high >= 0, low >= 0 else { return nil }
        return CivilDay.checkedNumber(year: high * 100 + low, month: two(text, 5), day: two(text, 8))
    }

    /// `Nov 20 12:34:56` (RFC 3164), the day with a blank, a zero or nothing before one digit; also with a year
    /// behind the day, and a fraction.
    static func syslog(_ text: ByteView) -> TimeParts? {
        guard text.count >= 14, let month = month(text, at: 0), text[3] == space else { return nil }
        var index = text[4] == space ? 5 : 4
        var parts = TimeParts()
        parts.month = month
        guard let day = upToTwo(text, &index), index < text.count, text[index] == space else { return nil }
        parts.day = day
        index += 1
        if index + 5 < text.count, text[index + 4] == space {
            let high = two(text, index)
            let low = two(text, index + 2)
            guard high >= 0, low >= 0 else { return nil }
            parts.year = high * 100 + low
            index += 5
        }
        guard index + 8 <= text.count, text[index + 2] == colon, text[index + 5] == colon,
            let clock = clock(two(text, index), two(text, index + 3), two(text, index + 6))
        else { return nil }
        parts.clock = clock
        index += 8
        if index < text.count, text[index] == dot {
            index += 1
            guard let fraction = fraction(text, &index) else { return nil }
            parts.microseconds = fraction
        }
        return index == text.count ? parts : nil
    }

    /// A number of units since the epoch, whole or with a fraction, in microseconds.
    static func epoch(_ text: ByteView, layout: TimeLayout) -> Int64? {
        let unitsPerSecond: Int64 =
            switch layout {
            case .epochMilliseconds: 1_000
            case .epochMicroseconds: 1_000_000
            case .epochNanoseconds: 1_000_000_000
            default: 1
            }
        var point = text.firstIndex(of: dot, from: 0)
        guard let whole = NumberText.int64(text.slice(0, point)) else { return nil }
        let hasFraction = point < text.count
        point += 1
        guard let fraction = hasFraction ? fraction(text, &point) : 0, !hasFraction || point == text.count else {
            return nil
        }
        if unitsPerSecond > microsecondsPerSecond {
            return CivilDay.floorDivide(whole, by: unitsPerSecond / microsecondsPerSecond)
        }
        let (product, overflow) = whole.multipliedReportingOverflow(by: microsecondsPerSecond / unitsPerSecond)
        guard !overflow else { return nil }
        let part = fraction / unitsPerSecond
        let isNegative = text[0] == minus
        let (sum, carry) =
            isNegative ? product.subtractingReportingOverflow(part) : product.addingReportingOverflow(part)
        return carry ? nil : sum
    }

    /// Millionths of the fraction whose digits begin at `index`, which moves behind them. Digits beyond six are
    /// cut off.
    static func fraction(_ text: ByteView, _ index: inout Int, maximumDigits: Int = .max) -> Int64? {
        let start = index
        var value: Int64 = 0
        while index < text.count, index - start < maximumDigits {
            let digit = text[index] &- 48
            guard digit < 10 else { break }
            if index - start < 6 { value = value * 10 + Int64(digit) }
            index += 1
        }
        guard index > start else { return nil }
        var digits = index - start
        while digits < 6 {
            value *= 10
            digits += 1
        }
        return value
    }

    /// `Z`, `+01`, `+0130` or `+01:30` in seconds; `index` moves behind it.
    static func offset(_ text: ByteView, _ index: inout Int) -> Int64? {
        guard index < text.count else { return nil }
        if text[index] | 0x20 == UInt8(ascii: "z") {
            index += 1
            return 0
        }
        let rest = text.count - index
        let isColon = rest >= 6 && text[index + 3] == colon
        if rest >= 5, isColon || text[index + 3] &- 48 < 10 {
            guard let found = offset(text, at: index, hasColon: isColon) else { return nil }
            index += isColon ? 6 : 5
            return found
        }
        guard rest >= 3, text[index] == UInt8(ascii: "+") || text[index] == minus else { return nil }
        let hours = two(text, index + 1)
        guard hours >= 0, hours <= 23 else { return nil }
        let isWest = text[index] == minus
        index += 3
        return isWest ? -hours * 3_600 : hours * 3_600
    }

    private static func upToTwo(_ text: ByteView, _ index: inout Int) -> Int64? {
        guard index < text.count, text[index] &- 48 < 10 else { return nil }
        var value = Int64(text[index] &- 48)
        index += 1
        if index < text.count, text[index] &- 48 < 10 {
            value = value * 10 + Int64(text[index] &- 48)
            index += 1
        }
        return value
    }

    private static func clock(_ hour: Int64, _ minute: Int64, _ second: Int64) -> Int64? {
        guard hour >= 0, hour <= 23, minute >= 0, minute <= 59, second >= 0, second <= 60 else { return nil }
        return hour * 3_600 + minute * 60 + second
    }

    /// `+0530` or `+05:30` in seconds.
    private static func offset(_ text: ByteView, at index: Int, hasColon: Bool) -> Int64? {
        let sign = text[index]
        guard sign == UInt8(ascii: "+") || sign == minus, !hasColon || text[index + 3] == colon else { return nil }
        let hours = two(text, index + 1)
        let minutes = two(text, index + (hasColon ? 4 : 3))
        guard hours >= 0, hours <= 23, minutes >= 0, minutes <= 59 else { return nil }
        let seconds = hours * 3_600 + minutes * 60
        return sign == minus ? -seconds : seconds
    }

    private static func month(_ text: ByteView, at index: Int) -> Int64? {
        let name = UInt32(text[index]) << 16 | UInt32(text[index + 1]) << 8 | UInt32(text[index + 2])
        return switch name {
        case 0x4A616E: 1
        case 0x466562: 2
        case 0x4D6172: 3
        case 0x417072: 4
        case 0x4D6179: 5
        case 0x4A756E: 6
        case 0x4A756C: 7
        case 0x417567: 8
        case 0x536570: 9
        case 0x4F6374: 10
        case 0x4E6F76: 11
        case 0x446563: 12
        default: nil
        }
    }

    /// Two digits, or a number below -9999 if they are none.
    private static func two(_ text: ByteView, _ index: Int) -> Int64 {
        let high = text[index] &- 48
        let low = text[index + 1] &- 48
        return high < 10 && low < 10 ? Int64(high) * 10 + Int64(low) : -1_000_000
    }
}

private let slash = UInt8(ascii: "/")
private let colon = UInt8(ascii: ":")
private let space = UInt8(ascii: " ")
private let dot = UInt8(ascii: ".")
private let minus = UInt8(ascii: "-")
