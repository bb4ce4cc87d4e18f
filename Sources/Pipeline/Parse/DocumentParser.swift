internal import Columns
internal import Event
internal import JSON

/// JSON records. Fields are the plan's paths; -1 is `_extra`: members of the outermost
/// object that no path begins with.
struct DocumentParser: RecordParser {
    private let documents: DocumentReader

    init(_ plan: RoutePlan) {
        let unknown: DocumentReader.UnknownMembers =
            plan.keepsExtra ? .keep : plan.fields.refusesUnknown ? .refuse : .ignore
        documents = DocumentReader(paths: plan.paths, unknown: unknown)
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        // Safety: the event lies in the batch's slab, which has `EventBatch.padding` readable bytes behind it.
        switch unsafe documents.read(padded: event) {
        case .malformed, .notAnObject: return .refused(.malformed)
        case .tooDeep: return .refused(.tooDeep)
        case .unknownMember: return .refused(.unknownField)
        case .tooManyMembers: return .refused(.tooManyColumns)
        case nil: return .fields
        }
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell {
        guard field >= 0 else {
            let rest = documents.rest()
            return rest.isEmpty ? .none : Cell(kind: .structure, bytes: rest)
        }
        let value = documents.value(field, asWritten: type == .json)
        let kind: Cell.Kind =
            switch value.kind {
            case .none: .none
            case .string: .string
            case .number: .number
            case .yes: .yes
            case .no: .no
            case .structure: .structure
            }
        return Cell(kind: kind, bytes: value.text)
    }
}
