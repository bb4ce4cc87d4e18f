internal import Event
internal import TimeZone

/// A time as it was written, before the zone and the year that it may lack.
struct TimeParts {
    var year: Int64?
    var month: Int64 = 1
    var day: Int64 = 1
    var dayOfYear: Int64?
    /// Seconds since midnight.
    var clock: Int64 = 0
    var microseconds: Int64 = 0
    /// Seconds east of UTC, where the text says.
    var offset: Int64?
    /// The zone's abbreviation, where the text says (`CEST`).
    var abbreviation: ByteView?
    /// Seconds since 1970, which settles the rest.
    var epoch: Int64?
}

/// A pattern as `strptime(3)` reads it, in the C locale:
///
/// | | |
/// |---|---|
/// | `%Y` `%y` `%m` `%d` `%e` `%j` | year, of the century (69-99: 19..), month, day, day of the year |
/// | `%b` `%B` `%h`, `%a` `%A` | names of months and weekdays, short or long, any case |
/// | `%H` `%k`, `%I` `%l` `%p`, `%M`, `%S` | clock; `60` seconds are the next minute |
/// | `%f`, `%.f` | fraction of 1 to 9 digits, cut to microseconds; `%.f`: may be missing, with its dot or comma |
/// | `%z`, `%Z` | offset (`Z`, `+0130`, `+01:30`, `+01`); `UTC`, `GMT` or an abbreviation of the column's zone |
/// | `%s` | seconds since 1970 |
/// | `%D` `%F` `%R` `%T` `%n` `%t` `%%` | `%m/%d/%y`, `%Y-%m-%d`, `%H:%M`, `%H:%M:%S`, blanks, `%` |
///
/// A blank in the pattern matches any number of blanks; before a number blanks are skipped. The whole text
/// must match; the weekday is not compared with the date.
struct TimePattern: Sendable {
    /// Longest pattern.
    static let maximumByteCount = 256

    enum Item: Sendable, Equatable {
        case literal(UInt8)
        case blanks, year, yearOfCentury, month, day, dayOfYear, hour, hourOfHalf, half, minute, second
        case fraction, optionalFraction, monthName, weekday, offset, abbreviation, epoch
    }
    private let items: [Item]

    /// Whether it reads anything but the date.
    var hasClock: Bool {
        items.contains { [.hour, .hourOfHalf, .minute, .second, .epoch, .offset, .abbreviation].contains($0) }
    }

    /// Nil if the text is no pattern, or names neither a day nor an instant.
    init?(_ text: String) {
        guard text.utf8.count <= Self.maximumByteCount, let items = Self.items(Array(text.utf8)) else { return nil }
        let hasMonth = items.contains(.month) || items.contains(.monthName)
        guard items.contains(.epoch) || hasMonth && items.contains(.day) || items.contains(.dayOfYear) else {
            return nil
        }
        self.items = items
    }

    private static func items(_ text: [UInt8]) -> [Item]? {
        var items: [Item] = []
        var index = 0
        while index < text.count {
            let byte = text[index]
            index += 1
            if byte == 32 || byte == 9 {
                items.append(.blanks)
                continue
            }
            guard byte == UInt8(ascii: "%") else {
                items.append(.literal(byte))
                continue
            }
            guard index < text.count else { return nil }
            if text[index] == UInt8(ascii: "."), index + 1 < text.count, text[index + 1] == UInt8(ascii: "f") {
                items.append(.optionalFraction)
                index += 2
                continue
            }
            guard let found = directive(text[index]) else { return nil }
            items += found
            index += 1
        }
        return items
    }

    private static func directive(_ letter: UInt8) -> [Item]? {
        switch letter {
        case UInt8(ascii: "Y"): [.year]
        case UInt8(ascii: "y"): [.yearOfCentury]
        case UInt8(ascii: "m"): [.month]
        case UInt8(ascii: "d"), UInt8(ascii: "e"): [.day]
        case UInt8(ascii: "j"): [.dayOfYear]
        case UInt8(ascii: "b"), UInt8(ascii: "B"), UInt8(ascii: "h"): [.monthName]
        case UInt8(ascii: "a"), UInt8(ascii: "A"): [.weekday]
        case UInt8(ascii: "H"), UInt8(ascii: "k"): [.hour]
        case UInt8(ascii: "I"), UInt8(ascii: "l"): [.hourOfHalf]
        case UInt8(ascii: "p"): [.half]
        case UInt8(ascii: "M"): [.minute]
        case UInt8(ascii: "S"): [.second]
        case UInt8(ascii: "f"): [.fraction]
        case UInt8(ascii: "z"): [.offset]
        case UInt8(ascii: "Z"): [.abbreviation]
        case UInt8(ascii: "s"): [.epoch]
        case UInt8(ascii: "D"):
            [.month, .literal(UInt8(ascii: "/")), .day, .literal(UInt8(ascii: "/")), .yearOfCentury]
        case UInt8(ascii: "F"): [.year, .literal(UInt8(ascii: "-")), .month, .literal(UInt8(ascii: "-")), .day]
        case UInt8(ascii: "R"): [.hour, .literal(UInt8(ascii: ":")), .minute]
        case UInt8(ascii: "T"):
            [.hour, .literal(UInt8(ascii: ":")), .minute, .literal(UInt8(ascii: ":")), .second]
        case UInt8(ascii: "n"), UInt8(ascii: "t"): [.blanks]
        case UInt8(ascii: "%"): [.literal(UInt8(ascii: "%"))]
        default: nil
        }
    }

