import Agent
import Configuration
import Event
import Glibc
import Platform
import Testing

/// A log directory under random rotation, a source that is stopped, starved and unacknowledged at random,
/// and the list of all lines ever written. Lines are unique, so the oracle is a comparison of multisets.
private final class RotationModel {
    let bench: Bench
    var generator: SeededGenerator
    var written: [String] = []
    /// Lines that the model itself took away before anybody could read them.
    var serial = 0
    /// The unterminated text at the end of app.log.
    var partial = ""
    var rotations = 0
    var log: [String] = []
    /// The first line of every generation; empty: none.
    var header = ""
    /// Whether the agent is down.
    var isDown = false
    /// Whether the agent ever saw the log: nothing says that an older one is one of its generations.
    var isKnown = false
    /// What the writer is about to do, step by step, between two system calls of the agent.
    var pending: [() -> Void] = []

    init(seed: UInt64, copies: Bool, races: Bool = false) {
        var generator = SeededGenerator(seed: seed)
        let pack = [0, 1, 40, 200, 65_536].randomElement(using: &generator) ?? 1
        let maximum = [30, 64, 1_000, 524_288].randomElement(using: &generator) ?? 30
        let pattern = Bool.random(using: &generator) ? "app.log" : "app.log*"
        bench = Bench([pattern], seed: seed) {
            $0.packByteCount = pack
            $0.maximumRecordByteCount = maximum
        }
        self.copies = copies
        self.races = races
        self.generator = generator
        log.append("pack \(pack) record \(maximum) pattern \(pattern)")
        if Bool.random(using: &self.generator) {
            header = "#" + String(repeating: "h", count: Int.random(in: 1...200, using: &self.generator))
        }
    }
    let copies: Bool
    /// Whether rotations happen in the middle of looks and reads.
    let races: Bool

    /// Runs what the agent does; the writer's next steps come in between.
    func among<Result>(_ body: () -> Result) -> Result {
        guard !pending.isEmpty else { return body() }
        nonisolated(unsafe) let model = self
        return SyscallFaults.with({ _, _ in
            SyscallFaults.with({ _, _ in nil }) { unsafe model.goOn() }
            return nil
        }) { body() }
    }

    func goOn() {
        if !pending.isEmpty, Int.random(in: 0..<12, using: &generator) == 0 { pending.removeFirst()() }
    }

    /// The writer ends what it is about.
    func drain() {
        while !pending.isEmpty { pending.removeFirst()() }
    }

    func line() -> String {
        serial += 1
        let padding = String(repeating: "x", count: Int.random(in: 0...60, using: &generator))
        return "\(serial):\(padding)"
    }

    func write() {
        var text = ""
        // A generation that comes and goes within one tick of the clock is not told from one that was there before.
        if !exists { bench.waitForFileClock() }
        if !header.isEmpty, byteCount == 0 {
            written.append(header)
            text = header + "\n"
            if Int.random(in: 0..<4, using: &generator) == 0 {
                bench.append("app.log", text)
                return
            }
        }
        for _ in 0..<Int.random(in: 1...20, using: &generator) {
            let line = line()
            written.append(partial + line)
            partial = ""
            text += line + "\n"
        }
        if Int.random(in: 0..<3, using: &generator) == 0 {
            partial = line()
            text += partial
        }
        bench.append("app.log", text)
    }

    /// Moves app.log.1 to .2 and so on, so that .1 is free.
    func shift() {
        for number in stride(from: rotations, to: 0, by: -1) {
            let path = bench.path("app.log.\(number)")
            if (try? Syscalls.status(path)) != nil { bench.rename("app.log.\(number)", "app.log.\(number + 1)") }
        }
        rotations += 1
    }

    /// Why: a generation of nothing but the common first line is like the beginning of every other one; whose
    /// copy a file is then stays open, by one such line.
    func fillGeneration() {
        guard !header.isEmpty, byteCount == UInt64(header.utf8.count + 1) else { return }
        let line = line()
        written.append(line)
        bench.append("app.log", line + "\n")
    }

