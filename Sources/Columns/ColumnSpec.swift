/// One column of a table as configured: where its value comes from and what it must satisfy.
public struct ColumnSpec: Sendable, Equatable {
    public var name: String
    public var type: ColumnType
    /// Digits of a decimal, 1 to 38, and how many of them stand behind the point.
    public var precision = ColumnShape.maximumPrecision
    public var scale = 0
    /// Where the value is: a field name of the format (`remote`, `status`, ...), or a JSON path
    /// (`a.b[0].c`). Default: the column's name.
    public var path: String
    public var required = false
    /// Inclusive bounds for int32, int64, double and decimal columns.
    public var minimum: Double?
    public var maximum: Double?
    /// Allowed values (string, int32, int64), or nil.
    public var allowed: [String]?
    /// PCRE2 pattern that a string must match somewhere, or nil.
    public var pattern: String?
    /// Longest string in bytes, or nil.
    public var maximumByteCount: Int?
    /// For `timestamp` and `date`: how the text is written.
    public var timeLayout: TimeLayout = .rfc3339
    /// For `bytes`: how they are written.
    public var bytesLayout: BytesLayout = .base64

    public init(name: String, type: ColumnType, path: String? = nil, required: Bool = false) {
        self.name = name
        self.type = type
        self.path = path ?? name
        self.required = required
    }

    /// The type with a decimal's digits.
    public var shape: ColumnShape {
        get { ColumnShape(type, precision: precision, scale: scale) }
        set { (type, precision, scale) = (newValue.type, newValue.precision, newValue.scale) }
    }
}

/// How a time is written.
public enum TimeLayout: String, Sendable, CaseIterable {
    case rfc3339                    // 2026-11-20T12:34:56.789Z, a space for T and a missing zone allowed (then UTC)
    case apache                     // 17/May/2015:10:05:03 +0000
    case epochSeconds = "epoch_s"   // whole or fractional
    case epochMilliseconds = "epoch_ms"
    case epochMicroseconds = "epoch_us"
}

/// The formats a route can parse.
public enum RecordFormat: String, Sendable, CaseIterable {
    /// Apache/nginx combined and common log format. Fields: remote, ident, user, time, request, method,
    /// uri, protocol, status, bytes, referer, agent.
    case combined
    /// One JSON object per event.
    case json
    /// Maxwell change records: JSON lines; a row of `<table>_changes` each. Fields: database, table,
    /// type, ts, xid, commit, position, data, old, ...
    case maxwell
}

/// The files a table is written to.
public enum FileFormat: String, Sendable, CaseIterable {
    case jsonLines = "jsonl"
}

public enum Compression: String, Sendable, CaseIterable {
    case none, gzip, zstd
}

/// A pipeline's rule from (topic, source) to a table.
public struct RouteSpec: Sendable, Equatable {
    /// Topics it takes; empty: all of the pipeline.
    public var topics: [String] = []
    /// Source names it takes (exact, or with `*`); empty: all.
    public var sources: [String] = []
    /// `db.table`, or with `{database}` and `{table}` replaced by what a change record names:
    /// `shop.{table}_changes`.
    public var table: String
    public var format: RecordFormat
    public var columns: [ColumnSpec] = []
    /// The column that holds the event time; default: the format's own (`time`, `ts`).
    public var timeColumn: String
    /// Zone of the day boundary, a tz name. Default UTC.
    public var timeZone = "UTC"
    /// Name of the partition folder's key: `dt=2026-11-20`.
    public var partitionName = "dt"
    /// Later than the record's own timestamp by more than this: quarantined. Milliseconds.
    public var maximumFutureMilliseconds: Int64 = 86_400_000
    public var fileFormat: FileFormat = .jsonLines
    public var compression: Compression = .none
    /// Share of rejected events (0...1) within `breakerWindow` events that stops the lane; 1 never stops.
    public var breakerShare = 0.5
    public var breakerWindow = 10_000

    public init(table: String, format: RecordFormat, timeColumn: String = "time") {
        self.table = table
        self.format = format
        self.timeColumn = timeColumn
    }
}

public struct PipelineSpec: Sendable, Equatable {
    public enum Unrouted: String, Sendable, CaseIterable { case quarantine, ignore }
    public var name: String
    public var topics: [String]
    public var routes: [RouteSpec]
    public var unrouted: Unrouted = .quarantine

    public init(name: String, topics: [String], routes: [RouteSpec]) {
        self.name = name
        self.topics = topics
        self.routes = routes
    }
}
