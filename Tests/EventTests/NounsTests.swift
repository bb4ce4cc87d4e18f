import Event
import Testing

@Test(arguments: [
    ("0", Position(0)), ("4711", Position(4_711)), ("4711.3", Position(4_711, row: 3)),
    ("18446744073709551615", Position(.max)), ("18446744073709551615.4294967295", Position(.max, row: .max)),
])
func positionsGoRound(text: String, position: Position) {
    #expect(Position(text) == position)
    #expect(position.description == text)
}

@Test(arguments: [
    "", " ", "-1", "+1", "01", "00", "1 ", " 1", "1.0", "1.01", "1.", ".1", "1.1.1", "0x1", "1e3", "١",
    "18446744073709551616", "99999999999999999999", "100000000000000000000", "1.4294967296",
])
func otherTextsAreNoPositions(text: String) { #expect(Position(text) == nil) }

@Test func positionsAreOrderedByNumberThenRow() {
    let sorted = [Position(0), Position(0, row: 1), Position(1), Position(1, row: 2), Position(.max)]
    #expect(sorted.shuffled().sorted() == sorted)
    #expect(Position(5).advanced(by: 7) == Position(12))
}

@Test func aRangeSaysWhatItCovers() {
    #expect(CoveredRange(bytes: 3..<9).description == "[3, 9)")
    #expect(CoveredRange(Position(3, row: 1), Position(4)).description == "[3.1, 4)")
}

@Test func streamIDsGoRoundAndAreNeverNone() {
    var generator = Seeded(state: 1)
    for _ in 0..<1_000 {
        let id = StreamID.random(using: &generator)
        #expect(id != .none)
        #expect(id.description.utf8.count == 32)
        #expect(StreamID(id.description) == id)
    }
    #expect(StreamID("0123456789abcdeffedcba9876543210") == StreamID(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210))
}

@Test(arguments: ["", "0", String(repeating: "0", count: 31), String(repeating: "0", count: 33),
    "0123456789ABCDEFFEDCBA9876543210", "0123456789abcdeffedcba987654321g", "0123456789abcdef-edcba9876543210"])
func otherTextsAreNoStreamIDs(text: String) { #expect(StreamID(text) == nil) }

@Test func aBatchKeepsBytesAcrossGrowthAndPadsWithZeros() {
    var batch = EventBatch(byteCapacity: 0)
    var generator = Seeded(state: 7)
    var expected: [[UInt8]] = []
    var position: UInt64 = 0
    for index in 0..<200 {
        let value = (0..<Int.random(in: 0...700, using: &generator)).map { _ in UInt8.random(in: 1...255, using: &generator) }
        let context = PackContext(key: nil, topic: "web", partition: 0, offset: Int64(index), timestamp: -1)
        let (pack, start) = unsafe value.withUnsafeBytes { unsafe batch.appendPack(context, value: $0) }
        #expect(Int(pack) == index)
        let next = position + UInt64(value.count) + 1
        batch.appendEvent(
            EventReference(
                start: start, byteCount: value.count, from: Position(position), to: Position(next), pack: pack))
        position = next
        expected.append(value)
    }
    let isEmpty = batch.isEmpty
    #expect(!isEmpty)
    for (index, event) in batch.events.enumerated() {
        let bytes = batch.bytes(of: event)
        #expect(bytes == expected[index])
    }
    let padding = unsafe batch.withSlab { slab in
        // Safety: `padding` bytes behind the slab are readable by the batch's contract.
        unsafe Array(UnsafeRawBufferPointer(start: slab.baseAddress, count: slab.count + EventBatch.padding).suffix(EventBatch.padding))
    }
    #expect(padding.allSatisfy { $0 == 0 })
    batch.removeAll()
    let isCleared = batch.isEmpty && batch.byteCount == 0 && batch.packs.isEmpty
    #expect(isCleared)
}

@Test func anEventOutsideTheSlabIsABug() async {
    await #expect(processExitsWith: .failure) {
        var batch = EventBatch()
        batch.appendEvent(EventReference(start: 0, byteCount: 1, from: .zero, to: Position(1), pack: 0))
    }
}

@Test func everyOutcomeCountsInTheBalance() {
    var balance = Balance()
    #expect(balance.holds)
    balance.received = 5
    #expect(!balance.holds)
    balance.written = 1
    balance.partlyWritten = 1
    balance.quarantined = 1
    balance.duplicate = 1
    balance.filtered = 1
    #expect(balance.holds)
    let sum = balance + balance
    #expect(sum.holds && sum.received == 10 && sum.filtered == 2 && sum.duplicate == 2)
}

@Test(arguments: [
    (Failure.Kind.usage, Int32(64)), (.config, 78), (.corrupt, 65), (.transient, 75), (.conflict, 75), (.fatal, 75),
])
func everyKindOfFailureHasItsExitCode(kind: Failure.Kind, code: Int32) {
    #expect(Failure("sink.no_space", stage: .sink, kind: kind, "x").exitCode == code)
}

@Test func aFailureIsWrittenForAnOperator() {
    let failure = Failure(
        "sink.no_space", stage: .sink, kind: .transient, "cannot write /w/x", hint: "free some space",
        cause: "No space left on device")
    #expect(
        failure.description
            == "error[sink.no_space]: cannot write /w/x\n  cause: No space left on device\n  hint: free some space")
    #expect(failure.isTransient)
}

@Test func rejectionReasonsAreDistinctAndLowercase() {
    let reasons = Rejection.allCases.map(\.rawValue)
    #expect(Set(reasons).count == reasons.count)
    #expect(reasons.allSatisfy { $0.utf8.allSatisfy { byte in byte == 95 || byte >= 97 && byte <= 122 || byte == 56 } })
}
