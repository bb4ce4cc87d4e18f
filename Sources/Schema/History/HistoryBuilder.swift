/// Applies statements in source order and keeps what became of every table.
///
/// Invariants: a name means at most one incarnation that is alive; the definitions are those behind the last
/// statement applied; a version is added only where rows look different behind a statement.
struct HistoryBuilder {
    let dates: DateRule
    let clock: SessionClock?
    private(set) var incarnations: [TableIncarnation] = []
    private(set) var problems: [SchemaProblem] = []
    private(set) var names = NameHistory()
    private var definitions: [TableDefinition] = []
    private var databaseCharsets: [String: String] = [:]
    private var current = ""
    private var place = SourcePlace.beginning
    private var committed: Int64?
    /// Statements at the place of the last one, to leave out those that a tool repeats.
    private var lastTexts: Set<String> = []
    /// Tables dropped at the place of the last statement: a snapshot drops and creates what goes on.
    private var lastDrops: [TableName: Int] = [:]

    init(dates: DateRule, clock: SessionClock?) { (self.dates, self.clock) = (dates, clock) }

    /// Statements that stand before every change.
    mutating func load(_ text: [UInt8], database: String) {
        current = database
        for statement in SchemaFile.statements(text) { apply(statement, nil) }
        lastDrops = [:]
    }

    /// A table known from its values alone.
    mutating func add(inferred version: TableVersion, _ name: TableName) {
        let id = create(name, TableDefinition(), at: version.from)
        incarnations[id].versions = [version]
        incarnations[id].fills = [[:]]
        incarnations[id].nextColumn = (version.columns.map(\.id).max() ?? -1) + 1
        definitions[id].source = .inferred
        definitions[id].columns = version.columns.map { column in
            var definition = ColumnDefinition(name: column.name, type: column.type)
            definition.isNullable = column.isNullable
            return (column.id, definition)
        }
        definitions[id].primaryKey = version.key.map { version.columns[$0].id }
    }

    mutating func apply(_ entry: SchemaEntry) {
        if !entry.place.isBeside(place) {
            lastTexts = []
            lastDrops = [:]
        }
        place = entry.place
        committed = entry.committed
        current = entry.database
        guard let sql = entry.sql else {
            applyTypes(entry)
            return
        }
        let statements = DDLParser.statements(sql)
        if statements.count == 1, case .renameTables = statements[0], let table = entry.table,
            let name = entry.types.flatMap(TypesDocument.name)
        {
            // Why not by the text: its names without a database belong to the session's. Each step has a record.
            return rename(TableName(entry.database, table), name)
        }
        guard lastTexts.insert(sql).inserted else { return }
        for statement in statements { apply(statement, entry) }
    }

    private mutating func apply(_ statement: DDLStatement, _ entry: SchemaEntry?) {
        switch statement {
        case .ignored: break
        case .use(let name): current = name
        case .createDatabase(let name, let charset): databaseCharsets[name] = charset
        case .alterDatabase(let name, let charset):
            if let charset { databaseCharsets[name ?? current] = charset }
        case .dropDatabase(let name):
            for table in names.tables(of: name) { drop(table, ifExists: true) }
            databaseCharsets[name] = nil
        case .createTable(let table): create(table, entry)
        case .alterTable(let name, let actions):
            var table = name.resolved(current)
            for case .renameTable(let to) in actions {
                table = source(ofRename: name, to: to.resolved(current), actions, entry)
            }
            alter(table, actions, entry)
        case .renameTables(let pairs):
            for (from, to) in pairs {
                let new = to.resolved(current)
                rename(source(ofRename: from, to: new, [], entry), new)
            }
        case .dropTables(let tables, let ifExists):
            for table in tables { drop(table.resolved(current), ifExists: ifExists) }
        case .truncate(let name):
            guard let id = names.current(name.resolved(current)) else { return }
            incarnations[id].events.append(TableEvent(place: place, kind: .truncated))
        case .unreadable(let name, let reason):
            if let entry, entry.types != nil, applyTypes(entry, isOverride: true) { return }
            note(name?.resolved(current), reason)
        }
    }

