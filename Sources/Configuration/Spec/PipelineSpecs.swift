internal import Columns
internal import Event

/// Pipelines, their routes and columns.
enum PipelineSpecs {
    static func pipeline(topicsAreNeeded: Bool) -> ConfigSpec<PipelineSpec> {
        let topicsText = "Topics it reads."
        return ConfigSpec(
            summary: "A pipeline is a named group of routes with offsets of its own. A new table over topics "
                + "that were read before is a new pipeline.",
            fields: [
                .required("name", .name(), \.name, "Unique; its progress in the commit log goes by it. To "
                    + "rename is to begin anew."),
                topicsAreNeeded
                    ? .required("topics", .list(.topic, minimumCount: 1), \.topics, topicsText)
                    : .optional("topics", .list(.topic), \.topics, default: "all of the file's sources", topicsText),
                .optional(
                    "unrouted", .choice, \.unrouted,
                    "What becomes of events that no route takes: kept in quarantine, or counted and left out."),
                .sections("routes", route, prototype: routePrototype, \.routes, isRequired: true),
            ])
    }

    static var routePrototype: RouteSpec { RouteSpec(table: "", format: .json) }

    static var route: ConfigSpec<RouteSpec> {
        ConfigSpec(
            summary: "From topics and sources to a table. An event is taken by every route that matches it.",
            fields: [
                .optional("sources", .list(sourcePattern), \.sources, default: "all",
                    "Names of sources it takes; `*` stands for any letters."),
                .optional("topics", .list(.topic), \.topics, default: "all of the pipeline", "Topics it takes."),
                .required(
                    "table", table, \.table,
                    "`db.table`."),
                .required(
                    "format", .choice, \.format,
                    "`combined`: Apache's and nginx's access log (common log too); `json`: an object per line; "
                        + "`delimited`: CSV, TSV, Hive's text tables; `regex`: "
                        + "named groups of patterns; `logfmt`; `key_value`: pairs with separators of one's own; "
                        + "`syslog`: RFC 3164 and 5424; `w3c`: W3C extended (IIS); `raw`: the line as it is."),
                .section("parse", parse, \.parse),
                .optional(
                    "unknown_fields", .choice, \.unknownFields,
                    "json, logfmt, key_value: what becomes of an event's fields that no column reads. A column "
                        + "with the path `_extra`, of type json, keeps them."),
                .sections(
                    "columns", column, prototype: ColumnSpec(name: "", type: .string, path: ""), \.columns),
                .section("time", time, \.self),
                .optional(
                    "partition", .identifier, \.partitionName, "Name of the day's folder: `dt=2026-11-20`."),
                .section("output", output, \.self),
                .section("breaker", breaker, \.self),
            ],
            check: checkRoute)
    }

    private static var time: ConfigSpec<RouteSpec> {
        ConfigSpec(
            summary: "Which day a row belongs to.",
            fields: [
                .optional(
                    "column", .identifier, \.timeColumn, default: "time",
                    "The column with the event time; of type timestamp or date."),
                .optional(
                    "zone", .text("time zone", maximumByteCount: 64), \.timeZone,
                    "Time zone whose midnight begins the day, by its tz name (`Europe/Berlin`)."),
                .optional(
                    "max_future", .duration(0...400 * 86_400_000), \.maximumFutureMilliseconds,
                    "A row dated later than its record by more than this is quarantined."),
            ])
    }

