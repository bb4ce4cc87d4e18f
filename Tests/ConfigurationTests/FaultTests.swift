import Configuration
import Event
import Testing

func noEnvironment(_ name: String) -> String? { nil }

func agentFaults(_ text: String, environment: (String) -> String? = noEnvironment) -> [String] {
    do throws(ConfigFaults) {
        _ = try AgentSettings.load(bytes: Array(text.utf8), file: "a.yaml", environment: environment)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

func collectorFaults(_ text: String) -> [String] {
    do throws(ConfigFaults) {
        _ = try CollectorSettings.load(bytes: Array(text.utf8), file: "c.yaml", environment: noEnvironment)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

func embeddedFaults(_ text: String) -> [String] {
    do throws(ConfigFaults) {
        _ = try EmbeddedSettings.load(bytes: Array(text.utf8), file: "m.yaml", environment: noEnvironment)
        return []
    } catch {
        return error.faults.map(\.description)
    }
}

@Test func allFaultsOfAnAgentAreListedAtOnce() {
    let faults = agentFaults("""
        agent:
          nmae: shop
          shutdown_timeout: 25
          checkpoint_interval: 10ms
          max_in_flight: 2MiB
          max_in_flight_per_partition: 4MiB
        kafka:
          brokers:
          properties:
            bootstrap.servers: x
            acks: [all]
            acks: all
        sources:
          - name: access
            topic: shop access
            include: []
            start: tail
            pack: 3MiB
          - name: access
            type: drop
            topic: millrace-state
            include: [/a, "", /a]
            max_record: lots
          - just text
          - topic: t
            include: /b
        loog: {}
        """)
    #expect(faults == [
        #"a.yaml:2:3: unknown name "nmae" in "agent"; did you mean "name"?"#,
        #"a.yaml:2:3: "state_dir" is missing in "agent""#,
        #"a.yaml:3:21: "shutdown_timeout" is "25"; expected a duration such as 500ms, 60s, 5m, 1h or 7d"#,
        #"a.yaml:4:24: "checkpoint_interval" is "10ms"; allowed is 100ms to 1m"#,
        #"a.yaml:6:32: "max_in_flight_per_partition" (4MiB) is above "max_in_flight" (2MiB)"#,
        #"a.yaml:8:3: "brokers" has no value"#,
        #"a.yaml:10:5: "bootstrap.servers" is set by "kafka.brokers""#,
        #"a.yaml:11:11: "acks" needs a single value"#,
        #"a.yaml:12:5: "acks" is given twice, first on line 11"#,
        #"a.yaml:15:12: "topic" is "shop access"; expected a name of letters, digits, ".", "_" and "-", "#
            + "1 to 249 bytes",
        #"a.yaml:16:14: "include" needs at least 1 entry"#,
        #"a.yaml:17:12: "start" is "tail"; allowed is head, end"#,
        #"a.yaml:18:11: two packs of 3MiB do not fit into "max_in_flight_per_partition" (4MiB); "#
            + "the agent would wait after each",
        #"a.yaml:18:11: "pack" (3MiB) is above what Kafka takes (998976 bytes): raise "message.max.bytes" in "#
            + #""kafka.properties", and at the brokers and topic, or lower it"#,
        #"a.yaml:19:11: two sources are named "access", the other on line 14"#,
        #"a.yaml:20:11: "type" must be files"#,
        #"a.yaml:21:12: "millrace-state" is the control topic "topics.state""#,
        #"a.yaml:22:19: "include" is ""; it must not be empty"#,
        #"a.yaml:22:23: "/a" is in "include" twice"#,
        #"a.yaml:23:17: "max_record" is "lots"; expected a size such as 64KiB, 128MiB or 1GiB"#,
        #"a.yaml:24:5: entry 3 of "sources" is a single value; expected names with values (name, type, topic, ...)"#,
        #"a.yaml:25:5: "name" is missing in entry 4 of "sources""#,
        #"a.yaml:27:1: unknown name "loog" in the file; did you mean "log"?"#,
    ])
}

@Test func allFaultsOfACollectorAreListedAtOnce() {
    let faults = collectorFaults("""
        kafka: {brokers: "k:9092"}
        warehouse: {path: /w, file_mode: 0444, dir_mode: 750}
        memory: 1KiB
        pipelines:
          - name: p
            topics: [a, b]
            unrouted: drop
            routes:
              - topics: [c]
                table: shop
                format: jsn
              - table: shop.{table}
                format: json
              - table: shop.x
                format: json
                partition: DT
                columns:
                  - {name: tiem, type: timestamp, min: 3, pattern: x}
                  - {name: a, type: int32, min: 5, max: 4, allowed: [1, two]}
                  - {name: A, type: string, time_format: rfc3339, max_length: 0}
                  - {name: dt, type: text}
                breaker: {share: 1.5, window: 10}
              - table: shop.x
                format: combined
          - name: p
            topics: []
            routes: []
        """)
    #expect(faults == [
        #"c.yaml:2:34: "file_mode" is "0444"; allowed is 0000 to 0777, with at least 0600"#,
        #"c.yaml:2:50: "dir_mode" is "750"; expected octal permissions such as 0640"#,
        #"c.yaml:3:9: "memory" is "1KiB"; allowed is 64MiB to 1TiB"#,
        #"c.yaml:7:15: "unrouted" is "drop"; allowed is quarantine, ignore"#,
        #"c.yaml:9:17: "c" is not among the topics of pipeline "p""#,
        #"c.yaml:10:16: "table" is "shop"; expected db.table of letters, digits and "_""#,
        #"c.yaml:11:17: "format" is "jsn"; allowed is combined, json, delimited, regex, logfmt, key_value, "#
            + #"syslog, w3c, raw; did you mean "json"?"#,
        #"c.yaml:12:9: the format json needs "columns""#,
        #"c.yaml:12:16: "table" is "shop.{table}"; expected db.table of letters, digits and "_""#,
        #"c.yaml:14:9: there is no column "time" for the event time; did you mean "tiem"?"#,
        #"c.yaml:18:48: "min" is for number columns; "tiem" is timestamp"#,
        #"c.yaml:18:60: "pattern" is for string columns; "tiem" is timestamp"#,
        #"c.yaml:19:49: "min" (5.0) is above "max" (4.0): no value fits"#,
        #"c.yaml:19:61: "two" in "allowed" is not a whole number"#,
        #"c.yaml:20:20: two columns are named "A", the other on line 19"#,
        #"c.yaml:20:50: "time_format" is for timestamp and date columns; "A" is string"#,
        #"c.yaml:20:71: "max_length" is "0"; allowed is 1 to 67108864"#,
        #"c.yaml:21:20: "dt" is the partition's name too; rename one of them"#,
        #"c.yaml:21:30: "type" is "text"; allowed is boolean, int32, int64, double, decimal(p,s), string, bytes, date, timestamp, json, "#
            + "list<type>, map<key, type>, struct<name: type, ...>",
        #"c.yaml:22:26: "share" is "1.5"; allowed is 0.0 to 1.0"#,
        #"c.yaml:22:39: "window" is "10"; allowed is 100 to 10000000"#,
        #"c.yaml:23:16: "shop.x" has other columns, partition or output on line 14; routes into one table must agree"#,
        #"c.yaml:25:11: two pipelines are named "p", the other on line 5"#,
        #"c.yaml:26:13: "topics" needs at least 1 entry"#,
        #"c.yaml:27:13: "routes" needs at least 1 entry"#,
    ])
}

