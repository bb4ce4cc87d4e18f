import Columns
import Event
import Parquet
import Platform
import Schema
import Testing

@testable import Replay

/// A table in memory that sees the same changes one by one.
private struct Model {
    var keyed: [Row: Row] = [:]
    var marked: [Row: Row] = [:]
    var twins: [Row: Int] = [:]
}

private struct Sample {
    let layout: TableLayout
    var generator: SeededGenerator
    var model = Model()
    var position: Int64 = 0

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        let key: ColumnShape = [.init(.int64), .init(.string), .init(.decimal, precision: 20), .init(.double)]
            .randomElement(using: &generator) ?? .init(.int64)
        let columns = [
            TableLayout.Column("a", key), .init("b", .init(.string)), .init("c", .init(.int32)),
        ]
        let keys: [[String]] = [["a"], ["a", "b"], []]
        layout = TableLayout(columns: columns, key: keys.randomElement(using: &generator) ?? [])
    }

    mutating func value(_ index: Int, few: Bool) -> Value {
        let nullable = !layout.key.contains(index)
        if nullable, Int.random(in: 0..<6, using: &generator) == 0 { return .null }
        let number = Int64.random(in: few ? -1...1 : -40...40, using: &generator)
        if layout.columns[index].shape.type == .string {
            let tails = ["", "\0", "\0\0", "xxxxxxxxxxxx", "é"]
            return .text("\(number)" + (tails.randomElement(using: &generator) ?? ""))
        }
        if layout.columns[index].shape.type == .double {
            return .word(Int64(bitPattern: (Double(number) / 2).bitPattern))
        }
        return .word(number)
    }

    mutating func row() -> Row {
        let few = !layout.isKeyed
        return layout.columns.indices.map { value($0, few: few) }
    }

    func identity(_ row: Row) -> Row { layout.identity.map { row[$0] } }

    /// One random change, as records of the replay.
    mutating func change() -> [(kind: ChangeKind, row: Row, before: Row?)] {
        let fresh = row()
        if layout.isKeyed {
            if let old = model.keyed.keys.sorted(by: precedes).randomElement(using: &generator), Bool.random(using: &generator) {
                guard let before = model.keyed[old] else { return [] }
                switch Int.random(in: 0..<3, using: &generator) {
                case 0:
                    model.keyed[old] = nil
                    return [(.delete, before, before)]
                case 1:
                    var after = fresh
                    for index in layout.key { after[index] = before[index] }
                    model.keyed[old] = after
                    return [(.update, after, before)]
                default:
                    guard model.keyed[identity(fresh)] == nil else { return [] }
                    model.keyed[old] = nil
                    model.keyed[identity(fresh)] = fresh
                    return [(.delete, before, before), (.insert, fresh, nil)]
                }
            }
            guard model.keyed[identity(fresh)] == nil else { return [] }
            model.keyed[identity(fresh)] = fresh
            return [(.insert, fresh, nil)]
        }
        if let old = model.twins.keys.sorted(by: precedes).randomElement(using: &generator), Bool.random(using: &generator) {
            let count = model.twins[old] ?? 0
            model.twins[old] = count > 1 ? count - 1 : nil
            guard Bool.random(using: &generator) else { return [(.delete, old, nil)] }
            model.twins[fresh, default: 0] += 1
            return [(.delete, old, nil), (.insert, fresh, nil)]
        }
        model.twins[fresh, default: 0] += 1
        return [(.insert, fresh, nil)]
    }

    var expected: [Row] {
        (layout.isKeyed ? Array(model.keyed.values) : model.twins.flatMap { Array(repeating: $0, count: $1) }).sorted(by: precedes)
    }
}

