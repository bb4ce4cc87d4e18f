internal import Collector
internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Pipeline
internal import Platform
internal import Sinks
internal import Transport

/// `millrace check`: every fault of a configuration at once, then whether what it names is there.
enum CheckVerb {
    static let specs = [
        VerbSpec(
            "check", "Every fault of configuration files, and whether topics, warehouse and sources are there.",
            discussion: "Exit 0: all is well; 78: a fault in a file or in what it names; 75: a broker or disk "
                + "does not answer now.",
            options: [
                OptionSpec("offline", "Look at the files only; try nothing."),
                OptionSpec(
                    "as", value: "PROGRAM", choices: ConfigFile.Kind.allCases.map(\.rawValue),
                    "Whose configuration it is. Default: told by its sections."),
                ConfigFile.option,
                ConfigFile.json,
            ],
            arguments: [
                ArgumentSpec(
                    "file", isRequired: false, isRepeated: true, "agent.yaml, collector.yaml or millrace.yaml.")
            ])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        var lines: [String] = []
        var results: [JSONValue] = []
        var code: Int32 = 0
        var paths = command.arguments("file")
        if paths.isEmpty || command.value("config") != nil { paths.append(try ConfigFile.path(command)) }
        for path in paths {
            let kind = command.value("as").flatMap(ConfigFile.Kind.init) ?? ConfigFile.kind(of: path)
            var faults: [JSONValue] = []
            do throws(ConfigFaults) {
                let file = try ConfigFile.load(path, as: kind)
                let trial = Trial(file: file)
                for failure in trial.routeFailures() + (command.flag("offline") ? [] : trial.failures()) {
                    lines.append("\(path): \(failure)")
                    faults.append(Terminal.json(of: failure))
                    // A topic that is missing may be made while a daemon waits for it; for a check it is a fault.
                    let passes = failure.isTransient && failure.code != "transport.unknown_topic"
                    if code != 78 { code = passes ? 75 : 78 }
                }
                if faults.isEmpty { lines.append("\(path): ok (\(kind.rawValue))") }
            } catch {
                code = 78
                for fault in error.faults {
                    lines.append(fault.description)
                    faults.append([
                        "file": .string(fault.file), "line": JSONValue(fault.line), "column": JSONValue(fault.column),
                        "message": .string(fault.message),
                    ])
                }
            }
            results.append(["file": .string(path), "kind": .string(kind.rawValue), "faults": .array(faults)])
        }
        if command.flag("json") {
            Terminal.write(["version": 1, "files": .array(results)])
        } else {
            Terminal.write(lines.map { $0 + "\n" }.joined())
        }
        return code
    }
}

/// Tries what a configuration names, without changing anything that stays.
struct Trial {
    var file: ConfigFile

    /// Everything that is not as it must be, in the order of the flow.
    func failures() -> [Failure] {
        var found = (file.agentSettings?.sources ?? []).flatMap(sourceFailures)
        if let folder = file.agentSettings?.stateFolder {
            if let failure = writeFailure(folder, "the state folder") { found.append(failure) }
        }
        if let kafka = file.kafka { found += topicFailures(kafka) }
        if let settings = file.collectorSettings {
            if let failure = writeFailure(settings.warehouse.path, "the warehouse") { found.append(failure) }
            do throws(Failure) { _ = try WarehouseLog.state(settings.warehouse) } catch { found.append(error) }
        }
        return found
    }

    /// Routes that cannot be compiled: patterns, zones, fields, checks. Nothing outside the file is looked at but
    /// the tz database.
    func routeFailures() -> [Failure] {
        var found: [Failure] = []
        for route in file.collectorSettings?.pipelines.flatMap(\.routes) ?? [] {
            do throws(Failure) { _ = try RoutePlan(route) } catch { found.append(error) }
        }
        return found + (file.collectorSettings?.syncs ?? []).flatMap(CollectorCheck.failures(of:))
    }

    private func sourceFailures(_ source: FilesSourceSettings) -> [Failure] {
        var found: [Failure] = []
        for pattern in source.include {
            guard let glob = GlobPattern(pattern) else { continue }
            for path in FolderLook().expand(glob) {
                if let failure = readFailure(path, source.name) { found.append(failure) }
            }
        }
        return found
    }

    /// Folders and FIFOs that a pattern matches are no files: the agent passes them over.
    private func readFailure(_ path: String, _ source: String) -> Failure? {
        guard let status = try? Syscalls.status(path), status.isRegular else { return nil }
        do throws(Errno) {
            _ = try Syscalls.open(path, .readNonblocking)
            return nil
        } catch {
            return Failure(
                "source.unreadable", stage: .source, kind: .config, "source \(source): cannot read \(path)",
                hint: "give the agent's user the right to read it (group adm, or an ACL)", cause: error.text)
        }
    }

    private func topicFailures(_ kafka: KafkaSettings) -> [Failure] {
        var found: [Failure] = []
        do throws(Failure) {
            let consumer = try KafkaConsumer(kafka.options, group: "millrace.check")
            defer { consumer.close() }
            for topic in topics {
                do throws(Failure) { _ = try consumer.partitionCount(of: topic) } catch {
                    found.append(error)
                    if error.isTransient, error.code != "transport.unknown_topic" { return found }
                }
            }
            if let topic = file.agentSettings?.stateTopic, try !consumer.isCompacted(topic) {
                found.append(
                    Failure(
                        "transport.state_topic_not_compacted", stage: .transport, kind: .config,
                        "topic \(topic) is not compacted: it would forget the agents' state",
                        hint: "set cleanup.policy=compact on it, or make it by `millrace topics create`"))
            }
        } catch where error.code != "transport.unknown_topic" {
            found.append(error)
        } catch {}
        return found
    }

    private var topics: [String] {
        let named = (file.agentSettings?.sources.map(\.topic) ?? [])
            + (file.collectorSettings?.topics ?? [])
        var control: [String] = []
        if let agent = file.agentSettings { control = [agent.stateTopic, agent.heartbeatTopic] }
        return Array(Set(named)).sorted() + control
    }

    /// Writes and removes a file in the folder, or in the nearest one above it that exists.
    private func writeFailure(_ folder: String, _ what: String) -> Failure? {
        var existing = folder
        while (try? Syscalls.status(existing)) == nil, existing != "/", existing != "." {
            existing = DurableFile.parent(of: existing)
        }
        let path = "\(existing)/.millrace-check-\(Token.make())"
        do throws(Errno) {
            let file = try Syscalls.open(path, .createNew, permissions: 0o600)
            try file.close()
            try Syscalls.unlink(path)
            return nil
        } catch {
            return Failure(
                "sink.not_writable", stage: .sink, kind: .config,
                "cannot write to \(what) \(folder) (tried in \(existing))",
                hint: "check owner, permissions and mount of \(existing)", cause: error.text)
        }
    }
}
