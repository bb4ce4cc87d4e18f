internal import Event
internal import JSON

/// Commit records as JSON (docs/formats/commit-log.md).
extension CommitRecord {
    /// Largest file of a record: 64 MiB, about 200,000 files.
    static let maximumByteCount = 64 << 20

    func encoded() -> [UInt8] {
        var object = ObjectBuilder()
        object.add("number", JSONValue(number))
        object.add("token", token)
        object.add("writer", writer)
        object.add("time", JSONValue(time))
        object.add("fences", effects.fences) { .string($0) }
        object.add("pipelines", effects.pipelines) { $0.json }
        object.add("files", effects.files) { $0.json }
        if let quarantine = effects.quarantine { object.add("quarantine", quarantine.json) }
        let hasClosings = effects.quarantine != nil || effects.pipelines.contains { $0.reclaimed != nil }
        return SealedDocument.encode(.commit, object.value, version: hasClosings ? SealedDocument.closingVersion : 1)
    }

    static func decoded(_ bytes: [UInt8], path: String) throws(Failure) -> CommitRecord {
        let content = try SealedDocument.decode(.commit, bytes, path: path)
        do throws(Malformed) {
            let object = try ObjectReader(content)
            var effects = CommitEffects()
            effects.fences = try object.list("fences", Reading.text)
            effects.pipelines = try object.list("pipelines", PipelineEffect.reading)
            effects.files = try object.list("files", FileEffect.reading)
            effects.quarantine = try object.optional("quarantine", QuarantineEffect.reading)
            return CommitRecord(
                number: try object.small("number"), token: try object.string("token"),
                writer: try object.string("writer"),
                time: try object.integer("time"), effects: effects)
        } catch {
            throw SealedDocument.corrupt(path, error.what)
        }
    }
}

/// Conversions of single values.
enum Reading {
    static func text(_ value: JSONValue) throws(Malformed) -> String {
        guard let text = value.string else { throw Malformed(what: "a text is missing") }
        return text
    }

    static func count(_ value: JSONValue) throws(Malformed) -> UInt64 {
        guard let count = value.unsigned, count < 1 << 62 else { throw Malformed(what: "a count is missing") }
        return count
    }

    static func stream(_ value: JSONValue) throws(Malformed) -> StreamID {
        guard let text = value.string, let stream = StreamID(text) else {
            throw Malformed(what: "a stream id is wrong")
        }
        return stream
    }

    static func hash(_ value: JSONValue) -> UInt64? {
        guard let text = value.string, text.utf8.count == 16 else { return nil }
        return UInt64(text, radix: 16)
    }

    static func position(_ value: JSONValue) throws(Malformed) -> Position {
        guard let point = Position(try text(value)) else { throw Malformed(what: "it is no position") }
        return point
    }

    /// `4711-4800`, `17.2-18`.
    static func range(_ value: JSONValue) throws(Malformed) -> CoveredRange {
        let parts = try text(value).split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count == 2, let from = Position(String(parts[0])), let to = Position(String(parts[1])), from < to
        else {
            throw Malformed(what: "a range is wrong")
        }
        return CoveredRange(from, to)
    }
}

extension CoveredRange {
    var json: JSONValue { .string("\(from)-\(to)") }
}

extension Balance {
    var json: JSONValue {
        var object = ObjectBuilder()
        for (name, count) in named where count > 0 { object.add(name, JSONValue(count)) }
        return object.value
    }

    private var named: [(String, UInt64)] {
        [
            ("received", received), ("written", written), ("partly_written", partlyWritten),
            ("quarantined", quarantined), ("duplicate", duplicate), ("filtered", filtered),
        ]
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> Balance {
        let object = try ObjectReader(value)
        func count(_ name: String) throws(Malformed) -> UInt64 { try object.optional(name, Reading.count) ?? 0 }
        var balance = Balance()
        balance.received = try count("received")
        balance.written = try count("written")
        balance.partlyWritten = try count("partly_written")
        balance.quarantined = try count("quarantined")
        balance.duplicate = try count("duplicate")
        balance.filtered = try count("filtered")
        return balance
    }
}

extension RowCounts {
    var json: JSONValue { ["written": JSONValue(written), "rejected": JSONValue(rejected)] }

