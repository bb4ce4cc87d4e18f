internal import CHash

/// XXH3 (xxhash 0.8). Not for secrets.
public enum Hash {
    /// 64-bit hash with a seed; chain by passing the hash so far as the seed.
    public static func xxh3(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        unsafe millrace_xxh3_64(bytes.baseAddress, bytes.count, seed)
    }

    public static func xxh3(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe xxh3($0, seed: seed) }
    }
}
