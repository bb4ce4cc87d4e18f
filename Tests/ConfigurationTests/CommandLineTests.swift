import Configuration
import Event
import Testing

private let tool = ProgramSpec(
    name: "mill", summary: "Grinds.", version: "mill 1.0",
    verbs: [
        VerbSpec(
            "lag", "Shows how far behind we are.",
            discussion: "First paragraph that is\nwritten on two lines.\n\n  mill lag --watch a.yaml",
            options: [
                OptionSpec("watch", short: "w", "Again and again."),
                OptionSpec("every", value: "DURATION", "How often."),
                OptionSpec("count", value: "N", "How many."),
                OptionSpec("form", value: "FORM", choices: ["json", "text"], "How it looks."),
                OptionSpec("only", value: "NAME", isRepeatable: true, "Only these."),
            ],
            arguments: [
                ArgumentSpec("file", "The configuration."),
                ArgumentSpec("more", isRequired: false, isRepeated: true, "Others."),
            ]),
        VerbSpec("quarantine list", "Lists."),
        VerbSpec("quarantine replay", "Replays.", options: [OptionSpec("table", value: "TABLE", isRequired: true, "Which.")]),
    ])

private func run(_ words: String...) throws -> ParsedCommand? {
    guard case .run(let command) = try tool.parse(words) else { return nil }
    return command
}

private func refusal(_ words: [String]) -> Failure? {
    do throws(Failure) {
        _ = try tool.parse(words)
        return nil
    } catch {
        return error
    }
}

@Test func optionsAndArgumentsAreTakenInAnyOrder() throws {
    let command = try #require(
        try run("lag", "a.yaml", "--every=5m", "-w", "--only", "x", "b", "--only=y=z", "--count", "7", "--", "--c"))
    #expect(command.verb == "lag")
    #expect(command.flag("watch"))
    #expect(try command.milliseconds("every") == 300_000)
    #expect(try command.integer("count", in: 1...7) == 7)
    #expect(throws: Failure.self) { try command.integer("count", in: 1...6) }
    #expect(command.values("only") == ["x", "y=z"])
    #expect(command.value("form") == nil)
    #expect(command.argument("file") == "a.yaml")
    #expect(command.arguments("more") == ["b", "--c"])
}

@Test func verbsOfTwoWordsAreFound() throws {
    #expect(try run("quarantine", "list")?.verb == "quarantine list")
    #expect(try run("quarantine", "replay", "--table", "a.b")?.value("table") == "a.b")
}

@Test(arguments: [
    ([], "usage.no_verb", "say what to do: lag, quarantine list, quarantine replay"),
    (["lga"], "usage.unknown_verb", "unknown verb \"lga\"; did you mean \"lag\"?"),
    (["quarantine"], "usage.unknown_verb", "\"quarantine\" needs a second word: quarantine list, quarantine replay"),
    (["lag", "a", "--wacth"], "usage.unknown_option", "unknown option --wacth; did you mean --watch?"),
    (["lag", "a", "-z"], "usage.unknown_option", "unknown option -z"),
    (["--watch", "lag"], "usage.unknown_option", "--watch belongs behind the verb"),
    (["lag", "a", "--every"], "usage.no_value", "--every needs a value: DURATION"),
    (["lag", "a", "--watch=1"], "usage.needless_value", "--watch takes no value"),
    (["lag", "a", "--form", "jsno"], "usage.bad_value",
        "--form is \"jsno\"; allowed is json, text; did you mean \"json\"?"),
    (["lag", "a", "--count=1", "--count=2"], "usage.twice", "--count is given twice"),
    (["lag"], "usage.missing_argument", "<file> is missing"),
    (["quarantine", "list", "x"], "usage.too_many_arguments", "\"x\" is one argument too many"),
    (["quarantine", "replay"], "usage.missing_option", "--table is needed"),
] as [([String], String, String)])
func aMistakeIsNamedAndEndsWith64(_ words: [String], _ code: String, _ message: String) throws {
    let failure = try #require(refusal(words))
    #expect(failure.code == code)
    #expect(failure.message == message)
    #expect(failure.exitCode == 64)
    #expect(failure.hint != nil)
}

@Test func helpAndVersionAreShownWhateverElseIsThere() throws {
    #expect(try tool.parse(["--version"]) == .show("mill 1.0\n"))
    #expect(try tool.parse(["--help"]) == .show(tool.help()))
    #expect(try tool.parse(["help", "lag"]) == (try tool.parse(["lag", "--nonsense", "-h"])))
}

@Test func theHelpOfAVerbIsGolden() throws {
    guard case .show(let text) = try tool.parse(["lag", "--help"]) else {
        Issue.record("no help")
        return
    }
    #expect(text == """
        Usage: mill lag [options] <file> [<more>...]

        Shows how far behind we are.

        First paragraph that is written on two lines.

          mill lag --watch a.yaml

        Arguments:
          <file>  The configuration.
          <more>  Others.

        Options:
          -w, --watch           Again and again.
              --every=DURATION  How often.
              --count=N         How many.
              --form=FORM       How it looks. One of json, text.
              --only=NAME       Only these. May be given several times.
          -h, --help            Show this help and exit.
              --version         Show the version and exit.

        """)
}

@Test func aProgramWithOneTaskHasNoVerb() throws {
    let daemon = ProgramSpec(
        name: "milld", summary: "Mills.", version: "milld 1",
        verbs: [VerbSpec("", "Mills.", options: [OptionSpec("config", value: "FILE", "The configuration.")])])
    guard case .run(let command) = try daemon.parse(["--config", "a.yaml"]) else {
        Issue.record("no command")
        return
    }
    #expect(command.verb == "")
    #expect(command.value("config") == "a.yaml")
    #expect(daemon.help().hasPrefix("Usage: milld [options]\n"))
}
