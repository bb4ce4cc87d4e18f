internal import CLinux
internal import Glibc

/// Random text tokens from the system's generator.
public enum Token {
    /// 16 lowercase hexadecimal digits (64 random bits): names of staging attempts, commits, incarnations.
    public static func make() -> String {
        var generator = SystemRandomNumberGenerator()
        return make(using: &generator)
    }

    /// A token from a given generator.
    public static func make(using generator: inout some RandomNumberGenerator) -> String {
        let text = String(generator.next() as UInt64, radix: 16)
        return String(repeating: "0", count: 16 - text.utf8.count) + text
    }
}

/// SplitMix64: a repeatable generator for tests and models; print the seed, replay the run.
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
