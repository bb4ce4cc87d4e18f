public import Columns
public import Event

/// Rows to JSON lines: one object a row, keys in column order, nothing between tokens.
///
/// - A null is left out: readers with a schema see null, and lines stay short.
/// - string: escaped as RFC 8259 asks and no more; int32, int64: exact; double: the shortest text that
///   reads back the same, always with a point or an exponent; boolean: `true`, `false`;
///   timestamp: `"2015-05-17T10:05:03Z"`, with six digits of a second if it is not whole;
///   date: `"2015-05-17"`; decimal: a number with exactly its scale's digits; bytes: base64;
///   json: as it came (a raw line end between tokens becomes a space).
///
/// One reusable buffer per group. Call `format`, then `forEachGroup`; both before the rows change. One
/// thread at a time. No allocation once the buffers have grown.
@safe public final class JSONLinesFormatter {
    /// Buffers above this are given back after use: 16 MiB.
    public static let maximumKeptByteCount = 16 << 20

    private var fields: [Field] = []
    private var keyBytes: [UInt8] = []
    private var outputs: [JSONOutput] = []
    private var groupCount = 0
    /// The batch that `fields` were prepared for; kept so that its columns live.
    private var source: RowBatch?

    private struct Field {
        var column: Column
        var type: ColumnType
        var scale: Int
        var keyFrom: Int
        var keyTo: Int
    }

    public init() {}

    deinit { for output in outputs { output.destroy() } }

    /// Formats all rows, each into its group's buffer. What was formatted before is forgotten.
    public func format(_ rows: RowBatch) {
        if source !== rows {
            prepare(rows.columns)
            source = rows
        }
        groupCount = rows.groups.count
        while outputs.count < groupCount { outputs.append(JSONOutput()) }
        for index in 0..<groupCount { outputs[index].clear() }
        let rowGroup = rows.rowGroup
        // Why: locals are free of the run-time checks of exclusive access that properties have per value.
        let (fields, keyBytes, outputs) = (self.fields, self.keyBytes, self.outputs)
        unsafe keyBytes.withUnsafeBytes { bytes in
            let keys = unsafe ByteView(bytes)
            for row in 0..<rows.rowCount { Self.append(row, fields, keys, to: outputs[Int(rowGroup[row])]) }
        }
    }

    /// Lends each group's bytes (whole lines) and its row count, in the order of `RowBatch.groups`. A view
    /// is valid until the next `format`.
    public func forEachGroup<E: Error>(
        _ body: (_ group: Int, _ bytes: ByteView, _ rowCount: Int) throws(E) -> Void
    ) throws(E) {
        for index in 0..<groupCount { try body(index, outputs[index].bytes, outputs[index].rowCount) }
    }

    /// Keys as they are written: `,"name":`, escaped once.
    private func prepare(_ columns: [Column]) {
        fields.removeAll(keepingCapacity: true)
        keyBytes.removeAll(keepingCapacity: true)
        for column in columns {
            let from = keyBytes.count
            keyBytes.append(UInt8(ascii: ","))
            let output = JSONOutput()
            var name = column.name
            name.withUTF8 { text in unsafe output.appendString(ByteView(UnsafeRawBufferPointer(text))) }
            keyBytes += output.bytes.array
            output.destroy()
            keyBytes.append(UInt8(ascii: ":"))
            fields.append(
                Field(
                    column: column, type: column.type, scale: column.shape.scale, keyFrom: from, keyTo: keyBytes.count))
        }
    }

    private static func append(_ row: Int, _ fields: [Field], _ keys: ByteView, to output: JSONOutput) {
        output.beginObject()
        for index in 0..<fields.count {
            let field = fields[index]
            if field.column.isNull(row) { continue }
            output.appendKey(keys.slice(field.keyFrom, field.keyTo))
            switch field.type {
            case .string: output.appendString(field.column.bytes(row))
            case .json: output.appendDocument(field.column.bytes(row))
            case .int32, .int64: output.appendInteger(field.column.integer(row))
            case .double: output.appendDouble(field.column.double(row))
            case .decimal: output.appendDecimal(field.column.decimal(row), scale: field.scale)
            case .bytes: output.appendBase64(field.column.bytes(row))
            case .boolean: output.appendBoolean(field.column.integer(row) != 0)
            case .timestamp: output.appendTimestamp(field.column.integer(row))
            case .date: output.appendDate(field.column.integer(row))
            }
        }
        output.endObject()
    }
}
