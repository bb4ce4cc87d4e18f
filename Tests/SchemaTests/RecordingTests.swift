import Columns
import Event
import Platform
import Testing

@testable import Schema

/// A folder with recordings of real tools and the tables that they must end in, or nil: then these tests are left
/// out. Uncompressed: `maxwell.jsonl`, `canal.jsonl`, `debezium.jsonl`, `expected/shop.orders.tsv`,
/// `expected/columns.tsv`, `expected/truncated.tsv`.
private let folder: String? = Environment.value(of: "MILLRACE_CDC_RECORDINGS")

/// What differs between a replayed table and the one expected.
struct TableDifference {
    /// Differences that no known loss explains.
    var faults: [String] = []
    /// Cells that differ by a known loss.
    var lossCount = 0
}

enum ExpectedTable {
    static func rows(_ path: String) throws -> [[String]] {
        let text = String(decoding: try DurableFile.read(path, maximum: 1 << 28) ?? [], as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: true)
            .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
    }

    /// Compares by key where there is one, else as sorted lists of rows.
    static func compare(
        _ tool: ChangeTool, _ life: TableIncarnation, _ found: [[String]], _ expected: [[String]]
    ) -> TableDifference {
        let version = life.versions[life.versions.count - 1]
        // A loss may be older than the column's last type.
        let history = version.columns.map { column in
            life.versions.compactMap { version in version.columns.first { $0.id == column.id } }
        }
        func isLoss(_ index: Int, _ found: String, _ expected: String) -> Bool {
            history[index].contains { KnownLosses.explain(tool, $0, found: found, expected: expected) }
        }
        var difference = TableDifference()
        let isDouble = version.columns.map { $0.shape.type == .double }
        func cells(_ row: [String]) -> [String] {
            row.indices.map { isDouble[$0] ? Double(row[$0]).map { $0 == 0 ? "0" : "\($0)" } ?? row[$0] : row[$0] }
        }
        let key = version.key.isEmpty ? Array(version.columns.indices) : version.key
        var byKey: [[String]: [[String]]] = [:]
        for row in found { byKey[key.map { cells(row)[$0] }, default: []].append(cells(row)) }
        var open: [[String]] = []
        for row in expected.map(cells) {
            let name = key.map { row[$0] }
            if let other = byKey[name]?.popLast() {
                for index in row.indices where row[index] != other[index] {
                    if isLoss(index, other[index], row[index]) {
                        difference.lossCount += 1
                    } else {
                        difference.faults.append("\(version.columns[index].name): \(other[index]) for \(row[index])")
                    }
                }
            } else {
                open.append(row)
            }
        }
        // Rows that are told apart by a value that a tool distorts.
        var rest = byKey.values.joined().filter { !$0.isEmpty }
        for row in open {
            let at = rest.firstIndex { other in
                row.indices.allSatisfy { row[$0] == other[$0] || isLoss($0, other[$0], row[$0]) }
            }
            if let at {
                difference.lossCount += 1
                rest.remove(at: at)
            } else {
                difference.faults.append("missing \(row)")
            }
        }
        difference.faults += rest.map { "extra \($0)" }
        return difference
    }
}

@Suite(.enabled(if: folder != nil, "MILLRACE_CDC_RECORDINGS names no folder of recordings"), .serialized)
struct RecordingTests {
    /// Tables of a recording that the tool did not follow to the end: not compared.
    private static func isLeftOut(_ name: String, _ table: TableName, _ tables: Set<TableName>, truncated: Bool) -> Bool
    {
        if !tables.contains(table) { return true }
        // Neither Maxwell nor Debezium's defaults record a TRUNCATE.
        if truncated, name != "canal", name != "debezium" { return true }
        if name == "debezium-extras" {
            return ["x_child_cascade", "x_child_setnull", "x_stmt", "x_xa", "x_zip"].contains(table.table)
        }
        return false
    }

