import Columns
import Configuration
import Event
import JSON
import Pipeline
import Testing

private let packageFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

/// One of the routes of conf/known-logs.yaml.
private func route(_ table: String) throws -> RouteSpec {
    let settings = try CollectorSettings.load(path: packageFolder + "/conf/known-logs.yaml")
    return try #require(settings.pipelines[0].routes.first { $0.table == "logs." + table }, "\(table)")
}

/// How a peer's field is called here, and how its value is written.
private enum Mapping {
    case same(String)
    /// One of a list of addresses (the peer takes the first public one); the whole list, in any order.
    case one(String), list(String)
    /// Blanks and line ends around it aside.
    case trimmed(String)
    /// Milliseconds (`12`, `12ms`), or seconds, against nanoseconds.
    case milliseconds(String), seconds(String)
    /// `+` stands for a blank, as IIS writes it.
    case plus(String)
    /// Without `HTTP/`.
    case version(String)
    /// Part of a URI before or behind its `?`.
    case path(String), query(String)
    /// Of `host:port`.
    case host(String), port(String)
    /// Captured headers, `a|b||`.
    case headers(String)
}

private let mappings: [String: [String: Mapping]] = [
    "nginx_access": [
        "source.address": .one("clients"), "nginx.access.remote_ip_list": .list("clients"), "user.name": .same("user"),
        "http.request.method": .same("method"), "url.original": .same("uri"), "http.version": .same("version"),
        "http.response.status_code": .same("status"), "http.response.body.bytes": .same("bytes"),
        "http.request.referrer": .same("referer"), "user_agent.original": .same("agent"),
        "url.path": .path("uri"), "url.query": .query("uri"),
    ],
    "nginx_ingress": [
        "source.address": .same("remote"), "http.request.method": .same("method"), "url.original": .same("uri"),
        "http.version": .same("version"), "http.response.status_code": .same("status"), "http.response.body.bytes": .same("bytes"),
        "http.request.referrer": .same("referer"), "user_agent.original": .same("agent"),
        "nginx.ingress_controller.http.request.length": .same("request_length"),
        "nginx.ingress_controller.http.request.time": .same("request_time"), "nginx.ingress_controller.http.request.id": .same("request_id"),
        "nginx.ingress_controller.upstream.name": .same("upstream"),
        "nginx.ingress_controller.upstream.alternative_name": .same("upstream_alternative"),
        "nginx.ingress_controller.upstream.response.length_list": .list("upstream_bytes"),
        "nginx.ingress_controller.upstream.response.status_code_list": .list("upstream_status"),
        "nginx.ingress_controller.upstream.response.time_list": .list("upstream_time"),
        "nginx.ingress_controller.upstream_address_list": .list("upstream_address"),
    ],
    "apache_access": [
        "source.address": .same("remote"), "user.name": .same("user"), "http.request.method": .same("method"), "url.original": .same("uri"),
        "http.version": .version("protocol"), "http.response.status_code": .same("status"), "http.response.body.bytes": .same("bytes"),
        "http.request.referrer": .same("referer"), "user_agent.original": .same("agent"),
    ],
    "apache_vhost_access": [
        "destination.domain": .same("vhost"), "source.ip": .same("remote"), "user.name": .same("user"), "http.request.method": .same("method"),
        "url.original": .same("uri"), "http.version": .version("protocol"), "http.response.status_code": .same("status"),
        "http.response.body.bytes": .same("bytes"), "user_agent.original": .same("agent"),
    ],
    "apache_error": [
        "apache.error.module": .same("module"), "log.level": .same("level"), "message": .same("message"), "process.pid": .same("pid"),
        "process.thread.id": .same("tid"), "source.address": .same("client"), "source.port": .same("port"),
    ],
    "iis_access": [
        "destination.address": .same("server"), "http.request.method": .same("method"), "url.path": .plus("uri"), "url.query": .plus("query"),
        "destination.port": .same("port"), "source.address": .same("client"), "user_agent.original": .plus("agent"),
        "http.request.referrer": .same("referer"), "http.response.status_code": .same("status"), "iis.access.sub_status": .same("substatus"),
        "iis.access.win32_status": .same("win32_status"), "user.name": .same("user"),
    ],
    "iis_error": [
        "source.address": .same("client"), "source.port": .same("client_port"), "destination.address": .same("server"),
        "destination.port": .same("port"), "http.version": .version("protocol"), "http.request.method": .same("method"),
        "url.original": .same("uri"), "http.response.status_code": .same("status"), "iis.error.reason_phrase": .same("reason"),
        "iis.error.queue_name": .same("queue"),
    ],
    "haproxy": [
        "process.name": .same("app"), "process.pid": .same("pid"), "source.address": .same("client"), "source.port": .same("port"),
        "destination.domain": .same("domain"), "destination.ip": .same("destination"), "destination.port": .same("destination_port"),
        "haproxy.mode": .same("mode"), "haproxy.frontend_name": .same("frontend"), "haproxy.backend_name": .same("backend"),
        "haproxy.server_name": .same("server"), "haproxy.http.request.time_wait_ms": .same("wait_request"),
        "haproxy.total_waiting_time_ms": .same("wait_queue"), "haproxy.connection_wait_time_ms": .same("wait_connect"),
        "haproxy.http.request.time_wait_without_data_ms": .same("wait_response"), "event.duration": .milliseconds("took_ms"),
        "http.response.status_code": .same("status"), "haproxy.bytes_read": .same("bytes"), "http.response.bytes": .same("bytes"),
        "haproxy.http.request.captured_cookie": .same("request_cookie"), "haproxy.http.response.captured_cookie": .same("response_cookie"),
        "haproxy.termination_state": .same("termination"), "haproxy.connections.active": .same("active"),
        "haproxy.connections.frontend": .same("frontend_connections"), "haproxy.connections.backend": .same("backend_connections"),
        "haproxy.connections.server": .same("server_connections"), "haproxy.connections.retries": .same("retries"),
        "haproxy.server_queue": .same("server_queue"), "haproxy.backend_queue": .same("backend_queue"),
        "haproxy.http.request.captured_headers": .headers("request_headers"),
        "haproxy.http.response.captured_headers": .headers("response_headers"),
        "haproxy.http.request.raw_request_line": .same("request"), "http.request.method": .same("method"), "url.original": .same("uri"),
        "http.version": .same("version"),
    ],
    "traefik_access": [
        "source.address": .same("remote"), "user.name": .same("user"), "http.request.method": .same("method"), "url.original": .same("uri"),
        "http.version": .version("protocol"), "http.response.status_code": .same("status"), "http.response.body.bytes": .same("bytes"),
        "http.request.referrer": .same("referer"), "user_agent.original": .same("agent"), "traefik.access.request_count": .same("request_count"),
        "traefik.access.frontend_name": .same("frontend"), "traefik.access.backend_url": .same("backend"), "event.duration": .milliseconds("took"),
    ],
    "mysql_error": [
        "mysql.thread_id": .same("thread"), "log.level": .same("level"), "event.code": .same("code"), "event.provider": .same("subsystem"),
        "message": .trimmed("message"),
    ],
    "mysql_slow": [
        "user.name": .same("user"), "mysql.slowlog.current_user": .same("current_user"), "source.domain": .same("client_host"),
        "source.ip": .same("client"), "mysql.thread_id": .same("thread"), "event.duration": .seconds("query_seconds"),
        "mysql.slowlog.lock_time.sec": .same("lock_seconds"), "mysql.slowlog.rows_sent": .same("rows_sent"),
        "mysql.slowlog.rows_examined": .same("rows_examined"), "mysql.slowlog.query": .same("query"),
    ],
]

