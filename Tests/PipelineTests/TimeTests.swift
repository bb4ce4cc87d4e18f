import Columns
import Event
import JSON
import Pipeline
import Testing
import TimeZone

/// A text as a time of a layout, in microseconds; nil if it is refused.
func time(
    _ text: String, _ layout: TimeLayout, pattern: String? = nil, zone: String? = nil, record: Int64 = -1
) throws -> Int64? {
    var column = ColumnSpec(name: "v", type: .timestamp, path: "line")
    column.timeLayout = layout
    column.timePattern = pattern
    column.timeZone = zone
    var spec = RouteSpec(table: "a.b", format: .raw, timeColumn: "v")
    spec.columns = [column]
    spec.maximumFutureMilliseconds = .max
    let stage = try RouteStage(try RoutePlan(spec))
    stage.process(batch([Array(text.utf8)], timestamp: record), events: [0])
    return stage.rows.rowCount == 1 ? stage.rows.columns[0].integer(0) : nil
}

private func lines(of path: String) -> [[String]] {
    String(decoding: output(of: "cat " + path), as: UTF8.self).split(separator: "\n").dropFirst()
        .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
}

/// How the texts of a name in the set are configured.
private func written(_ name: String, _ text: String) -> (TimeLayout, String?)? {
    switch name {
    case "apache_clf": (.apache, nil)
    case "apache_error": (.pattern, "%a %b %d %H:%M:%S%.f %Y")
    case "nginx_error": (.pattern, "%Y/%m/%d %H:%M:%S")
    case "nginx_iso8601", "rfc3339": (.rfc3339, nil)
    case "nginx_msec": (.epochSeconds, nil)
    case "epoch": (text.utf8.count > 15 && !text.contains(".") ? .epochMicroseconds : text.utf8.count > 10 ? .epochMilliseconds : .epochSeconds, nil)
    case "mysql", "log4j": (.pattern, "%Y-%m-%d %H:%M:%S%.f")
    case "syslog3164": (.syslog, nil)
    case "us_short": (.pattern, "%m/%d/%y %H:%M")
    case "yyyymmdd": (.pattern, "%Y%m%d")
    default: nil
    }
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func timesOfRealFormatsAreReadOrRefusedAsTheSetSays() throws {
    let rows = lines(of: try #require(sharedFolder) + "/data/time/timestamp_strings.tsv")
    try #require(rows.count > 50)
    for row in rows {
        let (layout, pattern) = try #require(written(row[0], row[1]), "\(row)")
        let found = try time(row[1], layout, pattern: pattern)
        switch row[2] {
        case "either": break
        case "reject", "null-or-reject": #expect(found == nil, "\(row)")
        case "needs-year":
            #expect(found == nil, "\(row): no record to take the year from")
            // 2024-12-28T00:00:00Z
            let dated = try time(row[1], layout, record: 1_735_344_000_000)
            let expected: [String: Int64] = [
                "Dec 26 16:22:08": 1_735_230_128, "Feb 29 10:00:00": 1_709_200_800, "Jan  1 00:00:00": 1_735_689_600,
            ]
            #expect(dated == expected[row[1]].map { $0 * 1_000_000 }, "\(row)")
        default:
            let milliseconds = try #require(Int64(row[2]))
            #expect(found.map { ($0 - ($0 % 1_000 + 1_000) % 1_000) / 1_000 } == milliseconds, "\(row)")
        }
    }
}

@Test(arguments: [
    // The record's timestamp in seconds, the text, the expected seconds.
    (1_704_240_000, "Dec 31 23:59:59", 1_704_067_199), (1_703_980_800, "Jan  1 00:00:10", 1_704_067_210),
    (1_703_376_000, "Jan  1 00:00:10", 1_672_531_210), (1_709_251_200, "Feb 29 12:00:00", 1_709_208_000),
    (1_677_672_000, "Feb 29 12:00:00", nil), (1_740_830_400, "Feb 29 12:00:00", 1_709_208_000),
    (1_704_067_200, "Jan 08 00:00:00", 1_704_672_000), (1_704_067_200, "Jan 08 00:00:01", 1_673_136_001),
] as [(Int64, String, Int64?)])
func aTimeWithoutAYearBelongsToTheYearOfItsRecord(_ record: Int64, _ text: String, _ expected: Int64?) throws {
    #expect(try time(text, .syslog, record: record * 1_000) == expected.map { $0 * 1_000_000 }, "\(text)")
}

@Test(arguments: [
    ("%d/%b/%Y:%T %z", "17/May/2015:10:05:03 +0200", 1_431_849_903), ("%A, %d %B %y %I:%M %p", "friday, 08 May 15 12:05 am", 1_431_043_500),
    ("%I:%M %p %F", "12:05 PM 2015-05-08", 1_431_086_700), ("%j %Y", "366 2024", 1_735_603_200), ("%s", "1431849903", 1_431_849_903),
    ("%Y-%m-%dT%H:%M:%S%z", "2015-05-17T10:05:03+02", 1_431_849_903), ("%F %T %Z", "2015-05-17 08:05:03 GMT", 1_431_849_903),
    ("%D %R", "05/17/15 08:05", 1_431_849_900), ("%e.%m.%Y%%", " 7.5.2015%", 1_430_956_800), ("%b  %d %Y", "May 7  2015", 1_430_956_800),
    ("%F %T.%f", "2015-05-17 08:05:03.000999999", 1_431_849_903), ("%y%m%d %T", "690101 00:00:00", -31_536_000),
] as [(String, String, Int64)])
func strptimePatternsAreRead(_ pattern: String, _ text: String, _ expected: Int64) throws {
    let found = try time(text, .pattern, pattern: pattern)
    #expect(found.map { CivilDay.floorDivide($0, by: 1_000_000) } == expected, "\(pattern) \(text)")
}

@Test(arguments: [
    ("%j %Y", "366 2023"), ("%F", "2023-02-29"), ("%F %T", "2023-02-28 24:00:00"), ("%F", "2023-02-28x"), ("%F", "2023-02"),
    ("%F %I", "2023-02-28 13"), ("%F %T.%f", "2023-02-28 00:00:00."), ("%F %T %Z", "2023-02-28 00:00:00 CET"), ("%b %d", "Foo 1"),
    ("%F %z", "2023-02-28 0100"), ("%F %p", "2023-02-28 x"), ("%F", ""), ("%s", "99999999999999999999"), ("%F %z", "2023-02-28 +"),
] as [(String, String)])
func textsThatAPatternDoesNotDescribeAreRefused(_ pattern: String, _ text: String) throws {
    #expect(try time(text.isEmpty ? " " : text, .pattern, pattern: pattern) == nil, "\(pattern) \(text)")
}

@Test func patternsThatNameNoDayAreFaults() {
    for pattern in ["", "%", "%Q", "%H:%M", "%Y", "%Y-%m", String(repeating: "%d%m", count: 65)] {
        #expect(throws: Failure.self, "\(pattern)") { _ = try time("x", .pattern, pattern: pattern) }
    }
}

@Test func wallClocksInGapsAndFoldsFollowOneRule() throws {
    func seconds(_ text: String, _ zone: String) throws -> Int64? {
        try time(text, text.contains("C") ? .pattern : .rfc3339, pattern: "%F %T %Z", zone: zone).map { $0 / 1_000_000 }
    }
    // Spring: 02:30 does not exist; the clock goes on as before the jump.
    #expect(try seconds("2024-03-31 01:59:59", "Europe/Berlin") == 1_711_846_799)
    #expect(try seconds("2024-03-31 02:30:00", "Europe/Berlin") == 1_711_848_600)
    #expect(try seconds("2024-03-31 03:30:00", "Europe/Berlin") == 1_711_848_600)
    // Autumn: 02:30 exists twice; the first counts, unless the abbreviation says.
    #expect(try seconds("2024-10-27 02:30:00", "Europe/Berlin") == 1_729_989_000)
    #expect(try seconds("2024-10-27 02:30:00 CEST", "Europe/Berlin") == 1_729_989_000)
    #expect(try seconds("2024-10-27 02:30:00 CET", "Europe/Berlin") == 1_729_992_600)
    #expect(try seconds("2024-07-01 00:00:00 CET", "Europe/Berlin") == nil)
    #expect(try seconds("2024-07-01 00:00:00 EDT", "Europe/Berlin") == nil)
    #expect(try seconds("2024-10-27 02:30:00 UTC", "Europe/Berlin") == 1_729_996_200)
    // A day that does not exist at all (Samoa jumped over 2011-12-30).
    #expect(try seconds("2011-12-30 12:00:00", "Pacific/Apia") == 1_325_282_400)
    #expect(try seconds("2500-07-01 00:00:00", "Europe/Berlin") == 16_740_856_800)
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func wallClocksAroundChangesOfOffsetComeBackToTheirInstant() throws {
    let rows = lines(of: try #require(sharedFolder) + "/data/time/dst_cases.tsv")
    try #require(rows.count > 100)
    for row in rows {
        let instant = try #require(Int64(row[1]))
        let found = try #require(try time(row[2], .rfc3339, zone: row[0]), "\(row)") / 1_000_000
        if row[6] == "0" {
            #expect(found == instant, "\(row)")
        } else {
            // The second of two: the rule takes the first, whose date is the same.
            let zone = try Zone(row[0])
            #expect(found < instant && found + zone.stretch(at: found).offset == instant + zone.stretch(at: instant).offset, "\(row)")
        }
        var spec = RouteSpec(table: "a.b", format: .raw, timeColumn: "v")
        spec.columns = [ColumnSpec(name: "v", type: .timestamp, path: "line")]
        spec.columns[0].timeLayout = .epochSeconds
        spec.timeZone = row[0]
        let stage = try RouteStage(try RoutePlan(spec))
        stage.process(batch([Array(row[1].utf8)]), events: [0])
        #expect(stage.rows.groups.first?.partition == "dt=" + row[4], "\(row)")
    }
}

/// What the set refuses and we take, each with its reason.
private let taken: Set<String> = [
    "2020-11-28T23:55:45Z", "2020-01-01 00:00:00Z",  // an instant in a date column is its day
]

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"), arguments: ["date-time", "date"])
func internetTimesAreTakenAndRefusedAsTheSchemaSuiteSays(_ name: String) throws {
    let bytes = output(of: "cat \(try #require(sharedFolder))/data/time/json-schema/\(name).json")
    let groups = try #require(JSONValue(parsing: bytes)?.array)
    var count = 0
    for test in groups.flatMap({ $0["tests"]?.array ?? [] }) {
        guard let text = test["data"]?.string, let isValid = test["valid"]?.boolean, !taken.contains(text) else { continue }
        var column = ColumnSpec(name: "v", type: name == "date" ? .date : .timestamp)
        column.required = true
        var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
        spec.columns = [ColumnSpec(name: "t", type: .timestamp, path: "_received"), column]
        var record: [UInt8] = Array("{\"v\":".utf8)
        JSONValue.appendQuoted(text, to: &record)
        let stage = try RouteStage(try RoutePlan(spec))
        stage.process(batch([record + Array("}".utf8)], timestamp: 0), events: [0])
        #expect((stage.rows.rowCount == 1) == isValid, "\(text)")
        count += 1
    }
    #expect(count > 20)
}

@Test(arguments: [
    (TimeLayout.epochNanoseconds, "1405911096123456789", 1_405_911_096_123_456), (.epochNanoseconds, "-1", -1), (.epochNanoseconds, "1.5", 0),
    (.epochMicroseconds, "12.9", 12), (.epochSeconds, "-0.5", -500_000), (.epochSeconds, "1.", nil), (.epochSeconds, ".5", nil),
    (.epochMilliseconds, "1e3", nil), (.epochSeconds, "253402300800", nil), (.apache, "31/Dec/1990:23:59:60 +0000", 662_688_000_000_000),
    (.apache, "31/Dec/1990:23:58:60 +0000", nil), (.apache, "2006-01-02T15:04:05Z", nil),
] as [(TimeLayout, String, Int64?)])
func numbersAndLeapSecondsAreTimes(_ layout: TimeLayout, _ text: String, _ expected: Int64?) throws {
    #expect(try time(text, layout) == expected, "\(text)")
}

@Test func checksOfTimesAndAcrossColumnsAreJudgedByTheRecord() throws {
    var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
    spec.columns = [
        ColumnSpec(name: "t", type: .timestamp), ColumnSpec(name: "made", type: .timestamp), ColumnSpec(name: "paid", type: .timestamp),
        ColumnSpec(name: "state", type: .string), ColumnSpec(name: "n", type: .int64),
    ]
    spec.columns[0].defaultText = "_received"
    spec.columns[1].maximumFutureMilliseconds = 60_000
    spec.columns[1].atMost = "paid"
    spec.columns[3].defaultText = "new"
    spec.columns[3].minimumByteCount = 2
    spec.columns[4].defaultText = "-7"
    for (line, expected) in [
        ("{}", "t=1000000|state=new|n=-7"), (#"{"state":null,"n":1}"#, "t=1000000|state=new|n=1"), (#"{"state":"x"}"#, "bad_length state"),
        (#"{"made":"1970-01-01T00:01:01Z"}"#, "t=1000000|made=61000000|state=new|n=-7"), (#"{"made":"1970-01-01T00:01:02Z"}"#, "too_far_in_future made"),
        (#"{"made":"1970-01-01T00:00:02Z","paid":"1970-01-01T00:00:01Z"}"#, "out_of_range made"),
        (#"{"made":"1970-01-01T00:00:01Z","paid":"1970-01-01T00:00:01Z"}"#, "t=1000000|made=1000000|paid=1000000|state=new|n=-7"),
    ] {
        #expect(try outcome(spec, line, timestamp: 1_000) == expected, "\(line)")
    }
    #expect(try outcome(spec, "{}", timestamp: -1) == "no_time t")
    spec.columns[4].maximum = -8
    #expect(throws: Failure.self) { _ = try RoutePlan(spec) }
    spec.columns[4].maximum = nil
    spec.columns[4].atMost = "state"
    #expect(throws: Failure.self) { _ = try RoutePlan(spec) }
}
