import Columns
import Event
import Parquet
import Platform
import Schema
import Sinks
import Testing

@testable import Replay

/// The files of a table's now at one moment, and what the view makes of them.
private struct NowFiles {
    let layout: NowLayout
    let state: [Row]
    let delta: [Row]

    init?(_ warehouse: String, _ table: String) throws {
        let folder = NowFolder(store: StateStore(warehouse: warehouse), table: "shop." + table)
        guard let record = try folder.record() else { return nil }
        layout = record.layout
        state = try Self.read(folder.state)
        delta = try Self.read(folder.delta)
    }

    private init(_ layout: NowLayout, _ state: [Row], _ delta: [Row]) {
        (self.layout, self.state, self.delta) = (layout, state, delta)
    }

    private static func read(_ folder: String) throws -> [Row] {
        let files = try Syscalls.list(folder).sorted().map { name in
            StateFile(name: name, rowCount: 0, byteCount: 0, digest: 0, firstIdentity: [])
        }
        return try rows(of: files, in: folder)
    }

    /// This state with another moment's delta.
    func with(_ other: NowFiles) -> NowFiles { NowFiles(layout, state, other.delta) }

    private func index(_ name: String) -> Int { layout.deltaShapes.firstIndex { $0.name == name } ?? -1 }

    /// The view's rows, sorted: what its SQL says.
    var view: [Row] {
        let identity = layout.identity.map(index)
        let (live, generation) = (layout.stateShapes.count, layout.stateShapes.count + 1)
        var newest: [Row: Value] = [:]
        for row in delta {
            let key = identity.map { row[$0] }
            newest[key] = max(newest[key] ?? .null, row[generation])
        }
        var union = state.filter { row in newest[identity.map { row[$0] }] == nil }
        for row in delta where newest[identity.map { row[$0] }] == row[generation] && row[live] == .word(1) {
            union.append(Array(row.prefix(live)))
        }
        if let groups = layout.groups?.map(index) {
            let order = layout.order.map(index)
            var first: [Row: Row] = [:]
            for row in union {
                let group = groups.map { row[$0] }
                guard let other = first[group] else {
                    first[group] = row
                    continue
                }
                if precedes(order.map { row[$0] }, order.map { other[$0] }) { first[group] = row }
            }
            union = Array(first.values)
        }
        return union.map { Array($0.prefix(layout.visibleShapes.count)) }.sorted(by: precedes)
    }
}

/// `MILLRACE_MODELS=all`: many.
private func seedCount(_ usual: UInt64) -> UInt64 {
    Environment.value(of: "MILLRACE_MODELS") == "all" ? 100 * usual : usual
}

/// After any changes the view is the table as it is in the database.
@Test(arguments: 0..<seedCount(6))
func theViewIsTheTableAtAnyMoment(seed: UInt64) throws {
    let (marks, unique) = (seed % 3 == 1, seed % 2 == 1)
    var database = ModelDatabase(seed: seed &+ 100, marks: marks)
    let warehouse = try SampleWarehouse()
    let spec = sync([
        rule("*") { rule in
            if marks { rule.deletes = .mark }
            if unique { rule.unique = .columns(["v"]) }
        }
    ])
    var replay = try SyncReplay(spec, warehouse: warehouse.path)
    replay.settings.limits = StateWriter.Limits(fileRowCount: 5, groupRowCount: 3)
    replay.settings.sortByteCount = [400, 1 << 20].randomElement(using: &database.generator) ?? 400
    for moment in 0..<9 {
        let day = "2026-11-2\(moment / 3)"
        for _ in 0..<Int.random(in: 0..<12, using: &database.generator) { database.act() }
        for (table, changes) in database.log.sorted(by: { ($0.key ?? "") < ($1.key ?? "") }) {
            // In several files, in any order, some twice.
            var changes = changes + changes.filter { _ in Int.random(in: 0..<9, using: &database.generator) == 0 }
            changes.shuffle(using: &database.generator)
            let cut = Int.random(in: 0...changes.count, using: &database.generator)
            for part in [Array(changes[..<cut]), Array(changes[cut...])] where !part.isEmpty {
                try warehouse.write(part, to: table, day: day)
            }
        }
        database.log = [:]
        let isRun = Int.random(in: 0..<4, using: &database.generator) == 0
        _ = try isRun ? replay.run() : replay.updateNow()
        for (name, table) in database.tables {
            let found = try NowFiles(warehouse.path, name)?.view
            let wanted = table.visible(unique: unique ? ["v"] : nil, marks: marks)
            #expect(found == wanted, "seed \(seed), moment \(moment), \(name), \(isRun ? "run" : "delta")")
        }
    }
}

