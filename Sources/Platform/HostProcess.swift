internal import Glibc

/// The process as a whole.
public enum HostProcess {
    /// Ends the process with this code. For main only: nothing of other threads is waited for.
    public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}
