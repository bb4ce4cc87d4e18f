public import Event

/// Walks the elements of an array or the members of an object, one level deep, without parsing them again.
///
/// The text must be one valid JSON array or object, such as `DocumentReader.Value.raw` of a structure: then every
/// part is a valid value as written. Of any other text the parts mean nothing, but nothing outside is read.
public struct JSONParts {
    /// A member's name with its quotes; empty in arrays.
    public private(set) var name = ByteView.empty
    /// The value as written.
    public private(set) var value = ByteView.empty
    private let text: ByteView
    private let isObject: Bool
    private var at: Int

    public init(_ text: ByteView) {
        self.text = text
        isObject = !text.isEmpty && text[0] == UInt8(ascii: "{")
        at = text.isEmpty ? 0 : 1
    }

    /// Steps to the next part; false behind the last.
    public mutating func next() -> Bool {
        skip { $0 <= 32 || $0 == UInt8(ascii: ",") }
        guard at < text.count, text[at] != UInt8(ascii: "]"), text[at] != UInt8(ascii: "}") else { return false }
        if isObject {
            name = take()
            skip { $0 <= 32 || $0 == UInt8(ascii: ":") }
            guard at < text.count else { return false }
        }
        value = take()
        return true
    }

    private mutating func skip(_ isSkipped: (UInt8) -> Bool) {
        while at < text.count, isSkipped(text[at]) { at += 1 }
    }

    /// The value that begins here.
    private mutating func take() -> ByteView {
        let start = at
        switch text[at] {
        case UInt8(ascii: "\""): passString()
        case UInt8(ascii: "{"), UInt8(ascii: "["): passStructure()
        default:
            while at < text.count, text[at] > 32, text[at] != UInt8(ascii: ","), text[at] != UInt8(ascii: "]"),
                text[at] != UInt8(ascii: "}")
            { at += 1 }
        }
        return text.slice(start, at)
    }

    private mutating func passString() {
        at += 1
        while at < text.count {
            at = text.firstIndex(of: UInt8(ascii: "\""), or: UInt8(ascii: "\\"), from: at)
            guard at < text.count else { return }
            if text[at] == UInt8(ascii: "\"") {
                at += 1
                return
            }
            at = min(at + 2, text.count)
        }
    }

    private mutating func passStructure() {
        var depth = 0
        while at < text.count {
            switch text[at] {
            case UInt8(ascii: "\""):
                passString()
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            default: break
            }
            at += 1
            if depth == 0 { return }
        }
    }
}
