internal import Event
internal import JSON
internal import Platform

/// What the tool prints, and how it ends.
enum Terminal {
    static func write(_ text: String) { StandardStreams.writeOutput(Array(text.utf8)) }
    static func write(_ json: JSONValue) { StandardStreams.writeOutput(json.bytes + [10]) }
    static func complain(_ text: String) { StandardStreams.writeError(Array((text + "\n").utf8)) }

    /// Something that does not keep the work from being done.
    static func warn(_ failure: Failure) {
        complain("warning" + failure.description.dropFirst("error".count))
    }

    /// A failure as `--json` has it.
    static func json(of failure: Failure) -> JSONValue {
        [
            "code": .string(failure.code), "stage": .string(failure.stage.rawValue),
            "kind": .string(failure.kind.rawValue), "message": .string(failure.message),
            "cause": JSONValue(failure.cause), "hint": JSONValue(failure.hint),
        ]
    }
}

/// Failures of the tool itself.
enum ToolFailure {
    /// A mistake at the command line: exit 64.
    static func usage(_ message: String, hint: String?) -> Failure {
        Failure("usage.invalid", stage: .control, kind: .usage, message, hint: hint)
    }
}
