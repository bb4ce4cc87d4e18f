import Event
import JSON
import Platform
import Testing

@testable import Sinks

/// A record with every field.
private func fullRecord() -> CommitRecord {
    var pipeline = PipelineEffect(pipeline: "web")
    pipeline.advances = [
        Advance(
            topic: "logs", partition: 0, epoch: 0, from: 10, next: 12,
            marks: [OffsetMark(offset: 11, timestamp: 1_763_600_000_000, hash: 0xfedc_ba98_7654_3210)]),
        Advance(topic: "logs", partition: 1, epoch: 1, newEpoch: 2, from: 90, next: 40, reason: .epoch),
        Advance(topic: "logs", partition: 2, epoch: 0, from: 5, next: 50, reason: .gap),
    ]
    var stream = StreamEffect(
        stream: StreamID(high: 1, low: 2), agent: "shop-1", source: "access", topic: "logs", partition: 0, epoch: 0,
        lastOffset: 11)
    stream.added = [range(0, 4711), CoveredRange(Position(17, row: 2), Position(18))]
    stream.accepted = [range(5000, 5100)]
    stream.path = "/var/log/\"access\".log"
    stream.first = Position(0)
    stream.continues = StreamID(high: 3, low: 4)
    stream.reason = "rotated"
    stream.ended = true
    pipeline.streams = [stream]
    pipeline.balance.received = 5
    pipeline.balance.written = 4
    pipeline.balance.quarantined = 1
    pipeline.rejections = ["missing": 1]
    pipeline.tables = ["shop.access": RowCounts(written: 4, rejected: 1)]
    pipeline.watermarks = [
        Watermark(agent: "shop-1", source: "access", topic: "logs", partition: 0, time: 1_763_600_000_000)
    ]
    pipeline.forgotten = [StreamID(high: 5, low: 6)]
    var effects = CommitEffects()
    effects.pipelines = [pipeline]
    effects.fences = ["00000000000000aa"]
    effects.files = [
        FileEffect(
            staged: "_millrace/staging/00000000000000bb/part-00000000000000cc-0.jsonl",
            final: "shop/access/dt=2026-11-20/part-00000000000000cc-0.jsonl", role: .data, table: "shop.access",
            partition: "dt=2026-11-20", rows: 4, bytes: 1_234, checksum: "0123456789abcdef")
    ]
    return CommitRecord(
        number: 1, token: "00000000000000dd", writer: "00000000000000bb", time: 1_763_600_001_000, effects: effects)
}

