internal import CSnappy
internal import Codec
internal import Event

/// Decompresses pages, with a context for each codec that occurs.
final class PageExpander {
    private var zstd: BlockDecompressor?
    private var gzip: BlockDecompressor?

    /// Appends what a page holds, which is `byteCount` bytes.
    func expand(
        _ input: UnsafeRawBufferPointer, codec: Int, byteCount: Int, into output: inout ByteBuffer
    ) throws(Failure) {
        guard byteCount > 0 else { return }
        let target = unsafe UnsafeMutableRawBufferPointer(start: output.reserve(byteCount), count: byteCount)
        switch codec {
        case ParquetCodec.none.number:
            guard input.count == byteCount else { throw Damage.corrupt("a page has another size than it says") }
            unsafe target.copyMemory(from: input)
        case ParquetCodec.snappy.number: try unsafe expandSnappy(input, target)
        case ParquetCodec.gzip.number:
            if gzip == nil { gzip = try BlockDecompressor(.gzip, stage: .format) }
            try unsafe gzip?.decompress(input, into: target)
        case ParquetCodec.zstd.number:
            if zstd == nil { zstd = try BlockDecompressor(.zstd, stage: .format) }
            try unsafe zstd?.decompress(input, into: target)
        default: throw Damage.unsupported("compression number \(codec)")
        }
        output.advance(byteCount)
    }

    private func expandSnappy(
        _ input: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer
    ) throws(Failure) {
        var length = 0
        guard let source = unsafe input.assumingMemoryBound(to: CChar.self).baseAddress,
            let start = unsafe target.assumingMemoryBound(to: CChar.self).baseAddress,
            unsafe snappy_uncompressed_length(source, input.count, &length) == SNAPPY_OK, length == target.count,
            unsafe snappy_uncompress(source, input.count, start, &length) == SNAPPY_OK, length == target.count
        else { throw Damage.corrupt("a snappy page does not decompress") }
    }
}
