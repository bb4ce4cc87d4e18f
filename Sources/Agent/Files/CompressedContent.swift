internal import Codec
internal import Event
internal import Platform

/// Reads what a compressed file holds: positions are those of the decompressed content. Cheap going
/// forwards and up to `windowByteCount` back; further back it begins anew.
///
/// Only files that `measure` found whole are read, so damage met here (the file was changed since) ends
/// the content.
final class CompressedContent {
    /// How a compressed file ends.
    enum Measure: Equatable {
        /// All members are complete: so many bytes of content.
        case whole(UInt64)
        /// It ends inside a member: it is being written, or its writer died.
        case truncated
        case damaged(String)
    }

    /// Decompressed bytes kept: two reads of a fill and the tail before them.
    private static let windowByteCount = 2 << 20
    private static let inputByteCount = 64 << 10

    private let decompressor: StreamingDecompressor
    private var window: [UInt8] = []
    private var windowStart: UInt64 = 0
    private var input: [UInt8]
    private var inputRange = 0..<0
    private var inputOffset: UInt64 = 0
    private var isAtEnd = false
    private(set) var fault: Failure?
    /// Bytes of memory that this keeps, but for the decoder's own tables.
    var heldByteCount: Int { window.capacity + input.count }

    /// Nil: there is no memory for a decompressor.
    init?(_ method: CompressionMethod) {
        guard let made = try? StreamingDecompressor(method, stage: .source) else { return nil }
        decompressor = made
        input = [UInt8](repeating: 0, count: Self.inputByteCount)
    }

    /// The method that a file's name says, of those that can be read.
    static func method(ofName name: String) -> CompressionMethod? {
        if name.hasSuffix(".gz") { return .gzip }
        return name.hasSuffix(".zst") ? .zstd : nil
    }

    /// Reads until the buffer is full or the content ends; the count of bytes.
    func read(
        _ descriptor: borrowing Descriptor, at offset: UInt64, into buffer: UnsafeMutableRawBufferPointer
    ) throws(Errno) -> Int {
        if offset < windowStart { begin() }
        let end = offset + UInt64(buffer.count)
        while windowStart + UInt64(window.count) < end, !isAtEnd {
            // Why: a fill reads the tail before a position after what lies behind it.
            let needed = offset - min(offset, UInt64(ContentChain.maximumTailByteCount))
            try decode(descriptor, keepingFrom: needed)
        }
        let known = windowStart + UInt64(window.count)
        guard known > offset else { return 0 }
        let from = Int(offset - windowStart)
        let count = min(buffer.count, window.count - from)
        unsafe window.withUnsafeBytes { bytes in
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[from..<(from + count)]))
        }
        return count
    }

    /// Decompresses all of it, from the beginning.
    func measure(_ descriptor: borrowing Descriptor) throws(Errno) -> Measure {
        begin()
        while !isAtEnd { try decode(descriptor, keepingFrom: .max) }
        if let fault { return fault.code == "codec.truncated" ? .truncated : .damaged(fault.message) }
        return .whole(windowStart + UInt64(window.count))
    }

    private func begin() {
        decompressor.begin()
        window.removeAll(keepingCapacity: true)
        windowStart = 0
        inputRange = 0..<0
        inputOffset = 0
        isAtEnd = false
        fault = nil
    }

    /// One step: appends to the window, whose front is dropped up to `keepingFrom` when it is large.
    private func decode(_ descriptor: borrowing Descriptor, keepingFrom needed: UInt64) throws(Errno) {
        if window.count >= Self.windowByteCount {
            let half = windowStart + UInt64(window.count - Self.windowByteCount / 2)
            let from = min(half, needed)
            if from > windowStart {
                window.removeFirst(Int(from - windowStart))
                windowStart = from
            }
        }
        if inputRange.isEmpty {
            let offset = inputOffset
            let outcome = unsafe input.withUnsafeMutableBytes { buffer -> Result<Int, Errno> in
                do throws(Errno) { return .success(try unsafe descriptor.read(at: offset, into: buffer)) } catch {
                    return .failure(error)
                }
            }
            let count = try outcome.get()
            inputRange = 0..<count
            inputOffset += UInt64(count)
        }
        let isInputOver = inputRange.isEmpty
        do throws(Failure) {
            let step = try step()
            inputRange = (inputRange.lowerBound + step.consumedByteCount)..<inputRange.upperBound
            if isInputOver, !step.hasMore {
                isAtEnd = true
                try decompressor.finish()
            }
        } catch {
            isAtEnd = true
            fault = error
        }
    }

    private func step() throws(Failure) -> StreamingDecompressor.Step {
        // Why: moved out and back, so that the decoder appends to it in place.
        var output: [UInt8] = []
        swap(&output, &window)
        defer { swap(&output, &window) }
        let range = inputRange
        let outcome = unsafe input.withUnsafeBytes { bytes -> Result<StreamingDecompressor.Step, Failure> in
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[range])
            do throws(Failure) { return .success(try unsafe decompressor.step(rest, into: &output)) } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }
}