    static var output: ConfigSpec<RouteSpec> {
        ConfigSpec(
            summary: "How the table's files are written.",
            fields: [
                .optional(
                    "format", .choice, \.fileFormat,
                    "`jsonl`: a JSON object per line. `parquet`: typed columns, for Hive, Spark, Trino, DuckDB. "
                        + "`delimited`: text tables of Hive."),
                .optional(
                    "delimiter", outputSeparator, \.outputDelimiter,
                    "For delimited: the byte between columns; `tab`, `comma`, `\\u0001` (Hive's own)."),
                .optional("compression", .choice, \.compression, default: "none; parquet: zstd",
                    "gzip is read everywhere, zstd is smaller and faster; snappy (parquet only) is the fastest."),
                .optional(
                    "level", level, \.compressionLevel, default: "gzip 6, zstd 1",
                    "For parquet: level of compression. Higher: smaller files, slower writing."),
                .optional(
                    "timestamps", .choice, \.timestampLayout,
                    "For parquet. `int64`: microseconds in UTC, for Hive 4, Spark, Trino, DuckDB; `int96`: for Hive 3, "
                        + "without statistics."),
                .optional(
                    "pages", .choice, \.pageLayout,
                    "For parquet. `v1`: read by everything; `v2`: levels of nested columns and nulls stand "
                        + "uncompressed beside the values."),
                .optional(
                    "row_group", .bytes(1 << 20...4 << 30), \.rowGroupByteCount,
                    "For parquet: bytes of values of a row group before encoding. Lower: less memory for readers; "
                        + "higher: smaller files. Encoded rows wait in memory, a third of `memory` at most."),
            ],
            check: checkOutput,
            complete: { route, node in
                if route.fileFormat == .parquet, node["compression"] == nil { route.compression = .zstd }
            })
    }

    private static var level: ConfigValue<Int> { .count(1...19) }

    static var breaker: ConfigSpec<RouteSpec> {
        ConfigSpec(
            summary: "Stops a table's lane when too much is rejected, so that a bad deploy does not pour a day "
                + "into quarantine.",
            fields: [
                .optional(
                    "share", .number(0...1), \.breakerShare,
                    "Share of rejected events that stops the lane; 1: never."),
                .optional(
                    "window", .count(100...10_000_000), \.breakerWindow, "The events over which the share is taken."),
            ])
    }

    static var column: ConfigSpec<ColumnSpec> {
        ConfigSpec(
            summary: "Columns of the table, in this order. May be left out for combined, syslog and raw: "
                + "then the format's own are taken.",
            fields: [
                .required("name", .identifier, \.name, "The column's name in the table."),
                .required("type", shape, \.shape, "Type of the values; one that does not fit rejects the row. "
                    + "`decimal(18,2)`: 18 digits, 2 of them behind the point, never rounded. For json "
                    + "also parts of the document, up to \(ColumnShape.maximumDepth) levels of them: `list<int64>`, "
                    + "`map<string, double>` (keys string, int32, int64 or date; of equal keys the last counts), "
                    + "`\"struct<a: int32, b: list<string>>\"` (members by name, missing ones null). Or `json`: the "
                    + "part as text."),
                .optional(
                    "path", .text(maximumByteCount: 1_024), \.path, default: "the column's name",
                    "Field of the format, or path in the JSON object: `user.tags[0].id`. What is about the event and "
                        + "not in it: `_event_id`, `_agent`, `_source`, `_received`, `_topic`, `_partition`, "
                        + "`_offset`; `_extra`: the fields that no column reads."),
                .optional("required", .boolean, \.required, "A row without it (missing or null) is rejected."),
                .optional(
                    "default", defaultText, \.defaultText,
                    "Taken where there is no value, as if the event held it. `_received` in timestamp and date "
                        + "columns: the record's own timestamp."),
                .optional("min", .number(), \.minimum, "Smallest number allowed."),
                .optional("max", .number(), \.maximum, "Largest number allowed."),
                .optional(
                    "allowed", allowed, \.allowed, default: "any",
                    "The values allowed."),
                .optional(
                    "pattern", .text("PCRE2 pattern"), \.pattern,
                    "The text must match it somewhere; use `^` and `$` for the whole."),
                .optional("min_length", maximumLength, \.minimumByteCount, "Shortest text in bytes (UTF-8)."),
                .optional("max_length", maximumLength, \.maximumByteCount, "Longest text in bytes (UTF-8)."),
                .optional(
                    "time_format", .list(timeFormat, minimumCount: 1, maximumCount: 8), \.timeFormats,
                    default: "rfc3339",
                    "How a timestamp or date is written in the event; a text with `%` is a strptime pattern. Of "
                        + "several the first that fits counts."),
                .optional(
                    "time_zone", .text("time zone", maximumByteCount: 64), \.timeZone,
                    default: "none: rfc3339 must name its own, other layouts are UTC",
                    "Zone of times that name none, by its tz name."),
                .optional(
                    "max_future", .duration(0...400 * 86_400_000), \.maximumFutureMilliseconds,
                    "A time later than its record by more than this rejects the row."),
                .optional(
                    "at_most", .identifier, \.atMost,
                    "Name of another column whose value this one must not exceed; null passes."),
                .optional(
                    "bloom_filter", .boolean, \.hasBloomFilter,
                    "For parquet: a Bloom filter in every row group, ten bits a value and at most 1 MiB, so that "
                        + "readers look for a single value in few of them. Not for boolean and nested columns."),
                .optional("encoding", .choice, \.bytesLayout, "How bytes are written in the event."),
            ],
            check: checkColumn,
            complete: { column, _ in if column.path.isEmpty { column.path = column.name } })
    }

