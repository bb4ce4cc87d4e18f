import Glibc
import Platform
import Synchronization
import Testing

/// A folder of its own, removed with what is in it.
final class Scratch {
    let path: String

    init() throws {
        path = "/tmp/millrace-platform-\(Token.make())"
        try Syscalls.makeDirectory(path)
    }

    deinit { Self.remove(path) }

    private static func remove(_ path: String) {
        guard let status = try? Syscalls.status(path, followLinks: false) else { return }
        guard status.isDirectory else {
            try? Syscalls.unlink(path)
            return
        }
        for name in (try? Syscalls.list(path)) ?? [] { remove(path + "/" + name) }
        try? Syscalls.removeDirectory(path)
    }
}

/// Fault injection is one switch for the process: these tests take turns.
@Suite(.serialized) struct FaultTests {
    private static let errors: [Errno] = [
        .noEntry, .exists, .access, .notPermitted, .noSpace, .quota, .readOnly, .inputOutput, .crossDevice, .notEmpty,
        .notDirectory, .isDirectory, .tooManyOpen, .loop,
    ]

    @Test func everyErrorOfEveryCallComesOutAsItself() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/f"
        let calls: [(String, (String) throws -> Void)] = [
            ("open", { _ = try Syscalls.open($0, .writeTruncate) }),
            ("stat", { _ = try Syscalls.status($0) }),
            ("rename", { try Syscalls.rename($0, $0) }),
            ("link", { try Syscalls.link($0, $0 + "2") }),
            ("chmod", { try Syscalls.changeMode($0, 0o600) }),
            ("readdir", { _ = try Syscalls.list($0) }),
            ("mkdir", { try Syscalls.makeDirectory($0 + "d") }),
            ("rmdir", { try Syscalls.removeDirectory($0 + "d") }),
            ("unlink", { try Syscalls.unlink($0) }),
            ("write", { try Syscalls.open($0, .writeTruncate).writeAll([1]) }),
            ("fsync", { try Syscalls.open($0, .writeTruncate).sync() }),
            ("close", { try Syscalls.open($0, .writeTruncate).close() }),
        ]
        for (name, call) in calls {
            for error in Self.errors {
                #expect(throws: error, "\(name)") {
                    try SyscallFaults.with({ found, at in found == name && at.isEmpty || found == name && at.hasPrefix(path) ? error : nil }) {
                        try call(path)
                    }
                }
            }
        }
    }

    /// A crash is an error at call n and at every one after it: what is on disk then is what a restart sees.
    @Test func aReplacedFileIsWholeOldOrWholeNewWhereverItStops() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/state"
        let old = [UInt8]("old content, rather longer than the new one".utf8)
        let new = [UInt8]("new".utf8)
        var stops = 0
        for stop in 1...40 {
            try DurableFile.replace(path, with: old)
            let count = Mutex(0)
            let prefix = scratch.path
            var finished = false
            do {
                try SyscallFaults.with({ _, at in
                    guard at.isEmpty || at.hasPrefix(prefix) else { return nil }
                    return count.withLock { $0 += 1; return $0 >= stop ? .inputOutput : nil }
                }) { try DurableFile.replace(path, with: new) }
                finished = true
            } catch let error as Errno {
                #expect(error == .inputOutput)
                stops += 1
            }
            let found = try DurableFile.read(path, maximum: 1_000)
            #expect(found == old || found == new, "stop \(stop)")
            if finished {
                #expect(found == new)
                break
            }
        }
        #expect(stops >= 5, "open, write, fsync, close, rename, open folder, fsync folder")
    }

    @Test func anErrorAtOneCallOnlyIsNeverSwallowed() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/state"
        for name in ["open", "write", "fsync", "close", "rename"] {
            let prefix = scratch.path
            #expect(throws: Errno.inputOutput, "\(name)") {
                try SyscallFaults.with({ call, at in
                    call == name && (at.isEmpty || at.hasPrefix(prefix)) ? .inputOutput : nil
                }) { try DurableFile.replace(path, with: [1, 2, 3]) }
            }
        }
        try DurableFile.replace(path, with: [9])
        #expect(try DurableFile.read(path, maximum: 10) == [9])
    }
}

@Test func callsReportWhatTheKernelSays() throws {
    let scratch = try Scratch()
    let file = scratch.path + "/file"
    try DurableFile.replace(file, with: [1, 2, 3], permissions: 0o640)
    #expect(try Syscalls.status(file).byteCount == 3)
    #expect(try Syscalls.status(file).mode & 0o777 == 0o640)
    #expect(throws: Errno.noEntry) { _ = try Syscalls.status(scratch.path + "/none") }
    #expect(throws: Errno.notDirectory) { _ = try Syscalls.status(file + "/x") }
    #expect(throws: Errno.exists) { _ = try Syscalls.open(file, .createNew) }
    #expect(throws: Errno.exists) { try Syscalls.link(file, file) }
    #expect(throws: Errno.isDirectory) { _ = try Syscalls.open(scratch.path, .writeTruncate) }
    #expect(throws: Errno.notEmpty) { try Syscalls.removeDirectory(scratch.path) }
    try Syscalls.link(file, scratch.path + "/second")
    #expect(try Syscalls.status(file).linkCount == 2)
    #expect(try Set(Syscalls.list(scratch.path)) == ["file", "second"])
    #expect(try Syscalls.freeByteCount(scratch.path) > 0)
    #expect(Syscalls.group(named: "root") == 0)
    #expect(Syscalls.group(named: "no-such-group-here") == nil)
}

