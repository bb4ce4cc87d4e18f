/// Follows the brackets of a JSON text, byte for byte: where documents end that go over several lines. Pure.
public struct BracketScan: Sendable {
    /// Open brackets, outside of strings; below 0: one was closed that was not open.
    public private(set) var depth = 0
    public private(set) var isInString = false
    private var isEscaped = false

    public init() {}

    /// Takes the next byte.
    public mutating func take(_ byte: UInt8) {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            return
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
        default: break
        }
    }
}
