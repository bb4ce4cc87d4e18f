internal import Collector
internal import Configuration
internal import Event
internal import JSON
internal import Platform
internal import Sinks

/// `millrace quarantine`: what was refused and why, one event as it came, and back through the routes.
enum QuarantineVerb {
    private static let choice = [
        OptionSpec("table", value: "DB.TABLE", isRepeatable: true, "Entries of this table; `_unrouted`: of none."),
        OptionSpec("pipeline", value: "NAME", isRepeatable: true, "Entries of this pipeline."),
        OptionSpec(
            "reason", value: "REASON", choices: Rejection.allCases.map(\.rawValue), isRepeatable: true,
            "Entries refused for this reason."),
        OptionSpec(
            "day", value: "YYYY-MM-DD", isRepeatable: true, "Entries of this day of the transport record, in UTC."),
    ]

    static let specs = [
        VerbSpec(
            "quarantine list", "What is open in quarantine: counts by pipeline, table and reason, and entries.",
            options: [ConfigFile.option] + choice + [
                OptionSpec("limit", value: "COUNT", "Show so many entries; 0: counts only. Default 20."),
                ConfigFile.json,
            ]),
        VerbSpec(
            "quarantine show", "One entry, whole: why, from where, and its bytes.",
            discussion: "Bytes that are no printable text are shown as \\xNN. With --raw nothing but the bytes is "
                + "written, as they came.",
            options: [
                ConfigFile.option, OptionSpec("raw", "Only the event's bytes, unchanged."), ConfigFile.json,
            ],
            arguments: [ArgumentSpec("id", isRepeated: true, "As `quarantine list` shows them.")]),
        VerbSpec(
            "quarantine replay", "Takes entries through the routes as they are now, exactly once.",
            discussion: "Rows and the closing of their entries are one commit: however often and from wherever it "
                + "is run, and whenever it is killed, an entry is written once. What is refused again stays open, "
                + "with its new reason. Entries that overlap what is written are taken only by --reason overlap or "
                + "by id. Collectors may run meanwhile. Exit 0: nothing that was chosen is left; 65: some is.",
            options: [ConfigFile.option] + choice + [
                OptionSpec("all", "All entries: needed where nothing else chooses."),
                OptionSpec("dry-run", "Say what would become of them, and change nothing."), ConfigFile.json,
            ],
            arguments: [
                ArgumentSpec("id", isRequired: false, isRepeated: true, "Only these entries. Default: by the options.")
            ]),
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let settings = try ConfigFile.requireCollector(command).settings
        switch command.verb {
        case "quarantine list": return try list(command, settings)
        case "quarantine show": return try show(command, settings)
        default: return try replay(command, settings)
        }
    }

    // MARK: list, show

    private static func list(_ command: ParsedCommand, _ settings: CollectorSettings) throws(Failure) -> Int32 {
        var report = QuarantineReport(limit: try command.integer("limit", in: 0...1_000_000) ?? 20)
        if var entries = try open(settings, try filter(command), &report) {
            try entries.forEach { entry throws(Failure) in
                report.add(entry)
                return true
            }
            report.note(entries)
        }
        if command.flag("json") { Terminal.write(report.json) } else { Terminal.write(report.text) }
        return report.faults.isEmpty ? 0 : 65
    }

    private static func show(_ command: ParsedCommand, _ settings: CollectorSettings) throws(Failure) -> Int32 {
        var filter = QuarantineFilter()
        let ids = try ids(command)
        filter.ids = Set(ids)
        var report = QuarantineReport(limit: ids.count)
        var found: [EntryID: StoredEntry] = [:]
        if var entries = try open(settings, filter, &report) {
            try entries.forEach { entry throws(Failure) in
                found[entry.id] = entry
                return found.count < filter.ids.count
            }
        }
        for id in ids where found[id] == nil {
            throw ToolFailure.usage(
                "there is no open entry \(id)",
                hint: "it was replayed, or never was; millrace quarantine list shows what is open")
        }
        let shown = ids.compactMap { found[$0] }
        if command.flag("json") {
            let entries = shown.map { QuarantineReport.json(of: $0, isWhole: true) }
            Terminal.write(["version": 1, "entries": .array(entries)])
            return 0
        }
        for entry in shown {
            if command.flag("raw") {
                StandardStreams.writeOutput(entry.bytes)
            } else {
                Terminal.write(QuarantineReport.page(of: entry))
            }
        }
        return 0
    }

