/// How a setting's value is read, checked, and written in the reference.
struct ConfigValue<Value> {
    /// In the reference: "duration", "bytes", "list of names".
    var type: String
    /// In the reference: what is allowed, or "".
    var range = ""
    /// Reads a node that is not null; adds a fault and returns nil if it does not fit.
    var read: (_ name: String, _ node: YAMLNode, _ faults: inout FaultList) -> Value?
    /// How a value is written in the file: for the reference's default column.
    var render: (Value) -> String

    /// A single value: `convert` returns nil if the text is not of the type, `refuse` what is wrong with a
    /// value that is.
    static func scalar(
        _ type: String, expected: String, range: String = "", render: @escaping (Value) -> String,
        refuse: @escaping (Value) -> String? = { _ in nil }, convert: @escaping (String) -> Value?
    ) -> ConfigValue {
        ConfigValue(type: type, range: range, read: { name, node, faults in
            guard case .scalar(let text, _) = node.content else {
                faults.add(node.mark, "\"\(name)\" is \(node.kindText); expected \(expected)")
                return nil
            }
            guard let value = convert(text) else {
                faults.add(node.mark, "\"\(name)\" is \"\(text.clipped)\"; expected \(expected)")
                return nil
            }
            if let refusal = refuse(value) {
                faults.add(node.mark, "\"\(name)\" is \"\(text.clipped)\"; \(refusal)")
                return nil
            }
            return value
        }, render: render)
    }
}

extension ConfigValue where Value: FixedWidthInteger {
    /// `500ms`, `60s`, `5m`, `1h`, `7d`; held in milliseconds.
    static func duration(_ range: ClosedRange<Value>) -> ConfigValue {
        bounded("duration", "a duration such as 500ms, 60s, 5m, 1h or 7d", range, Units.durationText, Units.duration)
    }

    /// `64KiB`, `128MiB`, `1GiB`, `1MB`; held in bytes.
    static func bytes(_ range: ClosedRange<Value>) -> ConfigValue {
        bounded("bytes", "a size such as 64KiB, 128MiB or 1GiB", range, Units.sizeText, Units.size)
    }

    static func count(_ range: ClosedRange<Value>) -> ConfigValue {
        bounded("number", "a whole number", range, { String($0) }, { Int64($0) })
    }

    private static func bounded(
        _ type: String, _ expected: String, _ range: ClosedRange<Value>, _ text: @escaping (Int64) -> String,
        _ convert: @escaping (String) -> Int64?
    ) -> ConfigValue {
        let bounds = "\(text(Int64(clamping: range.lowerBound))) to \(text(Int64(clamping: range.upperBound)))"
        return .scalar(
            type, expected: expected, range: bounds, render: { text(Int64(clamping: $0)) },
            refuse: { range.contains($0) ? nil : "allowed is \(bounds)" },
            convert: { convert($0).map { Value(clamping: $0) } })
    }
}

extension ConfigValue where Value == Int {
    /// `off` or a size; held in bytes, 0 for `off`.
    static func sizeOrOff(_ range: ClosedRange<Int>) -> ConfigValue {
        let bounds = "off, or \(Units.sizeText(Int64(range.lowerBound))) to "
            + "\(Units.sizeText(Int64(range.upperBound)))"
        return .scalar(
            "bytes or off", expected: "off or a size such as 64KiB", range: bounds,
            render: { $0 == 0 ? "off" : Units.sizeText(Int64($0)) },
            refuse: { $0 == 0 || range.contains($0) ? nil : "allowed is \(bounds)" },
            convert: { text in
                if Units.boolean(text) == false { return 0 }
                guard let size = Units.size(text) else { return nil }
                // Why: 0 bytes is a slip, not a way to write `off`.
                return size == 0 ? -1 : Int(clamping: size)
            })
    }
}

extension ConfigValue where Value == Bool {
    static var boolean: ConfigValue {
        .scalar("boolean", expected: "true or false", render: { $0 ? "true" : "false" }, convert: Units.boolean)
    }
}

extension ConfigValue where Value == Double {
    static func number(_ range: ClosedRange<Double>? = nil) -> ConfigValue {
        let bounds = range.map { "\($0.lowerBound) to \($0.upperBound)" } ?? ""
        return .scalar(
            "number", expected: "a number", range: bounds, render: { "\($0)" },
            refuse: { value in range.map { $0.contains(value) } ?? true ? nil : "allowed is \(bounds)" },
            convert: { text in Double(text).flatMap { $0.isFinite ? $0 : nil } })
    }
}

extension ConfigValue where Value == UInt32 {
    /// Octal permissions (`0640`); the owner keeps at least `needed`.
    static func mode(needed: UInt32) -> ConfigValue {
        let bounds = "0000 to 0777, with at least \(Units.modeText(needed))"
        return .scalar(
            "file mode", expected: "octal permissions such as 0640", range: bounds, render: Units.modeText,
            refuse: { $0 <= 0o777 && $0 & needed == needed ? nil : "allowed is \(bounds)" }, convert: Units.mode)
    }
}