    /// What a text says, or nil if it is not of the pattern.
    func read(_ text: ByteView) -> TimeParts? {
        var reading = TimeReading(text: text)
        for index in 0..<items.count {
            guard reading.take(items[index]) else { return nil }
        }
        return reading.finished()
    }
}

/// One text being read by a pattern.
private struct TimeReading {
    let text: ByteView
    var index = 0
    var parts = TimeParts()
    var hour: Int64 = 0, minute: Int64 = 0, second: Int64 = 0
    var isAfternoon: Bool?
    var hasHourOfHalf = false

    mutating func take(_ item: TimePattern.Item) -> Bool {
        switch item {
        case .literal(let byte):
            guard index < text.count, text[index] == byte else { return false }
            index += 1
        case .blanks: skipBlanks()
        case .year:
            guard let value = number(4, 0...9_999) else { return false }
            parts.year = value
        case .yearOfCentury:
            guard let value = number(2, 0...99) else { return false }
            parts.year = value + (value < 69 ? 2_000 : 1_900)
        case .month:
            guard let value = number(2, 1...12) else { return false }
            parts.month = value
        case .day:
            guard let value = number(2, 1...31) else { return false }
            parts.day = value
        case .dayOfYear:
            guard let value = number(3, 1...366) else { return false }
            parts.dayOfYear = value
        case .hour:
            guard let value = number(2, 0...23) else { return false }
            hour = value
        case .hourOfHalf:
            hasHourOfHalf = true
            guard let value = number(2, 1...12) else { return false }
            hour = value
        case .minute:
            guard let value = number(2, 0...59) else { return false }
            minute = value
        case .second:
            guard let value = number(2, 0...60) else { return false }
            second = value
        case .epoch:
            guard let value = number(18, 0...999_999_999_999_999_999) else { return false }
            parts.epoch = value
        case .fraction, .optionalFraction: return fraction(isOptional: item == .optionalFraction)
        case .monthName, .weekday, .half, .offset, .abbreviation: return takeName(item)
        }
        return true
    }

    private mutating func takeName(_ item: TimePattern.Item) -> Bool {
        switch item {
        case .monthName:
            guard let month = name(Names.months) else { return false }
            parts.month = Int64(month) + 1
        case .weekday: return name(Names.weekdays) != nil
        case .half:
            guard index + 2 <= text.count, text[index + 1] | 0x20 == UInt8(ascii: "m") else { return false }
            let letter = text[index] | 0x20
            guard letter == UInt8(ascii: "a") || letter == UInt8(ascii: "p") else { return false }
            isAfternoon = letter == UInt8(ascii: "p")
            index += 2
        case .offset:
            guard let found = TimeText.offset(text, &index) else { return false }
            parts.offset = found
        default:
            let from = index
            while index < text.count, isLetter(text[index]) || index > from && isZoneByte(text[index]) { index += 1 }
            let name = text.slice(from, index)
            guard !name.isEmpty else { return false }
            if name.equals("UTC") || name.equals("GMT") || name.equals("Z") || name.equals("UT") {
                parts.offset = 0
            } else {
                parts.abbreviation = name
            }
        }
        return true
    }

    /// Nil if the text is not over, or the clock impossible.
    func finished() -> TimeParts? {
        guard index == text.count else { return nil }
        var done = parts
        var hours = hour
        if hasHourOfHalf { hours = hour % 12 + (isAfternoon == true ? 12 : 0) }
        done.clock = hours * 3_600 + minute * 60 + second
        return done
    }

    private mutating func skipBlanks() {
        while index < text.count, text[index] == 32 || text[index] == 9 { index += 1 }
    }

    private mutating func number(_ digits: Int, _ range: ClosedRange<Int64>) -> Int64? {
        skipBlanks()
        let from = index
        var value: Int64 = 0
        while index < text.count, index - from < digits, text[index] &- 48 < 10 {
            value = value * 10 + Int64(text[index] &- 48)
            index += 1
        }
        return index > from && range.contains(value) ? value : nil
    }

    private mutating func fraction(isOptional: Bool) -> Bool {
        if isOptional {
            guard index < text.count, text[index] == UInt8(ascii: ".") || text[index] == UInt8(ascii: ",") else {
                return true
            }
            index += 1
        }
        guard let value = TimeText.fraction(text, &index, maximumDigits: 9) else { return false }
        parts.microseconds = value
        return true
    }

    /// The place in `names` of the name at `index`, written whole or with three letters.
    private mutating func name(_ names: Names) -> Int? {
        guard index + 3 <= text.count else { return nil }
        for place in 0..<names.count {
            let long = names.name(place)
            var matched = 0
            while matched < long.count, index + matched < text.count,
                text[index + matched] | 0x20 == long[matched] { matched += 1 }
            guard matched >= 3 else { continue }
            index += matched == long.count ? matched : 3
            return place
        }
        return nil
    }

    private func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- 97 < 26 }

    private func isZoneByte(_ byte: UInt8) -> Bool {
        byte &- 48 < 10 || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-")
    }
}

/// English names in lower case, without allocation.
struct Names {
    private let text: StaticString
    let count: Int

    static let months = Names(
        text: "january february march april may june july august september october november december", count: 12)
    static let weekdays = Names(text: "monday tuesday wednesday thursday friday saturday sunday", count: 7)

    func name(_ place: Int) -> ByteView {
        let all = unsafe ByteView(start: text.utf8Start, count: text.utf8CodeUnitCount)
        var from = 0
        for _ in 0..<place { from = all.firstIndex(of: 32, from: from) + 1 }
        return all.slice(from, all.firstIndex(of: 32, from: from))
    }
}
