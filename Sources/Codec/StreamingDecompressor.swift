internal import CCodecs
public import Event

/// Decompresses a file piece by piece, with bounded output per step.
///
/// gzip: any number of members (a file to which another was appended); bytes behind the last member that do
/// not begin one are left out, as gzip(1) does, and counted. zstd: any number of frames, skippable ones too.
///
/// Invariants: every byte decoded before a fault is in `output` when the fault is thrown; after a fault every
/// further step throws the same one. One owner at a time; never blocks.
@safe public final class StreamingDecompressor {
    /// What one step did.
    public struct Step: Sendable, Equatable {
        /// Bytes taken from the front of the input. Fewer than all: step again with the rest.
        public var consumedByteCount: Int
        /// More output may be at hand without more input: step again.
        public var hasMore: Bool
    }

    // Safety: the pointers are made in init, freed in deinit, and used only in between by the one owner.
    @safe private enum Engine {
        case plain
        case gzip(UnsafeMutablePointer<z_stream>)
        case zstd(OpaquePointer)
    }

    /// Where we are in a gzip file.
    private enum Place { case begin, inside, between, behind }

    /// Largest step; also the size of the buffer.
    public static let maximumStepByteCount = 256 << 10

    public let method: CompressionMethod
    private let stage: Failure.Stage
    private let engine: Engine
    private let chunk: UnsafeMutableRawBufferPointer
    private var place = Place.begin
    /// A first byte 0x1F of a possible next member was consumed at the end of an input.
    private var heldMagic = false
    /// The last step was cut by its limit: the library may hold output.
    private var hasPending = false
    private var fault: Failure?
    /// Bytes behind the last gzip member that begin none (padding, garbage).
    public private(set) var trailingByteCount: UInt64 = 0

    /// Throws `codec.library` if there is no memory. Memory: gzip 32 KiB, zstd the window that the file names,
    /// at most 128 MiB (zstd's own limit; a file with a larger one is `codec.corrupt`).
    public init(_ method: CompressionMethod, stage: Failure.Stage = .source) throws(Failure) {
        self.method = method
        self.stage = stage
        switch method {
        case .none: engine = .plain
        case .gzip: engine = unsafe .gzip(try Self.makeGzip(stage))
        case .zstd:
            guard let context = unsafe ZSTD_createDCtx() else {
                throw CodecFailure.library(.zstd, stage, "ZSTD_createDCtx")
            }
            engine = unsafe .zstd(context)
        }
        unsafe chunk = .allocate(byteCount: Self.maximumStepByteCount, alignment: 16)
    }

    deinit {
        unsafe chunk.deallocate()
        switch engine {
        case .plain: break
        case .gzip(let stream):
            unsafe inflateEnd(stream)
            unsafe stream.deallocate()
        case .zstd(let context): unsafe ZSTD_freeDCtx(context)
        }
    }

    /// Begins a new file.
    public func begin() {
        place = .begin
        heldMagic = false
        hasPending = false
        fault = nil
        trailingByteCount = 0
        switch engine {
        case .plain: break
        case .gzip(let stream): unsafe inflateReset(stream)
        case .zstd(let context): _ = unsafe ZSTD_DCtx_reset(context, ZSTD_reset_session_only)
        }
    }

    /// Decodes from the front of `input` and appends at most `maximumByteCount` (and at most
    /// `maximumStepByteCount`) bytes to `output`. An empty input is allowed and asks for what is left inside.
    /// Throws `codec.corrupt`; what was decoded before the damage has been appended.
    public func step(
        _ input: UnsafeRawBufferPointer, into output: inout [UInt8],
        maximumByteCount: Int = StreamingDecompressor.maximumStepByteCount
    ) throws(Failure) -> Step {
        precondition(maximumByteCount > 0)
        if let fault { throw fault }
        // Why: zstd takes repeated calls without input for a fault of the caller.
        if unsafe input.isEmpty && !hasPending { return Step(consumedByteCount: 0, hasMore: false) }
        let limit = unsafe min(maximumByteCount, chunk.count)
        do throws(Failure) {
            let step: Step
            switch engine {
            case .plain:
                let count = min(limit, input.count)
                unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: input[..<count]))
                step = Step(consumedByteCount: count, hasMore: false)
            case .gzip(let stream): step = try unsafe inflate(stream, input, limit, &output)
            case .zstd(let context): step = try unsafe decompress(context, input, limit, &output)
            }
            hasPending = step.hasMore
            return step
        } catch {
            fault = error
            throw error
        }
    }

    /// Decodes all of `input`, however much comes out. For inputs whose size the caller bounds.
    public func write(_ input: [UInt8], into output: inout [UInt8]) throws(Failure) {
        let outcome = unsafe input.withUnsafeBytes { buffer -> Result<Void, Failure> in
            do throws(Failure) {
                var rest = unsafe buffer
                while true {
                    let step = try unsafe step(rest, into: &output)
                    unsafe rest = UnsafeRawBufferPointer(rebasing: rest[step.consumedByteCount...])
                    if unsafe rest.isEmpty && !step.hasMore { return .success(()) }
                }
            } catch {
                return .failure(error)
            }
        }
        try outcome.get()
    }

    /// Says that the input is over. Throws `codec.truncated` if it ends inside a member or frame; an empty
    /// input is truncated too, except for `none`.
    public func finish() throws(Failure) {
        if let fault { throw fault }
        if method != .none, place == .inside || place == .begin { throw CodecFailure.truncated(method, stage) }
    }
}

