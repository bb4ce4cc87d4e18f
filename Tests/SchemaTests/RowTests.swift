import Columns
import Event
import TimeZone
import Testing

@testable import Schema

/// Rows of a table that one statement makes, read from a tool's documents.
final class RowReader {
    let decoder: RowDecoder
    let batch: RowBatch
    private let printer: RowPrinter
    private(set) var outcome = RowOutcome()

    init(_ tool: ChangeTool, _ definitions: String, dates: DateRule = .text, options: DecodeOptions = DecodeOptions()) {
        let history = history("CREATE TABLE t (\(definitions)) CHARSET=utf8mb4", dates: dates)
        let version = history.incarnations[0].versions[0]
        decoder = RowDecoder(version, tool: tool, options: options)
        batch = RowBatch(shapes: version.shapes)
        printer = RowPrinter(version)
    }

    /// The row's cells as the server prints them.
    func cells(_ document: String, old: String? = nil, isSnapshot: Bool = false) -> [String] {
        batch.removeAll()
        outcome = Self.view(document) { document in
            guard let old else { return decoder.append(document, to: batch.columns, isSnapshot: isSnapshot) }
            return Self.view(old) { decoder.append(document, patchedBy: $0, to: batch.columns) }
        }
        guard !outcome.isBroken else { return [] }
        return printer.cells(batch.columns.map { TypedValue($0, 0) })
    }

    /// What was lost so far.
    var losses: [Loss] { decoder.losses.list.map(\.loss) }

    static func view<Result>(_ text: String, _ body: (ByteView) -> Result) -> Result {
        unsafe Array(text.utf8).withUnsafeBytes { body(unsafe ByteView($0)) }
    }
}

/// One value: type, what the tool writes, what the server prints, what is lost.
struct ValueCase: CustomTestStringConvertible, Sendable {
    var type: String
    var json: String
    var expected: String
    var losses: [Loss]
    init(_ type: String, _ json: String, _ expected: String, _ losses: Loss...) {
        (self.type, self.json, self.expected, self.losses) = (type, json, expected, losses)
    }
    var testDescription: String { "\(type) \(json)" }
}

