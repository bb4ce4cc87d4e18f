internal import Columns
internal import Configuration
internal import Event
internal import Parquet
internal import Platform
internal import Sinks

/// `millrace cat`: the rows of Parquet files as JSON lines.
enum CatVerb {
    static let specs = [
        VerbSpec(
            "cat", "The rows of Parquet files as JSON lines.",
            discussion: "A null is left out. Decimals have all their digits, bytes are base64. Exit 65: a file is "
                + "damaged, or has what this reader does not know.",
            options: [
                OptionSpec("columns", value: "NAMES", "Only these columns, separated by commas, in this order."),
                OptionSpec("limit", value: "ROWS", "Stop after so many rows."),
                OptionSpec("schema", "The columns and row groups instead of rows."),
            ],
            arguments: [ArgumentSpec("file", isRepeated: true, "Parquet files.")])
    ]

    static func run(_ command: ParsedCommand) throws(Failure) -> Int32 {
        let names = command.value("columns").map { $0.split(separator: ",").map(String.init) }
        var left = try command.integer("limit", in: 0...Int.max) ?? .max
        for path in command.arguments("file") {
            if command.flag("schema") {
                show(try ParquetReader(try LocalParquet(path), columns: []), path)
                continue
            }
            let reader = try ParquetReader(try LocalParquet(path), columns: names)
            let formatter = JSONLinesFormatter()
            while left > 0, try reader.next() {
                formatter.format(reader.rows)
                var isOpen = true
                formatter.forEachGroup { _, bytes, _ in isOpen = write(bytes, &left) }
                // Whoever reads has enough.
                guard isOpen else { return 0 }
            }
        }
        return 0
    }

    /// Writes whole lines, at most so many; false if nobody reads any more.
    private static func write(_ bytes: ByteView, _ left: inout Int) -> Bool {
        var end = 0
        while end < bytes.count, left > 0 {
            end = bytes.firstIndex(of: 10, from: end) + 1
            left -= 1
        }
        return StandardStreams.writeOutput(bytes.slice(0, end).array)
    }

    private static func show(_ reader: ParquetReader, _ path: String) {
        var lines = ["\(path): \(reader.rowCount) rows, by \(reader.createdBy)"]
        for (name, shape) in reader.columns { lines.append("  \(name): \(shape.text)") }
        for (index, count) in reader.groupRowCounts.enumerated() { lines.append("  row group \(index): \(count) rows") }
        for (key, value) in reader.pairs { lines.append("  \(key) = \(value.prefix(200))") }
        Terminal.write(lines.map { $0 + "\n" }.joined())
    }
}
