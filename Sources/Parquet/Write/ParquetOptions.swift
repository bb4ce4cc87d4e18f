/// How pages are compressed. The raw values are those of a configuration.
public enum ParquetCodec: String, Sendable, CaseIterable {
    case none, snappy, gzip, zstd

    /// The number in the file.
    var number: Int {
        switch self {
        case .none: 0
        case .snappy: 1
        case .gzip: 2
        case .zstd: 6
        }
    }
}

/// How a Parquet file is written.
public struct ParquetOptions: Sendable, Equatable {
    /// How pages are compressed.
    public var codec: ParquetCodec = .zstd
    /// Level of gzip (1...9) or zstd (1...19); nil: 6 and 1.
    public var level: Int?
    /// Values of a row group before encoding, in bytes; it is closed once it has as many. What is held in
    /// memory is less: pages are encoded and compressed as they fill.
    public var rowGroupByteCount = 256 << 20
    /// The most rows of a row group.
    public var rowGroupRowCount = 1 << 20
    /// A page is closed at either limit.
    public var pageByteCount = 1 << 20
    public var pageRowCount = 20_000
    /// A column whose dictionary grows beyond this goes on without.
    public var dictionaryByteCount = 2 << 20
    /// Longest text of a minimum or maximum; longer ones are cut (and marked so).
    public var boundByteCount = 64
    /// Timestamps as INT96, which Hive 3 needs; without statistics.
    public var usesInt96 = false
    /// DELTA_BINARY_PACKED, DELTA_LENGTH_BYTE_ARRAY and DELTA_BYTE_ARRAY where they win; off: PLAIN, for readers
    /// before 2022.
    public var usesDelta = true
    /// Data pages of version 2: levels are not compressed, so that readers may look at them alone.
    public var usesPages2 = false
    /// Columns with a Bloom filter a row group, for look-ups of single values; flat ones, not boolean, not INT96.
    public var bloomColumns: Set<String> = []
    /// `created_by` of the file: `millrace version 1.2.3 (build abc)`.
    public var createdBy = "millrace version 0 (build 0)"
    /// Key-value pairs of the file.
    public var metadata: [(key: String, value: String)] = []

    public init() {}

    public static func == (left: ParquetOptions, right: ParquetOptions) -> Bool {
        left.codec == right.codec && left.level == right.level && left.rowGroupByteCount == right.rowGroupByteCount
            && left.rowGroupRowCount == right.rowGroupRowCount && left.pageByteCount == right.pageByteCount
            && left.pageRowCount == right.pageRowCount && left.dictionaryByteCount == right.dictionaryByteCount
            && left.boundByteCount == right.boundByteCount && left.usesInt96 == right.usesInt96
            && left.usesDelta == right.usesDelta && left.usesPages2 == right.usesPages2
            && left.bloomColumns == right.bloomColumns && left.createdBy == right.createdBy
            && left.metadata.elementsEqual(right.metadata) { $0 == $1 }
    }
}