@Suite struct RowTests {
    @Test(arguments: [
        ValueCase("int", "-2147483648", "-2147483648"), ValueCase("int", "null", "\\N"),
        ValueCase("bigint unsigned", "18446744073709551615", "18446744073709551615"),
        ValueCase(
            "decimal(65,30)", "99999999999999999999999999999999999.999999999999999999999999999999",
            "99999999999999999999999999999999999.999999999999999999999999999999"),
        ValueCase("decimal(65,30)", "-0E-30", "0.000000000000000000000000000000"),
        ValueCase("decimal(20,4)", "18.2817", "18.2817"), ValueCase("decimal(20,4)", "0.5", "0.5000"),
        ValueCase("float", "0.1", "0.10000000149011612"),
        ValueCase("double", "1.7976931348623157E308", "1.7976931348623157e+308"),
        ValueCase("bit(8)", "255", "255"), ValueCase("bit(64)", "18446744073709551615", "18446744073709551615"),
        ValueCase("bit(64)", "2097153", "2097153", .wideBits),
        ValueCase("bit(64)", "-390234431", "18446744073319317185", .wideBits),
        ValueCase("year", "1900", "0000"), ValueCase("year", "2155", "2155"),
        ValueCase("date", "\"0000-00-00\"", "0000-00-00", .movedDate),
        ValueCase("date", "\"1582-10-20\"", "1582-10-20", .movedDate),
        ValueCase("datetime(3)", "\"2024-02-29 12:34:56.700\"", "2024-02-29 12:34:56.700"),
        ValueCase("time(3)", "\"25:30:00.120\"", "25:30:00.120", .timeOfDay),
        ValueCase("enum('a','d''d')", "\"d''d\"", "d'd"), ValueCase("enum('a','it''''s')", "\"it''s\"", "it''s"),
        ValueCase("enum('a') not null", "null", ""), ValueCase("set('x','y','z')", "[\"x\",\"z\"]", "x,z"),
        ValueCase("set('x')", "[]", ""), ValueCase("json", "{\"a\": 1,\n \"a\":[]}", "{\"a\": 1,\\n \"a\":[]}"),
        ValueCase("json", "\"text\"", "\"text\""), ValueCase("json", "12.50", "12.50"),
        ValueCase("json", "true", "true"),
        ValueCase("json not null", "null", "null", .jsonNull), ValueCase("longtext", "{\"a\": 1}", "{\"a\": 1}"),
        ValueCase("text", "\"\\u00e9\\ud83d\\ude00\\\\ \\/ \\\"\\n\\u0000\"", "é😀\\\\ / \"\\n\\0"),
        ValueCase("text charset latin1", "\"\u{FFFD}\"", "\u{FFFD}", .replacedText),
        ValueCase("text", "\"\u{FFFD}\"", "\u{FFFD}"),
        ValueCase("binary(4)", "\"AQ==\"", "01000000"), ValueCase("varbinary(4)", "\"AQ==\"", "01"),
        ValueCase("blob", "\"\"", ""),
        ValueCase("point", "\"POINT (1 2)\"", "000000000101000000000000000000F03F0000000000000040", .missingSRID),
        ValueCase("geometry", "\"GEOMETRYCOLLECTION EMPTY\"", "00000000010700000000000000", .missingSRID),
        ValueCase(
            "geometry", "\"MULTIPOINT ((1 1), (2 2))\"",
            "000000000104000000020000000101000000000000000000F03F000000000000F03F0101000000"
                + "00000000000000400000000000000040", .missingSRID),
        ValueCase(
            "polygon", "\"POLYGON ((0 0, 4 0, 4 4, 0 0))\"",
            "00000000010300000001000000040000000000000000000000000000000000000000000000"
                + "000010400000000000000000" + "00000000000010400000000000001040" + "00000000000000000000000000000000",
            .missingSRID),
        ValueCase("uuid", "\"a43dc797-211b-4ace-8773-5d0ce1a88584\"", "a43dc797-211b-4ace-8773-5d0ce1a88584"),
    ])
    func maxwellWrites(_ value: ValueCase) {
        let reader = RowReader(.maxwell, "a \(value.type)")
        #expect(reader.cells("{\"a\":\(value.json)}") == [value.expected])
        #expect(reader.outcome.isFit)
        #expect(reader.losses == value.losses)
    }

    @Test(arguments: [
        ValueCase("tinyint(1)", "\"2\"", "2"), ValueCase("decimal(5,2)", "\"5.0\"", "5.00"),
        ValueCase("enum('a','b')", "\"2\"", "b"), ValueCase("enum('a','b')", "\"0\"", ""),
        ValueCase("enum('a','b')", "\"b\"", "b"),
        ValueCase("set('x','y','z')", "\"5\"", "x,z"), ValueCase("set('x')", "\"0\"", ""),
        ValueCase("bit(64)", "\"9007199254740993\"", "9007199254740993"), ValueCase("year", "\"0000\"", "0000"),
        ValueCase("time(3)", "\"-838:59:59.999\"", "-838:59:59.999"), ValueCase("date", "\"2024-00-15\"", "2024-00-15"),
        ValueCase("timestamp", "\"2024-02-29 08:00:00\"", "2024-02-29 08:00:00", .assumedZone),
        ValueCase("timestamp", "\"0000-00-00 00:00:00\"", "0000-00-00 00:00:00"),
        ValueCase("json", "\"{\\\"a\\\": \\\"\u{E8}\u{8C}\u{B6}\\\"}\"", "{\"a\": \"茶\"}"),
        ValueCase("json", "\"{\\\"a\\\": \\\"茶\\\"}\"", "{\"a\": \"茶\"}"),
        ValueCase("varbinary(9)", "\"\\u0000ð?\"", "00F03F"), ValueCase("binary(3)", "\"\u{FF}\"", "FF0000"),
        ValueCase("point", "\"æ\\u0010\\u0000\\u0000\\u0001\"", "E610000001"),
        ValueCase("varchar(9) charset gbk", "\"plain\"", "plain"),
        ValueCase("varchar(9) charset gbk", "\"\u{3B2}\"", "\u{3B2}", .destroyedText),
        ValueCase("text", "\"中\"", "中"), ValueCase("float", "\"3.4028235E38\"", "3.4028234663852886e+38"),
    ])
    func canalWrites(_ value: ValueCase) {
        let reader = RowReader(.canal, "a \(value.type)")
        #expect(reader.cells("{\"a\":\(value.json)}") == [value.expected])
        #expect(reader.outcome.isFit)
        #expect(reader.losses == value.losses)
    }

