internal import Columns

extension RouteFuzz {
    static let names = [
        "combined", "json", "delimited", "regex", "logfmt", "key_value", "syslog", "w3c", "raw", "times",
    ]

    /// The routes of a target.
    static func specs(_ name: String) -> [RouteSpec] {
        switch name {
        case "combined": combined
        case "json": json
        case "delimited": delimited
        case "regex": [regex]
        case "logfmt": [pairs(.logfmt), refusing(pairs(.logfmt))]
        case "key_value": keyValue
        case "syslog": [RouteSpec(table: "a.b", format: .syslog), syslog]
        case "w3c": [w3c]
        case "raw": [route(.raw, texts(["line"]))]
        case "times": times
        default: []
        }
    }

    private static let received = ColumnSpec(name: "received", type: .timestamp, path: "_received")

    /// A route whose times are the records' own, so that any line can be a row.
    private static func route(_ format: RecordFormat, _ columns: [ColumnSpec]) -> RouteSpec {
        var spec = RouteSpec(table: "a.b", format: format, timeColumn: "received")
        spec.columns = [received] + columns
        return spec
    }

    private static func texts(_ names: [String]) -> [ColumnSpec] {
        names.map { ColumnSpec(name: $0, type: .string) }
    }

    private static func refusing(_ spec: RouteSpec) -> RouteSpec {
        var spec = spec
        spec.columns.removeAll { $0.path == "_extra" }
        spec.unknownFields = .reject
        return spec
    }

    /// Columns of every type over fields a to j, with checks.
    private static let typed: [ColumnSpec] = {
        var columns = [
            ColumnSpec(name: "a", type: .int32), ColumnSpec(name: "b", type: .int64),
            ColumnSpec(name: "c", type: .double), ColumnSpec(name: "d", type: .boolean),
            ColumnSpec(name: "e", type: .date), ColumnSpec(name: "f", type: .timestamp),
            ColumnSpec(name: "g", type: .decimal), ColumnSpec(name: "h", type: .bytes),
            ColumnSpec(name: "i", type: .string), ColumnSpec(name: "j", type: .decimal),
        ]
        (columns[0].minimum, columns[0].maximum) = (-5, 1_000)
        columns[5].timeZone = "Europe/Berlin"
        columns[5].otherTimeFormats = [TimeFormat(.apache), TimeFormat(.syslog), TimeFormat(.epochSeconds)]
        columns[5].maximumFutureMilliseconds = 3_600_000
        (columns[6].precision, columns[6].scale) = (38, 12)
        columns[7].bytesLayout = .hex
        (columns[8].minimumByteCount, columns[8].maximumByteCount) = (1, 40)
        columns[8].pattern = "^[a-z]*é?.*$"
        (columns[9].precision, columns[9].scale, columns[9].defaultText) = (9, 2, "1.50")
        return columns
    }()

    private static let combined: [RouteSpec] = {
        let standard = RouteSpec(table: "a.b", format: .combined)
        var more = route(.combined, texts(["host", "remote", "request", "method", "uri", "agent", "took", "id"]))
        more.parse.leading = ["host"]
        more.parse.trailing = ["took", "id"]
        return [standard, more]
    }()

    private static let json: [RouteSpec] = {
        let paths = ["a", "a.b", "a.b[0].c", "[\"x.y\"].z", "k[2]", "l.m.n"]
        var nested = route(.json, paths.enumerated().map { ColumnSpec(name: "t\($0.0)", type: .string, path: $0.1) })
        nested.columns.append(ColumnSpec(name: "sub", type: .json, path: "s"))
        nested.columns.append(ColumnSpec(name: "rest", type: .json, path: "_extra"))
        return [nested, route(.json, typed), refusing(route(.json, texts(["a", "b"]))), route(.json, parts)]
    }()

