import Event
import Platform

@testable import Sinks

struct FixedClock: Clock {
    func wallMilliseconds() -> Int64 { 1_800_000_000_000 }
    func monotonicNanoseconds() -> Int64 { 0 }
}

/// A collector reduced to its conversation with the log: reads events of partitions from where the log
/// says, stages them, commits, and does what a conflict or a failure asks for.
final class ModelCollector {
    let storage: ModelStorage
    let log: CommitLog
    private let input: ModelInput
    private var generator: SeededGenerator
    private var isOpen = false
    private var attempt: (files: StagedFiles, effects: CommitEffects)?
    /// What it believes to have committed: number and last offset.
    private(set) var committed: [Int] = []

    init(_ disk: ModelDisk, _ input: ModelInput, seed: UInt64) {
        storage = ModelStorage(disk)
        self.input = input
        generator = SeededGenerator(seed: seed)
        log = CommitLog(
            storage: storage, incarnation: Token.make(using: &generator), clock: FixedClock(),
            settings: input.settings)
        var tokens = SeededGenerator(seed: generator.next())
        log.makeToken = { Token.make(using: &tokens) }
    }

    /// Most failures in a row that one call survives.
    private static let patience = 50

    private func insist<Result>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        var count = 0
        while true {
            do throws(Failure) { return try body() } catch {
                count += 1
                if error.kind != .transient || storage.isDead || count > Self.patience { throw error }
            }
        }
    }

    func open() throws(Failure) {
        try insist { () throws(Failure) in try log.open() }
        isOpen = true
    }

    func sweep() throws(Failure) { _ = try insist { () throws(Failure) in try log.sweepOrphans() } }

    /// The next batch of a partition, staged and committed; false when there was nothing to do.
    func collect(_ partition: Int32, count: Int) throws(Failure) -> Bool {
        if !isOpen { try open() }
        let key = PartitionKey(topic: "t", partition: partition)
        let from = log.state.pipelines["p"]?.partitions[key]?.next ?? -1
        let first = max(from, 0)
        let last = min(first + Int64(count), input.count)
        if first >= last { return false }
        let effects: CommitEffects
        let files: StagedFiles
        do throws(Failure) {
            (files, effects) = try stage(partition, from: from, rows: first..<last)
        } catch {
            if error.kind != .transient || storage.isDead { throw error }
            // As the real one: staging failed, everything is read again later.
            try insist { () throws(Failure) in try log.refresh() }
            if log.state.fenced.contains(log.incarnation) { try insist { () throws(Failure) in try log.renew() } }
            return true
        }
        let outcome = try insist { () throws(Failure) in try log.commit(effects) }
        switch outcome {
        case .committed(let number): committed.append(number)
        case .conflict(let reason):
            files.abandon()
            if reason == "fenced" {
                try insist { () throws(Failure) in try log.renew() }
            } else {
                try insist { () throws(Failure) in try log.refresh() }
            }
        }
        return true
    }

    private func stage(
        _ partition: Int32, from: Int64, rows: Range<Int64>
    ) throws(Failure) -> (StagedFiles, CommitEffects) {
        let files = StagedFiles(
            storage: storage, stagingFolder: log.stagingFolder, token: Token.make(using: &generator))
        do throws(Failure) {
            var quarantine = QuarantineWriter()
            for row in rows {
                if input.isQuarantined(row) {
                    try quarantine.append(modelEntry(partition, row), text: "\(partition):\(row)", to: files)
                    continue
                }
                let day = "dt=2026-11-\(20 + row % 2)"
                do { try files.append("\(partition):\(row)\n", partition: day) } catch let error as Failure {
                    throw error
                } catch {
                    throw ModelStorage.dead
                }
            }
            try quarantine.flush(to: files)
            var effects = advance(from, rows.upperBound, partition: partition, files: try files.seal())
            let count = UInt64(rows.count { input.isQuarantined($0) })
            if count > 0 {
                effects.pipelines[0].balance.written -= count
                effects.pipelines[0].balance.quarantined = count
                effects.pipelines[0].rejections = ["missing": count]
                effects.pipelines[0].tables["db.t"]?.written -= count
                effects.pipelines[0].tables["db.t"]?.rejected = count
            }
            var stream = StreamEffect(
                stream: StreamID(high: 1, low: UInt64(partition) + 1), agent: "a", source: "s", topic: "t",
                partition: partition, epoch: 0, lastOffset: rows.upperBound - 1)
            stream.added = [range(UInt64(rows.lowerBound), UInt64(rows.upperBound))]
            effects.pipelines[0].streams = [stream]
            return (files, effects)
        } catch {
            files.abandon()
            throw error
        }
    }

    func collectAll(count: Int = 3) throws(Failure) {
        var isBusy = true
        while isBusy {
            isBusy = false
            for partition in 0..<input.partitionCount where try collect(partition, count: count) { isBusy = true }
        }
    }
}

