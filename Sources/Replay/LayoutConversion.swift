internal import Columns
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
    /// Counted for a value that cannot be brought to its column's new type: null stands for it.
    static let reason = "unfit_conversion"

    private let origins: [LayoutOrigin]
    private let target: RowBatch
    private let table: TableLayout
    /// For each column behind the table's own: where the source has it; nil: it begins with 0.
    private let tail: [Int?]
    private let log: RejectionLog
    /// The rows in hand are one change: the row after it, and the one before, of which nothing is noted.
    private let isOneChange: Bool
    /// Where the rows in hand stand; nil: they were there before.
    var place: SourcePlace?
    /// Rows whose value no record tells.
    private(set) var unknownFillCount: Int64 = 0
    /// Values of the rows in hand that did not fit and became null: row, column, text.
    private var unfit: [(row: Int, column: Int, text: [UInt8])] = []

    /// A conversion to a layout with these origins. `shapes`: of the layout and what stands behind it.
    init(
        _ origins: [LayoutOrigin], to table: TableLayout, shapes: [(name: String, shape: ColumnShape)],
        tail: [Int?] = [], log: RejectionLog, isOneChange: Bool = false
    ) {
        self.origins = origins
        self.isOneChange = isOneChange
        self.table = table
        self.tail = tail
        self.log = log
        target = RowBatch(shapes: shapes)
        precondition(shapes.count == origins.count + tail.count, "columns of another layout")
    }

    /// The rows converted; valid until the next call.
    func convert(_ rows: RowBatch) -> RowBatch {
        target.removeAll()
        unfit.removeAll(keepingCapacity: true)
        let count = rows.rowCount
        let noted = isOneChange ? min(1, count) : count
        for (index, origin) in origins.enumerated() {
            let column = target.columns[index]
            switch origin {
            case .schema(.kept(let source)): column.append(rowsOf: rows.columns[source], from: 0, count: count)
            case .schema(.converted(let source, let conversion)):
                let old = rows.columns[source]
                for row in 0..<count where !conversion.append(old, row, to: column) { refuse(row, index, old) }
                guard !conversion.isExact else { break }
                for row in 0..<noted where !old.isNull(row) { unknownFillCount += 1 }
            case .widened(let source):
                let old = rows.columns[source]
                for row in 0..<count where !ShapeWidening.append(old, row, to: column) { refuse(row, index, old) }
            case .schema(.filled(let value, let isKnown)):
                for _ in 0..<count { value.append(to: column) }
                if !isKnown { unknownFillCount += Int64(noted) }
            }
        }
        for (column, source) in zip(target.columns[origins.count...], tail) {
            if let source {
                column.append(rowsOf: rows.columns[source], from: 0, count: count)
            } else {
                for _ in 0..<count { column.append(Int64(0)) }
            }
        }
        let group = target.appendGroup(RowGroup(table: "", partition: ""))
        for _ in 0..<count { target.commitRow(event: 0, group: group) }
        for value in unfit where value.row < noted { note(value) }
        return target
    }

    private func refuse(_ row: Int, _ column: Int, _ old: Column) {
        unfit.append((row, column, log.hasRoom ? RowText.value(old, row) : []))
    }

    private func note(_ value: (row: Int, column: Int, text: [UInt8])) {
        log.note(
            Self.reason, at: place, key: RowText.object(table.identity.map { target.columns[$0] }, value.row),
            column: table.columns[value.column], text: value.text)
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
