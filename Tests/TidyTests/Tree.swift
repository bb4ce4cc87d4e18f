import Platform

/// The source tree as lines: what the tidy rules look at.
struct SourceFile {
    /// Relative to the package's folder.
    let path: String
    let lines: [Substring]

    /// The first folder below `Sources`, or "" elsewhere.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 && parts[0] == "Sources" ? String(parts[1]) : ""
    }
}

enum Tree {
    /// The package's folder: three levels above this file.
    static let root: String = {
        var path = #filePath
        for _ in 0..<3 { path = DurableFile.parent(of: path) }
        return path
    }()

    /// All files below a folder (relative) whose name ends in one of `suffixes`; sorted.
    static func files(in folder: String, suffixes: [String]) -> [SourceFile] {
        var found: [SourceFile] = []
        walk(folder, suffixes: suffixes, into: &found)
        return found.sorted { $0.path < $1.path }
    }

    static let swift = files(in: "Sources", suffixes: [".swift"])

    static func text(_ path: String) -> String {
        guard let bytes = try? DurableFile.read("\(root)/\(path)", maximum: 16 << 20) else { return "" }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func walk(_ folder: String, suffixes: [String], into found: inout [SourceFile]) {
        let full = folder.isEmpty ? root : "\(root)/\(folder)"
        for name in (try? Syscalls.list(full)) ?? [] {
            // Why: build products, environments and version control are not the tree.
            if name.hasPrefix(".") && name != ".ci" && name != ".swift-format" { continue }
            let path = folder.isEmpty ? name : "\(folder)/\(name)"
            guard let status = try? Syscalls.status("\(root)/\(path)", followLinks: false) else { continue }
            if status.isDirectory {
                walk(path, suffixes: suffixes, into: &found)
            } else if status.isRegular, suffixes.isEmpty || suffixes.contains(where: name.hasSuffix) {
                found.append(SourceFile(path: path, lines: text(path).split(separator: "\n", omittingEmptySubsequences: false)))
            }
        }
    }
}

extension Substring {
    var indentation: Int { prefix { $0 == " " }.count }
    var trimmed: Substring { drop { $0 == " " } }

    /// Without string literals and comments: what the rules on words look at.
    var code: String {
        var result = ""
        var inString = false
        var previous: Character = " "
        for character in self {
            if inString {
                if character == "\"" && previous != "\\" { inString = false }
                previous = previous == "\\" && character == "\\" ? " " : character
                continue
            }
            if character == "\"" { inString = true; previous = character; continue }
            if character == "/" && previous == "/" { return String(result.dropLast()) }
            result.append(character)
            previous = character
        }
        return result
    }

    /// Whether `word` stands in it, not as the tail of a longer name.
    func hasWord(_ word: String) -> Bool {
        var rest = code[...]
        while let range = rest.firstRange(of: word) {
            if range.lowerBound == rest.startIndex { return true }
            let before = rest[rest.index(before: range.lowerBound)]
            if !before.isLetter && !before.isNumber && before != "_" && before != "." { return true }
            rest = rest[range.upperBound...]
        }
        return false
    }
}
