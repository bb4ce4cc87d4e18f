internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Sinks
internal import Telemetry

/// `millrace run`: agent and collector in one process, without Kafka.
enum RunVerb {
    static let specs = [
        VerbSpec(
            "run", "Agent and collector in one process, without Kafka.",
            discussion: "With --once it takes in what is there, commits, prints the balance and exits: 0 if the "
                + "balance holds, 65 if a table stopped, 75 if the warehouse could not be written.",
            options: [
                OptionSpec("config", short: "c", value: "FILE", "millrace.yaml. Default: /etc/millrace/millrace.yaml."),
                OptionSpec("once", "Take in what is there, commit, print the balance and exit."),
                OptionSpec(
                    "give-up", value: "DURATION",
                    "With --once: longest time in which nothing is taken in. Default 30s."),
                OptionSpec("json", "With --once: the balance as docs/json.md describes it."),
            ])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings: EmbeddedSettings
        do throws(ConfigFaults) {
            settings = try EmbeddedSettings.load(path: command.value("config") ?? "/etc/millrace/millrace.yaml")
        } catch {
            Terminal.complain(error.description)
            return ConfigFaults.exitCode
        }
        let isOnce = command.flag("once")
        let giveUp = isOnce ? try command.milliseconds("give-up") ?? 30_000 : nil
        let process = try EmbeddedProcess(settings, isOnce: isOnce, giveUpMilliseconds: giveUp)
        let outcome = try process.run()
        guard isOnce else { return outcome.failure?.exitCode ?? 0 }
        return try conclude(settings, outcome, isJSON: command.flag("json"))
    }

    /// Prints where the warehouse stands and decides how the process ends.
    private static func conclude(
        _ settings: EmbeddedSettings, _ outcome: EmbeddedProcess.Outcome, isJSON: Bool
    ) throws(Failure) -> Int32 {
        let log = try WarehouseLog.state(settings.collector.warehouse)
        let now = SystemClock().wallMilliseconds()
        if isJSON { Terminal.write(StatusVerb.json(log, now)) } else { Terminal.write(StatusVerb.text(log, now)) }
        // Why first: a table that stands is why nothing more is committed.
        for failure in outcome.stopped { Terminal.complain(failure.description) }
        if let code = outcome.stopped.map(\.exitCode).max() { return code }
        if let failure = outcome.failure {
            Terminal.complain(failure.description)
            return failure.exitCode
        }
        guard log.pipelines.values.allSatisfy(\.balance.holds) else {
            Terminal.complain("error[commit.balance]: the balance does not hold")
            return 65
        }
        return 0
    }
}
