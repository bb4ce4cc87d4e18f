/// A pattern on names: `*` stands for any bytes, `?` for one, everything else for itself.
public struct NamePattern: Sendable, Hashable {
    private let pattern: [UInt8]

    public init(_ text: String) { pattern = Array(text.utf8) }

    /// Whether a name as a whole matches. Linear in practice: at each star the shortest match is tried first and
    /// only the last star is taken back.
    public func matches(_ name: [UInt8]) -> Bool {
        var at = 0
        var index = 0
        var star: (pattern: Int, name: Int)?
        while index < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, index)
                at += 1
            } else if at < pattern.count, pattern[at] == name[index] || pattern[at] == UInt8(ascii: "?") {
                at += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                index = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether a name is one of the pattern's.
    public func matches(_ name: String) -> Bool { matches(Array(name.utf8)) }
}