    /// A writer that ends its file ends its line, or leaves it: then the last line is what it is.
    func endFile() {
        if partial.isEmpty { return }
        written.append(partial)
        partial = ""
    }

    func rename() {
        guard exists else { return }
        fillGeneration()
        if races { bench.waitForFileClock() }
        // Why: every generation is seen once; one that came and went between two looks is out of reach.
        look()
        guard races, !isDown else {
            shift()
            bench.rename("app.log", "app.log.1")
            endFile()
            return
        }
        beginRename()
    }

    func beginRename() {
        pending = [
            { self.shift() }, { self.bench.rename("app.log", "app.log.1") }, { self.endFile() },
            { self.log.append("renamed") },
        ]
        if Bool.random(using: &generator) { pending.append { self.write() } }
    }

    var exists: Bool { (try? Syscalls.status(bench.path("app.log"))) != nil }
    var byteCount: UInt64 { (try? Syscalls.status(bench.path("app.log")).byteCount) ?? 0 }

    func copyTruncate() {
        guard exists else { return }
        fillGeneration()
        if races { bench.waitForFileClock() }
        look()
        guard !races || isDown else {
            beginCopyTruncate()
            return
        }
        shift()
        bench.copy("app.log", "app.log.1")
        if !isDown, Bool.random(using: &generator) { _ = bench.source.look(now: bench.now) }
        bench.truncate("app.log")
        endFile()
        look()
    }

    func beginCopyTruncate() {
        var rest: ArraySlice<UInt8> = []
        pending = [
            { self.shift() },
            {
                let bytes = (try? DurableFile.read(self.bench.path("app.log"), maximum: 1 << 24)) ?? []
                let half = Int.random(in: 0...bytes.count, using: &self.generator)
                self.bench.append("app.log.1", Array(bytes[..<half]))
                rest = bytes[half...]
            },
            { self.bench.append("app.log.1", Array(rest)) }, { self.bench.truncate("app.log") },
            { self.endFile() }, { self.log.append("truncated") },
        ]
        let write = {
            self.write()
            self.fillGeneration()
        }
        if Bool.random(using: &generator) { pending.insert(write, at: 0) }
        for _ in 0..<Int.random(in: 0...2, using: &generator) { pending.append { self.write() } }
    }

    /// All is read, so nothing may be lost.
    func delete() {
        guard exists else { return }
        fillGeneration()
        if !partial.isEmpty { bench.append("app.log", "\n") }
        endFile()
        settle()
        bench.delete("app.log")
        if Bool.random(using: &generator) { look() }
    }

    /// The agent is killed, its files go on, and it starts anew.
    func outage() {
        log.append("(")
        isDown = true
        bench.waitForFileClock()
        for _ in 0..<Int.random(in: 0...2, using: &generator) { write() }
        switch Int.random(in: 0..<(copies ? 3 : 2), using: &generator) {
        case 1 where isKnown: log.append("rename"); rename()
        case 2 where isKnown: log.append("copytruncate"); copyTruncate()
        default: break
        }
        bench.waitForFileClock()
        for _ in 0..<Int.random(in: 0...3, using: &generator) { write() }
        if races, isKnown, exists, Int.random(in: 0..<2, using: &generator) == 0 {
            // The first look falls into a rotation, of what may have come and gone unseen.
            fillGeneration()
            bench.waitForFileClock()
            if copies { beginCopyTruncate() } else { beginRename() }
            log.append("under way")
        }
        isDown = false
        bench.restart()
        log.append(")")
        if !bench.source.takeFaults().isEmpty { Issue.record("damaged records in \(bench.records.count)") }
    }

    /// The agent is killed within a rotation and starts anew before its end, or behind it.
    func interrupt() {
        log.append("[")
        isDown = true
        for _ in 0..<Int.random(in: 0...pending.count, using: &generator) { pending.removeFirst()() }
        isDown = false
        bench.restart()
        log.append("]")
    }

