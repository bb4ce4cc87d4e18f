internal import Columns
internal import Event
internal import JSON
internal import Regex
internal import TimeZone

/// What the columns of a route come to, while they are compiled.
struct PlanBuild {
    var steps: [ColumnStep] = []
    var rules: [ColumnRule] = []
    var paths: [JSONPath] = []
    /// Distinct names of fields that columns read.
    var fieldNames: [String] = []
    /// Named groups of the route's patterns.
    var groupNames: [String] = []
    var patterns: [Pattern] = []
    var allowedSets: [AllowedSet] = []
    var defaults: [String] = []
    var timePatterns: [TimePattern] = []
    var timeAlternatives: [TimeAlternative] = []
    var zones: [Zone] = []
    var zoneNames: [String] = []
    var columnCount = 0
    /// One rule for each node.
    var nestedNodes: [NestedNode] = []
    var nestedRules: [ColumnRule] = []
    var nestedFields: [FieldNames] = []
    var nestedNames: [String] = []

    mutating func zone(_ name: String, _ column: ColumnSpec, _ spec: RouteSpec) throws(Failure) -> Int {
        if let known = zoneNames.firstIndex(of: name) { return known }
        zones.append(try RoutePlan.zone(name, spec, column))
        zoneNames.append(name)
        return zones.count - 1
    }
}

extension RoutePlan {
    static func zone(_ name: String, _ spec: RouteSpec, _ column: ColumnSpec?) throws(Failure) -> Zone {
        do throws(Failure) { return try Zone(name) } catch {
            throw Failure(
                error.code, stage: error.stage, kind: error.kind,
                failure(spec, column, "names a time zone that there is not: '\(name.prefix(80))'").message,
                hint: error.hint)
        }
    }

    /// Compiles the next column.
    static func add(_ column: ColumnSpec, _ spec: RouteSpec, to build: inout PlanBuild) throws(Failure) {
        var step = ColumnStep(type: column.type, field: 0, layout: column.timeLayout, isRequired: column.required)
        step.index = Int32(truncatingIfNeeded: build.steps.count)
        var rule = ColumnRule()
        rule.bytesLayout = column.bytesLayout
        (rule.precision, rule.scale) = (column.shape.precision, column.shape.scale)
        if let metadata = Metadata.named(column.path) {
            guard metadata.types.contains(column.type) else {
                throw failure(
                    spec, column, "cannot hold \(column.path)",
                    hint: "its type is " + metadata.types.map(\.rawValue).joined(separator: " or "))
            }
            step.metadata = metadata
            step.layout = .epochMilliseconds
        } else {
            try setField(column, spec, &step, &build)
            try setTime(column, spec, &step, &rule, &build)
        }
        if column.type.isNested { try setNested(column, spec, step, &rule, &build) }
        try setDefault(column, spec, &step, &build)
        try setBounds(column, spec, &rule)
        if let text = column.pattern {
            guard column.type == .string else { throw failure(spec, column, "has a pattern but is not a string") }
            rule.pattern = build.patterns.count
            build.patterns.append(try pattern(text, column, spec))
        }
        if let allowed = column.allowed {
            rule.allowed = build.allowedSets.count
            build.allowedSets.append(try allowedSet(allowed, column, spec))
        }
        step.isChecked =
            column.minimum != nil || column.maximum != nil || column.maximumByteCount != nil
            || column.minimumByteCount != nil || column.pattern != nil || column.allowed != nil
            || column.maximumFutureMilliseconds != nil
        build.steps.append(step)
        build.rules.append(rule)
    }

    private static func setTime(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep, _ rule: inout ColumnRule,
        _ build: inout PlanBuild
    ) throws(Failure) {
        guard column.type == .timestamp || column.type == .date || column.type.isNested else {
            guard column.timeZone == nil, column.maximumFutureMilliseconds == nil else {
                throw failure(spec, column, "has a setting for times but is neither timestamp nor date")
            }
            return
        }
        if step.layout == .pattern { rule.timePattern = try timePattern(column.timePattern, column, spec, &build) }
        let first = build.timeAlternatives.count
        for format in column.otherTimeFormats {
            let isPattern = format.layout == .pattern
            let pattern = isPattern ? try timePattern(format.pattern, column, spec, &build) : -1
            build.timeAlternatives.append(TimeAlternative(layout: format.layout, pattern: pattern))
        }
        rule.alternatives = first..<build.timeAlternatives.count
        step.hasAlternatives = !rule.alternatives.isEmpty
        if let name = column.timeZone {
            step.zone = Int32(truncatingIfNeeded: try build.zone(name, column, spec))
        } else if spec.format == .w3c {
            step.zone = Int32(truncatingIfNeeded: try build.zone("UTC", column, spec))
        }
        if let limit = column.maximumFutureMilliseconds {
            let (micros, overflow) = limit.multipliedReportingOverflow(by: 1_000)
            guard limit >= 0, !overflow else { throw failure(spec, column, "has a bad limit for times in the future") }
            rule.maximumFuture = micros
        }
    }

    private static func timePattern(
        _ text: String?, _ column: ColumnSpec, _ spec: RouteSpec, _ build: inout PlanBuild
    ) throws(Failure) -> Int {
        guard let text, let pattern = TimePattern(text) else {
            throw failure(
                spec, column, "has a bad time format '\((text ?? "").prefix(80))'",
                hint: "a strptime pattern with at least a month and a day, such as %Y-%m-%d %H:%M:%S")
        }
        build.timePatterns.append(pattern)
        return build.timePatterns.count - 1
    }

