@testable import Collector
import Columns
import Event
import JSON
import Platform
@testable import Sinks
import Testing
import Transport

/// Replays through the routes, with something else going on before its rows are staged.
private final class Interrupted: QuarantineIntake {
    private let routes: ReplayRoutes
    private var disturb: (() throws -> Void)?

    init(_ routes: ReplayRoutes, _ disturb: (() throws -> Void)?) { (self.routes, self.disturb) = (routes, disturb) }

    func begin(_ state: LogState) { routes.begin(state) }
    func claims() -> [PipelineEffect] { routes.claims() }
    func reset() { routes.reset() }

    func take(_ entries: [StoredEntry], to files: StagedFiles?) throws(Failure) -> ReplayVerdicts {
        try routes.take(entries, to: files)
    }

    func flush(to files: StagedFiles) throws(Failure) {
        do { try disturb?() } catch { Issue.record("\(error)") }
        disturb = nil
        try routes.flush(to: files)
    }
}

/// A topic of changes that is filled again and again while some of its changes lie in quarantine, are taken out of
/// it, and go on coming.
@Suite(.serialized) struct SyncQuarantineTests {
    /// Refused while the warehouse's tables have long names themselves.
    private static let longName = "t" + String(repeating: "x", count: 120)

    private struct Change {
        var table: String
        var position: Int
        var row: Int?
        /// Whether the tool numbers rows.
        var isNumbered = true

        var place: [Int64] { [Int64(position), row.map(Int64.init) ?? Int64(UInt32.max)] }
        var text: String {
            let number = row.map { isNumbered ? "\"xoffset\":\($0)," : "" } ?? "\"commit\":true,"
            return "{\"database\":\"shop\",\"table\":\"\(table)\",\"type\":\"insert\",\"ts\":1709100000,"
                + "\"xid\":\(position),\(number)\"position\":\"bin.000001:\(position)\","
                + "\"primary_key_columns\":[\"id\"],\"data\":{\"id\":\(position * 10 + (row ?? 9))}}"
        }
    }

    private func source(_ generator: inout SeededGenerator, isNumbered: Bool = true) -> [Change] {
        var changes: [Change] = []
        for transaction in 0..<Int.random(in: 5...40, using: &generator) {
            let count = Int.random(in: 1...4, using: &generator)
            for row in 0..<count {
                let table = ["t0", Self.longName].randomElement(using: &generator) ?? "t0"
                changes.append(
                    Change(
                        table: table, position: 100 + 10 * transaction, row: row + 1 < count ? row : nil,
                        isNumbered: isNumbered))
            }
        }
        return changes
    }

    private func bench() -> Bench { Bench(["changes": 2], pipelines: []) }

    private func configure(_ bench: Bench, isNarrow: Bool) {
        var sync = SyncSpec(name: "shop", topics: ["changes"], format: .maxwell)
        sync.log.fileFormat = .jsonLines
        sync.log.compression = .none
        if isNarrow { sync.table = "{database}.\(String(repeating: "n", count: 100)){table}" }
        bench.syncs = [sync]
    }

    private func send(_ bench: Bench, _ changes: some Sequence<Change>, partition: Int32 = 0) {
        for change in changes {
            bench.broker.append(
                place("changes", partition), key: nil, value: Array(change.text.utf8), timestamp: 1_800_000_000_000)
        }
    }

    @discardableResult
    private func replay(_ bench: Bench, disturbed: (() throws -> Void)? = nil) throws -> ReplaySummary {
        let storage = try bench.storage()
        let intake = Interrupted(try ReplayRoutes(bench.settings()), disturbed)
        let replay = QuarantineReplay(
            log: CommitLog(storage: storage), storage: storage, filter: QuarantineFilter(), intake: intake)
        return try replay.run()
    }

