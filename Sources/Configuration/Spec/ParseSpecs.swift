internal import Columns
internal import Event

/// How a route's events are written.
extension PipelineSpecs {
    static var parse: ConfigSpec<ParseSpec> {
        ConfigSpec(
            summary: "How the events are written, beyond the format's name.",
            fields: [
                .optional(
                    "fields", .list(.text(maximumByteCount: 256), maximumCount: 4_096), \.fields, default: "none",
                    "delimited, w3c (there required): the fields' names in the order of the file. A file may be "
                        + "taken up in its middle, so its header cannot say."),
                .optional(
                    "header", .boolean, \.hasHeader,
                    "delimited: files begin with the fields' names. Such rows are left out; another first row is "
                        + "rejected."),
                .optional(
                    "delimiter", separator, \.delimiter, default: "delimited: \",\"; key_value: blanks",
                    "delimited: between fields; key_value: between pairs. `tab`, `\\u0001` (Hive), `space`."),
                .optional("assign", separator, \.assign, default: "=", "key_value: between name and value."),
                .optional(
                    "quote", separatorOrNone, \.quote, default: "\"",
                    "delimited, key_value: around values; `none`: quotes are ordinary."),
                .optional(
                    "escape", separator, \.escape, default: "none: quotes are doubled",
                    "delimited: takes the next byte as it is, usually a backslash."),
                .optional(
                    "null_text", defaultText, \.nullText, default: "none",
                    "delimited, regex, logfmt, key_value: the text that stands for no value, such as `-` or `\\N`."),
                .optional(
                    "patterns", .list(.text("PCRE2 pattern"), maximumCount: 64), \.patterns, default: "none",
                    "regex (there required): patterns with named groups, `(?<name>...)`; the first that matches "
                        + "counts. Use `^` and `$` for the whole line."),
                .optional(
                    "leading", .list(.name(), maximumCount: 64), \.leading, default: "none",
                    "combined: names of the values before the remote host, such as the virtual host."),
                .optional(
                    "trailing", .list(.name(), maximumCount: 64), \.trailing, default: "none",
                    "combined: names of the values behind the agent: words, in quotes or in brackets. Those at the "
                        + "end may be missing."),
            ])
    }

    /// The byte between columns of delimited output.
    static var outputSeparator: ConfigValue<UInt8> {
        .scalar(
            "byte", expected: "one character such as tab, comma, | or \\u0001; no letter, digit or space",
            range: "one byte below 128", render: separatorText,
            convert: { text in
                guard case .some(.some(let byte)) = separatorByte(text), !isTaken(byte) else { return nil }
                return byte
            })
    }

    private static func separatorText(_ byte: UInt8) -> String {
        guard byte < 0x20 else { return String(Unicode.Scalar(byte)) }
        return "\\u00" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
    }

    /// What numbers, times and base64 are written with, and what escapes.
    private static func isTaken(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- 97 < 26 || byte &- 48 < 10 || "+-.:/= \\".utf8.contains(byte)
    }

    /// One byte: itself, or a name for those that are hard to write.
    private static var separator: ConfigValue<UInt8?> { separator(allowsNone: false) }
    private static var separatorOrNone: ConfigValue<UInt8?> { separator(allowsNone: true) }

    private static func separator(allowsNone: Bool) -> ConfigValue<UInt8?> {
        .scalar(
            "byte", expected: "one ASCII character, tab, space, or \\u0001" + (allowsNone ? ", or none" : ""),
            range: "one byte below 128", render: { $0.map { String($0) } ?? "none" },
            convert: { text in
                if allowsNone, text == "none" { return .some(0) }
                return separatorByte(text)
            })
    }

    private static func separatorByte(_ text: String) -> UInt8?? {
        let names: [String: UInt8] = [
            "tab": 9, "\\t": 9, "space": 32, "comma": 44, "semicolon": 59, "pipe": 124, "backslash": 92,
        ]
        if let byte = names[text] { return .some(byte) }
        if text.hasPrefix("\\u00"), text.utf8.count == 6, let byte = UInt8(text.dropFirst(4), radix: 16) {
            return byte > 0 && byte < 0x80 && byte != 10 && byte != 13 ? .some(byte) : nil
        }
        guard text.utf8.count == 1, let byte = text.utf8.first, byte > 0, byte < 0x80 else { return nil }
        return byte == 10 || byte == 13 ? nil : .some(byte)
    }

    /// A text that may be empty.
    static var defaultText: ConfigValue<String?> {
        .scalar(
            "text", expected: "a text", render: { $0 ?? "" },
            refuse: { ($0 ?? "").utf8.count > 4_096 ? "at most 4096 bytes are allowed" : nil }, convert: { $0 })
    }

