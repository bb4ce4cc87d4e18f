internal import Event
internal import JSON

/// The fold of the log up to a record, as a file (docs/formats/commit-log.md).
struct Checkpoint: Equatable {
    /// Largest file of a checkpoint: 1 GiB, several million streams.
    static let maximumByteCount = 1 << 30

    var state: LogState
    /// Tokens of the records up to `state.number`.
    var tokens: TokenWindow
    /// Numbers of records whose publication was not known to be finished, ascending.
    var unfinished: [Int]

    func encoded() -> [UInt8] {
        var object = ObjectBuilder()
        object.add("number", JSONValue(state.number))
        object.add("time", JSONValue(state.time))
        object.add("pipelines", state.pipelines) { $0.json }
        object.add("fences", state.fences) { JSONValue($0) }
        object.add("writers", state.writers) { ["number": JSONValue($0.number), "time": JSONValue($0.time)] }
        object.add("first_token", JSONValue(tokens.first))
        object.add("tokens", tokens.tokens) { .string($0) }
        object.add("unfinished", unfinished) { JSONValue($0) }
        // Why at least the version of a record that closes entries: who knows nothing of them must not go on.
        let hasClosings = state.quarantine.changed > 0
        if hasClosings { object.add("quarantine", state.quarantine.json) }
        return SealedDocument.encode(
            .checkpoint, object.value, version: hasClosings ? SealedDocument.closingVersion : 1)
    }

    static func decoded(_ bytes: [UInt8], path: String) throws(Failure) -> Checkpoint {
        let content = try SealedDocument.decode(.checkpoint, bytes, path: path)
        do throws(Malformed) {
            let object = try ObjectReader(content)
            var state = LogState()
            state.number = try object.small("number")
            state.time = try object.integer("time")
            state.pipelines = try object.map("pipelines", PipelineState.reading)
            state.fences = try object.map("fences", number)
            state.writers = try object.map("writers") { value throws(Malformed) in
                let writer = try ObjectReader(value)
                return WriterState(number: try writer.small("number"), time: try writer.integer("time"))
            }
            state.quarantine = try object.optional("quarantine", QuarantineState.reading) ?? QuarantineState()
            let tokens = TokenWindow(
                first: try object.small("first_token"), tokens: try object.list("tokens", Reading.text))
            guard state.number > 0, tokens.first > 0, tokens.first + tokens.tokens.count == state.number + 1 else {
                throw Malformed(what: "its numbers do not fit")
            }
            return Checkpoint(state: state, tokens: tokens, unfinished: try object.list("unfinished", number))
        } catch {
            throw SealedDocument.corrupt(path, error.what)
        }
    }

    private static func number(_ value: JSONValue) throws(Malformed) -> Int {
        guard let number = value.integer, number > 0 else { throw Malformed(what: "a number is wrong") }
        return Int(number)
    }
}

/// The tokens of consecutive records.
struct TokenWindow: Equatable {
    /// Number of the first token.
    var first = 1
    var tokens: [String] = []

    subscript(number: Int) -> String? {
        let index = number - first
        return index >= 0 && index < tokens.count ? tokens[index] : nil
    }

    mutating func append(_ token: String) { tokens.append(token) }

    /// Drops all below `number`.
    mutating func drop(below number: Int) {
        let count = min(max(0, number - first), tokens.count)
        tokens.removeFirst(count)
        first += count
    }
}

