import Change
import Columns
import Event
import Testing

/// What a decoder said of a record, as text.
private struct Said {
    var outcome: ChangeOutcome
    var change: [String: String] = [:]
    var rows: [[String]] = []
}

private let padding = [UInt8](repeating: 0, count: EventBatch.padding)

private func decode(_ format: SyncSpec.Format, _ text: String, key: String = "", topic: String = "t") -> Said {
    let bytes = Array(text.utf8) + padding
    let keyBytes = Array(key.utf8) + padding
    let topicBytes = Array(topic.utf8)
    let decoder = ChangeDecoder(format)
    return unsafe bytes.withUnsafeBytes { text in
        unsafe keyBytes.withUnsafeBytes { key in
            unsafe topicBytes.withUnsafeBytes { topic in
                // Safety: 64 bytes of padding are behind text and key.
                let outcome = unsafe decoder.decode(
                    padded: ByteView(UnsafeRawBufferPointer(rebasing: text.dropLast(padding.count))),
                    key: ByteView(UnsafeRawBufferPointer(rebasing: key.dropLast(padding.count))), topic: ByteView(topic))
                var said = Said(outcome: outcome)
                guard case .changes = outcome else { return said }
                let event = decoder.event
                said.change = [
                    "op": event.operation.rawValue, "table": event.database.text + "." + event.table.text,
                    "transaction": event.transaction.text, "row": event.transactionRow.map { "\($0)" } ?? "",
                    "committed": event.committed.map { "\($0)" } ?? "", "key": event.key.text, "sql": event.sql.text,
                    "types": event.types.text, "log": event.log.text,
                    "place": event.place.map { "\($0.file):\($0.position):\($0.row)" } ?? "",
                ].filter { !$0.value.isEmpty }
                event.forEachRow { before, after in said.rows.append([before.text, after.text]) }
                return said
            }
        }
    }
}

// MARK: Maxwell

private let row = #""database":"shop","table":"level","ts":1709100566"#

