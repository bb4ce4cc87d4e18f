internal import Columns
internal import Event
internal import Schema

/// Statements and rows of synced tables.
///
/// `ddl`: statements, separated by a zero byte, one behind the other; the first byte says whether they are a schema
/// file, or what a record says of types. Promises: columns have numbers of their own, keys are columns, every
/// version's columns have an origin in every earlier one.
///
/// `row`: the first byte chooses the tool and the rule for dates, a zero byte parts the row from an old image.
/// Promises: a row appends one value to every column, or none to any.
enum SchemaFuzz {
    static let names = ["ddl", "row"]

    // MARK: Statements

    static func statementFault(_ input: ByteView) -> String? {
        guard !input.isEmpty else { return nil }
        let mode = input[0] & 3
        var entries: [SchemaEntry] = []
        var from = 1
        while from <= input.count, entries.count < 64 {
            let end = from < input.count ? input.firstIndex(of: 0, from: from) : from
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: Int64(entries.count)), database: "d")
            entry.table = "t"
            entry.committed = 1_709_100_461_000_000
            let bytes = input.slice(from, end)
            if mode == 2, entries.count % 2 == 1 { entry.types = bytes.array } else { entry.sql = bytes.text }
            entries.append(entry)
            from = end + 1
        }
        let file = mode == 1 ? input.slice(1, input.count).array : nil
        for dates in DateRule.allCases {
            let made = SchemaHistory(mode == 1 ? [] : entries, schemaFile: file, database: "d", dates: dates)
            if let fault = fault(made) { return fault }
        }
        return nil
    }

    private static func fault(_ history: SchemaHistory) -> String? {
        for life in history.incarnations {
            for version in life.versions {
                if Set(version.columns.map(\.id)).count != version.columns.count { return "columns of one number" }
                if !version.key.allSatisfy({ version.columns.indices.contains($0) }) { return "a key of no column" }
            }
            guard let last = life.versions.indices.last else { continue }
            for from in life.versions.indices
            where life.origins(from: from, to: last).count != life.versions[last].columns.count {
                return "columns without an origin"
            }
        }
        for (name, id) in history.current where history.incarnations[id].name != name { return "two names" }
        return nil
    }

    // MARK: Rows

    private static let statement = """
        CREATE TABLE t (a int, b bigint unsigned, c decimal(20,4), d decimal(65,30), e float, f double, g bit(64),
        h bit(1), i year, j date, k datetime(3), l timestamp(6) null, m time(6), n text charset latin1,
        o enum('a','b,c') not null, p set('x','y'), q json, r binary(4), s varbinary(9), u geometry,
        v uuid, w int not null default 3, x tinyint(1))
        """

    private static let version: TableVersion? = {
        var entry = SchemaEntry(place: .beginning, database: "d")
        entry.sql = statement
        return SchemaHistory([entry], dates: .typed).incarnations.first?.versions.first
    }()

    static func rowFault(_ input: ByteView) -> String? {
        guard !input.isEmpty, var version else { return nil }
        let tool = ChangeTool.allCases[Int(input[0] & 0x0F) % ChangeTool.allCases.count]
        if input[0] & 0x10 != 0 { version.dates = .text }
        if version.dates == .text {
            for at in version.columns.indices { version.columns[at].shape = version.columns[at].type.shape(.text) }
        }
        let end = input.firstIndex(of: 0, from: 1)
        let row = input.slice(1, end)
        let old = end < input.count ? input.slice(end + 1, input.count) : nil
        let decoder = RowDecoder(version, tool: tool)
        let batch = RowBatch(shapes: version.shapes)
        if input[0] & 0x20 != 0 { decoder.survey(row) }
        var count = 0
        for isSnapshot in [false, true] {
            let outcome = decoder.append(row, to: batch.columns, isSnapshot: isSnapshot)
            if !outcome.isBroken { count += 1 }
            if let fault = fault(batch, count, outcome) { return fault }
        }
        if let old {
            let outcome = decoder.append(row, patchedBy: old, to: batch.columns)
            if !outcome.isBroken { count += 1 }
            if let fault = fault(batch, count, outcome) { return fault }
        }
        return decoder.losses.list.allSatisfy { $0.count > 0 } ? nil : "losses below zero"
    }

    private static func fault(_ batch: RowBatch, _ count: Int, _ outcome: RowOutcome) -> String? {
        if !batch.columns.allSatisfy({ $0.count == count }) { return "columns of different lengths" }
        return outcome.unfitCount + outcome.missingCount <= batch.columns.count ? nil : "more faults than columns"
    }
}