    func look() {
        if isDown { return }
        isKnown = isKnown || byteCount > 0
        bench.now += Int64.random(in: 0...1_500, using: &generator)
        among { _ = bench.source.look(now: bench.now) }
        bench.settle()
    }

    func ship() {
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            guard among({ bench.source.fill(&bench.batch, now: bench.now, isOpen: { _ in true }) }) else { break }
            let count = bench.batch.records.count
            let taken = Int.random(in: 0..<4, using: &generator) == 0 ? Int.random(in: 0...count, using: &generator) : count
            bench.take(taken)
            if taken < count { bench.source.unread(bench.batch, from: taken) }
            bench.settle()
        }
        bench.acknowledge(Int.random(in: 0...max(1, bench.unacknowledged.count), using: &generator))
    }

    /// Everything that can be read is read.
    func settle() {
        for _ in 0..<3 { bench.turn(after: 1_100) }
    }

    func step() {
        let choice = Int.random(in: 0..<100, using: &generator)
        if !(35..<82).contains(choice) { drain() }
        switch choice {
        case ..<35: log.append("write"); write()
        case ..<60: log.append("look"); look(); ship()
        case ..<70: log.append("ship"); ship()
        case ..<77: log.append("checkpoint"); bench.checkpoint()
        case ..<82: if pending.isEmpty { outage() } else { interrupt() }
        case ..<85:
            log.append("rewind")
            bench.unacknowledged.removeAll()
            bench.source.rewind()
        case ..<93: if copies { log.append("copytruncate"); copyTruncate() } else { log.append("rename"); rename() }
        case ..<96: log.append("rename"); rename()
        default: log.append("delete"); delete()
        }
    }

    func finish() {
        drain()
        for _ in 0..<4 { bench.turn(after: 1_100) }
        for _ in 0..<4 { bench.turn(after: 70_000) }
        // The line under way in the file that lives stays unread.
        partial = ""
    }
}

struct RotationModelTests {
    /// The seeds of a run; `MILLRACE_MODEL_FIRST` and `MILLRACE_MODEL_SEEDS` choose others, or more.
    static let seeds: Range<UInt64> = {
        let first = environment("MILLRACE_MODEL_FIRST") ?? 0
        return first..<(first + (environment("MILLRACE_MODEL_SEEDS") ?? 40))
    }()

    private static func environment(_ name: String) -> UInt64? {
        unsafe getenv(name).flatMap { unsafe UInt64(String(cString: $0)) }
    }

    @Test(arguments: seeds) func everyLineIsDeliveredOnceUnderRenames(seed: UInt64) {
        run(RotationModel(seed: seed, copies: false), seed)
    }

    @Test(arguments: seeds) func everyLineIsDeliveredOnceUnderCopies(seed: UInt64) {
        run(RotationModel(seed: seed, copies: true), seed)
    }

    @Test(arguments: seeds) func everyLineIsDeliveredOnceWhenRotationsFallIntoLooks(seed: UInt64) {
        run(RotationModel(seed: seed, copies: seed % 4 != 0, races: true), seed)
    }

    private func run(_ model: RotationModel, _ seed: UInt64) {
        for _ in 0..<60 { model.step() }
        model.finish()
        let collector = model.bench.collector
        #expect(collector.faults.isEmpty, "seed \(seed): \(collector.faults.prefix(3)) after \(model.log)")
        var missing: [String: Int] = [:]
        for line in model.written { missing[line, default: 0] += 1 }
        for line in collector.delivered { missing[line, default: 0] -= 1 }
        let wrong = missing.filter { $0.value != 0 }.map { "\($0.value) x \($0.key.prefix(24))" }.sorted()
        if !wrong.isEmpty {
            Issue.record(
                "seed \(seed): \(wrong.count) wrong \(wrong.prefix(4)) after \(model.log) \(model.bench.notices.suffix(8).map(\.message)) \(collector.announces)")
        }
    }
}
