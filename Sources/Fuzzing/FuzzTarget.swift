public import Event

/// A function of any bytes that must neither crash, nor hang, nor break the promises of what it calls.
public final class FuzzTarget {
    /// All targets, in the order of `make fuzz`.
    public static let names = RouteFuzz.names + ["pack", "parquet"] + ChangeFuzz.names + SchemaFuzz.names

    private let body: (ByteView) -> String?

    private init(_ body: @escaping (ByteView) -> String?) { self.body = body }

    /// The target of a name; nil if there is none.
    public static func named(_ name: String) -> FuzzTarget? {
        switch name {
        case "pack": return FuzzTarget { PackFuzz.fault($0) }
        case "parquet": return FuzzTarget { ParquetFuzz.fault($0) }
        case "ddl": return FuzzTarget { SchemaFuzz.statementFault($0) }
        case "row": return FuzzTarget { SchemaFuzz.rowFault($0) }
        case let name where ChangeFuzz.names.contains(name):
            guard let changes = ChangeFuzz(name) else { return nil }
            return FuzzTarget { changes.fault($0) }
        default:
            guard let routes = try? RouteFuzz(name) else { return nil }
            return FuzzTarget { routes.fault($0) }
        }
    }

    /// Runs on an input; what it broke, or nil.
    public func run(_ input: ByteView) -> String? { body(input) }
}
