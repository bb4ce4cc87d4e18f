/// What a section of a configuration file holds, said once: from it come the loader, the linter and the
/// reference. `Target` is the struct that the section fills.
struct ConfigSpec<Target> {
    /// One or two sentences for the reference.
    var summary: String
    var fields: [ConfigField<Target>]
    /// What no single field can tell: combinations. Runs even if fields had faults (they keep their defaults).
    var check: (_ target: Target, _ node: YAMLNode, _ faults: inout FaultList) -> Void = { _, _, _ in }
    /// Fills in defaults that depend on other fields.
    var complete: (_ target: inout Target, _ node: YAMLNode) -> Void = { _, _ in }

    /// Reads a section into `target`, whose values are the defaults. `place` is its name for messages.
    func read(_ place: String, _ node: YAMLNode, _ faults: inout FaultList, into target: inout Target) {
        guard case .mapping(let members) = node.content else {
            let names = fields.prefix(3).map(\.name).joined(separator: ", ")
            faults.add(node.mark, "\(place) is \(node.kindText); expected names with values (\(names), ...)")
            return
        }
        for member in members {
            guard let field = fields.first(where: { $0.name == member.name }) else {
                faults.add(member.mark, unknown(member.name, place))
                continue
            }
            if !member.value.isNull {
                field.read(member.value, &faults, &target)
            } else if field.isRequired {
                faults.add(member.mark, "\"\(field.name)\" has no value")
            }
        }
        for field in fields where field.isRequired && node[field.name] == nil {
            faults.add(node.mark, "\"\(field.name)\" is missing in \(place)")
        }
        complete(&target, node)
        check(target, node, &faults)
    }

    private func unknown(_ name: String, _ place: String) -> String {
        let names = fields.map(\.name)
        let start = "unknown name \"\(name.clipped)\" in \(place)"
        if let guess = NearestName.find(name, in: names) { return "\(start); did you mean \"\(guess)\"?" }
        return "\(start); known are \(names.joined(separator: ", "))"
    }
}

/// One setting of a section.
struct ConfigField<Target> {
    var name: String
    var type: String
    var range: String
    var isRequired: Bool
    /// Meaning, unit where it is not plain, meaning of special values, effect when raised and lowered.
    var summary: String
    /// The default as it would be written, from a section's prototype.
    var defaultText: (Target) -> String
    var read: (YAMLNode, inout FaultList, inout Target) -> Void
    /// The pages of a nested section, given its path.
    var nested: (_ path: String, _ target: Target) -> [ReferenceSection] = { _, _ in [] }

    /// A setting with a default: what the prototype holds.
    static func optional<Value>(
        _ name: String, _ value: ConfigValue<Value>, _ path: WritableKeyPath<Target, Value>,
        default text: String? = nil, _ summary: String
    ) -> ConfigField {
        ConfigField(
            name: name, type: value.type, range: value.range, isRequired: false, summary: summary,
            defaultText: { text ?? value.render($0[keyPath: path]) },
            read: { node, faults, target in
                if let read = value.read(name, node, &faults) { target[keyPath: path] = read }
            })
    }

    /// A setting that may be absent.
    static func optional<Value>(
        _ name: String, _ value: ConfigValue<Value>, _ path: WritableKeyPath<Target, Value?>,
        default text: String = "none", _ summary: String
    ) -> ConfigField {
        ConfigField(
            name: name, type: value.type, range: value.range, isRequired: false, summary: summary,
            defaultText: { _ in text },
            read: { node, faults, target in
                if let read = value.read(name, node, &faults) { target[keyPath: path] = read }
            })
    }

    /// A setting that must be given.
    static func required<Value>(
        _ name: String, _ value: ConfigValue<Value>, _ path: WritableKeyPath<Target, Value>, _ summary: String
    ) -> ConfigField {
        var field = optional(name, value, path, default: "", summary)
        field.isRequired = true
        return field
    }

    /// A nested section.
    static func section<Child>(
        _ name: String, _ spec: ConfigSpec<Child>, _ path: WritableKeyPath<Target, Child>, isRequired: Bool = false
    ) -> ConfigField {
        ConfigField(
            name: name, type: "section", range: "", isRequired: isRequired, summary: spec.summary,
            defaultText: { _ in "" },
            read: { node, faults, target in
                spec.read("\"\(name)\"", node, &faults, into: &target[keyPath: path])
            },
            nested: { place, target in spec.reference(place + name, target[keyPath: path]) })
    }

    /// A list of sections. `prototype` holds the defaults of each.
    static func sections<Child>(
        _ name: String, _ spec: ConfigSpec<Child>, prototype: Child, _ path: WritableKeyPath<Target, [Child]>,
        isRequired: Bool = false
    ) -> ConfigField {
        ConfigField(
            name: name, type: "list of sections", range: "", isRequired: isRequired, summary: spec.summary,
            defaultText: { _ in "" },
            read: { node, faults, target in
                guard case .sequence(let items) = node.content else {
                    faults.add(node.mark, "\"\(name)\" is \(node.kindText); expected a list, each entry after \"- \"")
                    return
                }
                if items.isEmpty, isRequired { faults.add(node.mark, "\"\(name)\" needs at least 1 entry") }
                if items.count > maximumSectionCount {
                    faults.add(
                        node.mark, "\"\(name)\" has \(items.count) entries; at most \(maximumSectionCount) are "
                            + "allowed")
                }
                for (index, item) in items.prefix(maximumSectionCount).enumerated() {
                    var child = prototype
                    spec.read("entry \(index + 1) of \"\(name)\"", item, &faults, into: &child)
                    target[keyPath: path].append(child)
                }
            },
            nested: { place, _ in spec.reference(place + name + "[]", prototype) })
    }
}

/// The most entries of a list of sections (sources, routes, columns).
private let maximumSectionCount = 2_000
