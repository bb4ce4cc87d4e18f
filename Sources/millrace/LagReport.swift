internal import Event
internal import JSON
internal import Sinks

/// How far behind what is: from what agents say of their files, the commit log, and the brokers' bounds.
struct LagReport {
    struct File: Equatable {
        var agent: String
        var source: String
        var path: String
        var stream: String
        var topic: String
        var partition: Int32
        var byteCount: UInt64
        var read: UInt64
        var acknowledged: UInt64
        /// How far the slowest pipeline has it in the warehouse; nil: no pipeline knows the stream yet.
        var committed: UInt64?
        /// When the oldest byte that is not acknowledged was first seen.
        var oldestUnshipped: Int64?
        var state: String

        var unread: UInt64 { byteCount > acknowledged ? byteCount - acknowledged : 0 }
        var shippedNotCommitted: UInt64 {
            let committed = committed ?? 0
            return acknowledged > committed ? acknowledged - committed : 0
        }
    }

    struct Partition: Equatable {
        var pipeline: String
        var topic: String
        var partition: Int32
        var epoch: Int
        /// The next offset to commit; nil: nothing was committed yet.
        var next: Int64?
        /// The broker's next offset; nil: it cannot be asked, or there is none (embedded).
        var end: Int64?
        /// Records not committed; what retention removed is not counted.
        var behind: Int64?
        /// Age of the first record that is not committed.
        var behindMilliseconds: Int64?
    }

    struct Agent: Equatable {
        var name: String
        /// When it last said something.
        var time: Int64
        var version: String?
    }

    var now: Int64
    var commitNumber: Int
    var commitTime: Int64
    var agents: [Agent] = []
    var files: [File] = []
    var partitions: [Partition] = []
    /// What could not be asked.
    var faults: [Failure] = []

    var commitAge: Int64? { commitNumber > 0 ? max(0, now - commitTime) : nil }
    var oldestUnshippedAge: Int64? { files.compactMap(\.oldestUnshipped).min().map { max(0, now - $0) } }
    var longestBehind: Int64? { partitions.compactMap(\.behindMilliseconds).max() }

    init(_ log: LogState, now: Int64) {
        self.now = now
        commitNumber = log.number
        commitTime = log.time
    }
}

extension LagReport {
    /// Where the slowest pipeline that reads a topic has a stream.
    static func committed(_ stream: String, _ log: LogState) -> UInt64? {
        guard let identity = StreamID(stream) else { return nil }
        return log.pipelines.values.compactMap { $0.streams[identity] }
            .map { ($0.covered.end ?? $0.first ?? .zero).major }.min()
    }

    /// Takes in what one agent says of itself (a heartbeat, or the `status.json` of its state folder).
    mutating func add(status: JSONValue, time: Int64?, log: LogState) {
        let name = status["agent"]?.string ?? "-"
        agents.append(Agent(name: name, time: time ?? status["time"]?.integer ?? 0, version: status["program"]?.string))
        for file in status["files"]?.array ?? [] {
            let stream = file["stream"]?.string ?? ""
            files.append(
                File(
                    agent: name, source: file["source"]?.string ?? "-", path: file["path"]?.string ?? "-",
                    stream: stream,
                    topic: file["topic"]?.string ?? "-", partition: Int32(clamping: file["partition"]?.integer ?? 0),
                    byteCount: file["bytes"]?.unsigned ?? 0, read: file["read"]?.unsigned ?? 0,
                    acknowledged: file["acknowledged"]?.unsigned ?? 0, committed: Self.committed(stream, log),
                    oldestUnshipped: file["oldestUnshipped"]?.integer, state: file["state"]?.string ?? "-"))
        }
    }

    /// Monitoring: 0 ok, 1 warning, 2 critical. Anything that could not be asked is critical.
    func checkCode(warning: Int64, critical: Int64) -> Int32 {
        if !faults.isEmpty { return 2 }
        let worst = max(oldestUnshippedAge ?? 0, longestBehind ?? 0)
        return worst >= critical ? 2 : worst >= warning ? 1 : 0
    }

