import Columns
import Event
import Testing
import TimeZone

@testable import Schema

/// The cell that a row of `CREATE TABLE t (id int, a <type>)` shows behind the statements, or the reason why not.
private func carried(_ type: String, _ json: String, _ statements: String...) -> String {
    carried(type, json, statements: statements)
}

private func carried(
    _ type: String, _ json: String, statements: [String], dates: DateRule = .text, zone: Zone? = nil
) -> String {
    var all = ["CREATE TABLE t (id int, a \(type)) CHARSET=utf8mb4"]
    all += statements
    let made = SchemaHistory(
        all.enumerated().map { index, sql in
            var entry = SchemaEntry(place: SourcePlace(position: Int64(index)), database: "d")
            entry.sql = sql
            entry.committed = 1_709_100_461_000_000
            return entry
        }, dates: dates, sessionZone: zone)
    let life = made.incarnations[0]
    let first = RowBatch(shapes: life.versions[0].shapes)
    let decoder = RowDecoder(life.versions[0], tool: .canal)
    _ = RowReader.view("{\"id\":\"1\",\"a\":\(json)}") { decoder.append($0, to: first.columns) }
    let last = life.versions.count - 1
    let batch = RowBatch(shapes: life.versions[last].shapes)
    var isKnown = true
    for (origin, column) in zip(life.origins(from: 0, to: last), batch.columns) {
        switch origin {
        case .kept(let index): TypedValue(first.columns[index], 0).append(to: column)
        case .converted(let index, let conversion):
            isKnown = conversion.append(first.columns[index], 0, to: column) && isKnown && origin.isExact
        case .filled(let value, let known):
            value.append(to: column)
            isKnown = known && isKnown
        }
    }
    let cells = RowPrinter(life.versions[last]).cells(batch.columns.map { TypedValue($0, 0) })
    return cells.dropFirst().joined(separator: "|") + (isKnown ? "" : "?")
}

@Suite struct HistoryTests {
    @Test(arguments: [
        ("int", "int"), ("INT NOT NULL", "0"), ("bigint unsigned default 18446744073709551615", "18446744073709551615"),
        ("int DEFAULT '5'", "5"), ("decimal(10,2) DEFAULT 1.5", "1.50"),
        ("decimal(65,30) NOT NULL", "0.000000000000000000000000000000"),
        ("varchar(9) DEFAULT 'dé'", "dé"), ("varchar(9) DEFAULT 1.50", "1.50"), ("varchar(9) NOT NULL", ""),
        ("text", "\\N"),
        ("char(3) DEFAULT _utf8mb4'a' 'b'", "ab"), ("bool DEFAULT TRUE", "1"), ("bit(8) DEFAULT b'101'", "5"),
        ("bit(8) DEFAULT x'ff'", "255"),
        ("int DEFAULT 0x10", "16"), ("varbinary(4) DEFAULT 0x4142", "4142"), ("binary(4) NOT NULL", "00000000"),
        ("enum('x','y') NOT NULL", "x"), ("enum('x','y') DEFAULT 'y'", "y"), ("set('x') NOT NULL", ""),
        ("double DEFAULT 1e3", "1000.0"),
        ("date NOT NULL", "0000-00-00"), ("datetime(3) DEFAULT '2024-01-02'", "2024-01-02 00:00:00.000"),
        ("time NOT NULL", "00:00:00"),
        ("timestamp DEFAULT '2024-01-01'", "2024-01-01 00:00:00?"),
        ("timestamp DEFAULT CURRENT_TIMESTAMP", "2024-02-28 06:07:41"),
        ("datetime DEFAULT NOW()", "2024-02-28 06:07:41?"),
        ("int AS (id * 2) STORED", "\\N?"), ("varchar(36) DEFAULT (uuid())", "\\N?"), ("int DEFAULT (7)", "7"),
        ("year DEFAULT 2024", "2024"),
        ("uuid NOT NULL", "00000000-0000-0000-0000-000000000000"), ("int NULL DEFAULT NULL", "\\N"),
    ])
    func rowsAlreadyThereGetTheDefault(_ definition: String, _ expected: String) {
        let wanted = expected == "int" ? "\\N" : expected
        #expect(carried("int", "\"9\"", "ALTER TABLE t ADD COLUMN n \(definition)") == "9|\(wanted)")
    }