@Test func allFaultsOfAFormatsSettingsAreListed() {
    let faults = collectorFaults("""
        kafka: {brokers: "k:9092"}
        warehouse: {path: /w}
        pipelines:
          - name: p
            topics: [a]
            routes:
              - table: s.csv
                format: delimited
                parse: {fields: [id, at, id], delimiter: ab, quote: ";", escape: semicolon, patterns: [x]}
                unknown_fields: reject
                columns:
                  - {name: time, type: timestamp, path: ta, time_format: "%Y", time_zone: UTC, max_future: 1h}
                  - {name: n, type: int64, path: id, required: true, default: 5, at_most: m, time_zone: UTC}
                  - {name: s, type: string, path: at, min_length: 5, max_length: 4, time_format: soon}
              - table: s.re
                format: regex
              - table: s.iis
                format: w3c
                parse: {header: true}
                columns: [{name: time, type: timestamp, path: timestamp}]
              - table: s.kv
                format: key_value
                parse: {delimiter: '\\u0001', assign: "\\u0001", quote: none}
                unknown_fields: reject
                columns: [{name: time, type: timestamp}, {name: x, type: json, path: _extra}]
        """)
    #expect(faults == [
        #"c.yaml:9:34: "id" is in "fields" twice"#,
        #"c.yaml:9:50: "delimiter" is "ab"; expected one ASCII character, tab, space, or \u0001"#,
        #"c.yaml:9:74: "escape" is the same byte as "quote""#,
        #"c.yaml:9:95: "patterns" is for regex; the format is delimited"#,
        #"c.yaml:10:25: "unknown_fields" is for json, logfmt, key_value; the format is delimited"#,
        #"c.yaml:12:49: "ta" is not among "fields""#,
        #"c.yaml:13:71: a required column with a default is never missing; take one of the two away"#,
        #"c.yaml:13:83: "m" is no other column of the table"#,
        #"c.yaml:13:97: "time_zone" is for timestamp and date columns; "n" is int64"#,
        #"c.yaml:14:74: "min_length" (5) is above "max_length" (4)"#,
        #"c.yaml:14:90: "time_format" is "soon"; expected rfc3339, apache, syslog, epoch_s, epoch_ms, epoch_us, "#
            + #"epoch_ns, or a pattern such as %Y-%m-%d %H:%M:%S"#,
        #"c.yaml:14:90: "time_format" is for timestamp and date columns; "s" is string"#,
        #"c.yaml:15:9: the format regex needs "patterns" in "parse""#,
        #"c.yaml:15:9: the format regex needs "columns""#,
        #"c.yaml:19:16: the format w3c needs "fields" in "parse""#,
        #"c.yaml:19:25: "header" is for delimited; the format is w3c"#,
        #"c.yaml:23:46: "assign" is the same byte as "delimiter""#,
        #"c.yaml:25:78: "_extra" stays empty where "unknown_fields" is reject"#,
    ])
}

