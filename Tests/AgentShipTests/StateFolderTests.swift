@testable import Agent
import Event
import Platform
import Testing
import Transport

private func withFolder(_ body: (String) throws -> Void) throws {
    let path = "/tmp/millrace-ship-\(Token.make())"
    try DurableFile.makeFolders(path)
    defer {
        for name in (try? Syscalls.list(path)) ?? [] { try? Syscalls.unlink(path + "/" + name) }
        try? Syscalls.removeDirectory(path)
    }
    try body(path)
}

private func sample() -> AgentState {
    var state = AgentState()
    state.incarnation.boot = "b"
    state.incarnation.acknowledged = MirrorPlace(incarnation: "i", offset: 7)
    state.incarnation.tried = ["j"]
    state.incarnation.settled = ["k"]
    state.incarnation.pending = PendingNewIDs(reason: "because", afterPowerLoss: true)
    state.incarnation.isClean = true
    state.incarnation.checkpoint = 12
    var source = AgentState.Source(name: "access \"log\"")
    source.watermarkPartitions = [0, 2]
    source.streams = [
        AgentState.Stream(id: StreamID(high: 1, low: 2), record: Array(#"{"version":1,"path":"/var/log/x"}"#.utf8))
    ]
    source.pending = PendingNewIDs(reason: "while away", afterPowerLoss: false)
    state.sources = [source, AgentState.Source(name: "empty")]
    return state
}

@Test func stateComesBackAndKnowsItsOwnFile() throws {
    try withFolder { path in
        let folder = try StateFolder(path: path)
        #expect(try folder.load(now: 0) == .none)
        try folder.write(sample())
        let loaded = try folder.load(now: 0)
        #expect(loaded == .state(sample(), isOriginal: true))
        #expect(try Syscalls.status(path + "/state.json").mode & 0o777 == 0o600)
    }
}

@Test func aCopyOfTheStateIsNotTheOriginal() throws {
    try withFolder { path in
        let folder = try StateFolder(path: path)
        try folder.write(sample())
        let bytes = try #require(try DurableFile.read(path + "/state.json", maximum: 1 << 20))
        try DurableFile.replace(path + "/state.json", with: bytes)
        #expect(try folder.load(now: 0) == .state(sample(), isOriginal: false))
    }
}

@Test func everyDamagedStateIsSetAside() throws {
    try withFolder { path in
        let folder = try StateFolder(path: path)
        try folder.write(sample())
        let bytes = try #require(try DurableFile.read(path + "/state.json", maximum: 1 << 20))
        for index in stride(from: 0, to: bytes.count, by: 7) {
            var damaged = bytes
            damaged[index] ^= 0x20
            try DurableFile.replace(path + "/state.json", with: damaged)
            guard case .damaged(let aside, _) = try folder.load(now: Int64(index)) else {
                Issue.record("byte \(index) changed and nobody noticed")
                return
            }
            #expect(aside == "\(path)/state.json.damaged-\(index)")
            #expect(try DurableFile.read(aside, maximum: 1 << 20) == damaged)
            #expect(try folder.load(now: 0) == .none)
        }
        for count in [0, 1, 31, 32, bytes.count - 1] {
            try DurableFile.replace(path + "/state.json", with: Array(bytes.prefix(count)))
            guard case .damaged = try folder.load(now: Int64(10_000 + count)) else {
                Issue.record("cut to \(count) bytes and nobody noticed")
                return
            }
        }
    }
}

@Test func aSecondAgentOnTheFolderIsRefusedAndNamesTheFirst() throws {
    try withFolder { path in
        let first = try StateFolder(path: path)
        do {
            _ = try StateFolder(path: path)
            Issue.record("two agents share a folder")
        } catch let failure as Failure {
            #expect(failure.code == "agent.state_locked")
            #expect(failure.exitCode == 75)
            #expect(failure.message.contains("process \(Environment.processIdentifier)"))
        }
        withExtendedLifetime(first) {}
    }
}

@Test func aFullDiskLeavesTheOldStateWhole() throws {
    try withFolder { path in
        let folder = try StateFolder(path: path)
        try folder.write(sample())
        for call in ["open", "unlink", "rename"] {
            var next = sample()
            next.incarnation.checkpoint = 99
            let failure = SyscallFaults.with({ name, at in
                name == call && at.hasPrefix(path) ? .noSpace : nil
            }) { () -> Failure? in
                do throws(Failure) {
                    try folder.write(next)
                    return nil
                } catch { return error }
            }
            #expect(failure?.code == "agent.state_write", "\(call)")
            #expect(failure?.kind == .transient)
            #expect(try folder.load(now: 0) == .state(sample(), isOriginal: true), "\(call)")
        }
    }
}

@Test func mirrorNotesComeBack() {
    let agent = "shop 7/a"
    let follows = MirrorPlace(incarnation: "p", offset: 4)
    let incarnation = MirrorRecord(
        offset: 1, key: MirrorNote.incarnationKey(agent, "i"),
        value: MirrorNote.incarnationValue(id: "i", follows: follows, boot: "b", nonce: "n", agent: agent, time: 1))
    #expect(MirrorNote(incarnation, agent: agent) == .incarnation(id: "i", follows: follows, boot: "b", nonce: "n"))
    let id = StreamID(high: 9, low: 8)
    let record = Array(#"{"version":1}"#.utf8)
    let stream = MirrorRecord(
        offset: 2, key: MirrorNote.streamKey(agent, id),
        value: MirrorNote.streamValue(source: "s", incarnation: "i", checkpoint: 3, nonce: "m", record: record))
    #expect(
        MirrorNote(stream, agent: agent)
            == .stream(id, source: "s", incarnation: "i", checkpoint: 3, nonce: "m", record: record))
    #expect(MirrorNote(stream, agent: "shop") == nil)
    #expect(MirrorNote(MirrorRecord(offset: 3, key: stream.key, value: nil), agent: agent) == .removed)
    #expect(MirrorNote(MirrorRecord(offset: 3, key: stream.key, value: [1]), agent: agent) == .unreadable)
    let tombstone = MirrorRecord(offset: 4, key: stream.key, value: nil)
    #expect(MirrorNote.recoveredStreams([incarnation, stream], agent: agent)["s"]?.first?.record == record)
    #expect(MirrorNote.recoveredStreams([incarnation, stream, tombstone], agent: agent)["s"] == nil)
}
