/// The one error contract of Millrace: what went wrong, where in the flow, who acts, what to do next.
///
/// `code`, `stage` and `kind` are low-cardinality and are exactly the metric tags. Payload bytes and
/// secrets never appear in `message`.
public struct Failure: Error, Sendable, Equatable {
    /// Who acts, and how the process ends if nobody can (style: error taxonomy).
    public enum Kind: String, Sendable, CaseIterable {
        case usage        // operator, at the command line; exit 64
        case config       // operator, before start; exit 78
        case transient    // the machine: back off and try again; exit 75 past a deadline
        case conflict     // the machine: abandon staged work, read again
        case corrupt      // operator: stop this lane, touch nothing; exit 65
        case fatal        // supervisor: drain, exit, restart; exit 75
    }

    /// The flow's vocabulary (design section 2), plus the two stages outside it.
    public enum Stage: String, Sendable, CaseIterable {
        case configuration, source, event, transport, parse, validate, dedup, partition, format, sink, commit
        case control
    }

    /// Dotted and closed in practice, for example `sink.rename_denied`; each factory names its codes.
    public let code: String
    public let stage: Stage
    public let kind: Kind
    /// What happened, on which path, partition or offset. Lowercase, one sentence, no stack.
    public let message: String
    /// What the operator does next, or nil.
    public let hint: String?
    /// The foreign reason (errno text, broker text), or nil.
    public let cause: String?

    public init(
        _ code: String, stage: Stage, kind: Kind, _ message: String,
        hint: String? = nil, cause: String? = nil
    ) {
        self.code = code
        self.stage = stage
        self.kind = kind
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    /// The exit code of a process that ends with this failure (sysexits.h).
    public var exitCode: Int32 {
        switch kind {
        case .usage: 64
        case .config: 78
        case .corrupt: 65
        case .transient, .conflict, .fatal: 75
        }
    }

    public var isTransient: Bool { kind == .transient }
}

extension Failure: CustomStringConvertible {
    /// `error[code]: sentence`, then `cause:` and `hint:` lines where there are any.
    public var description: String {
        var text = "error[\(code)]: \(message)"
        if let cause { text += "\n  cause: \(cause)" }
        if let hint { text += "\n  hint: \(hint)" }
        return text
    }
}
