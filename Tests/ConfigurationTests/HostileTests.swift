import Configuration
import Platform
import Testing

/// Files that must end in one fault that says what is wrong, and never in a crash.
@Test(arguments: [
    ("", "a.yaml: the file is empty"),
    ("# nothing\n", "a.yaml: the file is empty"),
    ("---\n...\n", "a.yaml: the file is empty"),
    ("~", "a.yaml: the file is empty"),
    ("just text", "a.yaml:1:1: the file is a single value; expected names with values (agent, kafka, topics, ...)"),
    ("- a\n- b", "a.yaml:1:1: the file is a list; expected names with values (agent, kafka, topics, ...)"),
    ("a: &x b", #"a.yaml:1:4: anchors ("&") are not supported; write the value out"#),
    ("a: *x", #"a.yaml:1:4: aliases ("*") are not supported; quote or write the value out"#),
    ("a: !!python/object b", #"a.yaml:1:4: tags ("!") are not supported; quote the value"#),
    ("? [a]\n: b", "a.yaml:1:3: a name is expected here, not a list or a mapping"),
    ("agent: {}\n---\nkafka: {}\n", "a.yaml:2:1: a second document begins here; one file holds one"),
    ("agent:\n\tname: x", "a.yaml:2:1: not YAML: found character that cannot start any token"),
    ("a: [b", "a.yaml:2:1: not YAML: did not find expected ',' or ']'"),
    ("a: b: c", "a.yaml:1:5: not YAML: mapping values are not allowed in this context"),
    ("a: \"b", "a.yaml:1:6: not YAML: found unexpected end of stream"),
])
func whatIsNotAConfigurationIsOneFault(_ text: String, _ start: String) {
    let faults = agentFaults(text)
    #expect(faults.count == 1)
    #expect(faults.first?.hasPrefix(start) == true, "\(faults)")
}

@Test func deepNestingIsRefused() {
    for (open, close) in [("[", "]"), ("{a: ", "}")] {
        let text = "a: " + String(repeating: open, count: 50_000) + String(repeating: close, count: 50_000)
        #expect(agentFaults(text).first?.hasSuffix("nested deeper than 32 levels") == true)
    }
    let indented = (0..<500).map { String(repeating: " ", count: $0) + "a:\n" }.joined()
    #expect(agentFaults(indented).first?.hasSuffix("nested deeper than 32 levels") == true)
}

@Test func anAliasBombIsRefused() {
    var text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    for index in 1..<20 { text += "a\(index): &a\(index) [" + String(repeating: "*a\(index - 1), ", count: 9) + "]\n" }
    #expect(agentFaults(text).first?.contains("anchors") == true)
}

@Test func aLargeFileIsRefusedUnread() {
    let text = String(repeating: "# comment\n", count: 210_000)
    #expect(agentFaults(text) == ["a.yaml: the file has 2100000 bytes; at most 1048576 are read"])
}

@Test func manyFaultsAreCut() {
    let text = (0..<5_000).map { "unknown\($0): 1\n" }.joined()
    #expect(agentFaults(text).count == ConfigFaults.maximumCount)
}

@Test func bytesThatAreNotUTF8AreNamedWithTheirPlace() {
    for bad in [[0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0x00], [0x1B]] as [[UInt8]] {
        let bytes = Array("agent:\n  name: a".utf8) + bad + Array("\n".utf8)
        do throws(ConfigFaults) {
            _ = try AgentSettings.load(bytes: bytes, file: "a.yaml", environment: noEnvironment)
            Issue.record("loaded \(bad)")
        } catch {
            #expect(error.faults.count == 1)
            #expect(error.faults[0].line == 2)
            #expect(error.faults[0].message.hasPrefix("not UTF-8 text: "), "\(error)")
        }
    }
}

@Test func randomDamageNeverCrashes() throws {
    let seed: UInt64 = 20_261_121
    var generator = SeededGenerator(seed: seed)
    let samples = try ["agent", "collector", "millrace"].map { try bytes(of: packageFolder + "/conf/\($0).yaml") }
    let marks = Array("[]{}:-&*!|>'\"%@`#,?\t\n \u{0}$".utf8)
    for _ in 0..<400 {
        var damaged = samples[Int(generator.next() % 3)]
        for _ in 0..<(1 + generator.next() % 8) {
            let index = Int(generator.next() % UInt64(damaged.count))
            switch generator.next() % 4 {
            case 0: damaged[index] = UInt8(truncatingIfNeeded: generator.next())
            case 1: damaged[index] = marks[Int(generator.next() % UInt64(marks.count))]
            case 2: damaged.insert(marks[Int(generator.next() % UInt64(marks.count))], at: index)
            default: damaged.removeSubrange(index..<min(damaged.count, index + 20))
            }
        }
        _ = try? AgentSettings.load(bytes: damaged, file: "a", environment: noEnvironment)
        _ = try? CollectorSettings.load(bytes: damaged, file: "a", environment: noEnvironment)
        _ = try? EmbeddedSettings.load(bytes: damaged, file: "a", environment: noEnvironment)
    }
}

@Test func yamlsOddSpellingsAreUnderstood() throws {
    let text = "\u{FEFF}%YAML 1.1\n---\n\"agent\":\r\n  'state_dir': >-\r\n    /a\r\n    b\nkafka: {brokers: 'k', properties: }\n"
        + "sources:\n- name: 007\n  topic: \"yes\"\n  include: /one\n  exclude: ~\nlog:\n"
    let settings = try AgentSettings.load(bytes: Array(text.utf8), file: "a", environment: noEnvironment)
    #expect(settings.stateFolder == "/a b")
    #expect(settings.sources[0].name == "007")
    #expect(settings.sources[0].topic == "yes")
    #expect(settings.sources[0].include == ["/one"])
}
