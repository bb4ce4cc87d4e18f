internal import CHash

/// XXH3 and XXH64 (xxhash 0.8). Not for secrets.
public enum Hash {
    /// 64-bit hash with a seed; chain by passing the hash so far as the seed.
    public static func xxh3(_ bytes: UnsafeRawBufferPointer, seed: UInt64 = 0) -> UInt64 {
        unsafe millrace_xxh3_64(bytes.baseAddress, bytes.count, seed)
    }

    /// 64-bit hash of an array.
    public static func xxh3(_ bytes: [UInt8], seed: UInt64 = 0) -> UInt64 {
        unsafe bytes.withUnsafeBytes { unsafe xxh3($0, seed: seed) }
    }

    /// XXH64 with seed 0, for formats that ask for it.
    public static func xxh64(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        unsafe millrace_xxh64(bytes.baseAddress, bytes.count)
    }

    /// 128-bit hash with a seed: for identities derived from names.
    public static func xxh3Wide(_ bytes: [UInt8], seed: UInt64 = 0) -> (high: UInt64, low: UInt64) {
        let hash = unsafe bytes.withUnsafeBytes { unsafe millrace_xxh3_128($0.baseAddress, $0.count, seed) }
        return (hash.high, hash.low)
    }
}
