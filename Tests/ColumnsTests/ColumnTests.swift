import Columns
import Event
import Testing

private func withView<Result>(_ text: String, _ body: (ByteView) throws -> Result) rethrows -> Result {
    let bytes = Array(text.utf8)
    return try unsafe bytes.withUnsafeBytes { try body(unsafe ByteView($0)) }
}

private func parse(_ text: String, _ precision: Int, _ scale: Int) -> String {
    withView(text) { view in
        do throws(DecimalText.Fault) {
            return "\(try DecimalText.parse(view, precision: precision, scale: scale))"
        } catch {
            return "\(error)"
        }
    }
}

private func written(_ value: Int128, scale: Int) -> String {
    var bytes = [UInt8](repeating: 0, count: DecimalText.maximumByteCount)
    let count = unsafe bytes.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return 0 }
        return unsafe DecimalText.write(value, scale: scale, to: base)
    }
    return String(decoding: bytes[..<count], as: UTF8.self)
}

private let nines = String(repeating: "9", count: 38)

@Test(arguments: [
    ("0", 5, 2, "0"), ("-0.00", 5, 2, "0"), ("1", 5, 2, "100"), ("12.5", 5, 2, "1250"), ("-12.500", 5, 2, "-1250"),
    ("999.99", 5, 2, "99999"), ("1000", 5, 2, "doesNotFit"), ("0.001", 5, 2, "doesNotFit"), ("1e2", 5, 2, "10000"),
    ("1.5E-1", 5, 2, "15"), ("1500e-1", 5, 2, "15000"), ("0e999999999999999999999", 5, 2, "0"),
    ("1e999999999999999999999", 5, 2, "doesNotFit"), ("1e-999999999999999999999", 5, 2, "doesNotFit"),
    ("00012.50", 5, 2, "1250"), ("", 5, 2, "notANumber"), ("-", 5, 2, "notANumber"), (".", 5, 2, "notANumber"),
    (".5", 5, 2, "50"), ("5.", 5, 2, "500"), ("1.2.3", 5, 2, "notANumber"), ("1e", 5, 2, "notANumber"),
    ("1e+", 5, 2, "notANumber"), ("abc", 5, 2, "notANumber"), ("NaN", 5, 2, "notANumber"), ("1 ", 5, 2, "notANumber"),
    (nines, 38, 0, nines), ("-" + nines, 38, 0, "-" + nines), (nines + "9", 38, 0, "doesNotFit"),
    (nines + "000e-3", 38, 0, nines), ("0." + nines, 38, 38, nines), ("1e37", 38, 0, "1" + String(repeating: "0", count: 37)),
    ("1e38", 38, 0, "doesNotFit"), ("1e-38", 38, 38, "1"), ("1e-39", 38, 38, "doesNotFit"),
])
func aDecimalIsExactOrRefused(_ text: String, _ precision: Int, _ scale: Int, _ expected: String) {
    #expect(parse(text, precision, scale) == expected)
}

@Test(arguments: [
    (0, 0, "0"), (0, 2, "0.00"), (5, 2, "0.05"), (-5, 2, "-0.05"), (1234, 2, "12.34"), (-100, 2, "-1.00"), (7, 0, "7"),
] as [(Int128, Int, String)])
func aDecimalIsWrittenWithAllItsDigits(_ value: Int128, _ scale: Int, _ expected: String) {
    #expect(written(value, scale: scale) == expected)
}

@Test func everyDecimalReadsBackEqual() {
    var value: Int128 = 1
    for digits in 1...38 {
        for scale in 0...digits {
            for number in [value, -value, value * 9 + value / 7] where number.magnitude < DecimalText.power(digits).magnitude {
                #expect(parse(written(number, scale: scale), 38, scale) == "\(number)", "scale \(scale)")
            }
        }
        if digits < 38 { value *= 10 }
    }
}

@Test(arguments: [
    (0.5, 0, true, 0), (0.5, 0, false, 1), (-0.5, 0, true, -1), (-0.5, 0, false, 0), (0.1, 2, true, 10), (0.1, 2, false, 10),
    (1e22, 2, true, Int128(10_000_000_000_000) * 100_000_000_000), (1e300, 0, true, nil), (.infinity, 0, true, nil),
    (1e-300, 2, true, 0), (1e-300, 2, false, 1), (-1e-300, 2, true, -1),
] as [(Double, Int, Bool, Int128?)])
func aBoundIsTheNearestValueInside(_ value: Double, _ scale: Int, _ isUpper: Bool, _ expected: Int128?) {
    #expect(DecimalText.bound(value, scale: scale, isUpper: isUpper) == expected)
}

@Test(arguments: [
    ("int64", "int64"), ("decimal(18,2)", "decimal(18,2)"), ("decimal(18, 2)", "decimal(18,2)"), ("decimal(38)", "decimal(38,0)"),
    ("decimal", nil), ("decimal(0)", nil), ("decimal(39,0)", nil), ("decimal(4,5)", nil), ("decimal(4,-1)", nil),
    ("decimal(4,1", nil), ("decimal(4,1,1)", nil), ("int64(3)", nil), ("", nil), ("decimal()", nil), ("decimal(,)", nil),
    ("bytes", "bytes"),
])
func aShapeIsReadFromText(_ text: String, _ expected: String?) {
    #expect(ColumnShape(text)?.text == expected)
}

@Test(arguments: [
    ("", BytesLayout.base64, []), ("AA==", .base64, [0]), ("AA", .base64, [0]), ("/+8=", .base64, [0xFF, 0xEF]),
    ("_-8", .base64, [0xFF, 0xEF]), ("AAEC", .base64, [0, 1, 2]), ("A", .base64, nil), ("AB==", .base64, nil),
    ("AA=", .base64, nil), ("A A=", .base64, nil), ("====", .base64, nil), ("0x00fF", .hex, [0, 255]), ("00fF", .hex, [0, 255]),
    ("0", .hex, nil), ("0g", .hex, nil), ("", .hex, []), ("a=", .text, [97, 61]),
] as [(String, BytesLayout, [UInt8]?)])
func bytesAreReadFromText(_ text: String, _ layout: BytesLayout, _ expected: [UInt8]?) {
    var bytes: [UInt8] = []
    let isGood = withView(text) { BytesText.decode($0, layout, into: &bytes) }
    #expect((isGood ? bytes : nil) == expected)
}

@Test func wideColumnsGrowTruncateAndKeepTheirValues() {
    let rows = RowBatch(shapes: [("d", ColumnShape(.decimal, precision: 38, scale: 2)), ("b", ColumnShape(.bytes))])
    let group = rows.appendGroup(RowGroup(table: "a.b", partition: "p"))
    let unit = DecimalText.power(30)
    for row in 0..<5_000 {
        if row % 7 == 0 { rows.columns[0].appendNull() } else { rows.columns[0].append(decimal: unit * Int128(row - 2_500)) }
        let text = row % 5 == 0 ? "" : "v\(row)"
        withView(text) { rows.columns[1].append($0) }
        rows.commitRow(event: Int32(row), group: group)
        rows.columns[0].append(decimal: -1)
        rows.abandonRow()
    }
    #expect(rows.columns[0].count == 5_000)
    for row in 0..<5_000 {
        #expect(rows.columns[0].isNull(row) == (row % 7 == 0))
        #expect(rows.columns[0].decimal(row) == (row % 7 == 0 ? 0 : unit * Int128(row - 2_500)))
        #expect(rows.columns[1].bytes(row).text == (row % 5 == 0 ? "" : "v\(row)"))
    }
}
