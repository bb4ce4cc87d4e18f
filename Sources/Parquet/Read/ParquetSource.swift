public import Event

/// Where a Parquet file is read from.
public protocol ParquetSource: AnyObject {
    /// Bytes of the whole file.
    var byteCount: Int64 { get }
    /// Fills the buffer with the bytes from `offset` on, all of which are inside the file.
    func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure)
}

extension ParquetSource {
    /// A piece of the file as an array; a piece that is not inside the file is damage.
    func bytes(at offset: Int64, count: Int) throws(Failure) -> [UInt8] {
        guard offset >= 0, count >= 0, Int64(count) <= byteCount - offset else {
            throw Damage.corrupt("a part would lie outside of the file")
        }
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: Failure?
        unsafe bytes.withUnsafeMutableBytes { buffer in
            do throws(Failure) { try unsafe read(at: offset, into: buffer) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}

/// A Parquet file in memory.
public final class ParquetBytes: ParquetSource {
    private let content: [UInt8]

    public init(_ content: [UInt8]) { self.content = content }

    public var byteCount: Int64 { Int64(content.count) }

    public func read(at offset: Int64, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        unsafe content.withUnsafeBytes { bytes in
            let range = Int(offset)..<Int(offset) + buffer.count
            unsafe buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[range]))
        }
    }
}
