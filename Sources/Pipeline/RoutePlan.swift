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
    /// Of the columns, then of the nodes.
    let rules: [ColumnRule]
    /// Parts of the nested columns, and the names of structs' fields.
    let nestedNodes: [NestedNode]
    let nestedFields: [FieldNames]
    /// What the nodes are called in messages: `order.items[].price`.
    private let nestedNames: [String]
    let timeStep: Int
    /// Paths of the JSON format.
    let paths: [JSONPath]
    /// Fields of the formats that name theirs.
    let fields: FieldPlan
    /// Whether any column reads what is about the event and not in it.
    let hasMetadata: Bool
    /// Whether a column of a JSON format reads `_extra`.
    var keepsExtra: Bool { spec.format.isDocument && columns.contains { $0.path == Metadata.extraName } }
    let comparisons: [Comparison]
    let defaults: [String]
    let timePatterns: [TimePattern]
    let timeAlternatives: [TimeAlternative]
    let zones: [Zone]
    let zone: Zone
    let patterns: [Pattern]
    /// Patterns of the regex format.
    let recordPatterns: [Pattern]
    let allowedSets: [AllowedSet]

    /// Column `left` must not exceed column `right`.
    struct Comparison: Sendable {
        var left: Int
        var right: Int
        var type: ColumnType
    }

    /// Checks a route. Every impossible one fails with kind `config` and says which part is at fault.
    public init(_ spec: RouteSpec) throws(Failure) {
        self.spec = spec
        try Self.checkTable(spec)
        zone = try Self.zone(spec.timeZone, spec, nil)
        try Self.checkPartitionName(spec)
        let columns = spec.columns.isEmpty ? StandardColumns.of(spec.format) : spec.columns
        guard !columns.isEmpty else {
            throw Self.failure(
                spec, nil, "has no columns",
                hint: "\(spec.format.rawValue) records have no standard columns: list those of the table")
        }
        try Self.checkNames(columns, spec)
        try Self.checkParse(spec)
        recordPatterns = try Self.recordPatterns(spec)
        var build = PlanBuild()
        build.groupNames = recordPatterns.flatMap { $0.groups.map(\.name) }
        build.columnCount = columns.count
        for column in columns { try Self.add(column, spec, to: &build) }
        self.columns = columns
        steps = build.steps
        rules = build.rules + build.nestedRules
        (nestedNodes, nestedFields, nestedNames) = (build.nestedNodes, build.nestedFields, build.nestedNames)
        paths = build.paths
        fields = FieldPlan(build.fieldNames, spec)
        hasMetadata = build.steps.contains { $0.metadata != nil }
        patterns = build.patterns
        allowedSets = build.allowedSets
        defaults = build.defaults
        timePatterns = build.timePatterns
        timeAlternatives = build.timeAlternatives
        zones = build.zones
        comparisons = try Self.comparisons(columns, spec)
        timeStep = try Self.timeStep(columns, spec)
        try checkDefaults()
    }

    /// The name of the column that decided a rejection, if one did: for messages. Of nested columns with the path
    /// to the part at fault: `items[].price`.
    public func columnName(_ rejection: RowRejection) -> String? {
        guard rejection.column >= 0 else { return nil }
        let index = Int(rejection.column)
        if index < columns.count { return columns[index].name }
        return index - columns.count < nestedNames.count ? nestedNames[index - columns.count] : nil
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
    /// Longest part of a table's name, so that it is a folder name (255) with room for a suffix.
    static let maximumTablePartByteCount = 200

    /// `db.table`; each part a folder of its own.
    private static func checkTable(_ spec: RouteSpec) throws(Failure) {
        let parts = spec.table.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw failure(spec, nil, "is not of the form db.table", hint: "for example shop.access_log")
        }
        for part in parts {
            let isPlain = part.allSatisfy { byte in
                (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
            guard isPlain, !part.isEmpty, part.count <= maximumTablePartByteCount, part.first != UInt8(ascii: "_")
            else {
                throw failure(
                    spec, nil, "has a name that cannot be a folder",
                    hint: "letters, digits, '_' and '-', no '_' at the start")
            }
        }
    }

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
        let count = columns.reduce(0) { $0 + $1.shape.leafCount }
        guard count <= RowBatch.maximumColumnCount else {
            throw failure(spec, nil, "has \(count) columns, more than \(RowBatch.maximumColumnCount)")
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

    private static func timeStep(_ columns: [ColumnSpec], _ spec: RouteSpec) throws(Failure) -> Int {
        let name = spec.timeColumn
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
