import Columns
import Testing

@testable import Parquet

private func bounds(_ values: [[UInt8]], limit: Int = 8, isText: Bool = false) -> Bounds? {
    var bounds = ByteBounds(limit: limit)
    for value in values {
        // Eight readable bytes behind the value, as the encoder has them.
        let padded = value + [UInt8](repeating: 0xEE, count: 8)
        unsafe padded.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            unsafe bounds.take(base, value.count)
        }
    }
    return bounds.bounds(isText: isText)
}

private func text(_ text: String) -> [UInt8] { Array(text.utf8) }

@Test func boundsOfBytesAreTheirLeastAndGreatest() {
    #expect(bounds([]) == nil)
    #expect(bounds([[]]) == Bounds(least: [], greatest: []))
    #expect(bounds([[1], [], [1, 0]]) == Bounds(least: [], greatest: [1, 0]))
    #expect(bounds([[0x80], [0x7F], [0xFF]]) == Bounds(least: [0x7F], greatest: [0xFF]))
    #expect(bounds([text("b"), text("a"), text("ab")]) == Bounds(least: text("a"), greatest: text("b")))
}

@Test func longBoundsAreCutAndStillHold() {
    #expect(
        bounds([text("prefix-0001"), text("prefix-0002")])
            == Bounds(least: text("prefix-0"), greatest: text("prefix-1"), isLeastExact: false, isGreatestExact: false))
    // Exact and cut values with the same beginning: the maximum must be above the longer one.
    #expect(
        bounds([text("12345678"), text("123456789")])
            == Bounds(least: text("12345678"), greatest: text("12345679"), isGreatestExact: false))
    #expect(
        bounds([text("123456789"), text("12345678")])
            == Bounds(least: text("12345678"), greatest: text("12345679"), isLeastExact: false, isGreatestExact: false))
    let ones = [UInt8](repeating: 0xFF, count: 9)
    #expect(bounds([ones]) == nil, "no greater bytes exist")
    #expect(
        bounds([[5] + ones]) == Bounds(
            least: [5] + ones.prefix(7), greatest: [6], isLeastExact: false, isGreatestExact: false))
}

@Test(arguments: [
    ("abcdefgé", "abcdefg", "abcdefh"), ("abcdefgé-", "abcdefg", "abcdefh"), ("abcdef\u{10FFFF}x", "abcdef", "abcdeg"),
    ("abcdéfghij", "abcdéfg", "abcdéfh"), ("abcdefé\u{7F}", "abcdefé", "abcdefê"),
    ("abcdefg\u{7F}x", "abcdefg\u{7F}", "abcdefh"), ("abcdef\u{7FF}x", "abcdef\u{7FF}", "abcdeg"),
])
func cutTextStaysText(_ value: String, _ least: String, _ greatest: String) {
    let found = bounds([text(value)], isText: true)
    #expect(found?.least == text(least))
    #expect(found?.greatest == text(greatest))
    #expect(String(validating: found?.greatest ?? [], as: UTF8.self) != nil)
}

@Test func randomBoundsHold() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
        let isText = Bool.random(using: &generator)
        var values: [[UInt8]] = []
        for _ in 0..<Int.random(in: 1...6, using: &generator) {
            var value: [UInt8] = []
            for _ in 0..<Int.random(in: 0...14, using: &generator) {
                if isText {
                    value += text(["a", "b", "\u{7F}", "é", "\u{FFFF}", "\u{10FFFF}"].randomElement(using: &generator) ?? "a")
                } else {
                    value.append([0, 1, 0x7F, 0xFE, 0xFF].randomElement(using: &generator) ?? 0)
                }
            }
            values.append(value)
        }
        guard let found = bounds(values, isText: isText) else { continue }
        for value in values {
            #expect(!value.lexicographicallyPrecedes(found.least), "\(values)")
            #expect(!found.greatest.lexicographicallyPrecedes(value), "\(values)")
        }
        if found.isLeastExact { #expect(values.contains(found.least)) }
        if found.isGreatestExact { #expect(values.contains(found.greatest)) }
    }
}

@Test func boundsOfDoublesKnowNoNaNAndBothZeros() {
    func bounds(_ values: [Double]) -> Bounds? {
        var bounds = DoubleBounds()
        let words = values.map { Int64(bitPattern: $0.bitPattern) }
        let rows = words.indices.map { Int32($0) }
        unsafe words.withUnsafeBufferPointer { words in
            unsafe rows.withUnsafeBufferPointer { rows in
                guard let first = words.baseAddress, let row = rows.baseAddress else { return }
                unsafe bounds.take(first, rows: row, count: values.count)
            }
        }
        return bounds.bounds
    }
    #expect(bounds([.nan]) == nil)
    #expect(bounds([.nan, 1])?.least == WordBounds.bytes(Int64(bitPattern: 1.0.bitPattern), 8))
    #expect(bounds([0])?.least == WordBounds.bytes(Int64(bitPattern: (-0.0).bitPattern), 8))
    #expect(bounds([-0.0])?.greatest == WordBounds.bytes(0, 8))
}

@Test(arguments: [(1, 1), (2, 1), (3, 2), (4, 2), (9, 4), (10, 5), (18, 8), (19, 9), (28, 12), (38, 16)])
func aDecimalTakesTheFewestBytes(_ precision: Int, _ byteCount: Int) {
    #expect(Leaf.fixedByteCount(precision: precision) == byteCount)
}
