import Event
import Platform
import Testing

@testable import Sinks

/// A fault at every position of a whole life: collect, commit, checkpoint, prune, publish, recover, sweep.
struct FaultScenario {
    enum Kind: String, CaseIterable {
        case error, lostReply, crash, powerAll, powerNone, powerSome, sleepOne, sleepMany, sleepFenced
    }

    var input = ModelInput()
    /// A collector died before, leaving staged files.
    var hasOrphan = false

    /// Runs with a fault at step `position` of the first collector; 0: none. Returns its step count.
    func run(
        _ kind: Kind, at position: Int, second: Int = 0, of secondKind: Kind? = nil, seed: UInt64,
        isTracing: Bool = false
    )
        -> (complaints: [String], steps: Int, trace: [String])
    {
        let disk = ModelDisk(seed: seed)
        if kind == .sleepFenced { disk.hasLocks = false }
        if hasOrphan { leaveOrphan(disk, seed: seed) }
        let collector = ModelCollector(disk, input, seed: seed &+ 1)
        var rest = second
        collector.storage.isTracing = isTracing
        collector.storage.fault = { step in
            if step == position { return fault(kind, disk, seed) }
            if step > position, rest > 0 {
                rest -= 1
                if rest == 0 { return fault(secondKind ?? kind, disk, seed &+ 50) }
            }
            return nil
        }
        live(collector)
        if second > 0, collector.storage.isDead {
            let again = ModelCollector(disk, input, seed: seed &+ 100)
            again.storage.fault = { step in step == second ? fault(secondKind ?? kind, disk, seed &+ 150) : nil }
            live(again)
        }
        let steps = collector.storage.stepCount
        collector.storage.crash()
        return (Oracle.complaints(disk, input, seed: seed &+ 200), steps, collector.storage.trace)
    }

    private func live(_ collector: ModelCollector) {
        do throws(Failure) {
            try collector.open()
            try collector.sweep()
            try collector.collectAll()
        } catch {
            // It died, or gave up: the oracle's collector goes on.
        }
    }

    private func leaveOrphan(_ disk: ModelDisk, seed: UInt64) {
        let orphan = ModelCollector(disk, input, seed: seed &+ 300)
        orphan.storage.fault = { step in step == 30 ? .crash : nil }
        live(orphan)
        disk.now += 7_200_000
    }

    private func fault(_ kind: Kind, _ disk: ModelDisk, _ seed: UInt64) -> ModelStorage.Fault {
        switch kind {
        case .error: .error
        case .lostReply: .lostReply
        case .crash: .crash
        case .powerAll: .powerLoss(.everything)
        case .powerNone: .powerLoss(.nothing)
        case .powerSome: .powerLoss(.some)
        case .sleepOne: .sleep { others(disk, seed, batches: 1) }
        case .sleepMany: .sleep { others(disk, seed, batches: 100) }
        case .sleepFenced:
            .sleep {
                disk.now += 7_200_000
                others(disk, seed, batches: 2)
            }
        }
    }

    /// Another collector opens, sweeps and commits while the first one sleeps.
    private func others(_ disk: ModelDisk, _ seed: UInt64, batches: Int) {
        let other = ModelCollector(disk, input, seed: seed &+ 400)
        do throws(Failure) {
            try other.open()
            try other.sweep()
            for _ in 0..<batches {
                for partition in 0..<input.partitionCount { _ = try other.collect(partition, count: 1) }
            }
        } catch {
            disk.violations.append("the other one failed: \(error)")
        }
        other.storage.crash()
    }
}

@Suite struct FaultTests {
    static let scenarios: [FaultScenario] = [
        FaultScenario(),
        FaultScenario(input: ModelInput(partitionCount: 2, count: 4, checkpointEvery: 1)),
        FaultScenario(input: ModelInput(count: 6, checkpointEvery: 3, keptRecordCount: 1), hasOrphan: true),
        FaultScenario(input: ModelInput(count: 8, checkpointEvery: 1, window: 3), hasOrphan: true),
    ]

    @Test(arguments: FaultScenario.Kind.allCases)
    func aFaultAtAnyStepLosesAndDoublesNothing(_ kind: FaultScenario.Kind) {
        for (index, scenario) in Self.scenarios.enumerated() {
            let whole = scenario.run(kind, at: 0, seed: 1)
            #expect(whole.complaints.isEmpty, "scenario \(index) without a fault: \(whole.complaints)")
            for position in 1...(whole.steps + 1) {
                let outcome = scenario.run(kind, at: position, seed: UInt64(position))
                if outcome.complaints.isEmpty { continue }
                let trace = scenario.run(kind, at: position, seed: UInt64(position), isTracing: true).trace
                Issue.record("scenario \(index), \(kind) at \(position): \(outcome.complaints) \(trace.suffix(5))")
                break
            }
        }
    }

    /// One dies between putting a record and syncing its name, the next one meets it, and the power fails.
    @Test(arguments: [FaultScenario.Kind.powerAll, .powerSome])
    func whoActsOnWhatAnotherDidNotSyncLosesNothing(_ kind: FaultScenario.Kind) {
        let scenario = Self.scenarios[0]
        let trace = scenario.run(.crash, at: 0, seed: 5, isTracing: true).trace
        let positions = trace.indices.filter { trace[$0].contains("syncFolder _millrace/log/") }.map { $0 + 1 }
        #expect(positions.count >= 2)
        for position in positions {
            for second in 1...45 {
                let outcome = scenario.run(.crash, at: position, second: second, of: kind, seed: 5)
                if outcome.complaints.isEmpty { continue }
                Issue.record("crash at \(trace[position - 1]), then \(kind) at \(second): \(outcome.complaints)")
                return
            }
        }
    }

    @Test(arguments: FaultScenario.Kind.allCases)
    func twoFaultsInARowLoseAndDoubleNothing(_ kind: FaultScenario.Kind) {
        let scenario = Self.scenarios[2]
        let steps = scenario.run(kind, at: 0, seed: 1).steps
        for position in stride(from: 1, through: steps, by: 11) {
            for second in stride(from: 1 + position % 3, through: 60, by: 7) {
                let outcome = scenario.run(
                    kind, at: position, second: second, seed: UInt64(position * 1_000 + second))
                if outcome.complaints.isEmpty { continue }
                Issue.record("\(kind) at \(position), then \(second): \(outcome.complaints)")
                return
            }
        }
    }
}
