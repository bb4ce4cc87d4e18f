extension DDLParser {
    /// `name type attributes`, up to the `,` or `)` behind it.
    mutating func columnDefinition() -> ColumnDefinition? {
        guard let name = identifier(), let type = columnType() else { return nil }
        var column = ColumnDefinition(name: name, type: type)
        attributes(&column)
        if type.word == "serial" {
            column.isNullable = false
            column.isUnique = true
        }
        if column.isPrimary || column.isAutoIncrement { column.isNullable = false }
        return column
    }

    /// A type with its length, members and signs; nil if no word stands here.
    mutating func columnType() -> MySQLType? {
        // A type may be qualified: `mariadb_schema.timestamp`.
        while peek.kind == .word || peek.kind == .name, isSymbol(".", ahead: 1) { at += 2 }
        let token = peek
        guard token.kind == .word || token.kind == .name else { return nil }
        let word = text(token).lowercased()
        guard let kind = TypeWord.kind(word) else {
            at += 1
            // A type of a later server.
            var type = MySQLType(.other)
            type.word = word
            parenthesized(&type)
            return type
        }
        at += 1
        var type = MySQLType(kind)
        switch word {
        case "bool", "boolean":
            type.isBoolean = true
            type.length = 1
        case "serial":
            type.isUnsigned = true
            type.word = word
        case "national":
            type.charset = "utf8mb3"
            if takeWord("VARCHAR") || takeWord("VARCHARACTER") {
                type.kind = .varchar
            } else {
                _ = takeWord("CHAR") || takeWord("CHARACTER")
                if takeWord("VARYING") { type.kind = .varchar }
            }
        case "nchar", "nvarchar":
            type.charset = "utf8mb3"
            if takeWord("VARYING") || takeWord("VARCHAR") || takeWord("VARCHARACTER") { type.kind = .varchar }
        case "char", "character":
            if takeWord("VARYING") { type.kind = .varchar }
            if takeWords("LARGE", "OBJECT") { type.kind = .longtext }
        case "long":
            if takeWord("VARBINARY") { type.kind = .mediumblob } else { _ = takeWord("VARCHAR") || takeWord("CHAR") }
            _ = takeWord("VARYING")
        case "double": _ = takeWord("PRECISION")
        default: break
        }
        parenthesized(&type)
        settle(&type, word)
        signs(&type)
        return type
    }

    /// What the numbers in parentheses mean for types that are named by them.
    private func settle(_ type: inout MySQLType, _ word: String) {
        switch type.kind {
        case .float:
            guard type.scale == nil, let length = type.length else { return }
            if length > 24 { type.kind = .double }
            type.length = nil
        case .decimal:
            if type.length == 0 { type.length = 10 }
            type.scale = min(max(type.scale ?? 0, 0), type.precision)
        case .year: type.length = nil
        case .text, .blob:
            guard let length = type.length else { return }
            let isText = type.kind == .text
            switch length {
            case ..<256: type.kind = isText ? .tinytext : .tinyblob
            case ..<65_536: break
            case ..<16_777_216: type.kind = isText ? .mediumtext : .mediumblob
            default: type.kind = isText ? .longtext : .longblob
            }
            type.length = nil
        default: break
        }
    }

    /// `(10)`, `(8,2)`, `('a','b')`.
    private mutating func parenthesized(_ type: inout MySQLType) {
        guard takeSymbol("(") else { return }
        var numbers: [Int] = []
        while peek.kind != .end, !isSymbol(")"), !isSymbol(";") {
            switch peek.kind {
            case .number:
                numbers.append(Int(text(peek)) ?? 0)
                at += 1
            case .string:
                type.members.append(member())
            case .hex:
                type.members.append(String(decoding: SQLLexer.literal(peek, bytes), as: UTF8.self))
                at += 1
            default: if !skipParentheses() { at += 1 }
            }
        }
        _ = takeSymbol(")")
        if let first = numbers.first { type.length = first }
        if numbers.count > 1 { type.scale = numbers[1] }
    }

    /// A member of an ENUM or SET; blanks at its end are not kept by the server.
    private mutating func member() -> String {
        var value: [UInt8] = []
        while peek.kind == .string {
            value += SQLLexer.unquoted(peek, bytes)
            at += 1
        }
        while value.last == UInt8(ascii: " ") { value.removeLast() }
        return String(decoding: value, as: UTF8.self)
    }

    private mutating func signs(_ type: inout MySQLType) {
        while true {
            if takeWord("UNSIGNED") {
                type.isUnsigned = true
            } else if takeWord("ZEROFILL") {
                type.isZerofill = true
                type.isUnsigned = true
            } else if takeWord("SIGNED") {
                continue
            } else if takeWord("ASCII") {
                type.charset = "latin1"
            } else if takeWord("UNICODE") {
                type.charset = "ucs2"
            } else if takeWord("BYTE") {
                type = type.asBinary
            } else if type.isText, takeWord("BINARY") {
                continue
            } else if type.isText, !isWord("DEFAULT"), let charset = characterSet() {
                type.charset = charset
                if charset == "binary" { type = type.asBinary }
            } else if type.isText, takeWord("COLLATE") {
                _ = takeSymbol("=")
                type.collation = nameOrString()?.lowercased()
            } else {
                break
            }
        }
        if type.isText, type.charset == nil, let collation = type.collation, !collation.hasPrefix("uca") {
            type.charset = Self.charset(ofCollation: collation)
        }
    }

    private mutating func attributes(_ column: inout ColumnDefinition) {
        while peek.kind != .end, !isSymbol(","), !isSymbol(")"), !isSymbol(";") {
            // Where the column is put belongs to the ALTER.
            if isWord("FIRST") || isWord("AFTER") { return }
            attribute(&column)
        }
    }

    private mutating func attribute(_ column: inout ColumnDefinition) {
        if takeWords("NOT", "NULL") {
            column.isNullable = false
        } else if takeWord("NULL") {
            column.isNullable = true
        } else if takeWord("DEFAULT") {
            column.defaultClause = defaultClause()
        } else if takeWords("ON", "UPDATE") {
            at += 1
            skipParentheses()
        } else if takeWord("AUTO_INCREMENT") {
            column.isAutoIncrement = true
        } else if takeWord("UNIQUE") {
            _ = takeWord("KEY")
            column.isUnique = true
        } else if takeWord("PRIMARY") {
            _ = takeWord("KEY")
            column.isPrimary = true
        } else if takeWord("KEY") {
            column.isPrimary = true
        } else if takeWord("COMMENT") {
            _ = takeSymbol("=")
            at += 1
        } else if takeWords("GENERATED", "ALWAYS") {
            _ = takeWord("AS")
            generated(&column)
        } else if takeWord("AS") {
            generated(&column)
        } else if takeWord("INVISIBLE") {
            column.isInvisible = true
        } else if takeWord("VISIBLE") {
            column.isInvisible = false
        } else if column.type.isText, takeWord("COLLATE") {
            column.type.collation = nameOrString()?.lowercased()
        } else if column.type.isText, !isWord("DEFAULT"), let charset = characterSet() {
            column.type.charset = charset
        } else if takeWord("CHECK") || takeWord("REFERENCES") {
            while peek.kind != .end, !isSymbol(","), !isSymbol(")"), !isSymbol(";"), !isSymbol("(") { at += 1 }
            skipParentheses()
        } else if !skipParentheses() {
            at += 1
        }
    }

    /// `(expression) [VIRTUAL | PERSISTENT | STORED]`, or `ROW START` of a versioned table.
    private mutating func generated(_ column: inout ColumnDefinition) {
        if takeWord("ROW") {
            at += 1
            return
        }
        if takeWord("IDENTITY") { return }
        skipParentheses()
        column.generated = .virtual
        if takeWord("STORED") || takeWord("PERSISTENT") { column.generated = .stored }
        _ = takeWord("VIRTUAL")
    }

    /// What stands behind DEFAULT.
    mutating func defaultClause(depth: Int = 0) -> DefaultClause {
        if isSymbol("("), depth >= Self.maximumDepth {
            skipParentheses()
            return .expression
        }
        if isSymbol("(") {
            // `DEFAULT (1)`: a literal in parentheses is one; anything else is not known here.
            let from = at
            at += 1
            let inner = defaultClause(depth: depth + 1)
            if isSymbol(")"), inner != .expression {
                at += 1
                return inner
            }
            at = from
            skipParentheses()
            return .expression
        }
        if takeWord("NULL") { return .null }
        if takeWord("TRUE") { return .number("1") }
        if takeWord("FALSE") { return .number("0") }
        var sign = ""
        if takeSymbol("-") { sign = "-" } else { _ = takeSymbol("+") }
        let token = peek
        switch token.kind {
        case .number:
            at += 1
            return .number(sign + text(token))
        case .string: return .text(strings())
        case .hex, .bits:
            at += 1
            return .bytes(SQLLexer.literal(token, bytes))
        case .word: return defaultWord()
        default: return .expression
        }
    }

    /// `'a' 'b'`: adjacent strings are one.
    private mutating func strings() -> [UInt8] {
        var value: [UInt8] = []
        while peek.kind == .string {
            value += SQLLexer.unquoted(peek, bytes)
            at += 1
        }
        return value
    }

    private mutating func defaultWord() -> DefaultClause {
        if isWord("CURRENT_TIMESTAMP") || isWord("NOW") || isWord("LOCALTIME") || isWord("LOCALTIMESTAMP") {
            at += 1
            skipParentheses()
            return .now
        }
        // `_utf8mb4'text'`: an introducer; `DATE '2024-01-01'`.
        let next = tokens[min(at + 1, tokens.count - 1)].kind
        if next == .string {
            at += 1
            return .text(strings())
        }
        if next == .hex || next == .bits {
            at += 2
            return .bytes(SQLLexer.literal(tokens[at - 1], bytes))
        }
        at += 1
        skipParentheses()
        return .expression
    }
}

extension MySQLType {
    /// The type that a text becomes with character set `binary`.
    var asBinary: MySQLType {
        var type = self
        type.charset = nil
        type.collation = nil
        switch kind {
        case .char: type.kind = .binary
        case .varchar: type.kind = .varbinary
        case .tinytext: type.kind = .tinyblob
        case .text: type.kind = .blob
        case .mediumtext: type.kind = .mediumblob
        case .longtext: type.kind = .longblob
        default: return self
        }
        return type
    }

    /// Reads `INT(8) unsigned zerofill`, `enum('a','b')`: a type as a tool writes it.
    public init?(_ text: String) {
        var parser = DDLParser(Array(text.utf8))
        guard let type = parser.columnType() else { return nil }
        self = type
    }
}