// Source: zlib.h (inflateInit2, inflate, inflateReset), zstd.h (ZSTD_decompressStream).
extension StreamingDecompressor {
    private static func makeGzip(_ stage: Failure.Stage) throws(Failure) -> UnsafeMutablePointer<z_stream> {
        let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
        unsafe stream.initialize(to: z_stream())
        // 15 + 16: the largest window, gzip only.
        let code = unsafe inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        guard code == Z_OK else {
            unsafe stream.deallocate()
            throw CodecFailure.library(.gzip, stage, "inflateInit2: \(code)")
        }
        return unsafe stream
    }

    /// Between members: decides by the two magic bytes whether another member follows. Returns the bytes
    /// consumed; `place` is `inside`, `behind`, or still `between` if more input is needed.
    private func enterMember(
        _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer
    ) throws(Failure) -> Int {
        var magic = unsafe [UInt8](input.prefix(heldMagic ? 1 : 2))
        let consumed = magic.count
        if heldMagic { magic.insert(0x1F, at: 0) }
        if magic == [0x1F] {
            heldMagic = true
            return consumed
        }
        guard magic == [0x1F, 0x8B] else {
            place = .behind
            trailingByteCount &+= UInt64(magic.count)
            return consumed
        }
        heldMagic = false
        place = .inside
        unsafe inflateReset(stream)
        var head: [UInt8] = magic
        let code = unsafe head.withUnsafeMutableBufferPointer { buffer in
            unsafe stream.pointee.next_in = buffer.baseAddress
            unsafe stream.pointee.avail_in = UInt32(buffer.count)
            unsafe stream.pointee.next_out = chunk.bindMemory(to: UInt8.self).baseAddress
            unsafe stream.pointee.avail_out = UInt32(chunk.count)
            return unsafe CCodecs.inflate(stream, Z_NO_FLUSH)
        }
        guard code == Z_OK || code == Z_BUF_ERROR else { throw unsafe corrupt(stream, code) }
        return consumed
    }

    private func inflate(
        _ stream: UnsafeMutablePointer<z_stream>, _ input: UnsafeRawBufferPointer, _ limit: Int,
        _ output: inout [UInt8]
    ) throws(Failure) -> Step {
        switch place {
        case .behind:
            trailingByteCount &+= UInt64(input.count)
            return Step(consumedByteCount: input.count, hasMore: false)
        case .between:
            return Step(consumedByteCount: try unsafe enterMember(stream, input), hasMore: false)
        case .begin: place = .inside
        case .inside: break
        }
        let piece = unsafe UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30))
        unsafe stream.pointee.next_in = UnsafeMutablePointer(mutating: piece.bindMemory(to: UInt8.self).baseAddress)
        unsafe stream.pointee.avail_in = UInt32(piece.count)
        unsafe stream.pointee.next_out = chunk.bindMemory(to: UInt8.self).baseAddress
        unsafe stream.pointee.avail_out = UInt32(limit)
        let code = unsafe CCodecs.inflate(stream, Z_NO_FLUSH)
        let made = unsafe limit - Int(stream.pointee.avail_out)
        unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<made]))
        let consumed = unsafe piece.count - Int(stream.pointee.avail_in)
        switch code {
        case Z_OK, Z_BUF_ERROR: return Step(consumedByteCount: consumed, hasMore: made == limit)
        case Z_STREAM_END:
            place = .between
            return Step(consumedByteCount: consumed, hasMore: false)
        case Z_MEM_ERROR: throw CodecFailure.library(.gzip, stage, "inflate: no memory")
        default: throw unsafe corrupt(stream, code)
        }
    }

    private func corrupt(_ stream: UnsafeMutablePointer<z_stream>, _ code: Int32) -> Failure {
        let text = unsafe stream.pointee.msg.map { unsafe String(cString: $0) } ?? "inflate: \(code)"
        return CodecFailure.corrupt(.gzip, stage, text)
    }

    private func decompress(
        _ context: OpaquePointer, _ input: UnsafeRawBufferPointer, _ limit: Int, _ output: inout [UInt8]
    ) throws(Failure) -> Step {
        var source = unsafe ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = unsafe ZSTD_outBuffer(dst: chunk.baseAddress, size: limit, pos: 0)
        let left = unsafe ZSTD_decompressStream(context, &target, &source)
        let made = unsafe target.pos
        unsafe output.append(contentsOf: UnsafeRawBufferPointer(rebasing: chunk[..<made]))
        guard ZSTD_isError(left) == 0 else {
            throw CodecFailure.corrupt(.zstd, stage, unsafe String(cString: ZSTD_getErrorName(left)))
        }
        place = left == 0 ? .between : .inside
        return Step(consumedByteCount: unsafe source.pos, hasMore: left != 0 && made == limit)
    }
}
