internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// The visible table where rows that are equal in some columns count as one record: of each such group the row that
/// came to be first in source order. Rows are sorted by those columns, with bounded memory.
struct UniqueProjection {
    let layout: StateLayout
    /// Columns in which equal rows are one record.
    let columns: [String]
    /// Of the state.
    let folder: String
    let files: [StateFile]
    /// Where the visible files go, and what is spilled.
    let target: String
    let scratch: String
    var limits = StateWriter.Limits()
    var options = ParquetOptions()

    /// Writes the visible files; their names are `new-...`.
    func run() throws(Failure) -> [StateFile] {
        let visible = layout.visibleShapes.map { TableLayout.Column($0.name, $0.shape) }
        // A row that is marked as deleted hides none that is there.
        let key = columns + (layout.marksDeletes ? [StateLayout.deletedColumn] : [])
        let table = TableLayout(columns: visible, key: key)
        let coding = RowCoding(table)
        let sorter = ChangeSorter(coding, scratchFolder: scratch)
        // Why: of rows that came to be at one place the first in the order of the state counts, as in the view.
        var number: Int64 = 0
        for file in files {
            let reader = try ParquetReader(LocalParquet(folder + "/" + file.name))
            while try reader.next() {
                for row in 0..<reader.rows.rowCount {
                    var head = ChangeHead(kind: .snapshot, place: layout.firstPlace(reader.rows, row))
                    head.entry = number
                    number += 1
                    try sorter.append(head, rows: reader.rows, row)
                }
            }
        }
        let writer = try StateWriter(StateLayout(table), folder: target, name: "new", limits: limits, options: options)
        let cursor = try sorter.finish().cursor(from: nil)
        let rows = RowBatch(shapes: table.shapes)
        let last = ByteStore()
        var isFirst = true
        while let record = cursor.current {
            if isFirst || !record.identity.equals(last.all), let bytes = record.row {
                coding.decodeRow(bytes, into: rows)
                let group = rows.groups.isEmpty ? rows.appendGroup(RowGroup(table: "", partition: "")) : 0
                rows.commitRow(event: 0, group: group)
                last.removeAll()
                last.append(record.identity)
                isFirst = false
            }
            try cursor.advance()
            if rows.rowCount >= ParquetReader.batchRowCount {
                try writer.append(rows)
                rows.removeAll()
            }
        }
        try writer.append(rows)
        try writer.finish()
        return writer.files
    }
}

extension StateLayout {
    /// The place at which a row of the state came to be.
    func firstPlace(_ rows: RowBatch, _ row: Int) -> SourcePlace {
        guard let index = placeIndex else { return .beginning }
        let words = (0..<4).map { rows.columns[index + $0].integer(row) }
        return SourcePlace(leg: words[0], file: words[1], position: words[2], row: words[3])
    }
}
