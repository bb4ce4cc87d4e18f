internal import CSnappy
internal import Codec
internal import Event

/// Compresses pages, one at a time, with one set of contexts.
final class PageCompressor {
    let codec: ParquetCodec
    private let block: BlockCompressor?

    init(_ codec: ParquetCodec, level: Int?) throws(Failure) {
        self.codec = codec
        switch codec {
        case .none, .snappy: block = nil
        case .gzip: block = try BlockCompressor(.gzip, level: level)
        case .zstd: block = try BlockCompressor(.zstd, level: level ?? 1)
        }
    }

    /// Appends a page's bytes, compressed.
    func compress(_ input: UnsafeRawBufferPointer, into output: inout ByteBuffer) throws(Failure) {
        if let block {
            let room = block.maximumByteCount(for: input.count)
            let target = unsafe UnsafeMutableRawBufferPointer(start: output.reserve(room), count: room)
            output.advance(try unsafe block.compress(input, into: target))
            return
        }
        guard codec == .snappy else {
            unsafe output.append(input)
            return
        }
        var length = snappy_max_compressed_length(input.count)
        let target = unsafe UnsafeMutableRawPointer(output.reserve(length))
        // An empty input has no address; snappy wants one.
        let source = unsafe input.baseAddress ?? UnsafeRawPointer(target)
        let status = unsafe snappy_compress(
            source.assumingMemoryBound(to: CChar.self), input.count, target.assumingMemoryBound(to: CChar.self),
            &length)
        guard status == SNAPPY_OK else {
            throw Failure(
                "codec.library", stage: .format, kind: .transient, "snappy cannot go on",
                cause: "snappy_compress: \(status)")
        }
        output.advance(length)
    }
}
