internal import CCodecs
public import Event

/// Decompresses blocks whose size is known, each by itself, with one context: pages of a file. Blocks may be
/// hostile: what does not fit the stated size is `codec.corrupt`. One owner at a time.
@safe public final class BlockDecompressor {
    // Safety: both pointers are made in init, freed in deinit, and used only in between by the one owner.
    @safe private enum Engine {
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    public let method: CompressionMethod
    private let engine: Engine
    private let stage: Failure.Stage

    /// Makes a decompressor for gzip or zstd. Throws `codec.library` if there is no memory.
    public init(_ method: CompressionMethod, stage: Failure.Stage = .source) throws(Failure) {
        precondition(method != .none, "nothing to decompress with")
        self.method = method
        self.stage = stage
        if method == .gzip {
            let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
            unsafe stream.initialize(to: z_stream())
            // 15 + 32: the largest window, gzip or zlib by what the header says.
            let code = unsafe inflateInit2_(stream, 15 + 32, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
            guard code == Z_OK else {
                unsafe stream.deallocate()
                throw CodecFailure.library(.gzip, stage, "inflateInit2: \(code)")
            }
            engine = unsafe .gzip(stream)
        } else {
            guard let context = unsafe ZSTD_createDCtx() else {
                throw CodecFailure.library(.zstd, stage, "ZSTD_createDCtx")
            }
            engine = unsafe .zstd(context)
        }
    }

    deinit {
        switch engine {
        case .gzip(let stream):
            unsafe inflateEnd(stream)
            unsafe stream.deallocate()
        case .zstd(let context): unsafe ZSTD_freeDCtx(context)
        }
    }

    /// Decompresses a block of at most 1 GiB that fills `target` exactly.
    public func decompress(
        _ input: UnsafeRawBufferPointer, into target: UnsafeMutableRawBufferPointer
    ) throws(Failure) {
        precondition(input.count <= 1 << 30 && target.count <= 1 << 30, "block too large")
        let made: Int
        switch engine {
        case .gzip(let stream):
            unsafe inflateReset(stream)
            unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
            unsafe stream.pointee.avail_in = UInt32(input.count)
            unsafe stream.pointee.next_out = target.bindMemory(to: UInt8.self).baseAddress
            unsafe stream.pointee.avail_out = UInt32(target.count)
            let code = unsafe inflate(stream, Z_FINISH)
            guard code == Z_STREAM_END else { throw CodecFailure.corrupt(.gzip, stage, "inflate: \(code)") }
            made = unsafe Int(stream.pointee.total_out)
        case .zstd(let context):
            made = unsafe ZSTD_decompressDCtx(
                context, target.baseAddress, target.count, input.baseAddress, input.count)
            guard ZSTD_isError(made) == 0 else {
                throw CodecFailure.corrupt(.zstd, stage, unsafe String(cString: ZSTD_getErrorName(made)))
            }
        }
        guard made == target.count else {
            throw CodecFailure.corrupt(method, stage, "\(made) bytes came out instead of \(target.count)")
        }
    }
}