    @Test(arguments: [
        ValueCase("bool", "true", "1", .boolean), ValueCase("bool", "false", "0"), ValueCase("bool", "2", "2"),
        ValueCase("bigint unsigned", "-1", "18446744073709551615"),
        ValueCase("bigint unsigned", "\"AP//////////\"", "18446744073709551615"),
        ValueCase("decimal(20,4)", "\"Asoh\"", "18.2817"), ValueCase("decimal(20,4)", "\"-18.2817\"", "-18.2817"),
        ValueCase("decimal(20,4)", "18.2817", "18.2817", .roundedDecimal),
        ValueCase("decimal(20,4)", "-18.281650000000002", "-18.2817", .roundedDecimal),
        ValueCase("decimal(5,5)", "\"/nlh\"", "-0.99999"),
        ValueCase(
            "decimal(65,30)", "\"/wzp2OOAPG91dBC5sca6EIXayfYAAAAAAAAAAQ==\"",
            "-99999999999999999999999999999999999.999999999999999999999999999999"),
        ValueCase("decimal(10,0)", "\"1234\"", "1234", .guessedMode),
        ValueCase("decimal(10,0)", "\"9999999999\"", "9999999999"),
        ValueCase("bit(1)", "true", "1"), ValueCase("bit(12)", "\"/w8=\"", "4095"),
        ValueCase("bit(64)", "\"//////////8=\"", "18446744073709551615"),
        ValueCase("date", "19781", "2024-02-28"), ValueCase("date", "\"2024-02-29Z\"", "2024-02-29"),
        ValueCase("date", "null", "\\N", .nullDate),
        ValueCase("date not null", "null", "0000-00-00"), ValueCase("datetime", "1709100461000", "2024-02-28 06:07:41"),
        ValueCase("datetime(6)", "1709100558380816", "2024-02-28 06:09:18.380816"),
        ValueCase("datetime(3)", "1709100461812000000", "2024-02-28 06:07:41.812"),
        ValueCase("datetime(6)", "\"2024-02-29T12:34:56.7Z\"", "2024-02-29 12:34:56.700000"),
        ValueCase("timestamp(3)", "\"2024-02-28T06:07:41.812Z\"", "2024-02-28 06:07:41.812"),
        ValueCase("timestamp", "\"1970-01-01T00:00:00Z\"", "0000-00-00 00:00:00"),
        ValueCase("timestamp", "\"1970-01-01T00:00:01Z\"", "1970-01-01 00:00:01"),
        ValueCase("timestamp", "\"2024-02-28T08:07:41+02:00\"", "2024-02-28 06:07:41"),
        ValueCase("time(6)", "-3020399999999", "-838:59:59.999999"), ValueCase("time", "91800000000", "25:30:00"),
        ValueCase("time(3)", "\"00:00:00.12Z\"", "00:00:00.120"),
        ValueCase("year", "1900", "0000"), ValueCase("year", "1970", "1970"),
        ValueCase("enum('a','b,c')", "\"b\\\\,c\"", "b,c"), ValueCase("enum('a','b,c')", "\"b,c\"", "b,c"),
        ValueCase("set('x','y')", "\"x,y\"", "x,y"),
        ValueCase("json", "\"{ \\\"a\\\" :1}\"", "{ \"a\" :1}"),
        ValueCase("varchar(9) default 'web'", "\"web\"", "web", .nullOrDefault),
        ValueCase("varchar(9) default 'web'", "\"shop\"", "shop"), ValueCase("int default 5", "5", "5", .nullOrDefault),
        ValueCase("varchar(9) not null default 'web'", "\"web\"", "web"),
        ValueCase("binary(8)", "\"AAAAAAAAAAA=\"", "0000000000000000"),
        ValueCase("binary(8)", "\"0001020304050607\"", "0001020304050607"), ValueCase("blob", "\"//8=\"", "FFFF"),
        ValueCase("blob", "\"00ff\"", "D347DF", .guessedMode),
        ValueCase("point", "{\"x\": 1.0, \"wkb\": \"AQEAAAA=\", \"srid\": 4326}", "E61000000101000000"),
        ValueCase("point", "{\"wkb\": \"AQ==\", \"srid\": null}", "0000000001"),
        ValueCase("float", "9999.9990234375", "9999.9990234375"),
    ])
    func debeziumWrites(_ value: ValueCase) {
        let reader = RowReader(.debezium, "a \(value.type)")
        #expect(reader.cells("{\"a\":\(value.json)}") == [value.expected])
        #expect(reader.outcome.isFit)
        #expect(reader.losses == value.losses)
    }

