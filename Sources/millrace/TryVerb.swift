internal import Columns
internal import Configuration
internal import Event
internal import JSON
internal import Platform

/// `millrace try`: sample lines through the routes of a configuration, without Kafka and without a warehouse.
enum TryVerb {
    static let specs = [
        VerbSpec(
            "try", "Sample lines through the routes of a configuration: what row each becomes, or why none.",
            discussion: "Nothing is written and nothing but the file and the lines is read. Exit 0: no line was "
                + "rejected; 65: some were.",
            options: [
                ConfigFile.option,
                OptionSpec("table", value: "DB.TABLE", isRepeatable: true, "Only the routes into it. Default: all."),
                OptionSpec(
                    "received", value: "MILLISECONDS",
                    "The records' timestamp, since 1970: missing years and limits for the future go by it. "
                        + "Default: now."),
                OptionSpec("rejected", "Show rejected lines only."),
                ConfigFile.json,
            ],
            arguments: [ArgumentSpec("file", isRequired: false, isRepeated: true, "Lines. Default: standard input.")])
    ]

    /// The most bytes of lines that are read: 64 MiB a file.
    static let maximumByteCount = 64 << 20

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let routes = try routes(command)
        let received = try command.integer("received", in: 0...Int(Int64.max / 1_000))
        let time = received.map { Int64($0) } ?? SystemClock().wallMilliseconds()
        let isColored = StandardStreams.outputIsTerminal && Environment.value(of: "NO_COLOR") == nil
        var report = TryReport(isColored: isColored, showsRejectedOnly: command.flag("rejected"))
        let files = command.arguments("file")
        for path in files.isEmpty ? ["-"] : files {
            var trials: [LineTrial] = []
            for route in routes { trials.append(try LineTrial(route, received: time)) }
            var number = 0
            for line in try lines(path) {
                number += 1
                report.add(path, number, line, trials.map { $0.outcome(line) })
                // Why: a terminal shows what is known, and memory does not grow with the file.
                if !command.flag("json") { Terminal.write(report.takeText()) }
            }
        }
        if command.flag("json") { Terminal.write(report.json) } else { Terminal.write(report.summary) }
        return report.rejectedCount > 0 ? 65 : 0
    }

    private static func routes(_ command: ParsedCommand) throws(Failure) -> [RouteSpec] {
        let settings = try ConfigFile.requireCollector(command).settings
        let all = settings.pipelines.flatMap(\.routes)
        let tables = command.values("table")
        for table in tables where !all.contains(where: { $0.table == table }) {
            throw ToolFailure.usage(
                "no route leads to \(table)",
                hint: "there are " + Set(all.map(\.table)).sorted().joined(separator: ", "))
        }
        return tables.isEmpty ? all : all.filter { tables.contains($0.table) }
    }

    static func lines(_ path: String) throws(Failure) -> [ArraySlice<UInt8>] {
        let bytes: [UInt8]
        do throws(Errno) {
            bytes =
                path == "-"
                ? try StandardStreams.readInput(maximum: maximumByteCount)
                : try Syscalls.open(path, .read).readAll(maximum: maximumByteCount)
        } catch {
            throw Failure(
                "source.unreadable", stage: .source, kind: .usage, "cannot read \(path)", cause: error.text)
        }
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}

/// Lines beside what became of them.
struct TryReport {
    let isColored: Bool
    let showsRejectedOnly: Bool
    private(set) var rowCount = 0
    private(set) var rejectedCount = 0
    private(set) var filteredCount = 0
    private var text = ""
    private var entries: [JSONValue] = []

    init(isColored: Bool = false, showsRejectedOnly: Bool = false) {
        self.isColored = isColored
        self.showsRejectedOnly = showsRejectedOnly
    }

    mutating func add(_ file: String, _ number: Int, _ line: ArraySlice<UInt8>, _ outcomes: [LineOutcome]) {
        let isRejected = outcomes.contains { if case .rejected = $0.kind { true } else { false } }
        for outcome in outcomes {
            switch outcome.kind {
            case .row: rowCount += 1
            case .rejected: rejectedCount += 1
            case .filtered: filteredCount += 1
            }
        }
        guard isRejected || !showsRejectedOnly else { return }
        let source = Self.visible(String(decoding: line, as: UTF8.self))
        text += colored("\(number)", .dim) + " \(source)\n"
        for outcome in outcomes { describe(outcome) }
        entries.append([
            "file": .string(file), "line": JSONValue(number), "outcomes": .array(outcomes.map(Self.json)),
        ])
    }

    /// What was added since the last call.
    mutating func takeText() -> String {
        defer { text = "" }
        return text
    }

    var summary: String {
        "\(rowCount) rows, \(rejectedCount) rejected, \(filteredCount) filtered\n"
    }

    var json: JSONValue {
        [
            "version": 1, "row_count": JSONValue(rowCount), "rejected_count": JSONValue(rejectedCount),
            "filtered_count": JSONValue(filteredCount), "lines": .array(entries),
        ]
    }

    private mutating func describe(_ outcome: LineOutcome) {
        switch outcome.kind {
        case .row(let partition, let values):
            text += "  " + colored("\(outcome.table)/\(partition)", .good) + "\n"
            let members = values.members ?? []
            let width = members.map { $0.name.count }.max() ?? 0
            for member in members {
                let padding = String(repeating: " ", count: width - member.name.count)
                text += "    \(member.name)\(padding)  \(Self.visible(member.value.string ?? member.value.text))\n"
            }
        case .rejected(let reason, let column):
            let place = column.map { ": column \($0)" } ?? ""
            text += "  " + colored("\(outcome.table) rejects it: \(reason.rawValue)\(place)", .bad) + "\n"
        case .filtered:
            text += "  " + colored("\(outcome.table): no record", .dim) + "\n"
        }
    }

    private static func json(_ outcome: LineOutcome) -> JSONValue {
        switch outcome.kind {
        case .row(let partition, let values):
            ["table": .string(outcome.table), "partition": .string(partition), "row": values]
        case .rejected(let reason, let column):
            ["table": .string(outcome.table), "reason": .string(reason.rawValue), "column": JSONValue(column)]
        case .filtered: ["table": .string(outcome.table), "is_filtered": true]
        }
    }

    private enum Color: String { case good = "32", bad = "31", dim = "2" }

    private func colored(_ text: String, _ color: Color) -> String {
        isColored ? "\u{1B}[\(color.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Without what would steer a terminal.
    private static func visible(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.value < 32 || (127..<160).contains($0.value) ? "\u{FFFD}" : $0 }))
    }
}
