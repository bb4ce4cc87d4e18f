public import Columns
internal import Event
internal import Parquet
internal import Platform

/// How a route's rows become Parquet: columns and options, worked out once. Immutable; lanes share it.
public final class ParquetLayout: Sendable {
    /// The table's columns.
    public let columns: [(name: String, shape: ColumnShape)]
    let compression: Compression
    private let options: ParquetOptions

    /// The layout of a route's files; `columns` are those of its plan.
    public init(_ route: RouteSpec, columns: [ColumnSpec]) {
        self.columns = columns.map { ($0.name, $0.shape) }
        compression = route.compression
        var options = ParquetOptions()
        options.codec =
            switch route.compression {
            case .none: .none
            case .snappy: .snappy
            case .gzip: .gzip
            case .zstd: .zstd
            }
        options.level = route.compressionLevel
        options.rowGroupByteCount = route.rowGroupByteCount
        options.usesInt96 = route.timestampLayout == .int96
        options.usesPages2 = route.pageLayout == .v2
        options.bloomColumns = Set(columns.filter(\.hasBloomFilter).map(\.name))
        options.createdBy = "millrace version \(Release.version) (build \(Release.version))"
        let schema = self.columns.map { "\($0.name) \($0.shape.text)" }.joined(separator: "\n")
        options.metadata = [
            ("millrace.writer", "millrace \(Release.version)"),
            ("millrace.schema", String(Hash.xxh3(Array(schema.utf8)), radix: 16)),
        ]
        self.options = options
    }

    var codec: ParquetCodec { options.codec }
    var level: Int? { options.level }

    /// The options of a file of one table.
    func options(table: String) -> ParquetOptions {
        var options = self.options
        options.metadata.append(("millrace.table", table))
        return options
    }

    func makeEncoder(_ workspace: ParquetWorkspace) -> RowGroupEncoder {
        RowGroupEncoder(columns: columns, options: options, workspace: workspace)
    }
}
