internal import Event
internal import JSON
internal import Sinks

extension AuditReport {
    /// As docs/json.md has it.
    var json: JSONValue {
        [
            "version": 1, "commit": JSONValue(number), "commit_time_ms": JSONValue(time),
            "commit_age_ms": JSONValue(number > 0 ? now - time : 0), "is_sound": .boolean(isSound),
            "pipelines": .array(pipelines.map(Self.json)),
        ]
    }

    private static func json(of pipeline: Pipeline) -> JSONValue {
        var members = pipelineMembers(pipeline.name, pipeline.state)
        members.append(JSONMember("hole_count", JSONValue(pipeline.holes.count)))
        members.append(JSONMember("hole_bytes", JSONValue(pipeline.holes.reduce(0) { $0 + $1.byteCount })))
        members.append(JSONMember("streams", .array(pipeline.streams.map(json))))
        members.append(JSONMember("partitions", .array(partitions(of: pipeline.state))))
        return .object(members)
    }

    private static func json(of stream: Stream) -> JSONValue {
        let state = stream.state
        return [
            "stream": .string(stream.identity.description), "agent": .string(state.agent),
            "source": .string(state.source), "path": JSONValue(state.path), "topic": .string(state.topic),
            "partition": JSONValue(state.partition), "epoch": JSONValue(state.epoch),
            "first": JSONValue(state.first?.description), "end": JSONValue(state.covered.end?.description),
            "continues": JSONValue(state.continues?.description), "is_ended": .boolean(state.ended),
            "range_count": JSONValue(state.covered.count),
            "accepted": .array(state.accepted.ranges.map(json)),
            "holes": .array(
                stream.holes.map { hole in
                    [
                        "from": .string(hole.range.from.description), "to": .string(hole.range.to.description),
                        "bytes": JSONValue(hole.byteCount), "is_between_streams": .boolean(hole.isBetweenStreams),
                    ]
                }),
        ]
    }

    private static func json(of range: CoveredRange) -> JSONValue {
        ["from": .string(range.from.description), "to": .string(range.to.description)]
    }

    private static func partitions(of state: PipelineState) -> [JSONValue] {
        state.partitions.sorted { $0.key < $1.key }.map { key, partition in
            [
                "topic": .string(key.topic), "partition": JSONValue(key.partition),
                "epoch": JSONValue(partition.epoch), "next": JSONValue(partition.next),
                "gaps": .array(
                    partition.gaps.map { gap in
                        [
                            "epoch": JSONValue(gap.epoch), "from": JSONValue(gap.from), "next": JSONValue(gap.next),
                            "reason": .string(gap.reason), "time_ms": JSONValue(gap.time),
                        ]
                    }),
            ]
        }
    }

    /// What `audit`, `status` and `run` say alike of a pipeline.
    static func pipelineMembers(_ name: String, _ state: PipelineState) -> [JSONMember] {
        let balance = state.balance
        return [
            JSONMember("pipeline", .string(name)),
            JSONMember(
                "balance",
                [
                    "received": JSONValue(balance.received), "written": JSONValue(balance.written),
                    "partly_written": JSONValue(balance.partlyWritten),
                    "quarantined": JSONValue(balance.quarantined), "duplicate": JSONValue(balance.duplicate),
                    "filtered": JSONValue(balance.filtered), "holds": .boolean(balance.holds),
                ]),
            JSONMember("replayed", JSONValue(state.replayed)),
            JSONMember(
                "rejections",
                .object(state.rejections.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) })),
            JSONMember(
                "notices",
                .object(state.notices.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) })),
            JSONMember(
                "tables",
                .array(
                    state.tables.sorted { $0.key < $1.key }.map { name, counts in
                        [
                            "table": .string(name), "rows_written": JSONValue(counts.written),
                            "rows_rejected": JSONValue(counts.rejected),
                        ]
                    })),
        ]
    }
}