@Test func aFifoOpensWithoutAWriterAndIsNoRegularFile() throws {
    let status = try Syscalls.status("/dev/null")
    #expect(!status.isRegular && !status.isDirectory)
    #expect(try Syscalls.status("/tmp").isDirectory)
}

@Test func readingGivesEverythingUpToTheMaximum() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/long"
    let bytes = (0..<200_000).map { UInt8(truncatingIfNeeded: $0) }
    try DurableFile.replace(path, with: bytes)
    #expect(try DurableFile.read(path, maximum: 1 << 20) == bytes)
    #expect(try DurableFile.read(path, maximum: 100_000) == Array(bytes[..<100_000]))
    #expect(try DurableFile.read(path, maximum: 0) == [])
    #expect(try DurableFile.read(path + ".none", maximum: 10) == nil)
}

@Test func foldersAreMadeWithThoseAboveThem() throws {
    let scratch = try Scratch()
    let path = scratch.path + "/a/b/c"
    try DurableFile.makeFolders(path)
    try DurableFile.makeFolders(path)
    #expect(try Syscalls.status(path).isDirectory)
    try DurableFile.replace(scratch.path + "/plain", with: [])
    #expect(throws: Errno.notDirectory) { try DurableFile.makeFolders(scratch.path + "/plain/x") }
}

@Test(arguments: [("/a", "/", "a"), ("/a/b", "/a", "b"), ("a", ".", "a"), ("a/b", "a", "b"), ("/a/b/", "/a/b", "")])
func pathsSplitAtTheLastSlash(path: String, parent: String, name: String) {
    #expect(DurableFile.parent(of: path) == parent)
    #expect(DurableFile.name(of: path) == name)
}

@Test func aLockHasOneHolder() throws {
    let scratch = try Scratch()
    let second = try FileLock(path: scratch.path + "/lock", permissions: 0o600)
    let duplicate: Descriptor
    do {
        let first = try FileLock(path: scratch.path + "/lock", permissions: 0o600)
        #expect(try first.take())
        #expect(try !second.take())
        // As in a process that was forked meanwhile.
        duplicate = .adopting(dup(first.file.number))
        #expect(try !second.take())
    }
    #expect(try second.take())
    // One that never had it does not free it.
    do { #expect(try !FileLock(path: scratch.path + "/lock", permissions: 0o600).take()) }
    #expect(try !FileLock(path: scratch.path + "/lock", permissions: 0o600).take())
    try duplicate.close()
}

@Test func errnosSayWhatTheyAre() {
    #expect(Errno.noEntry.text == "No such file or directory")
    #expect(Errno.noSpace.description == "No space left on device (errno 28)")
}

@Test func backoffDoublesToItsMaximumWithAtMostAQuarterOfJitter() {
    var generator = SeededGenerator(seed: 3)
    var backoff = Backoff(firstMilliseconds: 100, maximumMilliseconds: 1_000)
    for base in [100, 200, 400, 800, 1_000, 1_000] {
        let wait = backoff.wait(using: &generator)
        #expect(wait <= base && wait >= base - base / 4)
    }
    backoff.reset()
    #expect(backoff.wait(using: &generator) <= 100)
    var narrow = Backoff(firstMilliseconds: 500, maximumMilliseconds: 50)
    #expect(narrow.wait(using: &generator) <= 50)
}

@Test func aSignalReachesTheWaiterAndATimeOutEnds() {
    let monitor = Monitor(0)
    let thread = WorkerThread(name: "test-signal") { for _ in 0..<3 { monitor.signal { $0 += 1 } } }
    #expect(monitor.wait(milliseconds: 5_000) { $0 == 3 ? "three" : nil } == "three")
    thread.join()
    #expect(monitor.wait(milliseconds: 20) { $0 == 4 ? true : nil } == nil)
    #expect(monitor.wait(milliseconds: -20) { $0 == 4 ? true : nil } == nil)
    #expect(monitor.wait(milliseconds: 0) { $0 == 3 ? true : nil } == true)
}

@Test func aMonitorLosesNoUpdate() {
    let monitor = Monitor(0)
    let threads = (0..<4).map { index in
        WorkerThread(name: "test-\(index)") { for _ in 0..<10_000 { monitor.withLock { $0 += 1 } } }
    }
    for thread in threads { thread.join() }
    #expect(monitor.withLock { $0 } == 40_000)
}

@Test func seededNumbersRepeatAndTokensAreSixteenDigits() {
    var one = SeededGenerator(seed: 9)
    var other = SeededGenerator(seed: 9)
    #expect((0..<50).allSatisfy { _ in one.next() == other.next() })
    #expect(Token.make(using: &one).utf8.count == 16)
    #expect(Token.make() != Token.make())
}

@Test func clocksAndBootAreReadable() {
    let clock = SystemClock()
    let start = clock.monotonicNanoseconds()
    #expect(clock.wallMilliseconds() > 1_600_000_000_000)
    #expect(clock.monotonicNanoseconds() >= start)
    #expect(Boot.identifier().utf8.count == 36)
}

@Test func hashesAreXXH3() {
    #expect(Hash.xxh3([]) == 0x2D06_8005_38D3_94C2)
    #expect(Hash.xxh3([1]) != Hash.xxh3([1], seed: 1))
}
