import Columns
import Event
import Pipeline
import Platform
import Sinks
import Testing

/// A route of JSON with a time and one more column.
private func route(_ type: String, edit: (inout ColumnSpec) -> Void = { _ in }) throws -> RouteSpec {
    var spec = RouteSpec(table: "a.b", format: .json, timeColumn: "t")
    var time = ColumnSpec(name: "t", type: .timestamp)
    time.timeLayout = .epochSeconds
    var column = ColumnSpec(name: "v", type: .string)
    column.shape = try #require(ColumnShape(type), "\(type)")
    edit(&column)
    spec.columns = [time, column]
    return spec
}

/// What becomes of each document's member `v`: its value as JSON lines have it, nothing for null, or the reason and
/// the column that decided it.
private func outcomes(_ spec: RouteSpec, _ values: [String]) throws -> [String] {
    let stage = try RouteStage(try RoutePlan(spec))
    let formatter = JSONLinesFormatter()
    return values.map { value in
        let line = Array("{\"t\":1,\"v\":\(value),\"w\":[0]}".utf8)
        var batch = EventBatch(byteCapacity: 4_096)
        let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: -1)
        let (pack, start) = unsafe line.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
        batch.appendEvent(
            EventReference(
                start: start, byteCount: line.count, from: Position(0), to: Position(UInt64(line.count)), pack: pack))
        stage.process(batch, events: [0])
        if let rejection = stage.rejections.first {
            return "\(rejection.reason.rawValue) \(stage.plan.columnName(rejection) ?? "")"
        }
        formatter.format(stage.rows)
        var text = ""
        formatter.forEachGroup { _, bytes, _ in text += bytes.text }
        let head = #"{"t":"1970-01-01T00:00:01Z","v":"#
        return text.hasPrefix(head) ? String(text.dropFirst(head.count).dropLast(2)) : ""
    }
}

