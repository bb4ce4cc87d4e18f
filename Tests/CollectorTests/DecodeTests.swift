@testable import Collector
import Event
import Platform
import Testing
import Transport

@Suite struct DecodeTests {
    private func read(_ cache: inout KeyCache, _ bytes: [UInt8]?) -> KeyReading {
        guard let bytes else { return unsafe cache.read(nil) }
        return unsafe bytes.withUnsafeBytes { unsafe cache.read($0) }
    }

    private static func randomKey(_ generator: inout SeededGenerator) -> PackKey {
        let kinds = PackKey.Kind.allCases
        let kind = kinds[Int.random(in: 0..<kinds.count, using: &generator)]
        let from = Position(UInt64.random(in: 0...40, using: &generator) << UInt64.random(in: 0...40, using: &generator))
        let span = UInt64.random(in: 1...300, using: &generator)
        let isControl = kind != .data && kind != .piece
        let prev = kind == .progress || (!isControl && Bool.random(using: &generator)) ? Position(from.major / 2) : from
        let framing: PackKey.Framing =
            kind == .piece ? .piece(index: 2, count: 3) : isControl ? .none : Bool.random(using: &generator) ? .lines : .records
        return PackKey(
            kind: kind, framing: framing, agent: ["shop-7", "a b%ü", "x"][Int.random(in: 0..<3, using: &generator)],
            source: "access", stream: StreamID(high: UInt64.random(in: 0..<3, using: &generator), low: 9), prev: prev,
            from: from, to: isControl ? from : Position(from.major + span))
    }

