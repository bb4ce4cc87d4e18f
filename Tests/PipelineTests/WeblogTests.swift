import Columns
import Event
import Pipeline
import Testing

private struct Counts: Equatable {
    var matched = 0, status = [0, 0, 0, 0], bytes: Int64 = 0, dash = 0, oddRequest = 0
}

/// Every day of every real log, number for number, in the zone it was counted in.
@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"))
func countsPerDayOfRealLogsAreTheExpectedOnes() throws {
    let folder = try #require(sharedFolder) + "/data/weblogs/"
    let expected = String(decoding: output(of: "cat \(folder)expected_days.csv"), as: UTF8.self)
        .split(separator: "\n").dropFirst().map { $0.split(separator: ",").map(String.init) }
    let commands = [
        "apache_combined_10k.log": "xz -dc \(folder)apache_combined_10k.log.xz",
        "acunetix_scan.log": "xz -dc \(folder)acunetix_scan.log.xz",
        "nasa-http-50k.log": "gzip -dc \(folder)nasa-http-50k.log.gz",
        "w3af_scan.log": "cat \(folder)w3af_scan.log",
    ]
    // The zone in which the day written in the lines is the local day.
    let localZones = ["nasa-http-50k.log": "America/New_York", "acunetix_scan.log": "Europe/Istanbul", "w3af_scan.log": "Europe/Istanbul"]
    for (file, command) in commands {
        let lines = output(of: command).split(separator: 10).map(Array.init)
        try #require(lines.count > 1_000, "\(file): is xz or gzip missing?")
        for kind in ["utc", "local"] {
            var spec = RouteSpec(table: "shop.access", format: .combined)
            spec.timeZone = kind == "utc" ? "UTC" : localZones[file] ?? "UTC"
            let found = try counts(spec, lines)
            for row in expected where row[0] == file && row[1] == kind {
                // A line that does not match has no day of ours: it is counted for the file below.
                let want = Counts(
                    matched: Int(row[4])!, status: row[6...9].map { Int($0)! }, bytes: Int64(row[10])!,
                    dash: Int(row[11])!, oddRequest: Int(row[12])!)
                #expect(found.days[row[2]] == want, "\(file) \(kind) \(row[2])")
            }
            let days = expected.filter { $0[0] == file && $0[1] == kind }
            #expect(found.days.count == days.count, "\(file) \(kind)")
            #expect(found.malformed == days.reduce(0) { $0 + Int($1[5])! }, "\(file) \(kind)")
        }
    }
}

private func counts(_ spec: RouteSpec, _ lines: [[UInt8]]) throws -> (days: [String: Counts], malformed: Int) {
    let stage = try RouteStage(try RoutePlan(spec))
    var days: [String: Counts] = [:]
    var malformed = 0
    // Batches of odd sizes: where they are cut must change nothing.
    var from = 0
    while from < lines.count {
        let to = min(lines.count, from + 977)
        let part = Array(lines[from..<to])
        stage.process(batch(part), events: Array(0..<Int32(part.count)))
        let rows = stage.rows
        #expect(rows.rowCount + stage.rejections.count == part.count)
        malformed += stage.rejections.count { $0.reason == .malformed }
        let column = Dictionary(uniqueKeysWithValues: rows.columns.map { ($0.name, $0) })
        let status = column["status"]!, bytes = column["bytes"]!, proto = column["protocol"]!
        for row in 0..<rows.rowCount {
            let day = String(rows.groups[Int(rows.rowGroup[row])].partition.dropFirst(3))
            var count = days[day] ?? Counts()
            count.matched += 1
            let family = Int(status.integer(row)) / 100 - 2
            if family >= 0 && family < 4 { count.status[family] += 1 }
            if bytes.isNull(row) { count.dash += 1 } else { count.bytes += bytes.integer(row) }
            if proto.isNull(row) { count.oddRequest += 1 }
            days[day] = count
        }
        from = to
    }
    return (days, malformed)
}
