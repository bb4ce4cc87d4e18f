import Testing

/// The layers of the package: an arrow goes from a higher number to a lower one, never sideways.
private let layers: [String: Int] = [
    "Event": 0,
    "Platform": 1,
    "Codec": 2, "JSON": 2, "Regex": 2, "TimeZone": 2, "Telemetry": 2, "Columns": 2, "Database": 2,
    "Transport": 3, "Configuration": 3, "Parquet": 3, "Change": 3, "Schema": 3,
    "Pipeline": 4, "ParquetSamples": 4, "Sinks": 4,
    "Agent": 5, "Collector": 5, "Replay": 5,
    "Verify": 6, "millrace-agent": 6, "millrace-collector": 6, "millrace": 7, "millrace-bench": 6, "Fuzzing": 6, "millrace-fuzz": 7,
]

/// Modules of the toolchain that a target may import; Glibc is for the kernel boundary alone.
private let toolchain: Set<String> = ["Synchronization", "Swift"]

/// Targets beside Platform that import Glibc, each with its reason.
private let glibcWaivers: [String: String] = [:]

/// `part("X", [...])` and `program("x", [...])` as Package.swift has them.
private let declared: [String: [String]] = {
    var table: [String: [String]] = [:]
    for line in Tree.text("Package.swift").split(separator: "\n") {
        let trimmed = line.trimmed
        guard trimmed.hasPrefix("part(") || trimmed.hasPrefix("program(") else { continue }
        let names = trimmed.split(separator: "\"", omittingEmptySubsequences: false)
            .enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }
        guard let name = names.first else { continue }
        table[name] = Array(names.dropFirst())
    }
    return table
}()

@Test func everyTargetHasALayer() {
    #expect(!declared.isEmpty)
    for name in declared.keys { #expect(layers[name] != nil, "\(name): give it a layer in this table") }
}

@Test func arrowsOnlyGoDown() {
    for (name, dependencies) in declared {
        for dependency in dependencies where !dependency.hasPrefix("C") || layers[dependency] != nil {
            let above = layers[name] ?? 0
            let below = layers[dependency] ?? 0
            #expect(above > below, "\(name) (layer \(above)) must not depend on \(dependency) (layer \(below))")
        }
    }
}

@Test func aBoundaryHasOneOwner() {
    for boundary in Set(declared.values.joined()) where boundary.hasPrefix("C") && layers[boundary] == nil {
        let owners = declared.filter { $0.value.contains(boundary) }.keys.sorted()
        #expect(owners.count == 1, "\(boundary) is wrapped once, not by \(owners)")
    }
}

@Test func filesImportOnlyWhatTheirTargetDeclares() {
    for file in Tree.swift {
        let allowed = Set(declared[file.target] ?? []).union(toolchain)
        for (index, line) in file.lines.enumerated() {
            let words = line.code.split(separator: " ")
            guard let at = words.firstIndex(of: "import"), at <= 2, at + 1 < words.count else { continue }
            let module = String(words[at + 1].split(separator: ".")[0])
            if module == "Glibc" {
                #expect(
                    file.target == "Platform" || glibcWaivers[file.target] != nil,
                    "\(file.path):\(index + 1): kernel and C library calls belong in Platform")
            } else {
                #expect(allowed.contains(module), "\(file.path):\(index + 1): \(file.target) must not import \(module)")
            }
        }
    }
}