    /// A column's type: a name, `decimal(18,2)`, or a nested one.
    private static var shape: ConfigValue<ColumnShape> {
        let names = ColumnType.allCases.map { type in
            switch type {
            case .decimal: "decimal(p,s)"
            case .list: "list<type>"
            case .map: "map<key, type>"
            case .structure: "struct<name: type, ...>"
            default: type.rawValue
            }
        }
        let allowed = "allowed is " + names.joined(separator: ", ")
        let range = names.map { $0.contains("<") ? "`\($0)`" : $0 }.joined(separator: ", ")
        return ConfigValue(type: "type", range: range, read: { name, node, faults in
            guard case .scalar(let text, _) = node.content else {
                faults.add(node.mark, "\"\(name)\" is \(node.kindText); \(allowed)")
                return nil
            }
            guard let fault = ColumnShape.fault(in: text) else { return ColumnShape(text) }
            guard let word = fault.unknownType else {
                faults.add(node.mark, "\"\(name)\" is \"\(text.clipped)\"; \(fault.reason)")
                return nil
            }
            let guess = NearestName.find(word, in: ColumnType.allCases.map(\.rawValue))
                .map { "; did you mean \"\($0)\"?" }
            faults.add(node.mark, "\"\(name)\" is \"\(text.clipped)\"; \(allowed)" + (guess ?? ""))
            return nil
        }, render: { $0.text })
    }

    static var maximumLength: ConfigValue<Int> { .count(1...64 << 20) }

    private static var allowed: ConfigValue<[String]> { .list(.text(), minimumCount: 1) }

    /// A source's name in which `*` stands for any letters.
    static var sourcePattern: ConfigValue<String> {
        .scalar(
            "name or pattern", expected: "a source's name, in which * stands for any letters", render: { $0 },
            convert: { text in
                let isGood = text.utf8.allSatisfy { byte in
                    (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                        || [0x2A, 0x2D, 0x2E, 0x5F].contains(byte)
                }
                return isGood && (1...64).contains(text.utf8.count) ? text : nil
            })
    }

    /// `db.table` with letters, digits and `_`.
    private static var table: ConfigValue<String> { table(replaces: false) }

    /// The same with the replacements `{database}` and `{table}`.
    static var tableTemplate: ConfigValue<String> { table(replaces: true) }

    private static func table(replaces: Bool) -> ConfigValue<String> {
        let more = replaces ? ", {database} and {table}" : ""
        return .scalar(
            "table", expected: "db.table of letters, digits and \"_\"\(more)", range: "db.table", render: { $0 },
            convert: { text in
                let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
                return parts.count == 2 && parts.allSatisfy({ isTablePart($0, replaces: replaces) }) ? text : nil
            })
    }

    private static func isTablePart(_ part: String, replaces: Bool) -> Bool {
        var plain: [UInt8] = []
        var rest = part.utf8[...]
        while let first = rest.first {
            let names = replaces ? ["{database}", "{table}"] : []
            if let name = names.first(where: { rest.starts(with: $0.utf8) }) {
                plain.append(0x78)
                rest = rest.dropFirst(name.utf8.count)
            } else {
                plain.append(first)
                rest = rest.dropFirst()
            }
        }
        // A leading `_` would hide the folder from Hive and Spark.
        guard (1...128).contains(plain.count), plain[0] != 0x5F else { return false }
        return plain.allSatisfy { byte in
            byte == 0x5F || (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte)
                || (0x61...0x7A).contains(byte)
        }
    }
}