private let cases: [(type: String, value: String, outcome: String)] = [
    ("list<int64>", "[1, null ,-9223372036854775808]", "[1,null,-9223372036854775808]"),
    ("list<int64>", "[ ]", "[]"),
    ("list<int64>", "null", ""),
    ("list<int64>", "7", "wrong_type v"),
    ("list<int64>", "{}", "wrong_type v"),
    ("list<int64>", "\"[1]\"", "wrong_type v"),
    ("list<int64>", "[1,\"2\"]", "wrong_type v[]"),
    ("list<int32>", "[2147483648]", "wrong_type v[]"),
    ("list<int32>", "[1.5]", "wrong_type v[]"),
    ("list<string>", #"["a,]\"\\", "\u00e9\ud83d\ude00\n\/", ""]"#, #"["a,]\"\\","é😀\n/",""]"#),
    ("list<string>", #"[{"a": 1}]"#, "wrong_type v[]"),
    ("list<json>", #"[{"a": [1, 2]}, "x", 1.50, null, true]"#, #"[{"a": [1, 2]},"x",1.50,null,true]"#),
    ("list<list<boolean>>", "[[true,false],[],null,[null]]", "[[true,false],[],null,[null]]"),
    ("list<list<boolean>>", "[[true],[1]]", "wrong_type v[][]"),
    ("list<decimal(5,2)>", "[1.5,\"2\"]", "[1.50,2.00]"),
    ("list<decimal(5,2)>", "[1.555]", "out_of_range v[]"),
    ("list<bytes>", #"["AP8="]"#, #"["AP8="]"#),
    ("list<timestamp>", #"["2026-11-20T12:00:00Z"]"#, #"["2026-11-20T12:00:00Z"]"#),
    ("list<timestamp>", #"["yesterday"]"#, "wrong_type v[]"),
    ("map<string, double>", #"{"a" : 1, "b": null, "é\"": 2.5}"#, #"{"a":1.0,"b":null,"é\"":2.5}"#),
    ("map<string, double>", #"{"a": 1, "b": 2, "a": 3}"#, #"{"b":2.0,"a":3.0}"#),
    ("map<string, double>", #"{"a": "x", "a": 3}"#, #"{"a":3.0}"#),
    ("map<string, double>", "{}", "{}"),
    ("map<string, double>", #"{"a": "x"}"#, "wrong_type v{value}"),
    ("map<string, string>", #"{"": ""}"#, #"{"":""}"#),
    ("map<int64, string>", #"{"5": "a", "05": "b", "-1": "c"}"#, #"{"5":"b","-1":"c"}"#),
    ("map<int64, string>", #"{"x": "a"}"#, "wrong_type v{key}"),
    ("map<int64, string>", #"{"": "a"}"#, "wrong_type v{key}"),
    ("map<date, int32>", #"{"2026-11-20": 1}"#, #"{"2026-11-20":1}"#),
    ("struct<a: int32, b: list<string>>", #"{"b": ["x"], "c": {"a": 9}, "a": 1}"#, #"{"a":1,"b":["x"]}"#),
    ("struct<a: int32, b: list<string>>", #"{"a": 1, "a": 2}"#, #"{"a":2}"#),
    ("struct<a: int32, b: list<string>>", #"{"a": "no", "a": 2}"#, #"{"a":2}"#),
    ("struct<a: int32, b: list<string>>", "{}", "{}"),
    ("struct<a: int32, b: list<string>>", #"{"\u0061": 3, "A": 4}"#, #"{"a":3}"#),
    ("struct<a: int32, b: list<string>>", #"{"b": [{}]}"#, "wrong_type v.b[]"),
    ("struct<`a b`: int32>", #"{"a b": 1}"#, #"{"a b":1}"#),
    (
        "list<struct<id: int64, tags: map<string, list<struct<x: double>>>>>",
        #"[{"id": 1, "tags": {"k": [{"x": 1}, {}, null], "l": null}}, {"tags": {}}, null]"#,
        #"[{"id":1,"tags":{"k":[{"x":1.0},{},null],"l":null}},{"tags":{}},null]"#
    ),
    (
        "list<struct<id: int64, tags: map<string, list<struct<x: double>>>>>",
        #"[{"id": 1, "tags": {"k": [{"x": true}]}}]"#, "wrong_type v[].tags{value}[].x"
    ),
]

@Test func partsOfDocumentsFillNestedColumns() throws {
    for (type, value, outcome) in cases {
        #expect(try outcomes(try route(type), [value]) == [outcome], "\(type) \(value)")
    }
}

@Test func aRowThatWasGivenUpLeavesNothingBehind() throws {
    let spec = try route("list<struct<a: list<string>, b: map<string, int32>>>")
    let good = #"[{"a": ["x", "y"], "b": {"k": 1}}, {"a": [], "b": null}]"#
    let bad = #"[{"a": ["p", "q"], "b": {"k": 1, "l": "no"}}]"#
    let found = try outcomes(spec, [good, bad, good, "null", bad, good])
    let wanted = #"[{"a":["x","y"],"b":{"k":1}},{"a":[]}]"#
    #expect(found == [wanted, "wrong_type v[].b{value}", wanted, "", "wrong_type v[].b{value}", wanted])
}

@Test func aRequiredListMayBeEmptyButNotMissing() throws {
    let spec = try route("list<int64>") { $0.required = true }
    #expect(try outcomes(spec, ["[]", "null", "[null]"]) == ["[]", "missing v", "[null]"])
}

@Test func manyEqualKeysLeaveTheLast() throws {
    let members = (0..<500).map { "\"k\($0 % 50)\":\($0)" }.joined(separator: ",")
    let wanted = (450..<500).map { "\"k\($0 % 50)\":\($0)" }.joined(separator: ",")
    #expect(try outcomes(try route("map<string, int64>"), ["{\(members)}"]) == ["{\(wanted)}"])
}

@Test func randomDocumentsComeBackAsTheyWere() throws {
    var generator = SeededGenerator(seed: 7)
    for round in 0..<200 {
        let (type, value) = document(depth: 0, &generator)
        #expect(try outcomes(try route(type), [value]) == [value], "round \(round): \(type)")
    }
}

/// A type, and a value of it as it is written.
private func document(depth: Int, _ generator: inout SeededGenerator) -> (type: String, value: String) {
    switch Int.random(in: 0..<(depth < 5 ? 5 : 2), using: &generator) {
    case 0 where depth > 0: return ("int64", "\(Int.random(in: -99...99, using: &generator))")
    case 1 where depth > 0: return ("string", #""a\n😀\"{""#)
    case 2:
        let (type, value) = document(depth: depth + 1, &generator)
        let values = [String](repeating: value, count: Int.random(in: 0...3, using: &generator)) + ["null"]
        return ("list<\(type)>", "[" + values.joined(separator: ",") + "]")
    case 3:
        let (type, value) = document(depth: depth + 1, &generator)
        let members = (0..<Int.random(in: 0...12, using: &generator)).map { "\"k\($0)\":\(value)" }
        return ("map<string, \(type)>", "{" + members.joined(separator: ",") + "}")
    default:
        let fields = (0..<Int.random(in: 1...4, using: &generator)).map { _ in document(depth: depth + 1, &generator) }
        let types = fields.enumerated().map { "f\($0): \($1.type)" }.joined(separator: ", ")
        let values = fields.enumerated().map { "\"f\($0)\":\($1.value)" }.joined(separator: ",")
        return ("struct<\(types)>", "{\(values)}")
    }
}

@Test func otherFormatsHaveNoParts() throws {
    var spec = try route("list<int64>")
    spec.format = .logfmt
    #expect(throws: Failure.self) { try RoutePlan(spec) }
}
