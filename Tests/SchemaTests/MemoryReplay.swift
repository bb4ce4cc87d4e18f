import Columns
import Event

import JSON
@testable import Schema

/// A replay in plain memory, one row after the other: what the real one must come to.
final class MemoryReplay {
    struct Table {
        var version = 0
        var rows: [[UInt8]: [[TypedValue]]] = [:]
    }

    let history: SchemaHistory
    private let tool: ChangeTool
    private let options: DecodeOptions
    private var tables: [Int: Table] = [:]
    private var decoders: [[Int]: (decoder: RowDecoder, batch: RowBatch)] = [:]
    private(set) var losses: [String: LossCounts] = [:]
    /// Changes that did not fit the state or the schema.
    private(set) var contradictions: [String] = []

    init(_ recording: Recording, dates: DateRule, options: DecodeOptions = DecodeOptions(), schemaFile: [UInt8]? = nil)
    {
        history = SchemaHistory(recording.schema, schemaFile: schemaFile, dates: dates)
        tool = recording.tool
        self.options = options
        run(recording)
    }

    private func run(_ recording: Recording) {
        var events: [(SourcePlace, Int, TableEvent)] = []
        for incarnation in history.incarnations {
            for event in incarnation.events { events.append((event.place, incarnation.id, event)) }
        }
        events.sort { $0.0 < $1.0 }
        let order = recording.changes.indices.sorted {
            let (left, right) = (recording.changes[$0], recording.changes[$1])
            if left.place != right.place { return left.place < right.place }
            if (left.kind == .delete) != (right.kind == .delete) { return left.kind == .delete }
            return $0 < $1
        }
        if tool == .debezium {
            for change in recording.changes {
                guard let (decoder, _) = decoder(change) else { continue }
                if let after = change.after { view(after) { decoder.survey($0) } }
            }
        }
        var next = 0
        for index in order {
            let change = recording.changes[index]
            while next < events.count, events[next].0 <= change.place {
                apply(events[next].2, events[next].1)
                next += 1
            }
            apply(change)
        }
        for event in events[next...] { apply(event.2, event.1) }
        for (key, entry) in decoders {
            losses[history.incarnations[key[0]].name.text, default: LossCounts()].add(entry.decoder.losses)
        }
    }

    private func apply(_ event: TableEvent, _ incarnation: Int) {
        if event.kind != .hiddenRows { tables[incarnation]?.rows = [:] }
    }

    private func decoder(_ change: RecordedChange) -> (RowDecoder, RowBatch)? {
        guard let found = history.table(change.table, at: change.place) else { return nil }
        let key = [found.incarnation, found.version]
        if let made = decoders[key] { return made }
        let version = history.incarnations[found.incarnation].versions[found.version]
        let made = (RowDecoder(version, tool: tool, options: options), RowBatch(shapes: version.shapes))
        decoders[key] = made
        return made
    }

    private func apply(_ change: RecordedChange) {
        guard let found = history.table(change.table, at: change.place), let (decoder, batch) = decoder(change) else {
            contradictions.append("\(change.table.text): not known at \(change.place)")
            return
        }
        var table = tables[found.incarnation] ?? Table()
        tables[found.incarnation] = nil
        carry(&table, found.incarnation, to: found.version)
        let version = history.incarnations[found.incarnation].versions[found.version]
        let key = KeyBytes(version)
        switch change.kind {
        case .truncate: table.rows = [:]
        case .insert, .snapshot:
            let row = read(change.after, nil, decoder, batch, key, change)
            if change.kind == .snapshot || !version.key.isEmpty { table.rows[row.key] = nil }
            table.rows[row.key, default: []].append(row.values)
        case .delete: remove(read(change.before, nil, decoder, batch, key, change), &table, change)
        case .update:
            let before =
                tool == .debezium
                ? read(change.before, nil, decoder, batch, key, change)
                : read(change.after, change.before, decoder, batch, key, change)
            remove(before, &table, change)
            let row = read(change.after, nil, decoder, batch, key, change)
            table.rows[row.key, default: []].append(row.values)
        }
        tables[found.incarnation] = table
    }

    private func remove(_ row: (key: [UInt8], values: [TypedValue]), _ table: inout Table, _ change: RecordedChange) {
        guard var rows = table.rows[row.key], !rows.isEmpty else {
            contradictions.append("\(change.table.text): nothing to \(change.kind) at \(change.place)")
            return
        }
        rows.removeLast()
        table.rows[row.key] = rows.isEmpty ? nil : rows
    }

