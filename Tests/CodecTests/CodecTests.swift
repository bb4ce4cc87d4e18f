import Codec
import Event
import Platform
import Testing

/// Bytes that compress well in places and not at all in others.
private func sample(_ byteCount: Int, seed: UInt64) -> [UInt8] {
    var generator = SeededGenerator(seed: seed)
    var bytes: [UInt8] = []
    while bytes.count < byteCount {
        if generator.next() & 1 == 0 {
            bytes += "GET /item/\(generator.next() % 100) HTTP/1.1\n".utf8
        } else {
            for _ in 0..<40 { bytes.append(UInt8(truncatingIfNeeded: generator.next())) }
        }
    }
    return Array(bytes.prefix(byteCount))
}

private func compressed(_ bytes: [UInt8], _ method: CompressionMethod, piece: Int = 100_000) throws -> [UInt8] {
    let compressor = try StreamingCompressor(method)
    var output: [UInt8] = []
    for start in stride(from: 0, to: bytes.count, by: piece) {
        try compressor.write(Array(bytes[start..<min(start + piece, bytes.count)]), into: &output)
    }
    try compressor.finish(into: &output)
    #expect(compressor.inputByteCount == UInt64(bytes.count))
    #expect(compressor.outputByteCount == UInt64(output.count))
    return output
}

/// Decodes with pieces and steps of the given sizes; the fault, if any, comes back beside what was decoded.
private func decoded(
    _ bytes: [UInt8], _ method: CompressionMethod, piece: Int = 1 << 20, step: Int = 1 << 18
) throws -> (bytes: [UInt8], fault: Failure?, trailing: UInt64) {
    let decompressor = try StreamingDecompressor(method)
    var output: [UInt8] = []
    var fault: Failure?
    do throws(Failure) {
        for start in stride(from: 0, to: bytes.count, by: piece) {
            var rest = Array(bytes[start..<min(start + piece, bytes.count)])
            while true {
                let before = output.count
                let done = try stepped(decompressor, rest, &output, step)
                #expect(output.count - before <= step)
                rest.removeFirst(done.consumedByteCount)
                if rest.isEmpty, !done.hasMore { break }
            }
        }
        try decompressor.finish()
    } catch {
        fault = error
    }
    return (output, fault, decompressor.trailingByteCount)
}

private func stepped(
    _ decompressor: StreamingDecompressor, _ input: [UInt8], _ output: inout [UInt8], _ step: Int
) throws(Failure) -> StreamingDecompressor.Step {
    let outcome = unsafe input.withUnsafeBytes { buffer -> Result<StreamingDecompressor.Step, Failure> in
        do throws(Failure) {
            return .success(try unsafe decompressor.step(buffer, into: &output, maximumByteCount: step))
        } catch {
            return .failure(error)
        }
    }
    return try outcome.get()
}

@Test(arguments: CompressionMethod.allCases, [0, 1, 5, 70_000, 600_000])
func whatIsCompressedIsDecodedEqual(_ method: CompressionMethod, _ byteCount: Int) throws {
    let bytes = sample(byteCount, seed: 7)
    let packed = try compressed(bytes, method)
    let whole = try decoded(packed, method)
    #expect(whole.bytes == bytes)
    #expect(whole.fault == nil)
    if byteCount <= 70_000 {
        let small = try decoded(packed, method, piece: 7, step: 11)
        #expect(small.bytes == bytes)
        #expect(small.fault == nil)
    }
}

@Test(arguments: CompressionMethod.allCases)
func aCompressorIsUsedAgainAndGivesEqualBytes(_ method: CompressionMethod) throws {
    let bytes = sample(50_000, seed: 3)
    let compressor = try StreamingCompressor(method)
    var first: [UInt8] = []
    try compressor.write(bytes, into: &first)
    try compressor.finish(into: &first)
    compressor.begin()
    var dropped: [UInt8] = []
    try compressor.write(sample(9_000, seed: 4), into: &dropped)
    compressor.begin()
    var second: [UInt8] = []
    try compressor.write(bytes, into: &second)
    try compressor.finish(into: &second)
    #expect(first == second)
}