extension ConfigValue where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
    /// One of the cases of an enumeration, by its raw value.
    static var choice: ConfigValue {
        let names = Value.allCases.map(\.rawValue)
        return ConfigValue(type: "choice", range: names.joined(separator: ", "), read: { name, node, faults in
            let allowed = "allowed is \(names.joined(separator: ", "))"
            guard case .scalar(let text, _) = node.content else {
                faults.add(node.mark, "\"\(name)\" is \(node.kindText); \(allowed)")
                return nil
            }
            if let value = Value(rawValue: text) { return value }
            let guess = NearestName.find(text, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
            faults.add(node.mark, "\"\(name)\" is \"\(text.clipped)\"; \(allowed)\(guess)")
            return nil
        }, render: \.rawValue)
    }
}

extension ConfigValue where Value == String {
    /// Any text of 1 to `maximumByteCount` bytes without control characters.
    static func text(_ type: String = "text", maximumByteCount: Int = 4_096) -> ConfigValue {
        .scalar(
            type, expected: "a text", render: { $0 },
            refuse: { text in
                if text.isEmpty { return "it must not be empty" }
                if text.utf8.count > maximumByteCount { return "at most \(maximumByteCount) bytes are allowed" }
                if text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "it holds a control character" }
                return nil
            }, convert: { $0 })
    }

    /// A path of a file or folder, as the kernel takes it (PATH_MAX).
    static var path: ConfigValue { text("path", maximumByteCount: 4_095) }

    /// Letters, digits, `.`, `_`, `-`: names of agents, sources, pipelines, groups.
    static func name(maximumByteCount: Int = 64) -> ConfigValue {
        word("name", "a name of letters, digits, \".\", \"_\" and \"-\"", maximumByteCount) { byte, _ in
            isLetterOrDigit(byte) || byte == 0x2E || byte == 0x5F || byte == 0x2D
        }
    }

    /// A Kafka topic: as `name`, up to 249 bytes.
    static var topic: ConfigValue {
        var value = name(maximumByteCount: 249)
        value.type = "topic"
        return value
    }

    /// A column or partition key: letters, digits and `_`, not beginning with a digit.
    static var identifier: ConfigValue {
        word("identifier", "letters, digits and \"_\", not beginning with a digit", 128) { byte, isFirst in
            isLetterOrDigit(byte) && !(isFirst && byte < 0x3A) || byte == 0x5F
        }
    }

    private static func word(
        _ type: String, _ expected: String, _ maximum: Int, _ isAllowed: @escaping (UInt8, Bool) -> Bool
    ) -> ConfigValue {
        .scalar(
            type, expected: "\(expected), 1 to \(maximum) bytes", range: "1 to \(maximum) bytes", render: { $0 },
            convert: { text in
                let bytes = Array(text.utf8)
                guard (1...maximum).contains(bytes.count), text != ".", text != ".." else { return nil }
                return bytes.indices.allSatisfy { isAllowed(bytes[$0], $0 == 0) } ? text : nil
            })
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
    }
}

extension ConfigValue {
    /// A list of values; a single value counts as a list of one. Elements that do not fit are left out.
    static func list<Element: Equatable>(
        _ element: ConfigValue<Element>, minimumCount: Int = 0, maximumCount: Int = 1_000
    ) -> ConfigValue where Value == [Element] {
        ConfigValue(type: "list: \(element.type)", range: element.range, read: { name, node, faults in
            var nodes: [YAMLNode]
            switch node.content {
            case .sequence(let items): nodes = items
            case .scalar: nodes = [node]
            case .mapping:
                faults.add(node.mark, "\"\(name)\" is a mapping; expected a list")
                return nil
            }
            if nodes.count < minimumCount { faults.add(node.mark,
                "\"\(name)\" needs at least \(minimumCount) entry") }
            if nodes.count > maximumCount {
                faults.add(node.mark, "\"\(name)\" has \(nodes.count) entries; at most \(maximumCount) are allowed")
                nodes = Array(nodes.prefix(maximumCount))
            }
            var values: [Element] = []
            for item in nodes {
                guard !item.isNull else {
                    faults.add(item.mark, "an entry of \"\(name)\" is empty")
                    continue
                }
                guard let value = element.read(name, item, &faults) else { continue }
                if values.contains(value) {
                    faults.add(item.mark, "\"\(element.render(value).clipped)\" is in \"\(name)\" twice")
                }
                values.append(value)
            }
            return values
        }, render: { "[" + $0.map(element.render).joined(separator: ", ") + "]" })
    }
}
