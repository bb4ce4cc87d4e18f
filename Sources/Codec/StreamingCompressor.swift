internal import CCodecs
public import Event

/// Compresses one output after the other with one set of buffers.
///
///     begin() -> write(...)* -> finish(...) -> begin() ...
///
/// Invariants:
/// - the output of equal writes between `begin` and `finish` is equal, whatever came before: no clock, no name
///   and no host is in it (the gzip header has time 0);
/// - what goes to `output` is appended; the caller drains it (`removeAll(keepingCapacity: true)`) when it likes;
/// - one owner at a time; calls never block.
@safe public final class StreamingCompressor {
    // Safety: both pointers are made in init, freed in deinit, and used only in between by the one owner.
    @safe private enum Engine {
        case plain
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    /// Step of the output: 64 KiB, zstd's block is 128 KiB at most and zlib has no preference.
    private static let chunkByteCount = 64 << 10

    public let method: CompressionMethod
    public let level: Int
    private let stage: Failure.Stage
    private let engine: Engine
    private let chunk: UnsafeMutableRawBufferPointer
    /// Bytes written since `begin`.
    public private(set) var inputByteCount: UInt64 = 0
    /// Bytes given out since `begin`.
    public private(set) var outputByteCount: UInt64 = 0

    /// Makes a compressor and begins its first output. A level out of the method's range is brought into it.
    /// Throws `codec.library` if there is no memory. Memory: gzip 256 KiB, zstd about 1 to 10 MiB at levels up to 5.
    public init(_ method: CompressionMethod, level: Int? = nil, stage: Failure.Stage = .sink) throws(Failure) {
        self.method = method
        self.stage = stage
        let level = min(max(level ?? method.defaultLevel, method.levels.lowerBound), method.levels.upperBound)
        self.level = level
        switch method {
        case .none: engine = .plain
        case .gzip: engine = unsafe .gzip(try Self.makeGzip(level, stage))
        case .zstd: engine = unsafe .zstd(try Self.makeZstd(level, stage))
        }
        unsafe chunk = .allocate(byteCount: Self.chunkByteCount, alignment: 16)
    }

    deinit {
        unsafe chunk.deallocate()
        switch engine {
        case .plain: break
        case .gzip(let stream):
            unsafe deflateEnd(stream)
            unsafe stream.deallocate()
        case .zstd(let context): unsafe ZSTD_freeCCtx(context)
        }
    }

    /// Forgets an unfinished output and begins a new one.
    public func begin() {
        inputByteCount = 0
        outputByteCount = 0
        switch engine {
        case .plain: break
        case .gzip(let stream): unsafe deflateReset(stream)
        case .zstd(let context): _ = unsafe ZSTD_CCtx_reset(context, ZSTD_reset_session_only)
        }
    }

    /// Compresses bytes; what comes out by now is appended to `output` (often nothing).
    public func write(_ bytes: UnsafeRawBufferPointer, into output: inout [UInt8]) throws(Failure) {
        try unsafe run(bytes, isLast: false, &output)
    }

    /// Compresses bytes; what comes out by now is appended to `output` (often nothing).
    public func write(_ bytes: [UInt8], into output: inout [UInt8]) throws(Failure) {
        let outcome = unsafe bytes.withUnsafeBytes { buffer -> Result<Void, Failure> in
            do throws(Failure) {
                return .success(try unsafe write(buffer, into: &output))
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    /// Ends the output and appends its rest. Only `begin` may follow.
    public func finish(into output: inout [UInt8]) throws(Failure) {
        try unsafe run(UnsafeRawBufferPointer(start: nil, count: 0), isLast: true, &output)
    }

    private func run(_ bytes: UnsafeRawBufferPointer, isLast: Bool, _ output: inout [UInt8]) throws(Failure) {
        inputByteCount &+= UInt64(bytes.count)
        let before = output.count
        switch engine {
        case .plain: unsafe output.append(contentsOf: bytes)
        case .gzip(let stream): try unsafe deflate(stream, bytes, isLast, &output)
        case .zstd(let context): try unsafe compress(context, bytes, isLast, &output)
        }
        outputByteCount &+= UInt64(output.count - before)
    }
}

// Source: zlib.h (deflateInit2, deflate), zstd.h (ZSTD_compressStream2).
extension StreamingCompressor {
    private static func makeGzip(
        _ level: Int, _ stage: Failure.Stage
    ) throws(Failure) -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 + 16: the largest window, gzip header and trailer; 8: zlib's default memory level.
        let code = unsafe deflateInit2_(
            stream, Int32(level), Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION,
            Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            unsafe stream.deallocate()
            throw CodecFailure.library(.gzip, stage, "deflateInit2: \(code)")
        }
        return unsafe stream
    }

    private static func makeZstd(_ level: Int, _ stage: Failure.Stage) throws(Failure) -> OpaquePointer {
        guard let context = unsafe ZSTD_createCCtx() else {
            throw CodecFailure.library(.zstd, stage, "ZSTD_createCCtx")
        }
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Int32(level))
        _ = unsafe ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        return unsafe context
    }

    private func deflate(
        _ stream: UnsafeMutablePointer<z_stream>, _ bytes: UnsafeRawBufferPointer, _ isLast: Bool,
        _ output: inout [UInt8]
    ) throws(Failure) {
        var rest = unsafe bytes
        repeat {
            // zlib counts in 32 bits.
            let piece = unsafe UnsafeRawBufferPointer(rebasing: rest.prefix(1 << 30))
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(piece.count))
            let flush = unsafe isLast && rest.isEmpty ? Z_FINISH : Z_NO_FLUSH
            unsafe stream.pointee.next_in = UnsafeMutablePointer(
                mutating: piece.bindMemory(to: UInt8.self).baseAddress)
            unsafe stream.pointee.avail_in = UInt32(piece.count)
            repeat {
                unsafe stream.pointee.next_out = chunk.bindMemory(to: UInt8.self).baseAddress
                unsafe stream.pointee.avail_out = UInt32(chunk.count)
                let code = unsafe CCodecs.deflate(stream, flush)
                // Z_BUF_ERROR: nothing left to do in this step, not a fault.
                guard code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR else {
                    throw CodecFailure.library(.gzip, stage, "deflate: \(code)")
                }
                let made = unsafe chunk.count - Int(stream.pointee.avail_out)
                unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<made]))
            } while unsafe stream.pointee.avail_out == 0
        } while unsafe !rest.isEmpty
    }

    private func compress(
        _ context: OpaquePointer, _ bytes: UnsafeRawBufferPointer, _ isLast: Bool, _ output: inout [UInt8]
    ) throws(Failure) {
        var input = unsafe ZSTD_inBuffer(src: bytes.baseAddress, size: bytes.count, pos: 0)
        while true {
            var step = unsafe ZSTD_outBuffer(dst: chunk.baseAddress, size: chunk.count, pos: 0)
            let left = unsafe ZSTD_compressStream2(context, &step, &input, isLast ? ZSTD_e_end : ZSTD_e_continue)
            guard ZSTD_isError(left) == 0 else {
                throw CodecFailure.library(.zstd, stage, unsafe String(cString: ZSTD_getErrorName(left)))
            }
            unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<step.pos]))
            if unsafe isLast ? left == 0 : input.pos == input.size { return }
        }
    }
}
