internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

extension ReplaySession {
    /// The history of the schema as far as a day knows it. Tables without a statement go by what records say of
    /// types, else by their values.
    func history(_ day: String) throws(Failure) -> SchemaHistory {
        var entries = statements.filter { $0.day <= day }.map(\.entry)
        let dates: DateRule = sync.spec.dates == .text ? .text : .typed
        let first = SchemaHistory(entries, schemaFile: sync.schemaFile, dates: dates)
        var inferred: [TableName: TableVersion] = [:]
        for name in names {
            let files = files(of: name).filter { $0.day <= day }
            // Why also where there are statements: the table may have been there before the first of them.
            let end = first.firstPlace(of: name, isExact: hasTwin(name)) ?? .end
            guard !files.isEmpty, try begins(name, files, before: end) else { continue }
            var hasTypes = false
            for file in files {
                let scan = try scan(file, withTypes: true)
                for (document, place) in scan.types where place < end {
                    var entry = SchemaEntry(place: place, database: name.database)
                    entry.table = name.table
                    entry.types = document
                    entry.key = scan.key
                    entries.append(entry)
                    hasTypes = true
                }
            }
            if !hasTypes { inferred[name] = try infer(name, files, day, before: end, dates) }
        }
        let history = SchemaHistory(
            entries, schemaFile: sync.schemaFile, inferred: inferred, dates: dates, sessionZone: sync.sessionZone)
        claimed = Set(history.incarnations.flatMap { $0.names.map(\.name) })
        for problem in history.problems {
            let text = "\(problem.table?.text ?? sync.spec.name): \(problem.message)"
            if !report.problems.contains(text) { report.problems.append(text) }
        }
        return history
    }

    /// Whether another table's name differs from this one by case alone.
    private func hasTwin(_ name: TableName) -> Bool {
        let lower = name.text.lowercased()
        return names.contains { $0 != name && $0.text.lowercased() == lower }
    }

    private func begins(
        _ name: TableName, _ files: [ChangeFile], before end: SourcePlace
    ) throws(Failure) -> Bool {
        if end == .end { return true }
        for (day, files) in Dictionary(grouping: files, by: \.day) {
            if let span = try span(of: name, day, files), span.first < end { return true }
        }
        return false
    }

    private func infer(
        _ name: TableName, _ files: [ChangeFile], _ day: String, before end: SourcePlace, _ dates: DateRule
    ) throws(Failure) -> TableVersion {
        let known = previous.values.first { $0.manifest.source == name && $0.manifest.schemaSource == "inferred" }
        var schema = InferredSchema(known.flatMap { $0.manifest.guessedVersion(dates) })
        for file in files where known == nil || file.day == day {
            let reader = try ParquetReader(
                LocalParquet(store.warehouse + "/" + file.path),
                columns: ["before", "after", "key", "leg", "place_file", "place_position", "place_row"])
            while try reader.next() {
                let columns = reader.rows.columns
                for row in 0..<reader.rows.rowCount {
                    let place = SourcePlace(
                        leg: columns[3].integer(row), file: columns[4].integer(row),
                        position: columns[5].integer(row), row: columns[6].integer(row))
                    guard place < end else { continue }
                    let key = columns[2].isNull(row) ? nil : JSONNames.list(columns[2].bytes(row))
                    for column in columns[0...1] where !column.isNull(row) {
                        schema.observe(column.bytes(row), key: key)
                    }
                }
            }
        }
        return schema.version(from: .beginning, dates: dates)
    }
}

extension StateManifest {
    /// The columns as a version of a table, where they were found out from values.
    func guessedVersion(_ dates: DateRule) -> TableVersion? {
        var parts = columns.map { Self.quoted($0.name) + " " + Self.type($0.shape) }
        if !key.isEmpty { parts.append("PRIMARY KEY (" + key.map(Self.quoted).joined(separator: ", ") + ")") }
        var entry = SchemaEntry(place: .beginning, database: source.database)
        entry.sql = "CREATE TABLE t (" + parts.joined(separator: ", ") + ")"
        return SchemaHistory([entry], dates: dates).incarnations.first?.versions.first
    }

    private static func quoted(_ name: String) -> String {
        "`" + name.replacing(byte: "`", with: "``") + "`"
    }

    private static func type(_ shape: ColumnShape) -> String {
        switch shape.type {
        case .boolean, .int32: "tinyint(1)"
        case .int64: "bigint"
        case .decimal where shape.precision == 20 && shape.scale == 0: "bigint unsigned"
        case .decimal: "decimal(38,\(shape.scale))"
        case .double: "double"
        case .json: "json"
        default: "longtext"
        }
    }
}
