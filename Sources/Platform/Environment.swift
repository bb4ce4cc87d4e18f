internal import Glibc

/// What the process was given: environment, host, its own number. Read at start; nothing here changes them.
public enum Environment {
    /// An environment variable, or nil. Not to be called while another thread sets one (none of ours does).
    public static func value(of name: String) -> String? {
        guard let text = unsafe getenv(name) else { return nil }
        return unsafe String(cString: text)
    }

    /// The host's name (gethostname(2)), or "localhost".
    public static func hostName() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? "localhost" : String(decoding: bytes, as: UTF8.self)
    }

    /// getpid(2).
    public static var processIdentifier: Int32 { getpid() }
}
