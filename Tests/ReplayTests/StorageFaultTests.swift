import Change
import Columns
import Event
import Platform
import Schema
import Synchronization
import Testing
import TimeZone

@testable import Replay

/// Two deliveries of changes, each followed by a run: keys and twins, a key that changes, late changes, a renamed
/// and a dropped table, days that are removed. What a run leaves is looked at as bytes.
struct FaultStory {
    static let spec: SyncSpec = {
        var spec = sync([
            rule("shop.events") { $0.unique = .except(["id"]) }, rule("shop.cart") { $0.unique = .columns(["who"]) },
            rule("shop.orders") { $0.deletes = .mark },
        ])
        spec.keepMilliseconds = 86_400_000
        return spec
    }()

    let warehouse: SampleWarehouse

    init() throws { warehouse = try SampleWarehouse() }

    var replay: SyncReplay {
        get throws {
            let passed = CivilDay.number(of: "2026-11-22")
            var replay = try SyncReplay(Self.spec, warehouse: warehouse.path, passedDay: passed)
            replay.settings.limits = StateWriter.Limits(fileRowCount: 6, groupRowCount: 3)
            // Spills at every few changes.
            replay.settings.sortByteCount = 2_000
            return replay
        }
    }

    func deliverFirst() throws {
        try warehouse.write([ddl(orders, at: 1), ddl(events, at: 2), ddl(cart, at: 3)], to: nil, day: "2026-11-20")
        for (number, day) in ["2026-11-19", "2026-11-20", "2026-11-21"].enumerated() {
            let base = Int64(100 * number + 10)
            try warehouse.write(
                (0..<14).map { insert("orders", #"{"id":\#($0 + 10 * Int64(number)),"item":"a","amount":1}"#, at: base + $0) },
                to: "orders", day: day)
            try warehouse.write(
                (0..<5).map { insert("events", #"{"id":\#($0 + base),"who":"a","what":"\#($0 % 3)"}"#, at: base + $0) },
                to: "events", day: day)
            try warehouse.write(
                (0..<5).map { insert("cart", #"{"who":"\#($0 % 2)","what":"x"}"#, at: base + $0) }, to: "cart", day: day)
        }
    }

    func deliverSecond() throws {
        try warehouse.write(
            [
                ddl("ALTER TABLE orders ADD COLUMN note VARCHAR(9) DEFAULT 'n', MODIFY item INT", at: 305),
                ddl("ALTER TABLE cart ADD PRIMARY KEY (who, what)", at: 320), ddl("DROP TABLE events", at: 330),
            ], to: nil, day: "2026-11-22")
        try warehouse.write([delete("orders", #"{"id":3,"item":"a","amount":1}"#, at: 290)], to: "orders", day: "2026-11-21")
        try warehouse.write(
            [insert("orders", #"{"id":70,"item":"tea","amount":2}"#, at: 300), delete("orders", #"{"id":5,"item":"1","amount":1,"note":"n"}"#, at: 310)],
            to: "orders", day: "2026-11-22")
        try warehouse.write([delete("cart", #"{"who":"0","what":"x"}"#, at: 310)], to: "cart", day: "2026-11-22")
    }

    /// All files that a run made, with their bytes.
    func files() throws -> [String: [UInt8]] {
        var found: [String: [UInt8]] = [:]
        for folder in ["shop", "_millrace/state"] {
            try add(warehouse.path + "/" + folder, folder, to: &found)
        }
        return found
    }

    private func add(_ path: String, _ name: String, to found: inout [String: [UInt8]]) throws {
        if name.hasSuffix("_changes") || name == "_millrace/state/scratch" || name == "_millrace/state/lock" { return }
        guard let status = try? Syscalls.status(path) else { return }
        if status.isDirectory {
            found[name + "/"] = []
            for entry in try Syscalls.list(path) { try add(path + "/" + entry, name + "/" + entry, to: &found) }
        } else {
            found[name] = try DurableFile.read(path, maximum: 64 << 20)
        }
    }

    /// Visible folders of days, each as one text of its names and bytes.
    static func days(_ files: [String: [UInt8]]) -> [String: [String: UInt64]] {
        var days: [String: [String: UInt64]] = [:]
        for (name, bytes) in files where name.hasPrefix("shop/") && !name.hasSuffix("/") {
            // What says that a day is complete is no part of what it holds.
            guard !name.hasSuffix("/_SUCCESS") else { continue }
            days[DurableFile.parent(of: name), default: [:]][DurableFile.name(of: name)] = Hash.xxh3(bytes)
        }
        return days
    }

    enum Fault: CaseIterable { case error, crash }

    /// Runs with a fault at a storage operation. Returns how many there were.
    func run(_ fault: Fault?, at position: Int) throws -> Int {
        let count = Mutex(0)
        let replay = try replay
        SyscallFaults.with({ _, _ in
            count.withLock { count in
                count += 1
                switch fault {
                case nil: return nil
                case .error: return count == position ? .inputOutput : nil
                case .crash: return count >= position ? .inputOutput : nil
                }
            }
        }) { _ = try? replay.run() }
        return count.withLock { $0 }
    }
}

@Suite struct StorageFaultTests {
    /// Every how many operations a fault is tried; `make models`: at all.
    private static var step: Int { Environment.value(of: "MILLRACE_MODELS") == nil ? 151 : 1 }

    @Test(arguments: [false, true])
    func aFaultAtAnyOperationIsMadeGoodByTheNextRun(inSecondRun: Bool) throws {
        let whole = try FaultStory()
        try whole.deliverFirst()
        var operationCount = try whole.run(nil, at: 0)
        let first = try whole.files()
        try whole.deliverSecond()
        let secondCount = try whole.run(nil, at: 0)
        let second = try whole.files()
        if inSecondRun { operationCount = secondCount }
        try #require(operationCount > 500 && operationCount < 100_000 && second.count > 30 && first != second)
        #expect(try whole.run(nil, at: 0) < operationCount / 2, "a run that has nothing to do")
        #expect(try whole.files() == second)

        for fault in FaultStory.Fault.allCases {
            let start = Environment.value(of: "MILLRACE_FAULT").flatMap { Int($0) } ?? 1 + Int.random(in: 0..<Self.step)
            for position in stride(from: start, through: operationCount, by: Self.step) {
                let story = try FaultStory()
                try story.deliverFirst()
                if inSecondRun {
                    _ = try story.run(nil, at: 0)
                    try story.deliverSecond()
                }
                _ = try story.run(fault, at: position)
                // What readers see meanwhile is whole: the day as it was, or as it is to be.
                let seen = FaultStory.days(try story.files())
                let allowed = [FaultStory.days(inSecondRun ? first : [:]), FaultStory.days(inSecondRun ? second : first)]
                for (day, files) in seen where !allowed.contains(where: { $0[day] == files }) {
                    Issue.record("\(fault) at \(position): \(day) holds \(files.keys.sorted())")
                }
                do { _ = try story.replay.run() } catch {
                    Issue.record("\(fault) at \(position): \(error)")
                    return
                }
                let found = try story.files()
                let expected = inSecondRun ? second : first
                let differing = Set(found.keys).union(expected.keys).filter { found[$0] != expected[$0] }
                #expect(differing.isEmpty, "\(fault) at \(position): \(differing.sorted())")
                if !differing.isEmpty { return }
            }
        }
    }
}
