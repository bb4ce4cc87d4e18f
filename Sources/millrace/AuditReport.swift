internal import Event
internal import JSON
internal import Sinks

/// What the commit log proves: per stream what is covered and what is missing to the byte, per partition
/// the breaks in the chain of offsets, per pipeline the balance. Pure: a view of one `LogState`.
struct AuditReport {
    struct Hole: Equatable {
        var stream: StreamID
        var range: CoveredRange
        /// Missing behind the end of a stream that another one says it continues.
        var isBetweenStreams = false

        var byteCount: UInt64 { range.to.major - range.from.major }
    }

    struct Stream {
        var identity: StreamID
        var state: StreamState
        var holes: [Hole]
    }

    struct Pipeline {
        var name: String
        var state: PipelineState
        var streams: [Stream]

        var holes: [Hole] { streams.flatMap(\.holes) }
        var isSound: Bool { holes.isEmpty && state.balance.holds }
    }

    var number: Int
    var time: Int64
    var now: Int64
    var pipelines: [Pipeline]

    init(_ log: LogState, now: Int64) {
        number = log.number
        time = log.time
        self.now = now
        pipelines = log.pipelines.sorted { $0.key < $1.key }.map { name, state in
            let streams = state.streams
                .sorted { ($0.value.agent, $0.value.source, $0.key) < ($1.value.agent, $1.value.source, $1.key) }
                .map { Stream(identity: $0.key, state: $0.value, holes: Self.holes(of: $0.key, in: state)) }
            return Pipeline(name: name, state: state, streams: streams)
        }
    }

    /// No hole is open and every balance holds.
    var isSound: Bool { pipelines.allSatisfy(\.isSound) }

    private static func holes(of stream: StreamID, in pipeline: PipelineState) -> [Hole] {
        guard let state = pipeline.streams[stream] else { return [] }
        var holes = state.holes.map { Hole(stream: stream, range: $0) }
        // Why: an agent that goes on under a new id says where; what lies between the two ends nowhere else.
        let next = pipeline.streams.values.filter { $0.continues == stream }.compactMap(\.first).min()
        let end = state.covered.end ?? state.first
        if let next, let end, end < next {
            holes.append(Hole(stream: stream, range: CoveredRange(end, next), isBetweenStreams: true))
        }
        return holes
    }
}

extension AuditReport {
    /// The report for a terminal. Without `isVerbose` sound streams are counted, not listed.
    func text(isVerbose: Bool) -> String {
        guard number > 0 else { return "nothing has been committed yet\n" }
        var text = "commit \(number), \(Amounts.age(milliseconds: now - time)) ago\n"
        for pipeline in pipelines { text += Self.text(of: pipeline, isVerbose: isVerbose) }
        text += isSound ? "\nno hole; every balance holds\n" : "\nNOT SOUND: see above\n"
        return text
    }

    private static func text(of pipeline: Pipeline, isVerbose: Bool) -> String {
        var text = "\npipeline \(pipeline.name)\n\n" + BalanceText.text(of: pipeline.state)
        var streams = TextTable([
            .left("stream"), .left("agent"), .left("source"), .left("path"), .left("partition"), .right("from"),
            .right("to"), .right("holes"), .right("missing"), .left("state"),
        ])
        for stream in pipeline.streams where isVerbose || !stream.holes.isEmpty {
            let state = stream.state
            streams.add(
                stream.identity.description, state.agent, state.source, state.path ?? "-",
                "\(state.topic)[\(state.partition)]", (state.first ?? state.covered.start ?? .zero).description,
                (state.covered.end ?? state.first ?? .zero).description, "\(stream.holes.count)",
                Amounts.bytes(stream.holes.reduce(0) { $0 + $1.byteCount }), state.ended ? "ended" : "open")
        }
        if !streams.isEmpty { text += "\n" + streams.text }
        text += "\n\(pipeline.streams.count) streams, \(pipeline.holes.count) holes\n"
        for hole in pipeline.holes {
            text += "hole: stream \(hole.stream) \(hole.range): \(hole.byteCount) bytes"
            text += hole.isBetweenStreams ? ", behind its end and before the stream that continues it\n" : "\n"
        }
        for (key, partition) in pipeline.state.partitions.sorted(by: { $0.key < $1.key }) {
            for gap in partition.gaps {
                text += "gap: \(key.topic)[\(key.partition)] epoch \(gap.epoch), offsets \(gap.from) to \(gap.next): "
                text += "\(gap.reason)\n"
            }
        }
        return text
    }
}

/// The books of a pipeline, as `audit`, `status` and `run --once` print them.
enum BalanceText {
    static func text(of pipeline: PipelineState) -> String {
        let balance = pipeline.balance
        var events = TextTable([
            .right("received"), .right("written"), .right("partly"), .right("quarantined"), .right("duplicate"),
            .right("filtered"), .left("balance"),
        ])
        events.add(
            "\(balance.received)", "\(balance.written)", "\(balance.partlyWritten)", "\(balance.quarantined)",
            "\(balance.duplicate)", "\(balance.filtered)", balance.holds ? "holds" : "DOES NOT HOLD")
        var tables = TextTable([.left("table"), .right("rows written"), .right("rows rejected")])
        for (name, counts) in pipeline.tables.sorted(by: { $0.key < $1.key }) {
            tables.add(name, "\(counts.written)", "\(counts.rejected)")
        }
        var reasons = TextTable([.left("rejected because"), .right("rows")])
        for (reason, count) in pipeline.rejections.sorted(by: { $0.key < $1.key }) { reasons.add(reason, "\(count)") }
        var notices = TextTable([.left("noticed"), .right("times")])
        for (name, count) in pipeline.notices.sorted(by: { $0.key < $1.key }) { notices.add(name, "\(count)") }
        var text = events.text
        if pipeline.replayed > 0 { text += "\n\(pipeline.replayed) of the written came out of quarantine by replay\n" }
        for table in [tables, reasons, notices] where !table.isEmpty { text += "\n" + table.text }
        return text
    }
}