    private mutating func note(_ table: TableName?, _ message: String) {
        guard problems.count < SchemaHistory.maximumProblemCount else { return }
        problems.append(SchemaProblem(place: place, table: table, message: message))
    }

    // MARK: statements

    private mutating func create(_ statement: CreateTable, _ entry: SchemaEntry?) {
        let name = statement.name.resolved(current)
        let there = names.currentExact(name)
        if there != nil, statement.ifNotExists { return }
        guard let definition = definition(statement, name, entry) else { return }
        if let gone = lastDrops.removeValue(forKey: name) {
            revive(gone, name, definition)
            return
        }
        if let there {
            // The drop before it was not seen, or this is OR REPLACE.
            if !statement.orReplace { note(name, "created while it was there: taken as a new table") }
            end(there, name)
        }
        let id = create(name, definition, at: place)
        // Why not their count: a copy of a table that was altered has gaps in its numbers.
        incarnations[id].nextColumn = (definition.columns.map(\.id).max() ?? -1) + 1
        addVersion(id, [:])
        if definition.columns.isEmpty, let entry { applyTypes(entry, isOverride: true) }
    }

    private mutating func definition(
        _ statement: CreateTable, _ name: TableName, _ entry: SchemaEntry?
    ) -> TableDefinition? {
        if let like = statement.like {
            let (source, isCertain) = source(of: like, name, entry)
            guard let source else {
                // What the tool says of the columns counts then.
                if entry?.types == nil { note(name, "made like \(like.resolved(current).text), which is not known") }
                return TableDefinition()
            }
            var copy = definitions[source]
            copy.source = isCertain ? .statement : .types
            return copy
        }
        if statement.hasSelect, statement.columns.isEmpty {
            note(name, "made from a SELECT: its columns are not known from the statement")
        }
        var definition = TableDefinition()
        definition.charset = statement.charset ?? databaseCharsets[name.database]
        for (id, column) in statement.columns.enumerated() {
            guard definition.index(of: column.name) == nil else { continue }
            definition.columns.append((id, column))
        }
        for column in statement.columns where column.type.charset == "binary" {
            guard let index = definition.index(of: column.name) else { continue }
            definition.columns[index].column.type = column.type.asBinary
        }
        if let key = statement.primaryKey { definition.setPrimary(key) }
        for key in statement.uniqueKeys { definition.addUnique(key) }
        return definition
    }

    /// The table that `CREATE ... LIKE` copies; not certain: what rows say of types counts. Why not by name alone: one
    /// without a database belongs to the session's, and tools' records name the new table's; the columns that Maxwell
    /// states tell which one was meant.
    private func source(of like: StatedName, _ name: TableName, _ entry: SchemaEntry?) -> (Int?, isCertain: Bool) {
        let near = names.current(like.resolved(current))
        guard like.database == nil, let entry else { return (near, true) }
        let candidates = [near].compactMap(\.self) + names.current(table: like.table).map(\.incarnation)
        if let stated = statedColumns(of: name, entry) { return (candidates.first { columnNames($0) == stated }, true) }
        return (candidates.first, Set(candidates.map(columnNames)).count == 1)
    }

    /// The names of a table's columns behind a statement, where the record says them.
    private func statedColumns(of name: TableName, _ entry: SchemaEntry) -> [String]? {
        entry.types.flatMap { types in
            TypesDocument.tables(types, database: entry.database, table: entry.table, key: entry.key)
                .first { $0.0 == name }?.1.columns.map(\.name)
        }
    }

