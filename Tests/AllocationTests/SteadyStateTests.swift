import CAllocations
import Columns
import Event
import Parquet
import Pipeline
import Sinks
import Testing

/// Rows of a batch.
private let rowCount = 1_000
/// Allocations of the heap that a batch may cost in steady state: those of its pages and arrays, none of its rows.
private let maximumCountPerBatch = rowCount / 20

private func route(_ format: RecordFormat, _ columns: [ColumnSpec] = []) -> RouteSpec {
    var spec = RouteSpec(table: "a.b", format: format)
    spec.columns = columns
    return spec
}

private func columns(_ more: [(String, ColumnType)]) -> [ColumnSpec] {
    [ColumnSpec(name: "time", type: .timestamp)] + more.map { name, type in
        var column = ColumnSpec(name: name, type: type)
        (column.precision, column.scale) = (18, 4)
        return column
    }
}

private let time = "2026-10-10T13:55:36.5Z"
private let more: [(String, ColumnType)] = [("a", .string), ("b", .int64), ("c", .double), ("d", .decimal)]

/// One line of each format, with its route.
private let samples: [(name: String, spec: RouteSpec, line: String)] = {
    var delimited = route(.delimited, columns(more))
    delimited.parse.fields = ["time", "a", "b", "c", "d"]
    var regex = route(.regex, columns([("a", .string), ("b", .int64)]))
    regex.parse.patterns = [#"^(?<time>\S+) (?<a>\S+) (?<b>\d+)$"#]
    var keyValue = route(.keyValue, columns(more))
    (keyValue.parse.delimiter, keyValue.parse.assign) = (UInt8(ascii: ";"), UInt8(ascii: "|"))
    var w3c = route(.w3c, columns([("c-ip", .string), ("sc-status", .int32)]))
    w3c.columns[0].path = "timestamp"
    w3c.parse.fields = ["date", "time", "c-ip", "sc-status"]
    var raw = route(.raw, [ColumnSpec(name: "line", type: .string)])
    raw.columns.append(ColumnSpec(name: "time", type: .timestamp, path: "_received"))
    var extra = route(.json, columns(more))
    extra.columns.append(ColumnSpec(name: "rest", type: .json, path: "_extra"))
    extra.columns.append(ColumnSpec(name: "id", type: .string, path: "_event_id"))
    return [
        ("combined", route(.combined),
            #"10.0.0.1 - frank [10/Oct/2026:13:55:36 +0000] "GET /a?b=1 HTTP/1.1" 200 2326 "-" "An \"agent\" 1.0 (of many)""#),
        ("json", route(.json, columns(more)), #"{"time":"\#(time)","a":"\u00e9 and more text","b":7,"c":1.5e-7,"d":12.25}"#),
        ("json with _extra", extra, #"{"time":"\#(time)","a":"text that is long","b":7,"new":[1,{"x":"y"}],"old":"z"}"#),
        ("delimited", delimited, "\(time),\"x \"\"y\"\" and more text\",7,1.5,12.25"),
        ("regex", regex, "\(time) some-text-of-some-length 77"),
        ("logfmt", route(.logfmt, columns(more)), "time=\(time) a=\"x \\\"y\\\" and more\" b=7 c=1.5 d=12.25 e=left"),
        ("key_value", keyValue, "time|\(time);a|some text that is long;b|7;c|1.5;d|12.25"),
        ("syslog", route(.syslog), "<165>1 \(time) host app 8710 ID47 [a@1 x=\"y \\\" \"] a message of some length"),
        ("syslog of RFC 3164", route(.syslog), "<34>Oct 11 22:14:15 mymachine su[12]: 'su root' failed for lonvick"),
        ("w3c", w3c, "2026-10-10 13:55:36 10.0.0.1 200"),
        ("raw", raw, "any line of text, longer than what fits into a word or two"),
    ]
}()

private func batch(of line: String) -> EventBatch {
    var batch = EventBatch()
    let bytes = Array((line + "\n").utf8)
    let value = (0..<rowCount).flatMap { _ in bytes }
    let key = PackKey(
        kind: .data, framing: .lines, agent: "agent", source: "source", stream: StreamID(high: 1, low: 2),
        from: Position(10), to: Position(10 + UInt64(value.count)))
    // 2026-11-21T12:00:00Z.
    let context = PackContext(key: key, topic: "t", partition: 0, offset: 7, timestamp: 1_795_262_400_000)
    let (pack, start) = unsafe value.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
    for row in 0..<rowCount {
        let from = row * bytes.count
        batch.appendEvent(
            EventReference(
                start: start + from, byteCount: bytes.count - 1, from: Position(10 + UInt64(from)),
                to: Position(10 + UInt64(from + bytes.count)), pack: pack))
    }
    return batch
}

/// Allocations of one run of `body`, once it has run a few times.
private func steadyCount(_ body: () throws -> Void) rethrows -> Int {
    for _ in 0..<4 { try body() }
    let start = millrace_allocation_count()
    for _ in 0..<4 { try body() }
    return Int(millrace_allocation_count() - start) / 4
}

@Test func theCounterCounts() {
    let count = steadyCount { for _ in 0..<rowCount { withExtendedLifetime([UInt8](repeating: 1, count: 100)) {} } }
    #expect(count >= rowCount)
}

@Test(arguments: samples.map(\.name))
func rowsAllocateNothingFromParserToFile(_ name: String) throws {
    let sample = try #require(samples.first { $0.name == name })
    let stage = try RouteStage(try RoutePlan(sample.spec))
    let batch = batch(of: sample.line)
    let events = Array(0..<Int32(rowCount))
    let parsing = steadyCount { stage.process(batch, events: events) }
    #expect(stage.rows.rowCount == rowCount, "\(String(describing: stage.rejections.first))")
    #expect(parsing <= maximumCountPerBatch, "parse: \(parsing) allocations for \(rowCount) rows")
    let formatter = JSONLinesFormatter()
    let formatting = steadyCount { formatter.format(stage.rows) }
    #expect(formatting <= maximumCountPerBatch, "JSON lines: \(formatting) allocations for \(rowCount) rows")
    let options = ParquetOptions()
    let group = RowGroupEncoder(
        columns: stage.plan.columns.map { (name: $0.name, shape: $0.shape) }, options: options,
        workspace: try ParquetWorkspace(codec: options.codec))
    let encoding = try steadyCount { try group.append(stage.rows) }
    // Pages grow by doubling and end now and then: some arrays a column, not a row.
    #expect(encoding <= maximumCountPerBatch, "Parquet: \(encoding) allocations for \(rowCount) rows")
}
