import Event
import Platform
import Testing

@testable import Sinks

/// Several collectors that all believe they own every partition, each put to sleep, hit by errors or
/// killed at random steps while the others go on; power losses in between.
final class RandomWarehouse {
    private let disk: ModelDisk
    private var input: ModelInput
    private var generator: SeededGenerator
    private let seed: UInt64
    private var collectors: [ModelCollector] = []
    /// Indices that are in the middle of something (asleep below us on the stack).
    private var busy: Set<Int> = []
    private var isQuiet = false
    private(set) var log: [String] = []
    /// Chances of a fault per step, in thousandths.
    private let chances: (sleep: Int, error: Int, lost: Int, crash: Int, power: Int)

    init(seed: UInt64) {
        self.seed = seed
        generator = SeededGenerator(seed: seed)
        disk = ModelDisk(seed: seed &+ 1)
        disk.hasLocks = seed % 3 != 0
        input = ModelInput(
            partitionCount: Int32.random(in: 1...2, using: &generator),
            count: Int64.random(in: 4...10, using: &generator),
            checkpointEvery: Int.random(in: 1...3, using: &generator),
            keptRecordCount: Int.random(in: 0...2, using: &generator),
            window: Bool.random(using: &generator) ? 3 : 1_000)
        chances = (
            sleep: Int.random(in: 5...60, using: &generator), error: Int.random(in: 0...10, using: &generator),
            lost: Int.random(in: 0...10, using: &generator), crash: Int.random(in: 0...10, using: &generator),
            power: Int.random(in: 0...4, using: &generator)
        )
        for _ in 0..<3 { collectors.append(make()) }
    }

    private func make() -> ModelCollector {
        let collector = ModelCollector(disk, input, seed: generator.next())
        collector.storage.fault = { [unowned self] _ in fault() }
        return collector
    }

    private func fault() -> ModelStorage.Fault? {
        if isQuiet { return nil }
        var die = Int.random(in: 0..<1_000, using: &generator)
        func falls(_ chance: Int) -> Bool {
            defer { die -= chance }
            return die >= 0 && die < chance
        }
        if falls(chances.sleep) {
            return busy.count >= collectors.count
                ? nil
                : .sleep { [unowned self] in
                    if Int.random(in: 0..<4, using: &generator) == 0 { disk.now += 7_200_000 }
                    for _ in 0..<Int.random(in: 1...4, using: &generator) { act() }
                }
        }
        if falls(chances.error) { return .error }
        if falls(chances.lost) { return .lostReply }
        if falls(chances.crash) { return .crash }
        if falls(chances.power) {
            return .powerLoss([.everything, .nothing, .some][Int.random(in: 0..<3, using: &generator)])
        }
        return nil
    }

    private func act() {
        let free = collectors.indices.filter { !busy.contains($0) }
        guard let index = free.randomElement(using: &generator) else { return }
        busy.insert(index)
        defer { busy.remove(index) }
        if collectors[index].storage.isDead { collectors[index] = make() }
        let collector = collectors[index]
        do throws(Failure) {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0:
                try collector.open()
                try collector.sweep()
            case 1: try collector.collectAll(count: 1)
            default:
                _ = try collector.collect(
                    Int32.random(in: 0..<input.partitionCount, using: &generator),
                    count: Int.random(in: 1...3, using: &generator))
            }
        } catch {
            if error.kind == .corrupt { disk.violations.append("somebody saw \(error)") }
        }
    }

    func complaints() -> [String] {
        for _ in 0..<25 { act() }
        isQuiet = true
        for collector in collectors { collector.storage.crash() }
        collectors = []
        return Oracle.complaints(disk, input, seed: seed &+ 7)
    }
}

@Test func collectorsThatSleepAndDieAtRandomLoseAndDoubleNothing() {
    for seed in 1...UInt64(200) {
        let complaints = RandomWarehouse(seed: seed).complaints()
        if complaints.isEmpty { continue }
        Issue.record("seed \(seed): \(complaints)")
        break
    }
}