    /// Columns that hold parts of a document.
    private static let parts: [ColumnSpec] = {
        let pair = ColumnShape.structure([
            ColumnField("x", ColumnShape(.double)), ColumnField("y", .list(ColumnShape(.string))),
            ColumnField("z", ColumnShape(.decimal, precision: 20, scale: 3)),
        ])
        let shapes: [(String, ColumnShape)] = [
            ("u", .list(ColumnShape(.int64))), ("v", .map(ColumnShape(.string), pair)), ("w", pair),
            ("l", .list(.list(.map(ColumnShape(.int32), ColumnShape(.boolean))))),
        ]
        return shapes.map { name, shape in
            var column = ColumnSpec(name: name, type: shape.type)
            column.shape = shape
            return column
        }
    }()

    private static let delimited: [RouteSpec] = {
        let names = ["a", "b", "c", "d"]
        var plain = route(.delimited, texts(names))
        plain.parse.fields = names
        var header = plain
        header.parse.hasHeader = true
        header.columns = [received] + texts(["b"]) + [ColumnSpec(name: "rest", type: .json, path: "_extra")]
        var tabs = plain
        (tabs.parse.delimiter, tabs.parse.escape, tabs.parse.nullText) = (9, UInt8(ascii: "\\"), "\\N")
        var hive = plain
        (hive.parse.delimiter, hive.parse.quote, hive.parse.nullText) = (1, 0, "\\N")
        var all = route(.delimited, typed)
        all.parse.fields = typed.map(\.name)
        return [plain, header, tabs, hive, all]
    }()

    private static let regex: RouteSpec = {
        var spec = route(.regex, texts(["host", "rest"]) + [ColumnSpec(name: "number", type: .int64)])
        spec.parse.patterns = [
            #"^(?<host>[^ ]+) (?<number>\d+)(?: (?<rest>.*))?$"#, #"(?<rest>(?:é|[[:alpha:]])+)=(?<host>\w*)"#,
        ]
        return spec
    }()

    private static func pairs(_ format: RecordFormat) -> RouteSpec {
        route(format, texts(["a", "msg"]) + [
            ColumnSpec(name: "n", type: .int64), ColumnSpec(name: "rest", type: .json, path: "_extra"),
        ])
    }

    private static let keyValue: [RouteSpec] = {
        var semicolons = pairs(.keyValue)
        (semicolons.parse.delimiter, semicolons.parse.assign) = (UInt8(ascii: ";"), UInt8(ascii: ":"))
        var plain = semicolons
        (plain.parse.quote, plain.parse.nullText) = (0, "-")
        return [pairs(.keyValue), semicolons, plain]
    }()

    private static let syslog: RouteSpec = {
        var spec = route(.syslog, texts(["host", "app", "message"]))
        spec.columns.append(ColumnSpec(name: "x", type: .string, path: "sd[\"a@1\"].x"))
        spec.columns.append(ColumnSpec(name: "rest", type: .json, path: "_extra"))
        return spec
    }()

    private static let w3c: RouteSpec = {
        var spec = route(.w3c, texts(["c-ip", "cs(User-Agent)"]))
        spec.columns.append(ColumnSpec(name: "at", type: .timestamp, path: "timestamp"))
        spec.parse.fields = ["date", "time", "c-ip", "cs(User-Agent)", "sc-status"]
        spec.columns.append(ColumnSpec(name: "rest", type: .json, path: "_extra"))
        return spec
    }()

    /// A line is a time, in each layout.
    private static let times: [RouteSpec] = {
        let patterns = [
            "%Y-%m-%d %H:%M:%S%.f %z", "%d/%b/%y %I:%M %p", "%j %Y %T", "%s.%f", "%a, %d %B %Y %R %Z", "%b %e %T",
        ]
        let formats = TimeLayout.allCases.filter { $0 != .pattern }.map { TimeFormat($0) }
            + patterns.map { TimeFormat(.pattern, pattern: $0) }
        return formats.flatMap { format in
            [ColumnType.timestamp, .date].map { type in
                var column = ColumnSpec(name: "time", type: type, path: "line")
                (column.timeLayout, column.timePattern) = (format.layout, format.pattern)
                if type == .timestamp { column.timeZone = "America/New_York" }
                return route(.raw, [column])
            }
        }
    }()
}
