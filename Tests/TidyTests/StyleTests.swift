import Testing

/// Files above 500 lines, with the reason. Tables and generated files only.
private let longFiles: [String: String] = [:]

/// Functions above 70 lines by "file name", with the reason.
private let longFunctions: [String: String] = [
    "Sources/Agent/Files/FileSource+Fill.swift func cut": "the cutting loop; to be split"
]

/// Public functions and properties without a doc comment, per file: numbers only go down.
private let undocumented: [String: Int] = [
    "Sources/Agent/Ship/MirrorNote.swift": 2,
    "Sources/Columns/Column.swift": 3,
    "Sources/Sinks/Storage/WarehousePath.swift": 1,
    "Sources/Telemetry/Log.swift": 5,
]

/// Public types without a doc comment, per file: numbers only go down.
private let undocumentedTypes: [String: Int] = [
    "Sources/Agent/Ship/AgentState.swift": 2,
    "Sources/Agent/Ship/Shipper.swift": 1,
    "Sources/Collector/CollectorRuntime.swift": 1,
    "Sources/Collector/Commit/CollectorStatus.swift": 2,
    "Sources/Columns/ColumnSpec.swift": 2,
    "Sources/Configuration/Settings.swift": 4,
    "Sources/JSON/DocumentReader.swift": 1,
    "Sources/JSON/JSONPath.swift": 1,
    "Sources/Sinks/CommitLog/CommitOutcome.swift": 1,
    "Sources/Sinks/CommitLog/CommitRecord.swift": 4,
    "Sources/Sinks/CommitLog/LogState.swift": 5,
    "Sources/Sinks/Storage/Storage.swift": 1,
    "Sources/Telemetry/Log.swift": 1,
]

/// Lines above 120 columns, per file: numbers only go down.
private let wideLines: [String: Int] = [
    "Sources/Agent/AgentRuntime+Start.swift": 1,
    "Sources/Agent/Files/FileSource+Copies.swift": 2,
    "Sources/Agent/Files/FileSource+Fill.swift": 1,
    "Sources/Agent/Files/FileSource+Look.swift": 1,
    "Sources/Agent/Files/FileSource.swift": 2,
    "Sources/Agent/Files/Rung.swift": 1,
    "Sources/Agent/Files/StreamRecord.swift": 1,
    "Sources/Agent/Ship/AgentState.swift": 1,
    "Sources/Agent/Ship/MirrorNote.swift": 2,
    "Sources/Agent/StreamSource.swift": 1,
    "Sources/Collector/Commit/CommitAssembly.swift": 2,
    "Sources/Collector/Commit/Coordinator+Commit.swift": 1,
    "Sources/Collector/Consume/ControlValue.swift": 1,
    "Sources/Collector/Process/LanePartition.swift": 1,
    "Sources/Collector/Recover/Coordinator+Start.swift": 1,
    "Sources/Collector/Recover/EpochMachine.swift": 1,
    "Sources/millrace/AuditVerb.swift": 1,
]

/// Words that outside data must never reach, or that hide an error.
private let bannedWords = ["try!", "fatalError", "as!", "print(", "debugPrint(", "dump(", "import Foundation", "unowned("]

@Test func filesAreNoLongerThanFiveHundredLines() {
    for file in Tree.swift where longFiles[file.path] == nil {
        #expect(file.lines.count <= 501, "\(file.path): \(file.lines.count - 1) lines")
    }
}

@Test func linesAreNoWiderThanAHundredAndTwentyColumns() {
    for file in Tree.swift {
        let wide = file.lines.indices.filter { file.lines[$0].utf8.count > 120 && file.lines[$0].count > 120 }
        let allowed = wideLines[file.path] ?? 0
        #expect(
            wide.count <= allowed,
            "\(file.path): \(wide.count) lines above 120 columns (listed: \(allowed)): \(wide.map { $0 + 1 })")
    }
}

@Test func functionsAreNoLongerThanSeventyLines() {
    for file in Tree.swift {
        for (name, start, count) in functions(of: file) where count > 70 {
            guard longFunctions["\(file.path) \(name)"] == nil else { continue }
            Issue.record("\(file.path):\(start + 1): \(name) has \(count) lines")
        }
    }
}

@Test func bannedWordsDoNotOccur() {
    for file in Tree.swift {
        for (index, line) in file.lines.enumerated() {
            for word in bannedWords where line.hasWord(word) {
                Issue.record("\(file.path):\(index + 1): \(word)")
            }
            for note in ["TO" + "DO", "FIX" + "ME", "XX" + "X "] where line.contains(note) {
                Issue.record("\(file.path):\(index + 1): \(note): open an issue, or do it")
            }
        }
    }
}

