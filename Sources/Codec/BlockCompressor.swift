internal import CCodecs
public import Event

/// Compresses blocks whose size is known, each by itself, with one context: pages of a file.
///
/// One owner at a time; calls never block. The output depends on the input, method and level alone.
@safe public final class BlockCompressor {
    // Safety: both pointers are made in init, freed in deinit, and used only in between by the one owner.
    @safe private enum Engine {
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    public let method: CompressionMethod
    private let engine: Engine
    private let stage: Failure.Stage

    /// Makes a compressor for gzip or zstd. A level out of the method's range is brought into it. Throws
    /// `codec.library` if there is no memory.
    public init(_ method: CompressionMethod, level: Int? = nil, stage: Failure.Stage = .sink) throws(Failure) {
        precondition(method != .none, "nothing to compress with")
        self.method = method
        self.stage = stage
        let level = Int32(min(max(level ?? method.defaultLevel, method.levels.lowerBound), method.levels.upperBound))
        if method == .gzip {
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            unsafe stream.initialize(to: z_stream())
            let code = unsafe deflateInit2_(
                stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
                Int32(MemoryLayout<z_stream>.size))
            guard code == Z_OK else {
                unsafe stream.deallocate()
                throw CodecFailure.library(.gzip, stage, "deflateInit2: \(code)")
            }
            engine = unsafe .gzip(stream)
        } else {
            guard let context = unsafe ZSTD_createCCtx() else {
                throw CodecFailure.library(.zstd, stage, "ZSTD_createCCtx")
            }
            _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)
            engine = unsafe .zstd(context)
        }
    }

    deinit {
        switch engine {
        case .gzip(let stream):
            unsafe deflateEnd(stream)
            unsafe stream.deallocate()
        case .zstd(let context): unsafe ZSTD_freeCCtx(context)
        }
    }

    /// The most bytes that so many can become.
    public func maximumByteCount(for byteCount: Int) -> Int {
        switch engine {
        // deflateBound counts the largest header; 64 covers gzip's own.
        case .gzip(let stream): Int(unsafe deflateBound(stream, UInt(byteCount))) + 64
        case .zstd: ZSTD_compressBound(byteCount)
        }
    }

    /// Compresses a block of at most 1 GiB into a target of `maximumByteCount`; the bytes written.
    public func compress(
        _ input: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(Failure) -> Int {
        precondition(input.count <= 1 << 30, "block too large")
        switch engine {
        case .gzip(let stream):
            unsafe deflateReset(stream)
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            unsafe stream.pointee.avail_in = UInt32(input.count)
            unsafe stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
            unsafe stream.pointee.avail_out = UInt32(clamping: target.count)
            let code = unsafe deflate(stream, Z_FINISH)
            guard code == Z_STREAM_END else { throw CodecFailure.library(.gzip, stage, "deflate: \(code)") }
            return unsafe Int(stream.pointee.total_out)
        case .zstd(let context):
            let count = unsafe ZSTD_compress2(context, target.baseAddress, target.count, input.baseAddress, input.count)
            guard ZSTD_isError(count) == 0 else {
                throw CodecFailure.library(.zstd, stage, unsafe String(cString: ZSTD_getErrorName(count)))
            }
            return count
        }
    }
}
