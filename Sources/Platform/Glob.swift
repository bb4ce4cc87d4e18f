/// A file pattern: an absolute path whose components may hold `*` (any run of bytes), `?` (one byte),
/// `[a-z]`, `[!a-z]` (one byte of a set, or not of it), `\x` (x itself), and whose component `**` stands
/// for any number of folders, none included.
///
/// Compares bytes. As in the shell, a wildcard at the start of a component does not match a leading dot.
public struct GlobPattern: Sendable, Hashable {
    enum Component: Sendable, Hashable {
        case literal(String)
        case wildcard([UInt8])
        case anyFolders
    }

    /// Folders below a `**` are entered this deep at most: a bound for link loops and mistakes.
    public static let maximumDepth = 32

    public let text: String
    let components: [Component]

    /// Parses a pattern. Nil if it is empty.
    public init?(_ text: String) {
        guard !text.isEmpty else { return nil }
        self.text = text
        components = text.utf8.split(separator: UInt8(ascii: "/")).map { part in
            let bytes = Array(part)
            if bytes == Array("**".utf8) { return .anyFolders }
            if bytes.contains(where: { "*?[\\".utf8.contains($0) }) { return .wildcard(bytes) }
            return .literal(String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Whether a path as a whole matches. A pattern without a slash is compared with the last component
    /// alone; leading dots match wildcards here.
    public func matches(_ path: String) -> Bool {
        if !text.utf8.contains(UInt8(ascii: "/")) {
            return Self.matches(Array(text.utf8), Array(DurableFile.name(of: path).utf8), dots: true)
        }
        let names = path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return matches(components[...], names[...])
    }

    private func matches(_ components: ArraySlice<Component>, _ names: ArraySlice<[UInt8]>) -> Bool {
        guard let first = components.first else { return names.isEmpty }
        let rest = components.dropFirst()
        if case .anyFolders = first {
            if matches(rest, names) { return true }
            return !names.isEmpty && matches(components, names.dropFirst())
        }
        guard let name = names.first else { return false }
        let fits =
            switch first {
            case .literal(let text): name.elementsEqual(text.utf8)
            case .wildcard(let pattern): Self.matches(pattern, name, dots: true)
            case .anyFolders: false
            }
        return fits && matches(rest, names.dropFirst())
    }

    /// Whether one component matches a name. Time: pattern times name.
    static func matches(_ pattern: [UInt8], _ name: [UInt8], dots: Bool) -> Bool {
        if !dots, name.first == UInt8(ascii: "."), pattern.first != UInt8(ascii: ".") { return false }
        var p = 0
        var n = 0
        var star: (p: Int, n: Int)?
        while n < name.count {
            if p < pattern.count, pattern[p] == UInt8(ascii: "*") {
                star = (p, n)
                p += 1
            } else if p < pattern.count, let next = one(pattern, p, name[n]) {
                p = next
                n += 1
            } else if let back = star {
                star = (back.p, back.n + 1)
                p = back.p + 1
                n = back.n + 1
            } else {
                return false
            }
        }
        while p < pattern.count, pattern[p] == UInt8(ascii: "*") { p += 1 }
        return p == pattern.count
    }

    /// The pattern index behind the element at `p` if it takes `byte`.
    private static func one(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> Int? {
        switch pattern[p] {
        case UInt8(ascii: "?"): return p + 1
        case UInt8(ascii: "\\") where p + 1 < pattern.count: return pattern[p + 1] == byte ? p + 2 : nil
        case UInt8(ascii: "["):
            guard let (matched, next) = set(pattern, p, byte) else { return byte == pattern[p] ? p + 1 : nil }
            return matched ? next : nil
        default: return pattern[p] == byte ? p + 1 : nil
        }
    }

    /// A bracket expression at `p`: whether it holds `byte`, and the index behind it. Nil if unclosed.
    private static func set(_ pattern: [UInt8], _ p: Int, _ byte: UInt8) -> (Bool, Int)? {
        var index = p + 1
        var negated = false
        if index < pattern.count, pattern[index] == UInt8(ascii: "!") || pattern[index] == UInt8(ascii: "^") {
            negated = true
            index += 1
        }
        var matched = false
        let start = index
        while index < pattern.count, pattern[index] != UInt8(ascii: "]") || index == start {
            let low = pattern[index]
            if index + 2 < pattern.count, pattern[index + 1] == UInt8(ascii: "-"),
                pattern[index + 2] != UInt8(ascii: "]")
            {
                if low <= byte, byte <= pattern[index + 2] { matched = true }
                index += 3
            } else {
                if low == byte { matched = true }
                index += 1
            }
        }
        guard index < pattern.count else { return nil }
        return (matched != negated, index + 1)
    }
}

/// Folder listings and states of one look at the file system, each asked once.
public final class FolderLook {
    private var names: [String: [String]] = [:]
    private var kinds: [String: Bool] = [:]
    /// Folders that exist and were listed.
    public var folders: Dictionary<String, [String]>.Keys { names.keys }
    /// Folders that could not be listed, other than missing ones.
    public private(set) var failures: [(path: String, error: Errno)] = []

    public init() {}

    /// The names in a folder, sorted; none if it is missing or cannot be read.
    public func list(_ folder: String) -> [String] {
        if let known = names[folder] { return known }
        do {
            let found = try Syscalls.list(folder.isEmpty ? "/" : folder).sorted()
            names[folder] = found
            return found
        } catch {
            if error != .noEntry, error != .notDirectory { failures.append((folder, error)) }
            return []
        }
    }

    /// Whether a path is a folder; `followLinks` false: and no symbolic link to one.
    public func isFolder(_ path: String, followLinks: Bool) -> Bool {
        let key = followLinks ? path : path + "/"
        if let known = kinds[key] { return known }
        let result = (try? Syscalls.status(path, followLinks: followLinks).isDirectory) ?? false
        kinds[key] = result
        return result
    }

    /// The paths that match a pattern (anything of that name: the caller looks at what it is), and the
    /// folders on the way, for watching.
    public func expand(_ pattern: GlobPattern) -> [String] {
        var paths: [String] = []
        expand(pattern.components[...], under: "", into: &paths)
        return paths
    }

    private func expand(
        _ components: ArraySlice<GlobPattern.Component>, under folder: String, into paths: inout [String]
    ) {
        guard let first = components.first else { return }
        let rest = components.dropFirst()
        switch first {
        case .literal(let name):
            let path = folder + "/" + name
            // Why: the folder of a plain path is listed too, so that it is watched and its rotated
            // neighbours are seen.
            if !rest.isEmpty {
                expand(rest, under: path, into: &paths)
            } else if list(folder).contains(name) {
                paths.append(path)
            }
        case .wildcard(let pattern):
            for name in list(folder) where GlobPattern.matches(pattern, Array(name.utf8), dots: false) {
                let path = folder + "/" + name
                if rest.isEmpty {
                    paths.append(path)
                } else if isFolder(path, followLinks: true) {
                    expand(rest, under: path, into: &paths)
                }
            }
        case .anyFolders:
            descend(rest, folder, depth: 0, into: &paths)
        }
    }

    private func descend(
        _ rest: ArraySlice<GlobPattern.Component>, _ folder: String, depth: Int, into paths: inout [String]
    ) {
        if rest.isEmpty {
            paths += list(folder).map { folder + "/" + $0 }
        } else {
            expand(rest, under: folder, into: &paths)
        }
        guard depth < GlobPattern.maximumDepth else { return }
        for name in list(folder) where !name.hasPrefix(".") {
            let path = folder + "/" + name
            // Why: links to folders are not followed below `**`: they may lead in circles.
            if isFolder(path, followLinks: false) { descend(rest, path, depth: depth + 1, into: &paths) }
        }
    }
}
