import Columns
import Configuration
import Platform
import Testing

/// The folder of the package, found from this file's own place.
let packageFolder = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

func bytes(of path: String) throws -> [UInt8] { try Syscalls.open(path, .read).readAll(maximum: 1 << 20) }

func text(of path: String) throws -> String { String(decoding: try bytes(of: path), as: UTF8.self) }

@Test func theSampleOfTheAgentLoads() throws {
    let settings = try AgentSettings.load(path: packageFolder + "/conf/agent.yaml")
    #expect(settings.name == Environment.hostName())
    #expect(settings.stateFolder == "/var/lib/millrace-agent")
    #expect(settings.sources.map(\.name) == ["access", "app"])
    #expect(settings.sources[0].include == ["/var/log/nginx/*access.log"])
    #expect(settings.kafka.properties.map(\.name) == ["compression.codec"])
    #expect(settings.shutdownMilliseconds == 25_000)
}

@Test func theSampleOfTheCollectorLoads() throws {
    let settings = try CollectorSettings.load(path: packageFolder + "/conf/collector.yaml")
    #expect(settings.warehouse.path == "/srv/warehouse")
    #expect(settings.pipelines.map(\.name) == ["shop"])
    let routes = settings.pipelines[0].routes
    #expect(routes.map(\.table) == ["shop.access", "shop.orders"])
    #expect(routes.map(\.timeColumn) == ["time", "time"])
    let sync = try #require(settings.syncs.first)
    #expect(sync.name == "shopdb" && sync.format == .maxwell && sync.topics == ["shop.changes"])
    #expect(sync.rule(of: "shop.retail_event".utf8).unique == .except(["id"]))
    #expect(sync.rule(of: "shop.cart_event".utf8).unique == .row)
    #expect(sync.rule(of: "shop.tmp_x".utf8).ignore)
    #expect(routes[0].timeZone == "Europe/Berlin")
    #expect(routes[0].columns.isEmpty)
    #expect(routes[1].columns.count == 9)
    #expect(routes[1].columns[3].pattern == "^[A-Z]{2}$")
    #expect(routes[1].columns[4].allowed == ["open", "paid", "sent"])
}

@Test func theSampleOfTheEmbeddedProgramLoads() throws {
    let settings = try EmbeddedSettings.load(path: packageFolder + "/conf/millrace.yaml")
    #expect(settings.agent.sources.map(\.topic) == ["access", "app"])
    #expect(settings.collector.pipelines[0].topics == ["access", "app"])
    #expect(settings.collector.commitMilliseconds == 10_000)
    #expect(settings.collector.log.form == .text)
}

/// Every default that a sample shows behind `# ` is taken in, and must load and change nothing.
@Test(arguments: ["agent", "collector", "millrace"])
func theDefaultsShownInTheSamplesAreTheDefaults(_ name: String) throws {
    let text = try text(of: packageFolder + "/conf/\(name).yaml")
    let shown = [
        "shutdown_timeout", "checkpoint_interval", "max_in_flight", "max_in_flight_per_partition",
        "heartbeat_interval", "state", "heartbeats", "type", "start", "pack", "max_record", "poll_interval",
        "last_line_timeout", "forget_after", "close_removed", "level", "group: millrace", "file_mode", "dir_mode",
        "fence_after", "interval", "bytes", "checkpoint_every", "memory", "unrouted", "column", "max_future",
        "partition", "share", "window", "topic",
        "leg", "dates", "keep", "table",
    ]
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
        let indent = line.prefix { $0 == " " }
        let rest = line.dropFirst(indent.count)
        guard rest.hasPrefix("# "), shown.contains(where: { rest.dropFirst(2).hasPrefix($0 + ":") || rest == "# " + $0 })
        else { return String(line) }
        return String(indent) + rest.dropFirst(2)
    }
    let full = Array(lines.joined(separator: "\n").utf8)
    #expect(full.count < text.utf8.count)
    let environment: (String) -> String? = { _ in nil }
    switch name {
    case "agent":
        #expect(
            try AgentSettings.load(bytes: full, file: "a", environment: environment)
                == AgentSettings.load(bytes: Array(text.utf8), file: "a", environment: environment))
    case "collector":
        #expect(
            try CollectorSettings.load(bytes: full, file: "a", environment: environment)
                == CollectorSettings.load(bytes: Array(text.utf8), file: "a", environment: environment))
    default:
        #expect(
            try EmbeddedSettings.load(bytes: full, file: "a", environment: environment)
                == EmbeddedSettings.load(bytes: Array(text.utf8), file: "a", environment: environment))
    }
}
