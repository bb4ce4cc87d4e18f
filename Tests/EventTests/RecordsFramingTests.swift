import Event
import Testing

@Suite struct RecordsFramingTests {
    private func decode(_ bytes: [UInt8]) -> (items: [RecordsFraming.Item], isWhole: Bool) {
        var items: [RecordsFraming.Item] = []
        var offset = 0
        let isWhole = unsafe bytes.withUnsafeBytes { buffer -> Bool in
            while true {
                switch unsafe RecordsFraming.next(in: buffer, offset: &offset) {
                case .item(let item): items.append(item)
                case .end: return true
                case .malformed: return false
                }
            }
        }
        return (items, isWhole)
    }

    @Test func whatWasFramedIsReadBack() {
        let cases: [(gap: UInt64, span: UInt64, bytes: [UInt8])] = [
            (0, 4, [1, 2, 3]), (127, 128, []), (16_384, .max, [UInt8](repeating: 7, count: 300)), (.max, 0, [0]),
        ]
        var bytes: [UInt8] = []
        for item in cases { RecordsFraming.append(gap: item.gap, span: item.span, item.bytes, to: &bytes) }
        let (items, isWhole) = decode(bytes)
        #expect(isWhole)
        #expect(items.map(\.gap) == cases.map(\.gap))
        #expect(items.map(\.span) == cases.map(\.span))
        #expect(items.map { Array(bytes[$0.start..<$0.start + $0.byteCount]) } == cases.map(\.bytes))
    }

    @Test(arguments: [
        [0x80], [0x00, 0x80, 0x00], [0x00, 0x01], [0x00, 0x01, 0x05, 0x61],
        [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x01, 0x00],
        [0x00, 0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    ] as [[UInt8]])
    func whatIsNotOfTheFramingIsMalformed(bytes: [UInt8]) {
        #expect(!decode(bytes).isWhole)
    }

    @Test func randomBytesNeverTrapAndStayInside() {
        var state: UInt64 = 0x9E37_79B9
        func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state >> 33
        }
        for _ in 0..<20_000 {
            let bytes = (0..<Int(next() % 24)).map { _ in UInt8(truncatingIfNeeded: next() % 4 == 0 ? next() : next() % 6) }
            for item in decode(bytes).items { #expect(item.start + item.byteCount <= bytes.count) }
        }
    }
}