    @Test(arguments: ["maxwell", "canal", "debezium", "debezium-schemas", "debezium-string", "debezium-extras"])
    func endsInTheTablesOfTheDatabase(name: String) throws {
        let folder = try #require(folder)
        let tool = try #require(ChangeTool(rawValue: String(name.prefix { $0 != "-" })))
        let recording = try Recording(tool, path: "\(folder)/\(name).jsonl")
        #expect(!recording.changes.isEmpty)
        let replay = MemoryReplay(recording, dates: .text)
        #expect(replay.contradictions.isEmpty, "\(replay.contradictions.prefix(5))")
        #expect(replay.history.problems.isEmpty, "\(replay.history.problems.prefix(5))")
        let truncated = Set(try ExpectedTable.rows("\(folder)/expected/truncated.tsv").dropFirst())
        let tables = Set(recording.changes.map(\.table))
        var comparedCount = 0
        for file in try Syscalls.list("\(folder)/expected").sorted() where file.hasSuffix(".tsv") {
            let parts = file.split(separator: ".").map(String.init)
            guard parts.count == 3 else { continue }
            let table = TableName(parts[0], parts[1])
            if Self.isLeftOut(name, table, tables, truncated: truncated.contains(Array(parts.prefix(2)))) { continue }
            guard let (life, rows) = replay.rows(table), let version = life.versions.last else {
                Issue.record("\(name): \(table.text) is not there")
                continue
            }
            let expected = try ExpectedTable.rows("\(folder)/expected/\(file)")
            #expect(version.columns.map(\.name) == expected[0], "\(name): \(table.text)")
            guard version.columns.count == expected[0].count else { continue }
            let difference = ExpectedTable.compare(tool, life, rows, Array(expected.dropFirst()))
            #expect(
                difference.faults.isEmpty,
                "\(name): \(table.text): \(difference.faults.count): \(difference.faults.prefix(4))")
            comparedCount += 1
        }
        #expect(comparedCount >= 5, "\(name): only \(comparedCount) tables compared")
    }

    /// Statements alone bring every table to the columns that the server ends with.
    @Test(arguments: ["maxwell", "canal", "debezium"])
    func statementsEndInTheColumnsOfTheDatabase(name: String) throws {
        let folder = try #require(folder)
        let tool = try #require(ChangeTool(rawValue: name))
        let recording = try Recording(tool, path: "\(folder)/\(name).jsonl")
        let history = SchemaHistory(recording.schema, dates: .typed)
        var expected: [TableName: [[String]]] = [:]
        for row in try ExpectedTable.rows("\(folder)/expected/columns.tsv").dropFirst() where row[0] != "xtra" {
            expected[TableName(row[0], row[1]), default: []].append(row)
        }
        #expect(!expected.isEmpty)
        for (table, rows) in expected {
            // A tool may be told to leave a table out.
            if tool == .canal, history.incarnations(of: table).isEmpty { continue }
            guard let id = history.current.first(where: { $0.name == table })?.incarnation,
                let version = history.incarnations[id].versions.last
            else {
                Issue.record("\(name): \(table.text) is not there")
                continue
            }
            // JSON is LONGTEXT in MariaDB.
            let found = version.columns.map { column in
                [
                    column.name, column.type.kind == .json ? "longtext" : column.type.text,
                    column.isNullable ? "YES" : "NO",
                ]
            }
            #expect(found == rows.map { [$0[3], $0[5], $0[7]] }, "\(name): \(table.text)")
            let keys = rows.filter { $0[8] == "PRI" }.map { $0[3] }
            let key = version.key.map { version.columns[$0].name }
            // `PRI` is shown for a unique key without nullable parts where there is no primary one.
            #expect(Set(key) == Set(keys), "\(name): \(table.text)")
            let charsets = version.columns.filter(\.type.isText).map { $0.type.charset ?? "" }
            #expect(charsets == zip(version.columns, rows).filter { $0.0.type.isText }.map { $0.1[6] }, "\(table.text)")
        }
    }
}
