internal import Columns

/// The columns of a route that names none.
enum StandardColumns {
    static func of(_ format: RecordFormat) -> [ColumnSpec] {
        switch format {
        case .combined: combined
        case .maxwell: maxwell
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

    /// Records of rows, of DDL and of bootstrapping share one set; what a kind lacks is null.
    private static var maxwell: [ColumnSpec] {
        var time = ColumnSpec(name: "ts", type: .timestamp)
        time.timeLayout = .epochSeconds
        return [
            ColumnSpec(name: "database", type: .string),
            ColumnSpec(name: "table", type: .string),
            ColumnSpec(name: "type", type: .string, required: true),
            time,
            ColumnSpec(name: "xid", type: .int64),
            ColumnSpec(name: "xoffset", type: .int64),
            ColumnSpec(name: "commit", type: .boolean),
            ColumnSpec(name: "position", type: .string),
            ColumnSpec(name: "gtid", type: .string),
            ColumnSpec(name: "server_id", type: .int64),
            ColumnSpec(name: "thread_id", type: .int64),
            ColumnSpec(name: "schema_id", type: .int64),
            ColumnSpec(name: "primary_key", type: .json),
            ColumnSpec(name: "primary_key_columns", type: .json),
            ColumnSpec(name: "data", type: .json),
            ColumnSpec(name: "old", type: .json),
            ColumnSpec(name: "def", type: .json),
            ColumnSpec(name: "sql", type: .string),
            ColumnSpec(name: "query", type: .string),
        ]
    }
}
