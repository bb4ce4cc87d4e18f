internal import CSimdjson
public import Event

/// Doubles as text and back, without allocation.
public enum NumberFormat {
    /// Most bytes `write` needs.
    public static let maximumByteCount = 32

    /// The double nearest to a decimal text (`-12.5e3`). Nil if it is none, or beyond the finite range.
    public static func double(_ text: ByteView) -> Double? {
        var value = 0.0
        return unsafe millrace_number_parse(text.start, text.count, &value) != 0 ? value : nil
    }

    /// Writes the shortest text that reads back as the same finite double; returns its length.
    /// The target must have room for `maximumByteCount` bytes.
    @unsafe
    public static func write(_ value: Double, to target: UnsafeMutablePointer<UInt8>) -> Int {
        unsafe Int(millrace_number_write(value, target, maximumByteCount))
    }
}
