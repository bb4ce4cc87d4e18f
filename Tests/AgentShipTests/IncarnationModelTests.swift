import Agent
import Event
import Platform
import Testing
import Transport

/// A world of agents under one name that crash, are copied and are rolled back, against one mirror.
///
/// Oracle: no two runs ship different bytes under equal ids. A file's bytes are modelled by a `version`
/// that changes whenever the bytes behind a state may differ from what was shipped under it.
private struct World {
    struct Disk {
        var state: IncarnationState?
        /// Which file the state is in, and which file the state says it was written to.
        var file = 0
        var named = 0
        var boot: String
        var version: Int
        /// Generation of stream ids, and positions: acknowledged in the state, shipped in truth.
        var generation: Int
        var position = 0
    }

    struct Run {
        var disk: Int
        var machine: IncarnationMachine
        var generation: Int
        var position: Int
        var isShipping = false
        var watched: Int64
        var shipped = 0
    }

    struct Shipped: Hashable {
        var generation: Int
        var position: Int
    }

    var generator: SeededGenerator
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var disks: [Disk] = []
    var copies: [Disk] = []
    var runs: [Run] = []
    var shipped: [Shipped: Int] = [:]
    var counter = 0
    var keptCount = 0
    var conflict: String?
    var log: [String] = []

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        disks.append(Disk(state: nil, boot: "boot0", version: fresh(), generation: fresh()))
    }

    mutating func fresh() -> Int {
        counter += 1
        return counter
    }

    mutating func random(_ count: Int) -> Int { Int.random(in: 0..<count, using: &generator) }

    mutating func append(_ note: MirrorNote) -> Int64 {
        // Offsets have gaps, as compaction leaves them.
        let offset = (mirror.last?.offset ?? -1) + 1 + Int64(random(3))
        mirror.append((offset, note))
        return offset
    }

    mutating func write(_ state: IncarnationState, to disk: Int) {
        disks[disk].state = state
        disks[disk].file = fresh()
        disks[disk].named = disks[disk].file
    }

    func isRunning(_ disk: Int) -> Bool { runs.contains { $0.disk == disk } }

    /// Starts an agent, or dies somewhere on the way.
    mutating func start(_ index: Int) {
        let disk = disks[index]
        let id = "i\(fresh())"
        var machine = IncarnationMachine(
            previous: disk.state, isOriginal: disk.file == disk.named, boot: disk.boot, incarnation: id)
        if random(12) == 0 { return }
        write(machine.state, to: index)
        if random(12) == 0 { return }
        var own: Int64 = 0
        // Replies get lost: the record is there, the agent tries again or dies.
        repeat {
            let nonce = "n\(fresh())"
            machine.willAppend(nonce: nonce)
            own = append(.incarnation(id: id, follows: machine.followed, boot: disk.boot, nonce: nonce))
            if random(12) == 0 { return }
        } while random(5) == 0
        pausedStarts.append((index, machine, own))
        log.append("start \(id) on disk \(index) at \(own)")
    }

    /// Agents between their record and their decision, so that clones interleave.
    var pausedStarts: [(disk: Int, machine: IncarnationMachine, own: Int64)] = []

    mutating func decide(_ index: Int) {
        var (disk, machine, own) = pausedStarts.remove(at: index)
        if random(12) == 0 { return }
        let from = machine.readOffset(own: own)
        _ = machine.decide(own: own, notes: mirror.filter { $0.offset >= from })
        write(machine.state, to: disk)
        if random(12) == 0 { return }
        if machine.resume == .sameIDs {
            keptCount += 1
        } else {
            // A crash before this checkpoint leaves the verdict pending.
            disks[disk].generation = fresh()
        }
        log.append("\(machine.incarnation) goes on: \(machine.resume), ids \(disks[disk].generation)")
        machine.resumed()
        _ = machine.nextCheckpoint()
        write(machine.state, to: disk)
        runs.append(Run(
            disk: disk, machine: machine, generation: disks[disk].generation, position: disks[disk].position,
            watched: own))
    }

    mutating func ship(_ index: Int) {
        for _ in 0..<(1 + random(3)) {
            let disk = disks[runs[index].disk]
            let place = Shipped(generation: runs[index].generation, position: runs[index].position)
            if let before = shipped[place], before != disk.version {
                conflict = "\(place) has bytes of \(before) and \(disk.version) by \(runs[index].machine.incarnation)"
            }
            shipped[place] = disk.version
            runs[index].position += 1
        }
        if random(2) == 0 { checkpoint(index) }
    }

    mutating func checkpoint(_ index: Int) {
        let disk = runs[index].disk
        _ = runs[index].machine.nextCheckpoint()
        disks[disk].position = runs[index].position - random(2) * min(1, runs[index].position - disks[disk].position)
        disks[disk].generation = runs[index].generation
        write(runs[index].machine.state, to: disk)
    }

    mutating func watch(_ index: Int) {
        let from = runs[index].watched
        let notes = mirror.filter { $0.offset > from }
        for _ in runs[index].machine.observe(notes: notes) {
            runs[index].generation = fresh()
            runs[index].position = disks[runs[index].disk].position
        }
        runs[index].watched = mirror.last?.offset ?? from
        checkpoint(index)
    }

    mutating func step() {
        switch random(20) {
        case 0...2:
            let index = random(disks.count)
            if !isRunning(index), !pausedStarts.contains(where: { $0.disk == index }) { start(index) }
        case 3...5: if !pausedStarts.isEmpty { decide(random(pausedStarts.count)) }
        case 6...11: if !runs.isEmpty { ship(random(runs.count)) }
        case 12: if !runs.isEmpty { watch(random(runs.count)) }
        case 13, 14:
            // The process dies.
            if !runs.isEmpty { runs.remove(at: random(runs.count)) }
        case 15:
            // An orderly end.
            guard !runs.isEmpty else { return }
            let index = random(runs.count)
            let disk = runs[index].disk
            runs[index].machine.ended()
            _ = runs[index].machine.nextCheckpoint()
            disks[disk].position = runs[index].position
            disks[disk].generation = runs[index].generation
            write(runs[index].machine.state, to: disk)
            runs.remove(at: index)
        case 16:
            // The machine goes down; bytes that were shipped may never have reached the disk. An orderly
            // reboot of a stopped agent changes nothing.
            let index = random(disks.count)
            if isRunning(index) || disks[index].state?.isClean != true { disks[index].version = fresh() }
            kill(index)
            disks[index].boot = "boot\(fresh())"
        case 17: copies.append(disks[random(disks.count)])
        case 18: restore()
        default:
            // A copy by file, made into a second state folder on the same machine or another.
            guard disks.count < 4 else { return }
            var disk = disks[random(disks.count)]
            disk.file = fresh()
            disk.version = fresh()
            if random(2) == 0 { disk.boot = "boot\(fresh())" }
            disks.append(disk)
        }
    }

    /// A copy comes back: as a file in place, as the whole machine, or as a clone beside it.
    mutating func restore() {
        guard !copies.isEmpty else { return }
        var disk = copies[random(copies.count)]
        disk.version = fresh()
        switch random(3) {
        case 0:
            let index = random(disks.count)
            kill(index)
            disk.boot = disks[index].boot
            disk.file = fresh()
            disks[index] = disk
        case 1:
            let index = random(disks.count)
            kill(index)
            disk.boot = "boot\(fresh())"
            disks[index] = disk
        default:
            guard disks.count < 4 else { return }
            disk.boot = "boot\(fresh())"
            disks.append(disk)
        }
    }

    mutating func kill(_ disk: Int) {
        runs.removeAll { $0.disk == disk }
        pausedStarts.removeAll { $0.disk == disk }
    }
}

