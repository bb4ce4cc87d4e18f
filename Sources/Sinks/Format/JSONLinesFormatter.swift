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
/// - list: an array, map: an object with the keys as strings, struct: an object; nulls in lists and maps are
///   `null`, those of a struct are left out.
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
        /// Of nested columns: the fields of their children.
        var children = 0..<0
    }
    /// Fields of the table's columns; those of nested ones stand behind them.
    private var rootCount = 0

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
        let (fields, keyBytes, outputs, rootCount) = (self.fields, self.keyBytes, self.outputs, self.rootCount)
        unsafe keyBytes.withUnsafeBytes { bytes in
            let keys = unsafe ByteView(bytes)
            for row in 0..<rows.rowCount { Self.append(row, fields, rootCount, keys, to: outputs[Int(rowGroup[row])]) }
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
    func prepare(_ columns: [Column]) {
        fields.removeAll(keepingCapacity: true)
        keyBytes.removeAll(keepingCapacity: true)
        rootCount = columns.count
        add(columns)
        var index = 0
        while index < fields.count {
            if fields[index].type.isNested {
                let children = fields[index].column.children
                fields[index].children = fields.count..<fields.count + children.count
                add(children)
            }
            index += 1
        }
    }

    private func add(_ columns: [Column]) {
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

    /// Appends the value of one of the columns that were prepared; it is not null.
    func appendValue(_ row: Int, of column: Int, to output: JSONOutput) {
        unsafe keyBytes.withUnsafeBytes { bytes in
            Self.appendValue(row, fields[column], fields, unsafe ByteView(bytes), to: output)
        }
    }

    private static func append(
        _ row: Int, _ fields: [Field], _ rootCount: Int, _ keys: ByteView, to output: JSONOutput
    ) {
        output.beginObject()
        for index in 0..<rootCount {
            let field = fields[index]
            if field.column.isNull(row) { continue }
            output.appendKey(keys.slice(field.keyFrom, field.keyTo))
            appendValue(row, field, fields, keys, to: output)
        }
        output.endObject()
    }

    /// Appends a value that is not null.
    @inline(__always)
    private static func appendValue(
        _ row: Int, _ field: Field, _ fields: [Field], _ keys: ByteView, to output: JSONOutput
    ) {
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
        case .list, .map, .structure: appendNested(row, field, fields, keys, to: output)
        }
    }

    private static func appendNested(
        _ row: Int, _ field: Field, _ fields: [Field], _ keys: ByteView, to output: JSONOutput
    ) {
        let first = fields[field.children.lowerBound]
        switch field.type {
        case .list:
            output.appendByte(UInt8(ascii: "["))
            let range = field.column.range(row)
            for element in range {
                if element > range.lowerBound { output.appendByte(UInt8(ascii: ",")) }
                appendElement(element, first, fields, keys, to: output)
            }
            output.appendByte(UInt8(ascii: "]"))
        case .map:
            let value = fields[field.children.lowerBound + 1]
            let isQuoted = first.type == .string || first.type == .date
            output.appendByte(UInt8(ascii: "{"))
            let range = field.column.range(row)
            for element in range {
                if element > range.lowerBound { output.appendByte(UInt8(ascii: ",")) }
                if !isQuoted { output.appendByte(UInt8(ascii: "\"")) }
                appendElement(element, first, fields, keys, to: output)
                if !isQuoted { output.appendByte(UInt8(ascii: "\"")) }
                output.appendByte(UInt8(ascii: ":"))
                appendElement(element, value, fields, keys, to: output)
            }
            output.appendByte(UInt8(ascii: "}"))
        default:
            output.appendByte(UInt8(ascii: "{"))
            var isFirst = true
            for index in field.children where !fields[index].column.isNull(row) {
                let child = fields[index]
                output.appendKey(keys.slice(child.keyFrom + (isFirst ? 1 : 0), child.keyTo))
                appendElement(row, child, fields, keys, to: output)
                isFirst = false
            }
            output.appendByte(UInt8(ascii: "}"))
        }
    }

    private static func appendElement(
        _ row: Int, _ field: Field, _ fields: [Field], _ keys: ByteView, to output: JSONOutput
    ) {
        if field.column.isNull(row) {
            output.appendNull()
        } else {
            appendValue(row, field, fields, keys, to: output)
        }
    }
}