    /// Nil: there is no warehouse yet.
    private static func open(
        _ settings: CollectorSettings, _ filter: QuarantineFilter, _ report: inout QuarantineReport
    ) throws(Failure) -> OpenEntries? {
        guard (try? Syscalls.status(settings.warehouse.path)) != nil else { return nil }
        let storage = try CollectorRuntime.storage(settings)
        let log = CommitLog(storage: storage)
        try log.load()
        report.commitNumber = log.state.number
        return OpenEntries(storage: storage, state: log.state.quarantine, filter: filter)
    }

    // MARK: replay

    private static func replay(_ command: ParsedCommand, _ settings: CollectorSettings) throws(Failure) -> Int32 {
        var filter = try filter(command)
        filter.ids = Set(try ids(command))
        guard filter != QuarantineFilter() || command.flag("all") else {
            throw ToolFailure.usage("nothing says which entries", hint: "give ids, --table, --reason, --day, or --all")
        }
        guard (try? Syscalls.status(settings.warehouse.path)) != nil else {
            throw ToolFailure.usage("there is no warehouse at \(settings.warehouse.path)", hint: nil)
        }
        let storage = try CollectorRuntime.storage(settings)
        var logSettings = CommitLogSettings()
        logSettings.checkpointEvery = settings.checkpointEvery
        logSettings.fenceMilliseconds = settings.fenceMilliseconds
        let isDry = command.flag("dry-run")
        let replay = QuarantineReplay(
            log: CommitLog(storage: storage, settings: logSettings), storage: storage, filter: filter,
            intake: try ReplayRoutes(
                settings, takesOverlap: filter.reasons.contains(Rejection.overlap.rawValue) || !filter.ids.isEmpty),
            commitByteCount: settings.commitByteCount)
        let summary = isDry ? try replay.rehearse() : try replay.run(progress: { tell($0, command) })
        let report = ReplayReport(summary: summary, isDry: isDry)
        if command.flag("json") { Terminal.write(report.json) } else { Terminal.write(report.text) }
        return report.leftCount == 0 && summary.faults.isEmpty ? 0 : 65
    }

    /// A long replay says after each commit how far it is.
    private static func tell(_ summary: ReplaySummary, _ command: ParsedCommand) {
        guard StandardStreams.outputIsTerminal, !command.flag("json") else { return }
        Terminal.complain("\(summary.chosen) entries so far, \(summary.written) written")
    }

    // MARK: Choice

    private static func filter(_ command: ParsedCommand) throws(Failure) -> QuarantineFilter {
        var filter = QuarantineFilter()
        filter.tables = Set(command.values("table"))
        filter.pipelines = Set(command.values("pipeline"))
        filter.reasons = Set(command.values("reason"))
        filter.days = Set(command.values("day"))
        for day in filter.days {
            let parts = day.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
            guard parts == [4, 2, 2] else {
                throw ToolFailure.usage("--day is \"\(day)\"; expected a day such as 2026-11-20", hint: nil)
            }
        }
        return filter
    }

    private static func ids(_ command: ParsedCommand) throws(Failure) -> [EntryID] {
        var ids: [EntryID] = []
        for text in command.arguments("id") {
            guard let id = EntryID(text) else {
                throw ToolFailure.usage(
                    "\"\(text)\" names no entry",
                    hint: "ids look like 3f9c5a7be1d20486-0-17: see millrace quarantine list")
            }
            ids.append(id)
        }
        return ids
    }
}
