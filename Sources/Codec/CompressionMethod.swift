internal import Event

/// How bytes are compressed. The names are those of the configuration.
public enum CompressionMethod: String, Sendable, CaseIterable {
    case none, gzip, zstd

    /// The suffix of a file's name: "", ".gz" or ".zst".
    public var suffix: String {
        switch self {
        case .none: ""
        case .gzip: ".gz"
        case .zstd: ".zst"
        }
    }

    /// The level used where none is asked for; for `none` it means nothing.
    public var defaultLevel: Int {
        switch self {
        case .none: 0
        case .gzip: 6
        case .zstd: 3
        }
    }

    /// The levels that can be asked for. Above zstd's 19 the memory of readers grows too.
    public var levels: ClosedRange<Int> {
        switch self {
        case .none: 0...0
        case .gzip: 1...9
        case .zstd: 1...19
        }
    }

    /// What a file's first bytes say it is; `none` if they are neither magic number. Needs 4 bytes for zstd, 2
    /// for gzip. Source: RFC 1952 section 2.3.1, RFC 8878 section 3.1.1.
    public static func detected(in head: some Collection<UInt8>) -> CompressionMethod {
        if head.starts(with: [0x1F, 0x8B]) { return .gzip }
        if head.starts(with: [0x28, 0xB5, 0x2F, 0xFD]) { return .zstd }
        return .none
    }
}

/// The failures of this part.
enum CodecFailure {
    /// The library has no memory, or was used wrongly.
    static func library(_ method: CompressionMethod, _ stage: Failure.Stage, _ cause: String) -> Failure {
        Failure(
            "codec.library", stage: stage, kind: .transient, "\(method.rawValue) cannot go on",
            hint: "most likely the machine is out of memory", cause: cause)
    }

    static func corrupt(_ method: CompressionMethod, _ stage: Failure.Stage, _ cause: String) -> Failure {
        Failure(
            "codec.corrupt", stage: stage, kind: .corrupt, "the \(method.rawValue) data is damaged", cause: cause)
    }

    static func truncated(_ method: CompressionMethod, _ stage: Failure.Stage) -> Failure {
        Failure(
            "codec.truncated", stage: stage, kind: .corrupt,
            "the \(method.rawValue) data ends in the middle",
            hint: "the file may still be being written; what was decoded is valid")
    }
}
