extension DDLParser {
    mutating func createTable(orReplace: Bool) -> DDLStatement {
        let ifNotExists = takeWords("IF", "NOT", "EXISTS")
        guard let name = statedName() else { return .unreadable(nil, "CREATE TABLE without a name") }
        var table = CreateTable(name: name)
        table.orReplace = orReplace
        table.ifNotExists = ifNotExists
        if takeWord("LIKE") {
            guard let source = statedName() else { return .unreadable(name, "LIKE without a table") }
            table.like = source
            return .createTable(table)
        }
        if isSymbol("("), isWord("LIKE", ahead: 1) {
            at += 2
            guard let source = statedName() else { return .unreadable(name, "LIKE without a table") }
            table.like = source
            return .createTable(table)
        }
        if isSymbol("("), !isWord("SELECT", ahead: 1) {
            at += 1
            repeat {
                if isSymbol(")") { break }
                if let reason = tableElement(&table) { return .unreadable(name, reason) }
            } while takeSymbol(",")
            guard takeSymbol(")") else { return .unreadable(name, "columns of CREATE TABLE do not end where expected") }
        }
        tableOptions(&table)
        settle(&table)
        return .createTable(table)
    }

    /// Keys that columns declare for themselves, and what a primary key means for its columns.
    private func settle(_ table: inout CreateTable) {
        for column in table.columns {
            if column.isPrimary, table.primaryKey == nil { table.primaryKey = [column.name] }
            if column.isUnique { table.uniqueKeys.append(UniqueKey(name: nil, columns: [column.name])) }
        }
    }

    /// One column or key of the list; the reason if it was not understood.
    private mutating func tableElement(_ table: inout CreateTable) -> String? {
        if takeWords("PERIOD", "FOR") {
            _ = identifier()
            skipParentheses()
            return nil
        }
        if let key = keyElement() {
            switch key {
            case .primaryKey(let parts): table.primaryKey = parts
            case .unique(let unique): table.uniqueKeys.append(unique)
            default: break
            }
            return nil
        }
        guard let column = columnDefinition() else { return "a column of CREATE TABLE is not understood" }
        table.columns.append(column)
        return nil
    }

    /// What `keyElement` finds that leads nowhere: an index, a check, a foreign key.
    private static let noKey = AlterAction.dropIndex("")

    /// A key or constraint, nil if a column stands here. `dropIndex("")` for what is no unique key.
    mutating func keyElement() -> AlterAction? {
        let from = at
        if takeWord("CONSTRAINT") {
            if !isWord("PRIMARY"), !isWord("UNIQUE"), !isWord("FOREIGN"), !isWord("CHECK") { _ = identifier() }
        }
        if isWord("PRIMARY"), isWord("KEY", ahead: 1) {
            at += 2
            skipIndexType()
            // A name is taken and forgotten by the server.
            if !isSymbol("(") { _ = identifier() }
            skipIndexType()
            guard let key = keyParts(name: nil) else { return nil }
            skipIndexOptions()
            return .primaryKey(key.columns)
        }
        if isWord("UNIQUE"), !startsColumnType(ahead: 1) {
            at += 1
            if isWord("KEY") || isWord("INDEX") { at += 1 }
            _ = takeWords("IF", "NOT", "EXISTS")
            var name: String?
            if !isSymbol("("), !isWord("USING") { name = identifier() }
            skipIndexType()
            guard let key = keyParts(name: name) else { return nil }
            skipIndexOptions()
            return .unique(key)
        }
        if isIndexStart || isWord("FOREIGN") && isWord("KEY", ahead: 1) || isWord("CHECK") && isSymbol("(", ahead: 1) {
            skipElement()
            return Self.noKey
        }
        at = from
        return nil
    }

    /// `KEY name (`, `INDEX (`, `FULLTEXT ...`: and not a column of that name.
    private var isIndexStart: Bool {
        guard isWord("KEY") || isWord("INDEX") || isWord("FULLTEXT") || isWord("SPATIAL") || isWord("VECTOR")
        else { return false }
        return !startsColumnType(ahead: 1)
    }

