internal import Columns

/// The definition of a table while statements are applied to it.
struct TableDefinition {
    var columns: [(id: Int, column: ColumnDefinition)] = []
    var primaryKey: [Int] = []
    /// Unique keys in the order of their making.
    var uniqueKeys: [(name: String, columns: [Int], isPartial: Bool)] = []
    var charset: String?
    var source = SchemaSource.statement

    func index(of name: String) -> Int? {
        if let index = columns.firstIndex(where: { $0.column.name == name }) { return index }
        let lower = name.lowercased()
        return columns.firstIndex { $0.column.name.lowercased() == lower }
    }

    func id(of name: String) -> Int? { index(of: name).map { columns[$0].id } }

    /// Column ids of the key: the primary one, else the first unique one whose parts may not be null.
    var key: [Int] {
        if !primaryKey.isEmpty { return primaryKey }
        for unique in uniqueKeys where !unique.isPartial && !unique.columns.isEmpty {
            let isFull = unique.columns.allSatisfy { id in columns.contains { $0.id == id && !$0.column.isNullable } }
            if isFull { return unique.columns }
        }
        return []
    }

    mutating func addUnique(_ key: UniqueKey) {
        let ids = key.columns.compactMap { id(of: $0) }
        guard ids.count == key.columns.count else { return }
        var name = key.name ?? key.columns.first ?? "functional_index"
        var number = 2
        while key.name == nil, uniqueKeys.contains(where: { $0.name.lowercased() == name.lowercased() }) {
            name = "\(key.columns.first ?? "functional_index")_\(number)"
            number += 1
        }
        uniqueKeys.append((name, ids, key.isPartial))
    }

    mutating func setPrimary(_ names: [String]) {
        let ids = names.compactMap { id(of: $0) }
        guard ids.count == names.count else { return }
        primaryKey = ids
        for index in columns.indices where ids.contains(columns[index].id) { columns[index].column.isNullable = false }
    }

    mutating func place(_ entry: (id: Int, column: ColumnDefinition), _ place: ColumnPlace) {
        switch place {
        case .last: columns.append(entry)
        case .first: columns.insert(entry, at: 0)
        case .after(let name):
            if let index = index(of: name) { columns.insert(entry, at: index + 1) } else { columns.append(entry) }
        }
    }

    mutating func drop(_ name: String) {
        guard let index = index(of: name) else { return }
        let id = columns[index].id
        columns.remove(at: index)
        primaryKey.removeAll { $0 == id }
        for at in uniqueKeys.indices { uniqueKeys[at].columns.removeAll { $0 == id } }
        uniqueKeys.removeAll { $0.columns.isEmpty }
    }

    /// The version that this definition stands for.
    func version(from place: SourcePlace, _ dates: DateRule) -> TableVersion {
        let resolved = columns.map { id, column in
            var type = column.type
            if type.isText, type.charset == nil { type.charset = charset }
            return TableColumn(
                id: id, name: column.name, type: type, shape: type.shape(dates), isNullable: column.isNullable,
                defaultClause: column.defaultClause, generated: column.generated, isInvisible: column.isInvisible)
        }
        let key = key.compactMap { id in columns.firstIndex { $0.id == id } }
        return TableVersion(from: place, columns: resolved, key: key, source: source, dates: dates)
    }
}

extension TableDefinition {
    /// Applies one action; new columns take ids from `nextColumn`. Returns columns that were added, and what
    /// of the action has no place in this definition.
    mutating func apply(_ action: AlterAction, _ nextColumn: inout Int) -> (added: Int?, problem: String?) {
        switch action {
        case .add(let column, let place, let ifNotExists):
            if index(of: column.name) != nil {
                return (nil, ifNotExists ? nil : "column \(column.name) is there already")
            }
            let id = nextColumn
            nextColumn += 1
            self.place((id, column), place)
            return (id, nil)
        case .drop(let name):
            guard index(of: name) != nil else { return (nil, "there is no column \(name)") }
            drop(name)
        case .change(let name, let column, let place): return (nil, change(name, column, place))
        case .rename(let from, let to):
            guard let index = index(of: from) else { return (nil, "there is no column \(from)") }
            columns[index].column.name = to
        case .setDefault(let name, let clause):
            guard let index = index(of: name) else { return (nil, "there is no column \(name)") }
            columns[index].column.defaultClause = clause
        case .primaryKey(let names): setPrimary(names)
        case .dropPrimaryKey: primaryKey = []
        case .unique(let key): addUnique(key)
        case .dropIndex(let name): uniqueKeys.removeAll { $0.name.lowercased() == name.lowercased() }
        case .renameIndex(let from, let to):
            for at in uniqueKeys.indices where uniqueKeys[at].name.lowercased() == from.lowercased() {
                uniqueKeys[at].name = to
            }
        case .convertCharset(let charset): convert(charset)
        case .defaultCharset(let charset): fixCharset(charset)
        case .renameTable, .partitionRows: break
        }
        return (nil, nil)
    }

    private mutating func change(_ name: String, _ column: ColumnDefinition, _ place: ColumnPlace?) -> String? {
        guard let index = index(of: name) else { return "there is no column \(name)" }
        let id = columns[index].id
        var column = column
        if primaryKey.contains(id) { column.isNullable = false }
        guard let place else {
            columns[index].column = column
            return nil
        }
        columns.remove(at: index)
        self.place((id, column), place)
        return nil
    }

    private mutating func convert(_ charset: String) {
        for index in columns.indices where columns[index].column.type.isText {
            columns[index].column.type.collation = nil
            columns[index].column.type.charset = charset
            if charset == "binary" { columns[index].column.type = columns[index].column.type.asBinary }
        }
        self.charset = charset
    }

    /// A new default leaves the columns that are there as they are: they keep the old one.
    private mutating func fixCharset(_ charset: String) {
        for index in columns.indices where columns[index].column.type.isText {
            if columns[index].column.type.charset == nil { columns[index].column.type.charset = self.charset }
        }
        self.charset = charset
    }
}
