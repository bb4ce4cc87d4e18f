@testable import Agent
import Configuration
import Event
import JSON
import Platform
import Telemetry
import Testing
import Transport

/// One agent in a folder of its own, with fakes around it.
private final class Bench {
    let path = "/tmp/millrace-runtime-\(Token.make())"
    let broker = FakeBroker()
    var sources: [FakeSource] = []
    var lines: UInt64 = 100
    var control = AgentControl()

    deinit {
        for name in (try? Syscalls.list(path)) ?? [] { try? Syscalls.unlink(path + "/" + name) }
        try? Syscalls.removeDirectory(path)
    }

    var settings: AgentSettings {
        var settings = AgentSettings(
            name: "shop-7", stateFolder: path,
            sources: [FilesSourceSettings(name: "access", topic: "data", include: ["/log/*"])],
            kafka: KafkaSettings(brokers: "none"))
        settings.shutdownMilliseconds = 300
        return settings
    }

    func runtime(isOnce: Bool = true, path other: String? = nil) -> AgentRuntime {
        control = AgentControl()
        var settings = settings
        if let other { settings.stateFolder = other }
        return AgentRuntime(
            settings: settings,
            connections: AgentConnections(
                makeProducer: { [broker] () throws(Failure) in FakeProducer(broker) },
                makeMirror: { [broker] () throws(Failure) in FakeMirror(broker) },
                makeSource: { [self] settings, resume, records in
                    let source = FakeSource(name: settings.name, lines: lines, resume: resume, restored: records)
                    sources.append(source)
                    return source
                }),
            log: .silent, notifier: ServiceNotifier(environment: { _ in nil }), control: control, isOnce: isOnce)
    }

    func state() throws -> AgentState {
        guard case .state(let state, isOriginal: true) = try StateFolder(path: path).load(now: 0) else {
            throw Failure("test", stage: .control, kind: .usage, "no state")
        }
        return state
    }

    func incarnationCount() -> Int {
        broker.mirror.withLock { records in
            Set(records.map { String(decoding: $0.key, as: UTF8.self) }.filter { $0.hasPrefix("shop-7/incarnation/") }).count
        }
    }
}

@Test func onceShipsEverythingAndEndsClean() throws {
    let bench = Bench()
    try bench.runtime().run()
    let source = try #require(bench.sources.first)
    #expect(!source.shippedBeforeDurable)
    for stream in source.streams {
        #expect(source.acknowledgedTo[stream] == source.size)
        #expect(bench.broker.covered(stream).ranges == [CoveredRange(bytes: 0..<source.size)])
    }
    let state = try bench.state()
    #expect(state.incarnation.isClean)
    #expect(state.incarnation.pending == nil)
    #expect(state.sources.first?.streams.count == 4)
    let status = try #require(try DurableFile.read(bench.path + "/status.json", maximum: 1 << 20))
    let document = try #require(JSONValue(parsing: status))
    #expect(document["agent"]?.string == "shop-7")
    #expect(document["bytesBehind"] == 0)
    #expect(document["files"]?.array?.count == 4)
    let heartbeat = try #require(bench.broker.records["millrace-heartbeats"]?.first)
    #expect(heartbeat.key == Array("shop-7".utf8))
    #expect(JSONValue(parsing: heartbeat.value)?["incarnation"]?.string == state.incarnation.acknowledged?.incarnation)
}

@Test func aRestartKeepsIDsAndGoesOnFromThePositions() throws {
    let bench = Bench()
    try bench.runtime().run()
    bench.lines = 150
    try bench.runtime().run()
    #expect(bench.sources[1].resume == .sameIDs)
    #expect(bench.sources[1].restored.count == 4)
    #expect(bench.broker.records["data"]?.count == 600)
    #expect(bench.incarnationCount() == 2)
}

@Test func aCopiedStateTakesNewIDsAndTheOriginalSeesIt() throws {
    let bench = Bench()
    try bench.runtime().run()
    let other = bench.path + "-copy"
    try DurableFile.makeFolders(other)
    defer {
        for name in (try? Syscalls.list(other)) ?? [] { try? Syscalls.unlink(other + "/" + name) }
        try? Syscalls.removeDirectory(other)
    }
    let bytes = try #require(try DurableFile.read(bench.path + "/state.json", maximum: 1 << 20))
    try DurableFile.replace(other + "/state.json", with: bytes)
    try bench.runtime(path: other).run()
    guard case .newIDs = bench.sources[1].resume else {
        Issue.record("a copy kept its ids")
        return
    }
    try bench.runtime().run()
    guard case .newIDs(let reason, _) = bench.sources[2].resume else {
        Issue.record("the original did not see the copy")
        return
    }
    #expect(reason.contains("another agent ran under this name"))
}