    @Test(arguments: [
        ("int", "\"5\"", "bigint", "5"), ("int", "\"5\"", "varchar(9)", "5"), ("int", "\"5\"", "decimal(8,2)", "5.00"),
        ("int", "\"5\"", "bigint unsigned", "5"),
        ("decimal(8,2)", "\"1.50\"", "decimal(30,6)", "1.500000"), ("decimal(8,2)", "\"1.55\"", "decimal(8,1)", "1.6"),
        ("decimal(8,2)", "\"-1.55\"", "int", "-2"),
        ("decimal(8,2)", "\"1.50\"", "decimal(65,4)", "1.5000"), ("decimal(65,4)", "\"1.5\"", "decimal(8,2)", "1.50"),
        ("decimal(8,2)", "\"1.50\"", "varchar(9)", "1.50"),
        ("varchar(9)", "\"12\"", "int", "12"), ("varchar(9)", "\"x\"", "int", "\\N?"),
        ("varchar(9)", "\"x\"", "text", "x"), ("varchar(9)", "\"x\"", "varchar(20) CHARACTER SET latin1", "x"),
        ("bigint", "\"300\"", "tinyint", "\\N?"), ("float", "\"0.1\"", "double", "0.10000000149011612"),
        ("double", "\"2.5\"", "int", "2"),
        ("datetime", "\"2024-02-29 12:00:00\"", "timestamp", "2024-02-29 12:00:00?"),
        ("datetime", "\"2024-02-29 12:00:00\"", "date", "2024-02-29"),
        ("date", "\"2024-02-29\"", "datetime(3)", "2024-02-29 00:00:00.000"),
        ("datetime", "\"2024-02-29 12:00:00\"", "datetime(6)", "2024-02-29 12:00:00.000000"),
        ("datetime(6)", "\"2024-02-29 12:00:00.123456\"", "datetime", "2024-02-29 12:00:00?"),
        ("time", "\"25:00:00\"", "time(3)", "25:00:00.000"), ("enum('a','b')", "\"2\"", "enum('b','a')", "b"),
        ("enum('a','b')", "\"2\"", "varchar(9)", "b"),
        ("binary(2)", "\"AB\"", "binary(4)", "41420000"), ("varchar(4)", "\"AB\"", "varbinary(4)", "4142"),
        ("int", "null", "int NOT NULL", "0"), ("text", "null", "text NOT NULL", ""),
        ("int", "null", "bigint", "\\N"), ("json", "\"{}\"", "longtext", "{}"), ("year", "\"2024\"", "int", "2024"),
        ("bit(8)", "\"5\"", "bit(64)", "5"),
    ])
    func anAlterConvertsWhatIsThere(_ from: String, _ json: String, _ to: String, _ expected: String) {
        #expect(carried(from, json, "ALTER TABLE t MODIFY a \(to)") == expected)
    }

    @Test(arguments: [
        ("int", "null", ["int NOT NULL", "varchar(9) NOT NULL"], "0"), ("int", "null", ["int NOT NULL", "int"], "0"),
        ("int", "null", ["varchar(9)", "varchar(9) NOT NULL"], ""),
        ("decimal(8,2)", "\"1.55\"", ["decimal(8,1)", "decimal(8,2)"], "1.60"),
        ("datetime(6)", "\"2024-02-29 12:00:00.123456\"", ["date", "datetime"], "2024-02-29 00:00:00"),
        ("int", "\"5\"", ["bigint", "decimal(20,1)", "varchar(9)"], "5.0"),
        ("varchar(9)", "\"x\"", ["int", "varchar(9)"], "\\N?"),
        ("time", "\"25:00:00\"", ["time(3)", "time(6)"], "25:00:00.000000"),
    ] as [(String, String, [String], String)])
    func altersConvertOneAfterTheOther(_ from: String, _ json: String, _ to: [String], _ expected: String) {
        #expect(carried(from, json, statements: to.map { "ALTER TABLE t MODIFY a \($0)" }) == expected)
    }

