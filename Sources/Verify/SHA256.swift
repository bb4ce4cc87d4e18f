/// SHA-256 (FIPS 180-4), because it is the hash that every MySQL and MariaDB computes: MySQL 9 has no MD5 any more.
enum SHA256 {
    private static let constants: [UInt32] = [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ]

    /// The first 64 bits of the hash, as the number that its first 16 hexadecimal digits are.
    static func prefix(_ message: [UInt8]) -> UInt64 {
        var state = State()
        let whole = message.count & ~63
        unsafe message.withUnsafeBytes { bytes in
            for block in stride(from: 0, to: whole, by: 64) { unsafe mix(bytes, block, &state) }
        }
        var rest = Array(message[whole...])
        rest.reserveCapacity(128)
        rest.append(0x80)
        while rest.count % 64 != 56 { rest.append(0) }
        let bits = UInt64(message.count) &* 8
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            rest.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
        unsafe rest.withUnsafeBytes { bytes in
            for block in stride(from: 0, to: bytes.count, by: 64) { unsafe mix(bytes, block, &state) }
        }
        return UInt64(state.a) << 32 | UInt64(state.b)
    }

    private struct State {
        var a: UInt32 = 0x6a09e667
        var b: UInt32 = 0xbb67ae85
        var c: UInt32 = 0x3c6ef372
        var d: UInt32 = 0xa54ff53a
        var e: UInt32 = 0x510e527f
        var f: UInt32 = 0x9b05688c
        var g: UInt32 = 0x1f83d9ab
        var h: UInt32 = 0x5be0cd19
    }

    @inline(__always)
    private static func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word &>> count | word &<< (32 &- count) }

    // Safety: the 64 bytes from `block` on are inside `bytes`; indices of words and constants are below 64.
    @unsafe
    private static func mix(_ bytes: UnsafeRawBufferPointer, _ block: Int, _ state: inout State) {
        unsafe withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { words in
            for index in 0..<16 {
                let word = unsafe bytes.loadUnaligned(fromByteOffset: block &+ 4 &* index, as: UInt32.self)
                unsafe words[index] = UInt32(bigEndian: word)
            }
            for index in 16..<64 {
                let (old, new) = unsafe (words[index &- 15], words[index &- 2])
                let first = turned(old, 7) ^ turned(old, 18) ^ old &>> 3
                let second = turned(new, 17) ^ turned(new, 19) ^ new &>> 10
                unsafe words[index] = words[index &- 16] &+ first &+ words[index &- 7] &+ second
            }
            var (a, b, c, d) = (state.a, state.b, state.c, state.d)
            var (e, f, g, h) = (state.e, state.f, state.g, state.h)
            unsafe constants.withUnsafeBufferPointer { constants in
                for index in 0..<64 {
                    let choice = (e & f) ^ (~e & g)
                    let upper = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)
                    let first = unsafe h &+ upper &+ choice &+ constants[index] &+ words[index]
                    let majority = (a & b) ^ (a & c) ^ (b & c)
                    let second = (turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) &+ majority
                    (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
                }
            }
            state.a &+= a
            state.b &+= b
            state.c &+= c
            state.d &+= d
            state.e &+= e
            state.f &+= f
            state.g &+= g
            state.h &+= h
        }
    }
}
