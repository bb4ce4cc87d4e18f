internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Platform

/// `millrace schema infer`: a route proposed from sample lines, to be put into a configuration.
enum SchemaVerb {
    static let specs = [
        VerbSpec(
            "schema infer", "A route for a table, proposed from sample lines.",
            discussion: "Tells the format (JSON, access logs, syslog, CSV and the like with a header, W3C, logfmt) "
                + "and the columns' types by what the lines hold. A proposal: look at it, then try it (millrace try).",
            options: [OptionSpec("table", value: "DB.TABLE", "The table's name. Default: db.table.")],
            arguments: [ArgumentSpec("file", "Lines.")])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let path = command.argument("file") ?? "-"
        let lines = try TryVerb.lines(path)
        let proposal = try SchemaProposal(lines, table: command.value("table") ?? "db.table")
        Terminal.write("# Proposed from \(proposal.lineCount) lines of \(path): look at it before you use it.\n")
        Terminal.write(text(proposal.route))
        return 0
    }

    /// The route as an entry of `routes`.
    static func text(_ route: RouteSpec) -> String {
        var text = "- table: \(route.table)\n  format: \(route.format.rawValue)\n"
        var parse: [String] = []
        if !route.parse.fields.isEmpty {
            parse.append("fields: [" + route.parse.fields.map(quoted).joined(separator: ", ") + "]")
        }
        if route.parse.hasHeader { parse.append("header: true") }
        if let delimiter = route.parse.delimiter { parse.append("delimiter: " + byte(delimiter)) }
        if !parse.isEmpty { text += "  parse: {" + parse.joined(separator: ", ") + "}\n" }
        guard !route.columns.isEmpty else { return text }
        text += "  time: {column: \(route.timeColumn)}\n  columns:\n"
        for column in route.columns { text += "    - {" + members(column).joined(separator: ", ") + "}\n" }
        return text
    }

    private static func members(_ column: ColumnSpec) -> [String] {
        var members = ["name: \(column.name)", "type: \(column.shape.text)"]
        if column.path != column.name { members.append("path: " + quoted(column.path)) }
        if column.type == .timestamp, column.timeLayout != .rfc3339 {
            members.append("time_format: " + quoted(column.timePattern ?? column.timeLayout.rawValue))
        }
        if let zone = column.timeZone { members.append("time_zone: \(zone)") }
        return members
    }

    private static func byte(_ byte: UInt8) -> String {
        switch byte {
        case 9: "tab"
        case 1: "'\\u0001'"
        default: quoted(String(Unicode.Scalar(byte)))
        }
    }

    /// A double-quoted text of YAML is one of JSON.
    private static func quoted(_ text: String) -> String {
        let isPlain = !text.isEmpty && text.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (65...90).contains(byte) || byte == 95
        }
        if isPlain, !["true", "false", "null", "yes", "no", "on", "off", "y", "n"].contains(text.lowercased()) {
            return text
        }
        var bytes: [UInt8] = []
        JSONValue.appendQuoted(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}
