internal import Parquet
internal import Schema

/// How a replay works, beyond what is configured.
struct ReplaySettings {
    /// Memory for changes that wait to be sorted; beyond it they are spilled.
    var sortByteCount = ChangeSorter.usualBudget
    var threadCount = 1
    var limits = StateWriter.Limits()
    var options = ParquetOptions()
    var decoding = DecodeOptions()
}
