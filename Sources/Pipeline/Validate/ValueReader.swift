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
    let rules: [ColumnRule]
    private let zone: Zone
    private var times: TimeReader
    /// The columns' defaults, one behind the other: text `i` is bytes `[defaultEnds[i], defaultEnds[i + 1])`.
    private let defaults = Scratch()
    private var defaultEnds = [0]
    /// The timestamp of the record in hand, milliseconds; -1 if it has none.
    var record: Int64 = -1 { didSet { times.record = record } }
    /// Whether the last value appended was one, and its microseconds or day in a timestamp or date column.
    var hasValue = false
    private(set) var lastWord: Int64 = 0
    /// A decoded value on its way into a column.
    private var scratch: [UInt8] = []
    let nestedNodes: [NestedNode]
    let nestedFields: [FieldNames]
    /// The part of a nested column that was read last: it decided a rejection.
    var nestedNode = 0
    /// Values of the structs and maps that are being read, the innermost last.
    var places: [JSONPart] = []
    /// Slots of a map's keys, to find equal ones.
    var keySlots: [Int32] = []
    /// Strings of a nested column without their escapes.
    let unescaped = Scratch()

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
        rules = plan.rules
        zone = plan.zone
        (nestedNodes, nestedFields) = (plan.nestedNodes, plan.nestedFields)
        times = TimeReader(plan)
        for text in plan.defaults {
            for byte in text.utf8 { defaults.append(byte) }
            defaultEnds.append(defaults.count)
        }
    }

    /// Appends a cell's value, or null. Says why not if it fails a check; the row is then abandoned.
    mutating func append(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        // Why: formats without types write no number, no time as an empty text.
        let isEmpty = cell.bytes.isEmpty && cell.kind == .text && step.type != .string && step.type != .bytes
        if cell.kind == .none || isEmpty {
            return appendMissing(step, to: column)
        }
        hasValue = true
        switch step.type {
        case .string:
            guard cell.kind != .structure else { return .wrongType }
            if step.isChecked, let reason = check(cell.bytes, step) { return reason }
            column.append(cell.bytes)
        case .json:
            if step.isChecked, cell.bytes.count > rules[Int(step.index)].maximumByteCount { return .badLength }
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
            if step.isChecked, !isInBounds(value, step) { return .outOfRange }
            column.append(value)
        case .decimal:
            return appendDecimal(cell, step, to: column)
        case .bytes:
            guard cell.kind == .text || cell.kind == .string else { return .wrongType }
            let rule = rules[Int(step.index)]
            scratch.removeAll(keepingCapacity: true)
            guard BytesText.decode(cell.bytes, rule.bytesLayout, into: &scratch) else { return .wrongType }
            guard scratch.count >= rule.minimumByteCount, scratch.count <= rule.maximumByteCount else {
                return .badLength
            }
            unsafe scratch.withUnsafeBytes { column.append(unsafe ByteView($0)) }
        case .boolean:
            guard let value = boolean(cell) else { return .wrongType }
            column.append(Int64(value ? 1 : 0))
        case .timestamp:
            guard let value = times.microseconds(cell, step) else { return .wrongType }
            if step.isChecked, isTooLate(value, step) { return .tooFarInFuture }
            lastWord = value
            column.append(value)
        case .date:
            guard let value = date(cell, step) else { return .wrongType }
            if step.isChecked, isTooLate(value &* 86_400_000_000, step) { return .tooFarInFuture }
            lastWord = value
            column.append(value)
        case .list, .map, .structure:
            return appendNested(cell, step, to: column)
        }
        return nil
    }

    private func appendDecimal(_ cell: Cell, _ step: ColumnStep, to column: Column) -> Rejection? {
        // Why strings too: writers that fear for the digits of a JSON number quote it.
        guard cell.kind == .text || cell.kind == .number || cell.kind == .string else { return .wrongType }
        do throws(DecimalText.Fault) {
            let rule = rules[Int(step.index)]
            let value = try DecimalText.parse(cell.bytes, precision: rule.precision, scale: rule.scale)
            guard value >= rule.minimumDecimal, value <= rule.maximumDecimal else { return .outOfRange }
            column.append(decimal: value)
            return nil
        } catch {
            return error == .doesNotFit ? .outOfRange : .wrongType
        }
    }

    /// Appends the column's default, or null.
    private mutating func appendMissing(_ step: ColumnStep, to column: Column) -> Rejection? {
        hasValue = false
        if step.defaultText >= 0 {
            var plain = step
            plain.defaultText = -1
            let index = Int(step.defaultText)
            let text = defaults.view(from: 0).slice(defaultEnds[index], defaultEnds[index + 1])
            return append(Cell(kind: .text, bytes: text), plain, to: column)
        }
        if step.defaultsToReceived, record >= 0, record < TimeText.end / 1_000 {
            hasValue = true
            lastWord = record * 1_000
            if step.type == .date { lastWord = day(of: lastWord) }
            column.append(lastWord)
            return nil
        }
        guard !step.isRequired else { return .missing }
        column.appendNull()
        return nil
    }

    /// Whether a time is further behind the record's timestamp than the column allows.
    private func isTooLate(_ value: Int64, _ step: ColumnStep) -> Bool {
        let limit = rules[Int(step.index)].maximumFuture
        guard record >= 0, limit < .max else { return false }
        let (known, overflow) = record.multipliedReportingOverflow(by: 1_000)
        return !overflow && value &- known > limit
    }

    /// Whether a double is within its column's bounds.
    private func isInBounds(_ value: Double, _ step: ColumnStep) -> Bool {
        let rule = rules[Int(step.index)]
        return value >= rule.minimum && value <= rule.maximum
    }

    private func check(_ text: ByteView, _ step: ColumnStep) -> Rejection? {
        let rule = rules[Int(step.index)]
        guard text.count >= rule.minimumByteCount, text.count <= rule.maximumByteCount else { return .badLength }
        if rule.allowed >= 0, case .texts(let allowed) = allowedSets[rule.allowed], !Self.contains(allowed, text) {
            return .notInEnumeration
        }
        if rule.pattern >= 0, !matchers[rule.pattern].matches(text) { return .patternMismatch }
        return nil
    }

    private func check(_ value: Int64, _ step: ColumnStep) -> Rejection? {
        let rule = rules[Int(step.index)]
        guard value >= rule.minimumInteger, value <= rule.maximumInteger else { return .outOfRange }
        guard rule.allowed >= 0, case .integers(let allowed) = allowedSets[rule.allowed] else { return nil }
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

    /// A JSON truth value, or `true`, `yes`, `1` and their opposites in a format without types.
    private func boolean(_ cell: Cell) -> Bool? {
        switch cell.kind {
        case .yes: return true
        case .no: return false
        case .text:
            let text = cell.bytes
            if text.equals("1") || text.equalsIgnoringCase("true") || text.equalsIgnoringCase("yes") { return true }
            if text.equals("0") || text.equalsIgnoringCase("false") || text.equalsIgnoringCase("no") { return false }
            return nil
        default: return nil
        }
    }

    /// A plain `YYYY-MM-DD`, or the date in the route's zone of an instant in the column's layout.
    private mutating func date(_ cell: Cell, _ step: ColumnStep) -> Int64? {
        if cell.kind == .text || cell.kind == .string {
            if let day = TimeText.date(cell.bytes) { return day }
            // Why: a pattern without a clock names a day, not an instant in some zone.
            if step.layout == .pattern, let day = times.day(cell.bytes, step) { return day }
        }
        guard let instant = times.microseconds(cell, step) else { return nil }
        let day = day(of: instant)
        return day >= CivilDay.minimum && day <= CivilDay.maximum ? day : nil
    }

    /// The date in the route's zone of an instant.
    private func day(of instant: Int64) -> Int64 {
        let seconds = CivilDay.floorDivide(instant, by: TimeText.microsecondsPerSecond)
        return CivilDay.floorDivide(seconds + zone.stretch(at: seconds).offset, by: 86_400)
    }
}