private func mappingOf(_ table: String) -> [String: Mapping]? {
    guard table == "nginx_vhost_access" else { return mappings[table] }
    var mapping = mappings["nginx_access"]
    mapping?["destination.domain"] = .host("host")
    mapping?["destination.ip"] = .host("host")
    mapping?["destination.port"] = .port("host")
    return mapping
}

private func plain(_ value: JSONValue?) -> String? {
    switch value {
    case .string(let text): text
    case .integer(let number): String(number)
    case .double(let number): "\(number)"
    default: nil
    }
}

private func parts(_ text: String) -> [String] {
    text.split { ", \"".contains($0) }.map(String.init)
}

private func trimmed(_ text: String) -> String {
    String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
}

/// A URI's text without `%XX` and `+`.
private func decoded(_ text: String) -> String {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "%"), rest.count >= 2,
            let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) {
            bytes.append(value)
            rest = rest.dropFirst(2)
        } else {
            bytes.append(byte == UInt8(ascii: "+") ? 32 : byte)
        }
    }
    return String(decoding: bytes, as: UTF8.self)
}

/// What differs between a row and a peer's record, by the peer's names.
private func differences(_ row: [String: String], _ record: JSONValue, _ mapping: [String: Mapping]) -> [String] {
    var found: [String] = []
    for (name, rule) in mapping.sorted(by: { $0.key < $1.key }) {
        guard let expected = record[name] else { continue }
        // The peer keeps `-` where there is no value, and values it could not take apart as they are.
        let wanted = plain(expected) ?? ""
        let ours: (wanted: String, found: String?)
        switch rule {
        case .same(let column):
            let value = row[column]
            let isDouble = Double(wanted) != nil && value.flatMap(Double.init) == Double(wanted)
            ours = (wanted == "-" ? "" : wanted, isDouble ? wanted : value == "-" ? "" : value ?? "")
        case .one(let column): ours = (wanted, parts(row[column] ?? "").first { $0 == wanted })
        case .trimmed(let column): ours = (trimmed(wanted), trimmed(row[column] ?? ""))
        case .list(let column):
            let list = expected.array?.compactMap(plain) ?? [wanted]
            ours = (Set(list).sorted().joined(separator: " "), Set(parts(row[column] ?? "-")).sorted().joined(separator: " "))
        case .milliseconds(let column):
            ours = (wanted, row[column].flatMap { Int($0.hasSuffix("ms") ? String($0.dropLast(2)) : $0) }.map { String($0 * 1_000_000) })
        case .seconds(let column):
            // The peer keeps seconds in 32 bits on the way.
            let nanoseconds = row[column].flatMap(Double.init).map { Int(($0 * 1_000_000).rounded()) * 1_000 }
            ours = (wanted, nanoseconds.map { abs($0 - (Int(wanted) ?? 0)) <= $0 / 10_000_000 + 1_000 ? wanted : String($0) })
        case .plus(let column): ours = (decoded(wanted), decoded(row[column] ?? ""))
        case .version(let column): ours = (wanted, row[column].map { String($0.dropFirst(5)) })
        case .path(let column): ours = (wanted, row[column].map { String($0.prefix { $0 != "?" }) })
        case .query(let column): ours = (wanted, row[column].map { String($0.drop { $0 != "?" }.dropFirst()) })
        case .host(let column): ours = (wanted, row[column].map { String($0.prefix { $0 != ":" }) })
        case .port(let column): ours = (wanted, row[column].map { String($0.drop { $0 != ":" }.dropFirst()) })
        case .headers(let column):
            let list = expected.array?.compactMap(plain) ?? []
            ours = (list.joined(separator: "|"), row[column].map { $0.split(separator: "|").joined(separator: "|") })
        }
        if ours.wanted != ours.found { found.append("\(name): '\(ours.wanted)' is '\(ours.found ?? "null")' here") }
    }
    return found
}

