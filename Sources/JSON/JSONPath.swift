/// A way into a JSON document: `a.b[0].c`. A name that holds `.` or `[` is written `["a.b"]`, with `\"` and
/// `\\` for a quote and a backslash.
public struct JSONPath: Sendable, Hashable {
    /// Most steps of a path.
    public static let maximumStepCount = 32

    public enum Step: Sendable, Hashable {
        case name([UInt8])
        case index(Int)
    }
    public let steps: [Step]

    /// The way to a member of the outermost object.
    public init(member name: String) { steps = [.name(Array(name.utf8))] }

    /// Nil if the text is no path.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        var steps: [Step] = []
        var index = 0
        while index < bytes.count || steps.isEmpty {
            guard steps.count < Self.maximumStepCount else { return nil }
            if index < bytes.count, bytes[index] == UInt8(ascii: "[") {
                guard let step = Self.bracketed(bytes, &index) else { return nil }
                steps.append(step)
            } else {
                if !steps.isEmpty {
                    guard bytes[index] == UInt8(ascii: ".") else { return nil }
                    index += 1
                }
                let from = index
                while index < bytes.count, bytes[index] != UInt8(ascii: "."), bytes[index] != UInt8(ascii: "[") {
                    index += 1
                }
                guard index > from else { return nil }
                steps.append(.name(Array(bytes[from..<index])))
            }
        }
        self.steps = steps
    }

    /// `[12]` or `["name"]`.
    private static func bracketed(_ bytes: [UInt8], _ index: inout Int) -> Step? {
        index += 1
        guard index < bytes.count else { return nil }
        if bytes[index] == UInt8(ascii: "\"") {
            var name: [UInt8] = []
            index += 1
            while index < bytes.count, bytes[index] != UInt8(ascii: "\"") {
                if bytes[index] == UInt8(ascii: "\\") { index += 1 }
                guard index < bytes.count else { return nil }
                name.append(bytes[index])
                index += 1
            }
            guard index + 1 < bytes.count, bytes[index + 1] == UInt8(ascii: "]") else { return nil }
            index += 2
            return .name(name)
        }
        var value = 0
        let from = index
        while index < bytes.count, bytes[index] &- 48 < 10 {
            guard index - from < 9 else { return nil }
            value = value * 10 + Int(bytes[index] &- 48)
            index += 1
        }
        guard index > from, index < bytes.count, bytes[index] == UInt8(ascii: "]") else { return nil }
        index += 1
        return .index(value)
    }
}
