internal import CSimdjson
public import Event

/// UTF-8 validation at memory speed.
public enum UTF8Text {
    /// Whether the bytes are UTF-8 as RFC 3629 has it (no surrogates, no over-long forms).
    ///
    /// With `excludingNUL`, and hold no NUL either.
    public static func isValid(_ bytes: ByteView, excludingNUL: Bool = false) -> Bool {
        unsafe millrace_utf8_valid(bytes.start, bytes.count, excludingNUL ? 1 : 0) != 0
    }
}
