internal import Columns
internal import Event

/// A column of the table in a file that is read: a scalar, or a list, a map or a struct of such.
///
/// Lists and maps have the three levels of `SchemaNode`, whatever their groups are called; what has others is
/// refused once it is selected.
struct StoredField: Sendable {
    enum Kind: Sendable { case scalar, list, map, structure }

    var name: String
    var kind = Kind.scalar
    var shape = ColumnShape(.bytes)
    /// Of a list the element, of a map key and value, of a struct its fields.
    var children: [StoredField] = []
    var isOptional: Bool
    /// The definition level at which this is not null, and the repetition level: of a list or map that of its
    /// elements, of others that of what surrounds them.
    var definition: Int
    var repetition: Int
    /// The columns of values below, by their place in the file.
    var leaves: Range<Int>
    /// Why values cannot be read, or nil.
    var refusal: String?

    /// The table's columns, and the columns of values in the order of the file.
    static func all(_ elements: [StoredColumn]) throws(Failure) -> (fields: [StoredField], leaves: [StoredColumn]) {
        guard let root = elements.first else { throw Damage.corrupt("it has no schema") }
        var reader = SchemaReader(elements: elements)
        var fields: [StoredField] = []
        for _ in 0..<root.childCount {
            fields.append(try reader.field(definition: 0, repetition: 0, depth: 0))
        }
        guard reader.at == elements.count else { throw Damage.corrupt("its schema has too many columns") }
        return (fields, reader.leaves)
    }
}

/// Goes through the elements of a schema once.
private struct SchemaReader {
    let elements: [StoredColumn]
    var at = 1
    var leaves: [StoredColumn] = []

    init(elements: [StoredColumn]) { self.elements = elements }

    mutating func field(definition: Int, repetition: Int, depth: Int) throws(Failure) -> StoredField {
        guard at < elements.count else { throw Damage.corrupt("its schema has too few columns") }
        guard depth <= ThriftInput.maximumDepth else { throw Damage.corrupt("its schema is too deep") }
        let element = elements[at]
        at += 1
        var field = StoredField(
            name: element.name, isOptional: element.isOptional,
            definition: definition + (element.isOptional || element.repeats ? 1 : 0), repetition: repetition,
            leaves: leaves.count..<leaves.count)
        if element.repeats { field.refusal = "a repeated column" }
        if element.childCount == 0 {
            var leaf = element
            (leaf.definition, leaf.repetition) = (field.definition, repetition)
            field.shape = leaf.shape
            field.refusal = leaf.refusal
            leaves.append(leaf)
        } else if element.converted == 3 || element.logical == 3 {
            try repeated(.list, 1, &field, depth)
        } else if element.converted == 1 || element.converted == 2 || element.logical == 2 {
            try repeated(.map, 2, &field, depth)
        } else {
            field.kind = .structure
            try children(element.childCount, &field, depth)
            field.shape = .structure(field.children.map { ColumnField($0.name, $0.shape) })
        }
        field.leaves = field.leaves.lowerBound..<leaves.count
        if field.shape.depth > ColumnShape.maximumDepth, field.refusal == nil { field.refusal = "a column so deep" }
        return field
    }

    private mutating func children(_ count: Int, _ field: inout StoredField, _ depth: Int) throws(Failure) {
        for _ in 0..<count {
            field.children.append(
                try self.field(definition: field.definition, repetition: field.repetition, depth: depth + 1))
        }
        if field.refusal == nil { field.refusal = field.children.lazy.compactMap(\.refusal).first }
    }

    /// A list or a map: a group that repeats, with one or two children.
    private mutating func repeated(
        _ kind: StoredField.Kind, _ childCount: Int, _ field: inout StoredField, _ depth: Int
    ) throws(Failure) {
        field.kind = kind
        let outer = elements[at - 1]
        guard outer.childCount == 1, at < elements.count, elements[at].repeats, elements[at].childCount == childCount
        else {
            // What it is made of is passed over.
            try children(outer.childCount, &field, depth)
            field.refusal = "a list or map of another form"
            field.kind = .structure
            field.shape = .structure([])
            return
        }
        at += 1
        let (definition, repetition) = (field.definition, field.repetition)
        (field.definition, field.repetition) = (definition + 1, repetition + 1)
        try children(childCount, &field, depth)
        field.definition = definition
        if kind == .list {
            field.shape = .list(field.children[0].shape)
        } else {
            let key = field.children[0]
            if key.isOptional || key.kind != .scalar { field.refusal = "a map whose keys may be null" }
            field.shape = .map(key.shape, field.children[1].shape)
        }
    }
}
