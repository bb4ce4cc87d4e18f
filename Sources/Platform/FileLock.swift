internal import Glibc

/// flock(2) on a file, exclusive, for as long as the value lives. Source: flock(2).
///
/// Why it is unlocked instead of closed alone: the lock is the open file's, and a process between fork(2) and execve(2)
/// has that open too. Where another thread starts a program, a lock that was only closed stays taken for a while.
public struct FileLock: ~Copyable {
    /// The locked file, to note in it who holds it.
    public let file: Descriptor

    /// Opens the file, makes it where needed. Not locked yet.
    public init(path: String, permissions: UInt32) throws(Errno) {
        file = try Syscalls.open(path, .readWriteCreate, permissions: permissions)
    }

    deinit { _ = flock(file.number, LOCK_UN) }

    /// Takes the lock without waiting; false if another one holds it.
    public borrowing func take() throws(Errno) -> Bool {
        let number = file.number
        do {
            try Syscalls.negative { flock(number, LOCK_EX | LOCK_NB) }
            return true
        } catch {
            if error == .wouldBlock { return false }
            throw error
        }
    }
}
