import Event
import Platform

@testable import Sinks

/// A file system in memory with two views: what programs see, and what a power loss leaves.
///
/// Bytes become durable by `sync` of the file, names by `syncFolder`. A rename is one step in both folders.
/// After a failed fsync the bytes are never made durable by a later one that succeeds (as Linux does).
final class ModelDisk {
    final class Node {
        let isFolder: Bool
        var bytes: [UInt8] = []
        var durableBytes: [UInt8] = []
        var isPoisoned = false
        var entries: [String: Node] = [:]
        var durableEntries: [String: Node] = [:]
        var waiting: [Change] = []
        var modified: Int64
        init(isFolder: Bool, modified: Int64) {
            self.isFolder = isFolder
            self.modified = modified
        }
    }

    /// One step that is not durable yet: names set or taken away, all at once.
    final class Change {
        let sequence: Int
        var names: [(folder: Node, name: String, node: Node?)]
        init(_ sequence: Int, _ names: [(folder: Node, name: String, node: Node?)]) {
            self.sequence = sequence
            self.names = names
        }
    }

    /// What a power loss does to what was not synced.
    enum Loss { case everything, nothing, some }

    private(set) var root: Node
    var now: Int64 = 1_800_000_000_000
    var generator: SeededGenerator
    private var sequence = 0
    var locks: [String: ObjectIdentifier] = [:]
    /// Counts power losses; clients of an earlier one are dead.
    private(set) var generation = 0
    var hasLocks = true
    /// Broken rules seen while running.
    var violations: [String] = []
    /// Quarantine files that were removed because every entry is closed.
    var retired: Set<String> = []

    init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
        root = Node(isFolder: true, modified: now)
    }

    func node(_ path: String) -> Node? {
        var node = root
        for part in path.split(separator: "/") {
            guard let next = node.entries[String(part)] else { return nil }
            node = next
        }
        return node
    }

    func durableNode(_ path: String) -> Node? {
        var node = root
        for part in path.split(separator: "/") {
            guard let next = node.durableEntries[String(part)] else { return nil }
            node = next
        }
        return node
    }

    func change(_ names: [(folder: Node, name: String, node: Node?)]) {
        sequence += 1
        now += 1
        let change = Change(sequence, names)
        for (folder, name, node) in names {
            folder.entries[name] = node
            folder.modified = now
            folder.waiting.append(change)
        }
    }

    func makeDurable(_ change: Change) {
        for (folder, name, node) in change.names {
            folder.durableEntries[name] = node
            for earlier in folder.waiting where earlier.sequence < change.sequence {
                earlier.names.removeAll { $0.folder === folder && $0.name == name }
            }
            folder.waiting.removeAll { $0 === change }
        }
        change.names = []
    }

    func sync(folder: Node) {
        for change in folder.waiting.sorted(by: { $0.sequence < $1.sequence }) { makeDurable(change) }
        folder.waiting = []
    }

    /// The power fails and comes back.
    func losePower(_ loss: Loss) {
        generation += 1
        locks = [:]
        var changes: [Change] = []
        var files: [ObjectIdentifier: Node] = [:]
        func visit(_ node: Node) {
            changes += node.waiting.filter { change in !changes.contains { $0 === change } }
            for child in Array(node.entries.values) + Array(node.durableEntries.values) {
                if files.updateValue(child, forKey: ObjectIdentifier(child)) == nil { visit(child) }
            }
        }
        visit(root)
        for change in changes.sorted(by: { $0.sequence < $1.sequence }) where survives(loss) { makeDurable(change) }
        for change in changes { for (folder, _, _) in change.names { folder.waiting = [] } }
        root.waiting = []
        for node in files.values {
            node.waiting = []
            if node.isFolder {
                node.entries = node.durableEntries
            } else {
                if node.bytes != node.durableBytes, survives(loss) {
                    let count =
                        loss == .nothing ? node.bytes.count : Int.random(in: 0...node.bytes.count, using: &generator)
                    node.durableBytes = Array(node.bytes.prefix(count))
                }
                node.bytes = node.durableBytes
            }
        }
        root.entries = root.durableEntries
    }

    private func survives(_ loss: Loss) -> Bool {
        switch loss {
        case .everything: false
        case .nothing: true
        case .some: Bool.random(using: &generator)
        }
    }

    /// All files below a folder: path and bytes.
    func files(below folder: String) -> [(path: String, bytes: [UInt8])] {
        guard let start = node(folder) else { return [] }
        var found: [(path: String, bytes: [UInt8])] = []
        func visit(_ node: Node, _ path: String) {
            for (name, child) in node.entries {
                let full = path.isEmpty ? name : path + "/" + name
                if child.isFolder { visit(child, full) } else { found.append((full, child.bytes)) }
            }
        }
        visit(start, folder)
        return found.sorted { $0.path < $1.path }
    }
}

/// Rules that hold at every moment, checked where something is removed.
extension ModelDisk {
    private func newestCheckpoint(durable: Bool) -> Checkpoint? {
        let folder = durable ? durableNode(WarehousePath.checkpoints) : node(WarehousePath.checkpoints)
        let entries = durable ? folder?.durableEntries : folder?.entries
        guard let newest = entries?.keys.compactMap(WarehousePath.number).max(),
            let file = entries?[WarehousePath.name(of: WarehousePath.checkpoint(newest))]
        else { return nil }
        return try? Checkpoint.decoded(durable ? file.durableBytes : file.bytes, path: "checkpoint")
    }

    /// Looks before a name goes away.
    func judgeRemoval(of path: String) {
        guard let file = node(path) else { return }
        if path.hasPrefix(WarehousePath.log + "/"), let record = try? CommitRecord.decoded(file.bytes, path: path) {
            guard let checkpoint = newestCheckpoint(durable: true), checkpoint.state.number >= record.number else {
                violations.append("record \(record.number) was removed above the durable checkpoint")
                return
            }
            if let listed = checkpoint.tokens[record.number], listed == record.token {
                if checkpoint.unfinished.contains(record.number) {
                    violations.append("record \(record.number) was removed but is listed as unfinished")
                }
                for effect in record.effects.files
                where durableNode(effect.final) == nil && !retired.contains(effect.final) {
                    violations.append("record \(record.number) was removed before \(effect.final) was durable")
                }
            }
        }
        if path.hasPrefix(WarehousePath.quarantine + "/") {
            let isClosed = files(below: WarehousePath.log).contains { name, bytes in
                guard let record = try? CommitRecord.decoded(bytes, path: name), durableNode(name) != nil
                else { return false }
                return record.effects.quarantine?.closed.contains { $0.path == path && $0.isWhole } ?? false
            }
            if !isClosed { violations.append("\(path) was removed although no durable record closes it") }
            retired.insert(path)
        }
        if path.hasPrefix(WarehousePath.staging + "/"), path.hasSuffix(".jsonl") {
            let checkpoint = newestCheckpoint(durable: false)
            for (name, bytes) in files(below: WarehousePath.log) {
                guard let record = try? CommitRecord.decoded(bytes, path: name) else { continue }
                let isVoid =
                    record.number <= checkpoint?.state.number ?? 0
                    && checkpoint?.tokens[record.number] != record.token
                if !isVoid, record.effects.files.contains(where: { $0.staged == path }) {
                    violations.append("\(path) was removed although record \(record.number) lists it")
                }
            }
        }
    }
}
