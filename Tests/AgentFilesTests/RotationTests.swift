import Agent
import Configuration
import Event
import Glibc
import Platform
import Testing

/// Scenarios of rotation: renames, copies, truncation, deletion, restarts between.
struct RotationTests {
    @Test func renamedFileIsReadOnWhileItsOldWriterWrites() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "before\n")
        #expect(bench.turn() == ["before"])
        bench.rename("app.log", "app.log.1")
        bench.append("app.log.1", "late\n")
        bench.append("app.log", "first\n")
        #expect(bench.turn().sorted() == ["first", "late"])
        bench.append("app.log.1", "later\n")
        #expect(bench.turn() == ["later"])
        #expect(bench.collector.duplicates == 0)
    }

    @Test func threeRotationsInQuickSuccessionLoseNothing() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "g1\n")
        bench.turn()
        bench.rename("app.log", "app.log.1")
        bench.append("app.log.1", "g1 late\n")
        bench.append("app.log", "g2\n")
        bench.turn()
        bench.rename("app.log.1", "app.log.2")
        bench.rename("app.log", "app.log.1")
        bench.append("app.log.1", "g2 late\n")
        bench.append("app.log", "g3\n")
        bench.turn()
        #expect(bench.collector.delivered.sorted() == ["g1", "g1 late", "g2", "g2 late", "g3"])
        #expect(bench.collector.duplicates == 0)
    }

    @Test func renameToANameThatAlsoMatchesIsNotReadAgain() {
        let bench = Bench(["input.*.log"])
        bench.append("input.1.log", "old\n")
        bench.turn()
        bench.rename("input.1.log", "input.2.log")
        bench.append("input.2.log", "more\n")
        #expect(bench.turn() == ["more"])
    }

    @Test func renamedAndRecreatedWhileStopped() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "shipped\n")
        bench.turn()
        bench.restart(orderly: true)
        bench.append("app.log", "unread\n")
        bench.rename("app.log", "app.log.1")
        bench.append("app.log", "new\n")
        #expect(bench.turn().sorted() == ["new", "unread"])
        #expect(bench.collector.duplicates == 0)
    }

    @Test func numberedChainIsFollowed() {
        let bench = Bench(["app.log*"])
        var expected: [String] = []
        for generation in 0..<10 {
            let lines = (0..<200).map { "\(generation)-\($0)" }
            bench.append("app.log", lines.map { $0 + "\n" }.joined())
            expected += lines
            if generation % 3 != 2 { bench.turn() }
            for number in stride(from: generation - 1, through: 0, by: -1) {
                bench.rename("app.log.\(number)", "app.log.\(number + 1)")
            }
            bench.rename("app.log", "app.log.0")
        }
        bench.turn()
        #expect(bench.collector.delivered.sorted() == expected.sorted())
        #expect(bench.collector.duplicates == 0)
    }

    @Test(arguments: ["app.log*", "app.log"]) func copyTruncateWithUnreadLinesInTheCopy(pattern: String) {
        let bench = Bench([pattern])
        bench.append("app.log", "one\ntwo\n")
        bench.turn()
        bench.copy("app.log", "app.log.1")
        bench.append("app.log.1", "three\n")
        bench.truncate("app.log")
        bench.append("app.log", "four\n")
        #expect(bench.turn().sorted() == ["four", "three"])
        #expect(bench.collector.duplicates == 0)
        #expect(bench.notices.contains { $0.code == "source.copy_adopted" })
        bench.append("app.log", "five\n")
        #expect(bench.turn() == ["five"])
    }

    /// A file that was truncated and written to again, and renamed before the next start: what it held since the
    /// truncation is in no checkpoint but for the file's name in the record of the stream that it was taken from.
    @Test func whatFollowedATruncationIsReadThoughTheAgentWasKilledAndTheFileRenamed() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\ntwo\n")
        #expect(bench.turn() == ["one", "two"])
        bench.copy("app.log", "app.log.1")
        bench.truncate("app.log")
        bench.append("app.log", "three\nfour\nfive\n")
        _ = bench.source.look(now: bench.now)
        // The first read finds the other content; then the checkpoint; then the end.
        bench.ship()
        bench.checkpoint()
        bench.rename("app.log.1", "app.log.2")
        bench.rename("app.log", "app.log.1")
        bench.append("app.log", "six\n")
        bench.restart()
        for _ in 0..<4 { bench.turn() }
        #expect(Set(bench.collector.delivered) == ["one", "two", "three", "four", "five", "six"])
        #expect(bench.collector.delivered.count == 6 && bench.collector.faults.isEmpty)
    }

    /// An empty rotated file beside a log held the watermark back, and `--once` for ever.
    @Test func anEmptyFileKeepsNothingWaiting() {
        let bench = Bench(["app.log*"])
        bench.append("app.log", "one\ntwo\n")
        bench.append("app.log.1", "")
        bench.turn()
        #expect(bench.source.isDrained && bench.source.watermark != nil)
        bench.append("app.log.1", "three\n")
        #expect(bench.turn() == ["three"])
    }

    @Test func aFileThatRestsIsHeldForNoCopy() {
        let bench = Bench(["app.log*"])
        bench.append("app.log", "one\ntwo\n")
        bench.append("app.log.1", "one\n")
        #expect(bench.turn() == ["one", "two"])
        #expect(!bench.source.isDrained)
        let later = Bench(["app.log*"])
        later.append("app.log", "one\ntwo\n")
        later.append("app.log.1", "one\n")
        later.now = Int64(time(nil)) * 1_000 + 62_000
        #expect(later.turn().sorted() == ["one", "one", "two"])
        #expect(later.source.isDrained)
    }

    @Test func copyIsHeldWhileTheOriginalIsWhole() {
        let bench = Bench(["app.log*"])
        bench.append("app.log", "one\ntwo\n")
        bench.turn()
        bench.copy("app.log", "app.log.1")
        #expect(bench.turn().isEmpty)
        #expect(!bench.source.isDrained)
        #expect(bench.source.reports().contains { $0.state == "held" })
        #expect(bench.turn(after: 30_000).isEmpty)
        bench.truncate("app.log")
        #expect(bench.turn().isEmpty)
        #expect(bench.source.isDrained)
        #expect(bench.collector.duplicates == 0 && bench.collector.announces.count == 1)
    }

    @Test func heldFileBecomesAStreamAfterAMinuteOrOnceItDisagrees() {
        let bench = Bench(["app.log*"])
        bench.append("app.log", "one\ntwo\n")
        bench.turn()
        bench.copy("app.log", "app.log.1")
        bench.turn()
        #expect(bench.turn(after: 61_000) == ["one", "two"])
        bench.append("app.log.2", "other\nlines\nof its own\n")
        #expect(bench.turn() == ["other", "lines", "of its own"])
    }

    @Test(arguments: UInt64(1)...6) func copyGoesToTheStreamThatKnowsMoreThanTheFirstLine(seed: UInt64) {
        let bench = Bench(["app.log*"], seed: seed)
        bench.append("app.log", "head\n")
        bench.turn()
        bench.delete("app.log")
        bench.append("app.log", "head\none\n")
        bench.turn()
        bench.copy("app.log", "app.log.1")
        bench.truncate("app.log")
        bench.append("app.log", "head\n")
        #expect(bench.turn() == ["head"], "seed \(seed)")
        #expect(bench.collector.duplicates == 0)
    }

    /// Shipped, not checkpointed, killed: the file that begins alike is another one.
    @Test(arguments: [100, 3_000, 20_000]) func regrownFileWithTheSameFirstLineIsNotTakenForTheOldOne(byteCount: Int) {
        let bench = Bench(["app.log*"])
        let lines = (0..<(byteCount / 10)).map { "old \($0 + 10_000)" }
        bench.append("app.log", "#header\n")
        bench.turn()
        bench.checkpoint()
        for start in stride(from: 0, to: lines.count, by: 7) {
            bench.append("app.log", lines[start..<min(start + 7, lines.count)].map { $0 + "\n" }.joined())
            bench.turn(after: 300)
        }
        bench.now += 1_000
        bench.turn()
        #expect(bench.collector.delivered == ["#header"] + lines)
        bench.copy("app.log", "app.log.1")
        bench.truncate("app.log")
        bench.append("app.log", "#header\n" + lines.map { $0.replacing("old", with: "new") + "\n" }.joined())
        bench.restart()
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered.sorted() == (["#header", "#header"] + lines + lines.map {
            $0.replacing("old", with: "new")
        }).sorted())
        #expect(bench.collector.faults.isEmpty)
    }

    /// Down for several rotations: what is shorter than the stream and begins like it is another generation.
    @Test(arguments: ["app.log", "app.log*"]) func shorterGenerationWithTheSameFirstLineIsReadAsItsOwn(pattern: String) {
        let bench = Bench([pattern])
        // Shorter than a block both: the header is all that marks of the old one say of the other.
        let old = ["#header"] + (0..<400).map { "old \($0)" }
        let other = ["#header"] + (0..<230).map { "other \($0)" }
        bench.append("app.log", "#header\n")
        bench.turn()
        bench.append("app.log", old.dropFirst().map { $0 + "\n" }.joined())
        bench.turn()
        bench.turn()
        bench.restart(orderly: true)
        bench.waitForFileClock()
        bench.delete("app.log")
        bench.append("app.log-20261101-1", other.map { $0 + "\n" }.joined())
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered == old + other)
        // Why: adopted as the copy of the old one it would be noticed by its size and read all the same.
        #expect(!bench.notices.contains { $0.code == "source.copy_adopted" })
    }

    /// The same where the stream's file is not deleted, but truncated and filled anew.
    @Test func shorterGenerationBesideATruncatedFileIsReadAsItsOwn() {
        let bench = Bench(["app.log*"])
        let old = ["#header"] + (0..<400).map { "old \($0)" }
        let other = ["#header"] + (0..<230).map { "other \($0)" }
        bench.append("app.log", "#header\n")
        bench.turn()
        bench.append("app.log", old.dropFirst().map { $0 + "\n" }.joined())
        bench.turn()
        bench.turn()
        bench.restart(orderly: true)
        bench.waitForFileClock()
        bench.truncate("app.log")
        bench.append("app.log", "#header\nnew\n")
        bench.append("app.log-20261101-1", other.map { $0 + "\n" }.joined())
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered.sorted() == (old + other + ["#header", "new"]).sorted())
        #expect(!bench.notices.contains { $0.code == "source.copy_adopted" })
    }

    @Test func truncateThenQuicklyMoreBytesThanBefore() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\ntwo\n")
        bench.turn()
        bench.truncate("app.log")
        bench.append("app.log", "uno\ndos\ntres\n")
        #expect(bench.turn() == ["uno", "dos", "tres"])
        bench.waitForFileClock()
        bench.truncate("app.log")
        bench.append("app.log", "UNO\nDOS\nTRES\n")
        #expect(bench.turn() == ["UNO", "DOS", "TRES"])
        #expect(bench.collector.announces.count == 3)
        bench.turn(after: 61_000)
        #expect(bench.collector.ends.count == 2)
    }

    /// The same size in the same tick of the clock: its content is looked at when the tick is over for sure.
    @Test func truncatedAndWrittenAnewWithTheSizeAndTimeThatItHad() throws {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\ntwo\n")
        #expect(bench.turn() == ["one", "two"])
        let before = try Syscalls.status(bench.path("app.log"))
        bench.truncate("app.log")
        bench.append("app.log", "uno\ndos\n")
        bench.setModified("app.log", before.modified)
        let after = try Syscalls.status(bench.path("app.log"))
        #expect(after.modified == before.modified && after.byteCount == before.byteCount)
        #expect(bench.turn() == [])
        #expect(bench.turn(after: 3_000) == ["uno", "dos"])
        #expect(bench.notices.contains { $0.code == "source.truncated" })
    }

    /// Between two looks the file was truncated and grew beyond its old size: what is read anew is not lost.
    @Test func aFileThatGrewBeyondItsOldSizeIsNotReportedLost() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\ntwo\n")
        bench.turn()
        bench.truncate("app.log")
        bench.append("app.log", "uno\ndos\ntres\n")
        bench.turn()
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered == ["one", "two", "uno", "dos", "tres"])
        #expect(bench.notices.contains { $0.code == "source.truncated" })
        #expect(!bench.notices.contains { $0.code == "source.lost" }, "\(bench.notices)")
        // What was seen of the old content and never read is.
        bench.append("app.log", "cuatro\n")
        bench.now += 1_000
        _ = bench.source.look(now: bench.now)
        bench.truncate("app.log")
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.notices.contains { $0.code == "source.lost" && $0.message.hasPrefix("7 bytes") })
    }

    @Test func moreDeletedFilesThanTheMaximumAreGivenUpAndReported() {
        let limit = FileSource.maximumRemovedOpenCount
        let bench = Bench(["*.log"])
        for index in 0..<(limit + 20) { bench.append("\(index).log", "read\n") }
        bench.turn()
        // Ten are read to their end and wait, the others have a line that nobody has read.
        for index in 10..<(limit + 20) { bench.append("\(index).log", "unread\n") }
        bench.now += 1_000
        _ = bench.source.look(now: bench.now)
        for index in 0..<(limit + 20) { bench.delete("\(index).log") }
        bench.now += 60_000
        _ = bench.source.look(now: bench.now)
        bench.notices += bench.source.takeNotices()
        let lost = bench.notices.filter { $0.code == "source.lost" }
        #expect(lost.count == 10, "20 too many, 10 of them without a loss")
        #expect(lost.allSatisfy { $0.message.contains("7 unread bytes") && $0.message.contains("\(limit) deleted") })
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered.count { $0 == "unread" } == limit)
        #expect(bench.collector.ends.count == limit + 20 && bench.collector.faults.isEmpty)
    }

    @Test func truncateToAMiddleByteReadsTheFileAnew() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "1\n2\n3\n4\n")
        bench.turn()
        bench.truncate("app.log", to: 2)
        #expect(bench.turn() == ["1"])
        bench.append("app.log", "5\n")
        #expect(bench.turn() == ["5"])
    }

    @Test func truncateWhileTheOutputIsBlocked() {
        let bench = Bench(["app.log"]) { $0.packByteCount = 1 }
        let lines = (0..<100_000).map { "line \($0)" }
        bench.append("app.log", lines.map { $0 + "\n" }.joined())
        _ = bench.source.look(now: bench.now)
        bench.settle()
        bench.ship(maximumBatchCount: 1)
        let count = bench.collector.delivered.count
        #expect(count < lines.count)
        bench.truncate("app.log")
        bench.append("app.log", "new\n")
        bench.turn()
        #expect(bench.collector.delivered == lines.prefix(count) + ["new"])
        // A copy may come late: the loss is certain after a while.
        bench.turn(after: 2_000)
        #expect(bench.notices.contains { $0.code == "source.lost" })
    }

    @Test func deleteAndRecreateUnderTheSameName() {
        let bench = Bench(["app.log"])
        for round in 0..<5 {
            bench.append("app.log", "line \(round)\n")
            #expect(bench.turn() == ["line \(round)"])
            bench.delete("app.log")
            if round % 2 == 0 { bench.turn(after: 3_000) }
        }
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.ends.count == 5)
        #expect(bench.source.reports().isEmpty)
    }

    @Test func deletedFileIsReadToItsEndThroughItsDescriptor() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\n")
        _ = bench.source.look(now: bench.now)
        bench.append("app.log", "two\nunterminated")
        bench.delete("app.log")
        #expect(bench.turn() == ["one", "two"])
        #expect(bench.turn(after: 6_000) == ["unterminated"])
        for _ in 0..<2 { bench.turn(after: 61_000) }
        #expect(bench.collector.ends.count == 1)
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func lastLineOfARotatedFileIsShippedOnceThoughTheWriterComesBack() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\nunterminated")
        bench.turn()
        bench.rename("app.log", "app.log.1")
        bench.turn()
        #expect(bench.turn(after: 6_000) == ["unterminated"])
        bench.restart()
        bench.append("app.log.1", " rest\nmore\n")
        bench.turn()
        #expect(bench.collector.delivered == ["one", "unterminated", " rest", "more"])
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func filesDeletedWhileStoppedAreReportedLost() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\ntwo\n")
        _ = bench.source.look(now: bench.now)
        bench.settle()
        bench.restart()
        bench.delete("app.log")
        bench.turn()
        bench.turn(after: 61_000)
        #expect(bench.notices.contains { $0.code == "source.lost" && $0.message.contains("8 unread bytes") })
    }

    @Test func twoFilesOfTheSameFirstLineAreBothRead() {
        let bench = Bench(["*.log"])
        let header = String(repeating: "h", count: 5_000) + "\n"
        bench.append("a.log", header + "a\n")
        bench.append("b.log", header + "b\n")
        #expect(bench.turn().count == 4)
    }

    @Test func threeFilesRotatedAtOnce() {
        let bench = Bench(["*.log"])
        for name in ["a", "b", "c"] { bench.append("\(name).log", "\(name) one\n") }
        bench.turn()
        for name in ["a", "b", "c"] {
            bench.rename("\(name).log", "\(name).log.1")
            bench.append("\(name).log.1", "\(name) late\n")
            bench.append("\(name).log", "\(name) new\n")
        }
        bench.turn()
        #expect(bench.collector.delivered.count == 9 && bench.collector.duplicates == 0)
    }

    @Test func newIDsGoOnFromTheAcknowledgedPosition() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\n")
        bench.turn()
        bench.append("app.log", "two\n")
        bench.turn(acknowledge: false)
        bench.checkpoint()
        bench.restart(.newIDs(reason: "state copied", afterPowerLoss: false))
        #expect(bench.turn() == ["two"])
        #expect(bench.collector.announces.last?.contains("\"continues\"") == true)
        bench.append("app.log", "three\n")
        bench.source.takeNewIDs(reason: "foreign incarnation")
        #expect(bench.turn() == ["three"])
        #expect(bench.collector.announces.count == 3)
    }

    @Test func powerLossGoesBackBehindTheHighestRungThatMatches() {
        let bench = Bench(["app.log"]) { $0.packByteCount = 64 }
        let lines = (0..<100).map { "line \($0)" }
        bench.append("app.log", lines.map { $0 + "\n" }.joined())
        bench.turn()
        bench.checkpoint()
        // The disk never saw the second half.
        bench.truncate("app.log", to: 400)
        bench.append("app.log", "other\n")
        bench.restart(.newIDs(reason: "power loss", afterPowerLoss: true))
        let delivered = bench.turn()
        #expect(delivered.last?.hasSuffix("other") == true)
        #expect(delivered.count < 40)
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func changedRecordLimitGoesOnUnderANewStream() {
        let bench = Bench(["app.log"])
        bench.append("app.log", "one\n")
        bench.turn()
        bench.checkpoint()
        bench.settings.maximumRecordByteCount = 10
        bench.restart()
        bench.append("app.log", "two\n")
        #expect(bench.turn() == ["two"])
        #expect(bench.collector.announces.last?.contains("framing") == true)
    }

    @Test func damagedRecordIsReportedAndTheRestGoesOn() {
        let bench = Bench(["*.log"])
        bench.append("a.log", "a\n")
        bench.append("b.log", "b\n")
        bench.turn()
        bench.checkpoint()
        bench.records[0].removeLast(10)
        bench.restart()
        #expect(bench.turn().count == 1)
        #expect(bench.source.takeFaults().map(\.code) == ["source.bad_record"])
    }

    @Test func rewindShipsAgainWhatWasInFlight() {
        let bench = Bench(["app.log"]) { $0.packByteCount = 8 }
        bench.append("app.log", "one\ntwo\nthree\n")
        bench.turn(acknowledge: false)
        bench.acknowledge(2)
        bench.unacknowledged.removeAll()
        bench.source.rewind()
        bench.turn()
        #expect(bench.collector.duplicates > 0)
        #expect(bench.collector.delivered == ["one", "two", "three"] && bench.collector.faults.isEmpty)
    }
}
