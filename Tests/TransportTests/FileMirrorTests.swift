import Event
import Platform
import Testing
import Transport

@Suite(.serialized) struct FileMirrorTests {
    private func write(_ path: String, count: Int) throws {
        let mirror = try FileMirror(path: path)
        for index in 0..<count {
            let offset = try mirror.append(
                key: Array("key\(index % 3)".utf8), value: Array("value\(index)".utf8), timeoutMilliseconds: 1_000)
            #expect(offset == Int64(index))
        }
        mirror.close()
    }

    @Test func recordsAndTombstonesAreReadBack() throws {
        let path = temporaryFolder() + "/agents/one/mirror"
        do {
            let mirror = try FileMirror(path: path)
            try mirror.check()
            #expect(try mirror.append(key: [1, 2], value: [3], timeoutMilliseconds: 100) == 0)
            #expect(try mirror.append(key: [1, 2], value: nil, timeoutMilliseconds: 100) == 1)
            try mirror.appendLater(key: [], value: [])
        }
        let mirror = try FileMirror(path: path)
        let (records, first, next) = try mirror.read(from: 1, timeoutMilliseconds: 100)
        #expect(records.map(\.key) == [[1, 2], []])
        #expect(records.map(\.value) == [nil, []])
        #expect(first == 0 && next == 3)
    }

    @Test func aSecondWriterIsRefused() throws {
        let path = temporaryFolder() + "/mirror"
        let mirror = try FileMirror(path: path)
        let failure = #expect(throws: Failure.self) { _ = try FileMirror(path: path) }
        #expect(failure?.code == "transport.mirror_locked")
        mirror.close()
    }

    /// Every length of the file: all whole records survive, the rest is cut off and reported.
    @Test func aTornTailIsCutOffAtEveryByte() throws {
        let path = temporaryFolder() + "/mirror"
        try write(path, count: 4)
        let whole = try #require(try DurableFile.read(path, maximum: 1 << 20))
        let record = (whole.count - 8) / 4
        for length in 0..<whole.count {
            try DurableFile.replace(path, with: Array(whole[..<length]))
            let mirror = try FileMirror(path: path)
            let kept = max(length - 8, 0) / record
            #expect(try mirror.read(from: 0, timeoutMilliseconds: 1).records.count == kept, "length \(length)")
            #expect(mirror.tornByteCount == (length < 8 ? 0 : (length - 8) % record), "length \(length)")
            #expect(try mirror.append(key: [1], value: [2], timeoutMilliseconds: 1) == Int64(kept))
        }
    }

    @Test func zerosAtTheEndAreATornTail() throws {
        let path = temporaryFolder() + "/mirror"
        try write(path, count: 2)
        let whole = try #require(try DurableFile.read(path, maximum: 1 << 20))
        try DurableFile.replace(path, with: whole + [UInt8](repeating: 0, count: 5_000))
        #expect(try FileMirror(path: path).tornByteCount == 5_000)
    }

    /// A changed byte in any record but the last is damage, never a shorter log.
    @Test func damageBeforeTheEndIsCorrupt() throws {
        let path = temporaryFolder() + "/mirror"
        try write(path, count: 4)
        let whole = try #require(try DurableFile.read(path, maximum: 1 << 20))
        let record = (whole.count - 8) / 4
        // The length's high bytes excepted: a length beyond the file looks like a torn tail of it.
        for position in 0..<(8 + 3 * record) where !(1...3).contains((position - 8) % record) {
            var bytes = whole
            bytes[position] ^= 0x10
            try DurableFile.replace(path, with: bytes)
            let failure = #expect(throws: Failure.self, "byte \(position)") { _ = try FileMirror(path: path) }
            #expect(failure?.code == "transport.mirror_corrupt", "byte \(position)")
            #expect(failure?.kind == .corrupt)
        }
    }

    @Test func aLargeFileIsRewrittenWithTheNewestPerKey() throws {
        let path = temporaryFolder() + "/mirror"
        let mirror = try FileMirror(path: path, compactionByteCount: 2_000)
        for index in 0..<200 {
            _ = try mirror.append(key: [UInt8(index % 5)], value: Array("v\(index)".utf8), timeoutMilliseconds: 1)
        }
        _ = try mirror.append(key: [0], value: nil, timeoutMilliseconds: 1)
        #expect(try Syscalls.status(path).byteCount < 3_000)
        let (records, _, next) = try mirror.read(from: 0, timeoutMilliseconds: 1)
        #expect(next == 201)
        var newest: [[UInt8]: [UInt8]?] = [:]
        for record in records { newest[record.key] = record.value }
        #expect(newest[[4]] == Array("v199".utf8))
        #expect(newest[[0]] == .some(nil))
    }

    @Test(arguments: ["write", "fsync", "open", "close"])
    func aFailedAppendLeavesNoTrace(_ call: String) throws {
        let path = temporaryFolder() + "/mirror"
        let mirror = try FileMirror(path: path)
        _ = try mirror.append(key: [1], value: [1], timeoutMilliseconds: 1)
        let failure = #expect(throws: Failure.self) {

            let thread = currentThread()
            try SyscallFaults.with({ name, _ in name == call && currentThread() == thread ? .noSpace : nil }) {
                _ = try mirror.append(key: [2], value: [2], timeoutMilliseconds: 1)
            }
        }
        #expect(failure?.code == "transport.mirror_io")
        #expect(try mirror.append(key: [3], value: [3], timeoutMilliseconds: 1) == 1)
        mirror.close()
        let bytes = try #require(try DurableFile.read(path, maximum: 1 << 20))
        let copy = path + ".copy"
        try DurableFile.replace(copy, with: bytes)
        #expect(try FileMirror(path: copy).read(from: 0, timeoutMilliseconds: 1).records.map(\.key) == [[1], [3]])
    }
}
