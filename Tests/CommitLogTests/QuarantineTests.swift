import Event
import Platform
import Testing

@testable import Sinks

@Test func base64ReadsWhatItWrites() {
    var generator = SeededGenerator(seed: 11)
    for count in 0..<200 {
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        #expect(Base64.decode(Base64.encode(bytes)) == bytes)
    }
}

@Test(arguments: ["A", "AA", "AAA", "A===", "====", "AA=A", "AAA=AAAA", "A-==", "AB==", "AAB="])
func whatIsNoBase64IsRefused(_ text: String) { #expect(Base64.decode(text) == nil) }

@Test(arguments: [
    ("3f9c5a7be1d20486-0-17", true), ("3f9c5a7be1d20486-0-0", false), ("3f9c5a7be1d2048-0-1", false),
    ("3F9c5a7be1d20486-0-1", false), ("3f9c5a7be1d20486-x-1", false), ("3f9c5a7be1d20486-0", false),
    ("../3f9c5a7be1d204-0-1", false), ("3f9c5a7be1d20486-0-1.2", false), ("", false),
    ("3f9c5a7be1d20486-0-99999999999999999999", false),
])
func idsOfEntriesAreReadStrictly(_ text: String, _ isOne: Bool) {
    #expect(EntryID(text)?.description == (isOne ? text : nil))
}

@Test func anEntryIsReadAsItWasWritten() throws {
    var entry = modelEntry(3, 9)
    entry.column = "a\"b"
    entry.agent = "shop"
    entry.source = "access"
    entry.stream = StreamID(high: 1, low: 2)
    entry.from = Position(5)
    entry.to = Position(8)
    entry.excerpt = "x"
    entry.isPart = true
    entry.replays = 2
    for bytes in [Array("a\"\u{1}\\b".utf8), [], [0xFF, 0x00, 0x0A, 0xC3]] as [[UInt8]] {
        var line: [UInt8] = []
        unsafe bytes.withUnsafeBytes { unsafe QuarantineWriter.format(entry, $0, into: &line) }
        let id = try #require(EntryID("3f9c5a7be1d20486-0-1"))
        let read = try StoredEntry.reading(line[..<(line.count - 1)], id: id, day: "2026-11-20")
        #expect(read.bytes == bytes)
        #expect(read.reason == "missing" && read.column == "a\"b" && read.agent == "shop" && read.source == "access")
        #expect(read.stream == entry.stream && read.from == entry.from && read.to == entry.to)
        #expect(read.isPart && read.replays == 2 && read.excerpt == "x" && read.offset == 9 && read.partition == 3)
        let again = read.refused(ReplayRefusal(reason: .missing, table: "db.t", column: "a\"b"), isPart: true)
        #expect(again.replays == 3 && again.stream == entry.stream && again.timestamp == entry.timestamp)
    }
}

/// Lines longer than a block, empty ones, many in a block; from any place.
@Test func linesOfAQuarantineFileAreReadWholeFromAnyPlace() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let file = QuarantineFile(folder: "db.t", day: "2026-11-20", file: "part-00000000000000aa-0")
    var folders = DurableFolders()
    try folders.ensure(WarehousePath.parent(of: file.path), in: storage)
    var texts = (0..<3_000).map { String(repeating: "x", count: $0 % 400) + "\($0)" }
    texts[7] = String(repeating: "long", count: 200_000)
    texts[8] = ""
    _ = try storage.putIfAbsent(
        file.path, Array(texts.map { $0 + "\n" }.joined().utf8), temporary: "tmp")
    var lines = QuarantineLines(file, in: storage)
    var places = [lines.place]
    for text in texts {
        #expect(try lines.next().map { String(decoding: $0, as: UTF8.self) } == text)
        places.append(lines.place)
    }
    #expect(try lines.next() == nil && lines.isAtEnd && !lines.isGone)
    for line in [0, 6, 7, 8, 9, 2_999, 3_000] {
        var again = QuarantineLines(file, in: storage, from: places[line])
        #expect(try again.next().map { String(decoding: $0, as: UTF8.self) } == (line < 3_000 ? texts[line] : nil))
    }
    try storage.remove(file.path)
    var gone = QuarantineLines(file, in: storage)
    #expect(try gone.next() == nil && gone.isGone && !gone.isAtEnd)
}

@Test func aDamagedFileIsNamedAndItsGoodEntriesAreReplayed() throws {
    let input = ModelInput(count: 12, quarantineEvery: 2)
    let disk = ModelDisk(seed: 4)
    try ModelCollector(disk, input, seed: 4).collectAll(count: 12)
    let (path, bytes) = try #require(disk.files(below: WarehousePath.quarantine).first)
    var lines = bytes.split(separator: 10).map { Array($0) }
    lines[0] = Array("{\"version\":9}".utf8)
    disk.node(path)?.bytes = Array(lines.joined(separator: [10])) + Array("\ntorn".utf8)
    let summary = try ModelReplayer(disk, input, seed: 5, byteLimit: 1 << 20).run()
    #expect(summary.unreadable == 1 && summary.faults.map(\.code) == ["sink.corrupt_quarantine"])
    #expect(summary.written == 2, "rows 8 and 10; row 0 cannot be read")
    #expect(disk.node(path) != nil, "a file that cannot be read to its end is never closed as a whole")
    #expect(try ModelReplayer(disk, input, seed: 6, byteLimit: 1 << 20).run().written == 0)
}
