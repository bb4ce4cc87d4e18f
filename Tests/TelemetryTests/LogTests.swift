import Event
import Platform
import Synchronization
import Telemetry
import Testing

final class FixedClock: Clock {
    private let time = Mutex<Int64>(1_763_642_096_789)

    func wallMilliseconds() -> Int64 { time.withLock { $0 } }
    func monotonicNanoseconds() -> Int64 { time.withLock { $0 } * 1_000_000 }
    func advance(milliseconds: Int64) { time.withLock { $0 += milliseconds } }
}

final class Lines: Sendable {
    private let stored = Mutex<[String]>([])
    func add(_ bytes: [UInt8]) { stored.withLock { $0.append(String(decoding: bytes, as: UTF8.self)) } }
    var all: [String] { stored.withLock { $0 } }
}

@Test(arguments: [
    (0, "1970-01-01T00:00:00.000Z"),
    (-1, "1969-12-31T23:59:59.999Z"),
    (951_782_400_000, "2000-02-29T00:00:00.000Z"),
    (1_763_642_096_789, "2025-11-20T12:34:56.789Z"),
    (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    (Int64.max, "9999-12-31T23:59:59.999Z"),
    (Int64.min, "0000-01-01T00:00:00.000Z"),
] as [(Int64, String)])
func timesAreRFC3339(_ milliseconds: Int64, _ text: String) {
    #expect(Timestamp.rfc3339(milliseconds) == text)
}

@Test func aJSONLineHoldsTimeLevelEventMessageAndFieldsInOrder() {
    let lines = Lines()
    let log = Log(clock: FixedClock(), output: lines.add)
    log.info("agent.started", "agent \"shop-7\" started\nall is well", [
        "sources": 3, "share": 0.5, "first": true, "name": "caf\u{E9} \u{1}\u{2028}", "bad": .double(.nan),
    ])
    #expect(lines.all == [
        #"{"time":"2025-11-20T12:34:56.789Z","level":"info","event":"agent.started","#
            + #""message":"agent \"shop-7\" started\nall is well","sources":3,"share":0.5,"first":true,"#
            + #""name":"café \u0001\u2028","bad":null}"# + "\n"
    ])
}

@Test func aTextLineIsOneLineWhateverItHolds() {
    let lines = Lines()
    let log = Log(form: .text, clock: FixedClock(), output: lines.add)
    log.warning("source.file_gone", "gone:\nforged", ["path": "/var/log/a b.log", "bytes": 12, "id": "x-1"])
    #expect(lines.all == [
        #"2025-11-20T12:34:56.789Z warning source.file_gone: gone:\nforged path="/var/log/a b.log" bytes=12 id=x-1"#
            + "\n"
    ])
}

@Test func linesBelowTheLevelAreNotMade() {
    let lines = Lines()
    let log = Log(level: .notice, clock: FixedClock(), output: lines.add)
    func costly() -> String {
        Issue.record("the message was made")
        return ""
    }
    log.info("x.y", costly())
    log.debug("x.y", costly())
    #expect(lines.all.isEmpty)
    log.notice("x.y", "said")
    #expect(lines.all.count == 1)
    #expect(log.isOn(.error) && !log.isOn(.info))
}

@Test func overlongLinesAreCutAndSaySo() {
    let lines = Lines()
    let log = Log(clock: FixedClock(), output: lines.add)
    var fields = LogFields()
    for index in 0..<50 { fields.append("field_\(index)", .string(String(repeating: "é", count: 1_000))) }
    log.error("x.y", String(repeating: "\u{1}", count: 5_000), fields)
    let line = lines.all[0]
    #expect(line.utf8.count <= 4_096)
    #expect(line.hasSuffix(#","cut":true}"# + "\n"))
}

@Test func aLimitedKeySpeaksOncePerPauseAndCountsTheRest() {
    let lines = Lines()
    let clock = FixedClock()
    let log = Log(form: .text, clock: clock, output: lines.add)
    for _ in 0..<5 { log.limited("broker")?.warning("transport.broker_down", "no broker") }
    log.limited("other")?.warning("transport.broker_down", "no broker")
    #expect(lines.all.count == 2)
    clock.advance(milliseconds: 9_999)
    #expect(log.limited("broker") == nil)
    clock.advance(milliseconds: 1)
    log.limited("broker")?.warning("transport.broker_down", "no broker")
    #expect(lines.all.last?.hasSuffix("no broker suppressed=5\n") == true)
    log.reset("broker")
    log.limited("broker")?.warning("transport.broker_down", "no broker")
    #expect(lines.all.last?.hasSuffix("no broker\n") == true)
}

@Test func manyKeysAreForgottenNotKept() {
    let clock = FixedClock()
    let log = Log(clock: clock, output: { _ in })
    for index in 0..<5_000 {
        clock.advance(milliseconds: 1)
        _ = log.limited("key \(index)")
    }
    #expect(log.limited("key 4999") == nil)
    #expect(log.limited("key 0") != nil)
}

@Test func aFailureBecomesItsFields() {
    let lines = Lines()
    let log = Log(form: .text, clock: FixedClock(), output: lines.add)
    let full = Failure(
        "sink.no_space", stage: .sink, kind: .transient, "the disk is full", hint: "free some", cause: "ENOSPC")
    log.failure(full, ["path": "/data"])
    log.failure(Failure("state.bad", stage: .control, kind: .corrupt, "the state is damaged"))
    #expect(lines.all[0].hasSuffix(
        "warning sink.no_space: the disk is full stage=sink kind=transient path=/data cause=ENOSPC hint=\"free some\"\n"))
    #expect(lines.all[1].hasSuffix("error state.bad: the state is damaged stage=control kind=corrupt\n"))
}
