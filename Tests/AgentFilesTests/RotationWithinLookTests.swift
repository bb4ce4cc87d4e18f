import Agent
import Event
import Platform
import Testing

/// Rotations between any two system calls of one look: every place is tried.
struct RotationWithinLookTests {
    private typealias Step = (call: Int, action: () -> Void)

    /// A writer that counts the agent's system calls, and does each step before the call of its number.
    private final class Writer {
        var steps: ArraySlice<Step>
        var count = 0

        init(_ steps: [Step]) { self.steps = steps[...] }

        func goOn() {
            while let next = steps.first, next.call <= count {
                steps.removeFirst()
                next.action()
            }
            count += 1
        }
    }

    /// Looks once while the writer works. Returns the count of calls.
    private func look(
        _ bench: Bench, _ first: Int, _ step: @escaping () -> Void, _ gap: Int, _ next: @escaping () -> Void
    ) -> Int {
        nonisolated(unsafe) let writer = Writer([(first, step), (first + gap, next)])
        bench.now += 1_000
        SyscallFaults.with({ _, _ in
            SyscallFaults.with({ _, _ in nil }) { unsafe writer.goOn() }
            return nil
        }) { _ = bench.source.look(now: bench.now) }
        let count = unsafe writer.count
        while let next = unsafe writer.steps.popFirst() { next.action() }
        bench.settle()
        return count
    }

    /// Runs a script for every call that the first step may fall before, with other steps some calls behind.
    private func everywhere(_ gaps: [Int], _ run: (_ first: Int, _ gap: Int) -> Int) {
        for gap in gaps {
            var first = 0
            while run(first, gap) > first, first < 500 { first += 1 }
        }
    }

    private func expect(_ bench: Bench, _ lines: [String], _ place: String) {
        for _ in 0..<3 { bench.turn(after: 1_100) }
        bench.turn(after: 70_000)
        #expect(bench.collector.delivered.sorted() == lines.sorted(), "\(place)")
        #expect(bench.collector.faults.isEmpty, "\(place)")
    }

    /// The original is truncated and grows beyond its old size while it is compared with its copy.
    @Test func truncationWhileTheCopyIsCompared() {
        everywhere([0, 1, 2, 3, 4, 6, 9]) { first, gap in
            let bench = Bench(["app.log*"])
            bench.append("app.log", "#header\none\ntwo\n")
            bench.turn()
            bench.copy("app.log", "app.log.1")
            let calls = look(
                bench, first, { renew(bench, "#header\n") },
                gap, { bench.append("app.log", "three\nfour\nfive\n") })
            let lines = ["#header", "one", "two", "#header", "three", "four", "five"]
            expect(bench, lines, "truncated before call \(first), grown \(gap) behind it")
            return calls
        }
    }

    /// A log whose second generation came and went while the agent was down.
    private func rotatedWhileDown() -> Bench {
        let bench = Bench(["app.log"])
        bench.append("app.log", "#header\none\n")
        bench.turn()
        bench.restart(orderly: true)
        bench.waitForFileClock()
        bench.rename("app.log", "app.log.1")
        bench.append("app.log", "#header\ntwo\n")
        rename(bench, 1)
        return bench
    }

    /// A generation that nobody saw was born in the tick of the clock in which the one before it was last written.
    @Test func generationThatNobodySawBornWhenTheLastOneWasWritten() throws {
        let bench = Bench(["app.log"])
        bench.append("app.log", "#header\none\n")
        bench.turn()
        bench.append("fresh", "#header\n")
        let birth = try Syscalls.status(bench.path("fresh")).birth
        bench.append("app.log", "two\n")
        bench.setModified("app.log", birth)
        for _ in 0..<3 { bench.turn() }
        bench.restart(orderly: true)
        bench.waitForFileClock()
        bench.append("fresh", "three\n")
        bench.rename("app.log", "app.log.2")
        bench.rename("fresh", "app.log.1")
        expect(bench, ["#header", "one", "two", "#header", "three"], "born when the last one was written")
    }

    /// The agent was down for a rotation, and the next one is under way when it looks; it may be killed before its next
    /// look.
    @Test(arguments: [false, true]) func generationThatNobodySawWhileFilesAreRenamed(isKilled: Bool) {
        everywhere([0, 3]) { first, gap in
            let bench = rotatedWhileDown()
            bench.append("app.log", "#header\nthree\n")
            let calls = look(
                bench, first, { rename(bench, 2) }, gap, { bench.append("app.log", "#header\nfour\n") })
            if isKilled { bench.restart() }
            let lines = ["one", "two", "three", "four"].flatMap { ["#header", $0] }
            expect(bench, lines, "renamed before call \(first), begun anew \(gap) behind it")
            return calls
        }
    }

    /// The same where the log is copied and truncated.
    @Test(arguments: [false, true]) func generationThatNobodySawWhileALogIsTruncated(isKilled: Bool) {
        everywhere([0, 3, 12]) { first, gap in
            let bench = rotatedWhileDown()
            bench.append("app.log", "#header\nthree and more\n")
            let calls = look(bench, first, { copy(bench, 2) }, gap, { renew(bench, "#header\nfour\n") })
            if isKilled { bench.restart() }
            let lines = ["one", "two", "three and more", "four"].flatMap { ["#header", $0] }
            expect(bench, lines, "copied before call \(first), truncated \(gap) behind it")
            return calls
        }
    }

    /// A new log is truncated between its listing and its first read, and once more before anything is
    /// acknowledged.
    @Test(arguments: [false, true]) func truncationBeforeTheFirstRead(isKilled: Bool) {
        everywhere([0]) { first, gap in
            let bench = Bench(["app.log*"])
            bench.append("app.log", "#header\none and more\n")
            let calls = look(bench, first, { copy(bench, 0) }, gap, { renew(bench, "#header\ntwo\n") })
            _ = bench.source.look(now: bench.now)
            bench.settle()
            bench.ship()
            if isKilled { bench.restart() }
            copy(bench, 1)
            renew(bench, "#header\nthree\n")
            let lines = ["one and more", "two", "three"].flatMap { ["#header", $0] }
            expect(bench, lines, "truncated before call \(first)")
            return calls
        }
    }

    /// Moves app.log.1 to .2 and so on.
    private func shift(_ bench: Bench, _ count: Int) {
        for number in stride(from: count, to: 0, by: -1) { bench.rename("app.log.\(number)", "app.log.\(number + 1)") }
    }

    private func rename(_ bench: Bench, _ count: Int) {
        shift(bench, count)
        bench.rename("app.log", "app.log.1")
    }

    private func copy(_ bench: Bench, _ count: Int) {
        shift(bench, count)
        bench.copy("app.log", "app.log.1")
    }

    private func renew(_ bench: Bench, _ text: String) {
        bench.truncate("app.log")
        bench.append("app.log", text)
    }
}