    @Test(arguments: [
        ("int", "3000000000"), ("int", "\"x\""), ("tinyint", "128"), ("int unsigned", "-1"), ("decimal(5,2)", "1000"),
        ("decimal(5,2)", "1.234"),
        ("date", "\"2024-13-01\""), ("date", "\"yesterday\""), ("time", "\"839:00:00\""), ("double", "1e999"),
        ("float", "1e300"),
        ("blob", "\"$\""), ("point", "\"POINT (1)\""), ("point", "\"CIRCLE (1 1)\""), ("int", "{}"), ("bit(3)", "8"),
        ("year", "1800"),
        ("decimal(65,30)", "1e40"), ("int", "99999999999999999999999999"), ("set('a')", "[1]"), ("int", "\"\""),
        ("datetime", "\"\""),
    ])
    func aValueThatDoesNotFitIsNullAndNamed(_ type: String, _ json: String) {
        let reader = RowReader(.maxwell, "a \(type), b int")
        #expect(reader.cells("{\"a\":\(json),\"b\":7}") == ["\\N", "7"])
        #expect(reader.outcome.unfitColumn == 0)
        #expect(!reader.outcome.isFit)
    }

    @Test(arguments: [
        "", "[]", "{", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 \"b\":2}", "{a:1}", "{\"a\":nul}", "{\"a\":\"x}",
        "{\"a\":[1,{}",
    ])
    func aBrokenDocumentAppendsNothing(_ document: String) {
        let reader = RowReader(.maxwell, "a int, b int")
        #expect(reader.cells(document).isEmpty)
        #expect(reader.outcome.isBroken)
        #expect(reader.batch.columns.allSatisfy { $0.count == 0 })
    }

    @Test func missingAndUnknownNamesAreCounted() {
        let reader = RowReader(.maxwell, "a int, `b``c` int, D int")
        #expect(reader.cells(#"{"b``c":2,"x":[1,{"a":5}],"d":3}"#) == ["\\N", "2", "3"])
        #expect(reader.outcome.missingCount == 1)
        #expect(reader.outcome.unknownCount == 1)
        #expect(reader.decoder.unknownNames == ["x"])
        #expect(!reader.decoder.isPresent(0))
        #expect(reader.decoder.isPresent(2))
    }

    @Test func theImageBeforeIsTheRowWithItsOldValues() {
        let reader = RowReader(.maxwell, "a int, b varchar(9), c int")
        let after = #"{"a":1,"b":"new","c":null}"#
        #expect(reader.cells(after, old: #"{"b":"old","c":5}"#) == ["1", "old", "5"])
        #expect(reader.cells(after, old: #"{"b":null}"#) == ["1", "\\N", "\\N"])
        #expect(reader.cells(after, old: "null") == ["1", "new", "\\N"])
        #expect(reader.cells(after, old: "{}") == ["1", "new", "\\N"])
        #expect(reader.cells(after, old: "{").isEmpty)
    }

    @Test func namesWithEscapesAndOfOtherOrderAreFound() {
        let reader = RowReader(.canal, "`单价` decimal(10,2), `Größe cm` int, `a\"b` int")
        #expect(reader.cells(#"{"a\"b":"3","Gr\u00f6\u00dfe cm":"2","单价":"1.5"}"#) == ["1.50", "2", "3"])
    }