@Test(arguments: 0..<20)
func noTwoRunsShipDifferentBytesUnderEqualIDs(block: UInt64) {
    var kept = 0
    for seed in (block * 50)..<(block * 50 + 50) {
        var world = World(seed: seed)
        for _ in 0..<300 where world.conflict == nil { world.step() }
        #expect(world.conflict == nil, "seed \(seed): \(world.conflict ?? "")\n\(world.log.joined(separator: "\n"))")
        kept += world.keptCount
        if world.conflict != nil { return }
    }
    #expect(kept > 20, "the model hardly ever keeps ids, so it proves nothing")
}

/// Starts an agent against a mirror and returns its machine after the decision.
private func started(
    _ previous: IncarnationState?, isOriginal: Bool = true, boot: String = "b1", id: String,
    mirror: inout [(offset: Int64, note: MirrorNote)]
) -> IncarnationMachine {
    var machine = IncarnationMachine(previous: previous, isOriginal: isOriginal, boot: boot, incarnation: id)
    machine.willAppend(nonce: "n\(id)")
    let own = (mirror.last?.offset ?? -1) + 1
    mirror.append((own, .incarnation(id: id, follows: machine.followed, boot: boot, nonce: "n\(id)")))
    let from = machine.readOffset(own: own)
    _ = machine.decide(own: own, notes: mirror.filter { $0.offset >= from })
    return machine
}

