import Change
import Columns
import Event
import Platform
import Schema
import Synchronization
import Testing

@testable import Replay

/// A table of the model database.
private struct ModelTable {
    var columns = ["id", "v"]
    let isKeyed: Bool
    var rows: [[String: Value]] = []

    var create: String {
        isKeyed ? "(id INT PRIMARY KEY, v VARCHAR(9))" : "(id INT, v VARCHAR(9))"
    }

    func document(_ row: [String: Value]) -> String {
        "{" + columns.map { name in
            switch row[name] ?? .null {
            case .null: "\"\(name)\":null"
            case .word(let word): "\"\(name)\":\(word)"
            case .text(let text): "\"\(name)\":\"\(text)\""
            }
        }.joined(separator: ",") + "}"
    }

    var visible: [Row] { rows.map { row in columns.map { row[$0] ?? .null } }.sorted(by: precedes) }
}

/// A database of two tables at which random things are done, and the change log that a tool writes meanwhile.
private struct ModelDatabase {
    var generator: SeededGenerator
    var tables = ["a": ModelTable(isKeyed: true), "b": ModelTable(isKeyed: false)]
    var position: Int64 = 0
    var added = 0
    /// Of the day in hand: changes by table name, statements under nil.
    var log: [String?: [ChangeSample]] = [:]

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        for name in ["a", "b"] { state("CREATE TABLE \(name) \(tables[name]!.create)") }
    }

    private var place: SourcePlace { SourcePlace(leg: 0, file: 1 + position / 20, position: position) }

    mutating func state(_ sql: String) {
        position += 1
        log[nil, default: []].append(ChangeSample(op: "schema", table: "", place: place, sql: sql))
    }

    private mutating func note(_ op: String, _ table: String, before: String?, after: String?) {
        position += 1
        log[table, default: []].append(
            ChangeSample(op: op, table: table, place: place, before: before, after: after))
    }

    private mutating func row(_ table: ModelTable) -> [String: Value] {
        var row: [String: Value] = [:]
        for name in table.columns {
            let number = Int64.random(in: 0..<(table.isKeyed ? 30 : 2), using: &generator)
            row[name] = name == "id" ? .word(number) : .text("x\(number % 3)")
        }
        return row
    }

    mutating func act() {
        let name = Bool.random(using: &generator) ? "a" : "b"
        guard var table = tables[name] else { return }
        switch Int.random(in: 0..<40, using: &generator) {
        case 0..<15: insert(name, &table)
        case 15..<27: update(name, &table)
        case 27..<34: delete(name, &table)
        case 34:
            added += 1
            state("ALTER TABLE \(name) ADD COLUMN c\(added) VARCHAR(9) NOT NULL DEFAULT 'd\(added)'")
            table.columns.append("c\(added)")
            for index in table.rows.indices { table.rows[index]["c\(added)"] = .text("d\(added)") }
        case 35:
            guard table.columns.count > 2, let gone = table.columns.popLast() else { return }
            state("ALTER TABLE \(name) DROP COLUMN \(gone)")
            for index in table.rows.indices { table.rows[index][gone] = nil }
        case 36:
            state("TRUNCATE TABLE \(name)")
            table.rows = []
        case 37:
            guard let (first, second) = tables["a"].flatMap({ a in tables["b"].map { (a, $0) } }) else { return }
            state("RENAME TABLE a TO t, b TO a, t TO b")
            tables = ["a": second, "b": first]
            return
        case 38:
            state("DROP TABLE \(name)")
            table = ModelTable(isKeyed: table.isKeyed)
            state("CREATE TABLE \(name) \(table.create)")
        default:
            state("ALTER TABLE \(name) MODIFY id BIGINT" + (table.isKeyed ? " NOT NULL" : ""))
        }
        tables[name] = table
    }

    private mutating func insert(_ name: String, _ table: inout ModelTable) {
        let fresh = row(table)
        guard !table.isKeyed || !table.rows.contains(where: { $0["id"] == fresh["id"] }) else { return }
        table.rows.append(fresh)
        note("insert", name, before: nil, after: table.document(fresh))
    }

    private mutating func update(_ name: String, _ table: inout ModelTable) {
        guard let index = table.rows.indices.randomElement(using: &generator) else { return }
        let before = table.rows[index]
        var after = row(table)
        let isTaken = table.rows.contains { $0["id"] == after["id"] }
        if table.isKeyed, isTaken || Bool.random(using: &generator) { after["id"] = before["id"] }
        guard after != before else { return }
        table.rows[index] = after
        let changed = table.columns.filter { before[$0] != after[$0] }
        let old = ModelTable(columns: changed, isKeyed: table.isKeyed)
        note("update", name, before: old.document(before), after: table.document(after))
    }

    private mutating func delete(_ name: String, _ table: inout ModelTable) {
        guard let index = table.rows.indices.randomElement(using: &generator) else { return }
        let before = table.rows.remove(at: index)
        note("delete", name, before: table.document(before), after: nil)
    }
}

