internal import Columns
internal import Event
internal import TimeZone

/// A further format of a column's times.
struct TimeAlternative: Sendable {
    var layout: TimeLayout
    /// Index into the plan's time patterns, or -1.
    var pattern: Int
}

/// Reads the times of a route's columns. One thread at a time.
///
/// A time without a zone is read in the column's zone (`LocalClock` has the rule for gaps and folds). A time
/// without a year gets one from the record's timestamp: of the year before it, its own and the year after it the
/// latest in which the day exists and the time is not more than a week behind the timestamp. So December's lines
/// that arrive in January belong to the old year, and January's that arrive in December (a clock ahead) to the new.
struct TimeReader {
    /// How far behind the record's timestamp a time without year may be, in seconds.
    static let maximumAhead: Int64 = 7 * 86_400

    private let patterns: [TimePattern]
    private let alternatives: [TimeAlternative]
    private let rules: [ColumnRule]
    private var clocks: [LocalClock]
    /// The timestamp of the record in hand, milliseconds; -1 if it has none.
    var record: Int64 = -1
    // The last Apache time and its value: lines of one second follow each other.
    private var lastTime: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var lastTimeValue: Int64 = 0

    init(_ plan: RoutePlan) {
        patterns = plan.timePatterns
        alternatives = plan.timeAlternatives
        rules = plan.rules
        clocks = plan.zones.map { LocalClock($0) }
    }

    /// Microseconds since the epoch, or nil if the cell is no time of the column's layout.
    mutating func microseconds(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        if let found = instant(cell, step, pattern: -1), Self.isPossible(found) { return found }
        guard step.hasAlternatives else { return nil }
        for index in rules[Int(step.index)].alternatives {
            var other = step
            other.layout = alternatives[index].layout
            let pattern = alternatives[index].pattern
            if let found = instant(cell, other, pattern: pattern), Self.isPossible(found) { return found }
        }
        return nil
    }

    private static func isPossible(_ instant: Int64) -> Bool {
        instant >= TimeText.minimum && instant < TimeText.end
    }

    /// The day of a text whose pattern has no clock.
    mutating func day(_ text: ByteView, _ step: ColumnStep) -> Int64? {
        let pattern = patterns[rules[Int(step.index)].timePattern]
        guard !pattern.hasClock, let parts = pattern.read(text) else { return nil }
        return day(parts, zone: Int(step.zone))
    }

    /// The instant in the step's layout; `pattern`: that of another format than the column's first, or -1.
    private mutating func instant(_ cell: Cell, _ step: ColumnStep, pattern: Int) -> Int64? {
        let text = cell.bytes
        let zone = Int(step.zone)
        switch step.layout {
        case .epochSeconds, .epochMilliseconds, .epochMicroseconds, .epochNanoseconds:
            return epoch(cell, step)
        case .apache:
            guard cell.kind == .text || cell.kind == .string else { return nil }
            if text.count == 26, text[2] == UInt8(ascii: "/") { return apache(text) }
            return step.takesRFC3339 ? rfc3339(text, zone: zone) : nil
        case .rfc3339:
            guard cell.kind == .text || cell.kind == .string else { return nil }
            return rfc3339(text, zone: zone)
        case .syslog:
            guard cell.kind == .text || cell.kind == .string, !text.isEmpty else { return nil }
            if text[0] &- 48 < 10 { return rfc3339(text, zone: zone) }
            return TimeText.syslog(text).flatMap { resolve($0, zone: zone) }
        case .pattern:
            guard cell.kind == .text || cell.kind == .string || cell.kind == .number else { return nil }
            let number = pattern >= 0 ? pattern : rules[Int(step.index)].timePattern
            return patterns[number].read(text).flatMap { resolve($0, zone: zone) }
        }
    }

    private func epoch(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        guard cell.kind == .text || cell.kind == .string || cell.kind == .number else { return nil }
        return TimeText.epoch(cell.bytes, layout: step.layout)
    }

    private mutating func apache(_ text: ByteView) -> Int64? {
        let words = (text.word(at: 0), text.word(at: 8), text.word(at: 16), text.word(at: 18))
        if words == lastTime { return lastTimeValue }
        guard let value = TimeText.apache(text) else { return nil }
        lastTime = words
        lastTimeValue = value
        return value
    }

    private mutating func rfc3339(_ text: ByteView, zone: Int) -> Int64? {
        var hasZone = true
        guard let found = TimeText.rfc3339(text, &hasZone) else { return nil }
        if hasZone { return found }
        guard zone >= 0 else { return nil }
        let seconds = CivilDay.floorDivide(found, by: TimeText.microsecondsPerSecond)
        let fraction = found - seconds * TimeText.microsecondsPerSecond
        return clocks[zone].instant(seconds) * TimeText.microsecondsPerSecond + fraction
    }

    private mutating func resolve(_ parts: TimeParts, zone: Int) -> Int64? {
        if let epoch = parts.epoch {
            let (product, overflow) = epoch.multipliedReportingOverflow(by: TimeText.microsecondsPerSecond)
            return overflow ? nil : product + parts.microseconds
        }
        guard let day = day(parts, zone: zone), let seconds = seconds(parts, day: day, zone: zone) else { return nil }
        return seconds * TimeText.microsecondsPerSecond + parts.microseconds
    }

    private mutating func seconds(_ parts: TimeParts, day: Int64, zone: Int) -> Int64? {
        let local = day * 86_400 + parts.clock
        if let offset = parts.offset { return local - offset }
        guard zone >= 0 else { return parts.abbreviation == nil ? local : nil }
        guard let abbreviation = parts.abbreviation else { return clocks[zone].instant(local) }
        return clocks[zone].instant(local, abbreviation: abbreviation)
    }

    private mutating func day(_ parts: TimeParts, zone: Int) -> Int64? {
        if let year = parts.year { return Self.day(parts, year: year) }
        guard record >= 0, record < TimeText.end / 1_000 else { return nil }
        let now = record / 1_000
        let offset = zone >= 0 ? clocks[zone].offset(at: now) : 0
        let current = CivilDay.date(of: CivilDay.floorDivide(now + offset, by: 86_400)).year
        for year in stride(from: current + 1, through: current - 1, by: -1) {
            guard let day = Self.day(parts, year: year), let seconds = seconds(parts, day: day, zone: zone) else {
                continue
            }
            if seconds <= now + Self.maximumAhead { return day }
        }
        return nil
    }

    private static func day(_ parts: TimeParts, year: Int64) -> Int64? {
        guard let dayOfYear = parts.dayOfYear else {
            return CivilDay.checkedNumber(year: year, month: parts.month, day: parts.day)
        }
        guard let first = CivilDay.checkedNumber(year: year, month: 1, day: 1) else { return nil }
        let isLeap = CivilDay.length(ofMonth: 2, year: year) == 29
        return dayOfYear <= (isLeap ? 366 : 365) ? first + dayOfYear - 1 : nil
    }
}
