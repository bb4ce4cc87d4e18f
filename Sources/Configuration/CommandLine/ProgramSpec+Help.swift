extension ProgramSpec {
    /// Width of the help.
    private static let width = 80

    /// The program's help: its verbs, or all of it if it has one task.
    public func help() -> String {
        if let soleVerb { return help(soleVerb) }
        var text = "Usage: \(name) <verb> [options]\n\n\(Self.wrapped(summary, indent: 0))\n\nVerbs:\n"
        text += Self.table(verbs.map { ($0.name, $0.summary) })
        text += "\nOptions:\n" + Self.table(allOptions(nil).map { (Self.label($0), $0.summary) })
        text += "\n\"\(name) <verb> --help\" tells more about a verb.\n"
        return text
    }

    /// The help of one verb.
    func help(_ verb: VerbSpec) -> String {
        var text = "Usage: \(usage(verb))\n\n\(Self.wrapped(verb.summary, indent: 0))\n"
        for paragraph in Self.paragraphs(verb.discussion) { text += "\n" + Self.wrapped(paragraph, indent: 0) + "\n" }
        if !verb.arguments.isEmpty {
            text += "\nArguments:\n" + Self.table(verb.arguments.map { ("<\($0.name)>", $0.summary) })
        }
        text += "\nOptions:\n" + Self.table(allOptions(verb).map { (Self.label($0), Self.meaning($0)) })
        return text
    }

    /// The whole command line in Markdown, for the reference.
    public func markdown() -> String {
        var text = "## \(name)\n\n\(summary)\n"
        for verb in verbs {
            let title = verb.name.isEmpty ? "" : "\n### \(name) \(verb.name)\n"
            text += "\(title)\n```\n\(help(verb))```\n"
        }
        return text
    }

    private func usage(_ verb: VerbSpec) -> String {
        let options = verb.options.filter(\.isRequired).map { "--\($0.name)=\($0.value ?? "")" }
        return ([name, verb.name] + options + ["[options]"] + verb.arguments.map(\.usage))
            .filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func label(_ option: OptionSpec) -> String {
        let short = option.short.map { "-\($0), " } ?? "    "
        return short + "--" + option.name + (option.value.map { "=" + $0 } ?? "")
    }

    private static func meaning(_ option: OptionSpec) -> String {
        var text = option.summary
        if !option.choices.isEmpty { text += " One of \(option.choices.joined(separator: ", "))." }
        if option.isRepeatable { text += " May be given several times." }
        return text
    }

    /// Two columns; a left side that is too long has its line alone.
    private static func table(_ rows: [(String, String)]) -> String {
        let column = min(28, (rows.map { $0.0.count }.max() ?? 0) + 4)
        var text = ""
        for (left, right) in rows {
            let isLong = left.count + 4 > column
            text += "  " + left
            text += isLong ? "\n" + String(repeating: " ", count: column)
                : String(repeating: " ", count: column - 2 - left.count)
            text += wrapped(right, indent: column).drop { $0 == " " } + "\n"
        }
        return text
    }

    private static func paragraphs(_ text: String) -> [String] {
        var found: [String] = []
        var lines: [Substring] = []
        let all: [Substring] = text.split(separator: "\n", omittingEmptySubsequences: false)
        for line in all + [Substring()] {
            if !line.isEmpty {
                lines.append(line)
            } else if !lines.isEmpty {
                found.append(lines.joined(separator: lines[0].hasPrefix("  ") ? "\n" : " "))
                lines = []
            }
        }
        return found
    }

    /// Breaks at spaces, all lines indented. Text that begins with two spaces is an example and stays as it is.
    private static func wrapped(_ text: String, indent: Int) -> String {
        if text.hasPrefix("  ") { return text }
        let margin = String(repeating: " ", count: indent)
        var lines = [margin]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.count > indent, line.count + 1 + word.count > width {
                lines.append(margin + word)
            } else {
                lines[lines.count - 1] += (line.count > indent ? " " : "") + word
            }
        }
        return lines.joined(separator: "\n")
    }
}