func modelEntry(_ partition: Int32, _ row: Int64) -> QuarantineEntry {
    QuarantineEntry(
        reason: .missing, pipeline: "p", table: "db.t", topic: "t", partition: partition, offset: row,
        timestamp: 1_800_000_000_000)
}

extension QuarantineWriter {
    mutating func append(_ entry: QuarantineEntry, text: String, to files: StagedFiles) throws(Failure) {
        let bytes = Array(text.utf8)
        var copy = self
        let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
            do throws(Failure) { return .success(try unsafe copy.append(entry, bytes: bytes, to: files)) } catch {
                return .failure(error)
            }
        }
        self = copy
        try result.get()
    }
}

/// What there is to collect.
struct ModelInput {
    var partitionCount: Int32 = 1
    /// Events in each partition.
    var count: Int64 = 6
    var checkpointEvery = 2
    var keptRecordCount = 0
    var window = 1_000
    /// Every so many rows one goes to quarantine; 0: none.
    var quarantineEvery: Int64 = 0

    func isQuarantined(_ row: Int64) -> Bool { quarantineEvery > 0 && row % quarantineEvery == 0 }

    var settings: CommitLogSettings {
        var settings = CommitLogSettings()
        settings.checkpointEvery = checkpointEvery
        settings.keptRecordCount = keptRecordCount
        settings.window = window
        return settings
    }
}

/// The one oracle.
enum Oracle {
    /// A fresh collector recovers and completes the input; then everything must be there once, and
    /// still be there after a last power loss.
    static func complaints(_ disk: ModelDisk, _ input: ModelInput, seed: UInt64) -> [String] {
        var complaints: [String] = []
        let last = ModelCollector(disk, input, seed: seed)
        do throws(Failure) {
            try last.open()
            try last.sweep()
            try last.collectAll()
        } catch {
            complaints.append("the recovery failed: \(error)")
        }
        complaints += disk.violations
        if !last.log.absentFiles.isEmpty { complaints.append("files are gone: \(last.log.absentFiles.map(\.final))") }
        complaints += rows(disk, input, "") + books(last.log.state, input)
        disk.losePower(.everything)
        complaints += rows(disk, input, " after a power loss")
        let reader = CommitLog(storage: ModelStorage(disk), settings: input.settings)
        do throws(Failure) {
            try reader.load()
            if reader.state != last.log.state { complaints.append("the log says something else after a power loss") }
        } catch {
            complaints.append("the log cannot be read after a power loss: \(error)")
        }
        return complaints
    }

    private static func rows(_ disk: ModelDisk, _ input: ModelInput, _ when: String) -> [String] {
        var counts: [String: Int] = [:]
        for (_, bytes) in disk.files(below: "db") {
            for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
                counts[String(line), default: 0] += 1
            }
        }
        var complaints: [String] = []
        for partition in 0..<input.partitionCount {
            for row in 0..<input.count {
                let count = counts.removeValue(forKey: "\(partition):\(row)") ?? 0
                if count != 1 { complaints.append("row \(partition):\(row) is there \(count) times\(when)") }
            }
        }
        return complaints + counts.keys.map { "row \($0) was never sent\(when)" }
    }

    private static func books(_ state: LogState, _ input: ModelInput) -> [String] {
        guard let pipeline = state.pipelines["p"] else { return ["the log knows no pipeline"] }
        var complaints: [String] = []
        let expected = UInt64(input.count) * UInt64(input.partitionCount)
        if pipeline.balance.received != expected || !pipeline.balance.holds {
            complaints.append("the balance is \(pipeline.balance), not \(expected)")
        }
        for partition in 0..<input.partitionCount {
            let next = pipeline.partitions[PartitionKey(topic: "t", partition: partition)]?.next
            if next != input.count { complaints.append("partition \(partition) stands at \(next ?? -1)") }
            let covered = pipeline.streams[StreamID(high: 1, low: UInt64(partition) + 1)]?.covered.ranges
            if covered != [range(0, UInt64(input.count))] { complaints.append("coverage is \(covered ?? [])") }
        }
        return complaints
    }
}
