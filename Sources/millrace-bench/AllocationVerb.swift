internal import CAllocations
internal import Columns
internal import Event
internal import Parquet
internal import Pipeline
internal import Sinks

/// `allocations FORMAT|CONFIG#TABLE FILE`: what each stage asks the C library's heap for in steady state, for a
/// million rows; the second pass over a file is counted, when every buffer has its size.
func countAllocations(_ words: [String]) throws -> Int32 {
    guard words.count == 4, let spec = try benchRoute(words[2]) else { return 64 }
    let stage = try RouteStage(try RoutePlan(spec))
    let options = ParquetOptions()
    let shapes = stage.plan.columns.map { (name: $0.name, shape: $0.shape) }
    let group = RowGroupEncoder(
        columns: shapes, options: options, workspace: try ParquetWorkspace(codec: options.codec, level: options.level))
    let formatter = JSONLinesFormatter()
    var lines = try LineBatches(words[3])
    var counts = (parse: UInt64(0), parquet: UInt64(0), json: UInt64(0))
    var rows = 0
    for _ in 0..<2 {
        (counts, rows) = ((0, 0, 0), 0)
        let file = ParquetFile(columns: shapes, options: options)
        lines.rewind()
        while try lines.next() {
            let start = millrace_allocation_count()
            stage.process(lines.batch, events: lines.events)
            let parsed = millrace_allocation_count()
            try group.append(stage.rows)
            if group.isFull {
                try unsafe file.append(group) { _ in }
                group.removeAll()
            }
            let encoded = millrace_allocation_count()
            formatter.format(stage.rows)
            counts.parse += parsed - start
            counts.parquet += encoded - parsed
            counts.json += millrace_allocation_count() - encoded
            rows += stage.rows.rowCount
        }
        group.removeAll()
    }
    let perMillion = { (count: UInt64) in Int(count) * 1_000_000 / max(1, rows) }
    say("\(rows) rows; allocations per million: parse \(perMillion(counts.parse)), "
        + "parquet \(perMillion(counts.parquet)), json lines \(perMillion(counts.json))\n")
    return 0
}
