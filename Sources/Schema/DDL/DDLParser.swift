/// Reads DDL of MySQL and MariaDB: what it changes of tables, columns and keys, nothing else.
///
/// A recursive-descent parser with one look-ahead over a list of tokens. Never traps and never fails: a
/// statement that it does not understand becomes `ignored` or `unreadable`. Work is linear in the text.
public struct DDLParser {
    /// Deepest nesting of parentheses around a literal; any other nesting is skipped, not followed.
    static let maximumDepth = 8

    let bytes: [UInt8]
    let tokens: [SQLToken]
    var at = 0

    /// The statements of a text, in order.
    public static func statements(_ text: [UInt8]) -> [DDLStatement] {
        var parser = DDLParser(text)
        var found: [DDLStatement] = []
        while parser.peek.kind != .end {
            if parser.takeSymbol(";") { continue }
            let from = parser.at
            found.append(parser.statement())
            parser.skipStatement(from: from)
        }
        return found
    }

    /// The statements of a text, in order.
    public static func statements(_ text: String) -> [DDLStatement] { statements(Array(text.utf8)) }

    init(_ text: [UInt8]) {
        bytes = text
        tokens = SQLLexer.tokens(text)
    }

    private mutating func statement() -> DDLStatement {
        if takeWord("CREATE") { return create() }
        if takeWord("ALTER") { return alter() }
        if takeWord("RENAME") {
            guard takeWord("TABLE") || takeWord("TABLES") else { return .ignored }
            return renames()
        }
        if takeWord("DROP") { return drop() }
        if takeWord("TRUNCATE") {
            _ = takeWord("TABLE")
            guard let name = statedName() else { return .unreadable(nil, "TRUNCATE without a table") }
            return .truncate(name)
        }
        if takeWord("USE") {
            guard let name = identifier() else { return .ignored }
            return .use(name)
        }
        return .ignored
    }

    private mutating func create() -> DDLStatement {
        var orReplace = false
        if takeWord("OR") {
            orReplace = takeWord("REPLACE")
        }
        if takeWord("TEMPORARY") { return .ignored }
        if takeWord("TABLE") { return createTable(orReplace: orReplace) }
        if takeWord("DATABASE") || takeWord("SCHEMA") {
            _ = takeWords("IF", "NOT", "EXISTS")
            guard let name = identifier() else { return .ignored }
            return .createDatabase(name, charset: charsetOption())
        }
        var isUnique = false
        while peek.kind == .word, !isWord("INDEX") {
            if isWord("UNIQUE") { isUnique = true }
            guard isWord("UNIQUE") || isWord("FULLTEXT") || isWord("SPATIAL") || isWord("ONLINE") || isWord("OFFLINE")
            else { return .ignored }
            at += 1
        }
        guard takeWord("INDEX") else { return .ignored }
        _ = takeWords("IF", "NOT", "EXISTS")
        let index = identifier()
        skipIndexType()
        guard takeWord("ON"), let table = statedName() else { return .ignored }
        guard isUnique, let key = keyParts(name: index) else { return .ignored }
        return .alterTable(table, [.unique(key)])
    }

    private mutating func alter() -> DDLStatement {
        _ = takeWord("ONLINE") || takeWord("OFFLINE")
        let ignores = takeWord("IGNORE")
        if takeWord("TABLE") { return alterTable(ignores: ignores) }
        if takeWord("DATABASE") || takeWord("SCHEMA") {
            let isNamed = !(isWord("CHARACTER") || isWord("CHARSET") || isWord("COLLATE") || isWord("DEFAULT"))
            let name = isNamed ? identifier() : nil
            return .alterDatabase(name, charset: charsetOption())
        }
        return .ignored
    }

    private mutating func renames() -> DDLStatement {
        _ = takeWords("IF", "EXISTS")
        var pairs: [(from: StatedName, to: StatedName)] = []
        repeat {
            guard let from = statedName() else { return .unreadable(nil, "RENAME TABLE without a name") }
            skipWait()
            guard takeWord("TO"), let to = statedName() else { return .unreadable(from, "RENAME TABLE without TO") }
            pairs.append((from, to))
        } while takeSymbol(",")
        return .renameTables(pairs)
    }

