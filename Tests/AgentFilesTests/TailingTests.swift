import Agent
import Configuration
import Event
import Glibc
import Platform
import Testing

/// Scenarios of following files, one file or several, without rotation.
struct TailingTests {
    @Test func newFileUnderAGlobIsReadFromItsFirstByte() {
        let bench = Bench(["*.log"])
        #expect(bench.turn().isEmpty)
        bench.append("a.log", "one\ntwo\n")
        #expect(bench.turn() == ["one", "two"])
        bench.append("a.log", "three\n")
        #expect(bench.turn() == ["three"])
        #expect(bench.collector.announces.count == 1)
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func startAtTheEndHoldsOnlyForFilesOfTheFirstLook() {
        let bench = Bench(["*.log"]) { $0.start = .end }
        bench.append("old.log", "old\nhalf")
        #expect(bench.turn().isEmpty)
        bench.append("new.log", "new\n")
        bench.append("old.log", " line\n")
        #expect(bench.turn().sorted() == ["half line", "new"])
        bench.restart(orderly: true)
        bench.append("newer.log", "newer\n")
        #expect(bench.turn() == ["newer"])
    }

    @Test func filesWhoseNamesOnlyLookAlikeAreTwo() {
        let bench = Bench(["*.log"])
        for (index, name) in ["caf\u{E9}.log", "cafe\u{301}.log"].enumerated() { bench.append(name, "\(index)\n") }
        #expect(bench.turn().sorted() == ["0", "1"])
        for name in ["caf\u{E9}.log", "cafe\u{301}.log"] { bench.append(name, "more\n") }
        #expect(bench.turn() == ["more", "more"])
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func missingFileIsReadOnceItIsThere() {
        let bench = Bench(["sub/x.log"])
        bench.turn()
        _ = unsafe mkdir(bench.path("sub"), 0o755)
        bench.append("sub/x.log", "1\n2\n3\n")
        #expect(bench.turn() == ["1", "2", "3"])
    }

    @Test func filesInNewFoldersOfAWildcardFolderAreReadInEveryGeneration() {
        let bench = Bench(["input.*/*.logfile"])
        bench.turn()
        for generation in 0..<2 {
            for index in 0..<10 {
                _ = unsafe mkdir(bench.path("input.\(index)"), 0o755)
                bench.append("input.\(index)/a.logfile", "\(generation)-\(index)\n")
            }
            #expect(bench.turn().sorted() == (0..<10).map { "\(generation)-\($0)" })
            for index in 0..<10 {
                bench.delete("input.\(index)/a.logfile")
                _ = unsafe rmdir(bench.path("input.\(index)"))
            }
        }
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.ends.count == 20)
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func excludeWinsOverInclude() {
        let bench = Bench(["*"]) { $0.exclude = ["*.skip"] }
        bench.append("keep.log", "keep\n")
        bench.append("ignored.skip", "ignored\n")
        #expect(bench.turn() == ["keep"])
    }

    @Test func aThousandFilesAreReadWithoutAThousandDescriptors() throws {
        let bench = Bench(["*.log"])
        for index in 0..<1_000 { bench.append("f\(index).log", "\(index)\n") }
        #expect(Set(bench.turn()) == Set((0..<1_000).map(String.init)))
        func openCount() throws -> Int {
            try Syscalls.list("/proc/self/fd").count { name in
                var target = [CChar](repeating: 0, count: 4_096)
                let count = unsafe readlink("/proc/self/fd/" + name, &target, 4_095)
                return count > 0
                    && String(decoding: target[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
                        .hasPrefix(bench.folder)
            }
        }
        #expect(try openCount() <= FileSource.maximumOpenCount)
        bench.turn(after: 400_000)
        #expect(try openCount() == 0)
        bench.append("f7.log", "again\n")
        #expect(bench.turn() == ["again"])
    }

    @Test func foldersAndFifosNamedLikeFilesAreIgnored() {
        let bench = Bench(["*.log"])
        _ = unsafe mkdir(bench.path("a.log"), 0o755)
        _ = unsafe mkfifo(bench.path("b.log"), 0o644)
        bench.append("c.log", "c\n")
        #expect(bench.turn() == ["c"])
        #expect(bench.source.takeFaults().isEmpty)
    }

    @Test func unreadableFileIsReportedOnceAndReadLater() throws {
        let bench = Bench(["*.log"])
        bench.append("a.log", "a\n")
        bench.append("b.log", "b\n")
        let path = bench.path("a.log")
        SyscallFaults.with({ call, at in call == "open" && at == path ? .access : nil }) {
            #expect(bench.turn() == ["b"])
            bench.turn()
            #expect(bench.source.takeFaults().map(\.code) == ["source.unreadable"])
        }
        #expect(bench.turn() == ["a"])
    }

    @Test func unfinishedLastLineWaitsAcrossARestart() {
        let bench = Bench(["*.log"])
        bench.append("a.log", "whole\npartial")
        #expect(bench.turn() == ["whole"])
        #expect(bench.turn(after: 100_000).isEmpty)
        bench.restart(orderly: true)
        #expect(bench.turn().isEmpty)
        bench.append("a.log", " line\n")
        #expect(bench.turn() == ["partial line"])
        #expect(bench.collector.duplicates == 0)
    }

    @Test(arguments: [1, 10, 64, 65_536]) func linesOfAnyLengthKeepTheirBytesAndRanges(pack: Int) {
        let bench = Bench(["*.log"]) {
            $0.packByteCount = pack
            $0.maximumRecordByteCount = 1_000
        }
        let lines = (0..<300).map { String(repeating: "x", count: $0 * 3) + "\r" }
        bench.append("a.log", lines.map { $0 + "\n" }.joined())
        #expect(bench.turn() == lines)
        #expect(bench.collector.faults.isEmpty)
    }

    @Test func packOffGivesOneEventPerRecord() {
        let bench = Bench(["*.log"]) { $0.packByteCount = 0 }
        bench.append("a.log", "a\n\nbc\n")
        #expect(bench.turn() == ["a", "", "bc"])
        let data = bench.collector.keys.filter { $0.hasPrefix("m1 d l") }
        #expect(data.map { $0.split(separator: " ").suffix(2).joined(separator: " ") } == ["0 2", "2 3", "3 6"])
    }

    @Test(arguments: [7, 20, 21, 40, 59, 60, 61]) func overlongRecordsGoInPieces(length: Int) {
        let bench = Bench(["*.log"]) { $0.maximumRecordByteCount = 20 }
        let long = String((0..<length).map { Character(UnicodeScalar(UInt8(97 + $0 % 26))) })
        bench.append("a.log", "short\n")
        // Why: in bits, with restarts between: pieces must not depend on when they were read.
        for byte in (long + "\nlast\n").utf8 {
            bench.append("a.log", [byte])
            bench.turn(after: 0)
            bench.checkpoint()
            if byte % 5 == 0 { bench.restart() }
        }
        bench.turn()
        #expect(bench.collector.delivered == ["short", long, "last"])
        #expect(bench.collector.faults.isEmpty)
        let pieces = bench.collector.keys.filter { $0.hasPrefix("m1 p") }.map { $0.split(separator: " ")[2] }
        let count = (length + 19) / 20
        #expect(Set(pieces) == (length <= 20 ? [] : Set((1...count).map { $0 == count ? "\($0)/\($0)" : "\($0)/0" })))
    }

    @Test func restartResumesAtTheAcknowledgedByte() {
        let bench = Bench(["*.log"]) { $0.packByteCount = 4_096 }
        let lines = (0..<4_000).map { "line \($0)" }
        bench.append("a.log", lines.map { $0 + "\n" }.joined())
        _ = bench.source.look(now: bench.now)
        bench.settle()
        bench.ship(maximumBatchCount: 1)
        bench.acknowledge(5)
        bench.checkpoint()
        bench.restart()
        bench.turn()
        #expect(bench.collector.delivered == lines)
        #expect(bench.collector.faults.isEmpty)
        bench.restart(orderly: true)
        let before = bench.collector.duplicates
        bench.turn()
        #expect(bench.collector.duplicates == before)
    }

    @Test func symbolicLinkAndItsTargetAreOneFile() {
        let bench = Bench(["*.log"])
        bench.append("test.log", "one\n")
        _ = unsafe symlink(bench.path("test.log"), bench.path("alias.log"))
        #expect(bench.turn() == ["one"])
        #expect(bench.source.checkpointRecords().count == 1)
        bench.delete("alias.log")
        bench.append("test.log", "two\n")
        #expect(bench.turn() == ["two"])
    }

    @Test func busyFileDoesNotStarveOthers() {
        let bench = Bench(["*.log"])
        bench.append("busy.log", [UInt8](repeating: 10, count: 2 << 20))
        bench.append("quiet.log", "quiet\n")
        _ = bench.source.look(now: bench.now)
        bench.settle()
        var partial: [String] = []
        for _ in 0..<2 where bench.source.fill(&bench.batch, now: bench.now, isOpen: { _ in true }) {
            partial.append(String(decoding: bench.batch.slab.prefix(5), as: UTF8.self))
        }
        #expect(partial.contains("quiet"))
    }

    @Test func closedPartitionHoldsUpOnlyItsOwnStreams() {
        let bench = Bench(["*.log"])
        for index in 0..<40 { bench.append("f\(index).log", "\(index)\n") }
        _ = bench.source.look(now: bench.now)
        bench.settle()
        bench.ship { $0 != 2 }
        let first = bench.collector.delivered.count
        #expect(first > 0 && first < 40)
        bench.ship()
        #expect(bench.collector.delivered.count == 40)
    }

    @Test func unreadRecordsAreShippedAgainTheSame() {
        for taken in 0..<6 {
            let bench = Bench(["*.log"]) { $0.packByteCount = taken % 2 == 0 ? 12 : 0 }
            bench.append("a.log", "alpha\nbeta\ngamma\ndelta\nepsilon\n")
            _ = bench.source.look(now: bench.now)
            bench.settle()
            #expect(bench.source.fill(&bench.batch, now: bench.now) { _ in true })
            bench.take(min(taken, bench.batch.records.count))
            bench.source.unread(bench.batch, from: taken)
            bench.turn()
            #expect(bench.collector.delivered == ["alpha", "beta", "gamma", "delta", "epsilon"])
            #expect(bench.collector.duplicates == 0)
            #expect(bench.collector.announces.count == 1)
            #expect(bench.collector.faults.isEmpty)
        }
    }

    @Test func nulRunBeforeARecordIsLeftOutAfterAMinute() {
        let bench = Bench(["*.log"])
        bench.append("a.log", "before\n" + String(repeating: "\0", count: 10_000))
        #expect(bench.turn() == ["before"])
        #expect(bench.turn(after: 100_000).isEmpty)
        bench.append("a.log", "after\n")
        #expect(bench.turn().isEmpty)
        #expect(bench.turn(after: 30_000).isEmpty)
        #expect(bench.turn(after: 31_000) == ["after"])
        #expect(bench.collector.progress.map(\.0) == [7] && bench.collector.progress.map(\.1) == [10_007])
        #expect(bench.notices.contains { $0.code == "source.nul_run" })
        bench.append("a.log", "next\n")
        #expect(bench.turn() == ["next"])
    }

    @Test func watermarkFollowsTheStartOfALookAfterWhichAllWasRead() {
        let bench = Bench(["*.log"])
        bench.append("a.log", "1\npartial")
        bench.now = 5_000
        _ = bench.source.look(now: 5_000)
        #expect(bench.source.watermark == nil)
        #expect(!bench.source.isDrained)
        bench.settle()
        bench.ship()
        _ = bench.source.look(now: 5_100)
        #expect(bench.source.watermark == 5_000)
        #expect(bench.source.isDrained)
    }
}
