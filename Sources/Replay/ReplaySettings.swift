internal import Parquet
internal import Schema

/// How a replay works, beyond what is configured.
struct ReplaySettings: Sendable {
    /// Memory for changes that wait to be sorted; beyond it they are spilled.
    var sortByteCount = ChangeSorter.usualBudget
    /// Threads at work at once, the caller's included.
    var threadCount = 1
    /// Those besides the caller's.
    var permits = WorkerPermits(0)
    var limits = StateWriter.Limits()
    var options = ParquetOptions()
    var decoding = DecodeOptions()
    /// Whether changes are looked at before they are read, to find out how the tool writes (Debezium).
    var surveys = false
}
