import Columns
import Event
import JSON
import Platform
import Testing

@testable import Sinks

private func failure(_ body: () throws -> Void) -> Failure? {
    do { try body() } catch { return error as? Failure }
    return nil
}

@Suite(.serialized) struct LocalStorageTests {
    @Test(arguments: [
        (Errno.noSpace, "sink.no_space"), (.quota, "sink.no_space"), (.readOnly, "sink.read_only"),
        (.access, "sink.access_denied"), (.inputOutput, "sink.input_output"), (.tooManyOpen, "sink.too_many_open"),
        (.stale, "sink.stale"), (.nameTooLong, "sink.bad_name"),
    ])
    func whatTheDiskRefusesIsTriedAgain(_ errno: Errno, _ code: String) throws {
        let found = Failure.storage(errno, "write", "a/b")
        #expect(found.code == code && found.kind == .transient && found.hint != nil)
    }

    @Test func putIfAbsentRefusesATakenNameAndLeavesNoTemporary() throws {
        let folder = TemporaryFolder()
        let storage = try folder.storage()
        #expect(try storage.putIfAbsent("a", [1], temporary: "t"))
        #expect(try !storage.putIfAbsent("a", [2], temporary: "t"))
        let bytes = try storage.read("a", maximumByteCount: 10)
        let names = try storage.list("")
        #expect(bytes == [1] && names == ["a"])
    }

    @Test(arguments: ["../a", "/a", "a//b", "a/./b", "a/\0b", "a/..", ""])
    func noPathLeavesTheWarehouse(_ path: String) throws {
        let folder = TemporaryFolder()
        let storage = try folder.storage()
        if !path.isEmpty {
            #expect(failure { _ = try storage.read(path, maximumByteCount: 10) }?.code == "sink.unsafe_path")
        }
        #expect(!WarehousePath.isSafe(path))
    }

    @Test func modesAreAsConfiguredWhateverTheUmask() throws {
        let folder = TemporaryFolder()
        let storage = try folder.storage(LocalStorageSettings(fileMode: 0o664, folderMode: 0o2775))
        try storage.makeFolder("f")
        try storage.create("f/x").close()
        #expect(try Syscalls.status(storage.root + "/f").mode & 0o7777 == 0o2775)
        #expect(try Syscalls.status(storage.root + "/f/x").mode & 0o7777 == 0o664)
    }

    @Test func aFullDiskDoomsTheAttemptAndAbandoningFreesIt() throws {
        let folder = TemporaryFolder()
        let storage = try folder.storage()
        let log = CommitLog(storage: storage)
        try log.open()
        let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
        try files.append("one\n")
        let root = storage.root
        SyscallFaults.with({ call, path in call == "fsync" ? .noSpace : nil }) {
            let found = failure { _ = try files.seal() }
            #expect(found?.code == "sink.no_space" && found?.kind == .transient)
        }
        #expect(files.fault != nil)
        files.abandon()
        let names = try Syscalls.list(root + "/" + log.stagingFolder)
        #expect(names == ["lock"])
        let again = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
        try again.append("one\n")
        #expect(try log.commit(advance(-1, 1, files: again.seal())) == .committed(number: 1))
    }
}

@Test func beyondTheOpenLimitTheLeastRecentlyUsedFileIsFinished() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder, openLimit: 2)
    for day in [1, 2, 1, 3, 1, 2] { try files.append("day \(day)\n", partition: "dt=2026-11-0\(day)") }
    let sealed = try files.seal()
    #expect(sealed.map(\.partition) == ["dt=2026-11-01", "dt=2026-11-02", "dt=2026-11-02", "dt=2026-11-03"])
    #expect(sealed.map(\.rows) == [3, 1, 1, 1])
    #expect(files.byteCount == 36 && files.rowCount == 6)
    #expect(try log.commit(advance(-1, 6, files: sealed)) == .committed(number: 1))
    #expect(folder.text(sealed[0].final) == "day 1\nday 1\nday 1\n")
}

@Test(arguments: [
    "", "..", "a/b", "_hidden", "db._hidden", ".x", "db.", "db..t", "\0",
])
func aTableThatCannotBeAFolderIsRefused(_ table: String) throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
    #expect(failure { try files.append("x\n", table: table) }?.code == "sink.bad_table")
    #expect(failure { try files.append("x\n", partition: "../" + table) }?.code == "sink.bad_table")
    #expect(failure { try files.append("x\n", partition: "dt=1/_" + table) }?.code == "sink.bad_table")
}

