@testable import Agent
import Codec
import Configuration
import Event
import Glibc
import Platform
import Testing

/// Compressed files: what rotation compressed is known again, what was not read yet is read from there, and a
/// damaged one stops nothing.
struct CompressedTests {
    private static let names: [(CompressionMethod, String)] = [(.gzip, ".gz"), (.zstd, ".zst")]

    private func compressed(_ method: CompressionMethod, _ text: String) throws -> [UInt8] {
        let compressor = try StreamingCompressor(method)
        var output: [UInt8] = []
        compressor.begin()
        try compressor.write(Array(text.utf8), into: &output)
        try compressor.finish(into: &output)
        return output
    }

    /// What `gzip NAME` does.
    private func compress(_ bench: Bench, _ name: String, _ method: CompressionMethod, _ ending: String) throws {
        let bytes = try #require(try DurableFile.read(bench.path(name), maximum: 1 << 28))
        bench.append(name + ending, try compressed(method, String(decoding: bytes, as: UTF8.self)))
        bench.delete(name)
    }

    private func lines(_ range: Range<Int>, _ word: String = "line") -> [String] { range.map { "\(word) \($0)" } }
    private func text(_ lines: [String]) -> String { lines.map { $0 + "\n" }.joined() }

    @Test(arguments: names) func allMembersOfACompressedFileAreReadOnce(
        _ method: CompressionMethod, _ ending: String
    ) throws {
        let bench = Bench(["*.log*"])
        let lines = lines(0..<200_000)
        bench.append("old.log" + ending, try compressed(method, text(Array(lines[..<100_000]))))
        bench.append("old.log" + ending, try compressed(method, text(Array(lines[100_000...]))))
        for _ in 0..<3 { bench.turn(after: 3_000) }
        #expect(bench.collector.delivered == lines)
        bench.restart(orderly: true)
        for _ in 0..<3 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered.count == lines.count)
        #expect(bench.source.takeFaults().isEmpty)
    }

    @Test(arguments: ["app.log", "app.log*"], [false, true])
    func fileThatWasReadIsNotReadAgainCompressed(pattern: String, isDown: Bool) throws {
        for (method, ending) in Self.names {
            let bench = Bench([pattern])
            bench.append("app.log", text(lines(0..<5_000)))
            bench.turn()
            bench.rename("app.log", "app.log.1")
            bench.append("app.log", text(lines(0..<10, "new")))
            bench.turn()
            if isDown { bench.restart(orderly: true) }
            try compress(bench, "app.log.1", method, ending)
            for _ in 0..<4 { bench.turn(after: 61_000) }
            #expect(bench.collector.delivered == lines(0..<5_000) + lines(0..<10, "new"), "\(ending) \(pattern)")
            #expect(bench.collector.duplicates == 0)
        }
    }

    @Test(arguments: ["app.log", "app.log*"], [0, 1, 3])
    func unreadRestIsReadFromTheCompressedFile(pattern: String, read: Int) throws {
        for (method, ending) in Self.names {
            let bench = Bench([pattern])
            let old = lines(0..<6_000)
            bench.append("app.log", text(Array(old[..<(read * 1_000 + 1)])))
            bench.turn()
            bench.restart(orderly: true)
            bench.append("app.log", text(Array(old[(read * 1_000 + 1)...])))
            try compress(bench, "app.log", method, ending)
            bench.rename("app.log" + ending, "app.log.1" + ending)
            bench.append("app.log", "new\n")
            for _ in 0..<4 { bench.turn(after: 61_000) }
            #expect(bench.collector.delivered.sorted() == (old + ["new"]).sorted(), "\(ending) \(pattern) \(read)")
            #expect(bench.collector.duplicates == 0 && bench.collector.faults.isEmpty)
        }
    }

    @Test(arguments: names) func damagedOneIsNamedAndStopsNothing(
        _ method: CompressionMethod, _ ending: String
    ) throws {
        let bench = Bench(["*.log*"])
        let whole = try compressed(method, text(lines(0..<20_000)))
        var broken = whole
        for index in (broken.count / 2)..<(broken.count / 2 + 64) { broken[index] ^= 0x55 }
        bench.append("broken.log" + ending, broken)
        bench.append("cut.log" + ending, Array(whole[..<(whole.count / 2)]))
        bench.append("none.log" + ending, Array("no such data".utf8))
        bench.append("well.log", "well\n")
        var faults: [String] = []
        for _ in 0..<4 {
            bench.turn(after: 61_000)
            faults += bench.source.takeFaults().map(\.code)
        }
        #expect(bench.collector.delivered == ["well"])
        #expect(faults == Array(repeating: "source.compressed_damaged", count: 3))
        #expect(bench.source.isDrained)
        // Made whole, it is read.
        bench.append("cut.log" + ending, Array(whole[(whole.count / 2)...]))
        for _ in 0..<4 { bench.turn(after: 61_000) }
        #expect(bench.collector.delivered == ["well"] + lines(0..<20_000))
    }

    /// 16 MiB of content in 17 KiB: it is read in steps.
    @Test func muchContentInAFewBytesCostsNoMemory() throws {
        let bench = Bench(["*.gz"]) { $0.maximumRecordByteCount = 4 << 20 }
        let line = String(repeating: "0", count: 1_023) + "\n"
        bench.append("bomb.gz", try compressed(.gzip, String(repeating: line, count: 16 << 10)))
        _ = bench.source.look(now: bench.now)
        bench.now += 3_000
        _ = bench.source.look(now: bench.now)
        bench.settle()
        var count = 0
        for _ in 0..<1_000 {
            if bench.source.fill(&bench.batch, now: bench.now, isOpen: { _ in true }) {
                count += bench.batch.eventCounts.reduce(0, +)
            } else if bench.source.needsDurability {
                bench.settle()
            } else {
                break
            }
        }
        #expect(count == 16 << 10)
        let content = try #require(CompressedContent(.gzip))
        let file = try Syscalls.open(bench.path("bomb.gz"), .read)
        var (offset, most) = (UInt64(0), 0)
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let got = try unsafe buffer.withUnsafeMutableBytes { try unsafe content.read(file, at: offset, into: $0) }
            most = max(most, content.heldByteCount)
            if got == 0 { break }
            offset += UInt64(got)
        }
        #expect(offset == 16 << 20)
        #expect(most < 8 << 20)
    }
}
