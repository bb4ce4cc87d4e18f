internal import Columns

/// The columns of a route that names none.
enum StandardColumns {
    static func of(_ format: RecordFormat) -> [ColumnSpec] {
        switch format {
        case .combined: combined
        case .syslog: syslog
        case .raw:
            [ColumnSpec(name: "time", type: .timestamp, path: "_received"), ColumnSpec(name: "line", type: .string)]
        case .json, .delimited, .regex, .logfmt, .keyValue, .w3c: []
        }
    }

    private static var syslog: [ColumnSpec] {
        var time = ColumnSpec(name: "time", type: .timestamp)
        time.timeLayout = .syslog
        return [
            time,
            ColumnSpec(name: "facility", type: .int32),
            ColumnSpec(name: "severity", type: .int32),
            ColumnSpec(name: "host", type: .string),
            ColumnSpec(name: "app", type: .string),
            ColumnSpec(name: "procid", type: .string),
            ColumnSpec(name: "msgid", type: .string),
            ColumnSpec(name: "structured_data", type: .string),
            ColumnSpec(name: "message", type: .string),
        ]
    }

    private static var combined: [ColumnSpec] {
        [
            ColumnSpec(name: "remote", type: .string),
            ColumnSpec(name: "ident", type: .string),
            ColumnSpec(name: "user", type: .string),
            ColumnSpec(name: "time", type: .timestamp),
            ColumnSpec(name: "request", type: .string),
            ColumnSpec(name: "method", type: .string),
            ColumnSpec(name: "uri", type: .string),
            ColumnSpec(name: "protocol", type: .string),
            ColumnSpec(name: "status", type: .int32),
            ColumnSpec(name: "bytes", type: .int64),
            ColumnSpec(name: "referer", type: .string),
            ColumnSpec(name: "agent", type: .string),
        ]
    }
}
