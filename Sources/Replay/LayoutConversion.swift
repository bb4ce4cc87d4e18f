internal import Columns
internal import Event
internal import Schema

/// Where a column of a layout has its values from.
enum LayoutOrigin {
    /// As the schema's history has it.
    case schema(ColumnOrigin)
    /// A column whose type was a guess, and is a wider one now.
    case widened(Int)
}

/// Makes rows of one layout rows of another. One thread at a time.
// Safety: a state that is converted is one stretch, and a stretch is done by one thread.
final class LayoutConversion: @unchecked Sendable {
    private let origins: [LayoutOrigin]
    private let target: RowBatch
    /// Columns behind those of the table, from this index on in the source; kept as they are.
    private let tailFrom: Int
    /// Values that did not fit and became null.
    private(set) var unfitCount = 0

    /// A conversion of columns with these origins. `tail`: columns of the state behind the table's, which both have.
    init(
        _ origins: [LayoutOrigin], to shapes: [(name: String, shape: ColumnShape)], tail: Int = 0, tailFrom: Int = 0
    ) {
        self.origins = origins
        self.tailFrom = tailFrom
        target = RowBatch(shapes: shapes)
        precondition(shapes.count == origins.count + tail, "columns of another layout")
    }

    /// The rows converted; valid until the next call.
    func convert(_ rows: RowBatch) -> RowBatch {
        target.removeAll()
        let count = rows.rowCount
        for (index, origin) in origins.enumerated() {
            let column = target.columns[index]
            switch origin {
            case .schema(.kept(let source)): column.append(rowsOf: rows.columns[source], from: 0, count: count)
            case .schema(.converted(let source, let conversion)):
                for row in 0..<count where !conversion.append(rows.columns[source], row, to: column) { unfitCount += 1 }
            case .widened(let source):
                let old = rows.columns[source]
                for row in 0..<count where !ShapeWidening.append(old, row, to: column) { unfitCount += 1 }
            case .schema(.filled(let value, _)):
                for _ in 0..<count { value.append(to: column) }
            }
        }
        for index in origins.count..<target.columns.count {
            target.columns[index].append(rowsOf: rows.columns[tailFrom + index - origins.count], from: 0, count: count)
        }
        let group = target.appendGroup(RowGroup(table: "", partition: ""))
        for _ in 0..<count { target.commitRow(event: 0, group: group) }
        return target
    }

    /// Whether every column is kept, in order: rows are as they were.
    static func isIdentity(_ origins: [LayoutOrigin], count: Int) -> Bool {
        guard origins.count == count else { return false }
        for (index, origin) in origins.enumerated() {
            guard case .schema(.kept(index)) = origin else { return false }
        }
        return true
    }
}
