import Event
import Testing

@testable import Verify

private func normal(_ text: String) -> String? {
    var bytes: [UInt8] = []
    let isJSON = unsafe Array(text.utf8).withUnsafeBytes { bytes_ in
        JSONNormalForm.append(unsafe ByteView(bytes_), to: &bytes)
    }
    return isJSON ? String(decoding: bytes, as: UTF8.self) : nil
}

// As MySQL 9.7 prints them.
@Test(arguments: [
    (#"{"b":1,"aa":2,"a":3}"#, #"{"a": 3, "b": 1, "aa": 2}"#),
    (#"{"a":1,"a":{"x":[]},"é":1,"zz":2}"#, #"{"a": {"x": []}, "zz": 2, "é": 1}"#),
    (#" [ 1 , true,false , null,"", {} ] "#, #"[1, true, false, null, "", {}]"#),
    ("[0,-0,-0.0,1.0,1E5,1.10,1e20]", "[0, 0, -0.0, 1.0, 100000.0, 1.1, 1e20]"),
    ("[18446744073709551615,9223372036854775808,-9223372036854775808]",
        "[18446744073709551615, 9223372036854775808, -9223372036854775808]"),
    ("[18446744073709551616,-9223372036854775809]", "[1.8446744073709552e19, -9.223372036854776e18]"),
    ("[123456789012345678901234567890,1e15,1e14]", "[1.2345678901234568e29, 1e15, 100000000000000.0]"),
    ("[123456789012345678.0,1.5e-5,1e-15,1e-16]", "[1.2345678901234568e17, 0.000015, 0.000000000000001, 1e-16]"),
    ("[0.30000000000000004,1.7976931348623157e308,5e-324]", "[0.30000000000000004, 1.7976931348623157e308, 5e-324]"),
    (#""\u00e9\/\b\f\n\r\t\u0001\u007f\ud83d\ude00\"\\""#, "\"é/\\b\\f\\n\\r\\t\\u0001\u{7f}😀\\\"\\\\\""),
    (#"{"k\n":1,"a/b":"<>&'"}"#, #"{"k\n": 1, "a/b": "<>&'"}"#),
])
func documentsAreWrittenAsTheDatabaseDoes(text: String, expected: String) {
    #expect(normal(text) == expected)
    #expect(normal(expected) == expected)
}

@Test(arguments: [
    "", " ", "{", "[1,]", "{\"a\"}", "{a:1}", "tru", "1 2", "\"a", "-", "1.", "1e", "\"\\u12\"", "\"\\ud800\"", "[1}",
    String(repeating: "[", count: 500) + String(repeating: "]", count: 500),
])
func whatIsNoDocumentHasNoNormalForm(text: String) {
    #expect(normal(text) == nil)
}

@Test(arguments: [
    ("1.10", "1.1", true), ("1.0", "1", true), ("1", "1.0", true), ("1e15", "1000000000000000", true),
    ("0", "-0.0", true), ("1.2345678901234568e29", "123456789012345678901234567890", true),
    ("0.1", "0.1000000000000000055511151231257827", true), ("9007199254740993", "9007199254740992", false),
    ("9007199254740993", "9007199254740992.0", false), ("18446744073709551615", "1.8446744073709552e19", false),
    ("1.1", "1.2", false), ("-1", "1", false), ("12345678901234567890.1", "12345678901234567890.2", false),
    ("12345678901234567890.10", "12345678901234567890.1", true), ("[1, 2]", "[2, 1]", false),
    (#"{"a": 1.50, "bb": [null]}"#, #"{"bb":[null],"a":1.5}"#, true),
    (#"{"a": 1}"#, #"{"a":1,"b":null}"#, false), ("\"1\"", "1", false), ("null", "false", false),
    ("[1]", "[1", false), ("x", "x", true),
] as [(String, String, Bool)])
func documentsAreComparedByValue(database: String, warehouse: String, isSame: Bool) {
    #expect(JSONNormalForm.isSame(database: Array(database.utf8), warehouse: Array(warehouse.utf8)) == isSame)
}
