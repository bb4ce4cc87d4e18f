import Columns
import Event
import Pipeline
import Testing

/// A route whose event time is the record's own, and one string column per path.
func textRoute(_ format: RecordFormat, _ paths: [String], _ edit: (inout RouteSpec) -> Void = { _ in }) -> RouteSpec {
    var spec = RouteSpec(table: "shop.rows", format: format, timeColumn: "t")
    spec.columns = [ColumnSpec(name: "t", type: .timestamp, path: "_received")]
    for (index, path) in paths.enumerated() {
        spec.columns.append(ColumnSpec(name: "c\(index)", type: path == "_extra" ? .json : .string, path: path))
    }
    edit(&spec)
    return spec
}

/// One line through such a route: the values by column, `filtered`, or the reason.
func values(_ spec: RouteSpec, _ line: String) throws -> String {
    let stage = try RouteStage(try RoutePlan(spec))
    stage.process(batch([Array(line.utf8)], timestamp: 0), events: [0])
    if let rejection = stage.rejections.first { return rejection.reason.rawValue }
    guard stage.rows.rowCount == 1 else { return "filtered" }
    return stage.rows.columns.dropFirst().map { column in
        column.isNull(0) ? "-" : "<\(column.bytes(0).text)>"
    }.joined()
}

@Test(arguments: [
    ("1,2,3", "<1><2><3>"), ("1,,3", "<1><><3>"), (",,", "<><><>"), (#"1,"",3"#, "<1><><3>"),
    (#""a,b",2,"c""d""#, #"<a,b><2><c"d>"#), ("\"a\nb\",2,3", "<a\nb><2><3>"), (#""""""",2,3"#, #"<""><2><3>"#),
    ("1, 2 ,3", "<1>< 2 ><3>"), ("1,2", "malformed"), ("1,2,3,4", "too_many_columns"), ("1,2,", "<1><2><>"),
    (#"1,"2,3"#, "malformed"), (#"1,"2"x,3"#, "malformed"), (#"1,2"x,3"#, "malformed"), (#"1, "2",3"#, "malformed"),
    (#"1,2,""#, "malformed"), ("a,b,c", "<a><b><c>"),
] as [(String, String)])
func delimitedFieldsFollowRFC4180(_ line: String, _ expected: String) throws {
    let spec = textRoute(.delimited, ["a", "b", "c"]) { $0.parse.fields = ["a", "b", "c"] }
    #expect(try values(spec, line) == expected, "\(line)")
}

@Test(arguments: [
    ("a\tb\u{1}c", 1, "<a\tb><c>"), ("\\N\u{1}", 1, "-<>"), ("a\"b\u{1}\"c\"", 1, #"<a"b><"c">"#),
    (#"a\;b;c\\d"#, 59, #"<a;b><c\d>"#), (#"a\nb;\tc"#, 59, "<a\nb><\tc>"), (#"\N;x\N"#, 59, "-<xN>"),
    (#"a;b\"#, 59, "malformed"), ("a", 59, "malformed"),
] as [(String, UInt8, String)])
func hiveTextTablesAreReadAsHiveWritesThem(_ line: String, _ delimiter: UInt8, _ expected: String) throws {
    let spec = textRoute(.delimited, ["a", "b"]) {
        $0.parse.fields = ["a", "b"]
        $0.parse.delimiter = delimiter
        $0.parse.quote = 0
        $0.parse.nullText = "\\N"
        if delimiter == 59 { $0.parse.escape = UInt8(ascii: "\\") }
    }
    #expect(try values(spec, line) == expected, "\(line)")
}

@Test func columnsOfADelimitedFileMayBeRenamedReorderedAndLeftOut() throws {
    let spec = textRoute(.delimited, ["c", "a", "_extra"]) { $0.parse.fields = ["a", "b", "c", "d"] }
    #expect(try values(spec, #"1,"2""2",3,4"#) == #"<3><1><{"b":"2\"2","d":"4"}>"#)
}

/// Lines of one stream with its key, as an agent sends them: the reason of each, `row` or `filtered`.
private func outcomes(_ spec: RouteSpec, _ lines: [String], from: UInt64 = 0) throws -> [String] {
    var events = EventBatch(byteCapacity: 4_096)
    let value = Array(lines.joined(separator: "\n").utf8)
    let key = PackKey(
        kind: .data, framing: .lines, agent: "shop-7", source: "export", stream: StreamID(high: 1, low: 2),
        from: Position(from), to: Position(from + UInt64(value.count) + 1))
    let context = PackContext(key: key, topic: "t", partition: 3, offset: 9, timestamp: 0)
    let (pack, start) = unsafe value.withUnsafeBytes { unsafe events.appendPack(context, value: $0) }
    var at = 0
    for line in lines {
        let count = line.utf8.count
        let place = from + UInt64(at)
        events.appendEvent(
            EventReference(
                start: start + at, byteCount: count, from: Position(place), to: Position(place + UInt64(count) + 1),
                pack: pack))
        at += count + 1
    }
    let stage = try RouteStage(try RoutePlan(spec))
    stage.process(events, events: Array(0..<Int32(lines.count)))
    var found = Array(repeating: "filtered", count: lines.count)
    for (row, event) in stage.rows.rowEvent.enumerated() { found[Int(event)] = "row " + text(stage.rows, row) }
    for rejection in stage.rejections { found[Int(rejection.event)] = rejection.reason.rawValue }
    return found
}

@Test func aHeaderIsLeftOutWhereverItStandsAndAnotherOneIsRefused() throws {
    let spec = textRoute(.delimited, ["b"]) {
        $0.parse.fields = ["a", "b"]
        $0.parse.hasHeader = true
    }
    #expect(try outcomes(spec, ["a,\"b\"", "1,2", "a,b", "a,x"]) == ["filtered", "row t=0|c0=2", "filtered", "row t=0|c0=x"])
    #expect(try outcomes(spec, ["b,a", "1,2"]) == ["header_mismatch", "row t=0|c0=2"])
    #expect(try outcomes(spec, ["a,b,c", "1,2"]) == ["header_mismatch", "row t=0|c0=2"])
    #expect(try outcomes(spec, ["b,a"], from: 40) == ["row t=0|c0=a"])
}

@Test func whatIsAboutAnEventCanBeReadLikeAField() throws {
    var spec = RouteSpec(table: "a.b", format: .raw, timeColumn: "_received")
    spec.columns = [
        ColumnSpec(name: "_received", type: .timestamp), ColumnSpec(name: "id", type: .string, path: "_event_id"),
        ColumnSpec(name: "_agent", type: .string), ColumnSpec(name: "_source", type: .string),
        ColumnSpec(name: "_topic", type: .string), ColumnSpec(name: "_partition", type: .int32),
        ColumnSpec(name: "_offset", type: .int64), ColumnSpec(name: "line", type: .string),
    ]
    let stream = "00000000000000010000000000000002"
    #expect(
        try outcomes(spec, ["x", "yy"], from: 5) == [
            "row _received=0|id=\(stream):5-7|_agent=shop-7|_source=export|_topic=t|_partition=3|_offset=9|line=x",
            "row _received=0|id=\(stream):7-10|_agent=shop-7|_source=export|_topic=t|_partition=3|_offset=9|line=yy",
        ])
    #expect(try outcome(spec, "z", timestamp: 7) == "_received=7000|id=t:0:0|_topic=t|_partition=0|_offset=0|line=z")
    #expect(try outcome(spec, "z", timestamp: -1) == "no_time _received")
}

@Test(arguments: [
    ("a=1 b=2", "<1><2>"), (#"a="x y" b="q\"z\\""#, #"<x y><q"z\>"#), ("a= b", "<><true>"), ("a=1 a=2", "<2>-"),
    (#"b=\n a="\n\tz""#, "<\n\tz><\\n>"), (#"a="\u00e9\ud83d\ude00" "#, "<é😀>-"), ("\ta=/?x=1&y=2", "</?x=1&y=2>-"),
    (#"a="\ud83d""#, "malformed"), (#"a="\ude00""#, "malformed"), (#"a="x"#, "malformed"), (#"a="x"y"#, "malformed"),
    ("hello world", "malformed"), ("=1", "malformed"), (#"a="\"#, "malformed"), (#"a="\u12"#, "malformed"),
    ("other=1", "--"), ("  ", "blank"), (#"a=x"y"#, #"<x"y>-"#),
] as [(String, String)])
func logfmtPairsAreRead(_ line: String, _ expected: String) throws {
    #expect(try values(textRoute(.logfmt, ["a", "b"]), line) == expected, "\(line)")
}

@Test(arguments: [
    ("a:1;b:2", "<1><2>"), (" a : 1 ; b : 2 ;", "<1><2>"), ("a:'x;y';b:''", "<x;y><>"), ("a:'it''s'", "<it's>-"),
    ("a:-;b:x", "-<x>"), ("a:'-'", "<->-"), ("a;b:1", "malformed"), ("a:1;;b:2", "<1><2>"), (":1", "malformed"),
    ("a:'x' y", "malformed"), ("a:b:c", "<b:c>-"),
] as [(String, String)])
func pairsWithSeparatorsOfOnesOwnAreRead(_ line: String, _ expected: String) throws {
    let spec = textRoute(.keyValue, ["a", "b"]) {
        $0.parse.delimiter = UInt8(ascii: ";")
        $0.parse.assign = UInt8(ascii: ":")
        $0.parse.quote = UInt8(ascii: "'")
        $0.parse.nullText = "-"
    }
    #expect(try values(spec, line) == expected, "\(line)")
}

@Test func fieldsThatNoColumnReadsAreKeptLeftOutOrRefused() throws {
    let kept = textRoute(.logfmt, ["a", "_extra"])
    #expect(try values(kept, #"a=1 b=2 c="x\ny" b=3 d"#) == #"<1><{"b":"3","c":"x\ny","d":"true"}>"#)
    #expect(try values(kept, "a=1") == "<1>-")
    #expect(try values(kept, "a=1 \u{7}=\u{1}") == #"<1><{"\u0007":"\u0001"}>"#)
    #expect(try values(textRoute(.logfmt, ["a"]) { $0.unknownFields = .reject }, "a=1 b=2") == "unknown_field")
    let many = (0..<1_025).map { "k\($0)=" }.joined(separator: " ")
    #expect(try values(kept, many) == "too_many_columns")
    let json = textRoute(.json, ["a", "b.c", "_extra"])
    let line = #"{"a":"1","x" : {"y": [1, 2]} ,"b":{"c":"2","d":3},"z":"\u00e9","x":null,"a\u0062":-1.50}"#
    let found = try values(json, line)
    #expect(found == #"<1><2><{"x":null,"z":"\u00e9","a\u0062":-1.50}>"#)
    #expect(try values(json, #"{"a":"1"}"#) == "<1>--")
    #expect(try values(textRoute(.json, ["a"]) { $0.unknownFields = .reject }, #"{"a":"1","b":2}"#) == "unknown_field")
    #expect(try values(textRoute(.json, ["a", "[\"_topic\"]"]), #"{"_topic":"mine"}"#) == "-<mine>")
}

@Test(arguments: [
    ("10.0.0.1 GET /x 12ms", "<GET></x><12>-"), ("10.0.0.1 - - 7ms", "--<7>-"), ("ERROR: broken", "---<broken>"),
    ("nothing", "malformed"),
] as [(String, String)])
func theFirstPatternThatMatchesNamesTheFields(_ line: String, _ expected: String) throws {
    let spec = textRoute(.regex, ["verb", "uri", "took", "fault"]) {
        $0.parse.patterns = [
            #"^(?<host>\S+) (?<verb>\S+) (?<uri>\S+) (?<took>\d+)ms$"#, #"^ERROR: (?<fault>.*)$"#,
        ]
        $0.parse.nullText = "-"
    }
    #expect(try values(spec, line) == expected, "\(line)")
}

@Test func aPatternThatExplodesIsRefusedAndNamedSo() throws {
    let spec = textRoute(.regex, ["x"]) { $0.parse.patterns = ["^(?<x>(a+)+)$"] }
    #expect(try values(spec, String(repeating: "a", count: 40) + "b") == "too_complex")
    #expect(try values(spec, "aaa") == "<aaa>")
    // What a request of some kilobytes needs is there, also where the pattern is careless.
    let long = String(repeating: "é\\\"", count: 2_000)
    let careless = textRoute(.regex, ["x"]) { $0.parse.patterns = [#"^"(?<x>(?:[^"\\]|\\.)*)"$"#] }
    #expect(try values(careless, "\"\(long)\"") == "<\(long)>")
    let extra = textRoute(.regex, ["x", "_extra"]) { $0.parse.patterns = ["(?<x>a)(?<y>b)?(?<z>c)?"] }
    #expect(try values(extra, "-ac-") == #"<a><{"z":"c"}>"#)
}

private let syslogFields = ["facility", "severity", "host", "app", "procid", "msgid", "sd[\"ex@1\"].k", "message"]

@Test(arguments: [
    ("<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \u{FEFF}'su root' failed",
        "<4><2><mymachine.example.com><su>-<ID47>-<'su root' failed>"),
    (#"<165>1 2003-10-11T22:14:15.003Z h evntslog 7 ID47 [ex@1 k="a\"\]\\\n" j="1"][b@2]"#,
        #"<20><5><h><evntslog><7><ID47><a"]\\n>-"#),
    (#"<165>1 - - - - - [a@1][ex@1 k="1" k="2"] "#, "<20><5>----<2>-"),
    ("<34>1 2003-10-11T22:14:15.003Z h su - ID47", "malformed"), (#"<34>1 - h su - - [a b="x"] m"#, "<4><2><h><su>---<m>"),
    (#"<34>1 - h su - - [a b="x] m"#, "malformed"), (#"<34>1 - h su - - [] m"#, "malformed"),
    ("<192>1 - h su - - - m", "malformed"), ("<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
        "<4><2><mymachine><su>---<'su root' failed>"),
    ("Dec  6 16:22:08 host CRON[123]: (root) CMD", "--<host><CRON><123>--<(root) CMD>"),
    ("2017-05-29T18:02:48.5+02:00 host app: m", "--<host><app>---<m>"),
    ("<13>Oct 22 12:34:56 myapp[7]: m", "<1><5>-<myapp><7>--<m>"), ("Oct 22 12:34:56 host just words", "--<host>----<just words>"),
    ("Oct 22 2024 12:34:56 host app: m", "--<host><app>---<m>"), ("Oct 22 12:34:56 host", "--<host>-----"),
    ("Oct 32 12:34:56.1234 h a[b c]: m", "--<h>----<a[b c]: m>"), ("<>Oct 22 12:34:56 h a: m", "malformed"),
    ("hello", "malformed"), ("Oct 22 12:34:5x h a: m", "malformed"), ("Oct", "malformed"), ("<34>", "malformed"),
] as [(String, String)])
func syslogOfBothKindsIsRead(_ line: String, _ expected: String) throws {
    #expect(try values(textRoute(.syslog, syslogFields), line) == expected, "\(line)")
}

@Test func theStandardSyslogTableTakesTheYearFromTheRecord() throws {
    let spec = RouteSpec(table: "a.b", format: .syslog)
    // 2024-01-03T00:00:00Z
    let line = "<34>Dec 31 23:59:59 h su: x"
    #expect(try outcome(spec, line, timestamp: 1_704_240_000_000)
        == "time=1704067199000000|facility=4|severity=2|host=h|app=su|message=x")
    #expect(try outcome(spec, line, timestamp: -1) == "bad_time time")
}

@Test(arguments: [
    ("2018-01-01 08:09:10 GET - Mozilla/5.0+(X)", "<2018-01-01 08:09:10><GET>-<Mozilla/5.0+(X)>"),
    ("2018-01-01\t08:09:10\tGET  \"a \"\"b\"\" c\" -", "<2018-01-01 08:09:10><GET><a \"b\" c>-"),
    ("2018-01-01 08:09:10 GET \"a -", "<2018-01-01 08:09:10><GET><\"a>-"), ("2018-01-01 08:09:10 GET -", "malformed"),
    ("2018-01-01 08:09:10 GET - - -", "malformed"), ("- 08:09:10 GET - -", "-<GET>--"),
    ("#Software: IIS", "filtered"), ("#", "filtered"), ("#Fields: date time cs-method cs-uri-query cs(User-Agent)", "filtered"),
    ("#FIELDS:date time cs-method cs-uri-query cs(User-Agent) ", "filtered"), ("#Fields: date time cs-method", "header_mismatch"),
    ("#Fields: time date cs-method cs-uri-query cs(User-Agent)", "header_mismatch"), ("#Fields", "header_mismatch"),
] as [(String, String)])
func w3cLinesAreReadByTheFieldsOfTheRoute(_ line: String, _ expected: String) throws {
    let spec = textRoute(.w3c, ["timestamp", "cs-method", "cs-uri-query", "cs(User-Agent)"]) {
        $0.parse.fields = ["date", "time", "cs-method", "cs-uri-query", "cs(User-Agent)"]
    }
    #expect(try values(spec, line) == expected, "\(line)")
}

@Test(arguments: [
    (#"v:80 1.2.3.4 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "x" 12 "a b" [up] [] -"#,
        "<v:80><1.2.3.4><12><a b><up><>-"),
    (#"v ::1 - - [2000-10-10T13:55:36-07:00] "GET / HTTP/1.0" 200 1 - "x""#, "<v><::1>-----"),
    (#"v ::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1"#, "<v><::1>-----"),
    (#"v ::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "x" 1 2 3 4 5 6"#, "malformed"),
    (#"v ::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "x" 1 "2"#, "malformed"),
    (#"v ::1 - - [10/Oct/2000:13:55:36 -0700] "GET / HTTP/1.0" 200 1 "-" "x" 1  2"#, "malformed"),
] as [(String, String)])
func fieldsAroundTheCombinedFormatAreTakenWhereTheyAreNamed(_ line: String, _ expected: String) throws {
    let names = ["length", "who", "upstream", "other", "last"]
    let spec = textRoute(.combined, ["vhost", "remote"] + names) {
        $0.parse.leading = ["vhost"]
        $0.parse.trailing = names
        $0.columns.append(ColumnSpec(name: "time", type: .timestamp))
        $0.timeColumn = "time"
    }
    let expectation = expected == "malformed" ? expected : expected + "="
    let stage = try RouteStage(try RoutePlan(spec))
    stage.process(batch([Array(line.utf8)], timestamp: 971_211_336_000), events: [0])
    let found = stage.rejections.first?.reason.rawValue
        ?? stage.rows.columns.dropFirst().dropLast().map { $0.isNull(0) ? "-" : "<\($0.bytes(0).text)>" }.joined() + "="
    #expect(found == expectation, "\(line)")
    if found != "malformed" { #expect(stage.rows.columns.last?.integer(0) == 971_211_336_000_000) }
}
