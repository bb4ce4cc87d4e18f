import Change
import Columns
import Platform
import Schema

@testable import Replay

/// A column of a table of the model database.
struct ModelColumn: Equatable {
    enum Kind: Equatable { case int, bigint, text(Int), decimal(Int, Int) }
    var name: String
    var kind: Kind
    var isNullable: Bool

    var sql: String { "\(name) \(type)" + (isNullable ? "" : " NOT NULL") }

    var type: String {
        switch kind {
        case .int: "INT"
        case .bigint: "BIGINT"
        case .text(let length): "VARCHAR(\(length))"
        case .decimal(let precision, let scale): "DECIMAL(\(precision),\(scale))"
        }
    }

    /// What stands where a null must not.
    var zero: Value { if case .text = kind { .text("") } else { .word(0) } }

    func json(_ value: Value) -> String {
        switch (value, kind) {
        case (.null, _): "null"
        case (.text(let text), _): "\"\(text)\""
        case (.word(let word), .decimal(_, let scale)): Self.decimal(word, scale)
        case (.word(let word), _): "\(word)"
        }
    }

    static func decimal(_ word: Int64, _ scale: Int) -> String {
        let digits = String(word.magnitude)
        let padded = String(repeating: "0", count: max(0, scale + 1 - digits.utf8.count)) + digits
        return (word < 0 ? "-" : "") + padded.dropLast(scale) + "." + padded.suffix(scale)
    }
}

/// A row with the change that brought it to be.
struct ModelRow {
    var values: [String: Value]
    var born: Int64
    var isDeleted = false
}

struct ModelTable {
    var columns: [ModelColumn]
    var key: [String]
    var rows: [ModelRow] = []

    var create: String {
        let parts = columns.map(\.sql) + (key.isEmpty ? [] : ["PRIMARY KEY (\(key.joined(separator: ", ")))"])
        return "(" + parts.joined(separator: ", ") + ")"
    }

    func document(_ row: [String: Value], _ names: [String]? = nil) -> String {
        let shown = columns.filter { names?.contains($0.name) ?? true }
        return "{" + shown.map { "\"\($0.name)\":" + $0.json(row[$0.name] ?? .null) }.joined(separator: ",") + "}"
    }

    func index(_ name: String) -> Int { columns.firstIndex { $0.name == name } ?? 0 }

    func identity(_ row: [String: Value]) -> Row { (key.isEmpty ? columns.map(\.name) : key).map { row[$0] ?? .null } }

    /// What readers are to see, sorted. `unique`: columns in which equal rows are one.
    func visible(unique: [String]?, marks: Bool) -> [Row] {
        let marks = marks && !key.isEmpty
        var shown = rows.filter { marks || !$0.isDeleted }
        if let unique {
            var seen: Set<Row> = []
            shown.sort { $0.born < $1.born }
            shown = shown.filter { row in
                seen.insert(unique.map { row.values[$0] ?? .null } + [.word(row.isDeleted ? 1 : 0)]).inserted
            }
        }
        return shown.map { row in
            columns.map { row.values[$0.name] ?? .null } + (marks ? [.word(row.isDeleted ? 1 : 0)] : [])
        }.sorted(by: precedes)
    }
}

/// A database at which random things are done, and the change log that a tool writes meanwhile.
struct ModelDatabase {
    var generator: SeededGenerator
    var tables: [String: ModelTable] = [:]
    /// Deletes are marked: then keys stay, or a marked row could stand in another's place.
    let marks: Bool
    private(set) var position: Int64 = 0
    private var number = 0
    /// Of the day in hand: changes by table name, statements under nil.
    var log: [String?: [ChangeSample]] = [:]

    init(seed: UInt64, marks: Bool) {
        generator = SeededGenerator(seed: seed)
        self.marks = marks
        for name in ["a", "b"] { create(name) }
    }

    private func pick(_ range: Range<Int>, _ generator: inout SeededGenerator) -> Int { Int.random(in: range, using: &generator) }

    private var place: SourcePlace { SourcePlace(leg: 0, file: 1 + position / 20, position: position) }

    private mutating func state(_ sql: String) {
        position += 1
        log[nil, default: []].append(ChangeSample(op: "schema", table: "", place: place, sql: sql))
    }

    private mutating func note(_ op: String, _ table: String, before: String?, after: String?) {
        position += 1
        log[table, default: []].append(ChangeSample(op: op, table: table, place: place, before: before, after: after))
    }

    private mutating func chance(_ one: Int) -> Bool { Int.random(in: 0..<one, using: &generator) == 0 }