    private static func setDefault(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep, _ build: inout PlanBuild
    ) throws(Failure) {
        guard let text = column.defaultText else { return }
        guard !column.required else {
            throw failure(spec, column, "is required and has a default", hint: "a default makes it never missing")
        }
        if text == Metadata.received.name, column.type == .timestamp || column.type == .date {
            step.defaultsToReceived = true
            return
        }
        let mayBeEmpty = column.type == .string || column.type == .bytes
        guard column.type != .json, !column.type.isNested, !text.isEmpty || mayBeEmpty else {
            throw failure(spec, column, "cannot have the default '\(text.prefix(80))'")
        }
        step.defaultText = Int32(truncatingIfNeeded: build.defaults.count)
        build.defaults.append(text)
    }

    private static func setBounds(
        _ column: ColumnSpec, _ spec: RouteSpec, _ rule: inout ColumnRule
    ) throws(Failure) {
        let isNumber = [.int32, .int64, .double, .decimal].contains(column.type)
        let isText = [.string, .json, .bytes].contains(column.type)
        if column.minimum != nil || column.maximum != nil {
            let minimum = column.minimum ?? -.infinity
            let maximum = column.maximum ?? .infinity
            guard isNumber, !(minimum.isNaN || maximum.isNaN), minimum <= maximum else {
                throw failure(
                    spec, column, "has bounds that no value can meet",
                    hint: "minimum <= maximum, on int32, int64, double and decimal columns only")
            }
            rule.minimum = minimum
            rule.maximum = maximum
            rule.minimumInteger = clamped(minimum.rounded(.up))
            rule.maximumInteger = clamped(maximum.rounded(.down))
            if column.type == .decimal {
                rule.minimumDecimal = DecimalText.bound(minimum, scale: rule.scale, isUpper: false) ?? .min
                rule.maximumDecimal = DecimalText.bound(maximum, scale: rule.scale, isUpper: true) ?? .max
            }
        }
        for limit in [column.minimumByteCount, column.maximumByteCount] {
            guard let limit else { continue }
            guard isText, limit >= 0 else {
                throw failure(spec, column, "has a length limit that makes no sense for \(column.type.rawValue)")
            }
        }
        rule.minimumByteCount = column.minimumByteCount ?? 0
        rule.maximumByteCount = column.maximumByteCount ?? .max
        guard rule.minimumByteCount <= rule.maximumByteCount else {
            throw failure(spec, column, "has length limits that no value can meet")
        }
    }

    static func comparisons(_ columns: [ColumnSpec], _ spec: RouteSpec) throws(Failure) -> [Comparison] {
        var comparisons: [Comparison] = []
        for (left, column) in columns.enumerated() {
            guard let name = column.atMost else { continue }
            guard let right = columns.firstIndex(where: { $0.name == name }), right != left else {
                throw failure(spec, column, "is compared with '\(name)', which is no other column of the table")
            }
            let whole: [ColumnType] = [.int32, .int64]
            let types = (column.type, columns[right].type)
            let isExact = types.0 == .decimal && types.1 == .decimal && column.shape.scale == columns[right].shape.scale
            let isPair = types.0 == types.1 && [.double, .date, .timestamp].contains(types.0) || isExact
            guard isPair || whole.contains(types.0) && whole.contains(types.1) else {
                throw failure(
                    spec, column, "cannot be compared with '\(name)'",
                    hint: "both are whole numbers, double, date or timestamp, or decimals of one scale")
            }
            comparisons.append(Comparison(left: left, right: right, type: types.0))
        }
        return comparisons
    }

    /// Reads every default as if an event held it.
    func checkDefaults() throws(Failure) {
        guard !defaults.isEmpty else { return }
        var reader = try ValueReader(self)
        let row = RowBatch(columns)
        for index in columns.indices where steps[index].defaultText >= 0 {
            if let reason = reader.append(.none, steps[index], to: row.columns[index]) {
                throw Self.failure(
                    spec, columns[index], "has a default that its own checks refuse: \(reason.rawValue)")
            }
        }
    }

    private static func pattern(
        _ text: String, _ column: ColumnSpec, _ spec: RouteSpec
    ) throws(Failure) -> Pattern {
        do throws(Failure) {
            return try Pattern(text)
        } catch {
            throw failure(spec, column, "has a bad pattern: " + error.message, hint: error.hint, cause: error.cause)
        }
    }

    private static func clamped(_ value: Double) -> Int64 {
        if value <= -0x1p63 { return .min }
        if value >= 0x1p63 { return .max }
        return Int64(value)
    }

    private static func allowedSet(
        _ values: [String], _ column: ColumnSpec, _ spec: RouteSpec
    ) throws(Failure) -> AllowedSet {
        guard !values.isEmpty, values.count <= maximumAllowedCount else {
            throw failure(spec, column, "allows \(values.count) values; 1 to \(maximumAllowedCount) are possible")
        }
        switch column.type {
        case .string:
            return .texts(
                values.map { Array($0.utf8) }.sorted { left, right in
                    left.count != right.count ? left.count < right.count : left.lexicographicallyPrecedes(right)
                })
        case .int32, .int64:
            var numbers: [Int64] = []
            for value in values {
                guard let number = Int64(value) else {
                    throw failure(spec, column, "allows '\(value)', which is not a whole number")
                }
                numbers.append(number)
            }
            return .integers(numbers.sorted())
        default:
            throw failure(spec, column, "has allowed values; only string, int32 and int64 columns can")
        }
    }
}
