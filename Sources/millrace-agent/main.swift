// millrace-agent: ships files of this machine to Kafka. Exit codes: docs/exit-codes.md.
internal import Agent
internal import Configuration
internal import Event
internal import Platform
internal import Telemetry
internal import Transport

let program = ProgramSpec(
    name: "millrace-agent", summary: "Ships the log files of this machine to Kafka.",
    version: "millrace-agent \(AgentRuntime.version)\nlibrdkafka \(KafkaLibrary.version)",
    verbs: [
        VerbSpec(
            "", "Ships the log files of this machine to Kafka.",
            options: [
                OptionSpec("config", short: "c", value: "FILE", isRequired: true, "The configuration, agent.yaml."),
                OptionSpec("once", "Ship what is there, wait until it is acknowledged, and exit."),
                OptionSpec("check", "Check configuration, state folder, broker and topics, and exit."),
            ])
    ])

func fail(_ text: String, _ code: Int32) -> Never {
    StandardStreams.writeError(Array((text + "\n").utf8))
    HostProcess.exit(code)
}

func show(_ text: String) -> Never {
    HostProcess.exit(StandardStreams.writeOutput(Array((text.hasSuffix("\n") ? text : text + "\n").utf8)) ? 0 : 74)
}

func command() -> ParsedCommand {
    do throws(Failure) {
        switch try program.parse(Array(CommandLine.arguments.dropFirst())) {
        case .show(let text): show(text)
        case .run(let command): return command
        }
    } catch {
        fail(error.description, error.exitCode)
    }
}

func settings(of command: ParsedCommand) -> AgentSettings {
    do throws(ConfigFaults) {
        return try AgentSettings.load(path: command.value("config") ?? "")
    } catch {
        fail(error.description, ConfigFaults.exitCode)
    }
}

func check(_ settings: AgentSettings) -> Never {
    let faults = AgentRuntime.check(settings, .kafka(settings))
    if faults.isEmpty { show("agent \(settings.name): configuration, state folder, broker and topics are in order") }
    fail(faults.map(\.description).joined(separator: "\n"), faults[0].exitCode)
}

/// Stops at the first signal; a second one ends the wait for acknowledgements.
func listen(_ signals: Signals, _ control: AgentControl) {
    _ = WorkerThread(name: "signals") {
        while true {
            switch signals.next(timeoutMilliseconds: 60_000) {
            case .terminate: control.requestStop()
            case .reload: control.requestReload()
            case nil: break
            }
        }
    }
}

func run(_ settings: AgentSettings, isOnce: Bool) -> Never {
    let log = Log(
        level: Log.Level(rawValue: settings.log.level.rawValue) ?? .info,
        form: Log.Form(rawValue: settings.log.form.rawValue) ?? .json)
    let control = AgentControl()
    do throws(Errno) {
        listen(try Signals(), control)
    } catch {
        fail("error[agent.signals]: cannot receive signals\n  cause: \(error)", 75)
    }
    let runtime = AgentRuntime(
        settings: settings, connections: .kafka(settings), log: log, control: control, isOnce: isOnce)
    do throws(Failure) {
        try runtime.run()
    } catch {
        log.failure(error)
        HostProcess.exit(error.exitCode)
    }
    HostProcess.exit(0)
}

let parsed = command()
let loaded = settings(of: parsed)
if parsed.flag("check") { check(loaded) }
run(loaded, isOnce: parsed.flag("once"))
