import Columns
import Testing

@testable import Schema

/// The history of some statements in database `d`, each at its own place.
func history(_ statements: String..., dates: DateRule = .typed) -> SchemaHistory {
    SchemaHistory(
        statements.enumerated().map { index, sql in
            var entry = SchemaEntry(place: SourcePlace(position: Int64(index)), database: "d")
            entry.sql = sql
            entry.committed = 1_700_000_000_000_000
            return entry
        }, dates: dates)
}

/// The columns of `d.t` behind the last statement, as `name type`, with `!` behind those that are not nullable.
func columns(_ history: SchemaHistory, _ name: String = "t") -> [String] {
    guard let id = history.current.first(where: { $0.name == TableName("d", name) })?.incarnation,
        let version = history.incarnations[id].versions.last
    else { return ["no such table"] }
    return version.columns.map { "\($0.name) \($0.type.text)\($0.isNullable ? "" : "!")" }
}

func key(_ history: SchemaHistory, _ name: String = "t") -> [String] {
    guard let id = history.current.first(where: { $0.name == TableName("d", name) })?.incarnation,
        let version = history.incarnations[id].versions.last
    else { return ["no such table"] }
    return version.key.map { version.columns[$0].name }
}

@Suite struct DDLTests {
    @Test(arguments: [
        ("a int", "a int(11)"), ("a INTEGER UNSIGNED NOT NULL", "a int(10) unsigned!"),
        ("`a b` bigint(5) zerofill", "a b bigint(5) unsigned zerofill"), ("a bool", "a tinyint(1)"),
        ("a double precision(10,2)", "a double(10,2)"), ("a real", "a double"), ("a float(24)", "a float"),
        ("a float(25)", "a double"), ("a float(7,3)", "a float(7,3)"), ("a dec", "a decimal(10,0)"),
        ("a numeric(5)", "a decimal(5,0)"), ("a decimal(65,30)", "a decimal(65,30)"), ("a bit", "a bit(1)"),
        ("a char", "a char(1)"), ("a character varying(20)", "a varchar(20)"),
        ("a national varchar(3)", "a varchar(3)"),
        ("a nchar(3)", "a char(3)"), ("a long varchar", "a mediumtext"), ("a text(300)", "a text"),
        ("a text(70000)", "a mediumtext"), ("a blob(10)", "a tinyblob"),
        ("a varchar(9) character set binary", "a varbinary(9)"),
        ("a char(4) byte", "a binary(4)"), ("a enum('x','it''s',\"q\") default 'x'", "a enum('x','it''s','q')"),
        ("a set('p ', 'r')", "a set('p','r')"), ("a datetime(6)", "a datetime(6)"), ("a year", "a year(4)"),
        ("a json", "a json"), ("a serial", "a bigint(20) unsigned!"), ("a uuid", "a uuid"),
        ("a geometrycollection", "a geometrycollection"), ("a point NOT NULL SRID 4326", "a point!"),
        ("a newtype(3)", "a newtype(3)"), ("a int /* c, d int */", "a int(11)"), ("a int -- x\n", "a int(11)"),
        ("a int COMMENT 'it''s, (b int'", "a int(11)"), ("a int DEFAULT -1 CHECK (a > 0)", "a int(11)"),
        ("a int REFERENCES x (y) ON DELETE CASCADE", "a int(11)"), ("a int AS (b * (2 + 1)) STORED", "a int(11)"),
        ("a varchar(5) COLLATE latin1_bin NOT NULL", "a varchar(5)!"), ("date date", "date date"),
        ("`key` int, index int (x)", "key int(11)"), ("a int, key date (date)", "a int(11)"),
        ("a int /*!80023 INVISIBLE */", "a int(11)"), ("a int /*!999999 NOT NULL */", "a int(11)"),
        ("a timestamp(3) DEFAULT current_timestamp(3) ON UPDATE current_timestamp(3) NOT NULL", "a timestamp(3)!"),
        ("a int WITHOUT SYSTEM VERSIONING", "a int(11)"), ("a text COMPRESSED", "a text"),
    ])
    func aColumnIsRead(_ definition: String, _ expected: String) {
        let found = history("CREATE TABLE t (\(definition))")
        #expect(columns(found).first == expected)
        #expect(found.problems.isEmpty)
    }

