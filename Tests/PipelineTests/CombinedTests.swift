import Columns
import Event
import Pipeline
import Platform
import Testing

private let head = #"1.2.3.4 - - [17/May/2015:10:05:03 +0000]"#
private let time = "time=1431857103000000"

private let lineCases: [(line: String, outcome: String)] = [
    (head + #" "GET /a HTTP/1.1" 200 5 "-" "x y""#,
        "remote=1.2.3.4|\(time)|request=GET /a HTTP/1.1|method=GET|uri=/a|protocol=HTTP/1.1|status=200|bytes=5|agent=x y"),
    (head + #" "GET /a HTTP/1.0" 304 -"#,
        "remote=1.2.3.4|\(time)|request=GET /a HTTP/1.0|method=GET|uri=/a|protocol=HTTP/1.0|status=304"),
    (head + #" "GET /a" 200 5"#, "remote=1.2.3.4|\(time)|request=GET /a|method=GET|uri=/a|status=200|bytes=5"),
    (head + #" "GET a" 200 5"#, "remote=1.2.3.4|\(time)|request=GET a|status=200|bytes=5"),
    (head + #" "GET  HTTP/1.1" 200 5"#, "remote=1.2.3.4|\(time)|request=GET  HTTP/1.1|status=200|bytes=5"),
    (head + #" "GET " 200 5"#, "remote=1.2.3.4|\(time)|request=GET |status=200|bytes=5"),
    (head + #" "4 /a" 200 5"#, "remote=1.2.3.4|\(time)|request=4 /a|status=200|bytes=5"),
    (#"1.2.3.4 - - [2015-05-17T12:05:03+02:00] "GET / HTTP/2.0" 200 5"#,
        "remote=1.2.3.4|\(time)|request=GET / HTTP/2.0|method=GET|uri=/|protocol=HTTP/2.0|status=200|bytes=5"),
    (#"1.2.3.4 - - [2015-05-17T12:05:03] "GET / HTTP/2.0" 200 5"#, "bad_time time"),
    (head + #" "GET /a b HTTP/1.0" 200 5"#, "remote=1.2.3.4|\(time)|request=GET /a b HTTP/1.0|status=200|bytes=5"),
    (head + #" "-" 408 -"#, "remote=1.2.3.4|\(time)|status=408"),
    (head + #" "" 400 0 "" """#, "remote=1.2.3.4|\(time)|request=|status=400|bytes=0|referer=|agent="),
    (head + #" "\x16\x03\"" 400 0 "\\" "a\"b""#,
        "remote=1.2.3.4|\(time)|request=\\x16\\x03\\\"|status=400|bytes=0|referer=\\\\|agent=a\\\"b"),
    (#""1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "w"""#,
        "remote=1.2.3.4|\(time)|request=GET / HTTP/1.1|method=GET|uri=/|protocol=HTTP/1.1|status=200|bytes=5|agent=w"),
    (head + " \"GET / HTTP/1.1\" 200 5 \"-\" \"w\"\r",
        "remote=1.2.3.4|\(time)|request=GET / HTTP/1.1|method=GET|uri=/|protocol=HTTP/1.1|status=200|bytes=5|agent=w"),
    ("\u{FEFF}::1 id ann lee [17/May/2015:12:05:03 +0200] \"GET / HTTP/1.1\" 200 5",
        "remote=::1|ident=id|user=ann lee|\(time)|request=GET / HTTP/1.1|method=GET|uri=/|protocol=HTTP/1.1|status=200|bytes=5"),
    (head + #" "GET / HTTP/1.1" 200 9223372036854775807"#,
        "remote=1.2.3.4|\(time)|request=GET / HTTP/1.1|method=GET|uri=/|protocol=HTTP/1.1|status=200|bytes=9223372036854775807"),
    // refused
    (head + #" "GET / HTTP/1.1" 200 9223372036854775808"#, "wrong_type bytes"),
    (head + #" "GET / HTTP/1.1" 200 5 "-" "cut"#, "malformed"),
    (head + #" "GET / HTTP/1.1" 200 5 "-""#, "malformed"),
    (head + #" "GET / HTTP/1.1" 200 5 "-" "a" more"#, "malformed"),
    (head + #" "GET / HTTP/1.1" 2x0 5"#, "malformed"),
    (head + #" "GET / HTTP/1.1\" 200 5"#, "malformed"),
    (head, "malformed"), ("hello", "malformed"), ("\"", "malformed"), ("\"\"", "malformed"), ("[", "malformed"),
    ("", "blank"), ("\r", "blank"), ("  \t", "blank"), ("\u{FEFF}", "blank"),
    (#"1.2.3.4 - - [-] "GET / HTTP/1.1" 200 5"#, "no_time time"),
    (#"1.2.3.4 - - [31/Apr/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#, "bad_time time"),
    (#"1.2.3.4 - - [17/May/2015:24:05:03 +0000] "GET / HTTP/1.1" 200 5"#, "bad_time time"),
    (#"1.2.3.4 - - [17/May/0000:10:05:03 +0000] "GET / HTTP/1.1" 200 5"#, "bad_time time"),
    (#"1.2.3.4 - - [01/Jan/0001:00:05:03 +0100] "GET / HTTP/1.1" 200 5"#, "bad_time time"),
    (#"1.2.3.4 - - [31/Dec/9999:23:05:03 -0100] "GET / HTTP/1.1" 200 5"#, "bad_time time"),
    ("a\0b", "nul_byte"),
]

@Test(arguments: lineCases)
func aLineBecomesItsRowOrIsRefused(_ line: String, _ expected: String) throws {
    #expect(try outcome(RouteSpec(table: "shop.access", format: .combined), line) == expected, "\(line)")
}

@Test func bytesThatAreNotUTF8AreRefusedEachInItsOwnEvent() throws {
    let good = Array((head + #" "GET /ü HTTP/1.1" 200 5"#).utf8)
    let bad: [[UInt8]] = [
        [0xFF], [0xC3], [0x80], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82], [0xF0, 0x9F, 0x98],
    ]
    for sequence in bad {
        let line = Array(head.utf8) + Array(#" "GET /"#.utf8) + sequence + Array(#" HTTP/1.1" 200 5"#.utf8)
        let stage = try RouteStage(try RoutePlan(RouteSpec(table: "a.b", format: .combined)))
        stage.process(batch([good, line, good, line + [0], [0x61, 0]]), events: [0, 1, 2, 3, 4])
        #expect(stage.rows.rowEvent == [0, 2])
        #expect(stage.rejections.map(\.reason) == [.invalidUTF8, .invalidUTF8, .nulByte], "\(sequence)")
    }
}

@Test func aCharacterCutByTheEdgeOfAnEventIsInvalidThoughTheSlabIsNot() throws {
    var split = EventBatch()
    let bytes = Array("aü".utf8)
    let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: -1)
    _ = unsafe bytes.withUnsafeBytes { unsafe split.appendPack(context, value: $0) }
    split.appendEvent(EventReference(start: 0, byteCount: 2, from: Position(0), to: Position(2), pack: 0))
    split.appendEvent(EventReference(start: 2, byteCount: 1, from: Position(2), to: Position(3), pack: 0))
    let stage = try RouteStage(try RoutePlan(RouteSpec(table: "a.b", format: .combined)))
    stage.process(split, events: [0, 1])
    #expect(stage.rejections.map(\.reason) == [.invalidUTF8, .invalidUTF8])
}

@Test func aMarkIsDroppedOnlyAtTheStartOfAStream() throws {
    let stage = try RouteStage(try RoutePlan(RouteSpec(table: "a.b", format: .combined)))
    let line = Array(("\u{FEFF}" + head + #" "GET / HTTP/1.1" 200 5"#).utf8)
    stage.process(batch([line, line]), events: [0, 1])
    #expect(stage.rows.columns[0].bytes(0).text == "1.2.3.4")
    #expect(stage.rows.columns[0].bytes(1).text == "\u{FEFF}1.2.3.4")
}

@Test func onlyTheGivenEventsAreTakenAndTheLastCallIsForgotten() throws {
    let stage = try RouteStage(try RoutePlan(RouteSpec(table: "a.b", format: .combined)))
    let line = Array((head + #" "GET / HTTP/1.1" 200 5"#).utf8)
    let lines = batch([line, [], line, Array("x".utf8), line])
    stage.process(lines, events: [1, 2, 3])
    #expect(stage.rows.rowEvent == [2])
    #expect(stage.rejections == [RowRejection(event: 1, reason: .blank), RowRejection(event: 3, reason: .malformed)])
    stage.process(lines, events: [])
    #expect(stage.rows.rowCount == 0 && stage.rejections.isEmpty && stage.rows.groups.isEmpty)
}

/// Random and damaged lines: every event has one outcome, nothing traps, rows hold what their line holds.
@Test func damagedLinesNeverTrap() throws {
    let seed: UInt64 = 20_260
    var generator = SeededGenerator(seed: seed)
    var documents = RouteSpec(table: "shop.changes", format: .json, timeColumn: "ts")
    documents.timeZone = "Asia/Tehran"
    documents.columns = [ColumnSpec(name: "ts", type: .timestamp), ColumnSpec(name: "data", type: .json)]
    documents.columns[0].timeLayout = .epochSeconds
    let samples = [
        head + #" "GET /a HTTP/1.1" 200 5 "-" "x\"y""#,
        #"{"database":"d","table":"t","type":"insert","ts":1477053126,"xid":1,"data":{"a":[1,"x\u00e9",null]},"old":{}}"#,
    ]
    let stages = try [RouteSpec(table: "a.b", format: .combined), documents].map { try RouteStage(try RoutePlan($0)) }
    let alphabet = Array("\"\\[]{}:,- /0129eT\n\r\t\0aü\u{FEFF}".utf8) + [0xFF, 0xC3, 0x80]
    for _ in 0..<3_000 {
        var lines: [[UInt8]] = []
        for _ in 0..<4 {
            var line = Array(samples[Int.random(in: 0...1, using: &generator)].utf8)
            for _ in 0..<Int.random(in: 0...4, using: &generator) {
                let at = Int.random(in: 0..<max(1, line.count), using: &generator)
                guard at < line.count else { break }
                switch Int.random(in: 0...3, using: &generator) {
                case 0: line[at] = alphabet.randomElement(using: &generator)!
                case 1: line.remove(at: at)
                case 2: line.insert(alphabet.randomElement(using: &generator)!, at: at)
                default: line.removeSubrange(at...)
                }
            }
            lines.append(line)
        }
        for stage in stages {
            stage.process(batch(lines, timestamp: 1_477_053_126_000), events: [0, 1, 2, 3])
            let events = (stage.rows.rowEvent + stage.rejections.map(\.event)).sorted()
            guard events == [0, 1, 2, 3], stage.rows.columns.allSatisfy({ $0.count == stage.rows.rowCount }) else {
                Issue.record("seed \(seed): \(lines)")
                return
            }
        }
    }
}