@Test func stateThatIsGoneComesBackFromTheMirror() throws {
    let bench = Bench()
    try bench.runtime().run()
    try Syscalls.unlink(bench.path + "/state.json")
    try bench.runtime().run()
    #expect(bench.sources[1].restored.count == 4)
    #expect(bench.sources[1].resume != .sameIDs)
    #expect(bench.broker.records["data"]?.count == 400)
}

@Test func aDamagedStateIsSetAsideAndReported() throws {
    let bench = Bench()
    try bench.runtime().run()
    try DurableFile.replace(bench.path + "/state.json", with: Array("{}".utf8))
    let runtime = bench.runtime()
    try runtime.run()
    #expect(runtime.report.faults.values.contains { $0.failure.code == "agent.state_damaged" })
    #expect(try Syscalls.list(bench.path).contains { $0.hasPrefix("state.json.damaged-") })
    #expect(bench.sources[1].restored.count == 4)
}

@Test func aLostAnswerOfTheMirrorIsNoForeignWriter() throws {
    let bench = Bench()
    try bench.runtime().run()
    bench.broker.lostAnswers = 1
    try bench.runtime().run()
    #expect(bench.sources[1].resume == .sameIDs)
    #expect(bench.incarnationCount() == 2)
}

/// Waits for what another thread does, a minute at most.
private func waitUntil(_ condition: () -> Bool) {
    let deadline = SystemClock().monotonicNanoseconds() + 60_000_000_000
    while !condition(), SystemClock().monotonicNanoseconds() < deadline { Sleep.milliseconds(10) }
}

@Test func aForeignIncarnationMakesALiveAgentTakeNewIDsOnce() throws {
    let bench = Bench()
    let runtime = bench.runtime(isOnce: false)
    let control = bench.control
    let broker = bench.broker
    let path = bench.path
    let watcher = WorkerThread(name: "foreign") {
        let value = MirrorNote.incarnationValue(
            id: "stranger", follows: nil, boot: "b", nonce: "n", agent: "shop-7", time: 0)
        waitUntil { broker.mirror.withLock { !$0.isEmpty } }
        Sleep.milliseconds(300)
        broker.mirror.withLock { records in
            for _ in 0..<2 {
                records.append(MirrorRecord(
                    offset: (records.last?.offset ?? -1) + 1, key: MirrorNote.incarnationKey("shop-7", "stranger"),
                    value: value))
            }
        }
        // Settled, as its checkpoint says; then time to do it twice.
        waitUntil {
            let state = (try? DurableFile.read(path + "/state.json", maximum: AgentState.maximumByteCount)) ?? []
            return String(decoding: state, as: UTF8.self).contains("stranger")
        }
        Sleep.milliseconds(AgentRuntime.watchMilliseconds)
        control.requestStop()
    }
    try runtime.run()
    watcher.join()
    #expect(bench.sources[0].newIDs.count == 1)
    #expect(try bench.state().incarnation.settled == ["stranger"])
    try bench.runtime().run()
    #expect(bench.sources[1].resume == .sameIDs)
}

@Test func aSecondAgentOnTheFolderDoesNotStart() throws {
    let bench = Bench()
    let holder = try StateFolder(path: bench.path)
    #expect(throws: Failure.self) { try bench.runtime().run() }
    withExtendedLifetime(holder) {}
}

@Test func aMissingTopicAtTheStartIsAClearError() throws {
    let bench = Bench()
    bench.broker.partitions["data"] = nil
    do {
        try bench.runtime().run()
        Issue.record("it started")
    } catch {
        #expect(error.code == "transport.unknown_topic")
    }
}

@Test func stoppingWithoutAnswersEndsInTimeAndNotClean() throws {
    let bench = Bench()
    bench.broker.leaderless = [0, 1, 2]
    let runtime = bench.runtime(isOnce: false)
    let control = bench.control
    let stopper = WorkerThread(name: "stop") {
        Sleep.milliseconds(500)
        control.requestStop()
    }
    let begin = SystemClock().monotonicNanoseconds()
    try runtime.run()
    stopper.join()
    #expect(SystemClock().monotonicNanoseconds() - begin < 30_000_000_000)
    #expect(try !bench.state().incarnation.isClean)
    bench.broker.leaderless = []
    try bench.runtime().run()
    #expect(bench.sources[1].resume == .sameIDs)
    for stream in bench.sources[1].streams {
        #expect(bench.broker.covered(stream).ranges == [CoveredRange(bytes: 0..<bench.sources[1].size)])
    }
}