    static var timeFormat: ConfigValue<String> {
        let names = TimeLayout.allCases.filter { $0 != .pattern }.map(\.rawValue)
        let range = names.joined(separator: ", ") + ", or a pattern such as %Y-%m-%d %H:%M:%S"
        return .scalar(
            "time format", expected: range, range: range, render: { $0 },
            convert: { text in
                guard names.contains(text) || text.utf8.contains(UInt8(ascii: "%")) && text.utf8.count <= 256 else {
                    return nil
                }
                return text
            })
    }

    /// Settings of a route that are for other formats than its own, or that its own lacks.
    static func checkParse(_ route: RouteSpec, _ node: YAMLNode, _ faults: inout FaultList) {
        let format = route.format
        let parse = node["parse"]?.value
        let owners: [(String, [RecordFormat])] = [
            ("fields", [.delimited, .w3c]), ("header", [.delimited]), ("delimiter", [.delimited, .keyValue]),
            ("assign", [.keyValue]), ("quote", [.delimited, .keyValue]), ("escape", [.delimited]),
            ("null_text", [.delimited, .regex, .logfmt, .keyValue]), ("patterns", [.regex]),
            ("leading", [.combined]), ("trailing", [.combined]),
        ]
        for (name, formats) in owners where parse?[name] != nil && !formats.contains(format) {
            faults.add(parse ?? node, name, "\"\(name)\" is for \(text(formats)); the format is \(format.rawValue)")
        }
        if [.delimited, .w3c].contains(format), parse?["fields"] == nil {
            faults.add(parse ?? node, "fields", "the format \(format.rawValue) needs \"fields\" in \"parse\"")
        }
        if format == .regex, parse?["patterns"] == nil {
            faults.add(parse ?? node, "patterns", "the format regex needs \"patterns\" in \"parse\"")
        }
        let takesUnknown: [RecordFormat] = [.json, .logfmt, .keyValue]
        if node["unknown_fields"] != nil, !takesUnknown.contains(format) {
            faults.add(node, "unknown_fields", "\"unknown_fields\" is for \(text(takesUnknown)); the format is "
                + format.rawValue)
        }
        if let parse {
            let pairs = [
                ("delimiter", route.parse.delimiter), ("assign", route.parse.assign), ("quote", route.parse.quote),
                ("escape", route.parse.escape),
            ]
            for (index, (name, byte)) in pairs.enumerated() {
                guard let byte, byte != 0, let other = pairs[..<index].first(where: { $0.1 == byte }) else { continue }
                faults.add(parse, name, "\"\(name)\" is the same byte as \"\(other.0)\"")
            }
        }
    }

    private static func text(_ formats: [RecordFormat]) -> String {
        formats.map(\.rawValue).joined(separator: ", ")
    }

    /// Columns that read fields the route does not name, and settings that contradict each other.
    static func checkFields(_ route: RouteSpec, _ items: [YAMLNode], _ faults: inout FaultList) {
        let known = route.format == .w3c ? route.parse.fields + ["timestamp"] : route.parse.fields
        let names = route.columns.map(\.name)
        for (column, item) in zip(route.columns, items) where !column.name.isEmpty {
            let place = item["path"] == nil ? "name" : "path"
            if [.delimited, .w3c].contains(route.format), !known.isEmpty, !column.path.hasPrefix("_"),
                !known.contains(column.path) {
                let guess = NearestName.find(column.path, in: known).map { "; did you mean \"\($0)\"?" } ?? ""
                faults.add(item, place, "\"\(column.path.clipped)\" is not among \"fields\"\(guess)")
            }
            if let other = column.atMost, !names.contains(other) || other == column.name {
                let guess = NearestName.find(other, in: names).map { "; did you mean \"\($0)\"?" } ?? ""
                faults.add(item, "at_most", "\"\(other)\" is no other column of the table\(guess)")
            }
            if column.path == "_extra", route.unknownFields == .reject {
                faults.add(item, place, "\"_extra\" stays empty where \"unknown_fields\" is reject")
            }
        }
    }
}

extension ColumnSpec {
    /// Layouts and patterns of times, as they are written in the file.
    var timeFormats: [String] {
        get {
            ([TimeFormat(timeLayout, pattern: timePattern)] + otherTimeFormats)
                .map { $0.layout == .pattern ? $0.pattern ?? "" : $0.layout.rawValue }
        }
        set {
            let formats = newValue.map { text in
                TimeLayout(rawValue: text).map { TimeFormat($0) } ?? TimeFormat(.pattern, pattern: text)
            }
            guard let first = formats.first else { return }
            (timeLayout, timePattern) = (first.layout, first.pattern)
            otherTimeFormats = Array(formats.dropFirst())
        }
    }
}
