/// Days of the proleptic Gregorian calendar, counted from 1970-01-01.
public enum CivilDay {
    /// 0001-01-01 and 9999-12-31: what a date may be.
    public static let minimum: Int64 = -719_162
    public static let maximum: Int64 = 2_932_896

    /// Days since 1970-01-01 of a date. The month must be 1...12; the day is not checked.
    @inlinable
    public static func number(year: Int64, month: Int64, day: Int64) -> Int64 {
        // Why: counting from March puts the leap day last (Hinnant, "chrono-compatible date algorithms").
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The date of a day number.
    @inlinable
    public static func date(of number: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = number + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    /// Days in a month.
    @inlinable
    public static func length(ofMonth month: Int64, year: Int64) -> Int64 {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Days since 1970-01-01 of a date, or nil if there is no such day or it is outside years 1...9999.
    @inlinable
    public static func checkedNumber(year: Int64, month: Int64, day: Int64) -> Int64? {
        guard year >= 1, year <= 9_999, month >= 1, month <= 12, day >= 1,
            day <= length(ofMonth: month, year: year)
        else { return nil }
        return number(year: year, month: month, day: day)
    }

    /// Division rounding towards minus infinity.
    @inlinable
    public static func floorDivide(_ value: Int64, by divisor: Int64) -> Int64 {
        let quotient = value / divisor
        return value % divisor < 0 ? quotient - 1 : quotient
    }

    /// Days since 1970-01-01 of `YYYY-MM-DD`, or nil for any other text.
    public static func number(of text: String) -> Int64? {
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.map(\.count) == [4, 2, 2] else { return nil }
        let numbers = parts.compactMap { part -> Int64? in
            part.allSatisfy { $0 >= 48 && $0 < 58 } ? part.reduce(0) { $0 * 10 + Int64($1 - 48) } : nil
        }
        guard numbers.count == 3 else { return nil }
        return checkedNumber(year: numbers[0], month: numbers[1], day: numbers[2])
    }

    /// `YYYY-MM-DD`; for groups and messages, not per row.
    public static func text(of number: Int64) -> String {
        let date = date(of: number)
        func digits(_ value: Int64, _ count: Int) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, count - text.utf8.count)) + text
        }
        return "\(digits(date.year, 4))-\(digits(date.month, 2))-\(digits(date.day, 2))"
    }
}
