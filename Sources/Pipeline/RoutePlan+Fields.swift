internal import Columns
internal import Event
internal import JSON
internal import Regex

/// Which field of its format a column reads.
extension RoutePlan {
    /// Most names in `ParseSpec.fields`.
    static let maximumFieldCount = 4_096

    static func setField(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep, _ build: inout PlanBuild
    ) throws(Failure) {
        guard !column.type.isNested || spec.format.isDocument else {
            throw failure(
                spec, column, "cannot be \(column.shape.text) in the \(spec.format.rawValue) format",
                hint: "lists, maps and structs are parts of JSON documents")
        }
        let isExtra = column.path == Metadata.extraName
        if isExtra { try checkExtra(column, spec) }
        switch spec.format {
        case .json: try setPath(column, spec, &step, &build)
        case .combined: step.field = Int32(truncatingIfNeeded: try combinedField(column, spec, &step))
        default:
            if !isExtra { try checkField(column, spec, &step, &build) }
            guard isExtra || column.type != .json else {
                throw failure(spec, column, "cannot be json in the \(spec.format.rawValue) format")
            }
            let field = build.fieldNames.firstIndex(of: column.path) ?? build.fieldNames.count
            if field == build.fieldNames.count { build.fieldNames.append(column.path) }
            step.field = Int32(truncatingIfNeeded: field)
        }
    }

    private static func checkExtra(_ column: ColumnSpec, _ spec: RouteSpec) throws(Failure) {
        guard column.type == .json else {
            throw failure(spec, column, "holds _extra but is not json")
        }
        guard spec.format != .combined, spec.format != .raw else {
            throw failure(spec, column, "reads _extra, but \(spec.format.rawValue) has no unknown fields")
        }
        guard spec.unknownFields != .reject else {
            throw failure(spec, column, "reads _extra, but the route rejects unknown fields")
        }
    }

    private static func setPath(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep, _ build: inout PlanBuild
    ) throws(Failure) {
        guard column.path != Metadata.extraName else {
            step.field = -1
            return
        }
        guard let path = JSONPath(column.path) else {
            throw failure(
                spec, column, "has a bad path '\(column.path.prefix(80))'",
                hint: "write a.b[0].c; a name with a dot as [\"a.b\"]; at most \(JSONPath.maximumStepCount) steps")
        }
        step.field = Int32(truncatingIfNeeded: build.paths.count)
        build.paths.append(path)
    }

    private static func combinedField(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep
    ) throws(Failure) -> Int {
        let names = CombinedParser.names(spec.parse)
        guard let field = names.firstIndex(of: column.path) else {
            throw unknownField(column, spec, names)
        }
        guard column.type != .json, column.type != .boolean else {
            throw failure(spec, column, "cannot be \(column.type.rawValue) in the combined format")
        }
        // Why: rfc3339 is the default of every format; here it means either of the format's two layouts.
        if field == CombinedParser.Field.time.rawValue, column.timeLayout == .rfc3339 {
            step.layout = .apache
            step.takesRFC3339 = true
        }
        return field
    }

    /// Formats whose fields are known before any event.
    private static func checkField(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: inout ColumnStep, _ build: inout PlanBuild
    ) throws(Failure) {
        switch spec.format {
        case .raw:
            guard RawParser.fields.contains(column.path) else {
                throw unknownField(column, spec, RawParser.fields)
            }
        case .delimited:
            guard spec.parse.fields.contains(column.path) else {
                throw unknownField(column, spec, spec.parse.fields)
            }
        case .w3c:
            let names = spec.parse.fields
            let isTimestamp = column.path == W3CParser.timestampName && names.contains("date") && names.contains("time")
            guard names.contains(column.path) || isTimestamp else { throw unknownField(column, spec, names) }
        case .syslog:
            let names = SyslogParser.Field.allCases.map(\.name)
            guard names.contains(column.path) || SyslogPath(column.path) != nil else {
                throw unknownField(column, spec, names + ["sd[\"id\"].name"])
            }
            if column.path == "time", column.timeLayout == .rfc3339 { step.layout = .syslog }
        case .regex:
            let names = build.groupNames
            guard names.contains(column.path) else { throw unknownField(column, spec, names) }
        default: break
        }
    }

    static func recordPatterns(_ spec: RouteSpec) throws(Failure) -> [Pattern] {
        guard spec.format == .regex else { return [] }
        guard !spec.parse.patterns.isEmpty, spec.parse.patterns.count <= PatternParser.maximumPatternCount else {
            throw failure(
                spec, nil, "has \(spec.parse.patterns.count) patterns",
                hint: "1 to \(PatternParser.maximumPatternCount) are needed, with named groups: (?<name>...)")
        }
        var patterns: [Pattern] = []
        for text in spec.parse.patterns {
            do throws(Failure) {
                patterns.append(try Pattern(text))
            } catch {
                throw failure(spec, nil, "has a bad pattern: " + error.message, hint: error.hint, cause: error.cause)
            }
        }
        return patterns
    }

    private static func unknownField(_ column: ColumnSpec, _ spec: RouteSpec, _ names: [String]) -> Failure {
        failure(
            spec, column, "reads '\(column.path)', which the \(spec.format.rawValue) format does not have",
            hint: "its fields are " + names.prefix(40).joined(separator: ", "))
    }

    /// What the format's own settings must be.
    static func checkParse(_ spec: RouteSpec) throws(Failure) {
        let parse = spec.parse
        if spec.format == .delimited || spec.format == .w3c {
            guard !parse.fields.isEmpty, parse.fields.count <= maximumFieldCount else {
                throw failure(
                    spec, nil, "names \(parse.fields.count) fields; 1 to \(maximumFieldCount) are possible",
                    hint: "list the fields of the file in its order")
            }
            guard Set(parse.fields).count == parse.fields.count, !parse.fields.contains("") else {
                throw failure(spec, nil, "names a field twice, or one without a name")
            }
        }
        let fixed = CombinedParser.names(parse)
        guard spec.format != .combined || Set(fixed).count == fixed.count else {
            throw failure(spec, nil, "names a leading or trailing field that the format has already")
        }
        let bytes = [parse.delimiter, parse.assign, parse.quote, parse.escape].compactMap(\.self).filter { $0 != 0 }
        guard Set(bytes).count == bytes.count, bytes.allSatisfy({ $0 < 0x80 && $0 != 10 && $0 != 13 }) else {
            throw failure(spec, nil, "has a delimiter, quote or escape that is another one too, or a line's end")
        }
    }
}
