/// How a time is written.
public enum TimeLayout: String, Sendable, CaseIterable {
    case rfc3339                    // 2026-11-20T12:34:56.789Z, a space for T allowed
    case apache                     // 17/May/2015:10:05:03 +0000
    case syslog                     // Nov 20 12:34:56 (year by the record's timestamp), or rfc3339
    case epochSeconds = "epoch_s"   // whole or fractional
    case epochMilliseconds = "epoch_ms"
    case epochMicroseconds = "epoch_us"
    case epochNanoseconds = "epoch_ns"
    case pattern                    // as strptime(3) reads it: ColumnSpec.timePattern
}

/// A layout with its pattern.
public struct TimeFormat: Sendable, Equatable {
    public var layout: TimeLayout
    /// For the layout `.pattern`.
    public var pattern: String?

    public init(_ layout: TimeLayout, pattern: String? = nil) {
        self.layout = layout
        self.pattern = pattern
    }
}

/// The formats a route can parse.
public enum RecordFormat: String, Sendable, CaseIterable {
    /// Apache/nginx combined and common log format. Fields: remote, ident, user, time, request, method,
    /// uri, protocol, status, bytes, referer, agent, and those of `leading` and `trailing`.
    case combined
    /// One JSON object per event.
    case json
    /// Fields between delimiters (RFC 4180, TSV, Hive's text tables), named by `ParseSpec.fields`.
    case delimited
    /// Named groups of PCRE2 patterns.
    case regex
    /// `level=info msg="a b"`.
    case logfmt
    /// Pairs with separators of one's own: `a:1;b:2`.
    case keyValue = "key_value"
    /// RFC 3164 and RFC 5424.
    case syslog
    /// W3C extended log files (IIS).
    case w3c
    /// The whole line as one field.
    case raw

    /// Whether events are JSON documents, so that fields are paths.
    public var isDocument: Bool { self == .json }
    /// Whether a route may leave its columns to the format.
    public var hasStandardColumns: Bool { [.combined, .syslog, .raw].contains(self) }
}

/// What becomes of an event's fields that no column reads.
public enum UnknownFields: String, Sendable, CaseIterable {
    /// Left out; kept in the column of `_extra` if the table has one.
    case ignore
    /// The event is rejected.
    case reject
}

/// How the events of a route are written, beyond the format's name.
public struct ParseSpec: Sendable, Equatable {
    /// delimited, w3c: the fields' names in the order of the file.
    public var fields: [String] = []
    /// delimited: the file begins with its fields' names.
    public var hasHeader = false
    /// Between fields (delimited, default a comma) or pairs (key_value, default blanks).
    public var delimiter: UInt8?
    /// key_value: between name and value; default `=`.
    public var assign: UInt8?
    /// delimited, key_value: around values; 0: none. Default the double quote.
    public var quote: UInt8?
    /// delimited: takes the next byte as it is; nil: quotes are doubled instead.
    public var escape: UInt8?
    /// The unquoted text that stands for no value.
    public var nullText: String?
    /// regex: the first that matches counts.
    public var patterns: [String] = []
    /// combined: names of words before the remote host, and of values behind the agent.
    public var leading: [String] = []
    public var trailing: [String] = []

    public init() {}
}