    private func read(
        _ document: [UInt8]?, _ old: [UInt8]?, _ decoder: RowDecoder, _ batch: RowBatch, _ key: KeyBytes,
        _ change: RecordedChange
    ) -> (key: [UInt8], values: [TypedValue]) {
        batch.removeAll()
        let outcome = view(document ?? []) { document in
            guard let old else {
                return decoder.append(document, to: batch.columns, isSnapshot: change.kind == .snapshot)
            }
            return view(old) { decoder.append(document, patchedBy: $0, to: batch.columns) }
        }
        if !outcome.isFit || outcome.missingCount + outcome.unknownCount > 0 {
            contradictions.append(
                "\(change.table.text): \(outcome) \(outcome.unfitColumn.map { decoder.version.columns[$0].name } ?? "") "
                    + String(decoding: document ?? [], as: UTF8.self).prefix(300))
        }
        guard !outcome.isBroken else { return ([], []) }
        var bytes: [UInt8] = []
        key.append(0, of: batch.columns, to: &bytes)
        return (bytes, batch.columns.map { TypedValue($0, 0) })
    }

    private func view<Result>(_ bytes: [UInt8], _ body: (ByteView) -> Result) -> Result {
        unsafe bytes.withUnsafeBytes { body(unsafe ByteView($0)) }
    }

    /// Brings all rows of a table to a later version.
    private func carry(_ table: inout Table, _ incarnation: Int, to version: Int) {
        guard table.version < version else { return }
        let life = history.incarnations[incarnation]
        let origins = life.origins(from: table.version, to: version)
        let batch = RowBatch(shapes: life.versions[version].shapes)
        let key = KeyBytes(life.versions[version])
        var rows: [[UInt8]: [[TypedValue]]] = [:]
        for row in table.rows.values.joined() {
            batch.removeAll()
            let values = origins.map { origin in
                switch origin {
                case .kept(let index): row[index]
                case .converted(let index, let conversion): conversion.convert(row[index]).0
                case .filled(let value, _): value
                }
            }
            for (value, column) in zip(values, batch.columns) { value.append(to: column) }
            var bytes: [UInt8] = []
            key.append(0, of: batch.columns, to: &bytes)
            rows[bytes, default: []].append(values)
        }
        table.rows = rows
        table.version = version
    }

    /// A table that is there at the end and its rows, cells as the server would print them.
    func rows(_ name: TableName) -> (life: TableIncarnation, rows: [[String]])? {
        guard let incarnation = history.current.first(where: { $0.name == name })?.incarnation else { return nil }
        var table = tables[incarnation] ?? Table()
        carry(&table, incarnation, to: history.incarnations[incarnation].versions.count - 1)
        let version = history.incarnations[incarnation].versions[table.version]
        let printer = RowPrinter(version)
        return (history.incarnations[incarnation], table.rows.values.joined().map { printer.cells($0) })
    }
}

/// Rows as the server prints them.
struct RowPrinter {
    let version: TableVersion
    private let codecs: [ColumnCodec]
    private let batch: RowBatch

    init(_ version: TableVersion) {
        self.version = version
        codecs = version.columns.map { ColumnCodec($0.type, shape: $0.shape, dates: version.dates) }
        batch = RowBatch(shapes: version.shapes)
    }

    func cells(_ values: [TypedValue]) -> [String] {
        batch.removeAll()
        for (value, column) in zip(values, batch.columns) { value.append(to: column) }
        return version.columns.indices.map(cell)
    }

    private func cell(_ index: Int) -> String {
        let column = batch.columns[index]
        guard !column.isNull(0) else { return "\\N" }
        if column.type == .bytes {
            return column.bytes(0).array.map { byte in
                let text = String(byte, radix: 16, uppercase: true)
                return byte < 16 ? "0" + text : text
            }.joined()
        }
        if column.type == .double { return Self.plain(column.double(0)) }
        let scratch = Scratch()
        codecs[index].write(column, 0, to: scratch)
        var text = ""
        for scalar in scratch.view.text.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\t": text += "\\t"
            case "\n": text += "\\n"
            case "\r": text += "\\r"
            case "\0": text += "\\0"
            default: text.unicodeScalars.append(scalar)
            }
        }
        if version.columns[index].type.kind == .year, text == "0" { return "0000" }
        return text
    }

    private static func plain(_ value: Double) -> String { value == 0 ? "0" : "\(value)" }
}
