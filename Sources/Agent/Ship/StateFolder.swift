public import Event
internal import Platform

/// The agent's own folder: `lock`, `state.json` (the checkpoint), `status.json`.
///
/// Invariants
/// - One agent per folder: `lock` is held by flock(2) as long as the object lives.
/// - `state.json` is replaced as a whole and durably; it names its own device, inode and birth time,
///   which a copy of it does not have.
/// - A state that cannot be read is set aside, never overwritten and never skipped in silence.
public final class StateFolder {
    /// What was found at the start.
    public enum Loaded: Sendable, Equatable {
        case none
        /// `isOriginal`: the file is the very one that was written, not a copy.
        case state(AgentState, isOriginal: Bool)
        /// The damaged file was set aside under this path.
        case damaged(setAside: String, reason: String)
    }

    public let path: String
    private let lock: FileLock
    private var statusPath: String { path + "/status.json" }
    private var statePath: String { path + "/state.json" }

    /// Makes the folder where needed and takes its lock. Codes: `agent.state_locked` (exit 75: the other
    /// agent may be about to end), `agent.state_folder`.
    public init(path: String) throws(Failure) {
        self.path = path
        do {
            try DurableFile.makeFolders(path, permissions: 0o750)
            lock = try FileLock(path: path + "/lock", permissions: 0o600)
        } catch {
            throw Self.failure("cannot use the state folder \(path)", error)
        }
        let isLocked: Bool
        do { isLocked = try lock.take() } catch {
            throw Self.failure("cannot lock the state folder \(path)", error)
        }
        guard isLocked else {
            let text = (try? lock.file.readAll(maximum: 32)).map { String(decoding: $0, as: UTF8.self) } ?? ""
            let owner = text.isEmpty ? "" : " (process \(text))"
            throw Failure(
                "agent.state_locked", stage: .control, kind: .conflict,
                "another agent\(owner) works on the state folder \(path)",
                hint: "give each agent a state folder of its own, or stop the other one")
        }
        do {
            try lock.file.truncate(to: 0)
            try lock.file.writeAll(Array(String(Environment.processIdentifier).utf8))
        } catch {
            throw Self.failure("cannot write \(path)/lock", error)
        }
    }

    /// Reads the checkpoint. A damaged one is renamed to `state.json.damaged-<time>`.
    public func load(now: Int64) throws(Failure) -> Loaded {
        let bytes: [UInt8]
        let status: FileStatus
        do {
            let file = try Syscalls.open(statePath, .read)
            status = try file.status()
            bytes = try file.readAll(maximum: AgentState.maximumByteCount)
        } catch {
            if error == .noEntry { return .none }
            throw Self.failure("cannot read \(statePath)", error)
        }
        do throws(AgentState.Unreadable) {
            let (state, identity) = try AgentState.decoded(bytes)
            return .state(state, isOriginal: identity == FileIdentity(status))
        } catch {
            switch error {
            case .version(let version):
                throw Failure(
                    "agent.state_version", stage: .control, kind: .config,
                    "\(statePath) has version \(version), this program knows \(AgentState.version)",
                    hint: "run the program that wrote it, or a later one")
            case .damaged(let reason):
                let aside = "\(statePath).damaged-\(now)"
                do {
                    try Syscalls.rename(statePath, aside)
                    try DurableFile.sync(folder: path)
                } catch {
                    throw Self.failure("cannot set \(statePath) aside", error)
                }
                return .damaged(setAside: aside, reason: reason)
            }
        }
    }

    /// Replaces the checkpoint; durable on return. Blocks on the disk.
    public func write(_ state: AgentState) throws(Failure) {
        do {
            try DurableFile.replace(statePath, permissions: 0o600) { state.encoded(identity: FileIdentity($0)) }
        } catch {
            throw Failure(
                "agent.state_write", stage: .control, kind: .transient, "cannot write \(statePath)",
                hint: error == .noSpace || error == .quota ? "make room on its disk; shipping goes on meanwhile" : nil,
                cause: error.description)
        }
    }

    /// Replaces `status.json`: complete for a reader, not durable.
    public func writeStatus(_ bytes: [UInt8]) throws(Failure) {
        let temporary = statusPath + ".tmp"
        do {
            let file = try Syscalls.open(temporary, .writeTruncate, permissions: 0o644)
            try file.writeAll(bytes)
            try file.close()
            try Syscalls.rename(temporary, statusPath)
        } catch {
            throw Failure(
                "agent.status_write", stage: .control, kind: .transient, "cannot write \(statusPath)",
                cause: error.description)
        }
    }

    private static func failure(_ message: String, _ error: Errno) -> Failure {
        let denied = error == .access || error == .notPermitted || error == .readOnly || error == .notDirectory
        return Failure(
            "agent.state_folder", stage: .control, kind: denied ? .config : .transient, message,
            hint: denied ? "the folder must belong to the user that the agent runs as" : nil,
            cause: error.description)
    }
}
