internal import Configuration
internal import Event
internal import Transport

/// The table of contents of the tool: one file per verb.
enum Tool {
    static let version = Release.version

    static let spec = ProgramSpec(
        name: "millrace", summary: "The operator's tool of Millrace.",
        version: "millrace \(version)\nlibrdkafka \(KafkaLibrary.version)",
        verbs: RunVerb.specs + CheckVerb.specs + LagVerb.specs + AuditVerb.specs + StatusVerb.specs
            + QuarantineVerb.specs + SyncVerb.specs + VerifyVerb.specs + TopicsVerb.specs
            + CatVerb.specs + TryVerb.specs + DDLVerb.specs + SchemaVerb.specs)

    /// Runs a command line; the result is the exit code.
    static func perform(_ words: [String]) throws(Failure) -> Int32 {
        switch try spec.parse(words) {
        case .show(let text):
            Terminal.write(text)
            return 0
        case .run(let command):
            switch command.verb {
            case "run": return try RunVerb.run(command)
            case "check": return try CheckVerb.run(command)
            case "lag": return try LagVerb.run(command)
            case "audit", "audit accept": return try AuditVerb.run(command)
            case "quarantine list", "quarantine show", "quarantine replay": return try QuarantineVerb.run(command)
            case "cat": return try CatVerb.run(command)
            case "schema infer": return try SchemaVerb.run(command)
            case "sync run", "sync delta", "sync plan", "sync verify", "sync status", "sync get":
                return try SyncVerb.run(command)
            case "ddl": return try DDLVerb.run(command)
            case "try": return try TryVerb.run(command)
            case "status": return try StatusVerb.run(command)
            default: return try TopicsVerb.run(command)
            }
        }
    }
}
