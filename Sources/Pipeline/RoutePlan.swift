public import Columns
public import Event
internal import JSON
internal import Regex
internal import TimeZone

/// A route, checked and compiled: patterns, zone, columns, table name. Immutable; every lane shares it.
public struct RoutePlan: Sendable {
    /// Longest column name in bytes.
    public static let maximumColumnNameByteCount = 128
    /// Most allowed values of a column.
    public static let maximumAllowedCount = 10_000

    public let spec: RouteSpec
    /// The table's columns: the route's, or the format's standard ones where it names none.
    public let columns: [ColumnSpec]
    let steps: [ColumnStep]
    let timeStep: Int
    /// Paths of the JSON formats: one per column, then those of `MaxwellPath`.
    let paths: [JSONPath]
    let zone: Zone
    let table: TableTemplate
    let patterns: [Pattern]
    let allowedSets: [AllowedSet]

    /// Checks a route. Every impossible one fails with kind `config` and says which part is at fault.
    public init(_ spec: RouteSpec) throws(Failure) {
        self.spec = spec
        table = try TableTemplate(spec)
        zone = try Zone(spec.timeZone)
        try Self.checkPartitionName(spec)
        guard spec.format != .json || !spec.columns.isEmpty else {
            throw Self.failure(
                spec, nil, "has no columns", hint: "JSON records have no standard columns: list those of the table")
        }
        let columns = spec.columns.isEmpty ? StandardColumns.of(spec.format) : spec.columns
        try Self.checkNames(columns, spec)
        var steps: [ColumnStep] = []
        var paths: [JSONPath] = []
        var patterns: [Pattern] = []
        var allowedSets: [AllowedSet] = []
        for column in columns {
            var step = try Self.step(column, spec, &paths)
            if let text = column.pattern {
                step.pattern = patterns.count
                patterns.append(try Self.pattern(text, column, spec))
            }
            if let allowed = column.allowed {
                step.allowed = allowedSets.count
                allowedSets.append(try Self.allowedSet(allowed, column, spec))
            }
            steps.append(step)
        }
        self.columns = columns
        self.steps = steps
        self.paths = spec.format == .maxwell ? paths + MaxwellPath.all : paths
        self.patterns = patterns
        self.allowedSets = allowedSets
        timeStep = try Self.timeStep(columns, spec)
    }

    /// The name of the column that decided a rejection, if one did: for messages.
    public func columnName(_ rejection: RowRejection) -> String? {
        rejection.column >= 0 && Int(rejection.column) < columns.count ? columns[Int(rejection.column)].name : nil
    }

    static func failure(
        _ spec: RouteSpec, _ column: ColumnSpec?, _ message: String, hint: String? = nil, cause: String? = nil
    ) -> Failure {
        let place = column.map { "column '\($0.name)' of table '\(spec.table)' " } ?? "table '\(spec.table)' "
        return Failure(
            "config.bad_route", stage: .configuration, kind: .config, place + message, hint: hint, cause: cause)
    }
}

extension RoutePlan {
    private static func checkPartitionName(_ spec: RouteSpec) throws(Failure) {
        let isPlain = spec.partitionName.utf8.allSatisfy { byte in
            (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "_")
        }
        guard isPlain, let first = spec.partitionName.utf8.first, (first | 0x20) &- 97 < 26,
            spec.partitionName.utf8.count <= 64
        else {
            throw failure(
                spec, nil, "has a bad partition name '\(spec.partitionName)'",
                hint: "letters, digits and '_', a letter first, such as dt")
        }
        guard spec.maximumFutureMilliseconds >= 0 else {
            throw failure(spec, nil, "has a negative limit for times in the future")
        }
    }

