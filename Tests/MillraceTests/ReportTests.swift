import Event
import JSON
import Sinks
import Testing

@testable import millrace

private let one = StreamID(high: 0x5f0c_0000_1111_2222, low: 0x3333_4444_5555_6667)
private let other = StreamID(high: 0x6f0c_0000_1111_2222, low: 0x3333_4444_5555_6667)

/// A log with a hole in the middle of one stream, another stream that goes on behind it, a gap, a balance.
private func log() -> LogState {
    var state = LogState()
    state.number = 42
    state.time = 1_000_000
    var pipeline = PipelineState()
    var partition = PartitionState(next: 1_234)
    partition.gaps = [OffsetGap(epoch: 0, from: 10, next: 20, reason: "gap", time: 900_000)]
    pipeline.partitions[PartitionKey(topic: "web", partition: 0)] = partition
    pipeline.partitions[PartitionKey(topic: "web", partition: 1)] = PartitionState(next: 7)
    var first = StreamState(agent: "shop-7", source: "access", topic: "web", partition: 0, epoch: 0, lastOffset: 9)
    first.path = "/var/log/access.log"
    first.first = .zero
    first.covered = IntervalSet([CoveredRange(bytes: 0..<4_096), CoveredRange(bytes: 8_192..<10_000)])
    var second = StreamState(agent: "shop-7", source: "access", topic: "web", partition: 1, epoch: 0, lastOffset: 9)
    second.path = "/var/log/access.log"
    second.first = Position(10_100)
    second.continues = one
    second.covered = IntervalSet([CoveredRange(bytes: 10_100..<20_000)])
    pipeline.streams = [one: first, other: second]
    pipeline.balance.received = 102
    pipeline.balance.written = 95
    pipeline.balance.quarantined = 5
    pipeline.balance.duplicate = 2
    pipeline.rejections = ["malformed": 3, "no_time": 2]
    pipeline.tables = ["web.access": RowCounts(written: 95, rejected: 5)]
    state.pipelines["main"] = pipeline
    return state
}

@Test func anAuditNamesEveryHoleToTheByte() {
    let report = AuditReport(log(), now: 1_060_000)
    #expect(!report.isSound)
    #expect(
        report.pipelines[0].holes == [
            AuditReport.Hole(stream: one, range: CoveredRange(bytes: 4_096..<8_192)),
            AuditReport.Hole(stream: one, range: CoveredRange(bytes: 10_000..<10_100), isBetweenStreams: true),
        ])
    #expect(
        report.text(isVerbose: false) == """
            commit 42, 1 min 0 s ago

            pipeline main

            received  written  partly  quarantined  duplicate  filtered  balance
                 102       95       0            5          2         0  holds

            table       rows written  rows rejected
            web.access            95              5

            rejected because  rows
            malformed            3
            no_time              2

            stream                            agent   source  path                 partition  from     to  holes  missing  state
            5f0c0000111122223333444455556667  shop-7  access  /var/log/access.log  web[0]        0  10000      2  4.1 KiB  open

            2 streams, 2 holes
            hole: stream 5f0c0000111122223333444455556667 [4096, 8192): 4096 bytes
            hole: stream 5f0c0000111122223333444455556667 [10000, 10100): 100 bytes, behind its end and before the stream that continues it
            gap: web[0] epoch 0, offsets 10 to 20: gap

            NOT SOUND: see above

            """)
}

@Test func anAuditAsJSONHasTheSameNumbers() {
    let json = AuditReport(log(), now: 1_060_000).json
    #expect(json["version"]?.integer == 1)
    #expect(json["is_sound"]?.boolean == false)
    let pipeline = json["pipelines"]?.array?.first
    #expect(pipeline?["hole_count"]?.integer == 2 && pipeline?["hole_bytes"]?.integer == 4_196)
    #expect(pipeline?["balance"]?["holds"]?.boolean == true)
    #expect(pipeline?["streams"]?.array?.first?["holes"]?.array?.first?["from"]?.string == "4096")
    #expect(pipeline?["partitions"]?.array?.first?["gaps"]?.array?.first?["next"]?.integer == 20)
}

@Test func withoutHolesAnAuditIsSound() {
    var state = log()
    for stream in [one, other] {
        state.pipelines["main"]?.streams[stream]?.covered.insert(CoveredRange(bytes: 0..<20_000))
    }
    #expect(AuditReport(state, now: 0).isSound)
    state.pipelines["main"]?.balance.written = 94
    #expect(!AuditReport(state, now: 0).isSound)
    #expect(AuditReport(LogState(), now: 0).text(isVerbose: true) == "nothing has been committed yet\n")
}

