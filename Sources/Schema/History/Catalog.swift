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

    /// The version that this definition stands for.
    func version(from place: SourcePlace, _ dates: DateRule) -> TableVersion {
        let resolved = columns.map { id, column in
            var type = column.type
            if type.isText, type.charset == nil { type.charset = charset }
            return TableColumn(
                id: id, name: column.name, type: type, shape: type.shape(dates), isNullable: column.isNullable,
                defaultClause: column.defaultClause, generated: column.generated, isInvisible: column.isInvisible,
                isStale: column.isStale)
        }
        let key = key.compactMap { id in columns.firstIndex { $0.id == id } }
        return TableVersion(from: place, columns: resolved, key: key, source: source, dates: dates)
    }
}

extension TableDefinition {
    /// Applies the actions of one statement; new columns take ids from `nextColumn`. Returns the columns that were
    /// added, and what has no place in this definition.
    ///
    /// Order: as the server does it. All names but those behind AFTER are the names before the statement, so that
    /// two columns may change names, and a new one take a name that is given up; columns are dropped first, changed
    /// where they are, added, and then moved in the order of the statement; keys come last.
    mutating func apply(_ actions: [AlterAction], _ nextColumn: inout Int) -> (added: [Int], problems: [String]) {
        var problems: [String] = []
        var added: [Int] = []
        for action in actions {
            switch action {
            case .convertCharset(let charset): convert(charset)
            case .defaultCharset(let charset): fixCharset(charset)
            case .dropPrimaryKey: primaryKey = []
            case .dropIndex(let name): uniqueKeys.removeAll { $0.name.lowercased() == name.lowercased() }
            default: break
            }
        }
        for case .drop(let name) in actions where !drop(name) { problems.append("there is no column \(name)") }
        let before = columns
        func id(_ name: String) -> Int? {
            let found =
                before.first { $0.column.name == name }
                ?? before.first { $0.column.name.lowercased() == name.lowercased() }
            if found == nil { problems.append("there is no column \(name)") }
            return found?.id
        }
        var moves = [(id: Int, place: ColumnPlace)?](repeating: nil, count: actions.count)
        for (at, action) in actions.enumerated() {
            switch action {
            case .rename(let from, let to):
                if let id = id(from), let index = index(ofID: id) { columns[index].column.name = to }
            case .setDefault(let name, let clause):
                if let id = id(name), let index = index(ofID: id) { columns[index].column.defaultClause = clause }
            case .change(let name, let column, let place):
                guard let id = id(name), let index = index(ofID: id) else { continue }
                columns[index].column = column
                if primaryKey.contains(id) { columns[index].column.isNullable = false }
                if let place { moves[at] = (id, place) }
            default: break
            }
        }
        for (at, action) in actions.enumerated() {
            guard case .add(let column, let place, let ifNotExists) = action else { continue }
            guard index(of: column.name) == nil else {
                if !ifNotExists { problems.append("column \(column.name) is there already") }
                continue
            }
            columns.append((nextColumn, column))
            added.append(nextColumn)
            moves[at] = (nextColumn, place)
            nextColumn += 1
        }
        for case .some(let (id, place)) in moves { move(id, place) }
        for action in actions { applyKey(action) }
        return (added, problems)
    }

    private mutating func applyKey(_ action: AlterAction) {
        switch action {
        case .primaryKey(let names): setPrimary(names)
        case .unique(let key): addUnique(key)
        case .renameIndex(let from, let to):
            for at in uniqueKeys.indices where uniqueKeys[at].name.lowercased() == from.lowercased() {
                uniqueKeys[at].name = to
            }
        default: break
        }
    }

    private func index(ofID id: Int) -> Int? { columns.firstIndex { $0.id == id } }

    private mutating func move(_ id: Int, _ place: ColumnPlace) {
        guard let index = index(ofID: id) else { return }
        let entry = columns.remove(at: index)
        switch place {
        case .last: columns.append(entry)
        case .first: columns.insert(entry, at: 0)
        case .after(let name):
            if let other = self.index(of: name) {
                columns.insert(entry, at: other + 1)
            } else {
                columns.insert(entry, at: index)
            }
        }
    }

    private mutating func drop(_ name: String) -> Bool {
        guard let index = index(of: name) else { return false }
        let id = columns[index].id
        columns.remove(at: index)
        primaryKey.removeAll { $0 == id }
        for at in uniqueKeys.indices { uniqueKeys[at].columns.removeAll { $0 == id } }
        uniqueKeys.removeAll { $0.columns.isEmpty }
        return true
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
