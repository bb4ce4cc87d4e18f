import Columns
import Event
import Pipeline
import Testing

/// A program's log, and the table that the publishers made of it: the same values, read by two of our parsers.
private struct Published: Sendable {
    var name: String
    var header: String
    /// Column of the table per field of the log.
    var fields: [String: String]
    var format = RecordFormat.regex
    var pattern = ""
    /// Lines of this layout, told by counting; the others are refused.
    var rowCount = 2_000
    var timePattern: String?
    var zone: String?
    /// Texts of the first time, in UTC.
    var firstTime: Int64
}

private let published: [Published] = [
    Published(
        name: "Linux", header: "LineId,Month,Date,Time,Level,Component,PID,Content,EventId,EventTemplate",
        fields: ["host": "Level", "app": "Component", "procid": "PID", "message": "Content"], format: .syslog, firstTime: 1_118_762_161),
    Published(
        name: "Hadoop", header: "LineId,Date,Time,Level,Process,Component,Content,EventId,EventTemplate",
        fields: ["level": "Level", "process": "Process", "component": "Component", "message": "Content"],
        pattern: #"^(?<time>\S+ \S+) (?<level>\w+) \[(?<process>.*?)\] (?<component>[\w.$]+): (?<message>.*)$"#,
        timePattern: "%Y-%m-%d %H:%M:%S%.f", firstTime: 1_445_191_307),
    Published(
        name: "HDFS", header: "LineId,Date,Time,Pid,Level,Component,Content,EventId,EventTemplate",
        fields: ["pid": "Pid", "level": "Level", "component": "Component", "message": "Content"],
        pattern: #"^(?<time>\d{6} \d{6}) (?<pid>\d+) (?<level>\w+) (?<component>\S+): (?<message>.*)$"#, timePattern: "%y%m%d %H%M%S",
        firstTime: 1_226_262_975),
    Published(
        name: "Spark", header: "LineId,Date,Time,Level,Component,Content,EventId,EventTemplate",
        fields: ["level": "Level", "component": "Component", "message": "Content"],
        pattern: #"^(?<time>\S+ \S+) (?<level>\w+) (?<component>\S+): (?<message>.*)$"#, timePattern: "%y/%m/%d %T", firstTime: 1_497_039_040),
    Published(
        name: "Apache", header: "LineId,Time,Level,Content,EventId,EventTemplate", fields: ["level": "Level", "message": "Content"],
        pattern: #"^\[(?<time>[^\]]*)\] \[(?<level>\w+)\] (?<message>.*)$"#, timePattern: "%a %b %d %T%.f %Y", firstTime: 1_133_671_664),
    Published(
        name: "Windows", header: "LineId,Date,Time,Level,Component,Content,EventId,EventTemplate",
        fields: ["level": "Level", "component": "Component", "message": "Content"],
        pattern: #"^(?<time>\S+ [\d:]+), (?<level>\w+) +(?<component>\w+) +(?<message>.*)$"#, timePattern: "%F %T", zone: "Asia/Shanghai",
        firstTime: 1_475_008_230),
]

private func stage(_ spec: RouteSpec, _ bytes: [UInt8], record: Int64) throws -> (RouteStage, lineCount: Int) {
    let stage = try RouteStage(try RoutePlan(spec))
    let lines = bytes.split(separator: 10).map(Array.init)
    stage.process(batch(lines, timestamp: record), events: Array(0..<Int32(lines.count)))
    return (stage, lines.count)
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"), arguments: published)
private func aLogGivesTheValuesOfItsPublishedTable(_ test: Published) throws {
    let folder = try #require(sharedFolder) + "/data/loghub/"
    let names = test.header.split(separator: ",").map(String.init)
    let table = textRoute(.delimited, names) {
        $0.parse.fields = names
        $0.parse.hasHeader = true
    }
    // 2005-12-31: no line of the samples without a year is later.
    let record: Int64 = 1_136_000_000_000
    let (expected, _) = try stage(table, output(of: "gzip -dc \(folder)\(test.name)_2k.log_structured.csv.gz"), record: record)
    try #require(expected.rows.rowCount == 2_000, "\(test.name): \(expected.rejections.prefix(3))")

    let fields = test.fields.keys.sorted()
    let spec = textRoute(test.format, fields) {
        if !test.pattern.isEmpty { $0.parse.patterns = [test.pattern] }
        var time = ColumnSpec(name: "time", type: .timestamp)
        time.timeZone = test.zone
        if let pattern = test.timePattern { (time.timeLayout, time.timePattern) = (.pattern, pattern) }
        $0.columns.append(time)
        $0.timeColumn = "time"
        $0.maximumFutureMilliseconds = .max
    }
    let (found, lineCount) = try stage(spec, output(of: "gzip -dc \(folder)\(test.name)_2k.log.gz"), record: record)
    #expect(lineCount == 2_000 && found.rows.rowCount == test.rowCount, "\(test.name): \(found.rejections.count) rejected")
    let time = try #require(found.rows.columns.last)
    #expect(time.integer(0) / 1_000_000 == test.firstTime, "\(test.name)")
    var differences = 0
    for (row, event) in found.rows.rowEvent.enumerated() {
        // A tag ends at a blank (RFC 3164, 4.1.3); the publishers took `syslogd 1.4.1: restart.` apart at the colon.
        if test.format == .syslog, let app = names.firstIndex(of: "Component"),
            expected.rows.columns[app + 1].bytes(Int(event)).text.contains(" ") { continue }
        for (place, field) in fields.enumerated() {
            let column = try #require(names.firstIndex(of: test.fields[field] ?? ""))
            let wanted = expected.rows.columns[column + 1].bytes(Int(event)).trimmedText
            let ours = found.rows.columns[place + 1].bytes(row).trimmedText
            if wanted != ours {
                differences += 1
                #expect(differences > 5, "\(test.name) line \(event + 1) \(field): '\(wanted)' is '\(ours)'")
            }
        }
    }
    #expect(differences == 0, "\(test.name)")
}

extension ByteView {
    /// The text without blanks at its ends: the publishers cut them off.
    fileprivate var trimmedText: String {
        let text = self.text
        return String(text.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
    }
}

/// Every odd log through every kind of format: an outcome each, the same whatever is beside it.
@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func oddLogsHaveAnOutcomePerLineInEveryFormat() throws {
    let folder = try #require(sharedFolder) + "/data"
    let files = String(decoding: output(of: "find \(folder)/edge-logs \(folder)/text -type f -size -64k"), as: UTF8.self)
        .split(separator: "\n").map(String.init).sorted()
    try #require(files.count > 100)
    let specs = [
        RouteSpec(table: "a.b", format: .combined), RouteSpec(table: "a.b", format: .syslog), RouteSpec(table: "a.b", format: .raw),
        textRoute(.json, ["msg", "_extra"]), textRoute(.logfmt, ["msg", "_extra"]),
        textRoute(.keyValue, ["msg", "_extra"]) { $0.parse.delimiter = UInt8(ascii: ",") },
        textRoute(.delimited, ["a", "_extra"]) { $0.parse.fields = ["a", "b", "c"] },
        textRoute(.w3c, ["timestamp", "_extra"]) { $0.parse.fields = ["date", "time", "c"] },
        textRoute(.regex, ["x"]) { $0.parse.patterns = [#"^(?<x>\S+)\s"#] },
    ]
    for spec in specs {
        let stage = try RouteStage(try RoutePlan(spec))
        for file in files {
            let lines = output(of: "cat '\(file)'").split(separator: 10, omittingEmptySubsequences: false).map(Array.init)
            stage.process(batch(lines, timestamp: 1_704_240_000_000), events: Array(0..<Int32(lines.count)))
            let count = stage.rows.rowCount + stage.rejections.count
            #expect(spec.format == .w3c ? count <= lines.count : count == lines.count, "\(spec.format) \(file)")
        }
    }
}
