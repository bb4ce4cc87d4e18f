extension DDLParser {
    /// `ignores`: `ALTER IGNORE`, which drops what a new unique key does not allow, and says so to nobody (MariaDB).
    mutating func alterTable(ignores: Bool) -> DDLStatement {
        _ = takeWords("IF", "EXISTS")
        guard let name = statedName() else { return .unreadable(nil, "ALTER TABLE without a name") }
        skipWait()
        var actions: [AlterAction] = []
        while peek.kind != .end, !isSymbol(";") {
            let from = at
            if let reason = alterAction(&actions) { return .unreadable(name, reason) }
            // What stands behind an action and is not understood concerns no column.
            while peek.kind != .end, !isSymbol(","), !isSymbol(";") {
                if let charset = characterSet() {
                    actions.append(.defaultCharset(charset))
                } else if !skipParentheses() {
                    at += 1
                }
            }
            _ = takeSymbol(",")
            if at == from { at += 1 }
        }
        if ignores, actions.contains(where: \.addsUniqueKey) { actions.append(.hiddenRows("ALTER IGNORE")) }
        return .alterTable(name, actions)
    }

    /// Reads one action; the reason if it concerns columns and was not understood.
    private mutating func alterAction(_ actions: inout [AlterAction]) -> String? {
        if takeWord("ADD") { return addAction(&actions) }
        if takeWord("DROP") { return dropAction(&actions) }
        if takeWord("MODIFY") {
            _ = takeWord("COLUMN")
            _ = takeWords("IF", "EXISTS")
            guard let column = columnDefinition() else { return "MODIFY COLUMN is not understood" }
            actions.append(.change(column.name, column, columnPlace()))
            declareKeys(column, &actions)
            return nil
        }
        if takeWord("CHANGE") {
            _ = takeWord("COLUMN")
            _ = takeWords("IF", "EXISTS")
            guard let old = identifier(), let column = columnDefinition() else {
                return "CHANGE COLUMN is not understood"
            }
            actions.append(.change(old, column, columnPlace()))
            declareKeys(column, &actions)
            return nil
        }
        if takeWord("RENAME") { return renameAction(&actions) }
        if takeWord("ALTER") { return alterColumn(&actions) }
        if takeWords("CONVERT", "TO") {
            guard let charset = characterSet() else { return nil }
            actions.append(.convertCharset(charset))
            return nil
        }
        if isWord("CONVERT"), isWord("PARTITION", ahead: 1) || isWord("TABLE", ahead: 1) {
            actions.append(.hiddenRows("CONVERT"))
            return nil
        }
        if isWord("TRUNCATE") || isWord("EXCHANGE") || isWord("IMPORT") || isWord("DISCARD") {
            actions.append(.hiddenRows(text(peek).uppercased()))
            return nil
        }
        if isWord("PARTITION"), isWord("BY", ahead: 1) {
            while peek.kind != .end, !isSymbol(";") { at += 1 }
            return nil
        }
        if let charset = characterSet() {
            actions.append(.defaultCharset(charset))
            return nil
        }
        return nil
    }

    private mutating func addAction(_ actions: inout [AlterAction]) -> String? {
        if isWord("PARTITION"), !isColumn(ahead: 1) {
            skipElement()
            return nil
        }
        if isWord("SYSTEM"), isWord("VERSIONING", ahead: 1) {
            at += 2
            return nil
        }
        if takeWords("PERIOD", "FOR") {
            skipElement()
            return nil
        }
        if let key = keyElement() {
            if case .dropIndex("") = key { return nil }
            actions.append(key)
            return nil
        }
        _ = takeWord("COLUMN")
        let ifNotExists = takeWords("IF", "NOT", "EXISTS")
        if takeSymbol("(") {
            repeat {
                if let key = keyElement() {
                    if case .dropIndex("") = key { continue }
                    actions.append(key)
                    continue
                }
                guard let column = columnDefinition() else { return "ADD COLUMN is not understood" }
                actions.append(.add(column, .last, ifNotExists: ifNotExists))
                declareKeys(column, &actions)
            } while takeSymbol(",")
            _ = takeSymbol(")")
            return nil
        }
        guard let column = columnDefinition() else { return "ADD COLUMN is not understood" }
        actions.append(.add(column, columnPlace() ?? .last, ifNotExists: ifNotExists))
        declareKeys(column, &actions)
        return nil
    }

    /// Whether the word before stands for a column: a type follows.
    private func isColumn(ahead: Int) -> Bool {
        let token = tokens[min(at + ahead, tokens.count - 1)]
        return token.kind == .word && TypeWord.isKnown(text(token).lowercased())
    }

    private func declareKeys(_ column: ColumnDefinition, _ actions: inout [AlterAction]) {
        if column.isPrimary { actions.append(.primaryKey([column.name])) }
        if column.isUnique { actions.append(.unique(UniqueKey(name: nil, columns: [column.name]))) }
    }

    private mutating func dropAction(_ actions: inout [AlterAction]) -> String? {
        if takeWords("PRIMARY", "KEY") {
            actions.append(.dropPrimaryKey)
            return nil
        }
        if isWord("PARTITION"), tokens[min(at + 1, tokens.count - 1)].kind != .symbol, !isSymbol(",", ahead: 1) {
            actions.append(.hiddenRows("DROP PARTITION"))
            skipElement()
            while takeSymbol(",") { skipElement() }
            return nil
        }
        if isWord("SYSTEM"), isWord("VERSIONING", ahead: 1) {
            at += 2
            return nil
        }
        let isFollowed =
            tokens[min(at + 1, tokens.count - 1)].kind != .end && !isSymbol(",", ahead: 1)
            && !isSymbol(";", ahead: 1)
        if isFollowed, takeWord("FOREIGN") || takeWord("CHECK") || takeWord("PERIOD") {
            skipElement()
            return nil
        }
        if isFollowed, takeWord("INDEX") || takeWord("KEY") || takeWord("CONSTRAINT") {
            _ = takeWords("IF", "EXISTS")
            guard let name = identifier() else { return nil }
            actions.append(name.uppercased() == "PRIMARY" ? .dropPrimaryKey : .dropIndex(name))
            return nil
        }
        if isFollowed { _ = takeWord("COLUMN") }
        _ = takeWords("IF", "EXISTS")
        guard let name = identifier() else { return "DROP COLUMN without a name" }
        actions.append(.drop(name))
        _ = takeWord("RESTRICT") || takeWord("CASCADE")
        return nil
    }

    private mutating func renameAction(_ actions: inout [AlterAction]) -> String? {
        if takeWord("COLUMN") {
            _ = takeWords("IF", "EXISTS")
            guard let from = identifier(), takeWord("TO"), let to = identifier() else {
                return "RENAME COLUMN is not understood"
            }
            actions.append(.rename(from, to))
            return nil
        }
        if takeWord("INDEX") || takeWord("KEY") {
            _ = takeWords("IF", "EXISTS")
            guard let from = identifier(), takeWord("TO"), let to = identifier() else { return nil }
            actions.append(.renameIndex(from, to))
            return nil
        }
        _ = takeWord("TO") || takeWord("AS") || takeSymbol("=")
        guard let name = statedName() else { return "RENAME without a name" }
        actions.append(.renameTable(name))
        return nil
    }

    private mutating func alterColumn(_ actions: inout [AlterAction]) -> String? {
        if isWord("INDEX") || isWord("KEY") || isWord("CHECK") || isWord("CONSTRAINT") {
            skipElement()
            return nil
        }
        _ = takeWord("COLUMN")
        _ = takeWords("IF", "EXISTS")
        guard let name = identifier() else { return nil }
        if takeWords("DROP", "DEFAULT") {
            actions.append(.setDefault(name, nil))
        } else if takeWords("SET", "DEFAULT") {
            actions.append(.setDefault(name, defaultClause()))
        }
        return nil
    }

    private mutating func columnPlace() -> ColumnPlace? {
        if takeWord("FIRST") { return .first }
        if takeWord("AFTER"), let name = identifier() { return .after(name) }
        return nil
    }
}