    @Test(arguments: [
        ("a int primary key, b int", ["a"]), ("a int, b int, primary key (b, a)", ["b", "a"]),
        ("a int, b int not null unique", ["b"]), ("a int, unique key k (a)", []),
        ("a int not null, b int not null, unique u (a, b), unique (b)", ["a", "b"]),
        ("a text not null, unique (a(10))", []), ("a int, constraint pk primary key using btree (a)", ["a"]),
        ("a int, constraint unique (a), primary key (a) comment 'x'", ["a"]), ("a int key", ["a"]), ("a int, primary key p using hash (a)", ["a"]),
        ("a int, fulltext key f (a), foreign key (a) references x (b), check (a > 1), constraint c check (a < 9)", []),
        ("id int auto_increment, primary key (id desc)", ["id"]),
    ])
    func theKeyIsFound(_ definitions: String, _ expected: [String]) {
        #expect(key(history("CREATE TABLE t (\(definitions))")) == expected)
    }

    @Test(arguments: [
        ("ADD b int", ["a int(11)", "c int(11)", "b int(11)"]),
        ("ADD COLUMN b int FIRST", ["b int(11)", "a int(11)", "c int(11)"]),
        ("ADD b int AFTER a", ["a int(11)", "b int(11)", "c int(11)"]),
        ("ADD (b int, d int)", ["a int(11)", "c int(11)", "b int(11)", "d int(11)"]),
        ("DROP c", ["a int(11)"]), ("DROP COLUMN IF EXISTS c, ALGORITHM=INPLACE, LOCK=NONE", ["a int(11)"]),
        ("MODIFY c bigint NOT NULL FIRST", ["c bigint(20)!", "a int(11)"]),
        ("CHANGE c d text", ["a int(11)", "d text"]),
        ("RENAME COLUMN a TO c, RENAME COLUMN c TO a", ["c int(11)", "a int(11)"]),
        ("CHANGE a c int, CHANGE c a bigint", ["c int(11)", "a bigint(20)"]),
        ("DROP a, ADD a text", ["c int(11)", "a text"]), ("ADD a text, DROP a", ["c int(11)", "a text"]),
        ("CHANGE c d int, ADD e int AFTER d, MODIFY a int AFTER d", ["d int(11)", "a int(11)", "e int(11)"]),
        (
            "ADD INDEX i (a), ADD KEY (c), ADD FULLTEXT INDEX (c), ADD CONSTRAINT f FOREIGN KEY (a) REFERENCES x (y)",
            ["a int(11)", "c int(11)"]
        ),
        (
            "ALTER COLUMN a SET DEFAULT 5, ALTER c DROP DEFAULT, ENGINE=InnoDB, COMMENT 'a, b'",
            ["a int(11)", "c int(11)"]
        ),
        ("ADD PARTITION (PARTITION p VALUES LESS THAN (5))", ["a int(11)", "c int(11)"]),
        ("ORDER BY a, c", ["a int(11)", "c int(11)"]), ("ADD COLUMN IF NOT EXISTS a int", ["a int(11)", "c int(11)"]),
        ("PARTITION BY HASH (a) PARTITIONS 4", ["a int(11)", "c int(11)"]), ("FORCE", ["a int(11)", "c int(11)"]),
        ("ADD `index` int, ADD `unique` int", ["a int(11)", "c int(11)", "index int(11)", "unique int(11)"]),
    ])
    func anAlterChangesTheColumns(_ actions: String, _ expected: [String]) {
        let found = history("CREATE TABLE t (a int, c int)", "ALTER TABLE d.t \(actions)")
        #expect(columns(found) == expected)
        #expect(found.problems.isEmpty, "\(found.problems)")
    }

