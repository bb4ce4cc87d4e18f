import Testing

/// What is true of one machine only. Written in pieces, so that this file does not name them.
private let machineWords: [(String, reason: String)] = [
    ("/wo" + "rk/", "a machine's own folder"),
    ("/ro" + "ot/", "a home folder"),
    ("/ho" + "me/", "a home folder"),
    ("py" + "pi.org", "a registry host"),
    ("deb.deb" + "ian.org", "a registry host"),
    ("pythonho" + "sted.org", "a registry host"),
]

/// Lines that may hold one of them, by path, with the reason.
private let waivers: [String: String] = [:]

@Test func nothingNamesAMachineOrARegistry() {
    let kinds = [".swift", ".c", ".cpp", ".h", ".modulemap", ".md", ".sh", ".py", ".yaml", ".service", ".txt", ".conf", ".json"]
    let names = ["Makefile", "run", ".swift-format"]
    for file in Tree.files(in: "", suffixes: kinds + names) where waivers[file.path] == nil {
        for (index, line) in file.lines.enumerated() {
            for (word, reason) in machineWords where line.contains(word) {
                Issue.record("\(file.path):\(index + 1): \(word): \(reason)")
            }
        }
    }
}

@Test func theCanaryIsSeen() {
    // Proves that the rules can fail: each looks at lines that break it.
    #expect(Substring("let x = try! f()").hasWord("try!"))
    #expect(Substring("    print(\"x\")").hasWord("print("))
    #expect(!Substring("    fingerprint(x)").hasWord("print("))
    #expect(!Substring("    // print(x)").hasWord("print("))
    #expect(!Substring("    say(\"print(\")").hasWord("print("))
    #expect(Tree.swift.count > 20)
}
