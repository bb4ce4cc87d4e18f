/// One column of a table as configured: where its value comes from and what it must satisfy.
public struct ColumnSpec: Sendable, Equatable {
    public var name: String
    public var type: ColumnType
    /// Digits of a decimal, 1 to 38, and how many of them stand behind the point.
    public var precision = ColumnShape.maximumPrecision
    public var scale = 0
    /// Of a list its element, of a map its key and its value, of a struct its fields.
    public var fields: [ColumnField] = []
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
    /// The pattern of the layout `.pattern` (`%Y-%m-%d %H:%M:%S`).
    public var timePattern: String?
    /// Further ways that the text may be written, tried in order.
    public var otherTimeFormats: [TimeFormat] = []
    /// Zone of times that name none, a tz name; nil: they are taken as UTC where the layout has no place
    /// for a zone, and refused where it has one.
    public var timeZone: String?
    /// Read, as if the event held it, where there is no value.
    public var defaultText: String?
    /// Shortest string in bytes, or nil.
    public var minimumByteCount: Int?
    /// For `timestamp` and `date`: later than the record's own timestamp by more than this is refused.
    public var maximumFutureMilliseconds: Int64?
    /// For Parquet: whether row groups have a Bloom filter of the column.
    public var hasBloomFilter = false
    /// Name of a column that this one's value must not exceed; rows where either is null pass.
    public var atMost: String?

    public init(name: String, type: ColumnType, path: String? = nil, required: Bool = false) {
        self.name = name
        self.type = type
        self.path = path ?? name
        self.required = required
    }

    /// The type with a decimal's digits, and with what a nested one holds.
    public var shape: ColumnShape {
        get { ColumnShape(type, precision: precision, scale: scale, fields: fields) }
        set {
            (type, precision, scale) = (newValue.type, newValue.precision, newValue.scale)
            fields = newValue.fields
        }
    }
}

/// How Parquet files keep times.
public enum TimestampLayout: String, Sendable, CaseIterable {
    case int64, int96
}

/// The version of Parquet's data pages.
public enum PageLayout: String, Sendable, CaseIterable {
    case v1, v2
}

/// The files a table is written to.
public enum FileFormat: String, Sendable, CaseIterable {
    case jsonLines = "jsonl"
    case parquet
    /// Hive's text tables.
    case delimited
}

public enum Compression: String, Sendable, CaseIterable {
    /// `snappy` is for Parquet alone.
    case none, snappy, gzip, zstd
}

/// A pipeline's rule from (topic, source) to a table.
public struct RouteSpec: Sendable, Equatable {
    /// Topics it takes; empty: all of the pipeline.
    public var topics: [String] = []
    /// Source names it takes (exact, or with `*`); empty: all.
    public var sources: [String] = []
    /// `db.table`.
    public var table: String
    public var format: RecordFormat
    public var columns: [ColumnSpec] = []
    /// How the events are written, beyond the format's name.
    public var parse = ParseSpec()
    public var unknownFields: UnknownFields = .ignore
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
    /// Level of gzip or zstd; nil: the codec's usual one.
    public var compressionLevel: Int?
    /// For delimited text: the byte between columns; Ctrl-A as Hive's tables have it.
    public var outputDelimiter: UInt8 = 1
    /// For Parquet: how times are kept.
    public var timestampLayout: TimestampLayout = .int64
    /// For Parquet: the version of data pages.
    public var pageLayout: PageLayout = .v1
    /// For Parquet: bytes of values of a row group.
    public var rowGroupByteCount = 256 << 20
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
