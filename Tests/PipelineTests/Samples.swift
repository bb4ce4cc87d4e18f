import Columns
import Event
import Glibc
import Pipeline

/// A batch of lines in one pack, as they come from a stream's start.
func batch(_ lines: [[UInt8]], timestamp: Int64 = -1) -> EventBatch {
    var batch = EventBatch(byteCapacity: 4_096)
    var value: [UInt8] = []
    for line in lines { value += line + [10] }
    let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: timestamp)
    let (pack, start) = unsafe value.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
    var at = 0
    for line in lines {
        batch.appendEvent(
            EventReference(
                start: start + at, byteCount: line.count, from: Position(UInt64(at)),
                to: Position(UInt64(at + line.count + 1)), pack: pack))
        at += line.count + 1
    }
    return batch
}

/// A row as text: `name=value` of what is not null, and where it goes.
func text(_ rows: RowBatch, _ row: Int) -> String {
    var parts: [String] = []
    for column in rows.columns where !column.isNull(row) {
        let value =
            switch column.type {
            case .string, .json, .bytes: column.bytes(row).text
            case .double: "\(column.double(row))"
            case .decimal: "\(column.decimal(row))"
            default: "\(column.integer(row))"
            }
        parts.append("\(column.name)=\(value)")
    }
    return parts.joined(separator: "|")
}

func group(_ rows: RowBatch, _ row: Int) -> String {
    let group = rows.groups[Int(rows.rowGroup[row])]
    return "\(group.table)/\(group.partition)"
}

/// One line through a route: its row as text, or the reason and column of its rejection.
func outcome(_ spec: RouteSpec, _ line: String, timestamp: Int64 = -1) throws -> String {
    let stage = try RouteStage(try RoutePlan(spec))
    stage.process(batch([Array(line.utf8)], timestamp: timestamp), events: [0])
    if let rejection = stage.rejections.first {
        return rejection.reason.rawValue + (stage.plan.columnName(rejection).map { " " + $0 } ?? "")
    }
    return text(stage.rows, 0)
}

let sharedFolder: String? = {
    let folder = unsafe getenv("MILLRACE_SHARED").map { unsafe String(cString: $0) } ?? "../shared"
    return unsafe access(folder + "/data/weblogs/expected_days.csv", R_OK) == 0 ? folder : nil
}()

/// What a command writes to its standard output.
func output(of command: String) -> [UInt8] {
    guard let pipe = unsafe popen(command, "r") else { return [] }
    var bytes: [UInt8] = []
    var block = [UInt8](repeating: 0, count: 1 << 16)
    while true {
        let count = unsafe fread(&block, 1, block.count, pipe)
        if count == 0 { break }
        bytes += block[..<count]
    }
    unsafe pclose(pipe)
    return bytes
}
