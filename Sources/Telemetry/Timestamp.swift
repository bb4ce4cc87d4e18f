/// RFC 3339 times in UTC.
public enum Timestamp {
    /// `2026-11-20T12:34:56.789Z` of milliseconds since the epoch; years outside 0...9999 are clamped.
    public static func rfc3339(_ milliseconds: Int64) -> String {
        String(decoding: bytes(milliseconds), as: UTF8.self)
    }

    static func bytes(_ milliseconds: Int64) -> [UInt8] {
        let limited = min(max(milliseconds, -62_167_219_200_000), 253_402_300_799_999)
        let (days, inDay) = floored(limited, 86_400_000)
        let (year, month, day) = civil(days)
        var text: [UInt8] = []
        text.reserveCapacity(24)
        append(year, 4, &text)
        text.append(0x2D)
        append(month, 2, &text)
        text.append(0x2D)
        append(day, 2, &text)
        text.append(0x54)
        append(inDay / 3_600_000, 2, &text)
        text.append(0x3A)
        append(inDay / 60_000 % 60, 2, &text)
        text.append(0x3A)
        append(inDay / 1_000 % 60, 2, &text)
        text.append(0x2E)
        append(inDay % 1_000, 3, &text)
        text.append(0x5A)
        return text
    }

    private static func floored(_ value: Int64, _ unit: Int64) -> (Int64, Int64) {
        let rest = value % unit
        return rest < 0 ? (value / unit - 1, rest + unit) : (value / unit, rest)
    }

    /// Days since 1970-01-01 to a date of the proleptic Gregorian calendar. Years begin in March here, so that
    /// the leap day is the last; 400 years (an era) have 146,097 days.
    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func append(_ value: Int64, _ digits: Int, _ text: inout [UInt8]) {
        var divisor: Int64 = 1
        for _ in 1..<digits { divisor *= 10 }
        while divisor > 0 {
            text.append(UInt8(0x30 + value / divisor % 10))
            divisor /= 10
        }
    }
}