    @Test func keysAreAddedDroppedAndChanged() {
        let create = "CREATE TABLE t (a int not null, b int not null)"
        #expect(key(history(create, "ALTER TABLE t ADD PRIMARY KEY (a)")) == ["a"])
        #expect(
            key(
                history(
                    create, "ALTER TABLE t ADD PRIMARY KEY (a)", "ALTER TABLE t DROP PRIMARY KEY, ADD PRIMARY KEY (b)"))
                == ["b"])
        #expect(key(history(create, "CREATE UNIQUE INDEX u ON t (b)")) == ["b"])
        #expect(key(history(create, "CREATE UNIQUE INDEX u ON t (b)", "DROP INDEX u ON t")) == [])
        #expect(
            key(
                history(
                    create, "ALTER TABLE t ADD UNIQUE (b)", "ALTER TABLE t RENAME INDEX b TO z",
                    "ALTER TABLE t DROP INDEX z")) == [])
        #expect(key(history(create, "ALTER TABLE t ADD id bigint AUTO_INCREMENT PRIMARY KEY FIRST")) == ["id"])
    }

    @Test func tablesAreRenamedInACircleAndAcrossDatabases() throws {
        let found = history(
            "CREATE TABLE a (x int); CREATE TABLE b (y int)", "RENAME TABLE a TO tmp, b TO a, tmp TO b",
            "RENAME TABLE a TO e.a", "ALTER TABLE b RENAME TO e.c")
        #expect(found.incarnations.count == 2)
        #expect(found.current.map(\.name.text) == ["e.a", "e.c"])
        let early = try #require(found.table(TableName("d", "a"), at: SourcePlace(position: 0)))
        #expect(found.incarnations[early.incarnation].name == TableName("e", "c"))
        let late = try #require(found.table(TableName("d", "a"), at: SourcePlace(position: 1)))
        #expect(found.incarnations[late.incarnation].name == TableName("e", "a"))
        #expect(found.table(TableName("d", "a"), at: SourcePlace(position: 2)) == nil)
        #expect(found.problems.isEmpty)
    }

    @Test func aDroppedTableAndItsSuccessorAreTwo() throws {
        let found = history(
            "CREATE TABLE t (a int)", "DROP TABLE t /* generated by server */", "CREATE TABLE t (b date)")
        #expect(found.incarnations.count == 2)
        #expect(found.incarnations[0].died == SourcePlace(position: 1))
        #expect(found.table(TableName("d", "t"), at: SourcePlace(position: 1)) == nil)
        #expect(columns(found) == ["b date"])
        #expect(found.incarnations(of: TableName("d", "t")) == [0, 1])
    }

    @Test func aSnapshotThatDropsAndCreatesAtOnePlaceGoesOn() {
        var entries: [SchemaEntry] = []
        for (position, sql) in [
            (1, "CREATE TABLE t (a int, b int)"), (5, "DROP TABLE IF EXISTS `d`.`t`"),
            (5, "DROP DATABASE IF EXISTS `d`"),
            (5, "CREATE DATABASE `d` CHARSET latin1"), (5, "USE `d`"), (5, "CREATE TABLE `t` (a int, c text)"),
        ] {
            var entry = SchemaEntry(
                place: SourcePlace(position: Int64(position)), entry: Int64(entries.count), database: "d")
            entry.sql = sql
            entries.append(entry)
        }
        let found = SchemaHistory(entries)
        #expect(found.incarnations.count == 1)
        #expect(found.incarnations[0].died == nil)
        #expect(columns(found) == ["a int(11)", "c text"])
        #expect(found.incarnations[0].versions.last?.columns[0].id == found.incarnations[0].versions[0].columns[0].id)
        #expect(found.incarnations[0].versions.last?.columns[1].type.charset == "latin1")
    }

    @Test func otherStatementsChangeNothing() {
        let found = history(
            "CREATE TABLE t (a int)", "CREATE TABLE IF NOT EXISTS t (nothing int)", "CREATE TEMPORARY TABLE t (b int)",
            "DROP TEMPORARY TABLE t", "CREATE VIEW v AS SELECT * FROM t",
            "CREATE TRIGGER x AFTER UPDATE ON t FOR EACH ROW DROP TABLE t",
            "GRANT ALL ON t TO u", "ANALYZE TABLE t", "INSERT INTO t VALUES (1)", "SET character_set_server=utf8mb4",
            "CREATE SEQUENCE s START WITH 100", "DROP TABLE IF EXISTS never_was", "ALTER TABLE t ADD INDEX (a)",
            "CREATE INDEX i ON t (a)",
            "FLUSH TABLES", "RENAME USER a TO b", "DROP VIEW t", "DROP INDEX i ON t", "")
        #expect(columns(found) == ["a int(11)"])
        #expect(found.incarnations.count == 1)
        #expect(found.incarnations[0].versions.count == 1)
        #expect(found.problems.isEmpty, "\(found.problems)")
    }

    @Test func tablesAreMadeLikeOthersAndFromQueries() {
        let found = history(
            "CREATE TABLE s (a int primary key, b enum('x'))", "CREATE TABLE t LIKE s", "CREATE TABLE u (LIKE d.s)",
            "CREATE TABLE v (a int) AS SELECT 1 AS a", "CREATE TABLE w AS SELECT * FROM s")
        #expect(columns(found) == columns(found, "s"))
        #expect(key(found) == ["a"])
        #expect(columns(found, "u") == columns(found, "s"))
        #expect(columns(found, "v") == ["a int(11)"])
        #expect(columns(found, "w") == [])
        #expect(found.problems.count == 1)
    }

    @Test func truncatesAndPartitionsAreEvents() {
        let found = history(
            "CREATE TABLE t (a int)", "TRUNCATE t", "TRUNCATE TABLE d.t", "ALTER TABLE t DROP PARTITION p0, p1",
            "TRUNCATE nothing")
        #expect(found.incarnations[0].events.map(\.kind) == [.truncated, .truncated, .hiddenRows])
        #expect(found.incarnations[0].events.map(\.place.position) == [1, 2, 3])
    }

    @Test func onlyAnAlterThatIgnoresEqualKeysHidesRows() {
        let found = history(
            "CREATE TABLE t (a int, b int)", "ALTER IGNORE TABLE t ADD c int", "ALTER TABLE t ADD UNIQUE (a)",
            "ALTER ONLINE IGNORE TABLE t ADD d int, ADD PRIMARY KEY (b)", "ALTER IGNORE TABLE t ADD UNIQUE KEY (c)")
        #expect(found.incarnations[0].events.map(\.kind) == [.hiddenRows, .hiddenRows])
        #expect(found.incarnations[0].events.map(\.place.position) == [3, 4])
        #expect(found.incarnations[0].versions.last?.columns.map(\.name) == ["a", "b", "c", "d"])
    }

    @Test func namesFindTheirTableWhateverTheirCaseIfOneFits() {
        let found = history("CREATE TABLE Orders (a int)", "CREATE TABLE `A``b` (c int)")
        #expect(found.table(TableName("d", "orders"), at: SourcePlace(position: 5))?.incarnation == 0)
        #expect(found.table(TableName("d", "A`b"), at: SourcePlace(position: 5))?.incarnation == 1)
        let two = history("CREATE TABLE Orders (a int)", "CREATE TABLE ORDERS (a int)")
        #expect(two.table(TableName("d", "orders"), at: SourcePlace(position: 5)) == nil)
        #expect(two.table(TableName("d", "ORDERS"), at: SourcePlace(position: 5))?.incarnation == 1)
    }

    @Test func charsetsComeFromColumnTableAndDatabase() throws {
        let found = history(
            "CREATE DATABASE d CHARACTER SET = latin1",
            "CREATE TABLE t (a text, b text charset gbk, c text collate utf8mb4_bin)",
            "ALTER TABLE t DEFAULT CHARSET=utf8mb4, ADD e text", "CREATE TABLE u (a text) CHARSET=ascii")
        func charsets(_ name: String) throws -> [String?] {
            let id = try #require(found.current.first { $0.name.table == name }).incarnation
            return try #require(found.incarnations[id].versions.last).columns.map(\.type.charset)
        }
        #expect(try charsets("t") == ["latin1", "gbk", "utf8mb4", "utf8mb4"])
        #expect(try charsets("u") == ["ascii"])
        #expect(
            columns(history("CREATE TABLE t (a varchar(3))", "ALTER TABLE t CONVERT TO CHARACTER SET binary")) == [
                "a varbinary(3)"
            ])
    }
}