    /// One line for a monitoring system.
    func checkLine(code: Int32) -> String {
        let word = ["OK", "WARNING", "CRITICAL"][Int(code)]
        let records = partitions.compactMap(\.behind).reduce(0, +)
        var line = "\(word): oldest unshipped \(Amounts.age(milliseconds: oldestUnshippedAge)), "
        line += "\(records) records behind, \(Amounts.age(milliseconds: longestBehind)), "
        line += "last commit \(Amounts.age(milliseconds: commitAge)) ago"
        if let fault = faults.first { line += "; \(fault.message)" }
        return line + "\n"
    }

    var text: String {
        var fileTable = TextTable([
            .left("agent"), .left("source"), .left("path"), .right("unread"), .right("oldest"),
            .right("shipped, not committed"), .left("state"),
        ])
        for file in files {
            fileTable.add(
                file.agent, file.source, file.path, Amounts.bytes(file.unread),
                Amounts.age(milliseconds: file.oldestUnshipped.map { now - $0 }),
                Amounts.bytes(file.shippedNotCommitted),
                file.state)
        }
        var partitionTable = TextTable([
            .left("pipeline"), .left("partition"), .right("committed to"), .right("end"), .right("records behind"),
            .right("time behind"),
        ])
        for part in partitions {
            partitionTable.add(
                part.pipeline, "\(part.topic)[\(part.partition)]", part.next.map { "\($0)" } ?? "-",
                part.end.map { "\($0)" } ?? "-", part.behind.map { "\($0)" } ?? "-",
                part.behind == 0 ? "0 s" : Amounts.age(milliseconds: part.behindMilliseconds))
        }
        var text = "no commit yet\n"
        if let commitAge { text = "last commit: \(commitNumber), \(Amounts.age(milliseconds: commitAge)) ago\n" }
        for table in [fileTable, partitionTable] where !table.isEmpty { text += "\n" + table.text }
        for fault in faults { text += "\n\(fault)\n" }
        return text
    }

    /// As docs/json.md has it.
    var json: JSONValue {
        [
            "version": 1, "time_ms": JSONValue(now), "commit": JSONValue(commitNumber),
            "commit_age_ms": commitAge.map { JSONValue($0) } ?? .null,
            "oldest_unshipped_ms": oldestUnshippedAge.map { JSONValue($0) } ?? .null,
            "agents": .array(
                agents.map { agent in
                    [
                        "agent": .string(agent.name), "age_ms": JSONValue(now - agent.time),
                        "version": JSONValue(agent.version),
                    ]
                }),
            "files": .array(files.map(json)), "partitions": .array(partitions.map(json)),
            "faults": .array(faults.map(Terminal.json)),
        ]
    }

    private func json(of file: File) -> JSONValue {
        [
            "agent": .string(file.agent), "source": .string(file.source), "path": .string(file.path),
            "stream": .string(file.stream), "topic": .string(file.topic), "partition": JSONValue(file.partition),
            "bytes": JSONValue(file.byteCount), "read": JSONValue(file.read),
            "acknowledged": JSONValue(file.acknowledged),
            "committed": file.committed.map { JSONValue($0) } ?? .null, "unread": JSONValue(file.unread),
            "shipped_not_committed": JSONValue(file.shippedNotCommitted),
            "oldest_unshipped_ms": file.oldestUnshipped.map { JSONValue(max(0, now - $0)) } ?? .null,
            "state": .string(file.state),
        ]
    }

    private func json(of part: Partition) -> JSONValue {
        func number(_ value: Int64?) -> JSONValue { value.map { JSONValue($0) } ?? .null }
        return [
            "pipeline": .string(part.pipeline), "topic": .string(part.topic), "partition": JSONValue(part.partition),
            "epoch": JSONValue(part.epoch), "next": number(part.next), "end": number(part.end),
            "behind": number(part.behind), "behind_ms": number(part.behindMilliseconds),
        ]
    }
}