    /// The table that a statement renames. Why not by name alone: one without a database belongs to the session's, and
    /// Debezium's records name the database that the table went to; the columns that it has there tell which was meant.
    private func source(
        ofRename from: StatedName, to: TableName, _ actions: [AlterAction], _ entry: SchemaEntry?
    ) -> TableName {
        let near = from.resolved(current)
        guard from.database == nil, let entry, let stated = statedColumns(of: to, entry) else { return near }
        func becomesStated(_ id: Int) -> Bool {
            var (definition, next) = (definitions[id], incarnations[id].nextColumn)
            _ = definition.apply(actions, &next)
            return definition.columns.map(\.column.name) == stated
        }
        if let id = names.current(near), becomesStated(id) { return near }
        let others = names.current(table: from.table).filter { becomesStated($0.incarnation) }
        return others.count == 1 ? others[0].name : near
    }

    private func columnNames(_ id: Int) -> [String] { definitions[id].columns.map(\.column.name) }

    @discardableResult
    private mutating func create(_ name: TableName, _ definition: TableDefinition, at place: SourcePlace) -> Int {
        let id = incarnations.count
        incarnations.append(TableIncarnation(id: id, born: place, clock: clock, names: [(place, name)]))
        definitions.append(definition)
        names.set(name, id, from: place)
        return id
    }

    /// Goes on with a table that was dropped and created at one place: a snapshot's way of saying its columns.
    private mutating func revive(_ id: Int, _ name: TableName, _ definition: TableDefinition) {
        if incarnations[id].events.last?.kind == .dropped { incarnations[id].events.removeLast() }
        names.set(name, id, from: place)
        var definition = definition
        var next = incarnations[id].nextColumn
        var map: [Int: Int] = [:]
        for index in definition.columns.indices {
            let column = definition.columns[index]
            if let known = definitions[id].id(of: column.column.name) {
                map[column.id] = known
            } else {
                map[column.id] = next
                next += 1
            }
            definition.columns[index].id = map[column.id] ?? next
        }
        definition.primaryKey = definition.primaryKey.compactMap { map[$0] }
        for at in definition.uniqueKeys.indices {
            definition.uniqueKeys[at].columns = definition.uniqueKeys[at].columns.compactMap { map[$0] }
        }
        incarnations[id].nextColumn = next
        definitions[id] = definition
        addVersion(id, [:])
    }

    private mutating func alter(_ name: TableName, _ actions: [AlterAction], _ entry: SchemaEntry?) {
        guard let id = names.current(name) else {
            if let entry, entry.types != nil, applyTypes(entry, isOverride: true) { return }
            if !actions.isEmpty { note(name, "altered, but not known") }
            return
        }
        for case .hiddenRows in actions {
            incarnations[id].events.append(TableEvent(place: place, kind: .hiddenRows))
        }
        var next = incarnations[id].nextColumn
        if definitions[id].source == .inferred, let entry, entry.types != nil {
            // What the tool says is more than was guessed, and what the statement says of the guesses.
            let names = actions.filter {
                switch $0 {
                case .rename, .change: true
                default: false
                }
            }
            _ = definitions[id].apply(names, &next)
            if applyTypes(entry, isOverride: true) { return renameTable(name, actions, entry) }
        }
        let (newColumns, problems) = definitions[id].apply(actions, &next)
        for problem in problems { note(name, problem) }
        var added = Dictionary(uniqueKeysWithValues: newColumns.map { ($0, (TypedValue.null, false)) })
        incarnations[id].nextColumn = next
        let version = definitions[id].version(from: place, dates)
        for column in version.columns where added[column.id] != nil {
            guard let definition = definitions[id].columns.first(where: { $0.id == column.id })?.column else {
                continue
            }
            let fill = DefaultValue(
                definition, shape: column.shape, dates: dates, statementTime: committed, clock: clock)
            added[column.id] = (fill.value, fill.isKnown)
        }
        addVersion(id, added)
        renameTable(name, actions, entry)
    }

    private mutating func renameTable(_ name: TableName, _ actions: [AlterAction], _ entry: SchemaEntry?) {
        let stated = entry?.types.flatMap(TypesDocument.name)
        // Without a database it is the session's, not the table's (RENAME opt_to table_ident, sql/sql_yacc.yy).
        for case .renameTable(let to) in actions { rename(name, stated ?? to.resolved(current)) }
    }

