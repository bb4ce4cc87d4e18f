internal import Columns
internal import Event
internal import JSON

/// Which fields the columns of a route read, by number, and what becomes of the others.
struct FieldPlan: Sendable {
    /// Distinct paths of the columns, in order of first use; a field's number is its place here.
    let names: FieldNames
    /// The number of `_extra`, or -1.
    let extra: Int
    let refusesUnknown: Bool
    let nullText: [UInt8]?

    init(_ paths: [String], _ spec: RouteSpec) {
        names = FieldNames(paths)
        extra = paths.firstIndex(of: Metadata.extraName) ?? -1
        // Why: the other formats have no fields but those that the route names itself.
        refusesUnknown = spec.unknownFields == .reject && [.json, .logfmt, .keyValue].contains(spec.format)
        nullText = spec.parse.nullText.map { Array($0.utf8) }
    }

    /// The number of a field that some column reads, or -1.
    func number(of name: String) -> Int {
        let index = unsafe Array(name.utf8).withUnsafeBytes { unsafe names.index(of: ByteView($0)) }
        return index == extra ? -1 : index
    }

    /// Whether an unquoted text stands for no value.
    func isNull(_ text: ByteView) -> Bool {
        guard let nullText, nullText.count == text.count else { return false }
        for index in 0..<nullText.count where nullText[index] != text[index] { return false }
        return true
    }
}

/// The fields that a parser of named text found in one event. Of equal names the last counts.
struct FieldTable {
    /// Most fields of one event that no column reads and `_extra` keeps.
    static let maximumExtraCount = 1_024

    private struct Extra {
        var hash: UInt64
        var name: ByteView
        var value: Cell
    }

    let plan: FieldPlan
    /// Values that do not stand in the event as they are.
    let scratch = Scratch()
    private let document = Scratch()
    private var cells: [Cell]
    private var extras: [Extra] = []

    init(_ plan: FieldPlan) {
        self.plan = plan
        cells = Array(repeating: .none, count: plan.names.count)
    }

    /// Forgets the last event. Unescaping never lengthens, so its bytes are room enough.
    mutating func begin(_ event: ByteView) {
        for index in cells.indices { cells[index] = .none }
        scratch.removeAll(reserving: event.count)
        if plan.extra >= 0 { extras.removeAll(keepingCapacity: true) }
    }

    func cell(_ field: Int) -> Cell { cells[field] }

    mutating func set(_ field: Int, _ cell: Cell) { cells[field] = cell }

    /// Takes a field by its name. Says why if it may not be there.
    mutating func put(_ name: ByteView, _ cell: Cell) -> Rejection? {
        let field = plan.names.index(of: name)
        if field >= 0, field != plan.extra {
            cells[field] = cell
            return nil
        }
        return putUnknown(name, cell)
    }

    /// Takes a field that no column reads.
    mutating func putUnknown(_ name: ByteView, _ cell: Cell) -> Rejection? {
        if plan.refusesUnknown { return .unknownField }
        guard plan.extra >= 0 else { return nil }
        let hash = FieldNames.hash(name)
        for index in extras.indices where extras[index].hash == hash && extras[index].name.equals(name) {
            extras[index].value = cell
            return nil
        }
        guard extras.count < Self.maximumExtraCount else { return .tooManyColumns }
        extras.append(Extra(hash: hash, name: name, value: cell))
        return nil
    }

    /// Makes the document of `_extra`, once all fields are in. No fields, no value.
    mutating func finish() {
        guard plan.extra >= 0, !extras.isEmpty else { return }
        document.removeAll()
        document.append(UInt8(ascii: "{"))
        for index in extras.indices {
            if index > 0 { document.append(UInt8(ascii: ",")) }
            document.appendQuoted(extras[index].name)
            document.append(UInt8(ascii: ":"))
            if extras[index].value.kind == .none {
                document.append("null")
            } else {
                document.appendQuoted(extras[index].value.bytes)
            }
        }
        document.append(UInt8(ascii: "}"))
        cells[plan.extra] = Cell(kind: .structure, bytes: document.view(from: 0))
    }
}

extension Scratch {
    /// Appends a JSON string.
    func appendQuoted(_ text: ByteView) {
        append(UInt8(ascii: "\""))
        for index in 0..<text.count {
            let byte = text[index]
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                append(UInt8(ascii: "\\"))
                append(byte)
            case 10: append("\\n")
            case 13: append("\\r")
            case 9: append("\\t")
            case 0..<32:
                append("\\u00")
                append(48 + byte >> 4)
                append(byte & 15 < 10 ? 48 + byte & 15 : 87 + byte & 15)
            default: append(byte)
            }
        }
        append(UInt8(ascii: "\""))
    }
}
