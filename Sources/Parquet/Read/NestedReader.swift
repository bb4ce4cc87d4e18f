internal import Columns
internal import Event

/// Puts a nested column of the table together from its columns of values, a row at a time.
///
/// Invariants: of every list, map and struct each column of values below has exactly one entry a place, with the
/// same levels; anything else is damage, so that children never disagree.
final class NestedReader {
    /// Most entries of one row, over all columns of values: 128 MiB of words.
    static let maximumEntryCount = 1 << 24

    /// A part of the column, and where its values go.
    private final class Node {
        let field: StoredField
        let column: Column
        let children: [Node]
        /// The columns of values below.
        let leaves: [ColumnReader]

        init(_ field: StoredField, _ column: Column, _ leaves: ArraySlice<ColumnReader>) {
            self.field = field
            self.column = column
            self.leaves = Array(leaves)
            children = zip(field.children, column.children).map { child, column in
                let from = leaves.startIndex + child.leaves.lowerBound - field.leaves.lowerBound
                return Node(child, column, leaves[from..<from + child.leaves.count])
            }
        }
    }

    private let root: Node
    private var entryCount = 0

    /// A reader of one column into one of a batch. `leaves` are the field's columns of values.
    init(_ field: StoredField, into column: Column, _ leaves: [ColumnReader]) {
        root = Node(field, column, leaves[...])
    }

    /// Begins a row group.
    func begin(_ group: GroupMetadata) {
        for (reader, index) in zip(root.leaves, root.field.leaves) {
            let chunk = group.columns[index]
            reader.begin(chunk, rowCount: group.rowCount, entryCount: chunk.valueCount)
        }
    }

    /// Passes rows.
    func skip(from row: Int64, to end: Int64) throws(Failure) { try skip(root, from: row, to: end) }

    private func skip(_ node: Node, from row: Int64, to end: Int64) throws(Failure) {
        for child in node.children { try skip(child, from: row, to: end) }
        guard node.field.kind == .scalar else { return }
        let leaf = node.leaves[0]
        let count = node.column.count
        for _ in try leaf.jump(from: row, to: end)..<end {
            var repetition = 0
            repeat {
                if try leaf.expect(repetition) == node.field.definition {
                    try leaf.appendValue(to: node.column)
                    node.column.truncate(to: count)
                }
                leaf.advance()
                repetition = try leaf.nextRepetition()
            } while repetition > 0
        }
    }

    /// Appends the next rows, all of which the row group still has.
    func read(_ count: Int) throws(Failure) {
        for _ in 0..<count {
            entryCount = 0
            try read(root, repetition: 0)
        }
    }

    /// Reads one value of a part of the column, whose entries have this repetition level.
    private func read(_ node: Node, repetition: Int) throws(Failure) {
        let definition = try node.leaves[0].expect(repetition)
        let present = node.field.definition
        guard definition >= present else {
            guard node.field.isOptional, definition == present - 1 else { throw disagreement(node) }
            try pass(node, repetition, definition)
            node.column.appendNull()
            return
        }
        switch node.field.kind {
        case .scalar:
            guard definition == present else { throw disagreement(node) }
            entryCount += 1
            guard entryCount <= Self.maximumEntryCount else {
                throw Damage.unsupported("a row of more than \(Self.maximumEntryCount) values")
            }
            try node.leaves[0].appendValue(to: node.column)
            node.leaves[0].advance()
        case .structure:
            for child in node.children { try read(child, repetition: repetition) }
            node.column.appendStructure()
        case .list, .map:
            if definition == present {
                try pass(node, repetition, definition)
            } else {
                var level = repetition
                repeat {
                    for child in node.children { try read(child, repetition: level) }
                    level = node.field.repetition
                } while try node.leaves[0].nextRepetition() == level
            }
            node.column.appendList()
        }
    }

    /// Passes one entry of every column of values below: of a null or an empty list.
    private func pass(_ node: Node, _ repetition: Int, _ definition: Int) throws(Failure) {
        entryCount += node.leaves.count
        guard entryCount <= Self.maximumEntryCount else {
            throw Damage.unsupported("a row of more than \(Self.maximumEntryCount) values")
        }
        for leaf in node.leaves {
            guard try leaf.expect(repetition) == definition else { throw disagreement(node) }
            leaf.advance()
        }
    }

    private func disagreement(_ node: Node) -> Failure {
        Damage.corrupt("the levels of column \(root.field.name.debugDescription) disagree")
    }
}

// Entries of a part of a nested column.
extension ColumnReader {
    /// The definition level of the next entry, which has to have this repetition level.
    func expect(_ repetition: Int) throws(Failure) -> Int {
        guard let next = try peek(), next.repetition == repetition else {
            throw Damage.corrupt("the levels of column \(column.name.debugDescription) disagree")
        }
        return next.definition
    }

    /// The repetition level of the next entry; 0 at the end.
    func nextRepetition() throws(Failure) -> Int { try peek()?.repetition ?? 0 }

    func advance() {
        entry = nil
        pageRowsLeft -= 1
        rowsLeft -= 1
    }

    private func peek() throws(Failure) -> (repetition: Int, definition: Int)? {
        if let entry { return entry }
        if pageRowsLeft == 0 {
            guard rowsLeft > 0, hasPages else { return nil }
            try loadPage()
        }
        let repetition = column.repetition > 0 ? Int(try repetitions.next()) : 0
        let definition = column.definition > 0 ? Int(try levels.next()) : 0
        guard repetition <= column.repetition, definition <= column.definition else {
            throw Damage.corrupt("a level of column \(column.name.debugDescription) is too high")
        }
        entry = (repetition, definition)
        return entry
    }
}
