internal import Columns
internal import Configuration
internal import Event
internal import Platform
internal import Replay
internal import Sinks

/// `millrace sync plan`: the replay as SQL.
enum PlanVerb {
    static func run(
        _ command: ParsedCommand, _ specs: [SyncSpec], _ warehouse: WarehouseSettings
    ) throws(Failure) -> Int32 {
        guard let engine = command.value("engine").flatMap(Dialect.init) else {
            throw ToolFailure.usage("--engine is missing", hint: "--engine spark, hive, trino or duckdb")
        }
        let day = command.value("day")
        if let day, !SyncVerb.isDay(day) { throw ToolFailure.usage("\(day) is no day", hint: "--day 2026-11-20") }
        let wanted = Set(command.values("table"))
        if command.value("into") != nil, wanted.count != 1 {
            throw ToolFailure.usage("--into names one table", hint: "--table names the one that it is made from")
        }
        var planned: [PlannedTable] = []
        for spec in specs {
            let replay = try SyncReplay(
                spec, warehouse: warehouse.path, schemaFile: try SyncVerb.schemaFile(spec), threadCount: 1)
            planned += try replay.plans(day: day, tables: wanted)
        }
        for table in wanted.sorted() where !planned.contains(where: { $0.table == table }) {
            throw ToolFailure.usage("there is no table \(table) at that time", hint: "millrace sync status names them")
        }
        var isWhole = true
        for table in planned {
            do throws(Failure) {
                var sql = ReplaySQL(try table.outcome.get(), engine, warehouse: DDLVerb.absolute(warehouse.path))
                if let catalog = command.value("catalog") { sql.catalog = catalog }
                Terminal.write(try sql.text(into: command.value("into")) + "\n")
            } catch {
                isWhole = false
                Terminal.complain(error.description)
            }
        }
        return isWhole ? 0 : 1
    }
}