@Test(arguments: 0..<40)
func aStateIsWhatATableInMemoryIs(seed: UInt64) throws {
    let scratch = try ScratchFolder()
    var sample = Sample(seed: seed)
    let state = StateLayout(sample.layout)
    var base: StateMerge.Beginning?
    for day in 0..<4 {
        let sorter = ChangeSorter(
            RowCoding(sample.layout), scratchFolder: scratch.path,
            budget: [500, 5_000, 1 << 20].randomElement(using: &sample.generator) ?? 500)
        var records: [(kind: ChangeKind, row: Row, before: Row?, place: SourcePlace)] = []
        for _ in 0..<[0, 3, 40, 120].randomElement(using: &sample.generator)! {
            sample.position += 1
            let place = SourcePlace(leg: 1, file: sample.position / 50, position: sample.position)
            records += sample.change().map { ($0.kind, $0.row, $0.before, place) }
        }
        // Some come twice, and none in order.
        records += records.filter { _ in Int.random(in: 0..<10, using: &sample.generator) == 0 }
        records.shuffle(using: &sample.generator)
        for record in records {
            try sorter.append(record.kind, record.row, at: record.place, before: record.before, layout: sample.layout)
        }
        let folder = try scratch.folder("day\(day)")
        var merge = StateMerge(layout: state, base: base, changes: sorter.finish(), folder: folder)
        merge.limits = StateWriter.Limits(fileRowCount: 9, groupRowCount: 4)
        merge.permits = WorkerPermits(1)
        let outcome = try merge.run()
        let found = try rows(of: outcome.files, in: folder)
        let isEqual = found.sorted(by: precedes) == sample.expected
        #expect(isEqual, "seed \(seed), day \(day): \(found.count) rows for \(sample.expected.count)")
        #expect(outcome.counts.contradictionCount == 0, "seed \(seed), day \(day): \(outcome.counts)")
        #expect(outcome.files.reduce(0) { $0 + $1.rowCount } == Int64(found.count))
        #expect(try Syscalls.list(folder).count == outcome.files.count)
        base = StateMerge.Beginning(folder: folder, files: outcome.files, layout: state)
    }
}

@Test func contradictionsAreCountedAndStopNothing() throws {
    let layout = TableLayout(
        columns: [.init("id", ColumnShape(.int64)), .init("v", ColumnShape(.string))], key: ["id"])
    let scratch = try ScratchFolder()
    func place(_ position: Int64) -> SourcePlace { SourcePlace(position: position) }
    let sorter = ChangeSorter(RowCoding(layout), scratchFolder: scratch.path)
    try sorter.append(.insert, [.word(1), .text("a")], at: place(1), layout: layout)
    try sorter.append(.insert, [.word(1), .text("b")], at: place(2), layout: layout)
    try sorter.append(
        .update, [.word(1), .text("c")], at: place(3), before: [.word(1), .text("a")], layout: layout)
    try sorter.append(.update, [.word(2), .text("x")], at: place(4), layout: layout)
    try sorter.append(.delete, [.word(3), .text("y")], at: place(5), layout: layout)
    try sorter.append(.snapshot, [.word(4), .text("s")], at: place(6), layout: layout)
    try sorter.append(.insert, [.word(4), .text("t")], at: place(7), layout: layout)
    let folder = try scratch.folder("day")
    let outcome = try StateMerge(
        layout: StateLayout(layout), base: nil, changes: sorter.finish(), folder: folder).run()
    #expect(try rows(of: outcome.files, in: folder) == [
        [.word(1), .text("c")], [.word(2), .text("x")], [.word(4), .text("t")],
    ])
    #expect(outcome.counts.contradictions == [
        .insertedTwice: 1, .beforeDiffers: 1, .updatedMissing: 1, .deletedMissing: 1,
    ])
}

@Test func filesThatNoChangeTouchesAreLinked() throws {
    let layout = TableLayout(columns: [.init("id", ColumnShape(.int64))], key: ["id"])
    let scratch = try ScratchFolder()
    let first = ChangeSorter(RowCoding(layout), scratchFolder: scratch.path)
    for id in 0..<20_000 {
        try first.append(.insert, [.word(Int64(id))], at: SourcePlace(position: Int64(id)), layout: layout)
    }
    let limits = StateWriter.Limits(fileRowCount: 8_192, groupRowCount: 8_192)
    let folder = try scratch.folder("a")
    var merge = StateMerge(layout: StateLayout(layout), base: nil, changes: first.finish(), folder: folder)
    merge.limits = limits
    let before = try merge.run()
    #expect(before.files.count == 3)
    let second = ChangeSorter(RowCoding(layout), scratchFolder: scratch.path)
    try second.append(.delete, [.word(10_000)], at: SourcePlace(position: 60_000), layout: layout)
    let next = try scratch.folder("b")
    var again = StateMerge(
        layout: StateLayout(layout),
        base: StateMerge.Beginning(folder: folder, files: before.files, layout: StateLayout(layout)),
        changes: second.finish(), folder: next)
    again.limits = limits
    let after = try again.run()
    #expect(after.linkedCount == 2)
    #expect(after.files.reduce(0) { $0 + $1.rowCount } == 19_999)
    let inode = { (folder: String, file: StateFile) in try Syscalls.status(folder + "/" + file.name).inode }
    #expect(try inode(folder, before.files[0]) == inode(next, after.files[0]))
}