/// Microseconds of a peer's time.
private func microseconds(_ text: String) throws -> Int64? { try time(text, .rfc3339) }

private struct LogCase: Sendable {
    var file: String
    var table: String
    /// Records of another layout than the directive before them says: refused, and read by the route as it is.
    var strays: Set<Int> = []
}

private let cases: [LogCase] = [
    LogCase(file: "nginx/access/test.log", table: "nginx_access"), LogCase(file: "nginx/access/test-with-host.log", table: "nginx_vhost_access"),
    LogCase(file: "nginx/ingress_controller/test.log", table: "nginx_ingress"), LogCase(file: "apache/access/test.log", table: "apache_access"),
    LogCase(file: "apache/access/darwin-2.4.23.log", table: "apache_access"),
    LogCase(file: "apache/access/test-vhost.log", table: "apache_vhost_access"), LogCase(file: "apache/error/darwin-2.4.23.log", table: "apache_error"),
    LogCase(file: "apache/error/sublevel.log", table: "apache_error"), LogCase(file: "apache/error/ubuntu-2.2.22.log", table: "apache_error"),
    LogCase(file: "iis/access/test.log", table: "iis_access", strays: [3, 4]), LogCase(file: "iis/access/test-iis-7.2.log", table: "iis_access"),
    LogCase(file: "iis/access/test-x-forward-for.log", table: "iis_access"),
    LogCase(file: "iis/access/test-x-forward-for-extended.log", table: "iis_access"), LogCase(file: "iis/error/test.log", table: "iis_error"),
    LogCase(file: "iis/error/iis_error_url.log", table: "iis_error"), LogCase(file: "haproxy/log/haproxy.log", table: "haproxy"),
    LogCase(file: "haproxy/log/default.log", table: "haproxy"), LogCase(file: "traefik/access/test.log", table: "traefik_access"),
] + ["error", "mysql-ubuntu-8.0.15", "mysql-darwin-brew-5.7.10", "mysql-ubuntu-5.5.53"].map {
    LogCase(file: "mysql/error/\($0).log", table: "mysql_error")
} + [
    "mysql-5.7.22", "mysql-debian-5.7.17", "mysql-debian-5.7.19", "mysql-ubuntu-5.5.53", "mysql-ubuntu-8.0.15", "mysql-darwin-brew-5.7.10",
    "mariadb-10.1.21", "mariadb-10.2.12", "mariadb-10.3.13", "percona-ubuntu-5.7.19-innodb", "percona-ubuntu-8.0.15",
].map { LogCase(file: "mysql/slowlog/\($0).log", table: "mysql_slow") }

