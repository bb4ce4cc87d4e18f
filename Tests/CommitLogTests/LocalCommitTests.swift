import Event
import Platform
import Testing

@testable import Sinks

@Test func committedRowsAreVisibleAndSurviveAReopening() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let log = CommitLog(storage: storage)
    try log.open()
    let files = StagedFiles(storage: storage, stagingFolder: log.stagingFolder)
    try files.append("{\"a\":1}\n{\"a\":2}\n")
    let sealed = try files.seal()
    #expect(try log.commit(advance(-1, 2, files: sealed)) == .committed(number: 1))
    #expect(folder.text(sealed[0].final) == "{\"a\":1}\n{\"a\":2}\n")
    #expect(sealed[0].final == "db/t/dt=2026-11-20/part-\(files.token)-0.jsonl")
    #expect(sealed[0].rows == 2 && sealed[0].bytes == 16)
    #expect(folder.text("_millrace/log/0000/00000001.json") != nil)
    #expect(try log.commit(advance(-1, 2)) == .conflict("t[0] stands at epoch 0 offset 2, not at epoch 0 offset -1"))
    let again = CommitLog(storage: storage)
    try again.open()
    #expect(again.state == log.state)
    #expect(again.state.pipelines["p"]?.partitions[PartitionKey(topic: "t", partition: 0)]?.next == 2)
}

@Test func checkpointsPruneAndARecoveryStartsFromThem() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    var settings = CommitLogSettings()
    settings.checkpointEvery = 5
    settings.keptRecordCount = 2
    let log = CommitLog(storage: storage, settings: settings)
    try log.open()
    for number in 0..<12 {
        #expect(
            try log.commit(advance(number == 0 ? -1 : Int64(number), Int64(number) + 1))
                == .committed(number: number + 1))
    }
    #expect(log.maintenanceFault == nil)
    let checkpoints = try storage.list(WarehousePath.checkpoints)
    let records = try storage.list(WarehousePath.logFolder(of: 1))
    #expect(checkpoints?.sorted() == ["00000005.json", "00000010.json"])
    #expect(records?.sorted() == ["00000009.json", "00000010.json", "00000011.json", "00000012.json"])
    let again = CommitLog(storage: storage, settings: settings)
    try again.open()
    #expect(again.state == log.state)
    #expect(again.machine == log.machine)
}

@Test func aDeadCollectorIsFencedAndSweptAndALivingOneIsLeftAlone() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let living = CommitLog(storage: storage)
    try living.open()
    var dead: CommitLog? = CommitLog(storage: storage)
    try dead?.open()
    let name = try #require(dead?.incarnation)
    let orphan = StagedFiles(storage: storage, stagingFolder: WarehousePath.staging(of: name))
    try orphan.append("lost\n")
    _ = try orphan.seal()
    let sweeper = CommitLog(storage: storage)
    try sweeper.open()
    #expect(try sweeper.sweepOrphans() == [])
    dead = nil
    #expect(try sweeper.sweepOrphans() == [name])
    #expect(sweeper.state.fenced == [name])
    let left = try storage.list(WarehousePath.staging)
    #expect(Set(left ?? []) == [living.incarnation, sweeper.incarnation])
    #expect(try living.commit(advance(-1, 1)) == .committed(number: 2))
}

@Test func aFencedOneThatLivesGoesOnUnderANewName() throws {
    let folder = TemporaryFolder()
    let storage = try folder.storage()
    let sleeper = CommitLog(storage: storage)
    try sleeper.open()
    let other = CommitLog(storage: storage)
    try other.open()
    var fence = CommitEffects()
    fence.fences = [sleeper.incarnation]
    #expect(try other.commit(fence) == .committed(number: 1))
    #expect(try sleeper.commit(advance(-1, 1)) == .conflict("fenced"))
    try sleeper.renew()
    #expect(try sleeper.commit(advance(-1, 1)) == .committed(number: 2))
}
