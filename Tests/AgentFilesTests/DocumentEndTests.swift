import Testing

@testable import Agent

/// The packs that bytes are cut into: their ends, in order.
private func packs(_ text: String, pack: Int, maximum: Int = 1_000, hasMore: Bool = false) -> [Int] {
    let bytes = Array(text.utf8)
    let cutter = LineCutter(maximumRecordByteCount: maximum, packByteCount: pack)
    return unsafe bytes.withUnsafeBytes { bytes in
        var ends: [Int] = []
        var at = 0
        while at < bytes.count,
            let cut = unsafe cutter.next(
                UnsafeRawBufferPointer(rebasing: bytes[at...]), recordOffset: 0, isFinal: false, hasMore: hasMore)
        {
            at += cut.byteCount
            ends.append(at)
        }
        return ends
    }
}

@Test(arguments: [
    // Documents of one line: as many as fit.
    ("{\"a\":1}\n{\"a\":2}\n{\"a\":3}\n", 20, false, [16, 24]),
    // One that goes over lines is not cut: it begins the next pack, or makes its own longer.
    ("{\"a\":1}\n{\"a\":{\n1}}\n{\"a\":3}\n", 16, false, [8, 19, 27]),
    ("{\"a\":{\n \"b\":2,\n \"c\":[3,\n4]}}\n{\"a\":3}\n", 10, false, [29, 37]),
    // A bracket in a string is none.
    ("{\"a\":\"}\",\n\"b\":\"{\"}\n{\"a\":3}\n", 12, false, [19, 27]),
    // Its end is not there yet: it is waited for only while there is more to read.
    ("{\"a\":1}\n{\"a\":{\n", 20, true, [8]), ("{\"a\":1}\n{\"a\":{\n", 20, false, [8, 15]),
    // What is no JSON goes as it is.
    ("{ foo\n{ bar\n", 20, false, [12]), ("{\"a\n}\n", 20, true, [6]), ("{}}\nx\n", 20, true, [6]),
    ("plain {\nlines\n", 20, true, [14]),
])
func aPackEndsWithADocument(_ text: String, _ size: Int, _ hasMore: Bool, _ ends: [Int]) {
    #expect(packs(text, pack: size, hasMore: hasMore) == ends)
}

@Test func aDocumentLongerThanARecordMayBeGoesAsLines() {
    let text = "{\"a\":[\n" + String(repeating: "1,\n", count: 100) + "1]}\n"
    let ends = packs(text, pack: 50, maximum: 120, hasMore: true)
    #expect(ends.last.map { $0 > 200 } ?? false)
}
