public import Columns
public import Event

/// Rows to delimited text, as the text tables of Hive hold it (LazySimpleSerDe with escapes): a line a row, columns
/// in order with a separator between them.
///
/// - null: `\N`. string: a backslash before a backslash and the separator, `\n` and `\r` for line ends, so that a
///   line is a row whatever is in it; json, list, map, struct: the JSON text, escaped like a string.
/// - int32, int64, decimal: exact; double: the shortest text that reads back the same; boolean: `true`, `false`;
///   timestamp: `2015-05-17 10:05:03`, in UTC, with six digits of a second if it is not whole; date: `2015-05-17`;
///   bytes: base64. None of these holds a byte that would have to be escaped.
///
/// Why nested columns are JSON and not Hive's own nested separators: those know no difference between an empty list
/// and a list of one empty string.
///
/// One reusable buffer per group. Call `format`, then `forEachGroup`; both before the rows change. One thread at a
/// time. No allocation once the buffers have grown.
@safe public final class DelimitedFormatter {
    private let separator: UInt8
    private var outputs: [JSONOutput] = []
    private var groupCount = 0
    /// Writes documents into `document`, from where they are copied with escapes.
    private let documents = JSONLinesFormatter()
    private let document = JSONOutput()
    /// The batch that `documents` was prepared for; kept so that its columns live.
    private var source: RowBatch?

    /// A formatter with the byte between columns: none that numbers, times or base64 are written with.
    public init(separator: UInt8) { self.separator = separator }

    deinit {
        for output in outputs { output.destroy() }
        document.destroy()
    }

    /// Formats all rows, each into its group's buffer. What was formatted before is forgotten.
    public func format(_ rows: RowBatch) {
        if source !== rows {
            documents.prepare(rows.columns)
            source = rows
        }
        groupCount = rows.groups.count
        while outputs.count < groupCount { outputs.append(JSONOutput()) }
        for index in 0..<groupCount { outputs[index].clear() }
        let rowGroup = rows.rowGroup
        let columns = rows.columns
        for row in 0..<rows.rowCount { append(row, columns, to: outputs[Int(rowGroup[row])]) }
    }

    /// Lends each group's bytes (whole lines) and its row count, in the order of `RowBatch.groups`. A view
    /// is valid until the next `format`.
    public func forEachGroup<E: Error>(
        _ body: (_ group: Int, _ bytes: ByteView, _ rowCount: Int) throws(E) -> Void
    ) throws(E) {
        for index in 0..<groupCount { try body(index, outputs[index].bytes, outputs[index].rowCount) }
    }

    private func append(_ row: Int, _ columns: [Column], to output: JSONOutput) {
        for index in 0..<columns.count {
            if index > 0 { output.appendByte(separator) }
            let column = columns[index]
            if column.isNull(row) {
                output.appendByte(UInt8(ascii: "\\"))
                output.appendByte(UInt8(ascii: "N"))
                continue
            }
            switch column.type {
            case .string, .json: output.appendEscaped(column.bytes(row), separator: separator)
            case .int32, .int64: output.appendInteger(column.integer(row))
            case .double: output.appendDouble(column.double(row))
            case .decimal: output.appendDecimal(column.decimal(row), scale: column.shape.scale)
            case .bytes: output.appendBase64(column.bytes(row), isQuoted: false)
            case .boolean: output.appendBoolean(column.integer(row) != 0)
            case .timestamp: output.appendTimestamp(column.integer(row), isQuoted: false)
            case .date: output.appendDate(column.integer(row), isQuoted: false)
            case .list, .map, .structure:
                document.clear()
                documents.appendValue(row, of: index, to: document)
                output.appendEscaped(document.bytes, separator: separator)
            }
        }
        output.endLine()
    }
}
