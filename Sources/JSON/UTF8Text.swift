internal import CSimdjson
public import Event

/// UTF-8 validation at memory speed.
public enum UTF8Text {
    /// Whether the bytes are UTF-8 as RFC 3629 has it (no surrogates, no over-long forms).
    public static func isValid(_ bytes: ByteView) -> Bool {
        unsafe millrace_utf8_valid(bytes.start, bytes.count) != 0
    }
}
