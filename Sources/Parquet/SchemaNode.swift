internal import Columns

/// A column, or a part of a nested one, with its levels. Source: parquet-format LogicalTypes.md, "Nested Types".
///
/// Lists have three levels, `optional group (LIST) { repeated group list { optional element } }`; maps are
/// `optional group (MAP) { repeated group key_value { required key; optional value } }`.
struct SchemaNode: Sendable {
    let name: String
    let shape: ColumnShape
    /// The definition level at which this is not null, and the lists and maps around it.
    let definition: UInt8
    let repetition: UInt8
    /// Whether this is the key of a map.
    let isKey: Bool

    init(name: String, shape: ColumnShape) {
        self.init(name, shape, definition: 1, repetition: 0, isKey: false)
    }

    private init(_ name: String, _ shape: ColumnShape, definition: UInt8, repetition: UInt8, isKey: Bool) {
        self.name = name
        self.shape = shape
        self.definition = definition
        self.repetition = repetition
        self.isKey = isKey
    }

    /// The name of the repeated group, for lists and maps.
    var repeatedName: String? {
        switch shape.type {
        case .list: "list"
        case .map: "key_value"
        default: nil
        }
    }

    /// What a nested node holds.
    var children: [SchemaNode] {
        let isRepeated = repeatedName != nil
        return shape.fields.enumerated().map { index, field in
            let isKey = shape.type == .map && index == 0
            return SchemaNode(
                field.name, field.shape, definition: definition + (isRepeated ? 1 : 0) + (isKey ? 0 : 1),
                repetition: repetition + (isRepeated ? 1 : 0), isKey: isKey)
        }
    }

    /// Elements of the schema that this takes.
    var elementCount: Int {
        1 + (repeatedName == nil ? 0 : 1) + children.reduce(0) { $0 + $1.elementCount }
    }

    /// Calls `body` for each scalar with its names and the children that lead to it.
    func forEachLeaf(_ body: (_ leaf: SchemaNode, _ path: [String], _ children: [Int]) -> Void) {
        forEachLeaf([name], [], body)
    }

    private func forEachLeaf(
        _ path: [String], _ places: [Int], _ body: (SchemaNode, [String], [Int]) -> Void
    ) {
        guard shape.type.isNested else { return body(self, path, places) }
        let inner = path + [repeatedName].compactMap(\.self)
        for (index, child) in children.enumerated() {
            child.forEachLeaf(inner + [child.name], places + [index], body)
        }
    }

    /// Writes the SchemaElements, this one's first. `leaves` begins with this node's. Source: parquet.thrift.
    func write(to list: inout ThriftOutput, leaves: inout ArraySlice<Leaf>) {
        guard shape.type.isNested else {
            if let leaf = leaves.popFirst() { list.element { leaf.write(to: &$0) } }
            return
        }
        list.element { group in
            group.int32(3, 1)
            group.text(4, name)
            group.int32(5, repeatedName == nil ? children.count : 1)
            switch shape.type {
            case .list:
                group.int32(6, 3)
                group.structure(10) { $0.structure(3) { _ in } }
            case .map:
                group.int32(6, 1)
                group.structure(10) { $0.structure(2) { _ in } }
            default: break
            }
        }
        if let repeatedName {
            list.element { group in
                group.int32(3, 2)
                group.text(4, repeatedName)
                group.int32(5, children.count)
            }
        }
        for child in children { child.write(to: &list, leaves: &leaves) }
    }
}
