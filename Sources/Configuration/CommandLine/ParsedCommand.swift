public import Event

/// What the command line asks for.
public enum CommandLineOutcome: Sendable, Equatable {
    case run(ParsedCommand)
    /// Help or version: to standard output, then exit with 0.
    case show(String)
}

/// A command line that fits its description. Names that the description does not have are a bug (precondition).
public struct ParsedCommand: Sendable, Equatable {
    /// The verb's full name; "" for a program with one task.
    public let verb: String
    let spec: VerbSpec
    let options: [OptionSpec]
    var optionValues: [String: [String]] = [:]
    var argumentValues: [String: [String]] = [:]

    /// Whether a flag is given.
    public func flag(_ name: String) -> Bool { values(name).count > 0 }

    /// The value of an option, the last if there are several; nil if it is not given.
    public func value(_ name: String) -> String? { values(name).last }

    /// All values of an option, in order.
    public func values(_ name: String) -> [String] {
        precondition(options.contains { $0.name == name }, "no option --\(name)")
        return optionValues[name] ?? []
    }

    /// The value of an argument, or nil if it is optional and not given.
    public func argument(_ name: String) -> String? { arguments(name).first }

    /// All values of a repeated argument.
    public func arguments(_ name: String) -> [String] {
        precondition(spec.arguments.contains { $0.name == name }, "no argument <\(name)>")
        return argumentValues[name] ?? []
    }

    /// A whole number within a range, or nil if the option is not given.
    public func integer(_ name: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let text = value(name) else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw ProgramSpec.fault(
                "usage.bad_value",
                "--\(name) is \"\(text.clipped)\"; expected a whole number, \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        return number
    }

    /// A duration (`500ms`, `60s`, `5m`, `1h`, `7d`) in milliseconds, or nil if the option is not given.
    public func milliseconds(_ name: String) throws(Failure) -> Int64? {
        guard let text = value(name) else { return nil }
        guard let number = Units.duration(text) else {
            throw ProgramSpec.fault(
                "usage.bad_value",
                "--\(name) is \"\(text.clipped)\"; expected a duration such as 500ms, 60s, 5m, 1h or 7d")
        }
        return number
    }
}