@Test(arguments: [
    (#"{"type":"insert",\#(row),"xid":7,"xoffset":3,"position":"mysql-bin.000042:77","primary_key_columns":["sku"],"data":{"sku":"a"}}"#,
        ["op": "insert", "table": "shop.level", "transaction": "7", "row": "3", "committed": "1709100566000000",
         "key": #"["sku"]"#, "log": "mysql-bin", "place": "42:77:number(3)"], ["", #"{"sku":"a"}"#]),
    (#"{"type":"update",\#(row),"commit":true,"gtid":"0-101-3","position":"b.000001:4","data":{"sku":"b"},"old":{"sku":"a"}}"#,
        ["op": "update", "table": "shop.level", "transaction": "0-101-3", "committed": "1709100566000000", "log": "b",
         "place": "1:4:last"], [#"{"sku":"a"}"#, #"{"sku":"b"}"#]),
    (#"{"type":"update",\#(row),"data":{"sku":"b"},"old":null}"#,
        ["op": "update", "table": "shop.level", "committed": "1709100566000000"], ["", #"{"sku":"b"}"#]),
    (#"{"type":"delete",\#(row),"position":"b.1:4","data":{"sku":"b"}}"#,
        ["op": "delete", "table": "shop.level", "committed": "1709100566000000", "log": "b", "place": "1:4:unnumbered"],
        [#"{"sku":"b"}"#, ""]),
    (#"{"type":"bootstrap-insert",\#(row),"data":{"sku":"b"}}"#,
        ["op": "snapshot", "table": "shop.level", "committed": "1709100566000000"], ["", #"{"sku":"b"}"#]),
    (#"{"type":"bootstrap-start",\#(row),"data":{}}"#,
        ["op": "snapshot_start", "table": "shop.level", "committed": "1709100566000000"], ["", ""]),
    (#"{"type":"table-create","database":"shop","table":"t","def":{"a":1},"ts":1709100566000,"sql":"CREATE TABLE t (\n a INT)","position":"b.1:4"}"#,
        ["op": "schema", "table": "shop.t", "committed": "1709100566000000", "sql": "CREATE TABLE t (\n a INT)",
         "types": #"{"a":1}"#, "log": "b", "place": "1:4:unnumbered"], ["", ""]),
    (#"{"type":"database-drop","database":"shop","ts":1709100566000,"sql":"DROP DATABASE shop"}"#,
        ["op": "schema", "table": "shop.", "committed": "1709100566000000", "sql": "DROP DATABASE shop"], ["", ""]),
    // A JSON column goes into the record as it is, line breaks and repeated names and all.
    ("{\"type\":\"insert\",\(row),\"data\":{\"doc\":{\n \"a\" : 1,\r\n \"a\":2 }}}",
        ["op": "insert", "table": "shop.level", "committed": "1709100566000000"], ["", "{\"doc\":{\n \"a\" : 1,\r\n \"a\":2 }}"]),
])
func aMaxwellRecordIsAChange(_ text: String, _ change: [String: String], _ images: [String]) {
    let said = decode(.maxwell, text)
    #expect(said.outcome == .changes(1))
    #expect(said.change == change)
    #expect(said.rows == [images])
}

@Test(arguments: [
    ("", Rejection.blank, nil), ("  ", .blank, nil), ("{", .malformed, nil), ("[1]", .malformed, nil),
    ("{\"a\":\"\u{0}\"}", .nulByte, nil), (#"{"type":"insert"}"#, .missing, .sourceDatabase),
    (#"{"database":"a","table":"b"}"#, .missing, .op), (#"{"type":7,"database":"a"}"#, .wrongType, .op),
    (#"{"type":"upsert","database":"a","table":"b"}"#, .notInEnumeration, .op),
    (#"{"type":"insert","database":"a","data":{"a":1}}"#, .missing, .sourceTable),
    (#"{"type":"insert",\#(row)}"#, .missing, .after), (#"{"type":"insert",\#(row),"data":{ }}"#, .missing, .after),
    (#"{"type":"delete",\#(row),"data":[1]}"#, .wrongType, .before),
    (#"{"type":"insert",\#(row),"data":{"a":1},"position":"nowhere"}"#, .wrongType, .placeFile),
    (#"{"type":"insert",\#(row),"data":{"a":1},"position":"b.1:x"}"#, .wrongType, .placePosition),
    (#"{"type":"insert",\#(row),"data":{"a":1},"position":"b.1:9223372036854775807"}"#, .outOfRange, .placePosition),
    (#"{"type":"insert",\#(row),"data":{"a":1},"position":"b.99999999999:1"}"#, .outOfRange, .placePosition),
    (#"{"type":"insert",\#(row),"data":{"a":1},"position":"b.1:4","xoffset":-1}"#, .outOfRange, .placeRow),
    (#"{"type":"insert","database":"a","table":"b","ts":"now","data":{"a":1}}"#, .badTime, .committed),
    (#"{"type":"insert","database":"a","table":"b","ts":9223372036854775807,"data":{"a":1}}"#, .badTime, .committed),
    (#"{"type":"table-alter","database":"a","table":"b","ts":1}"#, .missing, .sql),
] as [(String, Rejection, ChangeLog.Field?)])
func aBadMaxwellRecordIsRefusedWithItsField(_ text: String, _ reason: Rejection, _ field: ChangeLog.Field?) {
    #expect(decode(.maxwell, text).outcome == .refused(reason, field))
}

// MARK: Debezium

private func source(_ more: String = "") -> String {
    #""source":{"ts_ms":1709100566000,"snapshot":"false","db":"shop","table":"level","server_id":1,"file":"b.000003","pos":77,"row":2\#(more)}"#
}

private let plain = #"{"before":{"id":1},"after":{"id":2},\#(source(#","gtid":"0-1-9""#)),"transaction":{"id":"0-1-9","total_order":4},"op":"u"}"#
private let schema = #"{"type":"struct","fields":[{"field":"before","fields":[{"field":"id","type":"int32"}]},{"field":"after","fields":[{"field":"id","type":"int32"}]}]}"#

@Test(arguments: [
    (plain, #"{"id":1}"#, ""),
    (#"{"schema":\#(schema),"payload":\#(plain)}"#, #"{"schema":{},"payload":{"id":1}}"#, #"[{"field":"id","type":"int32"}]"#),
    (#"{"topic":"x.shop.level","key":{"id":1},"value":\#(plain)}"#, "", ""),
    (#"{"topic":"x.shop.level","key":{"schema":{},"payload":{"id":1}},"value":{"schema":\#(schema),"payload":\#(plain)}}"#, "",
        #"[{"field":"id","type":"int32"}]"#),
])
func aDebeziumEnvelopeIsTakenOffInEveryForm(_ text: String, _ key: String, _ types: String) {
    let said = decode(.debezium, text, key: key)
    #expect(said.outcome == .changes(1))
    var wanted = [
        "op": "update", "table": "shop.level", "transaction": "0-1-9", "row": "4", "committed": "1709100566000000",
        "key": #"["id"]"#, "log": "b", "place": "3:77:number(2)",
    ]
    if !types.isEmpty { wanted["types"] = types }
    #expect(said.change == wanted)
    #expect(said.rows == [[#"{"id":1}"#, #"{"id":2}"#]])
}

@Test(arguments: [
    (#"{"before":null,"after":{"id":2},\#(source()),"op":"c"}"#, "insert", "3:77:number(2)", ["", #"{"id":2}"#]),
    (#"{"before":null,"after":{"id":2},\#(source()),"op":"r"}"#, "snapshot", "3:77:unnumbered", ["", #"{"id":2}"#]),
    (#"{"before":{"id":2},"after":null,\#(source()),"op":"d"}"#, "delete", "3:77:number(2)", [#"{"id":2}"#, ""]),
    // Some set-ups write a deleted row's key alone.
    (#"{"before":null,"after":null,\#(source()),"op":"d"}"#, "delete", "3:77:number(2)", [#"{"id":9}"#, ""]),
    (#"{"before":null,"after":null,\#(source()),"op":"t"}"#, "truncate", "3:77:number(2)", ["", ""]),
    (#"{\#(source()),"databaseName":"shop","ddl":"DROP TABLE level","tableChanges":[]}"#, "schema", "3:77:unnumbered", ["", ""]),
    (#"{"before":null,"after":{"id":2},"source":{"db":"shop","table":"level","file":"","pos":0,"row":0,"snapshot":false},"op":"c"}"#,
        "insert", "", ["", #"{"id":2}"#]),
    // Unwrapped.
    (#"{"id":2,"__op":"c","__source_file":"b.3","__source_pos":77,"__source_row":2,"__db":"shop","__table":"level"}"#, "insert",
        "3:77:number(2)", ["", #"{"id":2}"#]),
    (#"{"id":2,"__deleted":"true","__source_file":"b.3","__source_pos":77,"__source_row":2}"#, "delete", "3:77:number(2)", [#"{"id":2}"#, ""]),
    (#"{"id":2,"status":"BEGIN"}"#, "snapshot", "", ["", #"{"id":2,"status":"BEGIN"}"#]),
])
func aDebeziumRecordIsAChange(_ text: String, _ op: String, _ place: String, _ images: [String]) {
    let said = decode(.debezium, text, key: #"{"id":9}"#, topic: "server.shop.level")
    #expect(said.outcome == .changes(1))
    #expect(said.change["op"] == op && said.change["table"] == "shop.level")
    #expect(said.change["place", default: ""] == place)
    #expect(said.rows == [images])
}

@Test(arguments: [
    (#"{"status":"BEGIN","id":"0-1-9","event_count":null,"data_collections":null,"ts_ms":1}"#, "live.transaction", ChangeFilter.transaction),
    (#"{"status":"END","id":"0-1-9","event_count":2,"data_collections":[],"ts_ms":1}"#, "changes", .transaction),
    (#"{"ts_ms":1}"#, "__debezium-heartbeat.live", .heartbeat), (#"{"ts_ms":1}"#, "changes", .heartbeat),
    (#"{"topic":"live.shop.level","key":{"id":1},"value":null}"#, "changes", .tombstone),
    (#"{\#(source()),"op":"m","message":{}}"#, "live.message", .message),
])
func whatBelongsToDebeziumItselfIsLeftOut(_ text: String, _ topic: String, _ filter: ChangeFilter) {
    #expect(decode(.debezium, text, topic: topic).outcome == .filtered(filter))
}

@Test(arguments: [
    ("nonsense", Rejection.malformed, nil), (#"{"foo":1}"#, .missing, .op),
    (#"{"before":null,"after":{"id":2},\#(source()),"op":"x"}"#, .notInEnumeration, .op),
    (#"{"before":null,"after":null,\#(source()),"op":"c"}"#, .missing, .after),
    (#"{"before":null,"after":null,\#(source()),"op":"d"}"#, .missing, .before),
    (#"{"after":{"id":2},"source":{"db":"shop"},"op":"c"}"#, .missing, .sourceTable),
    (#"{"after":{"id":2},"source":{"db":"shop","table":"t","file":"b","pos":1},"op":"c"}"#, .wrongType, .placeFile),
    (#"{"after":{"id":2},"source":{"db":"shop","table":"t","file":"b.1","pos":"x"},"op":"c"}"#, .wrongType, .placePosition),
    (#"{"after":{"id":2},"source":{"db":"shop","table":"t","file":"b.1","pos":1,"row":-1},"op":"c"}"#, .outOfRange, .placeRow),
] as [(String, Rejection, ChangeLog.Field?)])
func aBadDebeziumRecordIsRefusedWithItsField(_ text: String, _ reason: Rejection, _ field: ChangeLog.Field?) {
    #expect(decode(.debezium, text).outcome == .refused(reason, field))
}

// MARK: Canal

private func canal(_ more: String) -> String {
    #"{"database":"shop","table":"level","es":1709100566000,"ts":1,"id":4,"pkNames":["id"],"mysqlType":{"id":"INT"},\#(more)}"#
}

@Test func aCanalMessageIsAChangeOfEachOfItsRows() {
    let said = decode(.canal, canal(#""isDdl":false,"type":"UPDATE","data":[{"id":"1"},{"id":"2","b":"]"}],"old":[{"id":"8"},null]"#))
    #expect(said.outcome == .changes(2))
    #expect(said.rows == [[#"{"id":"8"}"#, #"{"id":"1"}"#], ["", #"{"id":"2","b":"]"}"#]])
    #expect(said.change == [
        "op": "update", "table": "shop.level", "committed": "1709100566000000", "key": #"["id"]"#, "types": #"{"id":"INT"}"#,
    ])
    let deleted = decode(.canal, canal(#""type":"DELETE","data":[{"id":"1"}],"old":null"#))
    #expect(deleted.rows == [[#"{"id":"1"}"#, ""]])
    let ddl = decode(.canal, canal(#""type":"ALTER","isDdl":true,"sql":"ALTER TABLE level","data":null"#))
    #expect(ddl.change["op"] == "schema" && ddl.change["sql"] == "ALTER TABLE level")
}

@Test(arguments: [
    (canal(#""type":"QUERY","isDdl":false,"data":null"#), ChangeOutcome.filtered(.statement)),
    (#"{"data":[{"k":"5"}],"type":"INSERT"}"#, .refused(.missing, .sourceDatabase)),
    (canal(#""type":"INSERT","data":null"#), .refused(.missing, .after)),
    (canal(#""type":"INSERT","data":[]"#), .refused(.missing, .after)),
    (canal(#""type":"INSERT","data":[{"id":"1"},{}]"#), .refused(.missing, .after)),
    (canal(#""type":"INSERT","data":[{"id":"1"},7]"#), .refused(.wrongType, .after)),
    (canal(#""type":"MERGE","data":[{"id":"1"}]"#), .refused(.notInEnumeration, .op)),
    (canal(#""type":"INSERT","data":[{"id":"1"}],"_tidb":{"onlyHandleKey":true}"#), .refused(.missing, .after)),
    (canal(#""type":"INSERT","data":[{"id":"1"}],"_tidb":{"claimCheckLocation":"s3://x"}"#), .refused(.missing, .after)),
])
func whatIsNoCanalRowIsSaidSo(_ text: String, _ outcome: ChangeOutcome) {
    #expect(decode(.canal, text).outcome == outcome)
}
