internal import Collector
internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Telemetry
internal import Transport

/// `millrace-collector`: the command line, the signals, and the end.
enum Program {
    static let version = Release.version

    static let spec = ProgramSpec(
        name: "millrace-collector", summary: "Reads topics and writes a dated warehouse, each event once.",
        version: "millrace-collector \(version)\nlibrdkafka \(KafkaLibrary.version)",
        verbs: [
            VerbSpec(
                "", "Reads topics and writes a dated warehouse, each event once.",
                discussion: "Exit 0: ended in order; 65: a lane stands until an operator looks; 75: a fault that a "
                    + "restart may mend; 78: a fault in the configuration.",
                options: [
                    OptionSpec("config", short: "c", value: "FILE", isRequired: true, "The collector's configuration."),
                    OptionSpec(
                        "until-caught-up",
                        "Read every partition to the end that it has now, commit, print the books and exit; "
                            + "partitions that other members of the group hold are waited for; exit 75 if nothing "
                            + "moves there."),
                    OptionSpec(
                        "replay",
                        "Read every partition from its first record again, once: what the warehouse has is counted as "
                            + "a duplicate, what it misses is written."),
                    OptionSpec("check", "Look at the configuration, the warehouse and the topics, then exit."),
                ])
        ])

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings: CollectorSettings
        do throws(ConfigFaults) {
            settings = try CollectorSettings.load(path: command.value("config") ?? "")
        } catch {
            StandardStreams.writeError(Array((error.description + "\n").utf8))
            return ConfigFaults.exitCode
        }
        // Order: before any thread is started; they inherit the blocked signals.
        let signals = try listen()
        let consumer = try consumer(settings)
        if command.flag("check") { return check(settings, consumer) }
        return try collect(settings, consumer, signals, command)
    }

    private static func listen() throws(Failure) -> Signals {
        do throws(Errno) { return try Signals() } catch {
            throw Failure(
                "control.signals", stage: .control, kind: .fatal, "signals cannot be read from a descriptor",
                cause: error.description)
        }
    }

    private static func consumer(_ settings: CollectorSettings) throws(Failure) -> KafkaConsumer {
        try KafkaConsumer(
            KafkaOptions(
                brokers: settings.kafka.brokers, properties: settings.kafka.properties, clientID: "millrace-collector"),
            group: settings.group, prefetchByteCount: CollectorRuntime.prefetchByteCount(settings))
    }

    private static func check(_ settings: CollectorSettings, _ consumer: KafkaConsumer) -> Int32 {
        let failures = CollectorCheck.failures(of: settings, consumer: consumer)
        consumer.close()
        for failure in failures { StandardStreams.writeError(Array((failure.description + "\n").utf8)) }
        // Why: a broker that is down now is no reason not to start; the collector waits for it.
        return failures.filter { !$0.isTransient }.map(\.exitCode).max() ?? 0
    }

    private static func collect(
        _ settings: CollectorSettings, _ consumer: KafkaConsumer, _ signals: Signals, _ command: ParsedCommand
    ) throws(Failure) -> Int32 {
        let voice = Log(
            level: Log.Level(rawValue: settings.log.level.rawValue) ?? .info,
            form: Log.Form(rawValue: settings.log.form.rawValue) ?? .json)
        let service = ServiceNotifier()
        var options = CollectorRuntime.Options()
        options.endsWhenCaughtUp = command.flag("until-caught-up")
        options.replays = command.flag("replay")
        options.ready = { service.ready("collecting") }
        let runtime = try CollectorRuntime(
            settings: settings, consumer: consumer, storage: try CollectorRuntime.storage(settings), voice: voice,
            options: options)
        let clock = SystemClock()
        var isStopping = false
        var watchdogAt: Int64 = 0
        let summary = try runtime.run {
            let now = clock.monotonicNanoseconds() / 1_000_000
            if let interval = service.watchdogMilliseconds, now - watchdogAt >= Int64(interval) {
                watchdogAt = now
                service.watchdog()
            }
            while let signal = signals.next(timeoutMilliseconds: 0) {
                guard signal == .terminate, !isStopping else { continue }
                isStopping = true
                service.stopping("committing what is staged")
                voice.notice("stopping", "asked to end")
            }
            return isStopping
        }
        StandardStreams.writeOutput(Array(summary.text.utf8))
        return command.flag("until-caught-up") ? summary.exitCode : 0
    }
}
