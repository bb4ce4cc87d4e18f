@testable import Collector
import Columns
import Configuration
import Event
import JSON
import Platform
import Sinks
import Telemetry
import Testing
import Transport

/// A warehouse in a temporary folder, a broker, and collectors over them.
final class Bench: @unchecked Sendable {
    let root: String
    let broker: FakeBroker
    var pipelines: [PipelineSpec]
    var syncs: [SyncSpec] = []
    var commitMilliseconds = 30
    var commitByteCount = 256 << 20
    var workerCount = 2
    var maximumHeldMilliseconds: Int64?
    let lines = Monitor<[String]>([])

    init(_ topics: [String: Int32] = ["logs": 2], pipelines: [PipelineSpec]? = nil) {
        root = "/tmp/millrace-collector-" + Token.make()
        broker = FakeBroker(topics)
        self.pipelines = pipelines ?? [Bench.pipeline("main", Array(topics.keys).sorted())]
        try? DurableFile.makeFolders(root)
    }

    deinit { Bench.remove(root) }

    static func pipeline(_ name: String, _ topics: [String], table: String = "web.hits") -> PipelineSpec {
        PipelineSpec(name: name, topics: topics, routes: [RouteSpec(table: table, format: .combined)])
    }

    private static func remove(_ path: String) {
        for name in (try? Syscalls.list(path)) ?? [] {
            let child = path + "/" + name
            if (try? Syscalls.status(child, followLinks: false))?.isDirectory == true { remove(child) } else { try? Syscalls.unlink(child) }
        }
        try? Syscalls.removeDirectory(path)
    }

    func settings() -> CollectorSettings {
        var settings = CollectorSettings(
            kafka: KafkaSettings(brokers: ""), warehouse: WarehouseSettings(path: root), pipelines: pipelines)
        settings.syncs = syncs
        settings.commitMilliseconds = commitMilliseconds
        settings.commitByteCount = commitByteCount
        settings.shutdownMilliseconds = 2_000
        return settings
    }

    func storage() throws -> LocalStorage { try LocalStorage(root: root) }

    func runtime(
        _ consumer: any Consumer, caughtUp: Bool = true, storage: (any Storage)? = nil,
        ready: @escaping @Sendable () -> Void = {}
    ) throws -> CollectorRuntime {
        var options = CollectorRuntime.Options()
        options.endsWhenCaughtUp = caughtUp
        options.workerCount = workerCount
        options.maximumHeldMilliseconds = maximumHeldMilliseconds
        options.maximumBackoffMilliseconds = 50
        options.ready = ready
        let lines = lines
        let voice = Log(level: .info, form: .text, output: { line in
            lines.signal { $0.append(String(decoding: line, as: UTF8.self)) }
        })
        return try CollectorRuntime(
            settings: settings(), consumer: consumer, storage: try storage ?? self.storage(), voice: voice,
            options: options)
    }

    /// Collects until all is read; fails the test after 120 s.
    @discardableResult
    func collect(_ consumer: FakeConsumer? = nil, storage: (any Storage)? = nil) throws -> CollectorSummary {
        let deadline = SystemClock().monotonicNanoseconds() + 120_000_000_000
        let summary = try runtime(consumer ?? FakeConsumer(broker), storage: storage).run {
            SystemClock().monotonicNanoseconds() > deadline
        }
        #expect(SystemClock().monotonicNanoseconds() < deadline, "not caught up: \(log)")
        return summary
    }

    var log: String { lines.withLock { $0.joined() } }

    // MARK: What the warehouse holds

    func state() throws -> LogState {
        let log = CommitLog(storage: try storage())
        try log.load()
        return log.state
    }

    func balance(_ pipeline: String = "main") throws -> Balance {
        let balance = try state().pipelines[pipeline]?.balance ?? Balance()
        #expect(balance.holds, "\(balance)")
        return balance
    }

    /// `uri` of every visible row of a table, sorted.
    func uris(_ table: String = "web/hits") throws -> [String] {
        try rows(table).compactMap { JSONValue(parsing: $0)?["uri"]?.string }.sorted()
    }

    func rows(_ folder: String) throws -> [String] {
        var lines: [String] = []
        let base = root + "/" + folder
        for name in (try? Syscalls.list(base)) ?? [] {
            let child = folder + "/" + name
            if try Syscalls.status(root + "/" + child).isDirectory {
                lines += try rows(child)
            } else {
                let bytes = try DurableFile.read(root + "/" + child, maximum: 1 << 28) ?? []
                lines += bytes.split(separator: 10).map { String(decoding: $0, as: UTF8.self) }
            }
        }
        return lines
    }

    /// Quarantined entries as (reason, text), sorted.
    func quarantine() throws -> [String] {
        try rows("_millrace/quarantine").compactMap { line in
            guard let value = JSONValue(parsing: line) else { return nil }
            return (value["reason"]?.string ?? "?") + " " + (value["text"]?.string ?? "")
        }.sorted()
    }
}

/// Writes a file of log lines as packs of any size into partitions.
struct Writer {
    let stream: StreamID
    var agent = "shop"
    var source = "access"
    var bytes: [UInt8] = []

    init(_ number: UInt64) { stream = StreamID(high: number, low: 1) }

    static func line(_ name: String) -> String {
        "1.2.3.4 - - [17/May/2015:10:05:03 +0000] \"GET /\(name) HTTP/1.1\" 200 12 \"-\" \"x\""
    }

    mutating func add(_ line: String) { bytes += Array((line + "\n").utf8) }

    /// Ends of lines, 0 first.
    var cuts: [Int] { [0] + bytes.indices.filter { bytes[$0] == 10 }.map { $0 + 1 } }

    func key(_ from: Int, _ to: Int, prev: Int? = nil) -> PackKey {
        PackKey(
            kind: .data, framing: .lines, agent: agent, source: source, stream: stream,
            prev: prev.map { Position(UInt64($0)) }, from: Position(UInt64(from)), to: Position(UInt64(to)))
    }

    /// One pack of the bytes between two cuts.
    func send(_ from: Int, _ to: Int, to broker: FakeBroker, _ place: TopicPartition) {
        broker.append(place, key: Array(key(from, to).text.utf8), value: Array(bytes[from..<(to - 1)]))
    }

    func control(_ kind: PackKey.Kind, at position: Int, prev: Int? = nil) -> PackKey {
        PackKey(
            kind: kind, framing: .none, agent: agent, source: source, stream: stream,
            prev: prev.map { Position(UInt64($0)) }, from: Position(UInt64(position)), to: Position(UInt64(position)))
    }
}

func place(_ topic: String, _ partition: Int32) -> TopicPartition { TopicPartition(topic: topic, partition: partition) }
