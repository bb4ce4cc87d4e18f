import Event
import Glibc
import JSON
import Testing

/// A record with readable zero bytes behind it.
private func read(_ record: [UInt8], _ paths: [String], _ body: (DocumentReader, DocumentReader.Fault?) -> Void) throws {
    let reader = DocumentReader(paths: try paths.map { try #require(JSONPath($0)) })
    let padded = record + [UInt8](repeating: 0, count: EventBatch.padding)
    unsafe padded.withUnsafeBytes { bytes in
        let view = unsafe ByteView(bytes).slice(0, record.count)
        body(reader, unsafe reader.read(padded: view))
    }
}

private func value(_ record: String, _ path: String) throws -> String? {
    var found: String?
    try read(Array(record.utf8), [path]) { reader, fault in
        guard fault == nil else {
            found = "\(fault!)"
            return
        }
        let value = reader.value(0)
        found = value.kind == .none ? nil : "\(value.kind) \(value.text.text)"
    }
    return found
}

@Test(arguments: [
    (#"{"a":1}"#, "a", "number 1"),
    (#"{"a":{"b":[{"c":"x"},{"c":"y"}]}}"#, "a.b[1].c", "string y"),
    (#"{"a":[1,[2,3]]}"#, "a[1][0]", "number 2"),
    (#"{"a.b":{"[":true}}"#, #"["a.b"]["["]"#, "yes true"),
    (#"{"a":null}"#, "a", nil),
    (#"{"b":1}"#, "a", nil),
    (#"{"a":1}"#, "a.b", nil),
    (#"{"a":"\u00e9\n\ud83d\ude00\"\\"}"#, "a", "string é\n😀\"\\"),
    (#"{"\u0061":false}"#, "a", "no false"),
    (#"{"a":1,"a":2}"#, "a", "number 2"),
    (#"{"a":{"b":1},"a":{"c":2}}"#, "a.b", nil),
    (#"{"a":{"b":1},"a":null}"#, "a.b", nil),
    (#"{"a":123456789012345678901234.1234567890}"#, "a", "number 123456789012345678901234.1234567890"),
    (#"{"a": { "x" : [ 1 , 2 ] } , "b":1}"#, "a", #"structure { "x" : [ 1 , 2 ] }"#),
    (#"{"b":1, "a": [ ]  }  "#, "a", "structure [ ]"),
    (#"{"a":{}}"#, "a", "structure {}"),
    ("{\"a\":-0.0e-7}\r", "a", "number -0.0e-7"),
] as [(String, String, String?)])
func theValueAtAPathIsFound(_ record: String, _ path: String, _ expected: String?) throws {
    #expect(try value(record, path) == expected, "\(record) \(path)")
}

@Test(arguments: [
    "", "{", "}", "[]", "1", "null", "\"a\"", "{}{}", "{} x", "{\"a\":1,}", "{\"a\"}", "{\"a\":}", "{a:1}", "{'a':1}",
    "{\"a\":01}", "{\"a\":+1}", "{\"a\":1.}", "{\"a\":.5}", "{\"a\":1e}", "{\"a\":tru}", "{\"a\":truex}", "{\"a\":nul}",
    "{\"a\":NaN}", "{\"a\":1 2}", "{\"a\":\"\\x\"}", "{\"a\":\"\\ud800\"}", "{\"a\":\"x}", "{\"a\":[1,]}", "{\"a\":[1 2]}",
    "{\"a\":[1}", "{\"a\":{]}", "{\"a\":\"\t\"}", "{\"b\":{\"c\":[tru]},\"a\":1}", "{\"\\q\":1}", "{,}", "{\"a\":1}}",
])
func aRecordThatIsNoObjectIsRefusedWhole(_ record: String) throws {
    try read(Array(record.utf8), ["a"]) { _, fault in
        #expect(fault == .malformed || fault == .notAnObject, "\(record)")
    }
}

@Test(arguments: [UInt8(ascii: "}"), UInt8(ascii: "\""), UInt8(ascii: "]"), UInt8(ascii: "1"), UInt8(ascii: ",")])
func whatStandsBehindARecordIsNoPartOfIt(_ byte: UInt8) throws {
    let reader = DocumentReader(paths: [try #require(JSONPath("a"))])
    for record in [#"{"a":1}"#, #"{"a":1"#, #"{"a":"x"#, #"{"a":[1"#, "{"] {
        let padded = Array(record.utf8) + [UInt8](repeating: byte, count: EventBatch.padding)
        unsafe padded.withUnsafeBytes { bytes in
            let fault = unsafe reader.read(padded: ByteView(bytes).slice(0, record.utf8.count))
            #expect((fault == nil) == record.hasSuffix("}"), "\(record)")
        }
    }
}

@Test func longerAndLongerRecordsKeepTheirTexts() throws {
    let reader = DocumentReader(paths: try ["a", "b", "c[1]"].map { try #require(JSONPath($0)) })
    for length in stride(from: 0, to: 5_000, by: 97) {
        let text = String(repeating: "é", count: length)
        let record = Array(#"{"\u0061":"\n\#(text)","b":"\#(text)\t","x":"\\","c":["\u00e9","\"\#(text)"]}"#.utf8)
        let padded = record + [UInt8](repeating: 0, count: EventBatch.padding)
        unsafe padded.withUnsafeBytes { bytes in
            #expect(unsafe reader.read(padded: ByteView(bytes).slice(0, record.count)) == nil)
            #expect(reader.value(0).text.text == "\n" + text)
            #expect(reader.value(1).text.text == text + "\t")
            #expect(reader.value(2).text.text == "\"" + text)
        }
    }
}

@Test func nestingIsBounded() throws {
    func nested(_ depth: Int) -> [UInt8] {
        Array((#"{"a":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}").utf8)
    }
    try read(nested(DocumentReader.maximumDepth - 1), ["a"]) { _, fault in #expect(fault == nil) }
    try read(nested(DocumentReader.maximumDepth), ["a"]) { _, fault in #expect(fault == .tooDeep) }
    try read(nested(100_000), ["a"]) { _, fault in #expect(fault != nil) }
    try read(Array((#"{"a":"# + String(repeating: "[", count: 100_000)).utf8), []) { _, fault in #expect(fault != nil) }
}

@Test(arguments: ["", ".", "a.", ".a", "a..b", "a[", "a[]", "a[x]", "a[-1]", "a[1", "a[1]b", "a[\"x]", "a[99999999999]"])
func aBadPathIsNone(_ text: String) { #expect(JSONPath(text) == nil, "\(text)") }

@Test func doublesReadBackTheSame() {
    for value in [0.0, -0.0, 1, 0.1, 1e22, 1e-7, 1.7976931348623157e308, .leastNonzeroMagnitude, -123.456, 100000, 1e300] {
        var bytes = [UInt8](repeating: 0, count: NumberFormat.maximumByteCount)
        let count = unsafe bytes.withUnsafeMutableBufferPointer { unsafe NumberFormat.write(value, to: $0.baseAddress!) }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        #expect(Double(text)?.bitPattern == value.bitPattern, "\(value) \(text)")
        #expect(text.contains { $0 == "." || $0 == "e" }, "\(text)")
    }
    for text in ["", "inf", "nan", "1e999", "-", "1x", " 1"] {
        let bytes = Array(text.utf8)
        unsafe bytes.withUnsafeBytes { #expect(unsafe NumberFormat.double(ByteView($0)) == nil, "\(text)") }
    }
    unsafe Array("1e-999".utf8).withUnsafeBytes { #expect(unsafe NumberFormat.double(ByteView($0)) == 0) }
}

/// JSONTestSuite, each document alone and as a member of an object. Both must fare as the suite says.
@Test(.enabled(if: suite != nil, "no shared data: set MILLRACE_SHARED"))
func theConformanceSuiteHolds() throws {
    let files = try #require(suite)
    #expect(files.count > 200)
    for (name, bytes) in files {
        try read(bytes, ["a"]) { _, fault in
            if name.hasPrefix("n_") { #expect(fault != nil, "\(name)") }
        }
        // Why: text that closes the object itself is no member any more.
        if name == "n_structure_object_with_trailing_garbage.json" || bytes.first == 0xEF { continue }
        try read(Array(#"{"a":"#.utf8) + bytes + Array("}".utf8), ["a"]) { reader, fault in
            if name.hasPrefix("y_") { #expect(fault == nil, "\(name)") }
            if name.hasPrefix("n_"), !memberOfItsOwn.contains(name) { #expect(fault != nil, "\(name)") }
        }
    }
}

/// Documents that are refused alone, but make a valid member with what is put around them.
private let memberOfItsOwn: Set<String> = []

private let suite: [(name: String, bytes: [UInt8])]? = {
    let folder = (unsafe getenv("MILLRACE_SHARED").map { unsafe String(cString: $0) } ?? "../shared")
        + "/data/json-conformance/JSONTestSuite/"
    guard let directory = unsafe opendir(folder) else { return nil }
    defer { unsafe closedir(directory) }
    var files: [(String, [UInt8])] = []
    while let entry = unsafe readdir(directory) {
        let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        guard name.hasSuffix(".json"), let file = unsafe fopen(folder + name, "r") else { continue }
        defer { unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe fread(&bytes, 1, bytes.count, file)
        files.append((name, Array(bytes[..<count])))
    }
    return files
}()
