/// A file of `CREATE TABLE`s as `mysqldump --no-data` writes it.
public enum SchemaFile {
    /// The statements of a file; triggers and routines (between `DELIMITER` lines) are left out.
    static func statements(_ text: [UInt8]) -> [DDLStatement] { DDLParser.statements(withoutRoutines(text)) }

    /// Names of the tables that a file creates, for a check; names without a database get the one given.
    public static func tables(_ text: [UInt8], database: String) -> [TableName] {
        var current = database
        var found: [TableName] = []
        for statement in statements(text) {
            switch statement {
            case .use(let name): current = name
            case .createTable(let table): found.append(table.name.resolved(current))
            default: break
            }
        }
        return found
    }

    /// What was not understood in a file.
    public static func problems(_ text: [UInt8]) -> [String] {
        statements(text).compactMap { statement in
            guard case .unreadable(let name, let reason) = statement else { return nil }
            return name.map { "\($0.table): \(reason)" } ?? reason
        }
    }

    private static func withoutRoutines(_ text: [UInt8]) -> [UInt8] {
        let word = Array("DELIMITER ".utf8)
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var isOutside = true
        var index = 0
        while index < text.count {
            var end = index
            while end < text.count, text[end] != 10 { end += 1 }
            let line = text[index..<end]
            if line.count > word.count, line.prefix(word.count).elementsEqual(word, by: { $0 & 0xDF == $1 & 0xDF }) {
                isOutside =
                    line.dropFirst(word.count).first == UInt8(ascii: ";") && line.count <= word.count + 2
                    && !line.dropFirst(word.count).starts(with: [UInt8(ascii: ";"), UInt8(ascii: ";")])
            } else if isOutside {
                result += line
                result.append(10)
            }
            index = end + 1
        }
        return result
    }
}
