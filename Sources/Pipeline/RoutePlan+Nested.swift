internal import Columns
internal import Event

/// Lists, maps and structs: a node for each part, its children side by side.
extension RoutePlan {
    static func setNested(
        _ column: ColumnSpec, _ spec: RouteSpec, _ step: ColumnStep, _ rule: inout ColumnRule,
        _ build: inout PlanBuild
    ) throws(Failure) {
        let shape = column.shape
        guard isSound(shape), shape.depth <= ColumnShape.maximumDepth,
            shape.leafCount <= ColumnShape.maximumFieldCount
        else {
            throw failure(
                spec, column, "has a type that cannot be: \(shape.text.prefix(80))",
                hint: "at most \(ColumnShape.maximumDepth) levels and \(ColumnShape.maximumFieldCount) scalars")
        }
        guard column.maximumFutureMilliseconds == nil else {
            throw failure(spec, column, "has a limit for times in the future but is neither timestamp nor date")
        }
        rule.nested = build.nestedNodes.count
        add(column.name, shape, step, rule, &build)
        addChildren(of: rule.nested, shape, &build)
    }

    private static func add(
        _ name: String, _ shape: ColumnShape, _ like: ColumnStep, _ likeRule: ColumnRule, _ build: inout PlanBuild
    ) {
        // What the column says of times and bytes holds for all that it has inside.
        var step = ColumnStep(type: shape.type, field: 0, layout: like.layout, isRequired: false)
        (step.zone, step.hasAlternatives) = (like.zone, like.hasAlternatives)
        step.index = Int32(truncatingIfNeeded: build.columnCount + build.nestedNodes.count)
        var rule = ColumnRule()
        (rule.bytesLayout, rule.timePattern, rule.alternatives) =
            (likeRule.bytesLayout, likeRule.timePattern, likeRule.alternatives)
        (rule.precision, rule.scale) = (shape.precision, shape.scale)
        build.nestedNodes.append(NestedNode(step: step))
        build.nestedRules.append(rule)
        build.nestedNames.append(name)
    }

    /// Whether every part has what its type needs.
    private static func isSound(_ shape: ColumnShape) -> Bool {
        let count = shape.fields.count
        switch shape.type {
        case .list: guard count == 1 else { return false }
        case .map: guard count == 2, ColumnShape.keyTypes.contains(shape.fields[0].shape.type) else { return false }
        case .structure:
            guard count > 0, Set(shape.fields.map { $0.name.lowercased() }).count == count else { return false }
        default: return true
        }
        return shape.fields.allSatisfy { isSound($0.shape) }
    }

    private static func addChildren(of node: Int, _ shape: ColumnShape, _ build: inout PlanBuild) {
        let (step, rule, name) = (build.nestedNodes[node].step, build.nestedRules[node], build.nestedNames[node])
        let first = build.nestedNodes.count
        build.nestedNodes[node].children = first..<first + shape.fields.count
        for field in shape.fields {
            let suffix =
                switch shape.type {
                case .list: "[]"
                case .map: "{\(field.name)}"
                default: "." + field.name
                }
            add(name + suffix, field.shape, step, rule, &build)
        }
        if shape.type == .structure {
            build.nestedNodes[node].names = build.nestedFields.count
            build.nestedFields.append(FieldNames(shape.fields.map(\.name)))
        }
        for (index, field) in shape.fields.enumerated() where field.shape.type.isNested {
            addChildren(of: first + index, field.shape, &build)
        }
    }
}