/// Fields of IIS files that have no #Fields line, by file.
private let iisFields: [String: String] = [
    "test-x-forward-for": "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
        + "sc-substatus sc-win32-status time-taken X-Forwarded-For",
    "test-x-forward-for-extended": "date time s-sitename s-computername s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip "
        + "cs-version cs(User-Agent) cs(Cookie) cs(Referer) cs-host sc-status sc-substatus sc-win32-status sc-bytes cs-bytes time-taken "
        + "X-Forwarded-For",
]

/// The route with the fields of the directive before an event, and the columns that these have.
private func iis(_ spec: RouteSpec, _ file: String, _ before: [UInt8]) -> RouteSpec {
    let name = String(file.split(separator: "/").last?.dropLast(4) ?? "")
    let directive = String(decoding: before, as: UTF8.self).split(separator: "\n").last { $0.hasPrefix("#Fields: ") }
    guard let fields = directive?.dropFirst(9) ?? iisFields[name].map({ $0[...] }) else { return spec }
    var spec = spec
    spec.parse.fields = fields.split(separator: " ").map(String.init)
    let all = spec.parse.fields + ["timestamp", "_extra"]
    spec.columns.removeAll { !all.contains($0.path) }
    return spec
}

@Test(.enabled(if: sharedFolder != nil, "no shared data: set MILLRACE_SHARED"), arguments: cases)
private func aKnownProgramsLogGivesTheFieldsThatItsPeersFind(_ test: LogCase) throws {
    let folder = try #require(sharedFolder) + "/data/filebeat-modules/"
    let bytes = output(of: "cat \(folder)\(test.file)")
    let expected = output(of: "cd \(folder) && (cat \(test.file)-expected.json 2>/dev/null || gzip -dc \(test.file)-expected.json.gz)")
    let records = try #require(JSONValue(parsing: expected)?.array)
    try #require(!records.isEmpty)
    var spec = try route(test.table)
    // The peer reads times without a zone as UTC-2.
    for index in spec.columns.indices where spec.columns[index].timeZone != nil { spec.columns[index].timeZone = "Etc/GMT+2" }
    let offsets = records.map { Int($0["log.offset"]?.integer ?? 0) } + [bytes.count]
    let mapping = try #require(mappingOf(test.table))
    for (index, record) in records.enumerated() {
        var event = bytes[offsets[index]..<max(offsets[index], offsets[index + 1])]
        let isJoined = record["log.flags"]?.array?.contains("multiline") == true
        if !isJoined, let end = event.firstIndex(of: 10) { event = event[..<end] }
        while event.last == 10 { event.removeLast() }
        let here = test.table == "iis_access" ? iis(spec, test.file, Array(bytes[..<offsets[index]])) : spec
        var stage = try RouteStage(try RoutePlan(here))
        if test.strays.contains(index) {
            stage.process(batch([Array(event)]), events: [0])
            #expect(stage.rejections.map(\.reason) == [.malformed])
            stage = try RouteStage(try RoutePlan(spec))
        }
        stage.process(batch([Array(event)], timestamp: 1_650_000_000_000), events: [0])
        let place = "\(test.file) record \(index)"
        guard stage.rows.rowCount == 1 else {
            Issue.record("\(place): \(stage.rejections): \(String(decoding: event.prefix(300), as: UTF8.self))")
            continue
        }
        var row: [String: String] = [:]
        for column in stage.rows.columns where !column.isNull(0) {
            row[column.name] = column.holdsBytes ? column.bytes(0).text : column.type == .double ? "\(column.double(0))" : "\(column.integer(0))"
        }
        let found = differences(row, record, mapping)
        #expect(found.isEmpty, "\(place): \(found)")
        if let time = record["@timestamp"]?.string, let wanted = try microseconds(time), let ours = row["time"].flatMap(Int64.init) {
            #expect(ours / 1_000 == wanted / 1_000, "\(place): \(time)")
        }
    }
}