@Test func anEmbeddedPipelineTakesOnlyTopicsThatASourceFills() {
    let faults = embeddedFaults("""
        agent: {state_dir: s}
        kafka: {brokers: x}
        sources: [{name: access, include: [/a]}]
        warehouse: {path: w}
        pipelines:
          - name: p
            topics: [acess]
            routes: [{table: a.b, format: combined}]
        """)
    #expect(faults == [
        #"m.yaml:2:1: unknown name "kafka" in the file; known are agent, sources, warehouse, commit, memory, "#
            + "pipelines, syncs, log",
        #"m.yaml:3:18: no pipeline or sync takes the topic "access" of source "access""#,
        #"m.yaml:7:13: no source fills the topic "acess""#,
    ])
}

@Test func aSourceThatNothingReadsIsAFaultAtItsPlace() {
    func faults(_ sync: String) -> [String] {
        embeddedFaults("""
            agent: {state_dir: s}
            sources:
              - {name: access, include: [/a]}
              - {name: changes, topic: shop, include: [/b]}
            warehouse: {path: w}
            \(sync)
            """)
    }
    #expect(faults("syncs: [{name: live, format: maxwell}]").isEmpty)
    #expect(faults("syncs: [{name: live, format: maxwell, sources: [changes]}]") == [
        #"m.yaml:3:12: no pipeline or sync takes the topic "access" of source "access""#
    ])
    #expect(faults("pipelines: [{name: p, topics: [access], routes: [{table: a.b, format: combined}]}]") == [
        #"m.yaml:4:28: no pipeline or sync takes the topic "shop" of source "changes""#
    ])
}

@Test func aFileThatCannotBeReadIsOneFault() {
    for path in ["/nonexistent/a.yaml", "/tmp"] {
        do throws(ConfigFaults) {
            _ = try AgentSettings.load(path: path)
            Issue.record("loaded \(path)")
        } catch {
            #expect(error.faults.count == 1)
            #expect(error.description.hasPrefix("\(path): cannot be read: "))
            #expect(error.failure.exitCode == ConfigFaults.exitCode)
        }
    }
}

