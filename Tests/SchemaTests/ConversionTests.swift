import Columns
import Event
import JSON
import Platform
import Testing

@testable import Schema

/// What MariaDB 10.11 made of values in 1,572 ALTERs: `Tests/system/alter_conversions.py` writes the file anew.
private func recordedConversions() throws -> [[String]] {
    let path = DurableFile.parent(of: DurableFile.parent(of: #filePath)) + "/Golden/alter-conversions.tsv"
    let text = String(decoding: try DurableFile.read(path, maximum: 1 << 20) ?? [], as: UTF8.self)
    return text.split(separator: "\n").map {
        $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
}

private func unescaped(_ text: String) -> String {
    text.replacing("\\0", with: "\0").replacing("\\\\", with: "\\")
}

@Test func anAlterMakesOfValuesWhatTheServerDoes() throws {
    let lines = try recordedConversions()
    #expect(lines.count > 1_500)
    for line in lines {
        try #require(line.count == 4, "\(line)")
        let name = line.joined(separator: " | ")
        let incarnation = try #require(
            history(
                "CREATE TABLE t (v \(line[0]) NULL) CHARSET utf8mb4", "ALTER TABLE t MODIFY v \(line[1]) NULL",
                dates: .text
            ).incarnations.first)
        let rows = incarnation.versions.map { RowBatch(shapes: $0.shapes) }
        let (old, new) = (incarnation.versions[0].columns[0], incarnation.versions.last!.columns[0])
        let codec = ColumnCodec(old.type, shape: old.shape, dates: .text)
        var losses = LossCounts()
        let bytes = old.type.isBytes ? Hexadecimals.bytes(line[2].dropFirst()) : Array(unescaped(line[2]).utf8)
        let isFit = unsafe bytes.withUnsafeBytes {
            codec.append(unsafe ByteView($0), to: rows[0].columns[0], Scratch(), &losses)
        }
        #expect(isFit, "\(name)")
        var value = TypedValue(rows[0].columns[0], 0)
        if rows.count > 1, case .converted(_, let conversion) = incarnation.origins(from: 0, to: 1)[0] {
            let (converted, isFit) = conversion.convert(value)
            #expect(isFit, "\(name)")
            value = converted
        }
        var found = RowPrinter(incarnation.versions.last!).cells([value])[0]
        var expected = new.type.isBytes ? String(line[3].dropFirst()) : line[3]
        if new.type.kind == .float || new.type.kind == .double {
            (found, expected) = ("\(Double(found) ?? .nan)", "\(Double(expected) ?? .infinity)")
        }
        if new.type.kind == .year, expected == "0" { expected = "0000" }
        #expect(found == expected, "\(name)")
    }
}

@Test func floatingPointIsShownAsTheServerShowsIt() {
    let cases: [(Double, String, String)] = [
        (1e13, "10000000000000", "10000000000000"), (1e14, "100000000000000", "100000000000000"),
        (1e15, "1e15", "1e15"), (123_456_789_012_345, "123456789012345", "123457000000000"),
        (1_234_567_890_123_456, "1.234567890123456e15", "1.23457e15"), (1e-5, "0.00001", "0.00001"),
        (1e-15, "0.000000000000001", "0.000000000000001"), (1e-16, "1e-16", "1e-16"),
        (1.2345678901234567e-5, "0.000012345678901234568", "0.0000123457"), (-0.0, "-0", "-0"),
        (0.30000000000000004, "0.30000000000000004", "0.3"), (1.7976931348623157e308, "1.7976931348623157e308", ""),
        (-1e15, "-1e15", "-1e15"), (999_999.5, "999999.5", "1000000"),
        (2.5e-15, "0.0000000000000025", "0.0000000000000025"),
    ]
    for (value, double, float) in cases {
        var texts: ([UInt8], [UInt8]) = ([], [])
        FloatingText.append(value, to: &texts.0)
        #expect(String(decoding: texts.0, as: UTF8.self) == double)
        FloatingText.append(float: value, to: &texts.1)
        #expect(float.isEmpty || String(decoding: texts.1, as: UTF8.self) == float)
    }
}

@Test func whatTheServerRefusesDoesNotFit() throws {
    let cases = [
        ("ENUM('a','b')", "ENUM('a','c')", "b"), ("INT", "ENUM('a','b')", "3"), ("VARCHAR(9)", "SET('a','b')", "a,x"),
        ("INT", "SET('a','b')", "4"), ("VARCHAR(9)", "INT", "x"), ("BIGINT", "DATE", "99"), ("INT", "YEAR", "1900"),
        ("INT", "TIME", "6060"), ("DOUBLE", "TINYINT", "128"), ("VARCHAR(9)", "DECIMAL(5,2)", "1e9"),
    ]
    for (old, new, text) in cases {
        let incarnation = try #require(
            history("CREATE TABLE t (v \(old))", "ALTER TABLE t MODIFY v \(new)", dates: .text).incarnations.first)
        let column = incarnation.versions[0].columns[0]
        let rows = RowBatch(shapes: incarnation.versions[0].shapes)
        var losses = LossCounts()
        let isFit = unsafe Array(text.utf8).withUnsafeBytes {
            ColumnCodec(column.type, shape: column.shape, dates: .text)
                .append(unsafe ByteView($0), to: rows.columns[0], Scratch(), &losses)
        }
        try #require(isFit, "\(old) \(text)")
        guard case .converted(_, let conversion) = incarnation.origins(from: 0, to: 1)[0] else {
            Issue.record("\(old) to \(new) is no conversion")
            continue
        }
        #expect(conversion.convert(TypedValue(rows.columns[0], 0)) == (.null, false), "\(old) to \(new): \(text)")
    }
}

private enum Hexadecimals {
    static func bytes(_ text: Substring) -> [UInt8] {
        let digits = text.utf8.compactMap { UInt8(String(UnicodeScalar($0)), radix: 16) }
        return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
    }
}