@Test(arguments: [(Compression.none, ".jsonl"), (.gzip, ".jsonl.gz"), (.zstd, ".jsonl.zst")])
func checksumAndSizeAreOfTheFileAsItLies(_ compression: Compression, _ suffix: String) throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
    for number in 0..<20_000 { try files.append("{\"number\":\(number)}\n", compression: compression) }
    let sealed = try files.seal()
    #expect(sealed.count == 1 && sealed[0].final.hasSuffix(suffix) && sealed[0].rows == 20_000)
    _ = try log.commit(advance(-1, 20_000, files: sealed))
    let bytes = try #require(try storage.read(sealed[0].final, maximumByteCount: 1 << 24))
    #expect(UInt64(bytes.count) == sealed[0].bytes && hexadecimal(Hash.xxh3(bytes)) == sealed[0].checksum)
    #expect(files.byteCount == sealed[0].bytes)
}

@Test func lanesShareTheFilesOfAnAttempt() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder, openLimit: 3)
    let lanes = (0..<4).map { lane in
        WorkerThread(name: "lane") {
            for number in 0..<500 {
                try? files.append("\(lane):\(number)\n", partition: "dt=2026-11-0\(1 + number % 5)")
            }
        }
    }
    for lane in lanes { lane.join() }
    let sealed = try files.seal()
    _ = try log.commit(advance(-1, 2_000, files: sealed))
    var lines: Set<String> = []
    for file in sealed {
        for line in folder.text(file.final)?.split(separator: "\n") ?? [] { lines.insert(String(line)) }
    }
    #expect(lines.count == 2_000 && sealed.reduce(0) { $0 + $1.rows } == 2_000)
}

@Test func quarantineKeepsTheBytesTheReasonAndTheDay() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
    var writer = QuarantineWriter()
    var entry = QuarantineEntry(
        reason: .missing, pipeline: "p", table: "shop.orders", topic: "t", partition: 3, offset: 9,
        timestamp: 1_795_132_800_000)
    entry.column = "id"
    entry.stream = StreamID(high: 1, low: 2)
    entry.from = Position(5)
    entry.to = Position(8)
    func append(_ bytes: [UInt8]) throws {
        let result = unsafe bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
            do throws(Failure) { return .success(try unsafe writer.append(entry, bytes: bytes, to: files)) } catch {
                return .failure(error)
            }
        }
        try result.get()
    }
    try append(Array("a\"b".utf8))
    try append([0xFF, 0x00])
    entry.table = "../evil"
    try append([])
    try writer.flush(to: files)
    let sealed = try files.seal()
    #expect(
        sealed.map(\.partition) == ["dt=2026-11-20", "dt=2026-11-20"] && sealed.allSatisfy { $0.role == .quarantine })
    _ = try log.commit(advance(-1, 3, files: sealed))
    let known = try #require(sealed.first { $0.table == "shop.orders" })
    #expect(known.final.hasPrefix("_millrace/quarantine/shop.orders/dt=2026-11-20/part-"))
    let lines = try #require(folder.text(known.final)).split(separator: "\n").map { JSONValue(parsing: String($0)) }
    #expect(lines[0]?["reason"]?.string == "missing" && lines[0]?["bytes"]?.string == "YSJi")
    #expect(lines[0]?["text"]?.string == "a\"b" && lines[0]?["from"]?.string == "5")
    #expect(lines[1]?["bytes"]?.string == "/wA=" && lines[1]?["text"] == nil)
    #expect(sealed.contains { $0.final.hasPrefix("_millrace/quarantine/_unrouted/") && $0.rows == 1 })
}

@Test(arguments: [
    (Int64(0), "dt=1970-01-01"), (-1, "dt=1970-01-01"), (951_782_400_000, "dt=2000-02-29"),
    (1_795_219_199_999, "dt=2026-11-20"), (Int64.max, "dt=9999-12-31"),
])
func daysAreCivilDaysInUTC(_ time: Int64, _ day: String) { #expect(QuarantineWriter.day(time) == day) }
