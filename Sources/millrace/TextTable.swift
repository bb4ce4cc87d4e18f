/// A table for a terminal: columns as wide as their widest cell, two spaces apart, numbers to the right.
struct TextTable {
    enum Alignment { case left, right }

    struct Column {
        var title: String
        var alignment: Alignment

        static func left(_ title: String) -> Column { Column(title: title, alignment: .left) }
        static func right(_ title: String) -> Column { Column(title: title, alignment: .right) }
    }

    let columns: [Column]
    private(set) var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    /// Adds a row with one cell per column.
    mutating func add(_ cells: String...) {
        precondition(cells.count == columns.count, "a cell per column")
        rows.append(cells)
    }

    var isEmpty: Bool { rows.isEmpty }

    /// Lines without spaces at their ends, each closed by a line feed; nothing for a table without rows.
    var text: String {
        guard !rows.isEmpty else { return "" }
        let lines = [columns.map(\.title)] + rows
        let widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        var text = ""
        for line in lines {
            var row = ""
            for (index, cell) in line.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - cell.count)
                if index > 0 { row += "  " }
                row += columns[index].alignment == .left ? cell + padding : padding + cell
            }
            while row.last == " " { row.removeLast() }
            text += row + "\n"
        }
        return text
    }
}
