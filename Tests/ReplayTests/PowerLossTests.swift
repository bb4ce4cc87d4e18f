import Event
import Platform
import Testing

@testable import Replay

/// What one run did to a folder, so that each state can be made that a loss of power may leave of it.
///
/// The file system is one that keeps the order of its journal (ext4, xfs): of the changes to folders a beginning is
/// there, and all that came before the last fsync(2) of the folder that they were made in. Of a file there is what it
/// held at its last fsync(2), and of one that had none nothing, though its name may be there.
private final class PowerLossRecorder {
    struct Entry: Equatable {
        /// Counts files and folders as they come.
        var id: Int
        var isFolder: Bool
    }

    /// The names in the folder after each change, by path.
    private(set) var states: [[String: Entry]] = []
    /// For each call: how many changes there were before it, and how many of them are durable.
    private(set) var calls: [(count: Int, durable: Int)] = []
    /// What files held at their syncs: the call, and the bytes.
    private var synced: [Int: [(call: Int, bytes: [UInt8])]] = [:]
    private let root: String
    private var ids: [UInt64: Int] = [:]
    private var idCount = 0
    private var durable = 0
    private var last: (call: String, path: String)?
    private static let changes: Set<String> = ["open", "rename", "exchange", "link", "unlink", "rmdir", "mkdir"]

    /// All that is there is durable.
    init(_ root: String) {
        self.root = root
        look()
        for (path, entry) in states[0] where !entry.isFolder { noteSync(path, entry) }
    }

    /// To be called before each call.
    func note(_ call: String, _ path: String) {
        // Why here: what the call before did can be seen now.
        finish()
        calls.append((states.count - 1, durable))
        last = (call, path)
    }

    func finish() {
        guard let (call, path) = last else { return }
        last = nil
        if Self.changes.contains(call) { look() }
        guard call == "fsync", path.hasPrefix(root), let state = states.last else { return }
        let name = String(path.dropFirst(root.count))
        if name.isEmpty || state[name]?.isFolder == true {
            var index = states.count - 1
            while index > durable, names(of: name, index) == names(of: name, index - 1) { index -= 1 }
            durable = max(durable, index)
        } else if let entry = state[name] {
            noteSync(name, entry)
        }
    }

    private func names(of folder: String, _ index: Int) -> [String: Entry] {
        states[index].filter { DurableFile.parent(of: $0.key) == (folder.isEmpty ? "/" : folder) }
    }

    private func noteSync(_ name: String, _ entry: Entry) {
        synced[entry.id, default: []].append((calls.count, (try? DurableFile.read(root + name, maximum: 1 << 26)) ?? []))
    }

    private func look() {
        var found: [String: (inode: UInt64, isFolder: Bool)] = [:]
        look("", &found)
        let inodes = Set(found.values.map(\.inode))
        // Why: an inode that is free is used again.
        ids = ids.filter { inodes.contains($0.key) }
        var state: [String: Entry] = [:]
        for (path, file) in found.sorted(by: { $0.key < $1.key }) {
            if ids[file.inode] == nil {
                ids[file.inode] = idCount
                idCount += 1
            }
            state[path] = Entry(id: ids[file.inode] ?? -1, isFolder: file.isFolder)
        }
        if state != states.last { states.append(state) }
    }

    private func look(_ folder: String, _ found: inout [String: (inode: UInt64, isFolder: Bool)]) {
        for name in (try? Syscalls.list(root + folder)) ?? [] {
            let path = folder + "/" + name
            guard let status = try? Syscalls.status(root + path, followLinks: false) else { continue }
            found[path] = (status.inode, status.isDirectory)
            if status.isDirectory { look(path, &found) }
        }
    }

    /// Puts a state into an empty folder: after `changeCount` changes, with what was synced before a call.
    func make(_ changeCount: Int, before call: Int, in folder: String) throws {
        for (path, entry) in states[changeCount].sorted(by: { $0.key < $1.key }) {
            if entry.isFolder {
                try Syscalls.makeDirectory(folder + path)
            } else {
                let bytes = synced[entry.id]?.last { $0.call <= call }?.bytes ?? []
                let file = try Syscalls.open(folder + path, .createNew)
                try file.writeAll(bytes)
            }
        }
    }
}

@Suite struct PowerLossTests {
    /// Every how many calls the power goes, from a random one on; `make models`: more often.
    private static var step: Int { Environment.value(of: "MILLRACE_MODELS") == nil ? 97 : 7 }

    @Test(arguments: [false, true])
    func aRunThatLostItsPowerIsMadeGoodByTheNextOne(inSecondRun: Bool) throws {
        let whole = try FaultStory()
        try whole.deliverFirst()
        if inSecondRun {
            _ = try whole.run(nil, at: 0)
            try whole.deliverSecond()
        }
        let before = try whole.files()
        let recorder = PowerLossRecorder(whole.warehouse.path)
        let replay = try whole.replay
        nonisolated(unsafe) let noted = recorder
        SyscallFaults.with({ call, path in
            SyscallFaults.with({ _, _ in nil }) { unsafe noted.note(call, path) }
            return nil
        }) { _ = try? replay.run() }
        recorder.finish()
        let after = try whole.files()
        try #require(recorder.calls.count > 500 && recorder.states.count > 50 && before != after)

        let start = Environment.value(of: "MILLRACE_FAULT").flatMap { Int($0) } ?? Int.random(in: 0..<Self.step)
        for position in stride(from: start, to: recorder.calls.count, by: Self.step) {
            let (count, durable) = recorder.calls[position]
            for changeCount in Set([durable, count, Int.random(in: durable...count)]) {
                let story = try FaultStory()
                ScratchFolder.remove(story.warehouse.path)
                try DurableFile.makeFolders(story.warehouse.path)
                try recorder.make(changeCount, before: position, in: story.warehouse.path)
                let place = "\(changeCount) of \(durable)...\(count) changes before call \(position)"
                let allowed = [FaultStory.days(before), FaultStory.days(after)]
                for (day, files) in FaultStory.days(try story.files()) where !allowed.contains(where: { $0[day] == files }) {
                    Issue.record("\(place): \(day) holds \(files.keys.sorted())")
                }
                do { _ = try story.replay.run() } catch {
                    Issue.record("\(place): \(error)")
                    return
                }
                let found = try story.files()
                let differing = Set(found.keys).union(after.keys).filter { found[$0] != after[$0] }
                #expect(differing.isEmpty, "\(place): \(differing.sorted())")
                if !differing.isEmpty { return }
            }
        }
    }
}