    private mutating func column(_ name: String? = nil, key: Bool = false) -> ModelColumn {
        number += 1
        let kinds: [ModelColumn.Kind] = [.int, .text(9), .decimal(6, 2)]
        let kind = kinds.randomElement(using: &generator) ?? .int
        return ModelColumn(name: name ?? "c\(number)", kind: kind, isNullable: !key && !chance(3))
    }

    private mutating func create(_ name: String) {
        // `v` stays: it is what a `unique` rule may name.
        var columns = [column("k", key: true), column("v")]
        for _ in 0..<Int.random(in: 0..<3, using: &generator) { columns.append(column()) }
        let keys = [["k"], ["k"], [], columns.filter { !$0.isNullable }.map(\.name)]
        let table = ModelTable(columns: columns, key: keys.randomElement(using: &generator) ?? [])
        state("CREATE TABLE \(name) \(table.create)")
        tables[name] = table
    }

    private mutating func value(_ column: ModelColumn, few: Bool) -> Value {
        if column.isNullable, chance(5) { return .null }
        let number = Int64.random(in: few ? 0..<2 : -3..<12, using: &generator)
        if case .text = column.kind { return .text("x\(number)") }
        return .word(number)
    }

    private mutating func row(_ table: ModelTable) -> [String: Value] {
        var row: [String: Value] = [:]
        for column in table.columns { row[column.name] = value(column, few: table.key.isEmpty) }
        return row
    }

    mutating func act() {
        guard let name = tables.keys.sorted().randomElement(using: &generator), var table = tables[name] else { return }
        switch Int.random(in: 0..<60, using: &generator) {
        case 0..<22: insert(name, &table)
        case 22..<38: update(name, &table)
        case 38..<47: delete(name, &table)
        case 47..<54: alter(name, &table)
        case 54:
            chance(2) ? state("TRUNCATE TABLE \(name)") : note("truncate", name, before: nil, after: nil)
            table.rows = []
        case 55, 56: return rename(name)
        case 57:
            state("DROP TABLE \(name)")
            tables[name] = nil
            if !chance(3) { create(name) }
            return
        default: if !marks { changeKey(name, &table) }
        }
        tables[name] = table
    }

    // MARK: Rows

    private func live(_ table: ModelTable) -> [Int] { table.rows.indices.filter { !table.rows[$0].isDeleted } }

    private mutating func insert(_ name: String, _ table: inout ModelTable) {
        let fresh = row(table)
        note("insert", name, before: nil, after: table.document(fresh))
        bring(fresh, &table, name)
    }

    /// Puts a row in; takes the change back where its key is taken.
    private mutating func bring(_ fresh: [String: Value], _ table: inout ModelTable, _ name: String) {
        guard !table.key.isEmpty, let index = table.rows.firstIndex(where: { table.identity($0.values) == table.identity(fresh) })
        else { return table.rows.append(ModelRow(values: fresh, born: position)) }
        if table.rows[index].isDeleted {
            table.rows[index] = ModelRow(values: fresh, born: position)
        } else {
            log[name]?.removeLast()
        }
    }

    private mutating func update(_ name: String, _ table: inout ModelTable) {
        guard let index = live(table).randomElement(using: &generator) else { return }
        let before = table.rows[index].values
        var after = row(table)
        let isSameKey = table.key.isEmpty ? false : chance(2)
        if isSameKey { for key in table.key { after[key] = before[key] } }
        guard after != before else { return }
        let same = table.rows.firstIndex { table.identity($0.values) == table.identity(after) }
        if !table.key.isEmpty, let same, same != index { return }
        let changed = table.columns.map(\.name).filter { before[$0] != after[$0] }
        note("update", name, before: table.document(before, changed), after: table.document(after))
        if same == index, !table.key.isEmpty {
            table.rows[index].values = after
            return
        }
        take(before, &table)
        table.rows.append(ModelRow(values: after, born: position))
    }

    private mutating func delete(_ name: String, _ table: inout ModelTable) {
        guard let index = live(table).randomElement(using: &generator) else { return }
        let before = table.rows[index].values
        note("delete", name, before: table.document(before), after: nil)
        take(before, &table)
    }

    /// The oldest of equal rows goes.
    private func take(_ values: [String: Value], _ table: inout ModelTable) {
        let equal = table.rows.indices.filter { table.rows[$0].values == values && !table.rows[$0].isDeleted }
        guard let index = equal.min(by: { table.rows[$0].born < table.rows[$1].born }) else { return }
        if marks, !table.key.isEmpty { table.rows[index].isDeleted = true } else { table.rows.remove(at: index) }
    }

    // MARK: Schema