    @Test func theReadersZoneIsTakenBack() throws {
        var options = DecodeOptions()
        options.zone = try Zone("Asia/Shanghai")
        let canal = RowReader(.canal, "a timestamp(3), b datetime", options: options)
        #expect(
            canal.cells(#"{"a":"2024-02-29 08:00:00.5","b":"2024-02-29 08:00:00"}"#) == [
                "2024-02-29 00:00:00.500", "2024-02-29 08:00:00",
            ])
        #expect(canal.cells(#"{"a":"0000-00-00 00:00:00","b":null}"#) == ["0000-00-00 00:00:00.000", "\\N"])
        #expect(canal.losses.isEmpty)
        options.zone = try Zone("Europe/Berlin")
        let berlin = RowReader(.canal, "a timestamp", options: options)
        #expect(berlin.cells(#"{"a":"2024-07-01 02:30:00"}"#) == ["2024-07-01 00:30:00"])
        #expect(berlin.losses.isEmpty)
        #expect(berlin.cells(#"{"a":"2024-10-27 02:30:00"}"#) == ["2024-10-27 00:30:00"])
        #expect(berlin.losses == [.assumedZone])
        options.zone = try Zone("Asia/Shanghai")
        let maxwell = RowReader(.maxwell, "a time, b timestamp", options: options)
        #expect(maxwell.cells(#"{"a":"08:00:00","b":"2024-02-29 08:00:00"}"#) == ["00:00:00", "2024-02-29 08:00:00"])
        #expect(maxwell.cells(#"{"a":"07:30:00","b":null}"#) == ["23:30:00", "\\N"])
    }

    @Test func typedDatesAreNullWhereThereIsNoSuchDay() {
        let reader = RowReader(.canal, "a date, b datetime(6), c timestamp", dates: .typed)
        #expect(
            reader.cells(#"{"a":"2024-02-29","b":"1969-12-31 23:59:59.999999","c":"0000-00-00 00:00:00"}"#)
                == ["2024-02-29", "1969-12-31 23:59:59.999999", "\\N"])
        #expect(reader.cells(#"{"a":"2023-02-31","b":"2024-00-15 10:00:00","c":null}"#) == ["\\N", "\\N", "\\N"])
        #expect(reader.decoder.losses[.zeroDate] == 3)
        #expect(reader.batch.columns.map(\.type) == [.date, .timestamp, .timestamp])
    }

    @Test func debeziumsModesAreFoundOutBeforeTheFirstRow() {
        let reader = RowReader(.debezium, "a decimal(10,0), b varbinary(20), c int default 5")
        for document in [#"{"a":"-5","b":"000102030405060708","c":null}"#, #"{"a":"77","b":"","c":5}"#] {
            RowReader.view(document) { reader.decoder.survey($0) }
        }
        #expect(reader.cells(#"{"a":"1234","b":"00ff","c":5}"#) == ["1234", "00FF", "5"])
        #expect(reader.losses.isEmpty)
    }

    @Test func countedTimesAreInTheUnitThatTheirValuesProve() {
        let connect = RowReader(.debezium, "a datetime(6), b time, c datetime, d time(3)")
        #expect(
            connect.cells(#"{"a":1709100558380,"b":-3661000,"c":1709100461000,"d":1}"#)
                == ["2024-02-28 06:09:18.380000", "-01:01:01", "2024-02-28 06:07:41", "00:00:00.001"])
        #expect(Set(connect.losses) == [.cutFraction, .guessedMode])
        let micros = RowReader(.debezium, "a datetime(6), b time, c datetime")
        RowReader.view(#"{"a":1709100558380816,"b":0,"c":1709100461000000}"#) { micros.decoder.survey($0) }
        #expect(
            micros.cells(#"{"a":1209600000000,"b":3600000000,"c":1000000}"#)
                == ["1970-01-15 00:00:00.000000", "01:00:00", "1970-01-01 00:00:01"])
        #expect(micros.losses.isEmpty)
        let nanos = RowReader(.debezium, "a datetime(6), b time(6)")
        #expect(
            nanos.cells(#"{"a":1709100558380816000,"b":45296000000000}"#) == [
                "2024-02-28 06:09:18.380816", "12:34:56.000000",
            ])
        #expect(nanos.cells(#"{"a":1000000000,"b":1000000000}"#) == ["1970-01-01 00:00:01.000000", "00:00:01.000000"])
        #expect(nanos.losses.isEmpty)
    }

    @Test func anEnvelopeSaysInWhatValuesAreWritten() {
        let reader = RowReader(.debezium, "a time(6), b decimal(10,0), c varbinary(9), d int")
        let envelope = #"[{"type":"int32","name":"org.apache.kafka.connect.data.Time","field":"a","optional":true},"#
            + #"{"type":"string","field":"b"},{"type":"bytes","field":"c"},{"type":"int32","field":"d","default":7,"#
            + #""optional":true}]"#
        RowReader.view(envelope) { reader.decoder.take(types: $0) }
        #expect(
            reader.cells(#"{"a":36000000,"b":"1234","c":"1234","d":7}"#) == [
                "10:00:00.000000", "1234", "D76DF8", "7",
            ])
        // Six digits by way of milliseconds, and 7 may stand for NULL.
        #expect(Set(reader.losses) == [.cutFraction, .nullOrDefault])
        reader.decoder.take(types: .empty)
        #expect(reader.cells(#"{"a":36000000,"b":"1234","c":"1234","d":7}"#)[0] == "00:00:36.000000")
    }

    @Test func oneValueOfAnotherUnitDoesNotMoveAllOthers() {
        let reader = RowReader(.debezium, "a time, b datetime")
        #expect(reader.cells(#"{"a":-3661000,"b":1709100461000}"#) == ["-01:01:01", "2024-02-28 06:07:41"])
        #expect(reader.losses.isEmpty)
        // More than 838 hours in milliseconds.
        #expect(reader.cells(#"{"a":3600000000,"b":0}"#)[0] == "01:00:00")
        #expect(reader.losses == [.guessedMode])
        #expect(reader.cells(#"{"a":36000000,"b":0}"#)[0] == "10:00:00")
        for _ in 0..<4 { _ = reader.cells(#"{"a":3600000000,"b":1709100461000000}"#) }
        #expect(reader.cells(#"{"a":36000000,"b":1000000}"#) == ["00:00:36", "1970-01-01 00:00:01"])
    }

    @Test func configuredModesAreNotFoundOut() {
        var modes = DebeziumModes()
        (modes.time, modes.decimals, modes.binary) = (.connect, .string, .hex)
        var options = DecodeOptions()
        options.take(modes)
        let reader = RowReader(.debezium, "a time, b decimal(10,0), c varbinary(9)", options: options)
        #expect(reader.cells(#"{"a":36000000,"b":"1234","c":"1234"}"#) == ["10:00:00", "1234", "1234"])
        #expect(reader.losses.isEmpty)
    }

    @Test func aDecimalWithAnExponentIsNoBase64() {
        // As Java writes numbers of more than six zeros behind the point: of four letters, three of them base64.
        let reader = RowReader(.debezium, "a decimal(20,8), b decimal(18,18)")
        #expect(reader.cells(#"{"a":"0E-8","b":"1E-18"}"#) == ["0.00000000", "0.000000000000000001"])
        #expect(reader.cells(#"{"a":"-1.5E-7","b":"0E-18"}"#) == ["-0.00000015", "0.000000000000000000"])
        #expect(reader.losses.isEmpty && reader.outcome.unfitCount == 0)
    }

    @Test func aDoubleNextToTheGreatestNumberIsThatNumber() {
        let reader = RowReader(.debezium, "a decimal(20,4), b decimal(65,30)")
        #expect(
            reader.cells(#"{"a":1.0E16,"b":-1.0E35}"#) == [
                "9999999999999999.9999",
                "-" + String(repeating: "9", count: 35) + "." + String(repeating: "9", count: 30),
            ])
        #expect(reader.cells(#"{"a":1.0E17,"b":1.0E36}"#) == ["\\N", "\\N"])
        #expect(reader.outcome.unfitCount == 2)
    }

    @Test func aSnapshotLosesDigits() {
        let reader = RowReader(.debezium, "a float, b year")
        #expect(reader.cells(#"{"a":581829.0,"b":2000}"#, isSnapshot: true) == ["581829.0", "2000"])
        #expect(reader.losses == [.floatDigits, .zeroYear])
    }
}