    private mutating func drop() -> DDLStatement {
        if takeWord("TEMPORARY") { return .ignored }
        if takeWord("TABLE") || takeWord("TABLES") {
            let ifExists = takeWords("IF", "EXISTS")
            var names: [StatedName] = []
            repeat {
                guard let name = statedName() else { break }
                names.append(name)
            } while takeSymbol(",")
            return names.isEmpty
                ? .unreadable(nil, "DROP TABLE without a name") : .dropTables(names, ifExists: ifExists)
        }
        if takeWord("DATABASE") || takeWord("SCHEMA") {
            _ = takeWords("IF", "EXISTS")
            guard let name = identifier() else { return .ignored }
            return .dropDatabase(name)
        }
        guard takeWord("INDEX") else { return .ignored }
        _ = takeWords("IF", "EXISTS")
        guard let index = identifier(), takeWord("ON"), let table = statedName() else { return .ignored }
        let isPrimary = index.uppercased() == "PRIMARY"
        return .alterTable(table, [isPrimary ? .dropPrimaryKey : .dropIndex(index)])
    }

    /// Looks for a character set in the rest of a statement's options.
    private mutating func charsetOption() -> String? {
        var charset: String?
        while peek.kind != .end, !isSymbol(";") {
            if let found = characterSet() {
                charset = found
            } else if let found = collationCharset() {
                charset = charset ?? found
            } else {
                at += 1
            }
        }
        return charset
    }

    // MARK: tokens

    var peek: SQLToken { tokens[min(at, tokens.count - 1)] }

    func isWord(_ word: StaticString, ahead: Int = 0) -> Bool {
        let token = tokens[min(at + ahead, tokens.count - 1)]
        guard token.kind == .word, token.to - token.from == word.utf8CodeUnitCount else { return false }
        return word.withUTF8Buffer { expected in
            for index in 0..<expected.count {
                var byte = bytes[token.from + index]
                if byte &- 0x61 < 26 { byte &-= 32 }
                guard unsafe byte == expected[index] else { return false }
            }
            return true
        }
    }

    mutating func takeWord(_ word: StaticString) -> Bool {
        guard isWord(word) else { return false }
        at += 1
        return true
    }

    /// Takes all of them, or nothing.
    mutating func takeWords(_ words: StaticString...) -> Bool {
        for (index, word) in words.enumerated() where !isWord(word, ahead: index) { return false }
        at += words.count
        return true
    }

    func isSymbol(_ symbol: Unicode.Scalar, ahead: Int = 0) -> Bool {
        let token = tokens[min(at + ahead, tokens.count - 1)]
        return token.kind == .symbol && bytes[token.from] == UInt8(ascii: symbol)
    }

    mutating func takeSymbol(_ symbol: Unicode.Scalar) -> Bool {
        guard isSymbol(symbol) else { return false }
        at += 1
        return true
    }

    func text(_ token: SQLToken) -> String { String(decoding: SQLLexer.unquoted(token, bytes), as: UTF8.self) }

    /// A name: a word or in backticks; a string where ANSI_QUOTES is on.
    mutating func identifier() -> String? {
        let token = peek
        switch token.kind {
        case .word, .name, .number: break
        case .string:
            guard bytes[token.from] == UInt8(ascii: "\"") else { return nil }
        default: return nil
        }
        at += 1
        return text(token)
    }

    /// `table`, `database.table` or `.table`.
    mutating func statedName() -> StatedName? {
        _ = takeSymbol(".")
        guard let first = identifier() else { return nil }
        guard takeSymbol("."), let second = identifier() else { return StatedName(table: first) }
        return StatedName(database: first, table: second)
    }

    mutating func skipWait() {
        if takeWord("NOWAIT") { return }
        if takeWord("WAIT"), peek.kind == .number { at += 1 }
    }

    /// Skips `( ... )`, nested; true if there was one.
    @discardableResult
    mutating func skipParentheses() -> Bool {
        guard isSymbol("(") else { return false }
        var depth = 0
        while peek.kind != .end {
            if isSymbol("(") { depth += 1 }
            if isSymbol(")") { depth -= 1 }
            at += 1
            if depth == 0 { return true }
        }
        return true
    }

    /// To the end of the statement, at the first `;` outside parentheses.
    private mutating func skipStatement(from: Int) {
        if at <= from { at = from + 1 }
        while peek.kind != .end, !isSymbol(";") { at += 1 }
    }
}
