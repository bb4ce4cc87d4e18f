import Event
import Platform

@testable import Sinks

/// Routes of the model: by its number a row is written now, is rejected as before, or for another reason.
final class ModelIntake: QuarantineIntake {
    enum Fate { case written, filtered, same, other }

    /// Rows 0, 2, 4, ... go to quarantine; of those.
    static func fate(_ row: Int64) -> Fate {
        switch row % 10 {
        case 2: .filtered
        case 4: .same
        case 6: .other
        default: .written
        }
    }

    private var held: [String] = []

    func take(_ entries: [StoredEntry], to files: StagedFiles?) throws(Failure) -> ReplayVerdicts {
        var result = ReplayVerdicts([])
        for entry in entries {
            let text = String(decoding: entry.bytes, as: UTF8.self)
            switch Self.fate(entry.offset) {
            case .written:
                if files != nil { held.append(text) }
                result.rows["p", default: [:]]["db.t", default: 0] += 1
                result.verdicts.append(.outcomes([.written]))
            case .filtered: result.verdicts.append(.outcomes([.filtered]))
            case .same: result.verdicts.append(.outcomes([.rejected(ReplayRefusal(reason: .missing, table: "db.t", column: nil))]))
            case .other:
                let refusal = ReplayRefusal(reason: .outOfRange, table: "db.t", column: "n")
                result.verdicts.append(.outcomes([.rejected(refusal)]))
            }
        }
        return result
    }

    func begin(_ state: LogState) {}
    func claims() -> [PipelineEffect] { [] }

    func flush(to files: StagedFiles) throws(Failure) {
        guard !held.isEmpty else { return }
        do { try files.append(held.map { $0 + "\n" }.joined(), partition: "dt=2026-11-20") } catch let error as Failure {
            throw error
        } catch {
            throw ModelStorage.dead
        }
        held = []
    }

    func reset() { held = [] }
}

/// One process that replays what is in quarantine.
final class ModelReplayer {
    let storage: ModelStorage
    let log: CommitLog
    private let replay: QuarantineReplay

    init(_ disk: ModelDisk, _ input: ModelInput, seed: UInt64, byteLimit: Int = 1, fileRangeLimit: Int = 1_024) {
        var generator = SeededGenerator(seed: seed)
        storage = ModelStorage(disk)
        log = CommitLog(
            storage: storage, incarnation: Token.make(using: &generator), clock: FixedClock(), settings: input.settings)
        var tokens = SeededGenerator(seed: generator.next())
        log.makeToken = { Token.make(using: &tokens) }
        replay = QuarantineReplay(log: log, storage: storage, filter: QuarantineFilter(), intake: ModelIntake())
        var names = SeededGenerator(seed: generator.next())
        replay.makeToken = { Token.make(using: &names) }
        replay.pause = { _ in }
        replay.byteLimit = byteLimit
        replay.fileRangeLimit = fileRangeLimit
    }

    func run() throws(Failure) -> ReplaySummary { try replay.run() }
}

/// After everything: each row is written once or open in quarantine once, and the books say the same.
enum ReplayOracle {
    static func complaints(_ disk: ModelDisk, _ input: ModelInput, seed: UInt64) -> [String] {
        var complaints: [String] = []
        let collector = ModelCollector(disk, input, seed: seed)
        let last = ModelReplayer(disk, input, seed: seed &+ 1, byteLimit: 1 << 20)
        do throws(Failure) {
            try collector.open()
            try collector.sweep()
            try collector.collectAll()
            _ = try last.run()
            try collector.sweep()
        } catch {
            complaints.append("the recovery failed: \(error)")
        }
        complaints += disk.violations
        complaints += state(disk, input, "")
        disk.losePower(.everything)
        return complaints + state(disk, input, " after a power loss")
    }

    private static func state(_ disk: ModelDisk, _ input: ModelInput, _ when: String) -> [String] {
        let storage = ModelStorage(disk)
        let log = CommitLog(storage: storage, settings: input.settings)
        do throws(Failure) {
            try log.load()
            let open = try openEntries(storage, log.state.quarantine)
            return rows(disk, input, open, when) + books(log.state, input, when)
        } catch {
            return ["the warehouse cannot be read\(when): \(error)"]
        }
    }

    static func openEntries(
        _ storage: ModelStorage, _ state: QuarantineState
    ) throws(Failure) -> [String: [String]] {
        var open: [String: [String]] = [:]
        for file in try QuarantineFile.list(in: storage, QuarantineFilter()) {
            var lines = QuarantineLines(file, in: storage)
            while let line = try lines.next() {
                let number = lines.place.line
                if state.closed[file.name]?.contains(range(number, number + 1)) == true { continue }
                guard let entry = try? StoredEntry.reading(
                    line, id: EntryID(file: file.file, line: number), day: file.day)
                else { continue }
                open[String(decoding: entry.bytes, as: UTF8.self), default: []].append(entry.reason)
            }
        }
        return open
    }

    private static func rows(
        _ disk: ModelDisk, _ input: ModelInput, _ open: [String: [String]], _ when: String
    ) -> [String] {
        var counts: [String: Int] = [:]
        for (_, bytes) in disk.files(below: "db") {
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                counts[String(line), default: 0] += 1
            }
        }
        var complaints: [String] = []
        for partition in 0..<input.partitionCount {
            for row in 0..<input.count {
                let name = "\(partition):\(row)"
                let fate = input.isQuarantined(row) ? ModelIntake.fate(row) : .written
                let reasons: [String] = fate == .same ? ["missing"] : fate == .other ? ["out_of_range"] : []
                let expected = fate == .written ? 1 : 0
                let count = counts.removeValue(forKey: name) ?? 0
                if count != expected { complaints.append("row \(name) is there \(count) times, not \(expected)\(when)") }
                if (open[name] ?? []) != reasons { complaints.append("\(name) is open as \(open[name] ?? [])\(when)") }
            }
        }
        return complaints + counts.keys.map { "row \($0) was never sent\(when)" }
    }

    private static func books(_ state: LogState, _ input: ModelInput, _ when: String) -> [String] {
        guard let pipeline = state.pipelines["p"] else { return ["the log knows no pipeline\(when)"] }
        var fates: [ModelIntake.Fate: UInt64] = [:]
        for row in 0..<input.count where input.isQuarantined(row) {
            fates[ModelIntake.fate(row), default: 0] += UInt64(input.partitionCount)
        }
        var expected = Balance()
        expected.received = UInt64(input.count) * UInt64(input.partitionCount)
        expected.filtered = fates[.filtered] ?? 0
        expected.quarantined = (fates[.same] ?? 0) + (fates[.other] ?? 0)
        expected.written = expected.received - expected.filtered - expected.quarantined
        var complaints: [String] = []
        if pipeline.balance != expected || !pipeline.balance.holds {
            complaints.append("the balance is \(pipeline.balance), not \(expected)\(when)")
        }
        let counts = RowCounts(written: expected.written, rejected: expected.quarantined)
        if pipeline.tables["db.t"] != counts { complaints.append("the table has \(pipeline.tables)\(when)") }
        var reasons: [String: UInt64] = [:]
        reasons["missing"] = fates[.same]
        reasons["out_of_range"] = fates[.other]
        if pipeline.rejections != reasons { complaints.append("rejections are \(pipeline.rejections)\(when)") }
        if pipeline.replayed != fates[.written] ?? 0 { complaints.append("replayed \(pipeline.replayed)\(when)") }
        return complaints
    }
}
