internal import JSON

/// What is read from every Maxwell record beside the columns: paths behind those of the columns.
enum MaxwellPath {
    static let database = 0
    static let table = 1
    static let type = 2
    static var all: [JSONPath] { ["database", "table", "type"].compactMap { JSONPath($0) } }
}