    private mutating func rename(_ name: String) {
        if chance(2), tables.count == 2, let a = tables["a"], let b = tables["b"] {
            state("RENAME TABLE a TO t, b TO a, t TO b")
            tables = ["a": b, "b": a]
        } else {
            let free = ["a", "b", "d"].filter { tables[$0] == nil }
            guard let to = free.randomElement(using: &generator) else { return }
            state(chance(2) ? "RENAME TABLE \(name) TO \(to)" : "ALTER TABLE \(name) RENAME TO \(to)")
            tables[to] = tables.removeValue(forKey: name)
        }
    }

    private mutating func alter(_ name: String, _ table: inout ModelTable) {
        let others = table.columns.map(\.name).filter { $0 != "v" && !table.key.contains($0) }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0: add(name, &table)
        case 1:
            guard table.columns.count > 2, let gone = others.randomElement(using: &generator) else { return }
            state("ALTER TABLE \(name) DROP COLUMN \(gone)")
            table.columns.remove(at: table.index(gone))
            for index in table.rows.indices { table.rows[index].values[gone] = nil }
        case 2:
            guard let old = table.columns.map(\.name).filter({ $0 != "v" }).randomElement(using: &generator) else { return }
            number += 1
            let index = table.index(old)
            table.columns[index].name = "r\(number)"
            let column = table.columns[index]
            state(
                chance(2)
                    ? "ALTER TABLE \(name) RENAME COLUMN \(old) TO \(column.name)"
                    : "ALTER TABLE \(name) CHANGE \(old) \(column.sql)")
            table.key = table.key.map { $0 == old ? column.name : $0 }
            for row in table.rows.indices { table.rows[row].values[column.name] = table.rows[row].values.removeValue(forKey: old) }
        case 3: widen(name, &table)
        default:
            let nullable = table.columns.indices.filter { table.columns[$0].isNullable }
            guard let index = nullable.randomElement(using: &generator) else { return }
            table.columns[index].isNullable = false
            let column = table.columns[index]
            state("ALTER TABLE \(name) MODIFY \(column.sql)")
            for row in table.rows.indices where table.rows[row].values[column.name] == .null {
                table.rows[row].values[column.name] = column.zero
            }
        }
    }

    private mutating func add(_ name: String, _ table: inout ModelTable) {
        let added = column()
        let places = ["", " FIRST", " AFTER v"]
        let place = Int.random(in: 0..<3, using: &generator)
        var fill = added.isNullable ? Value.null : added.zero
        var sql = added.sql
        if chance(2) {
            fill = value(ModelColumn(name: "", kind: added.kind, isNullable: false), few: false)
            if case .text(let text) = fill { sql += " DEFAULT '\(text)'" } else { sql += " DEFAULT \(added.json(fill))" }
        }
        state("ALTER TABLE \(name) ADD COLUMN \(sql)\(places[place])")
        table.columns.insert(added, at: [table.columns.count, 0, table.index("v") + 1][place])
        for row in table.rows.indices { table.rows[row].values[added.name] = fill }
    }

    private mutating func widen(_ name: String, _ table: inout ModelTable) {
        guard let index = table.columns.indices.randomElement(using: &generator) else { return }
        let old = table.columns[index]
        var shift: Int64 = 1
        var turnsText = false
        switch old.kind {
        case .int where chance(3):
            table.columns[index].kind = .text(20)
            turnsText = true
        case .int: table.columns[index].kind = .bigint
        case .bigint: table.columns[index].kind = .decimal(20, 0)
        case .text(let length): table.columns[index].kind = .text(length + 10)
        case .decimal(let precision, let scale):
            guard precision < 30, scale > 0 else { return }
            table.columns[index].kind = .decimal(precision + 3, scale + 1)
            shift = 10
        }
        let column = table.columns[index]
        state("ALTER TABLE \(name) MODIFY \(column.sql)")
        for row in table.rows.indices {
            guard case .word(let word)? = table.rows[row].values[column.name] else { continue }
            table.rows[row].values[column.name] = turnsText ? .text("\(word)") : .word(word * shift)
        }
    }

    private mutating func changeKey(_ name: String, _ table: inout ModelTable) {
        var parts = table.key.isEmpty ? [] : ["DROP PRIMARY KEY"]
        var next: [String] = []
        let certain = table.columns.filter { !$0.isNullable }.map(\.name)
        if !chance(3), !certain.isEmpty {
            next = Array(certain.shuffled(using: &generator).prefix(Int.random(in: 1...2, using: &generator)))
            let identities = table.rows.map { row in next.map { row.values[$0] ?? .null } }
            if Set(identities).count < identities.count { next = [] }
        }
        if !next.isEmpty { parts.append("ADD PRIMARY KEY (\(next.joined(separator: ", ")))") }
        guard !parts.isEmpty, next != table.key else { return }
        state("ALTER TABLE \(name) " + parts.joined(separator: ", "))
        table.key = next
    }
}
