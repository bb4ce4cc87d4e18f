internal import CLinux
internal import Glibc

/// A plain OS thread: what blocks in C or on the disk runs here, never on Swift's global pool.
@safe public final class WorkerThread: @unchecked Sendable {
    // Safety: the one field is set once, before anybody else can see the object.
    private let identifier: pthread_t

    private final class Box: Sendable {
        let name: String
        let body: @Sendable () -> Void
        init(name: String, body: @escaping @Sendable () -> Void) {
            self.name = name
            self.body = body
        }
    }

    /// Starts a thread. `name` is cut to 15 bytes by the kernel. All signals are blocked in it.
    public init(name: String, _ body: @escaping @Sendable () -> Void) {
        let box = Box(name: name, body: body)
        var thread = pthread_t()
        var blocked = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&blocked)
        unsafe pthread_sigmask(SIG_SETMASK, &blocked, &before)
        let code = unsafe pthread_create(
            &thread, nil,
            { raw in
                let box = unsafe Unmanaged<Box>.fromOpaque(raw!).takeRetainedValue()
                unsafe millrace_name_thread(box.name)
                box.body()
                return nil
            }, Unmanaged.passRetained(box).toOpaque())
        unsafe pthread_sigmask(SIG_SETMASK, &before, nil)
        precondition(code == 0, "pthread_create: \(code)")
        identifier = thread
    }

    /// Waits for the end of the thread. Call exactly once.
    public func join() { _ = pthread_join(identifier, nil) }
}
