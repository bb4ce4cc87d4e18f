internal import Glibc
internal import Synchronization

/// Forced errors for tests: a debug build asks before every system call, a release build never does.
public enum SyscallFaults {
    /// Decides for a call by name and path (empty: of an open file, but for fsync(2)); nil lets it through.
    public typealias Decide = @Sendable (_ call: String, _ path: String) -> Errno?

    #if DEBUG
    /// By thread: tests that run side by side in one process do not meet each other's faults.
    private static let deciders = Mutex<[pthread_t: Decide]>([:])

    /// Runs `body` with a fault decider in force for calls of this thread.
    public static func with<Result>(_ decider: @escaping Decide, _ body: () throws -> Result) rethrows -> Result {
        let thread = pthread_self()
        let before = deciders.withLock { deciders in
            defer { deciders[thread] = decider }
            return deciders[thread]
        }
        defer { deciders.withLock { $0[thread] = before } }
        return try body()
    }
    #endif

    /// The path of an open file as of now, as proc(5) has it; empty if it has none.
    static func path(of descriptor: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/fd/\(descriptor)", &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    @inline(__always)
    static func check(_ call: StaticString, _ path: @autoclosure () -> String) throws(Errno) {
        #if DEBUG
        let decider = deciders.withLock { deciders in deciders.isEmpty ? nil : deciders[pthread_self()] }
        if let decider, let fault = decider(call.description, path()) { throw fault }
        #endif
    }
}
