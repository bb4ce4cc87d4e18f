internal import CHash

/// A running XXH3-64 (seed 0): the hash of bytes that arrive in pieces. One thread at a time.
@safe public final class HashStream {
    // Safety: `state` is made in init, freed in deinit, and handed to nobody.
    private let state: UnsafeMutableRawPointer

    /// Traps without memory, as every Swift allocation does.
    public init() {
        guard let made = unsafe millrace_xxh3_make() else { preconditionFailure("XXH3: no memory") }
        unsafe state = made
    }

    deinit { unsafe millrace_xxh3_free(state) }

    /// Takes in more bytes.
    public func update(_ bytes: UnsafeRawBufferPointer) {
        unsafe millrace_xxh3_update(state, bytes.baseAddress, bytes.count)
    }

    /// The hash of everything so far; more may follow.
    public var digest: UInt64 { unsafe millrace_xxh3_digest(state) }
}
