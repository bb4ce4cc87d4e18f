/// An option of a program or verb: `--name` or `--name VALUE`.
public struct OptionSpec: Sendable, Equatable {
    /// Without the dashes.
    public var name: String
    /// One letter, or nil.
    public var short: Character?
    /// What stands for the value in the help (`FILE`, `DURATION`); nil: a flag.
    public var value: String?
    /// The values allowed; empty: any.
    public var choices: [String]
    /// Whether it may be given more than once.
    public var isRepeatable: Bool
    public var isRequired: Bool
    /// Beginning with a capital, ending with a full stop.
    public var summary: String

    public init(
        _ name: String, short: Character? = nil, value: String? = nil, choices: [String] = [],
        isRepeatable: Bool = false, isRequired: Bool = false, _ summary: String
    ) {
        self.name = name
        self.short = short
        self.value = value
        self.choices = choices
        self.isRepeatable = isRepeatable
        self.isRequired = isRequired
        self.summary = summary
    }
}

/// An argument that is not an option. Only the last of a verb may be repeated.
public struct ArgumentSpec: Sendable, Equatable {
    public var name: String
    public var isRequired: Bool
    public var isRepeated: Bool
    public var summary: String

    public init(_ name: String, isRequired: Bool = true, isRepeated: Bool = false, _ summary: String) {
        self.name = name
        self.isRequired = isRequired
        self.isRepeated = isRepeated
        self.summary = summary
    }

    var usage: String {
        let text = isRepeated ? "<\(name)>..." : "<\(name)>"
        return isRequired ? text : "[\(text)]"
    }
}

/// What a program can be told to do. A program with one task has a single verb named "".
public struct VerbSpec: Sendable, Equatable {
    /// One word, or several separated by a space: `quarantine list`.
    public var name: String
    /// One line for the list of verbs.
    public var summary: String
    /// Paragraphs for the verb's own help.
    public var discussion: String
    public var options: [OptionSpec]
    public var arguments: [ArgumentSpec]

    public init(
        _ name: String, _ summary: String, discussion: String = "", options: [OptionSpec] = [],
        arguments: [ArgumentSpec] = []
    ) {
        self.name = name
        self.summary = summary
        self.discussion = discussion
        self.options = options
        self.arguments = arguments
    }
}

/// A program's command line, said once: from it come parsing, `--help`, usage errors and the reference.
///
/// Conventions: GNU long options (`--name value`, `--name=value`), `-x`, `-h`; `--` ends the options; options and
/// arguments may be mixed; a mistake ends with exit code 64 and the nearest name.
public struct ProgramSpec: Sendable, Equatable {
    public var name: String
    /// One line.
    public var summary: String
    /// What `--version` shows: name and version, then a line for each library of note.
    public var version: String
    public var verbs: [VerbSpec]
    /// Options of every verb.
    public var options: [OptionSpec]

    public init(
        name: String, summary: String, version: String, verbs: [VerbSpec], options: [OptionSpec] = []
    ) {
        self.name = name
        self.summary = summary
        self.version = version
        self.verbs = verbs
        self.options = options
    }

    static let standardOptions = [
        OptionSpec("help", short: "h", "Show this help and exit."),
        OptionSpec("version", "Show the version and exit."),
    ]

    /// The only verb of a program with one task.
    var soleVerb: VerbSpec? { verbs.count == 1 && verbs[0].name.isEmpty ? verbs[0] : nil }

    func allOptions(_ verb: VerbSpec?) -> [OptionSpec] {
        (verb?.options ?? []) + options + Self.standardOptions
    }
}