private let minimal = """
    agent: {state_dir: s}
    kafka: {brokers: "k:9092"}
    sources: [{name: a, topic: t, include: [/a]}]
    """

@Test func variablesArePutIntoValues() throws {
    let text = """
        agent: {state_dir: "/s/${NAME}/$${NAME}/${no-name}/$NAME"}
        kafka:
          brokers: k
          properties:
            sasl.password: ${SECRET}
            ssl.ca.location: /ca
        sources: [{name: a, topic: t, include: [/a], pack: "${PACK}"}]
        """
    let values = ["NAME": "n", "SECRET": "a: b # ${NAME}", "PACK": "off"]
    let settings = try AgentSettings.load(bytes: Array(text.utf8), file: "a.yaml", environment: { values[$0] })
    #expect(settings.stateFolder == "/s/n/${NAME}/${no-name}/$NAME")
    #expect(settings.kafka.properties.map(\.value) == ["a: b # ${NAME}", "/ca"])
    #expect(settings.kafka.propertyPlaces == ["sasl.password": "a.yaml:5:5", "ssl.ca.location": "a.yaml:6:5"])
    #expect(settings.sources[0].packByteCount == 0)
    let missing = agentFaults(text)
    #expect(missing.contains(#"a.yaml:5:20: the environment variable "SECRET" is not set"#))
    #expect(!missing.joined().contains("a: b"))
}

@Test func theSmallestFileHasTheContractsDefaults() throws {
    let settings = try AgentSettings.load(bytes: Array(minimal.utf8), file: "a", environment: noEnvironment)
    var wanted = AgentSettings(
        name: settings.name, stateFolder: "s",
        sources: [FilesSourceSettings(name: "a", topic: "t", include: ["/a"])], kafka: KafkaSettings(brokers: "k:9092"))
    wanted.log = LogSettings()
    #expect(settings == wanted)
    #expect(!settings.name.isEmpty)
}

@Test(arguments: [
    ("500ms", 500), ("60s", 60_000), ("5m", 300_000), ("10 s", 10_000),
    ("0", nil), ("25", nil), ("1w", nil), ("-5s", nil), ("", nil), ("99999999999999999999s", nil), ("9999999999999h", nil),
    ("1.5s", nil), ("s", nil),
] as [(String, Int?)])
func durationsAreRead(_ text: String, _ milliseconds: Int?) {
    let bytes = Array(minimal.replacing("topic: t", with: "topic: t, last_line_timeout: \"\(text)\"").utf8)
    let settings = try? AgentSettings.load(bytes: bytes, file: "a", environment: noEnvironment)
    #expect(settings?.sources.first?.lastLineMilliseconds == milliseconds)
}

@Test(arguments: [
    ("1MiB", 1 << 20), ("2MB", 2_000_000), ("1GiB", 1 << 30), ("2048KiB", 2 << 20), ("1500KB", 1_500_000),
    ("3000000", 3_000_000), ("3000000B", 3_000_000), ("1GB", 1_000_000_000),
    ("1mib", nil), ("1M", nil), ("99999999TiB", nil), ("MiB", nil), ("-1MiB", nil), ("2GiB", nil), ("1 048 576", nil),
] as [(String, Int?)])
func sizesAreRead(_ text: String, _ byteCount: Int?) {
    let inner = "state_dir: s, max_in_flight_per_partition: 1MiB, max_in_flight: \"\(text)\""
    let bytes = Array(minimal.replacing("state_dir: s", with: inner).utf8)
    let settings = try? AgentSettings.load(bytes: bytes, file: "a", environment: noEnvironment)
    #expect(settings?.maximumInFlightByteCount == byteCount)
}

@Test(arguments: [
    ("off", 0), ("no", 0), ("64KiB", 64 << 10), ("1KiB", 1 << 10), ("0", nil), ("on", nil), ("17MiB", nil), ("5", nil),
] as [(String, Int?)])
func packsAreSizesOrOff(_ text: String, _ byteCount: Int?) {
    let bytes = Array(minimal.replacing("topic: t", with: "topic: t, pack: \(text)").utf8)
    let settings = try? AgentSettings.load(bytes: bytes, file: "a", environment: noEnvironment)
    #expect(settings?.sources.first?.packByteCount == byteCount)
}