@Test func theMethodIsSeenInTheFirstBytes() throws {
    for method in CompressionMethod.allCases {
        #expect(CompressionMethod.detected(in: try compressed(Array("hello".utf8), method)) == method)
    }
    #expect(CompressionMethod.detected(in: []) == .none)
}

@Test(arguments: [CompressionMethod.gzip, .zstd], [1, 3, 1 << 20])
func severalMembersAreOneFile(_ method: CompressionMethod, _ piece: Int) throws {
    let parts = [sample(3_000, seed: 1), [], sample(10, seed: 2), sample(9_000, seed: 5)]
    var packed: [UInt8] = []
    for part in parts { packed += try compressed(part, method) }
    let result = try decoded(packed, method, piece: piece)
    #expect(result.bytes == parts.flatMap { $0 })
    #expect(result.fault == nil)
}

@Test(arguments: [1, 2, 1_000])
func bytesBehindTheLastGzipMemberAreCounted(_ piece: Int) throws {
    let packed = try compressed(Array("line\n".utf8), .gzip) + [UInt8](repeating: 0, count: 100)
    let result = try decoded(packed, .gzip, piece: piece)
    #expect(result.bytes == Array("line\n".utf8))
    #expect(result.fault == nil)
    #expect(result.trailing == 100)
}

@Test(arguments: [CompressionMethod.gzip, .zstd])
func truncatedInputGivesWhatWasDecodedAndSaysSo(_ method: CompressionMethod) throws {
    let bytes = sample(400_000, seed: 11)
    let packed = try compressed(bytes, method)
    for count in [0, 1, 5, packed.count / 2, packed.count - 1] {
        let result = try decoded(Array(packed.prefix(count)), method)
        #expect(result.fault?.code == "codec.truncated", "\(count)")
        #expect(bytes.starts(with: result.bytes))
        if count == packed.count / 2 { #expect(result.bytes.count > 100_000) }
    }
}

@Test(arguments: [CompressionMethod.gzip, .zstd])
func damagedInputIsCorruptAndNeverWrong(_ method: CompressionMethod) throws {
    let bytes = sample(60_000, seed: 13)
    let packed = try compressed(bytes, method)
    let seed: UInt64 = 99
    var generator = SeededGenerator(seed: seed)
    for _ in 0..<200 {
        var broken = packed
        let index = Int(generator.next() % UInt64(packed.count))
        broken[index] ^= UInt8(1 << (generator.next() % 8))
        let result = try decoded(broken, method)
        // A flipped bit in the header's time, name flags or window may be harmless; the content must hold.
        if result.fault == nil {
            #expect(result.bytes == bytes || result.trailing > 0, "seed \(seed), byte \(index)")
        }
    }
}

@Test(arguments: [CompressionMethod.gzip, .zstd])
func whatIsNotCompressedIsCorrupt(_ method: CompressionMethod) throws {
    let result = try decoded(Array("plain text, no magic number at all".utf8), method)
    #expect(result.fault?.code == "codec.corrupt")
    #expect(result.fault?.kind == .corrupt)
}

@Test func aBombIsDecodedInBoundedSteps() throws {
    let packed = try compressed([UInt8](repeating: 0, count: 20_000_000), .zstd)
    #expect(packed.count < 10_000)
    let decompressor = try StreamingDecompressor(.zstd)
    var output: [UInt8] = []
    var rest = packed
    var total = 0
    while true {
        output.removeAll(keepingCapacity: true)
        let done = try stepped(decompressor, rest, &output, 4_096)
        #expect(output.count <= 4_096)
        total += output.count
        rest.removeFirst(done.consumedByteCount)
        if rest.isEmpty, !done.hasMore { break }
    }
    try decompressor.finish()
    #expect(total == 20_000_000)
}
