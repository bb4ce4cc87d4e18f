// Measures parse and format on one core: `millrace-bench parse combined FILE [rounds]`.
// With `-` for rounds the JSON lines go to stdout once, for other readers to check.
internal import Columns
internal import Configuration
internal import Event
internal import Pipeline
internal import Platform
internal import Sinks

/// Bytes of a batch: a few packs, as a lane takes them.
let batchByteCount = 1 << 20

/// The standard table of a format, or a route of a configuration: `collector.yaml#shop.access`.
func benchRoute(_ text: String) throws -> RouteSpec? {
    if let format = RecordFormat(rawValue: text) { return RouteSpec(table: "bench.rows", format: format) }
    let parts = text.split(separator: "#").map(String.init)
    guard parts.count == 2 else { return nil }
    let settings = try CollectorSettings.load(path: parts[0])
    return settings.pipelines.flatMap(\.routes).first { $0.table == parts[1] }
}

func say(_ text: String) { _ = StandardStreams.writeOutput(Array(text.utf8)) }

/// `parse FORMAT|CONFIG#TABLE FILE [ROUNDS | -]`: parsing alone, and with JSON lines made of the rows.
func parse(_ words: [String]) throws -> Int32 {
    guard words.count >= 4, let route = try benchRoute(words[2]) else { return 64 }
    let stage = try RouteStage(try RoutePlan(route))
    let formatter = JSONLinesFormatter()
    var lines = try LineBatches(words[3])
    if words.count > 4, words[4] == "-" {
        while try lines.next() {
            stage.process(lines.batch, events: lines.events)
            formatter.format(stage.rows)
            formatter.forEachGroup { _, bytes, _ in _ = StandardStreams.writeOutput(bytes.array) }
        }
        return 0
    }
    let rounds = words.count > 4 ? Int(words[4]) ?? 10 : 10
    let clock = SystemClock()
    var rejected = 0
    for isFormatting in [false, true] {
        var nanoseconds: Int64 = 1
        for _ in 0..<rounds {
            lines.rewind()
            rejected = 0
            while try lines.next() {
                let start = clock.monotonicNanoseconds()
                stage.process(lines.batch, events: lines.events)
                if isFormatting { formatter.format(stage.rows) }
                nanoseconds += clock.monotonicNanoseconds() - start
                rejected += stage.rejections.count
            }
        }
        let perSecond = Int64(lines.lineCount * rounds) * 1_000_000_000 / nanoseconds
        say("\(isFormatting ? "parse+format" : "parse"): \(perSecond) lines/s\n")
    }
    say("lines: \(lines.lineCount), rejected: \(rejected)\n")
    return 0
}

func run() throws -> Int32 {
    let words = CommandLine.arguments
    switch words.dropFirst().first {
    case "parse": return try parse(words)
    case "parquet": return try writeParquet(words)
    case "allocations": return try countAllocations(words)
    case "changes": return try decodeChanges(words)
    case "parquet-random": return try writeRandomTables(words)
    case "parquet-roundtrip": return try roundTrip(words)
    case "parquet-large": return try writeLarge(words)
    default: return 64
    }
}

var code: Int32 = 70
do { code = try run() } catch { say("\(error)\n") }
if code == 64 {
    _ = StandardStreams.writeOutput(Array("""
        usage: millrace-bench parse FORMAT|CONFIG#TABLE FILE [ROUNDS | -]
               millrace-bench allocations FORMAT|CONFIG#TABLE FILE
               millrace-bench parquet FORMAT|CONFIG#TABLE FILE OUT [ROUNDS [CODEC [LEVEL [delta|plain [KIB]]]]]
               millrace-bench changes maxwell|debezium|canal FILE [ROUNDS]
               millrace-bench parquet-random FOLDER FIRST COUNT [plain]
               millrace-bench parquet-roundtrip FIRST COUNT
               millrace-bench parquet-large OUT COLUMNS ROWS BYTES

        """.utf8))
}