extension PipelineState {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("partitions", partitions.sorted { $0.key < $1.key }) { key, partition in partition.json(key) }
        object.add("streams", streams.sorted { $0.key < $1.key }) { key, stream in stream.json(key) }
        if balance != Balance() { object.add("balance", balance.json) }
        object.add("rejections", rejections) { JSONValue($0) }
        object.add("tables", tables) { $0.json }
        object.add("watermarks", watermarks) { $0.json }
        if replayed > 0 { object.add("replayed", JSONValue(replayed)) }
        object.add("notices", notices) { JSONValue($0) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> PipelineState {
        let object = try ObjectReader(value)
        var state = PipelineState()
        for (key, partition) in try object.list("partitions", PartitionState.reading) {
            state.partitions[key] = partition
        }
        for (key, stream) in try object.list("streams", StreamState.reading) { state.streams[key] = stream }
        state.balance = try object.optional("balance", Balance.reading) ?? Balance()
        state.rejections = try object.map("rejections", Reading.count)
        state.tables = try object.map("tables", RowCounts.reading)
        state.watermarks = try object.list("watermarks", Watermark.reading)
        state.replayed = try object.optional("replayed", Reading.count) ?? 0
        state.notices = try object.map("notices", Reading.count)
        return state
    }
}

extension PartitionState {
    func json(_ key: PartitionKey) -> JSONValue {
        var object = ObjectBuilder()
        object.add("topic", key.topic)
        object.add("partition", JSONValue(key.partition))
        object.add("epoch", JSONValue(epoch))
        object.add("next", JSONValue(next))
        object.add("marks", marks) { $0.json }
        if let run { object.add("run", run.json) }
        object.add("gaps", gaps) { gap in
            [
                "epoch": JSONValue(gap.epoch), "from": JSONValue(gap.from), "next": JSONValue(gap.next),
                "reason": .string(gap.reason), "time": JSONValue(gap.time),
            ]
        }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> (PartitionKey, PartitionState) {
        let object = try ObjectReader(value)
        var state = PartitionState(next: try object.integer("next"))
        state.epoch = try object.small("epoch")
        state.marks = try object.list("marks", OffsetMark.reading)
        state.run = try object.optional("run", PartitionRun.reading)
        state.gaps = try object.list("gaps") { value throws(Malformed) in
            let gap = try ObjectReader(value)
            return OffsetGap(
                epoch: try gap.small("epoch"), from: try gap.integer("from"), next: try gap.integer("next"),
                reason: try gap.string("reason"), time: try gap.integer("time"))
        }
        return (PartitionKey(topic: try object.string("topic"), partition: try object.partition()), state)
    }
}

extension StreamState {
    func json(_ stream: StreamID) -> JSONValue {
        var object = ObjectBuilder()
        object.add("stream", stream.description)
        object.add("agent", agent)
        object.add("source", source)
        object.add("path", path)
        object.add("first", first?.description)
        object.add("continues", continues?.description)
        object.add("reason", reason)
        object.add("covered", covered.ranges) { $0.json }
        object.add("accepted", accepted.ranges) { $0.json }
        if ended { object.add("ended", .boolean(true)) }
        object.add("table", table)
        object.add("last", last?.description)
        object.add("anchor", anchor.map(hexadecimal))
        if let sample { object.add("sample", JSONValue.array(sample.points.map { .string($0.description) })) }
        object.add("topic", topic)
        object.add("partition", JSONValue(partition))
        object.add("epoch", JSONValue(epoch))
        object.add("last_offset", JSONValue(lastOffset))
        object.add("last_time", JSONValue(lastTime))
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> (StreamID, StreamState) {
        let object = try ObjectReader(value)
        var state = StreamState(
            agent: try object.string("agent"), source: try object.string("source"), topic: try object.string("topic"),
            partition: try object.partition(), epoch: try object.small("epoch"),
            lastOffset: try object.integer("last_offset"))
        state.path = try object.optional("path", Reading.text)
        state.first = try object.optional("first") { $0.string.flatMap { Position($0) } }
        state.continues = try object.optional("continues", Reading.stream)
        state.reason = try object.optional("reason", Reading.text)
        state.covered = IntervalSet(try object.list("covered", Reading.range))
        state.accepted = IntervalSet(try object.list("accepted", Reading.range))
        state.ended = try object.optional("ended") { $0.boolean } ?? false
        state.table = try object.optional("table", Reading.text)
        state.last = try object.optional("last") { $0.string.flatMap { Position($0) } }
        state.anchor = try object.optional("anchor", Reading.hash)
        if try object.optional("sample", { $0 }) != nil {
            var sample = PointSample()
            for point in try object.list("sample", Reading.position) { sample.insert(point) }
            state.sample = sample
        }
        state.lastTime = try object.integer("last_time")
        return (try object.get("stream", Reading.stream), state)
    }
}