@Test func aProcessThatDiedAloneKeepsItsIDs() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var first = started(nil, id: "a", mirror: &mirror)
    first.resumed()
    #expect(started(first.state, id: "b", mirror: &mirror).resume == .sameIDs)
}

@Test func anotherBootKeepsIDsOnlyBehindACleanMark() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var first = started(nil, id: "a", mirror: &mirror)
    first.resumed()
    var clean = first
    clean.ended()
    var other = mirror
    #expect(started(clean.state, boot: "b2", id: "b", mirror: &mirror).resume == .sameIDs)
    guard case .newIDs(_, afterPowerLoss: true) = started(first.state, boot: "b2", id: "b", mirror: &other).resume
    else {
        Issue.record("an unclean boot kept its ids")
        return
    }
}

@Test func aCopyAndARollbackTakeNewIDs() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var first = started(nil, id: "a", mirror: &mirror)
    first.resumed()
    var copied = mirror
    #expect(started(first.state, isOriginal: false, id: "b", mirror: &copied).resume != .sameIDs)
    let second = started(first.state, id: "b", mirror: &mirror)
    #expect(second.resume == .sameIDs)
    #expect(started(first.state, id: "c", mirror: &mirror).resume != .sameIDs)
}

@Test func aStateOlderThanItsOwnMirrorRecordsTakesNewIDs() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var first = started(nil, id: "a", mirror: &mirror)
    first.resumed()
    let old = first.state
    mirror.append((1, .stream(
        StreamID(high: 1, low: 1), source: "s", incarnation: "a", checkpoint: old.checkpoint + 5, nonce: "x", record: [])))
    #expect(started(old, id: "b", mirror: &mirror).resume != .sameIDs)
}

@Test func aVerdictSurvivesACrashBeforeItsCheckpoint() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var first = started(nil, id: "a", mirror: &mirror)
    first.resumed()
    let copy = IncarnationMachine(previous: first.state, isOriginal: false, boot: "b1", incarnation: "b")
    #expect(started(copy.state, id: "c", mirror: &mirror).resume != .sameIDs)
    let decided = started(first.state, boot: "b9", id: "d", mirror: &mirror)
    #expect(started(decided.state, boot: "b9", id: "e", mirror: &mirror).resume != .sameIDs)
}

@Test func aForeignIncarnationIsReportedOnce() {
    var mirror: [(offset: Int64, note: MirrorNote)] = []
    var machine = started(nil, id: "a", mirror: &mirror)
    let foreign: [(offset: Int64, note: MirrorNote)] = [
        (5, .incarnation(id: "z", follows: nil, boot: "b", nonce: "q")),
        (6, .stream(StreamID(high: 1, low: 1), source: "s", incarnation: "z", checkpoint: 1, nonce: "r", record: [])),
    ]
    #expect(machine.observe(notes: foreign) == ["z"])
    #expect(machine.observe(notes: foreign).isEmpty)
    // A record under our own incarnation that we never wrote.
    let copy: [(offset: Int64, note: MirrorNote)] = [
        (7, .stream(StreamID(high: 1, low: 1), source: "s", incarnation: "a", checkpoint: 1, nonce: "r", record: []))
    ]
    #expect(machine.observe(notes: copy).count == 1)
    // Settled foreigners no longer force new ids at the next start.
    machine.resumed()
    mirror += foreign
    #expect(started(machine.state, id: "b", mirror: &mirror).resume == .sameIDs)
}
