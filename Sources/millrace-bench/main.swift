// Measures parse and format on one core: `millrace-bench parse combined FILE [rounds]`.
// With `-` for rounds the JSON lines go to stdout once, for other readers to check.
internal import Columns
internal import Configuration
internal import Event
internal import Pipeline
internal import Platform
internal import Sinks

/// The most of a file that is read: 1 GiB.
let maximumByteCount = 1 << 30
/// Bytes of a batch: a few packs, as a lane takes them.
let batchByteCount = 1 << 20

func makeBatches(_ bytes: [UInt8]) -> [EventBatchBox] {
    var boxes: [EventBatchBox] = []
    let context = PackContext(key: nil, topic: "bench", partition: 0, offset: 0, timestamp: -1)
    var from = 0
    while from < bytes.count {
        var to = min(bytes.count, from + batchByteCount)
        while to < bytes.count, bytes[to - 1] != 10 { to += 1 }
        let box = EventBatchBox()
        let (pack, start) = unsafe bytes.withUnsafeBytes { buffer in
            unsafe box.batch.appendPack(context, value: UnsafeRawBufferPointer(rebasing: buffer[from..<to]))
        }
        var line = from
        while line < to {
            let end = bytes[line..<to].firstIndex(of: 10) ?? to
            box.batch.appendEvent(
                EventReference(
                    start: start + line - from, byteCount: end - line, from: Position(UInt64(line)),
                    to: Position(UInt64(end + 1)), pack: pack))
            line = end + 1
        }
        boxes.append(box)
        from = to
    }
    return boxes
}

final class EventBatchBox {
    var batch = EventBatch(byteCapacity: batchByteCount)
}

func rate(_ name: String, _ count: Int, _ byteCount: Int, _ body: () -> Void) {
    let clock = SystemClock()
    let start = clock.monotonicNanoseconds()
    body()
    let nanoseconds = max(1, clock.monotonicNanoseconds() - start)
    let perSecond = Int64(count) * 1_000_000_000 / nanoseconds
    let megabytes = Int64(byteCount) * 1_000 / nanoseconds
    _ = StandardStreams.writeOutput(Array("\(name): \(perSecond) lines/s, \(megabytes) MB/s\n".utf8))
}

/// The standard table of a format, or a route of a configuration: `collector.yaml#shop.access`.
func benchRoute(_ text: String) throws -> RouteSpec? {
    if let format = RecordFormat(rawValue: text) { return RouteSpec(table: "bench.rows", format: format) }
    let parts = text.split(separator: "#").map(String.init)
    guard parts.count == 2 else { return nil }
    let settings = try CollectorSettings.load(path: parts[0])
    return settings.pipelines.flatMap(\.routes).first { $0.table == parts[1] }
}

func run() throws -> Int32 {
    let words = CommandLine.arguments
    if words.count > 1, words[1] == "parquet-random" { return try writeRandomTables(words) }
    if words.count > 1, words[1] == "parquet-roundtrip" { return try roundTrip(words) }
    if words.count > 1, words[1] == "parquet-large" { return try writeLarge(words) }
    if words.count > 1, words[1] == "parquet" { return try writeAccessLog(words) }
    guard words.count >= 4, words[1] == "parse", let route = try benchRoute(words[2]),
        let bytes = try DurableFile.read(words[3], maximum: maximumByteCount)
    else { return 64 }
    let plan = try RoutePlan(route)
    let stage = try RouteStage(plan)
    let formatter = JSONLinesFormatter()
    let boxes = makeBatches(bytes)
    let events = boxes.map { Array(0..<Int32($0.batch.events.count)) }
    let total = events.reduce(0) { $0 + $1.count }
    if words.count > 4, words[4] == "-" {
        for (box, list) in zip(boxes, events) {
            stage.process(box.batch, events: list)
            formatter.format(stage.rows)
            formatter.forEachGroup { _, bytes, _ in _ = StandardStreams.writeOutput(bytes.array) }
        }
        return 0
    }
    let rounds = words.count > 4 ? Int(words[4]) ?? 10 : 10
    var rejected = 0
    for isFormatting in [false, true] {
        rejected = 0
        rate(isFormatting ? "parse+format" : "parse", total * rounds, bytes.count * rounds) {
            for _ in 0..<rounds {
                for index in boxes.indices {
                    stage.process(boxes[index].batch, events: events[index])
                    rejected += stage.rejections.count
                    if isFormatting { formatter.format(stage.rows) }
                }
            }
        }
    }
    _ = StandardStreams.writeOutput(Array("lines: \(total), rejected: \(rejected / max(1, rounds))\n".utf8))
    return 0
}

let code = try run()
if code != 0 {
    _ = StandardStreams.writeOutput(Array("""
        usage: millrace-bench parse combined|maxwell|syslog|raw|CONFIG#TABLE FILE [ROUNDS | -]
               millrace-bench parquet combined|maxwell FILE OUT [ROUNDS [CODEC [LEVEL [delta|plain]]]]
               millrace-bench parquet-random FOLDER FIRST COUNT [plain]
               millrace-bench parquet-roundtrip FIRST COUNT
               millrace-bench parquet-large OUT COLUMNS ROWS BYTES

        """.utf8))
}
