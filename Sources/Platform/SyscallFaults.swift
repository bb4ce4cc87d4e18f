internal import Synchronization

/// Forced errors for tests: a debug build asks before every system call, a release build never does.
public enum SyscallFaults {
    /// Decides for a call by name and path; nil lets it through. Called on the calling thread.
    public typealias Decide = @Sendable (_ call: String, _ path: String) -> Errno?

    #if DEBUG
    private static let decide = Mutex<Decide?>(nil)

    /// Runs `body` with a fault decider in force for the whole process.
    public static func with<Result>(_ decider: @escaping Decide, _ body: () throws -> Result) rethrows -> Result {
        decide.withLock { $0 = decider }
        defer { decide.withLock { $0 = nil } }
        return try body()
    }
    #endif

    @inline(__always)
    static func check(_ call: StaticString, _ path: @autoclosure () -> String) throws(Errno) {
        #if DEBUG
        let decider = decide.withLock { $0 }
        if let decider, let fault = decider(call.description, path()) { throw fault }
        #endif
    }
}
