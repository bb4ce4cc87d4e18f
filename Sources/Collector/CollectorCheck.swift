public import Columns
public import Configuration
public import Event
internal import Sinks
public import Transport

/// Tries what a configuration names, without changing anything: for `--check`.
public enum CollectorCheck {
    /// Everything that speaks against a start; empty: nothing does. Blocks on broker and disk.
    public static func failures(of settings: CollectorSettings, consumer: (any Consumer)?) -> [Failure] {
        var failures: [Failure] = []
        for (index, spec) in settings.pipelines.enumerated() {
            attempt(&failures) { () throws(Failure) in _ = try PipelinePlan(index: index, spec: spec) }
        }
        for (index, spec) in settings.syncs.enumerated() {
            let faults = self.failures(of: spec)
            failures += faults
            guard faults.isEmpty else { continue }
            attempt(&failures) { () throws(Failure) in _ = try PipelinePlan(index: index, sync: spec) }
        }
        attempt(&failures) { () throws(Failure) in
            let storage = try CollectorRuntime.storage(settings)
            try CommitLog(storage: storage).load()
        }
        guard let consumer else { return failures }
        for topic in settings.topics {
            attempt(&failures) { () throws(Failure) in _ = try consumer.partitionCount(of: topic) }
        }
        return failures
    }

    /// Everything that is wrong with a sync's settings; looks at nothing but the tz database.
    public static func failures(of sync: SyncSpec) -> [Failure] { SyncPlan.faults(of: sync) }

    private static func attempt(_ failures: inout [Failure], _ body: () throws(Failure) -> Void) {
        do throws(Failure) { try body() } catch { failures.append(error) }
    }
}