    private static func checkNames(_ columns: [ColumnSpec], _ spec: RouteSpec) throws(Failure) {
        guard columns.count <= RowBatch.maximumColumnCount else {
            throw failure(spec, nil, "has \(columns.count) columns, more than \(RowBatch.maximumColumnCount)")
        }
        var seen: Set<String> = [spec.partitionName.lowercased()]
        for column in columns {
            let isBad = column.name.utf8.contains { $0 < 0x20 || $0 == 0x7F }
            guard !column.name.isEmpty, column.name.utf8.count <= maximumColumnNameByteCount, !isBad else {
                throw failure(spec, column, "has a name that is empty, too long or holds control characters")
            }
            // Why: Hive knows no case in column names, and the partition folder is a column too.
            guard seen.insert(column.name.lowercased()).inserted else {
                throw failure(
                    spec, column, "has a name that is taken",
                    hint: "column names, and the partition's '\(spec.partitionName)', differ by more than case")
            }
        }
    }

    private static func step(
        _ column: ColumnSpec, _ spec: RouteSpec, _ paths: inout [JSONPath]
    ) throws(Failure) -> ColumnStep {
        var step = ColumnStep(
            type: column.type, field: 0, layout: column.timeLayout, isRequired: column.required)
        step.bytesLayout = column.bytesLayout
        (step.precision, step.scale) = (column.shape.precision, column.shape.scale)
        switch spec.format {
        case .combined: step.field = try combinedField(column, spec, &step)
        case .json, .maxwell:
            guard let path = JSONPath(column.path) else {
                throw failure(
                    spec, column, "has a bad path '\(column.path.prefix(80))'",
                    hint: "write a.b[0].c; a name with a dot as [\"a.b\"]; at most \(JSONPath.maximumStepCount) steps")
            }
            step.field = paths.count
            step.takesMilliseconds =
                spec.format == .maxwell && column.path == "ts" && column.timeLayout == .epochSeconds
            paths.append(path)
        }
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
            step.minimum = minimum
            step.maximum = maximum
            step.minimumInteger = clamped(minimum.rounded(.up))
            step.maximumInteger = clamped(maximum.rounded(.down))
            if column.type == .decimal {
                step.minimumDecimal = DecimalText.bound(minimum, scale: step.scale, isUpper: false) ?? .min
                step.maximumDecimal = DecimalText.bound(maximum, scale: step.scale, isUpper: true) ?? .max
            }
        }
        if let limit = column.maximumByteCount {
            guard isText, limit >= 0 else {
                throw failure(spec, column, "has a length limit that makes no sense for \(column.type.rawValue)")
            }
            step.maximumByteCount = limit
        }
        if column.pattern != nil, column.type != .string {
            throw failure(spec, column, "has a pattern but is not a string")
        }
        step.isChecked =
            column.minimum != nil || column.maximum != nil || column.maximumByteCount != nil
            || column.pattern != nil || column.allowed != nil
        return step
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

    private static func combinedField(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep
    ) throws(Failure) -> Int {
        let names = CombinedParser.Field.allCases.map { "\($0)" }
        guard let field = names.firstIndex(of: column.path) else {
            throw failure(
                spec, column, "reads '\(column.path)', which the combined format does not have",
                hint: "its fields are " + names.joined(separator: ", "))
        }
        guard column.type != .json, column.type != .boolean else {
            throw failure(spec, column, "cannot be \(column.type.rawValue) in the combined format")
        }
        // Why: the format has one layout of times; the configured default (rfc3339) cannot apply.
        if field == CombinedParser.Field.time.rawValue { step.layout = .apache }
        return field
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

    private static func timeStep(_ columns: [ColumnSpec], _ spec: RouteSpec) throws(Failure) -> Int {
        var name = spec.timeColumn
        // Why: `time` is the specification's default for every format; Maxwell's own is `ts`.
        if spec.format == .maxwell, name == "time", !columns.contains(where: { $0.name == name }) { name = "ts" }
        guard let index = columns.firstIndex(where: { $0.name == name }) else {
            throw failure(
                spec, nil, "takes its event time from '\(name)', which is not one of its columns",
                hint: "name a timestamp or date column; there are " + columns.map(\.name).joined(separator: ", "))
        }
        guard columns[index].type == .timestamp || columns[index].type == .date else {
            throw failure(spec, columns[index], "holds the event time but is neither timestamp nor date")
        }
        return index
    }
}