@Test(arguments: 0..<12)
func everyDayIsWhatTheDatabaseWas(seed: UInt64) throws {
    var database = ModelDatabase(seed: seed)
    let warehouse = try SampleWarehouse()
    var expected: [(day: String, tables: [String: [Row]])] = []
    var late: [(changes: [ChangeSample], table: String?, day: String)] = []
    for number in 0..<3 {
        let day = "2026-11-2\(number)"
        for _ in 0..<30 { database.act() }
        for (table, changes) in database.log.sorted(by: { ($0.key ?? "") < ($1.key ?? "") }) {
            // In several files, in any order, and some twice.
            var changes = changes + changes.filter { _ in Int.random(in: 0..<9, using: &database.generator) == 0 }
            changes.shuffle(using: &database.generator)
            let cut = Int.random(in: 0...changes.count, using: &database.generator)
            for part in [Array(changes[..<cut]), Array(changes[cut...])] where !part.isEmpty {
                if Int.random(in: 0..<4, using: &database.generator) == 0 {
                    late.append((part, table, day))
                } else {
                    try warehouse.write(part, to: table, day: day)
                }
            }
        }
        database.log = [:]
        expected.append((day, database.tables.mapValues(\.visible)))
    }
    // Runs that end anywhere, before and after the late files come.
    var replay = try SyncReplay(sync(), warehouse: warehouse.path, threadCount: 2)
    replay.settings.limits = StateWriter.Limits(fileRowCount: 5, groupRowCount: 3)
    replay.settings.sortByteCount = [400, 1 << 20].randomElement(using: &database.generator) ?? 400
    for _ in 0..<2 { run(replay, endingAt: Int.random(in: 0..<60, using: &database.generator)) }
    for (changes, table, day) in late { try warehouse.write(changes, to: table, day: day) }
    for _ in 0..<3 { run(replay, endingAt: Int.random(in: 0..<90, using: &database.generator)) }
    let report = try replay.run()
    for (day, tables) in expected {
        for (table, rows) in tables {
            let found = try warehouse.visible(table, day) ?? []
            #expect(found == rows, "seed \(seed), \(table) on \(day)")
        }
    }
    #expect(report.problems == [], "seed \(seed)")
    for day in report.days {
        #expect(day.contradictions.isEmpty && day.rejections.isEmpty, "seed \(seed): \(day)")
    }
    let again = try replay.run()
    #expect(!again.days.contains { $0.isMade }, "seed \(seed)")
}

/// A run that ends before one of its steps.
private func run(_ replay: SyncReplay, endingAt step: Int) {
    let left = Counter(step)
    var replay = replay
    replay.store.beforeStep = { (name) throws(Failure) in
        if left.take() { throw Failure("test.end", stage: .sink, kind: .fatal, "ended before \(name)") }
    }
    _ = try? replay.run()
}

private final class Counter: Sendable {
    private let left: Atomic<Int>

    init(_ count: Int) { left = Atomic(count) }

    /// Whether the last step has been taken.
    func take() -> Bool { left.wrappingSubtract(1, ordering: .relaxed).newValue < 0 }
}