@Test func namesArePartsOfTheDomain() {
    for file in Tree.swift {
        for (index, line) in file.lines.enumerated() {
            let words = line.code.split { !$0.isLetter && !$0.isNumber && $0 != "_" }
            for kind in ["struct", "class", "enum", "protocol", "actor"] {
                guard let at = words.firstIndex(of: Substring(kind)), at + 1 < words.count else { continue }
                for ending in ["Manager", "Helper", "Util", "Utils", "Base", "Impl"] where words[at + 1].hasSuffix(ending) {
                    Issue.record("\(file.path):\(index + 1): \(words[at + 1]): name the thing, not the pattern")
                }
            }
        }
    }
}

@Test func uncheckedSendableSaysWhyItIsSafe() {
    for file in Tree.swift {
        for (index, line) in file.lines.enumerated() where line.code.contains("@unchecked") || line.code.contains("nonisolated(unsafe)") {
            let around = file.lines[max(0, index - 12)...min(file.lines.count - 1, index + 6)]
            let isExplained = around.contains { $0.contains("Safety:") }
            #expect(isExplained, "\(file.path):\(index + 1): a `// Safety:` comment within reach")
        }
    }
}

@Test func publicTypesHaveADocComment() {
    for file in Tree.swift {
        let lines = undocumentedLines(of: file, keywords: ["struct", "class", "enum", "protocol", "actor"])
        let allowed = undocumentedTypes[file.path] ?? 0
        #expect(
            lines.count <= allowed,
            "\(file.path): \(lines.count) types without a doc comment (listed: \(allowed)), lines \(lines.map { $0 + 1 })")
    }
}

@Test func publicFunctionsHaveADocComment() {
    for file in Tree.swift {
        let lines = undocumentedLines(of: file, keywords: ["func"])
        let allowed = undocumented[file.path] ?? 0
        #expect(
            lines.count <= allowed,
            "\(file.path): \(lines.count) without a doc comment (listed: \(allowed)), lines \(lines.map { $0 + 1 })")
    }
}

/// Functions and initialisers with where they begin and how many lines they have, by indentation.
private func functions(of file: SourceFile) -> [(name: String, start: Int, count: Int)] {
    var found: [(String, Int, Int)] = []
    for (index, line) in file.lines.enumerated() {
        let code = line.code
        guard let range = code.firstRange(of: "func ") ?? code.firstRange(of: "init(") ?? code.firstRange(of: "init?("),
            !line.trimmed.hasPrefix("//"), !code.contains(".init("), !code.contains("self.init")
        else { continue }
        let before = code[..<range.lowerBound].last
        guard before == nil || before == " " else { continue }
        let closing = String(repeating: " ", count: line.indentation) + "}"
        if line.hasSuffix("}") && !line.hasSuffix("{}") { continue }
        guard let end = file.lines[index...].firstIndex(where: { $0 == closing }) else { continue }
        found.append((String(code[range.lowerBound...].prefix { $0 != "(" || false }), index, end - index + 1))
    }
    return found
}

/// Names of functions that protocols of the tree require: their contract stands there.
private let requirements: Set<Substring> = {
    var names: Set<Substring> = []
    for file in Tree.swift {
        var isInProtocol = false
        for line in file.lines {
            if line.code.contains("protocol ") && line.hasSuffix("{") { isInProtocol = true }
            if line == "}" { isInProtocol = false }
            if isInProtocol, let name = functionName(line) { names.insert(name) }
        }
    }
    return names
}()

private func functionName(_ line: Substring) -> Substring? {
    guard let range = line.firstRange(of: "func ") else { return nil }
    return line[range.upperBound...].prefix { $0 != "(" && $0 != "<" }
}

/// Lines that declare something public of these kinds without a doc comment above.
private func undocumentedLines(of file: SourceFile, keywords: [String]) -> [Int] {
    file.lines.indices.filter { index in
        let words = file.lines[index].code.split(separator: " ")
        guard let access = words.firstIndex(of: "public"), access < 3,
            words[access...].prefix(6).contains(where: { keywords.contains(String($0)) }), !words.contains("import")
        else { return false }
        // A nested enumeration on one line reads as its own comment.
        if file.lines[index].hasSuffix("}") && file.lines[index].indentation > 0 && !words.contains("func") { return false }
        if words.contains("func"), let name = functionName(file.lines[index]), requirements.contains(name) { return false }
        // Conformances and operators say what they are by their protocol.
        let text = file.lines[index]
        for known in ["func ==", "func <", "func +", "func hash(into", "func next()", "func encode", "func makeIterator"]
        where text.contains(known) { return false }
        var above = index - 1
        while above >= 0, file.lines[above].trimmed.hasPrefix("@") || file.lines[above].trimmed.hasPrefix("// ") { above -= 1 }
        return above < 0 || !file.lines[above].trimmed.hasPrefix("///")
    }
}