    private mutating func rename(_ from: TableName, _ to: TableName) {
        guard let id = names.current(from) else {
            // A tool may say each step of a rename, and all of it.
            if names.current(to) == nil { note(from, "renamed to \(to.text), but not known") }
            return
        }
        if let there = names.current(to), there != id {
            note(to, "a table is renamed to a name that is taken: the one before it is gone")
            end(there, to)
        }
        names.set(from, nil, from: place)
        names.set(to, id, from: place)
        incarnations[id].names.append((place, to))
    }

    private mutating func drop(_ name: TableName, ifExists: Bool) {
        guard let id = names.current(name) else { return }
        end(id, name)
        lastDrops[name] = id
    }

    private mutating func end(_ id: Int, _ name: TableName) {
        incarnations[id].events.append(TableEvent(place: place, kind: .dropped))
        names.set(name, nil, from: place)
    }

    private mutating func addVersion(_ id: Int, _ fills: [Int: (TypedValue, Bool)]) {
        let version = definitions[id].version(from: place, dates)
        if let last = incarnations[id].versions.last {
            if last.isAlike(version), fills.isEmpty { return }
            if last.from == place {
                // Several statements at one place: what lies between them is seen by no row.
                let index = incarnations[id].versions.count - 1
                incarnations[id].versions[index] = version
                incarnations[id].fills[index].merge(fills) { $1 }
                return
            }
        }
        incarnations[id].versions.append(version)
        incarnations[id].fills.append(fills)
    }

    // MARK: types

    /// What a record says of types: counts where no statement says it, or where the statement was not understood.
    @discardableResult
    private mutating func applyTypes(_ entry: SchemaEntry, isOverride: Bool = false) -> Bool {
        guard let bytes = entry.types else { return false }
        let tables = TypesDocument.tables(bytes, database: entry.database, table: entry.table, key: entry.key)
        for (name, stated) in tables {
            // Why exact for a row's record: its names are the server's own.
            let there = entry.sql == nil ? names.currentExact(name) : names.current(name)
            if let there, definitions[there].source == .statement, !definitions[there].columns.isEmpty, !isOverride {
                continue
            }
            let id = there ?? create(name, TableDefinition(), at: place)
            adopt(id, stated, isWhole: entry.sql != nil)
        }
        return !tables.isEmpty
    }

    /// Makes a table's columns those that a record states: by name, new ones added. What a row's record leaves out
    /// stays, unless it `isWhole`: the table behind a statement.
    private mutating func adopt(_ id: Int, _ stated: TypesDocument.Table, isWhole: Bool) {
        var next = incarnations[id].nextColumn
        var columns: [(id: Int, column: ColumnDefinition)] = []
        var added: [Int: (TypedValue, Bool)] = [:]
        for column in stated.columns {
            if let known = definitions[id].id(of: column.name) {
                if !columns.contains(where: { $0.id == known }) { columns.append((known, column)) }
            } else if !columns.contains(where: { $0.column.name.lowercased() == column.name.lowercased() }) {
                columns.append((next, column))
                if !incarnations[id].versions.isEmpty {
                    let shape = column.type.shape(dates)
                    let fill = DefaultValue(
                        column, shape: shape, dates: dates, statementTime: committed, clock: clock)
                    added[next] = (fill.value, fill.isKnown)
                }
                next += 1
            }
        }
        for (known, column) in definitions[id].columns where !isWhole && !columns.contains(where: { $0.id == known }) {
            var column = column
            (column.isStale, column.isNullable) = (true, true)
            columns.append((known, column))
        }
        incarnations[id].nextColumn = next
        definitions[id].columns = columns
        definitions[id].source = .types
        definitions[id].uniqueKeys = []
        if let key = stated.key { definitions[id].setPrimary(key) }
        addVersion(id, added)
    }
}
