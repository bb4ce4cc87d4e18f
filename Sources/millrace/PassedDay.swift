internal import Columns
internal import Configuration
internal import Event
internal import Platform
internal import Sinks
internal import Transport

/// The day before which a sync is done: the tool that writes it has passed the day, and what it wrote before is here.
///
/// A partition is past a day once it has brought a change of a later one. A quiet one holds nothing back: it is past
/// the day if another one is, and it was read to its end after that. An agent's watermark says so, or, for topics that
/// no agent fills, the broker. A partition that has never brought a row is not waited for.
struct PassedDay {
    /// What a tool or an agent sent before a change of the next day may arrive this much after it.
    static let latenessMilliseconds: Int64 = 60_000
    /// An agent that is silent for so long, while others speak, is not waited for.
    static let silenceMilliseconds: Int64 = 86_400_000

    let log: LogState
    let ends: PartitionEnds

    init(_ log: LogState, _ ends: PartitionEnds) {
        self.log = log
        self.ends = ends
    }

    /// Why days stay incomplete that might be complete, of what was asked for up to now.
    var warnings: [Failure] { ends.failure.map { [$0] } ?? [] }

    /// Days since 1970-01-01; nil: none.
    func of(_ spec: SyncSpec) -> Int64? {
        guard let pipeline = log.pipelines[spec.name] else { return nil }
        var runs: [(key: PartitionKey, state: PartitionState, day: Int64)] = []
        for (key, state) in pipeline.partitions {
            if let day = state.run?.day { runs.append((key, state, day)) }
        }
        guard let newest = runs.map(\.day).max() else { return nil }
        let since = runs.filter { $0.day == newest }.compactMap { $0.state.run?.since }.min()
        return runs.map { run in
            guard run.day < newest, let since else { return run.day }
            let isIdle = isReadToEnd(run.key, run.state, pipeline, after: since + Self.latenessMilliseconds)
            return isIdle ? newest : run.day
        }.min()
    }

    private func isReadToEnd(
        _ key: PartitionKey, _ state: PartitionState, _ pipeline: PipelineState, after time: Int64
    ) -> Bool {
        let newest = pipeline.watermarks.map(\.time).max() ?? .min
        let marks = pipeline.watermarks.filter { $0.topic == key.topic && $0.partition == key.partition }
        if !marks.isEmpty {
            let speaking = marks.filter { newest - $0.time < Self.silenceMilliseconds }
            return !speaking.isEmpty && speaking.allSatisfy { $0.time >= time }
        }
        return ends.now >= time && ends.end(of: key).map { $0 <= state.next } ?? false
    }
}

/// Where partitions end, asked for when it matters. One thread at a time.
final class PartitionEnds {
    let now = SystemClock().wallMilliseconds()
    private let settings: CollectorSettings?
    private var known: [PartitionKey: Int64] = [:]
    private var consumer: KafkaConsumer?
    /// Why ends that were asked for are not known: days may stay incomplete for it.
    private(set) var failure: Failure?

    private let timeoutMilliseconds: Int

    /// `settings`: nil where there is no broker to ask.
    init(_ settings: CollectorSettings?, timeoutMilliseconds: Int = 10_000) {
        self.settings = settings
        self.timeoutMilliseconds = timeoutMilliseconds
    }

    /// Ends that are known, for tests.
    init(_ known: [PartitionKey: Int64]) {
        settings = nil
        timeoutMilliseconds = 0
        self.known = known
    }

    deinit { consumer?.close() }

    /// The offset behind the last record; nil if it cannot be found out.
    func end(of key: PartitionKey) -> Int64? {
        if let end = known[key] { return end }
        guard let settings, failure == nil else { return nil }
        do throws(Failure) {
            if consumer == nil {
                consumer = try KafkaConsumer(settings.kafka.options, group: settings.group + ".lag")
            }
            let place = TopicPartition(topic: key.topic, partition: key.partition)
            guard let end = try consumer?.bounds(of: place, timeoutMilliseconds: timeoutMilliseconds).next
            else { return nil }
            known[key] = end
            return end
        } catch {
            // Why not thrown: the states do not depend on it; days are complete at the next run.
            failure = Failure(
                "sync.ends_unknown", stage: .transport, kind: .transient,
                "the ends of \(key.topic)[\(key.partition)] and of the partitions after it are not known: broker "
                    + "\(settings.kafka.brokers) does not tell; days that wait for a quiet partition get no _SUCCESS",
                hint: "the states are right as they are; run millrace sync run again when the broker answers "
                    + "(kafka.brokers of the configuration)",
                cause: error.cause ?? error.message)
            return nil
        }
    }
}
