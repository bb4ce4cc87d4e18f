internal import Columns
internal import Event
internal import JSON
internal import Regex
internal import TimeZone

/// Turns cells into typed values, checks them and appends them to their columns: the validate stage.
/// One thread at a time.
struct ValueReader {
    private let matchers: [PatternMatcher]
    private let allowedSets: [AllowedSet]
    private let zone: Zone
    /// Microseconds or day of the last value appended to a timestamp or date column.
    private(set) var lastWord: Int64 = 0
    // The last Apache time and its value: lines of one second follow each other.
    private var lastTime: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
    private var lastTimeValue: Int64 = 0
    /// A decoded value on its way into a column.
    private var scratch: [UInt8] = []

    init(_ plan: RoutePlan) throws(Failure) {
        var matchers: [PatternMatcher] = []
        for pattern in plan.patterns {
            guard let matcher = PatternMatcher(pattern) else {
                throw Failure("parse.no_memory", stage: .parse, kind: .transient, "no memory for a pattern's matcher")
            }
            matchers.append(matcher)
        }
        self.matchers = matchers
        allowedSets = plan.allowedSets
        zone = plan.zone
    }

    /// Appends a cell's value, or null. Says why not if it fails a check; the row is then abandoned.
    mutating func append(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        if cell.kind == .none {
            guard !step.isRequired else { return .missing }
            column.appendNull()
            return nil
        }
        switch step.type {
        case .string:
            guard cell.kind != .structure else { return .wrongType }
            if step.isChecked, let reason = check(cell.bytes, step) { return reason }
            column.append(cell.bytes)
        case .json:
            guard cell.bytes.count <= step.maximumByteCount else { return .badLength }
            column.append(cell.bytes)
        case .int32, .int64:
            guard cell.kind == .text || cell.kind == .number, let value = NumberText.int64(cell.bytes) else {
                return .wrongType
            }
            if step.type == .int32, Int32(exactly: value) == nil { return .wrongType }
            if step.isChecked, let reason = check(value, step) { return reason }
            column.append(value)
        case .double:
            guard cell.kind == .text || cell.kind == .number, let value = NumberFormat.double(cell.bytes) else {
                return .wrongType
            }
            guard value >= step.minimum, value <= step.maximum else { return .outOfRange }
            column.append(value)
        case .decimal:
            return appendDecimal(cell, step, to: column)
        case .bytes:
            guard cell.kind == .text || cell.kind == .string else { return .wrongType }
            scratch.removeAll(keepingCapacity: true)
            guard BytesText.decode(cell.bytes, step.bytesLayout, into: &scratch) else { return .wrongType }
            guard scratch.count <= step.maximumByteCount else { return .badLength }
            unsafe scratch.withUnsafeBytes { column.append(unsafe ByteView($0)) }
        case .boolean:
            guard let value = boolean(cell) else { return .wrongType }
            column.append(Int64(value ? 1 : 0))
        case .timestamp:
            guard let value = timestamp(cell, step) else { return .wrongType }
            lastWord = value
            column.append(value)
        case .date:
            guard let value = date(cell, step) else { return .wrongType }
            lastWord = value
            column.append(value)
        }
        return nil
    }

    private func appendDecimal(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        // Why strings too: writers that fear for the digits of a JSON number quote it.
        guard cell.kind == .text || cell.kind == .number || cell.kind == .string else { return .wrongType }
        do throws(DecimalText.Fault) {
            let value = try DecimalText.parse(cell.bytes, precision: step.precision, scale: step.scale)
            guard value >= step.minimumDecimal, value <= step.maximumDecimal else { return .outOfRange }
            column.append(decimal: value)
            return nil
        } catch {
            return error == .doesNotFit ? .outOfRange : .wrongType
        }
    }

    private func check(_ text: ByteView, _ step: ColumnStep) -> Rejection? {
        guard text.count <= step.maximumByteCount else { return .badLength }
        if step.allowed >= 0, case .texts(let allowed) = allowedSets[step.allowed], !Self.contains(allowed, text) {
            return .notInEnumeration
        }
        if step.pattern >= 0, !matchers[step.pattern].matches(text) { return .patternMismatch }
        return nil
    }

    private func check(_ value: Int64, _ step: ColumnStep) -> Rejection? {
        guard value >= step.minimumInteger, value <= step.maximumInteger else { return .outOfRange }
        guard step.allowed >= 0, case .integers(let allowed) = allowedSets[step.allowed] else { return nil }
        var low = 0
        var high = allowed.count
        while low < high {
            let middle = (low + high) / 2
            if allowed[middle] < value { low = middle + 1 } else { high = middle }
        }
        return low < allowed.count && allowed[low] == value ? nil : .notInEnumeration
    }

    /// Binary search in texts sorted by length, then bytes.
    private static func contains(_ allowed: [[UInt8]], _ text: ByteView) -> Bool {
        var low = 0
        var high = allowed.count
        while low < high {
            let middle = (low + high) / 2
            switch order(allowed[middle], text) {
            case 0: return true
            case ..<0: low = middle + 1
            default: high = middle
            }
        }
        return false
    }

    private static func order(_ left: [UInt8], _ right: ByteView) -> Int {
        guard left.count == right.count else { return left.count < right.count ? -1 : 1 }
        for index in 0..<left.count where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return 0
    }

    private func boolean(_ cell: Cell) -> Bool? {
        switch cell.kind {
        case .yes: true
        case .no: false
        default: nil
        }
    }

    private mutating func timestamp(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        if step.layout == .apache, cell.bytes.count == 26 { return apacheTime(cell.bytes) }
        if let found = Self.microseconds(cell, step) { return found }
        guard step.takesMilliseconds, cell.kind == .number else { return nil }
        return TimeText.microseconds(cell.bytes, layout: .epochMilliseconds)
    }

    private static func microseconds(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        switch (cell.kind, step.layout) {
        case (.text, _), (.string, _): TimeText.microseconds(cell.bytes, layout: step.layout)
        case (.number, .epochSeconds), (.number, .epochMilliseconds), (.number, .epochMicroseconds):
            TimeText.microseconds(cell.bytes, layout: step.layout)
        default: nil
        }
    }

    private mutating func apacheTime(_ text: ByteView) -> Int64? {
        let words = (text.word(at: 0), text.word(at: 8), text.word(at: 16), text.word(at: 18))
        if words == lastTime { return lastTimeValue }
        guard let value = TimeText.microseconds(text, layout: .apache) else { return nil }
        lastTime = words
        lastTimeValue = value
        return value
    }

    /// A plain `YYYY-MM-DD`, or the date in the route's zone of an instant in the column's layout.
    private func date(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        if cell.kind == .text || cell.kind == .string, let day = TimeText.date(cell.bytes) { return day }
        guard let instant = Self.microseconds(cell, step) else { return nil }
        let seconds = CivilDay.floorDivide(instant, by: TimeText.microsecondsPerSecond)
        let day = CivilDay.floorDivide(seconds + zone.stretch(at: seconds).offset, by: 86_400)
        return day >= CivilDay.minimum && day <= CivilDay.maximum ? day : nil
    }
}