/// The bytes of a golden file; `UPDATE_GOLDEN=1` writes them anew (the diff is reviewed).
private func golden(_ name: String, _ current: [UInt8]) throws -> [UInt8] {
    let path = DurableFile.parent(of: DurableFile.parent(of: #filePath)) + "/Golden/commit-log/" + name
    if Environment.value(of: "UPDATE_GOLDEN") == "1" {
        try DurableFile.replace(path, with: current, permissions: 0o644)
    }
    return try #require(try DurableFile.read(path, maximum: 1 << 20))
}

private func state() -> (LogMachine, Checkpoint) {
    var machine = LogMachine()
    machine.apply(fullRecord())
    return (machine, Checkpoint(state: machine.state, tokens: machine.tokens, unfinished: [1]))
}

@Test func aRecordOfVersion1IsWrittenAndReadAsEver() throws {
    let record = fullRecord()
    let expected = try golden("commit-v1.json", record.encoded())
    #expect(String(decoding: record.encoded(), as: UTF8.self) == String(decoding: expected, as: UTF8.self))
    #expect(try CommitRecord.decoded(expected, path: "x") == record)
}

@Test func aCheckpointOfVersion1IsWrittenAndReadAsEver() throws {
    let (machine, checkpoint) = state()
    let expected = try golden("checkpoint-v1.json", checkpoint.encoded())
    #expect(String(decoding: checkpoint.encoded(), as: UTF8.self) == String(decoding: expected, as: UTF8.self))
    let read = try Checkpoint.decoded(expected, path: "x")
    #expect(read == checkpoint)
    #expect(LogMachine(read, window: machine.window) == machine)
}

@Test func aRecordThatClosesEntriesIsWrittenAndReadAsEver() throws {
    var record = fullRecord()
    record.effects.pipelines[0].reclaimed = Reclaimed()
    record.effects.pipelines[0].reclaimed?.events = 3
    record.effects.pipelines[0].reclaimed?.rejections = ["missing": 2, "unrouted": 1]
    record.effects.pipelines[0].reclaimed?.tables = ["shop.access": 2]
    record.effects.quarantine = QuarantineEffect(
        after: 0,
        closed: [
            ClosedEntries(
                path: "_millrace/quarantine/shop.access/dt=2026-11-20/part-00000000000000ee-0.jsonl",
                lines: [range(1, 2), range(4, 9)], isWhole: false),
            ClosedEntries(
                path: "_millrace/quarantine/_unrouted/dt=2026-11-20/part-00000000000000ee-1.jsonl",
                lines: [range(1, 4)], isWhole: true),
        ])
    let expected = try golden("commit-v2.json", record.encoded())
    #expect(String(decoding: record.encoded(), as: UTF8.self) == String(decoding: expected, as: UTF8.self))
    #expect(try CommitRecord.decoded(expected, path: "x") == record)
    var machine = LogMachine()
    machine.apply(record)
    let checkpoint = Checkpoint(state: machine.state, tokens: machine.tokens, unfinished: [])
    let kept = try golden("checkpoint-v2.json", checkpoint.encoded())
    #expect(String(decoding: checkpoint.encoded(), as: UTF8.self) == String(decoding: kept, as: UTF8.self))
    #expect(try Checkpoint.decoded(kept, path: "x") == checkpoint)
    let name = "part-00000000000000ee-0.jsonl"
    #expect(machine.state.quarantine.closed.mapValues(\.ranges) == [name: [range(1, 2), range(4, 9)]])
}

@Test func everyAlteredByteOfARecordIsCorruptAndEveryTornOneToo() {
    let bytes = fullRecord().encoded()
    for index in stride(from: 0, to: bytes.count, by: 3) {
        var altered = bytes
        altered[index] ^= 1
        #expect(throws: Failure.self, "byte \(index)") { try CommitRecord.decoded(altered, path: "x") }
        #expect(throws: Failure.self, "cut at \(index)") {
            try CommitRecord.decoded(Array(bytes[..<index]), path: "x")
        }
    }
}

@Test(arguments: [
    ("closed", "db/t/part-1-0.jsonl"), ("closed", "_millrace/quarantine/../log/x"), ("closed", ""),
    ("staged", "db/t/part-1-0.jsonl"), ("staged", "_millrace/staging/../log/x"), ("final", "../x"),
    ("final", "/etc/passwd"), ("final", "_millrace/log/0000/00000002.json"), ("final", "db//x"), ("final", ""),
])
func aRecordThatWouldMoveFilesElsewhereIsRefused(_ field: String, _ path: String) {
    var record = fullRecord()
    switch field {
    case "staged": record.effects.files[0].staged = path
    case "final": record.effects.files[0].final = path
    default:
        let entries = ClosedEntries(path: path, lines: [range(1, 2)], isWhole: true)
        record.effects.quarantine = QuarantineEffect(after: 0, closed: [entries])
    }
    #expect(throws: Failure.self) { try CommitRecord.decoded(record.encoded(), path: "x") }
    var effects = CommitEffects(files: record.effects.files)
    effects.quarantine = record.effects.quarantine
    let moved = effects
    #expect(throws: Failure.self) {
        try LogMachine().conflict(of: moved, writer: "w", knownThrough: 0)
    }
}

extension CommitEffects {
    init(files: [FileEffect]) {
        self.init()
        self.files = files
    }
}

@Test func aNewerVersionAsksForTheNewerProgram() throws {
    let text = String(decoding: fullRecord().encoded(), as: UTF8.self).replacing(
        "\"version\":1,", with: "\"version\":3,")
    #expect(throws: Failure.self) { try CommitRecord.decoded(Array(text.utf8), path: "x") }
    do { _ = try CommitRecord.decoded(Array(text.utf8), path: "x") } catch {
        #expect(error.code == "sink.newer_log")
    }
}

@Test func namesInTheLogHaveTheirNumbers() {
    #expect(WarehousePath.record(42) == "_millrace/log/0000/00000042.json")
    #expect(WarehousePath.record(10_000) == "_millrace/log/0001/00010000.json")
    #expect(WarehousePath.checkpoint(40) == "_millrace/checkpoint/00000040.json")
    #expect(WarehousePath.number(in: "00000042.json") == 42)
    for name in ["42.json", "00000042.json.tmp", "0000004x.json", ".json", "00000042"] {
        #expect(WarehousePath.number(in: name) == nil)
    }
}
