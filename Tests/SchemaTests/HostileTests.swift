import Columns
import Event
import Platform
import Testing

@testable import Schema

/// Random and damaged input: nothing traps, work is bounded, and what is appended fits together.
@Suite struct HostileTests {
    private static let statements = [
        "CREATE TABLE `t` (`id` int(11) NOT NULL AUTO_INCREMENT, `e` enum('a','b''c') DEFAULT 'a', v varchar(9) DEFAULT 'x' COMMENT 'y', PRIMARY KEY (`id`), UNIQUE KEY u (v(3), e)) CHARSET=utf8mb4",
        "ALTER TABLE d.t ADD COLUMN (a decimal(8,2) DEFAULT 1.5, b bit(8) DEFAULT b'1'), DROP PRIMARY KEY, CHANGE v w text AFTER a, RENAME TO u",
        "RENAME TABLE t TO u, u TO v, v TO t", "CREATE TABLE u LIKE t", "DROP TABLE IF EXISTS t, u", "TRUNCATE t",
        "DROP DATABASE d",
        "ALTER TABLE u MODIFY e set('x','y') NOT NULL FIRST, CONVERT TO CHARACTER SET binary /*!50100 , ADD z int */",
        "CREATE UNIQUE INDEX i ON t (id)",
    ]
    private static let pieces = [
        "(", ")", ",", ";", "`", "'", "\"", "\\", "/*!", "*/", "--", "#", ".", "b'", "x'", "_utf8", " ADD ",
        " PRIMARY KEY ", " int ", " AS ",
        "\u{0}", "é", " DEFAULT ", " AFTER ", " CONSTRAINT ", "1e", "0x", " DROP ", " RENAME ", " LIKE ",
        "99999999999999999999", " COLLATE ", "=", " UNIQUE ",
    ]

    @Test(arguments: [1, 2, 3, 4, 5, 6, 7, 8] as [UInt64])
    func damagedStatementsNeverTrap(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<150 {
            var entries: [SchemaEntry] = []
            for position in 0..<8 {
                var text = Array(Self.statements[Int.random(in: 0..<Self.statements.count, using: &generator)].utf8)
                for _ in 0..<Int.random(in: 0...4, using: &generator) {
                    let at = Int.random(in: 0...text.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: text.removeSubrange(at..<min(text.count, at + Int.random(in: 0...20, using: &generator)))
                    case 1:
                        text.insert(
                            contentsOf: Array(
                                Self.pieces[Int.random(in: 0..<Self.pieces.count, using: &generator)].utf8), at: at)
                    case 2: if at < text.count { text[at] = UInt8.random(in: 0...255, using: &generator) }
                    default: text.insert(contentsOf: text.suffix(Int.random(in: 0...30, using: &generator)), at: at)
                    }
                }
                var entry = SchemaEntry(place: SourcePlace(position: Int64(position)), database: "d")
                entry.sql = String(decoding: text, as: UTF8.self)
                entries.append(entry)
            }
            let made = SchemaHistory(entries)
            for life in made.incarnations {
                for version in life.versions {
                    #expect(Set(version.columns.map(\.id)).count == version.columns.count, "seed \(seed)")
                    #expect(version.key.allSatisfy { version.columns.indices.contains($0) }, "seed \(seed)")
                }
                for to in life.versions.indices {
                    for from in 0...to {
                        #expect(life.origins(from: from, to: to).count == life.versions[to].columns.count)
                    }
                }
            }
        }
    }

    @Test func deepAndLongStatementsAreBounded() {
        let deep =
            "CREATE TABLE t (a int DEFAULT " + String(repeating: "(", count: 50_000) + "1"
            + String(repeating: ")", count: 50_000) + ", b int)"
        _ = DDLParser.statements(deep)
        _ = DDLParser.statements("CREATE TABLE t (a " + String(repeating: "b.", count: 50_000) + "int)")
        let wide = "CREATE TABLE t (" + (0..<4_000).map { "c\($0) int" }.joined(separator: ",") + ")"
        #expect(columns(history(wide)).count == 4_000)
        #expect(DDLParser.statements(String(repeating: "/*!", count: 100_000)).isEmpty)
    }

    @Test(arguments: [11, 12, 13, 14] as [UInt64])
    func damagedDocumentsNeverTrap(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let types = [
            "int", "bigint unsigned", "decimal(20,4)", "decimal(65,30)", "float", "double", "bit(64)", "year", "date",
            "datetime(3)", "timestamp", "time(6)",
            "text charset latin1", "enum('a','b')", "set('x','y')", "json", "binary(4)", "geometry", "uuid",
            "int not null default 3",
        ]
        let values = [
            "1", "-1", "1.5", "1e30", "\"\"", "\"1\"", "\"a\"", "\"AAAA\"", "\"2024-02-29 12:34:56.7\"",
            "\"-12:34:56\"", "\"POINT (1 2)\"", "[\"x\"]", "{\"wkb\":\"AQ==\",\"srid\":1}",
            "null", "true", "\"\\ud800\"", "\"\\u00e9\\n\"", "99999999999999999999999999999999999999999",
            "-9223372036854775808", "9223372036854775807", "\"9999-12-31\"", "253402300800000000",
        ]
        let definitions = types.indices.map { "c\($0) \(types[$0])" }.joined(separator: ", ")
        for tool in ChangeTool.allCases {
            for dates in DateRule.allCases {
                let reader = RowReader(tool, definitions, dates: dates)
                for _ in 0..<60 {
                    let members = types.indices.map {
                        "\"c\($0)\":\(values[Int.random(in: 0..<values.count, using: &generator)])"
                    }
                    var document = Array("{\(members.joined(separator: ","))}".utf8)
                    if Bool.random(using: &generator) {
                        document[Int.random(in: 0..<document.count, using: &generator)] = UInt8.random(
                            in: 0...127, using: &generator)
                    }
                    let cells = reader.cells(
                        String(decoding: document, as: UTF8.self),
                        old: Bool.random(using: &generator) ? "{\"c1\":5}" : nil)
                    #expect(cells.count == (reader.outcome.isBroken ? 0 : types.count), "seed \(seed)")
                    #expect(
                        reader.batch.columns.allSatisfy { $0.count == (reader.outcome.isBroken ? 0 : 1) },
                        "seed \(seed)")
                }
            }
        }
    }
}
