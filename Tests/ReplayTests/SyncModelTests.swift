import Change
import Columns
import Event
import Platform
import Schema
import Synchronization
import Testing

@testable import Replay

/// Days of a model database, delivered in files in any order, some twice, some late, with runs that end anywhere:
/// every day's tables are to be what the database was.
private struct ModelRun {
    let seed: UInt64
    let warehouse: SampleWarehouse
    private var database: ModelDatabase
    private var expected: [(day: String, tables: [String: ModelTable])] = []
    private var late: [(changes: [ChangeSample], table: String?, day: String)] = []
    private let unique: Bool
    private let marks: Bool
    private let keepsAll: Bool
    private let dayCount: Int

    init(seed: UInt64) throws {
        self.seed = seed
        warehouse = try SampleWarehouse()
        marks = seed % 5 == 1
        unique = seed % 3 == 1
        keepsAll = seed % 4 != 3
        database = ModelDatabase(seed: seed, marks: marks)
        dayCount = keepsAll ? 3 : 4
    }

    private var spec: SyncSpec {
        var spec = sync([
            rule("*") { rule in
                if marks { rule.deletes = .mark }
                if unique { rule.unique = .columns(["v"]) }
            }
        ])
        if !keepsAll { spec.keepMilliseconds = 86_400_000 }
        return spec
    }

    mutating func live() throws {
        for number in 0..<dayCount {
            let day = "2026-11-2\(number)"
            for _ in 0..<24 { database.act() }
            for (table, changes) in database.log.sorted(by: { ($0.key ?? "") < ($1.key ?? "") }) {
                // In several files, in any order, and some twice.
                var changes = changes + changes.filter { _ in Int.random(in: 0..<9, using: &database.generator) == 0 }
                changes.shuffle(using: &database.generator)
                let cut = Int.random(in: 0...changes.count, using: &database.generator)
                for part in [Array(changes[..<cut]), Array(changes[cut...])] where !part.isEmpty {
                    // Nothing may come late for days that are not kept.
                    if keepsAll, Int.random(in: 0..<4, using: &database.generator) == 0 {
                        late.append((part, table, day))
                    } else {
                        try warehouse.write(part, to: table, day: day)
                    }
                }
            }
            database.log = [:]
            expected.append((day, database.tables))
            if !keepsAll, number < dayCount - 1, Bool.random(using: &database.generator) { run(ending: 200) }
        }
    }

    private func replay() throws -> SyncReplay {
        var generator = SeededGenerator(seed: seed &+ 1_000_000)
        var replay = try SyncReplay(spec, warehouse: warehouse.path, threadCount: Int(1 + seed % 2))
        replay.settings.limits = StateWriter.Limits(
            fileRowCount: [5, 9].randomElement(using: &generator) ?? 5, groupRowCount: 3)
        replay.settings.sortByteCount = [400, 2_000, 1 << 20].randomElement(using: &generator) ?? 400
        return replay
    }

    /// A run that ends before one of its steps.
    private mutating func run(ending range: Int) {
        let left = Atomic<Int>(Int.random(in: 0..<range, using: &database.generator))
        guard var replay = try? replay() else { return }
        replay.store.beforeStep = { (name) throws(Failure) in
            if left.wrappingSubtract(1, ordering: .relaxed).newValue < 0 {
                throw Failure("test.end", stage: .sink, kind: .fatal, "ended before \(name)")
            }
        }
        _ = try? replay.run()
    }

    /// What is wrong at the end.
    mutating func complaints() throws -> [String] {
        // Runs that end anywhere, before and after the late files come.
        for _ in 0..<2 { run(ending: 60) }
        for (changes, table, day) in late { try warehouse.write(changes, to: table, day: day) }
        for _ in 0..<2 { run(ending: 90) }
        let report = try replay().run()
        var complaints = report.problems
        let kept = keepsAll ? expected : expected.suffix(2)
        for (day, tables) in kept {
            for name in ["a", "b", "d"] {
                let rows = tables[name]?.visible(unique: unique ? ["v"] : nil, marks: marks)
                let found = try warehouse.visible(name, day)
                if found != rows { complaints.append("\(name) on \(day): \(found as Any) is not \(rows as Any)") }
            }
        }
        for day in report.days where !day.contradictions.isEmpty || !day.rejections.isEmpty {
            complaints.append("\(day)")
        }
        let again = try replay().run()
        if again.days.contains(where: \.isMade) { complaints.append("made again") }
        return complaints
    }
}

@Suite struct SyncModelTests {
    /// Seeds in all; `make models` and MILLRACE_SEEDS: more.
    private static let count: Int = {
        if let text = Environment.value(of: "MILLRACE_SEEDS"), let count = Int(text) { return count }
        return Environment.value(of: "MILLRACE_MODELS") == "all" ? 10_000 : 24
    }()
    private static let first = Environment.value(of: "MILLRACE_FIRST_SEED").flatMap { Int($0) } ?? 0

    /// In stretches, so that several are at work.
    @Test(arguments: 0..<4)
    func everyDayIsWhatTheDatabaseWas(part: Int) throws {
        for seed in stride(from: Self.first + part, to: Self.first + Self.count, by: 4) {
            var run = try ModelRun(seed: UInt64(seed))
            try run.live()
            let complaints: [String]
            do { complaints = try run.complaints() } catch { complaints = ["\(error)"] }
            #expect(complaints.isEmpty, "seed \(seed): \(complaints)")
        }
    }
}