/// While generations follow each other, a reader that meets the state of one and the delta of the next sees the table
/// as it was at one of the two.
@Test(arguments: 0..<seedCount(2))
func aReaderBetweenTwoGenerationsSeesOneOfThem(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let warehouse = try SampleWarehouse()
    let isKeyed = seed % 2 == 0
    var table: [Row] = []
    let document = { (row: Row) -> String in
        guard case .word(let id) = row[0], case .text(let text) = row[1] else { return "{}" }
        return "{\"id\":\(id),\"v\":\"\(text)\"}"
    }
    let create = "CREATE TABLE a (id INT\(isKeyed ? " PRIMARY KEY" : ""), v VARCHAR(9))"
    let place = { (position: Int64) in SourcePlace(leg: 0, file: 1, position: position) }
    try warehouse.write(
        [ChangeSample(op: "schema", table: "", place: place(1), sql: create)], to: nil,
        day: "2026-11-20")
    var replay = try SyncReplay(sync(), warehouse: warehouse.path)
    replay.settings.limits = StateWriter.Limits(fileRowCount: 5, groupRowCount: 3)
    let path = warehouse.path
    let seen = Monitor<[NowFiles]>([])
    replay.store.beforeStep = { (name) throws(Failure) in
        guard name == "put", let now = (try? NowFiles(path, "a")).flatMap({ $0 }) else { return }
        seen.withLock { $0.append(now) }
    }
    var position: Int64 = 1
    var known: Set<[Row]> = [[]]
    for moment in 0..<12 {
        var changes: [ChangeSample] = []
        for _ in 0..<Int.random(in: 1..<8, using: &generator) {
            position += 1
            let id = Int64.random(in: 0..<(isKeyed ? 9 : 2), using: &generator)
            let row: Row = [.word(id), .text("x\(Int.random(in: 0..<3, using: &generator))")]
            let old = table.firstIndex { isKeyed ? $0[0] == row[0] : $0 == row }
            if let old, Bool.random(using: &generator) {
                let gone = document(table.remove(at: old))
                changes.append(ChangeSample(op: "delete", table: "a", place: place(position), before: gone))
            } else if old == nil || !isKeyed {
                table.append(row)
                changes.append(ChangeSample(op: "insert", table: "a", place: place(position), after: document(row)))
            }
        }
        try warehouse.write(changes, to: "a", day: "2026-11-2\(moment / 4)")
        known.insert(table.sorted(by: precedes))
        _ = try Bool.random(using: &generator) ? replay.run() : replay.updateNow()
    }
    var moments = seen.withLock { $0 }
    if let last = try NowFiles(path, "a") { moments.append(last) }
    #expect(moments.count > 6)
    for (before, after) in zip(moments, moments.dropFirst()) {
        #expect(known.contains(before.view), "seed \(seed)")
        #expect(known.contains(before.with(after).view), "seed \(seed): the state before, the delta after")
        #expect(known.contains(after.with(before).view), "seed \(seed): the state after, the delta before")
    }
    #expect(moments.last?.view == table.sorted(by: precedes), "seed \(seed)")
}
