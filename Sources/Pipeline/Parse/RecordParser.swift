internal import Columns
internal import Event

/// Finds the fields of one event at a time. Parsers are structs, and a stage is generic over them, so that a
/// batch runs without existentials and without checks of exclusive access.
protocol RecordParser {
    /// Reads an event, without its line end; the outcome depends on its bytes alone, and on whether it is the
    /// first of its stream.
    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome
    /// What the event has for a field of the plan; valid until the next `parse`, and as long as the event.
    func cell(_ field: Int, _ type: ColumnType) -> Cell
}

/// What a parser made of an event.
enum ParseOutcome {
    case fields
    /// Not a record of the format but part of it: a header, a directive.
    case filtered
    case refused(Rejection)
}
