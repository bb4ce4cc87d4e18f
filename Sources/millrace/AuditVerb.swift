internal import Configuration
internal import Event
internal import Platform
internal import Sinks

/// `millrace audit`: what is covered, what is missing, whether the books hold. `audit accept` closes a hole.
enum AuditVerb {
    static let specs = [
        VerbSpec(
            "audit", "Names every hole of every stream to the byte, every broken chain of offsets, and the balance.",
            discussion: "Exit 0: no hole is open and every balance holds; 1: not so.",
            options: [
                ConfigFile.option, ConfigFile.json,
                OptionSpec("verbose", "List every stream, not only those with holes."),
            ]),
        VerbSpec(
            "audit accept", "Closes a hole that cannot be filled, by a commit like any other.",
            options: [
                ConfigFile.option, OptionSpec("pipeline", value: "NAME", isRequired: true, "The pipeline."),
                OptionSpec("stream", value: "ID", isRequired: true, "The stream's 32 digits, as `audit` shows them."),
                OptionSpec("from", value: "POSITION", isRequired: true, "Where the hole begins."),
                OptionSpec("to", value: "POSITION", isRequired: true, "Where it ends."),
            ]),
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings = try ConfigFile.requireCollector(command).settings
        if command.verb == "audit accept" { return try accept(command, try WarehouseLog.open(settings.warehouse)) }
        let report = AuditReport(try WarehouseLog.state(settings.warehouse), now: SystemClock().wallMilliseconds())
        if command.flag("json") {
            Terminal.write(report.json)
        } else {
            Terminal.write(report.text(isVerbose: command.flag("verbose")))
        }
        return report.isSound ? 0 : 1
    }

    private static func accept(_ command: ParsedCommand, _ log: CommitLog) throws(Failure) -> Int32 {
        let pipeline = command.value("pipeline") ?? ""
        guard let stream = StreamID(command.value("stream") ?? "") else {
            throw ToolFailure.usage("--stream needs 32 lowercase hexadecimal digits", hint: "millrace audit lists them")
        }
        guard let from = Position(command.value("from") ?? ""), let to = Position(command.value("to") ?? ""),
            from < to
        else {
            throw ToolFailure.usage(
                "--from and --to need positions, the first below the second", hint: "millrace audit lists them")
        }
        try log.open()
        let range = CoveredRange(from, to)
        let effects = try Acceptance(pipeline: pipeline, stream: stream, range: range).effects(in: log.state)
        switch try log.commit(effects) {
        case .committed(let number):
            Terminal.write("commit \(number): stream \(stream) \(range) of pipeline \(pipeline) is accepted as lost\n")
            return 0
        case .conflict(let reason):
            throw Failure(
                "commit.conflict", stage: .commit, kind: .conflict, "the log went on meanwhile: \(reason)",
                hint: "look at `millrace audit` again")
        }
    }
}

/// A hole that an operator calls lost: checked against the log, then one commit.
struct Acceptance {
    var pipeline: String
    var stream: StreamID
    var range: CoveredRange

    func effects(in log: LogState) throws(Failure) -> CommitEffects {
        guard let state = log.pipelines[pipeline] else {
            throw ToolFailure.usage(
                "no pipeline \(pipeline) has committed anything", hint: log.pipelines.keys.sorted().joined(separator: ", "))
        }
        guard let known = state.streams[stream] else {
            throw ToolFailure.usage("pipeline \(pipeline) knows no stream \(stream)", hint: "millrace audit --verbose")
        }
        guard known.covered.isDisjoint(with: range) else {
            throw ToolFailure.usage(
                "\(range) is no hole of stream \(stream): part of it is covered",
                hint: "the holes: " + known.holes.map(\.description).joined(separator: ", "))
        }
        var effect = StreamEffect(
            stream: stream, agent: known.agent, source: known.source, topic: known.topic, partition: known.partition,
            epoch: known.epoch, lastOffset: known.lastOffset)
        effect.accepted = [range]
        var pipelineEffect = PipelineEffect(pipeline: pipeline)
        pipelineEffect.streams = [effect]
        var effects = CommitEffects()
        effects.pipelines = [pipelineEffect]
        return effects
    }
}