    @Test func theCacheReadsKeysAsTheParserDoes() {
        var generator = SeededGenerator(seed: 11)
        var cache = KeyCache()
        for step in 0..<6_000 {
            var bytes = Array(Self.randomKey(&generator).text.utf8)
            if step % 3 == 0 {
                for _ in 0...Int.random(in: 0..<3, using: &generator) where !bytes.isEmpty {
                    let index = Int.random(in: 0..<bytes.count, using: &generator)
                    switch Int.random(in: 0..<4, using: &generator) {
                    case 0: bytes.remove(at: index)
                    case 1: bytes.insert(Array(" 0.19/a".utf8)[Int.random(in: 0..<7, using: &generator)], at: index)
                    case 2: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                    default: bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator))
                    }
                }
            }
            let expected = PackKey(parsing: bytes)
            switch read(&cache, bytes) {
            case .ours(let entry, let key):
                #expect(key == expected, "seed 11, step \(step): \(String(decoding: bytes, as: UTF8.self))")
                #expect(cache.key(of: entry).stream == key.stream)
            case .malformed, .foreign:
                #expect(expected == nil, "seed 11, step \(step): \(String(decoding: bytes, as: UTF8.self))")
            }
            if step % 1_000 == 999 { _ = cache.trim() }
        }
    }

    @Test func keysThatAreNotOursAreForeign() {
        var cache = KeyCache()
        for text in ["", "m", "order-17", "{\"id\":1}", "m1", "mx 1", "m1234 d"] {
            guard case .foreign = read(&cache, Array(text.utf8)) else {
                Issue.record("\(text) is taken for ours")
                continue
            }
        }
        for text in ["m1 ", "m2 d l a b c", "m1 d l shop access zz 1 2"] {
            guard case .malformed = read(&cache, Array(text.utf8)) else {
                Issue.record("\(text) is not refused")
                continue
            }
        }
    }

    private func decode(
        _ key: [UInt8]?, _ value: [UInt8]?, _ cache: inout KeyCache, _ batch: inout EventBatch
    ) -> DecodedPack {
        let keyBytes = key ?? []
        let valueBytes = value ?? []
        return unsafe keyBytes.withUnsafeBytes { keyView in
            unsafe valueBytes.withUnsafeBytes { valueView in
                let record = unsafe RecordView(
                    topic: "t", partition: 0, offset: 7, timestamp: 1, key: key == nil ? nil : keyView,
                    value: value == nil ? nil : valueView)
                return unsafe PackDecoder.decode(record, partition: 0, keys: &cache, into: &batch)
            }
        }
    }

    private func lines(_ from: UInt64, _ to: UInt64, _ value: String) -> (DecodedPack, [String], [EventReference]) {
        var cache = KeyCache()
        var batch = EventBatch()
        let key = PackKey(
            kind: .data, framing: .lines, agent: "a", source: "s", stream: StreamID(high: 1, low: 1),
            from: Position(from), to: Position(to))
        let decoded = decode(Array(key.text.utf8), Array(value.utf8), &cache, &batch)
        let events = Array(batch.events)
        return (decoded, events.map { String(decoding: batch.bytes(of: $0), as: UTF8.self) }, events)
    }

    @Test func linesAreSplitAndEachKnowsItsRange() {
        let (_, terminated, references) = lines(100, 107, "ab\n\ncd")
        #expect(terminated == ["ab", "", "cd"])
        #expect(references.map(\.from.major) == [100, 103, 104] && references.map(\.to.major) == [103, 104, 107])
        let (_, open, last) = lines(100, 105, "ab\ncd")
        #expect(open == ["ab", "cd"] && last.map(\.to.major) == [103, 105])
        #expect(lines(0, 1, "").1 == [""])
        let (_, edge, ends) = lines(.max - 3, .max, "ab")
        #expect(edge == ["ab"] && ends[0].to.major == .max)
    }

    @Test(arguments: [(0, 1, "ab"), (0, 9, "ab"), (0, 3, "ab\n"), (0, 2, "")] as [(UInt64, UInt64, String)])
    func aValueThatDoesNotFillItsRangeIsRefusedWhole(from: UInt64, to: UInt64, value: String) {
        let (decoded, texts, _) = lines(from, to, value)
        guard case .refused(.malformedPack) = decoded.content else {
            Issue.record("\(decoded.content)")
            return
        }
        #expect(texts == [value])
    }

    @Test func randomRecordsNeverTrapAndEveryEventLiesInItsPack() {
        var generator = SeededGenerator(seed: 5)
        var cache = KeyCache()
        var batch = EventBatch()
        for step in 0..<3_000 {
            if step % 500 == 0 {
                batch.removeAll()
                _ = cache.trim()
            }
            var key: [UInt8]? = Array(Self.randomKey(&generator).text.utf8)
            if step % 5 == 0 { key = (0..<Int.random(in: 0..<30, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) } }
            if step % 97 == 0 { key = nil }
            var value: [UInt8]? = (0..<Int.random(in: 0..<300, using: &generator)).map { _ in
                UInt8.random(in: 0...(step % 2 == 0 ? 12 : 255), using: &generator)
            }
            if step % 101 == 0 { value = nil }
            let decoded = decode(key, value, &cache, &batch)
            let parsed = batch.packs[Int(decoded.pack)].key
            var position = parsed?.from ?? .zero
            var isInside = true
            for event in batch.events[decoded.events] {
                isInside = isInside && event.start >= decoded.valueStart
                isInside = isInside && event.start + event.byteCount <= decoded.valueStart + decoded.valueByteCount
                if case .events = decoded.content, let parsed {
                    isInside = isInside && event.from >= position && event.from < event.to && event.to <= parsed.to
                    position = event.to
                }
            }
            #expect(isInside, "seed 5, step \(step)")
            if case .events = decoded.content { #expect(position == parsed?.to) }
        }
    }

    @Test func recordsFramingKnowsGapsAndTheLastSpan() {
        var bytes: [UInt8] = []
        RecordsFraming.append(gap: 0, span: 5, Array("abc".utf8), to: &bytes)
        RecordsFraming.append(gap: 10, span: 0, Array("de".utf8), to: &bytes)
        var key = PackKey(
            kind: .data, framing: .records, agent: "a", source: "s", stream: StreamID(high: 1, low: 1),
            from: Position(100), to: Position(120))
        var cache = KeyCache()
        var batch = EventBatch()
        let decoded = decode(Array(key.text.utf8), bytes, &cache, &batch)
        #expect(decoded.eventCount == 2)
        #expect(batch.events.map(\.from.major) == [100, 115] && batch.events.map(\.to.major) == [105, 120])
        key.to = Position(115)
        guard case .refused(.malformedPack) = decode(Array(key.text.utf8), bytes, &cache, &batch).content else {
            Issue.record("a pack beyond its range was taken")
            return
        }
        // A row of a database: one event, up to the pack's end.
        key.from = Position(7, row: 3)
        key.prev = key.from
        key.to = Position(7, row: 4)
        var row: [UInt8] = []
        RecordsFraming.append(gap: 0, span: 0, Array("{}".utf8), to: &row)
        let one = decode(Array(key.text.utf8), row, &cache, &batch)
        #expect(one.eventCount == 1 && batch.events[one.firstEvent].to == key.to)
    }
}