    static func reading(_ value: JSONValue) throws(Malformed) -> RowCounts {
        let object = try ObjectReader(value)
        return RowCounts(written: try object.count("written"), rejected: try object.count("rejected"))
    }
}

extension OffsetMark {
    var json: JSONValue {
        ["offset": JSONValue(offset), "time": JSONValue(timestamp), "hash": .string(hexadecimal(hash))]
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> OffsetMark {
        let object = try ObjectReader(value)
        return OffsetMark(
            offset: try object.integer("offset"), timestamp: try object.integer("time"),
            hash: try object.get("hash", Reading.hash))
    }
}

extension Watermark {
    var json: JSONValue {
        [
            "agent": .string(agent), "source": .string(source), "topic": .string(topic),
            "partition": JSONValue(partition),
            "time": JSONValue(time),
        ]
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> Watermark {
        let object = try ObjectReader(value)
        return Watermark(
            agent: try object.string("agent"), source: try object.string("source"), topic: try object.string("topic"),
            partition: try object.partition(), time: try object.integer("time"))
    }
}

extension Advance {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("topic", topic)
        object.add("partition", JSONValue(partition))
        object.add("epoch", JSONValue(epoch))
        if newEpoch != epoch { object.add("new_epoch", JSONValue(newEpoch)) }
        object.add("from", JSONValue(from))
        object.add("next", JSONValue(next))
        if reason != .records { object.add("reason", reason.rawValue) }
        object.add("marks", marks) { $0.json }
        if let run { object.add("run", run.json) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> Advance {
        let object = try ObjectReader(value)
        var advance = Advance(
            topic: try object.string("topic"), partition: try object.partition(), epoch: try object.small("epoch"),
            newEpoch: try object.optional("new_epoch") { $0.integer.map { Int($0) } },
            from: try object.integer("from"), next: try object.integer("next"),
            reason: try object.optional("reason") { $0.string.flatMap(Reason.init) } ?? .records,
            marks: try object.list("marks", OffsetMark.reading))
        advance.run = try object.optional("run", PartitionRun.reading)
        return advance
    }
}

extension PartitionRun {
    var json: JSONValue {
        var object = ObjectBuilder()
        if let day { object.add("day", JSONValue(day)) }
        if let since { object.add("since", JSONValue(since)) }
        object.add("file", JSONValue(file))
        object.add("position", JSONValue(position))
        object.add("start", JSONValue(start))
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> PartitionRun {
        let object = try ObjectReader(value)
        var run = PartitionRun()
        run.day = try object.optional("day") { $0.integer }
        run.since = try object.optional("since") { $0.integer }
        run.file = try object.integer("file")
        run.position = try object.integer("position")
        run.start = try object.integer("start")
        return run
    }
}

extension StreamEffect {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("stream", stream.description)
        object.add("agent", agent)
        object.add("source", source)
        object.add("added", added) { $0.json }
        object.add("accepted", accepted) { $0.json }
        object.add("path", path)
        object.add("first", first?.description)
        object.add("continues", continues?.description)
        object.add("reason", reason)
        if ended { object.add("ended", .boolean(true)) }
        object.add("table", table)
        object.add("last", last?.description)
        object.add("anchor", anchor.map(hexadecimal))
        if !sampled.isEmpty { object.add("sampled", sampled) { .string($0.description) } }
        object.add("topic", topic)
        object.add("partition", JSONValue(partition))
        object.add("epoch", JSONValue(epoch))
        object.add("last_offset", JSONValue(lastOffset))
        if isAside { object.add("aside", .boolean(true)) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> StreamEffect {
        let object = try ObjectReader(value)
        var effect = StreamEffect(
            stream: try object.get("stream", Reading.stream), agent: try object.string("agent"),
            source: try object.string("source"), topic: try object.string("topic"), partition: try object.partition(),
            epoch: try object.small("epoch"), lastOffset: try object.integer("last_offset"))
        effect.added = try object.list("added", Reading.range)
        effect.accepted = try object.list("accepted", Reading.range)
        effect.path = try object.optional("path", Reading.text)
        effect.first = try object.optional("first") { $0.string.flatMap { Position($0) } }
        effect.continues = try object.optional("continues", Reading.stream)
        effect.reason = try object.optional("reason", Reading.text)
        effect.ended = try object.optional("ended") { $0.boolean } ?? false
        effect.table = try object.optional("table", Reading.text)
        effect.last = try object.optional("last") { $0.string.flatMap { Position($0) } }
        effect.anchor = try object.optional("anchor", Reading.hash)
        effect.sampled = try object.list("sampled", Reading.position)
        effect.isAside = try object.optional("aside") { $0.boolean } ?? false
        return effect
    }
}

extension PipelineEffect {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("pipeline", pipeline)
        object.add("advances", advances) { $0.json }
        object.add("streams", streams) { $0.json }
        if balance != Balance() { object.add("balance", balance.json) }
        object.add("rejections", rejections) { JSONValue($0) }
        object.add("tables", tables) { $0.json }
        object.add("watermarks", watermarks) { $0.json }
        object.add("notices", notices) { JSONValue($0) }
        object.add("forgotten", forgotten) { .string($0.description) }
        if let reclaimed { object.add("reclaimed", reclaimed.json) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> PipelineEffect {
        let object = try ObjectReader(value)
        var effect = PipelineEffect(pipeline: try object.string("pipeline"))
        effect.advances = try object.list("advances", Advance.reading)
        effect.streams = try object.list("streams", StreamEffect.reading)
        effect.balance = try object.optional("balance", Balance.reading) ?? Balance()
        effect.rejections = try object.map("rejections", Reading.count)
        effect.tables = try object.map("tables", RowCounts.reading)
        effect.watermarks = try object.list("watermarks", Watermark.reading)
        effect.notices = try object.map("notices", Reading.count)
        effect.forgotten = try object.list("forgotten", Reading.stream)
        effect.reclaimed = try object.optional("reclaimed", Reclaimed.reading)
        return effect
    }
}

extension FileEffect {
    var json: JSONValue {
        [
            "staged": .string(staged), "final": .string(final), "role": .string(role.rawValue),
            "table": .string(table),
            "partition": .string(partition), "rows": JSONValue(rows), "bytes": JSONValue(bytes),
            "xxh3": .string(checksum),
        ]
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> FileEffect {
        let object = try ObjectReader(value)
        let file = FileEffect(
            staged: try object.string("staged"), final: try object.string("final"),
            role: try object.get("role") { $0.string.flatMap(Role.init) }, table: try object.string("table"),
            partition: try object.string("partition"), rows: try object.count("rows"),
            bytes: try object.count("bytes"),
            checksum: try object.string("xxh3"))
        if let fault = file.pathFault { throw Malformed(what: fault) }
        return file
    }

    /// What is wrong with the paths, or nil: a record may only move files from staging to where readers
    /// or the quarantine look.
    var pathFault: String? {
        guard WarehousePath.isSafe(staged), staged.hasPrefix(WarehousePath.staging + "/") else {
            return "the staged name \(staged.debugDescription) is not in \(WarehousePath.staging)"
        }
        guard WarehousePath.isSafe(final), final.hasPrefix(WarehousePath.quarantine + "/") == (role == .quarantine),
            role == .quarantine || !final.hasPrefix("_")
        else { return "the name \(final.debugDescription) is not where files of role \(role.rawValue) belong" }
        return nil
    }
}
