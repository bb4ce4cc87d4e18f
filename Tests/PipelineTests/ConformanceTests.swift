import Columns
import Event
import JSON
import Pipeline
import Platform
import Testing

private func files(_ folder: String, _ suffix: String) -> [(name: String, bytes: [UInt8])] {
    String(decoding: output(of: "ls " + folder), as: UTF8.self).split(separator: "\n").map(String.init)
        .filter { $0.hasSuffix(suffix) }.map { ($0, output(of: "cat '\(folder)/\($0)'")) }
}

/// One event of any bytes through a stage: nil for a row.
private func refusal(_ stage: RouteStage, _ event: [UInt8]) -> Rejection? {
    stage.process(batch([event], timestamp: 0), events: [0])
    return stage.rejections.first?.reason
}

private let document: RouteSpec = {
    var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
    spec.columns = [
        ColumnSpec(name: "t", type: .timestamp, path: "_received"), ColumnSpec(name: "v", type: .json),
        ColumnSpec(name: "_extra", type: .json),
    ]
    return spec
}()

/// The cases that the suite leaves open and we accept; all others are refused.
private let accepted: Set<String> = [
    "i_number_double_huge_neg_exp.json", "i_number_huge_exp.json", "i_number_neg_int_huge_exp.json", "i_number_pos_double_huge_exp.json",
    "i_number_real_neg_overflow.json", "i_number_real_pos_overflow.json", "i_number_real_underflow.json", "i_number_too_big_neg_int.json",
    "i_number_too_big_pos_int.json", "i_number_very_big_negative_int.json",
]

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func jsonDocumentsAreTakenAndRefusedAsDocumented() throws {
    let cases = files(try #require(sharedFolder) + "/data/json-conformance/JSONTestSuite", ".json")
    try #require(cases.count > 200)
    let stage = try RouteStage(try RoutePlan(document))
    for (name, bytes) in cases {
        // As a member that a column reads, and as one that goes into _extra.
        for member in ["v", "other"] {
            let reason = refusal(stage, Array("{\"\(member)\":".utf8) + bytes + Array("}".utf8))
            let isGood = name.hasPrefix("y_") || accepted.contains(name)
            #expect((reason == nil) == isGood, "\(name) as \(member): \(reason?.rawValue ?? "accepted")")
        }
    }
    #expect(refusal(stage, Array("{\"v\":".utf8) + Array(repeating: 91, count: 500) + Array(repeating: 93, count: 500) + [125]) == .tooDeep)
    // 100,000 levels, as lines of hostile files are.
    #expect(refusal(stage, Array(repeating: 91, count: 100_000)) == .malformed)
    #expect(refusal(stage, Array("{\"v\":".utf8) + Array(repeating: 91, count: 100_000)) == .malformed)
    #expect(refusal(stage, Array("{\"v\":".utf8) + Array(repeating: 91, count: 100_000) + [125]) == .tooDeep)
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func theJSONCheckersDocumentsAreTakenAndRefused() throws {
    let cases = files(try #require(sharedFolder) + "/data/json-conformance/simdjson-jsonchecker", ".json")
    try #require(cases.count > 50)
    let stage = try RouteStage(try RoutePlan(document))
    for (name, bytes) in cases {
        // The first excluded file is a scalar (which RFC 8259 allows), the second a deep but correct array.
        // fail73 is a number beyond a double: numbers stay text here.
        if name.hasSuffix("EXCLUDE.json") || name == "fail73.json" { continue }
        let reason = refusal(stage, Array("{\"v\":".utf8) + bytes + Array("}".utf8))
        #expect((reason == nil) == name.hasPrefix("pass"), "\(name): \(reason?.rawValue ?? "accepted")")
    }
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func oddJSONValuesKeepWhatTheyWere() throws {
    let folder = try #require(sharedFolder) + "/data/json-conformance/JSONTestSuite-transform/"
    var spec = document
    spec.columns[1] = ColumnSpec(name: "v", type: .string, path: "v[0]")
    spec.columns[2] = ColumnSpec(name: "a", type: .string, path: "v.a")
    let stage = try RouteStage(try RoutePlan(spec))
    for (name, expected) in [
        ("number_10000000000000000999", "t=0|v=10000000000000000999"), ("number_1.000000000000000005", "t=0|v=1.000000000000000005"),
        ("number_1e-999", "t=0|v=1E-999"), ("number_-9223372036854775809", "t=0|v=-9223372036854775809"),
        ("object_same_key_different_values", "t=0|a=2"), ("object_same_key_same_value", "t=0|a=1"),
        ("string_with_escaped_NULL", "t=0|v=A\0B"), ("string_1_escaped_invalid_codepoint", "malformed"),
        ("string_1_invalid_codepoint", "invalid_utf8"),
    ] {
        let bytes = output(of: "cat '\(folder)\(name).json'")
        stage.process(batch([Array("{\"v\":".utf8) + bytes + Array("}".utf8)], timestamp: 0), events: [0])
        let found = stage.rejections.first?.reason.rawValue ?? text(stage.rows, 0)
        #expect(found == expected, "\(name)")
    }
}

/// A file of the CSV sets as an agent that knows of quotes would cut it: an event per record.
private func records(_ bytes: [UInt8]) -> [[UInt8]] {
    var records: [[UInt8]] = [[]]
    var isQuoted = false
    for byte in bytes {
        if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
        if byte == 10, !isQuoted { records.append([]) } else { records[records.count - 1].append(byte) }
    }
    if records.last?.isEmpty == true { records.removeLast() }
    return records
}

private func rows(_ file: [UInt8], header: [String]) throws -> (rows: [[String]], reasons: [Rejection]) {
    let spec = textRoute(.delimited, header) {
        $0.parse.fields = header
        $0.parse.hasHeader = true
    }
    let stage = try RouteStage(try RoutePlan(spec))
    let events = records(file)
    stage.process(batch(events, timestamp: 0), events: Array(0..<Int32(events.count)))
    let found = (0..<stage.rows.rowCount).map { row in stage.rows.columns.dropFirst().map { $0.bytes(row).text } }
    return (found, stage.rejections.map(\.reason))
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func theCSVSetsGiveTheRowsThatTheyExpect() throws {
    let folder = try #require(sharedFolder) + "/data/csv-conformance/"
    var count = 0
    for (csv, json) in [("csv-spectrum/csvs", "csv-spectrum/json"), ("csv-test-data/csv", "csv-test-data/json")] {
        for (name, bytes) in files(folder + csv, ".csv") where !name.hasPrefix("bad-") {
            let header = String(decoding: bytes.prefix { $0 != 10 && $0 != 13 }, as: UTF8.self).split(separator: ",").map(String.init)
            let expected = try #require(JSONValue(parsing: output(of: "cat \(folder)\(json)/\(name.dropLast(3))json"))?.array, "\(name)")
            var wanted = expected.map { row in
                row.array?.map { $0.string ?? "" } ?? header.map { row[$0]?.string ?? "" }
            }
            if wanted.first == header { wanted.removeFirst() }
            let found = try rows(bytes, header: header)
            if name == "empty-one-column.csv" {
                // An empty line is a blank event in every format, also where it could be one empty field.
                #expect(found.rows.isEmpty && found.reasons == [.blank])
            } else {
                #expect(found.rows == wanted && found.reasons.isEmpty, "\(name): \(found)")
            }
            count += 1
        }
    }
    #expect(count > 20)
    for name in ["header-less-fields", "missing-quote", "quotes-with-unescaped-quote"] {
        let found = try rows(output(of: "cat \(folder)csv-test-data/csv/bad-\(name).csv"), header: ["foo", "bar", "baz"])
        #expect(found.rows.isEmpty && found.reasons == [.malformed], "\(name): \(found)")
    }
}

/// Lines of every format, to be broken.
private let seeds: [(RouteSpec, [String])] = [
    (RouteSpec(table: "a.b", format: .combined), [
        #"::1 - u [17/May/2015:10:05:03 +0000] "GET /a\"b HTTP/1.1" 200 5 "-" "x""#, #"h - - [2017-05-29T18:02:48+02:00] "-" 408 -"#,
    ]),
    (textRoute(.combined, ["v", "x"]) { $0.parse.leading = ["v"]; $0.parse.trailing = ["x", "y"] }, [
        #"v ::1 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 5 "-" "x" [a] "b""#,
    ]),
    (textRoute(.delimited, ["a", "_extra"]) { $0.parse.fields = ["a", "b", "c"] }, [#"1,"a""b",3"#, "\"x\ny\",,"]),
    (textRoute(.delimited, ["a", "_extra"]) { $0.parse.fields = ["a", "b"]; $0.parse.escape = 92; $0.parse.hasHeader = true }, [#"a\,"x\"",\N"#, "a,b"]),
    (textRoute(.logfmt, ["a", "_extra"]), [#"a="\u00e9\ud83d\ude00" b=1 c"#, "a=\\ b=\"\""]),
    (textRoute(.keyValue, ["a", "_extra"]) { $0.parse.delimiter = 59; $0.parse.assign = 58 }, [#"a: "x""y" ; b:1;"#]),
    (textRoute(.syslog, ["message", "sd[\"x\"].y", "facility", "_extra"]), [
        #"<165>1 2003-10-11T22:14:15.003Z h a 7 I [x y="a\"\]" z="1"][b@2] m"#, "<34>Oct  1 22:14:15 h su[1]: m", "Oct 11 2024 22:14:15.5 h",
    ]),
    (RouteSpec(table: "a.b", format: .syslog), ["<34>Feb 29 22:14:15 h su[1]: m"]),
    (textRoute(.w3c, ["timestamp", "x", "_extra"]) { $0.parse.fields = ["date", "time", "x", "y"] }, [
        "2018-01-01 08:09:10 \"a \"\"b\" -", "#Fields: date time x y",
    ]),
    (textRoute(.regex, ["x", "_extra"]) { $0.parse.patterns = [#"^(?<x>\S+) (?:(?<y>\d+)|(?<z>.*))$"#] }, ["abc 12", "é x"]),
    (textRoute(.json, ["a.b[0]", "_extra"]), [#"{"a":{"b":[1.5e3,"\u00e9"]},"c":{"d":[null,true]},"e":"x"}"#]),
    (textRoute(.raw, ["line"]), ["x"]),
] + ["%a %b %d %H:%M:%S%.f %Y", "%j %y %I %p %Z", "%s", "%F %T %z"].map { pattern in
    (textRoute(.raw, []) {
        $0.columns.append(ColumnSpec(name: "v", type: .timestamp, path: "line"))
        $0.columns[1].timeLayout = .pattern
        $0.columns[1].timePattern = pattern
        $0.columns[1].timeZone = "Europe/Berlin"
    }, ["Mon Dec 26 16:22:08.5 2016", "366 24 12 pm CEST", "1405911096", "2015-05-17 10:05:03 +02:00"])
}

@Test func hostileBytesNeverTrapAndAlwaysHaveOneOutcome() throws {
    for seed in UInt64(1)...4 {
        var random = SeededGenerator(seed: seed)
        for (index, (spec, lines)) in seeds.enumerated() {
            let stage = try RouteStage(try RoutePlan(spec))
            for _ in 0..<20 {
                let events = (0..<25).map { _ in broken(Array(lines.randomElement(using: &random)!.utf8), &random) }
                let whole = batch(events, timestamp: 1_704_240_000_000)
                stage.process(whole, events: Array(0..<25))
                var outcomes = stage.rows.rowEvent.count + stage.rejections.count
                #expect(outcomes <= 25, "seed \(seed), format \(index)")
                // Where batches are cut changes nothing.
                let texts = (0..<stage.rows.rowCount).map { text(stage.rows, $0) }
                let reasons = stage.rejections.map(\.reason)
                var rowTexts: [String] = []
                var otherReasons: [Rejection] = []
                for event in 0..<25 {
                    stage.process(whole, events: [Int32(event)])
                    outcomes -= stage.rows.rowCount + stage.rejections.count
                    if stage.rows.rowCount == 1 { rowTexts.append(text(stage.rows, 0)) }
                    otherReasons += stage.rejections.map(\.reason)
                }
                #expect(outcomes == 0 && rowTexts == texts && otherReasons == reasons, "seed \(seed), format \(index)")
            }
        }
    }
}

/// A line with bytes changed, cut, doubled or put in.
private func broken(_ line: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
    var bytes = line
    let odd = Array("\"\\[]<>=,;:#- \t\u{1}{}0Z9.".utf8) + [0, 13, 0x80, 0xC3, 0xFF]
    for _ in 0..<Int.random(in: 0...4, using: &random) {
        guard !bytes.isEmpty else { break }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<5, using: &random) {
        case 0: bytes[at] = odd.randomElement(using: &random)!
        case 1: bytes.insert(odd.randomElement(using: &random)!, at: at)
        case 2: bytes.removeSubrange(at...)
        case 3: bytes.remove(at: at)
        default: bytes += bytes[at...]
        }
    }
    return bytes
}