    /// Whether a type of a column stands ahead, so that the word before it is a column's name.
    private func startsColumnType(ahead: Int) -> Bool {
        let token = tokens[min(at + ahead, tokens.count - 1)]
        guard token.kind == .word else { return false }
        let word = text(token).lowercased()
        guard word != "key", word != "index" else { return false }
        guard TypeWord.isKnown(word) else { return false }
        // `KEY date (date)` is an index named date; `key date NOT NULL` a column.
        guard isSymbol("(", ahead: ahead + 1) else { return true }
        return tokens[min(at + ahead + 2, tokens.count - 1)].kind == .number
            || tokens[min(at + ahead + 2, tokens.count - 1)].kind == .string
    }

    mutating func skipIndexType() {
        while takeWord("USING") || takeWord("TYPE") { _ = identifier() }
    }

    mutating func skipIndexOptions() {
        while peek.kind != .end, !isSymbol(","), !isSymbol(")"), !isSymbol(";") {
            if !skipParentheses() { at += 1 }
        }
    }

    /// To the end of an element of a list.
    mutating func skipElement() { skipIndexOptions() }

    /// `(a, b(10), c DESC)`.
    mutating func keyParts(name: String?) -> UniqueKey? {
        guard takeSymbol("(") else { return nil }
        var key = UniqueKey(name: name, columns: [])
        repeat {
            if isSymbol("(") {
                skipParentheses()
                key.isPartial = true
            } else {
                guard let column = identifier() else { return nil }
                key.columns.append(column)
                if isSymbol("(") {
                    skipParentheses()
                    key.isPartial = true
                }
            }
            if takeWord("WITHOUT") { _ = takeWord("OVERLAPS") }
            _ = takeWord("ASC") || takeWord("DESC")
        } while takeSymbol(",")
        guard takeSymbol(")"), !key.columns.isEmpty || key.isPartial else { return nil }
        return key
    }

    private mutating func tableOptions(_ table: inout CreateTable) {
        while peek.kind != .end, !isSymbol(";") {
            if isWord("SELECT")
                || isWord("WITH") && !isWord("SYSTEM", ahead: 1) && tokens[at].from > 0
                    && (isWord("RECURSIVE", ahead: 1) || isWord("AS", ahead: 2) || isSymbol("(", ahead: 2))
                || isWord("VALUES")
            {
                table.hasSelect = true
                while peek.kind != .end, !isSymbol(";") { at += 1 }
                return
            }
            if isSymbol("("), isWord("SELECT", ahead: 1) {
                table.hasSelect = true
                skipParentheses()
            } else if isWord("PARTITION"), isWord("BY", ahead: 1) {
                skipPartitioning()
            } else if let found = characterSet() {
                table.charset = found
            } else if let found = collationCharset() {
                table.charset = table.charset ?? found
            } else if !skipParentheses() {
                at += 1
            }
        }
    }

    /// `PARTITION BY RANGE (...) (PARTITION p0 VALUES LESS THAN (...), ...)`; a SELECT may follow.
    private mutating func skipPartitioning() {
        while peek.kind != .end, !isSymbol(";"), !isWord("SELECT"), !isWord("AS") {
            if !skipParentheses() { at += 1 }
        }
    }

    /// `[DEFAULT] CHARACTER SET [=] name` and its short forms.
    mutating func characterSet() -> String? {
        let from = at
        _ = takeWord("DEFAULT")
        guard takeWord("CHARSET") || takeWords("CHARACTER", "SET") || takeWords("CHAR", "SET") else {
            at = from
            return nil
        }
        _ = takeSymbol("=")
        guard let name = nameOrString() else {
            at = from
            return nil
        }
        return name.lowercased()
    }

    /// `COLLATE [=] name`: the character set that the name begins with.
    mutating func collationCharset() -> String? {
        let from = at
        _ = takeWord("DEFAULT")
        guard takeWord("COLLATE") else {
            at = from
            return nil
        }
        _ = takeSymbol("=")
        guard let name = nameOrString() else {
            at = from
            return nil
        }
        return Self.charset(ofCollation: name)
    }

    static func charset(ofCollation name: String) -> String {
        let lower = name.lowercased()
        // MariaDB's `uca1400_ai_ci` names no character set: it has that of the table.
        guard let end = lower.firstIndex(of: "_") else { return lower }
        return String(lower[..<end])
    }

    mutating func nameOrString() -> String? {
        if peek.kind == .string {
            at += 1
            return text(tokens[at - 1])
        }
        return identifier()
    }
}