    @Test(arguments: [
        // The statements are of 2024-02-28 06:07:41 UTC.
        ("int", "\"5\"", ["ADD b datetime DEFAULT NOW()"], "5|2024-02-28 07:07:41"),
        ("int", "\"5\"", ["ADD b datetime(3) DEFAULT NOW(3)"], "5|2024-02-28 07:07:41.000?"),
        ("int", "\"5\"", ["ADD b timestamp DEFAULT NOW()"], "5|2024-02-28 06:07:41"),
        ("int", "\"5\"", ["ADD b timestamp DEFAULT '2024-07-01 00:30:00'"], "5|2024-06-30 22:30:00"),
        ("int", "\"5\"", ["ADD b timestamp DEFAULT '0000-00-00 00:00:00'"], "5|0000-00-00 00:00:00"),
        ("timestamp(3) NULL", "\"2024-07-01 22:00:00.250\"", ["MODIFY a datetime(3)"], "2024-07-02 00:00:00.250"),
        ("timestamp NULL", "\"2024-07-01 22:00:00\"", ["MODIFY a varchar(40)"], "2024-07-02 00:00:00"),
        ("timestamp NULL", "\"2024-07-01 22:00:00\"", ["MODIFY a date"], "2024-07-02"),
        ("timestamp NULL", "\"2024-07-01 22:00:00\"", ["MODIFY a timestamp(1)"], "2024-07-01 22:00:00.0"),
        ("timestamp NULL", "null", ["MODIFY a datetime"], "\\N"),
        ("timestamp", "\"0000-00-00 00:00:00\"", ["MODIFY a datetime"], "0000-00-00 00:00:00"),
        ("datetime", "\"2024-01-01 00:30:00\"", ["MODIFY a timestamp"], "2023-12-31 23:30:00"),
        ("varchar(30)", "\"2024-07-01 00:30:00\"", ["MODIFY a timestamp NULL"], "2024-06-30 22:30:00"),
        ("timestamp NULL", "\"2024-07-01 22:00:00\"", ["MODIFY a datetime", "MODIFY a timestamp"], "2024-07-01 22:00:00"),
    ] as [(String, String, [String], String)])
    func altersGoByTheSessionsClock(_ type: String, _ json: String, _ alters: [String], _ expected: String) throws {
        let zone = try Zone("Europe/Berlin")
        let statements = alters.map { "ALTER TABLE t \($0)" }
        #expect(carried(type, json, statements: statements, zone: zone) == expected)
        // Typed times are UTC too.
        let typed = carried(type, json, statements: statements, dates: .typed, zone: zone)
        if !expected.contains("0000") { #expect(typed == expected) }
    }

    @Test func anAddedColumnGoesThroughLaterAltersToo() {
        #expect(
            carried("int", "\"5\"", "ALTER TABLE t ADD b int", "ALTER TABLE t MODIFY b int NOT NULL",
                "ALTER TABLE t MODIFY b varchar(9) NOT NULL") == "5|0")
    }

