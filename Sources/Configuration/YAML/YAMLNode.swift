/// A place in a file; both count from 1, columns in characters.
struct YAMLMark: Equatable, Sendable {
    var line: Int
    var column: Int
}

/// A member of a mapping, with the mark of its key.
struct YAMLMember: Equatable, Sendable {
    var name: String
    var mark: YAMLMark
    var value: YAMLNode
}

/// A node of a YAML document with its place.
struct YAMLNode: Equatable, Sendable {
    indirect enum Content: Equatable, Sendable {
        /// `isPlain`: written without quotes, so that `null` and an empty text mean "nothing".
        case scalar(String, isPlain: Bool)
        case sequence([YAMLNode])
        case mapping([YAMLMember])
    }

    var mark: YAMLMark
    var content: Content

    /// The member of a mapping, or nil.
    subscript(name: String) -> YAMLMember? {
        guard case .mapping(let members) = content else { return nil }
        return members.first { $0.name == name }
    }

    /// `name:` with nothing behind it, `~` or `null`.
    var isNull: Bool {
        guard case .scalar(let text, isPlain: true) = content else { return false }
        return ["", "~", "null", "Null", "NULL"].contains(text)
    }

    /// The text of a single value, or nil.
    var scalar: String? {
        guard case .scalar(let text, _) = content else { return nil }
        return text
    }

    /// What it is, in words for messages.
    var kindText: String {
        switch content {
        case .scalar: "a single value"
        case .sequence: "a list"
        case .mapping: "a mapping"
        }
    }
}
