internal import Columns
internal import Event

/// The line as it is: one field, `line`.
struct RawParser: RecordParser {
    static let fields = ["line"]
    private var line = ByteView.empty

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        line = event
        return .fields
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { Cell(kind: .text, bytes: line) }
}