    @Test func columnsKeepTheirIdentityThroughManyVersions() {
        #expect(
            carried(
                "int", "\"5\"", "ALTER TABLE t ADD b int DEFAULT 1 FIRST, DROP id",
                "ALTER TABLE t RENAME COLUMN a TO c, RENAME COLUMN b TO a",
                "ALTER TABLE t MODIFY c bigint FIRST, ADD e int DEFAULT 3", "ALTER TABLE t CHANGE e f decimal(5,2)")
                == "1|3.00")
        let replaced = "ALTER TABLE t ADD a int DEFAULT 4"
        #expect(carried("int", "\"5\"", "\(replaced), RENAME COLUMN a TO b") == "5|4", "a name that is given up")
        #expect(carried("int", "\"5\"", "\(replaced), CHANGE a b int") == "5|4")
        #expect(carried("int", "\"5\"", "\(replaced), DROP a") == "4")
        #expect(carried("int", "\"5\"", "ALTER TABLE t DROP a", "ALTER TABLE t ADD a int DEFAULT 8") == "8")
    }

    @Test func versionsBeginAtTheirPlace() throws {
        let made = history(
            "CREATE TABLE t (a int)", "ALTER TABLE t ADD b int", "ALTER TABLE t ADD INDEX (b)", "ALTER TABLE t DROP a")
        let life = try #require(made.incarnations.first)
        #expect(life.versions.map(\.from.position) == [0, 1, 3])
        for (position, version) in [(-1, 0), (0, 0), (1, 1), (2, 1), (3, 2), (9, 2)] {
            #expect(life.version(at: SourcePlace(position: Int64(position), row: 5)) == version)
        }
    }

    @Test func aStatementThatAToolRepeatsCountsOnce() {
        let rename = "RENAME TABLE a TO tmp, b TO a, tmp TO b"
        var entries: [SchemaEntry] = []
        for (position, sql) in [
            (0, "CREATE TABLE a (x int)"), (1, "CREATE TABLE b (y int)"), (2, rename), (2, rename), (2, rename),
        ] {
            var entry = SchemaEntry(
                place: SourcePlace(position: Int64(position)), entry: Int64(entries.count), database: "d")
            entry.sql = sql
            entries.append(entry)
        }
        for order in [entries, entries.reversed()] {
            let made = SchemaHistory(order)
            #expect(columns(made, "a") == ["y int(11)"])
            #expect(made.problems.isEmpty)
        }
    }

    @Test func whatDoesNotFitIsReported() {
        let made = history(
            "ALTER TABLE nowhere ADD a int", "CREATE TABLE t (a int)", "ALTER TABLE t DROP b", "CREATE TABLE t (b int)",
            "RENAME TABLE x TO y", "CREATE TABLE u (",
            "CREATE TABLE v LIKE nowhere")
        #expect(made.problems.map(\.place.position) == [0, 2, 3, 4, 5, 6])
        #expect(made.incarnations.count == 3)
    }

    @Test func aSchemaFileStandsBeforeTheFirstRecord() throws {
        let file = """
            /*!40101 SET NAMES utf8mb4 */;
            /*M!999999\\- enable the sandbox mode */
            CREATE DATABASE /*!32312 IF NOT EXISTS*/ `shop` /*!40100 DEFAULT CHARACTER SET latin1 */;
            USE `shop`;
            DROP TABLE IF EXISTS `t`;
            /*!40101 SET character_set_client = utf8 */;
            CREATE TABLE `t` (
              `id` bigint(20) NOT NULL AUTO_INCREMENT,
              `v` varchar(9) DEFAULT 'a;b',
              PRIMARY KEY (`id`)
            ) ENGINE=InnoDB AUTO_INCREMENT=5 DEFAULT CHARSET=utf8mb4;
            DELIMITER ;;
            /*!50003 CREATE*/ /*!50003 TRIGGER `x` BEFORE INSERT ON `t` FOR EACH ROW BEGIN DROP TABLE t; END */;;
            DELIMITER ;
            /*!50001 CREATE VIEW `v` AS SELECT 1 AS `a`*/;
            CREATE TABLE `u` (`a` int);
            """
        let made = SchemaHistory([], schemaFile: Array(file.utf8), database: "d")
        #expect(made.current.map(\.name.text) == ["shop.t", "shop.u"])
        #expect(made.incarnations[0].versions[0].key == [0])
        #expect(made.incarnations[0].versions[0].columns[1].type.charset == "utf8mb4")
        #expect(made.problems.isEmpty)
        #expect(made.table(TableName("shop", "t"), at: SourcePlace(position: 0)) != nil)
        #expect(SchemaFile.tables(Array(file.utf8), database: "d").map(\.table) == ["t", "u"])
        #expect(SchemaFile.problems(Array("CREATE TABLE t (a".utf8)).count == 1)
    }

    private func stated(_ types: String, key: [String]? = nil, position: Int64 = 0) -> SchemaEntry {
        var entry = SchemaEntry(place: SourcePlace(position: position), database: "d")
        entry.table = "t"
        entry.types = Array(types.utf8)
        entry.key = key
        return entry
    }

    @Test(arguments: [
        (
            #"{"id":"BIGINT unsigned","e":"ENUM('a','b''c')","p":"DECIMAL(5,2)"}"#,
            ["id bigint(20) unsigned!", "e enum('a','b''c')", "p decimal(5,2)"]
        ),
        (
            #"[{"type":"int32","optional":false,"field":"id"},{"type":"bytes","name":"org.apache.kafka.connect.data.Decimal","parameters":{"scale":"4","connect.decimal.precision":"20"},"field":"d"},"#
                + #"{"type":"string","name":"io.debezium.data.Enum","parameters":{"allowed":"a,b\\,c,"},"field":"e"},{"type":"int64","name":"io.debezium.time.MicroTimestamp","field":"m"}]"#,
            ["id int(11)!", "d decimal(20,4)", "e enum('a','b,c','')", "m datetime(6)"]
        ),
        (
            #"[{"type":"int32","optional":false,"field":"id","parameters":{"__debezium.source.column.type":"INT UNSIGNED","__debezium.source.column.length":"10"}},"#
                + #"{"type":"int64","name":"io.debezium.time.NanoTime","field":"t"},{"type":"string","field":"v","parameters":{"__debezium.source.column.type":"VARCHAR","__debezium.source.column.length":"60"}},"#
                + #"{"type":"string","field":"p","parameters":{"__debezium.source.column.type":"DECIMAL","__debezium.source.column.length":"5","__debezium.source.column.scale":"2"}}]"#,
            ["id int(10) unsigned!", "t time(6)", "v varchar(60)", "p decimal(5,2)"]
        ),
        (
            #"{"columns":[{"type":"int","name":"id","signed":false},{"type":"datetime","name":"w","column-length":3},{"type":"enum","name":"e","enum-values":["x"]}],"primary-key":["id"]}"#,
            ["id int(10) unsigned!", "w datetime(3)", "e enum('x')"]
        ),
        (
            #"[{"type":"CREATE","id":"\"d\".\"t\"","table":{"primaryKeyColumnNames":["id"],"columns":[{"name":"id","typeName":"INT UNSIGNED","optional":false},{"name":"v","typeName":"VARCHAR","length":60,"charsetName":"utf8mb4"},"#
                + #"{"name":"p","typeName":"DECIMAL","length":5,"scale":2},{"name":"e","typeName":"ENUM","length":1,"enumValues":["'n'","'it''s'"]}]}}]"#,
            ["id int(10) unsigned!", "v varchar(60)", "p decimal(5,2)", "e enum('n','it''s')"]
        ),
    ])
    func whatARecordSaysOfTypesCountsWithoutAStatement(_ types: String, _ expected: [String]) {
        let made = SchemaHistory([stated(types, key: ["id"])])
        #expect(columns(made) == expected)
        #expect(key(made) == ["id"])
        #expect(made.incarnations[0].versions[0].source == .types)
    }

    @Test func aStatementCountsMoreThanARecord() {
        var create = SchemaEntry(place: SourcePlace(position: 1), database: "d")
        create.sql = "CREATE TABLE t (id int, v varchar(5))"
        let made = SchemaHistory([create, stated(#"{"id":"BIGINT"}"#, position: 2)])
        #expect(columns(made) == ["id int(11)", "v varchar(5)"])
        var broken = stated(#"{"id":"BIGINT"}"#, position: 3)
        broken.sql = "ALTER TABLE t ADD"
        #expect(columns(SchemaHistory([create, broken])) == ["id bigint(20)"])
    }

    @Test func typesOfRecordsMakeVersions() {
        let made = SchemaHistory([
            stated(#"{"id":"INT","v":"VARCHAR(5)"}"#, position: 1),
            stated(#"{"id":"INT","v":"VARCHAR(5)"}"#, position: 2),
            stated(#"{"id":"BIGINT","w":"INT","v":"VARCHAR(5)"}"#, position: 3),
        ])
        #expect(made.incarnations.count == 1)
        #expect(made.incarnations[0].versions.map(\.from.position) == [1, 3])
        #expect(made.incarnations[0].versions[1].columns.map(\.id) == [0, 2, 1])
    }

    @Test func columnsAreInferredFromRows() {
        var inferred = InferredSchema()
        for row in [
            #"{"id":1,"n":2.5,"t":"x","j":{"a":1},"z":null,"m":1,"b":true}"#,
            #"{"id":18446744073709551615,"n":1.25,"m":"x","late":3}"#,
        ] {
            RowReader.view(row) { inferred.observe($0, key: ["id"]) }
        }
        let version = inferred.version(from: .beginning, dates: .typed)
        #expect(
            version.columns.map { "\($0.name) \($0.shape.text)" } == [
                "id decimal(20,0)", "n decimal(38,2)", "t string", "j string", "z string", "m string", "b int32",
                "late int64",
            ])
        #expect(version.key == [0])
        // The day after begins with the version of the day before: nothing becomes narrower.
        var next = InferredSchema(version)
        RowReader.view(#"{"id":1,"n":3,"late":1e400}"#) { next.observe($0) }
        let later = next.version(from: .beginning, dates: .typed)
        #expect(later.columns.map(\.id) == version.columns.map(\.id))
        #expect(later.columns[0].shape == version.columns[0].shape)
        #expect(later.columns[1].shape.text == "decimal(38,2)")
        let made = SchemaHistory([], inferred: [TableName("d", "t"): version])
        #expect(made.table(TableName("d", "t"), at: SourcePlace(position: 1))?.incarnation == 0)
        #expect(key(made) == ["id"])
    }

    @Test func namesThatDifferByCaseAreTwoTablesAndAStatementMayWriteAnother() {
        func entry(_ position: Int64, sql: String? = nil, table: String? = nil, types: String? = nil) -> SchemaEntry {
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: position), database: "d")
            (entry.sql, entry.table, entry.types) = (sql, table, types.map { Array($0.utf8) })
            return entry
        }
        let made = SchemaHistory([
            entry(1, sql: "CREATE TABLE T (a int)"), entry(2, sql: "CREATE TABLE t (b int)"),
            entry(3, table: "Other", types: #"{"id":"INT"}"#), entry(4, table: "other", types: #"{"id":"INT"}"#),
            entry(5, sql: "CREATE TABLE Alone (c int)"),
        ])
        #expect(made.problems.isEmpty)
        #expect(made.current.map(\.name.table).sorted() == ["Alone", "Other", "T", "other", "t"])
        let place = SourcePlace(file: 1, position: 9)
        #expect(made.table(TableName("d", "alone"), at: place) != nil, "a server may keep the name in small letters")
        #expect(made.table(TableName("d", "T"), at: place)?.incarnation == 0)
        #expect(made.table(TableName("d", "t"), at: place)?.incarnation == 1)
    }

    @Test func aTableMadeLikeOneOfTheSessionsDatabaseHasItsColumns() {
        func entry(_ position: Int64, _ sql: String?, _ database: String, types: String? = nil) -> SchemaEntry {
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: position), database: database)
            (entry.sql, entry.table, entry.types) = (sql, "t", types.map { Array($0.utf8) })
            return entry
        }
        let before = [entry(1, "CREATE TABLE s (a int)", "near"), entry(2, "CREATE TABLE s (b int DEFAULT 7, c int)", "far")]
        let place = SourcePlace(file: 1, position: 9)
        func columns(_ entries: [SchemaEntry], _ name: String = "t") -> [String] {
            let made = SchemaHistory(before + entries)
            guard let found = made.table(TableName("near", name), at: place) else { return [] }
            return made.incarnations[found.incarnation].versions[found.version].columns.map(\.name)
        }
        let like = "CREATE TABLE near.t LIKE s"
        let far = #"{"columns":[{"type":"int","name":"b"},{"type":"int","name":"c"}]}"#
        #expect(columns([entry(3, like, "near", types: far)]) == ["b", "c"], "the tool states its columns")
        #expect(columns([entry(3, "CREATE TABLE near.t LIKE near.s", "near", types: far)]) == ["a"], "named in full")
        #expect(columns([entry(3, like, "near")]) == ["a"], "nothing else is known")
        #expect(columns([entry(3, like, "near"), entry(4, nil, "near", types: #"{"b":"INT","c":"INT"}"#)]).contains("c"))
        #expect(columns([entry(3, "CREATE TABLE near.t LIKE nowhere", "near", types: far)]) == ["b", "c"])
    }

    @Test func aRenameGoesWhereTheToolSaysItWent() {
        func entry(_ position: Int64, _ sql: String, _ from: TableName, to: TableName? = nil) -> SchemaEntry {
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: position), database: from.database)
            (entry.sql, entry.table) = (sql, from.table)
            let columns = #""columns":[{"type":"int","name":"id"}]"#
            entry.types = to.map { Array(#"{"database":"\#($0.database)","table":"\#($0.table)",\#(columns)}"#.utf8) }
            return entry
        }
        let (a, b, c, aside) = (TableName("d", "a"), TableName("e", "b"), TableName("e", "c"), TableName("d", "aside"))
        // The session's database is `e` throughout.
        let circle = "RENAME TABLE d.a TO d.aside, b TO d.a, d.aside TO b"
        let made = SchemaHistory([
            entry(1, "CREATE TABLE d.a (id int)", a), entry(2, "CREATE TABLE b (id int)", b),
            entry(3, circle, a, to: aside), entry(3, circle, b, to: a), entry(3, circle, aside, to: b),
            entry(4, "RENAME TABLE d.a TO c", a, to: c), entry(5, "ALTER TABLE c RENAME d.a", c, to: a),
            entry(6, "ALTER TABLE d.a RENAME c", a, to: c),
        ])
        #expect(made.problems.isEmpty)
        #expect(made.current.map(\.name) == [b, c] && made.current.map(\.incarnation) == [0, 1])
    }

    @Test(arguments: [
        ("ALTER TABLE s RENAME far.t", "id,a"), ("RENAME TABLE s TO far.t", "id,a"),
        ("ALTER TABLE s ADD b int, RENAME TO far.t", "id,a,b"), ("ALTER TABLE far.s RENAME far.t", "x"),
        ("RENAME TABLE s TO far.t", "x"), ("ALTER TABLE near.s RENAME t", "id,a"),
    ])
    func aRenameIntoTheRecordsDatabaseTakesTheTableWhoseColumnsItStates(_ sql: String, _ columns: String) {
        func entry(_ position: Int64, _ sql: String) -> SchemaEntry {
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: position), database: "far")
            entry.sql = sql
            return entry
        }
        var rename = entry(3, sql)
        let stated = columns.split(separator: ",").map { #"{"name":"\#($0)","typeName":"INT"}"# }.joined(separator: ",")
        rename.types = Array(#"[{"id":"\"far\".\"t\"","table":{"columns":[\#(stated)]}}]"#.utf8)
        let made = SchemaHistory([
            entry(1, "CREATE TABLE near.s (id int, a int)"), entry(2, "CREATE TABLE s (x int)"), rename,
        ])
        #expect(made.problems.isEmpty)
        let found = made.table(TableName("far", "t"), at: SourcePlace(file: 1, position: 9))
        #expect(found?.incarnation == (columns == "x" ? 1 : 0))
        let versions = made.incarnations[found?.incarnation ?? 0].versions
        #expect(versions.last?.columns.map(\.name).joined(separator: ",") == columns)
    }

    @Test func namesAreToldApartByTheirBytes() {
        // A mark behind `"."` is one character with it; a letter with its mark is one as a character, and two names.
        var entry = SchemaEntry(place: SourcePlace(file: 1, position: 1), database: "d")
        let table = #"{"columns":[{"name":"id","typeName":"INT"}]}"#
        entry.types = Array("[{\"id\":\"\\\"d\\\".\\\"\u{486}t\\\"\",\"table\":\(table)}]".utf8)
        #expect(SchemaHistory([entry]).current.map(\.name) == [TableName("d", "\u{486}t")])
        let (one, two) = (TableName("d", "\u{E9}"), TableName("d", "e\u{301}"))
        #expect(one != two && Set([one, two, one]).count == 2)
        func made(_ position: Int64, _ name: TableName) -> SchemaEntry {
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: position), database: "d")
            entry.sql = "CREATE TABLE `\(name.table)` (a int)"
            return entry
        }
        let both = SchemaHistory([made(1, one), made(2, two)])
        #expect(both.problems.isEmpty && Set(both.current.map(\.name)) == [one, two])
    }

    @Test func whatStandsBeforeTheFirstStatementBelongsToItsTable() {
        var inferred = InferredSchema()
        RowReader.view(#"{"id":1,"a":"x"}"#) { inferred.observe($0, key: ["id"]) }
        var alter = SchemaEntry(place: SourcePlace(file: 1, position: 5), database: "d")
        alter.sql = "ALTER TABLE t CHANGE a b varchar(9), ADD c int DEFAULT 4"
        alter.table = "t"
        let columns = #"[{"type":"int","name":"id"},{"type":"varchar","name":"b"},{"type":"int","name":"c"}]"#
        alter.types = Array(#"{"columns":\#(columns),"primary-key":["id"]}"#.utf8)
        let made = SchemaHistory(
            [alter], inferred: [TableName("d", "t"): inferred.version(from: .beginning, dates: .typed)])
        #expect(made.incarnations.count == 1 && made.problems.isEmpty)
        let life = made.incarnations[0]
        #expect(life.versions.map { $0.columns.map(\.name) } == [["id", "a"], ["id", "b", "c"]])
        #expect(life.versions[1].columns.map(\.id) == [0, 1, 2], "a renamed column keeps its values")
    }

    @Test func aColumnThatRowsLeaveOutWithoutAStatementStays() {
        let made = SchemaHistory([
            stated(#"{"id":"INT","v":"INT"}"#, position: 1), stated(#"{"id":"INT","w":"INT"}"#, position: 2),
        ])
        let last = made.incarnations[0].versions[1]
        #expect(last.columns.map(\.name) == ["id", "w", "v"] && last.columns.map(\.isStale) == [false, false, true])
        let decoder = RowDecoder(last, tool: .canal)
        let batch = RowBatch(shapes: last.shapes)
        let outcome = RowReader.view(#"{"id":"1","w":"2"}"#) { decoder.append($0, to: batch.columns) }
        #expect(outcome.missingCount == 0 && batch.columns[2].isNull(0))
    }

    @Test func aCopyOfATableThatWasAlteredHasNumbersOfItsOwn() {
        let made = SchemaHistory([
            "CREATE TABLE t (a int, b int, c int)", "ALTER TABLE t DROP a, DROP b, ADD d int", "CREATE TABLE u LIKE t",
            "ALTER TABLE u ADD e int, ADD f int",
        ].enumerated().map { index, sql in
            var entry = SchemaEntry(place: SourcePlace(file: 1, position: Int64(index)), database: "d")
            entry.sql = sql
            return entry
        })
        let columns = made.incarnations[1].versions.last?.columns ?? []
        #expect(columns.map(\.name) == ["c", "d", "e", "f"] && Set(columns.map(\.id)).count == 4)
    }
}