@Test func onlyAHoleCanBeAccepted() throws {
    let hole = CoveredRange(bytes: 4_096..<8_192)
    let effects = try Acceptance(pipeline: "main", stream: one, range: hole).effects(in: log())
    #expect(effects.pipelines.first?.streams.first?.accepted == [hole])
    #expect(effects.pipelines.first?.advances.isEmpty == true)
    for wrong in [
        Acceptance(pipeline: "none", stream: one, range: hole), Acceptance(pipeline: "main", stream: .none, range: hole),
        Acceptance(pipeline: "main", stream: one, range: CoveredRange(bytes: 4_095..<8_192)),
    ] {
        #expect(throws: Failure.self) { _ = try wrong.effects(in: log()) }
    }
}

private let status: JSONValue = [
    "agent": "shop-7", "time": 1_055_000, "program": "0.1.0",
    "files": [
        [
            "source": "access", "path": "/var/log/access.log", "stream": .string(one.description), "topic": "web",
            "partition": 0, "bytes": 20_480, "read": 16_384, "acknowledged": 12_000, "oldestUnshipped": 1_000_000,
            "state": "active",
        ]
    ],
]

@Test func aLagReportPutsAgentsLogAndBrokersTogether() {
    var report = LagReport(log(), now: 1_060_000)
    report.add(status: status, time: nil, log: log())
    report.partitions = [
        LagReport.Partition(
            pipeline: "main", topic: "web", partition: 0, epoch: 0, next: 1_234, end: 1_334, behind: 100,
            behindMilliseconds: 30_000),
        LagReport.Partition(
            pipeline: "main", topic: "web", partition: 1, epoch: 0, next: 7, end: 7, behind: 0, behindMilliseconds: 0),
    ]
    #expect(report.files.first?.unread == 8_480)
    #expect(report.files.first?.shippedNotCommitted == 2_000)
    #expect(
        report.text == """
            last commit: 42, 1 min 0 s ago

            agent   source  path                  unread     oldest  shipped, not committed  state
            shop-7  access  /var/log/access.log  8.3 KiB  1 min 0 s                 2.0 KiB  active

            pipeline  partition  committed to   end  records behind  time behind
            main      web[0]             1234  1334             100         30 s
            main      web[1]                7     7               0          0 s

            """)
    #expect(report.json["files"]?.array?.first?["unread"]?.integer == 8_480)
    #expect(report.json["partitions"]?.array?.first?["behind_ms"]?.integer == 30_000)
}

@Test(arguments: [(Int64(70_000), Int64(90_000), Int32(0)), (60_000, 90_000, 1), (10_000, 60_000, 2), (10_000, 60_001, 1)])
func monitoringCodesFollowTheOldestByte(warning: Int64, critical: Int64, code: Int32) {
    var report = LagReport(log(), now: 1_060_000)
    report.add(status: status, time: nil, log: log())
    #expect(report.checkCode(warning: warning, critical: critical) == code)
}

@Test func whatCannotBeAskedIsCritical() {
    var report = LagReport(log(), now: 1_060_000)
    #expect(report.checkCode(warning: 1, critical: 2) == 0)
    report.faults = [Failure("transport.broker_down", stage: .transport, kind: .transient, "cannot ask")]
    #expect(report.checkCode(warning: 1, critical: 2) == 2)
    #expect(
        report.checkLine(code: 2)
            == "CRITICAL: oldest unshipped -, 0 records behind, -, last commit 1 min 0 s ago; cannot ask\n")
}

@Test(arguments: [
    (UInt64(0), "0 B"), (1_023, "1023 B"), (1_024, "1.0 KiB"), (1_048_575, "1.0 MiB"), (1_572_864, "1.5 MiB"),
    (UInt64.max, "16.0 EiB"),
])
func bytesReadWell(count: UInt64, text: String) { #expect(Amounts.bytes(count) == text) }

@Test(arguments: [
    (Int64(-5), "0 s"), (59_999, "59 s"), (60_000, "1 min 0 s"), (3_600_000, "1 h 0 min"), (90_000_000, "1 d 1 h"),
])
func agesReadWell(milliseconds: Int64, text: String) { #expect(Amounts.age(milliseconds: milliseconds) == text) }

@Test func columnsOfATableStandBelowEachOther() {
    var table = TextTable([.left("name"), .right("count")])
    #expect(table.text == "")
    table.add("a", "1")
    table.add("longer", "12345")
    #expect(table.text == "name    count\na           1\nlonger  12345\n")
}
