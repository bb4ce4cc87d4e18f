internal import Columns
internal import Event

/// How rows of one layout become rows of another: what became of each column.
final class LayoutConversion: @unchecked Sendable {
    init() {}
    func convert(_ rows: RowBatch) throws(Failure) -> RowBatch { rows }
}
