import Event
import Testing

private let stream = StreamID(high: 0x5f0c_0000_1111_2222, low: 0x3333_4444_5555_6667)

/// Every kind with every framing that goes with it.
private let shapes: [(PackKey.Kind, PackKey.Framing)] = [
    (.data, .lines), (.data, .records), (.piece, .piece(index: 1, count: 0)), (.piece, .piece(index: 3, count: 3)),
    (.piece, .piece(index: .max, count: .max)), (.progress, .none), (.announce, .none), (.end, .none),
    (.watermark, .none),
]

private func key(
    _ kind: PackKey.Kind, _ framing: PackKey.Framing, agent: String = "shop-7", source: String = "access"
) -> PackKey {
    switch kind {
    case .data, .piece:
        PackKey(
            kind: kind, framing: framing, agent: agent, source: source, stream: stream, from: Position(65_536),
            to: Position(131_072))
    case .progress:
        PackKey(
            kind: kind, framing: framing, agent: agent, source: source, stream: stream, prev: Position(10),
            from: Position(20), to: Position(20))
    case .announce, .end, .watermark:
        PackKey(
            kind: kind, framing: framing, agent: agent, source: source, stream: stream, from: Position(20),
            to: Position(20))
    }
}

private func parse(_ text: String) -> PackKey? { PackKey(parsing: Array(text.utf8)) }

@Test func aKeyReadsAsWritten() {
    #expect(key(.data, .lines).text == "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072")
    #expect(key(.progress, .none).text == "m1 g - shop-7 access 5f0c0000111122223333444455556667 20 20 10")
    #expect(
        key(.piece, .piece(index: 2, count: 0)).text
            == "m1 p 2/0 shop-7 access 5f0c0000111122223333444455556667 65536 131072")
}

@Test func everyKindWithItsFramingGoesRound() {
    for (kind, framing) in shapes {
        let original = key(kind, framing)
        #expect(original.isConsistent)
        #expect(parse(original.text) == original)
    }
}

@Test func everyOtherKindWithFramingIsRefused() {
    let framings: [PackKey.Framing] = [.lines, .records, .none, .piece(index: 1, count: 2)]
    for kind in PackKey.Kind.allCases {
        for framing in framings {
            let allowed = shapes.contains { shape in
                guard shape.0 == kind else { return false }
                if case .piece = framing, case .piece = shape.1 { return true }
                return shape.1 == framing
            }
            let candidate = key(kind, framing)
            #expect(candidate.isConsistent == allowed, "\(candidate.text)")
            #expect((parse(candidate.text) != nil) == allowed, "\(candidate.text)")
        }
    }
}

@Test func everyByteOfANameGoesRoundAndOnlyPlainOnesStayThemselves() {
    for scalar in UInt32(0)...0x7F {
        let name = "a\(Character(Unicode.Scalar(scalar) ?? "?"))b"
        let original = key(.data, .lines, agent: name, source: name)
        #expect(original.text.utf8.allSatisfy { $0 > 32 && $0 < 127 || $0 == 32 })
        #expect(original.text.utf8.count { $0 == 32 } == 7)
        #expect(parse(original.text) == original, "\(scalar)")
    }
    for name in ["Läden", "商店", "\u{80}", "\u{10FFFF}", "%41", "%"] {
        let original = key(.data, .lines, agent: name, source: name)
        #expect(original.text.utf8.allSatisfy { $0 < 127 })
        #expect(parse(original.text) == original, "\(name)")
    }
    // Names that are equal to Swift (canonically) but differ in bytes have different keys.
    #expect(key(.data, .lines, agent: "\u{E9}").text != key(.data, .lines, agent: "e\u{301}").text)
}

@Test func theLongestKeyStaysBelowTheMaximum() {
    let name = String(repeating: "\u{10FFFF}", count: PackKey.maximumNameByteCount / 4)
    let longest = PackKey(
        kind: .piece, framing: .piece(index: .max, count: .max), agent: name, source: name, stream: stream,
        prev: Position(.max - 2, row: .max), from: Position(.max - 1, row: .max), to: Position(.max, row: .max))
    #expect(longest.text.utf8.count <= PackKey.maximumByteCount)
    #expect(longest.text.utf8.count > PackKey.maximumByteCount - 30)
    #expect(parse(longest.text) == longest)
}

private let good = "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072"

@Test(arguments: [
    "", " ", "m1", "m1 ", "m2 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "M1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1  d l shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 x l shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 dd l shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d x shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d ll shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d - shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l  access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop-7  5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop/7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop%2d7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop%2D7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop%2 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop% access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop%zz access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l %FF access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l %C0%80 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 d l shop-7 access 5F0C0000111122223333444455556667 65536 131072",
    "m1 d l shop-7 access 5f0c000011112222333344445555666 65536 131072",
    "m1 d l shop-7 access 5f0c00001111222233334444555566670 65536 131072",
    "m1 d l shop-7 access 5f0c000011112222333344445555666g 65536 131072",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 65536",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 65535",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 065536 131072",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 +65536 131072",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 -1 131072",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 18446744073709551616",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072.0",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072.4294967296",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072.",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 .5",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072 65536",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072 65537",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072 1 1",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536 131072 ",
    "m1 d l shop-7 access 5f0c0000111122223333444455556667 65536",
    "m1 p 0/3 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p 4/3 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p 01/3 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p 1/ shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p /3 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p 1/2/3 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 p 1/4294967296 shop-7 access 5f0c0000111122223333444455556667 65536 131072",
    "m1 g - shop-7 access 5f0c0000111122223333444455556667 20 20",
    "m1 g - shop-7 access 5f0c0000111122223333444455556667 20 30 10",
    "m1 a - shop-7 access 5f0c0000111122223333444455556667 20 30",
    "m1 a - shop-7 access 5f0c0000111122223333444455556667 20 20 10",
])
func nearMissesAreNoKeys(text: String) { #expect(parse(text) == nil) }

@Test func everySingleByteChangeOfAKeyIsRefusedOrWritesItselfBack() {
    #expect(parse(good) != nil)
    let bytes = Array(good.utf8)
    for index in bytes.indices {
        for byte in UInt8.min...UInt8.max where byte != bytes[index] {
            var changed = bytes
            changed[index] = byte
            guard let parsed = PackKey(parsing: changed) else { continue }
            #expect(Array(parsed.text.utf8) == changed, "byte \(index) set to \(byte)")
        }
    }
}

@Test func everyPrefixOfAKeyIsRefusedOrAnotherWholeKey() {
    let bytes = Array(good.utf8)
    for count in 0..<bytes.count {
        guard let parsed = PackKey(parsing: bytes[..<count]) else { continue }
        #expect(Array(parsed.text.utf8) == Array(bytes[..<count]))
    }
}

@Test func aNameAboveTheMaximumIsRefused() {
    let most = String(repeating: "a", count: PackKey.maximumNameByteCount)
    #expect(parse(key(.data, .lines, agent: most).text) != nil)
    #expect(parse(key(.data, .lines, agent: most + "a").text) == nil)
}
