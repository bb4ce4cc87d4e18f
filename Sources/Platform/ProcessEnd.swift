internal import Glibc

/// The end of the process.
public enum ProcessEnd {
    /// exit(3) with a code of sysexits.h: what is buffered by C libraries is flushed.
    public static func exit(_ code: Int32) -> Never { Glibc.exit(code) }
}
