internal import Columns
internal import Event
internal import TimeZone

/// Times as text, to microseconds since the epoch. Nil on anything that is not a time of the layout, or
/// is before year 1 or after 9999.
///
/// Fractions beyond microseconds are cut off, never rounded up into the next second. A leap second
/// (`:60`) counts as the first second of the next minute.
enum TimeText {
    static let microsecondsPerSecond: Int64 = 1_000_000
    /// 0001-01-01T00:00:00Z, and the end of 9999-12-31.
    static let minimum = CivilDay.minimum * 86_400 * microsecondsPerSecond
    static let end = (CivilDay.maximum + 1) * 86_400 * microsecondsPerSecond

    static func microseconds(_ text: ByteView, layout: TimeLayout) -> Int64? {
        let found: Int64? =
            switch layout {
            case .rfc3339: rfc3339(text)
            case .apache: apache(text)
            case .epochSeconds: epoch(text, unitsPerSecond: 1)
            case .epochMilliseconds: epoch(text, unitsPerSecond: 1_000)
            case .epochMicroseconds: epoch(text, unitsPerSecond: 1_000_000)
            }
        guard let found, found >= minimum, found < end else { return nil }
        return found
    }

    /// `17/May/2015:10:05:03 +0000`, exactly 26 bytes.
    static func apache(_ text: ByteView) -> Int64? {
        guard text.count == 26, text[2] == slash, text[6] == slash, text[11] == colon, text[14] == colon,
            text[17] == colon, text[20] == space
        else { return nil }
        let year = two(text, 7) * 100 + two(text, 9)
        guard let month = month(text), year >= 0,
            let day = CivilDay.checkedNumber(year: year, month: month, day: two(text, 0)),
            let clock = clock(two(text, 12), two(text, 15), two(text, 18)),
            let offset = offset(text, at: 21, hasColon: false)
        else { return nil }
        return (day * 86_400 + clock - offset) * microsecondsPerSecond
    }

    /// `2026-11-20T12:34:56.789Z`; also `t`, `z`, a space for T, `+0530`, and no zone (then UTC).
    static func rfc3339(_ text: ByteView) -> Int64? {
        guard text.count >= 19, let day = date(text.slice(0, 10)), text[13] == colon, text[16] == colon,
            text[10] | 0x20 == UInt8(ascii: "t") || text[10] == space,
            let clock = clock(two(text, 11), two(text, 14), two(text, 17))
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if index < text.count, text[index] == dot {
            guard let part = fractionMicroseconds(text, &index) else { return nil }
            fraction = part
        }
        var offset: Int64 = 0
        if index < text.count {
            if text[index] | 0x20 == UInt8(ascii: "z") {
                guard index + 1 == text.count else { return nil }
            } else {
                let rest = text.count - index
                guard rest == 5 || rest == 6, let found = Self.offset(text, at: index, hasColon: rest == 6)
                else { return nil }
                offset = found
            }
        }
        return (day * 86_400 + clock - offset) * microsecondsPerSecond + fraction
    }

    /// `2026-11-20`, as days since 1970-01-01.
    static func date(_ text: ByteView) -> Int64? {
        guard text.count == 10, text[4] == minus, text[7] == minus else { return nil }
        let high = two(text, 0)
        let low = two(text, 2)
        guard high >= 0, low >= 0 else { return nil }
        return CivilDay.checkedNumber(year: high * 100 + low, month: two(text, 5), day: two(text, 8))
    }

    /// A number of units since the epoch, whole or with a fraction.
    static func epoch(_ text: ByteView, unitsPerSecond: Int64) -> Int64? {
        var point = text.firstIndex(of: dot, from: 0)
        guard let whole = NumberText.int64(text.slice(0, point)) else { return nil }
        let scale = microsecondsPerSecond / unitsPerSecond
        let (product, overflow) = whole.multipliedReportingOverflow(by: scale)
        guard !overflow else { return nil }
        guard point < text.count else { return product }
        guard let fraction = fractionMicroseconds(text, &point), point == text.count else { return nil }
        let part = fraction / unitsPerSecond
        let isNegative = text[0] == minus
        let (sum, carry) =
            isNegative ? product.subtractingReportingOverflow(part) : product.addingReportingOverflow(part)
        return carry ? nil : sum
    }

    /// Millionths of the fraction that begins with the dot at `index`, which moves behind its digits.
    private static func fractionMicroseconds(_ text: ByteView, _ index: inout Int) -> Int64? {
        index += 1
        let start = index
        var value: Int64 = 0
        while index < text.count {
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

    private static func month(_ text: ByteView) -> Int64? {
        let name = UInt32(text[3]) << 16 | UInt32(text[4]) << 8 | UInt32(text[5])
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