    private func places(_ bench: Bench, _ table: String) throws -> [[Int64]] {
        var found: [[Int64]] = []
        for folder in ["shop/\(table)_changes", "shop/\(String(repeating: "n", count: 100))\(table)_changes"] {
            for row in (try? bench.rows(folder)) ?? [] {
                guard let value = JSONValue(parsing: row) else { continue }
                found.append([value["place_position"]?.integer ?? -1, value["place_row"]?.integer ?? -1])
            }
        }
        return found.sorted { $0.lexicographicallyPrecedes($1) }
    }

    @Test(arguments: 1...25 as ClosedRange<UInt64>) func everyChangeIsInTheLogOnceHoweverItCame(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let bench = bench()
        let all = source(&generator)
        var sent = 0
        var log: [String] = []
        for _ in 0..<Int.random(in: 2...6, using: &generator) {
            let isNarrow = Bool.random(using: &generator)
            configure(bench, isNarrow: isNarrow)
            if Int.random(in: 0..<3, using: &generator) == 0 {
                log.append("replay \(isNarrow)")
                try replay(bench)
                continue
            }
            // Why to the end: what a tool leaves out and fills in later is not seen as such.
            let from = Bool.random(using: &generator) ? 0 : Int.random(in: 0..<all.count, using: &generator)
            log.append("from \(from) \(isNarrow)")
            send(bench, all[from...], partition: Int32.random(in: 0...1, using: &generator))
            sent += all.count - from
            try bench.collect()
        }
        configure(bench, isNarrow: false)
        try replay(bench)
        send(bench, all)
        sent += all.count
        try bench.collect()
        for table in ["t0", Self.longName] {
            #expect(try places(bench, table) == all.filter { $0.table == table }.map(\.place), "seed \(seed) \(log)")
        }
        let balance = try bench.balance("shop")
        #expect(balance.holds && balance.received == UInt64(sent), "seed \(seed)")
        #expect(balance.written == UInt64(all.count) && balance.quarantined == 0, "seed \(seed)")
    }

    @Test func aDeliveryDuringAReplayIsNotTakenTwice() throws {
        var generator = SeededGenerator(seed: 7)
        let bench = bench()
        let all = source(&generator)
        configure(bench, isNarrow: true)
        send(bench, all)
        try bench.collect()
        configure(bench, isNarrow: false)
        let summary = try replay(bench) {
            send(bench, all)
            try bench.collect()
        }
        #expect(summary.duplicate > 0 && summary.written == 0)
        #expect(try places(bench, Self.longName) == all.filter { $0.table == Self.longName }.map(\.place))
        #expect(try bench.balance("shop").holds)
    }

    @Test func twinsWithoutANumberAreBothTaken() throws {
        let bench = bench()
        configure(bench, isNarrow: true)
        let twin = Change(table: Self.longName, position: 100, row: 0, isNumbered: false)
        send(bench, [twin, twin, Change(table: Self.longName, position: 100, row: nil)])
        try bench.collect()
        configure(bench, isNarrow: false)
        #expect(try replay(bench).written == 3)
        #expect(try places(bench, Self.longName).count == 3)
    }

    @Test func manyHolesLeaveRoomForTheCollector() throws {
        let bench = bench()
        let all = (0..<3_000).map { Change(table: $0 % 2 == 0 ? Self.longName : "t0", position: 100 + 10 * $0, row: 0) }
        configure(bench, isNarrow: true)
        send(bench, all)
        try bench.collect()
        configure(bench, isNarrow: false)
        #expect(try replay(bench).written == 1_500)
        let streams = try bench.state().pipelines["shop"]?.streams.values.filter { $0.table == "shop.\(Self.longName)" }
        #expect(streams?.map(\.covered.count) == [CoverageMap.maximumAloneRangeCount + 1])
        send(bench, all)
        try bench.collect()
        #expect(try places(bench, "t0").count == 1_500)
        // Those that found no room come a second time, which is counted.
        #expect(try bench.state().pipelines["shop"]?.notices["crowded_coverage"] ?? 0 > 400)
        #expect(try places(bench, Self.longName).count < 2_000)
    }
}
