public import Event

extension ProgramSpec {
    /// Parses what follows the program's name. Throws a failure of kind `usage` (exit code 64): `usage.no_verb`,
    /// `usage.unknown_verb`, `usage.unknown_option`, `usage.no_value`, `usage.needless_value`, `usage.bad_value`,
    /// `usage.twice`, `usage.missing_argument`, `usage.too_many_arguments`, `usage.missing_option`.
    public func parse(_ words: [String]) throws(Failure) -> CommandLineOutcome {
        if let soleVerb { return try parse(soleVerb, words[...]) }
        guard let first = words.first else {
            throw Self.fault("usage.no_verb", "say what to do: \(verbNames)", hint: "\(name) --help")
        }
        switch first {
        case "--help", "-h", "help": return .show(try help(for: words.dropFirst()))
        case "--version", "version": return .show(version + "\n")
        default: break
        }
        if first.hasPrefix("-") {
            if let fault = misplaced(first) { throw fault }
            throw unknownOption(first, nil)
        }
        guard let (verb, count) = verb(in: words) else { throw unknownVerb(words) }
        return try parse(verb, words.dropFirst(count))
    }

    /// The longest verb that the words begin with, and how many words it takes.
    private func verb(in words: [String]) -> (VerbSpec, Int)? {
        for count in stride(from: min(3, words.count), to: 0, by: -1) {
            let name = words.prefix(count).joined(separator: " ")
            if let verb = verbs.first(where: { $0.name == name }) { return (verb, count) }
        }
        return nil
    }

    private func help(for words: ArraySlice<String>) throws(Failure) -> String {
        let names = words.filter { !$0.hasPrefix("-") }
        if names.isEmpty { return help() }
        guard let (verb, _) = verb(in: names) else { throw unknownVerb(names) }
        return help(verb)
    }

    private func parse(_ verb: VerbSpec, _ words: ArraySlice<String>) throws(Failure) -> CommandLineOutcome {
        let known = allOptions(verb)
        var command = ParsedCommand(verb: verb.name, spec: verb, options: known)
        var arguments: [String] = []
        var rest = words
        // Why: help is given even where the rest of the line is wrong.
        let asked = words.prefix { $0 != "--" }
        if asked.contains(where: { $0 == "--help" || $0 == "-h" }) { return .show(help(verb)) }
        if asked.contains("--version") { return .show(version + "\n") }
        while let word = rest.popFirst() {
            if word == "--" {
                arguments += rest
                break
            }
            guard word.hasPrefix("-"), word != "-" else {
                arguments.append(word)
                continue
            }
            let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard let option = option(parts[0], known) else { throw unknownOption(parts[0], verb) }
            var value = parts.count > 1 ? parts[1] : nil
            if option.value != nil, value == nil { value = rest.popFirst() }
            try take(option, value, verb, &command)
        }
        for option in known where option.isRequired && command.optionValues[option.name] == nil {
            throw fault("usage.missing_option", "--\(option.name) is needed", verb)
        }
        try assign(arguments, verb, &command)
        return .run(command)
    }

    private func option(_ word: String, _ known: [OptionSpec]) -> OptionSpec? {
        if word.hasPrefix("--") { return known.first { "--" + $0.name == word } }
        return known.first { option in option.short.map { "-\($0)" == word } ?? false }
    }

    private func take(
        _ option: OptionSpec, _ value: String?, _ verb: VerbSpec, _ command: inout ParsedCommand
    ) throws(Failure) {
        if let placeholder = option.value {
            guard let value else {
                throw fault("usage.no_value", "--\(option.name) needs a value: \(placeholder)", verb)
            }
            if !option.choices.isEmpty, !option.choices.contains(value) {
                let guess = NearestName.find(value, in: option.choices).map { "; did you mean \"\($0)\"?" } ?? ""
                let allowed = option.choices.joined(separator: ", ")
                throw fault(
                    "usage.bad_value",
                    "--\(option.name) is \"\(value.clipped)\"; allowed is \(allowed)\(guess)", verb)
            }
            if !option.isRepeatable, command.optionValues[option.name] != nil {
                throw fault("usage.twice", "--\(option.name) is given twice", verb)
            }
            command.optionValues[option.name, default: []].append(value)
        } else {
            if value != nil { throw fault("usage.needless_value", "--\(option.name) takes no value", verb) }
            command.optionValues[option.name, default: []].append("")
        }
    }

    private func assign(
        _ words: [String], _ verb: VerbSpec, _ command: inout ParsedCommand
    ) throws(Failure) {
        var rest = words[...]
        for argument in verb.arguments {
            if argument.isRepeated {
                command.argumentValues[argument.name] = Array(rest)
                rest = []
            } else if let word = rest.popFirst() {
                command.argumentValues[argument.name] = [word]
            }
            if argument.isRequired, command.argumentValues[argument.name]?.isEmpty ?? true {
                throw fault("usage.missing_argument", "<\(argument.name)> is missing", verb)
            }
        }
        if let word = rest.first {
            throw fault("usage.too_many_arguments", "\"\(word.clipped)\" is one argument too many", verb)
        }
    }
}

extension ProgramSpec {
    static func fault(_ code: String, _ message: String, hint: String? = nil) -> Failure {
        Failure(code, stage: .configuration, kind: .usage, message, hint: hint)
    }

    private func fault(_ code: String, _ message: String, _ verb: VerbSpec?) -> Failure {
        let words = [name, verb?.name ?? "", "--help"].filter { !$0.isEmpty }
        return Self.fault(code, message, hint: "see: \(words.joined(separator: " "))")
    }

    private func unknownOption(_ word: String, _ verb: VerbSpec?) -> Failure {
        let names = allOptions(verb).map { "--" + $0.name }
        let guess = NearestName.find(word, in: names).map { "; did you mean \($0)?" } ?? ""
        return fault("usage.unknown_option", "unknown option \(word.clipped)\(guess)", verb)
    }

    /// An option before the verb: say where it belongs.
    private func misplaced(_ word: String) -> Failure? {
        let bare = word.split(separator: "=").first.map(String.init) ?? word
        let owners = verbs.filter { option(bare, allOptions($0)) != nil }
        guard let owner = owners.first else { return nil }
        return Self.fault(
            "usage.unknown_option", "\(bare.clipped) belongs behind the verb",
            hint: "for example: \(name) \(owner.name) \(bare)")
    }

    private func unknownVerb(_ words: [String]) -> Failure {
        let first = words[0]
        let siblings = verbs.map(\.name).filter { $0.hasPrefix(first + " ") }
        if !siblings.isEmpty {
            return Self.fault(
                "usage.unknown_verb", "\"\(first)\" needs a second word: \(siblings.joined(separator: ", "))",
                hint: "see: \(name) --help")
        }
        let guess = NearestName.find(first, in: verbs.map(\.name)).map { "; did you mean \"\($0)\"?" } ?? ""
        return Self.fault(
            "usage.unknown_verb", "unknown verb \"\(first.clipped)\"\(guess)", hint: "see: \(name) --help")
    }

    private var verbNames: String { verbs.map(\.name).joined(separator: ", ") }
}
