public import Columns

/// A column of one version of a table.
public struct TableColumn: Sendable, Hashable {
    /// The same through renames and changes of type; unique within its incarnation.
    public var id: Int
    public var name: String
    public var type: MySQLType
    /// The warehouse's type.
    public var shape: ColumnShape
    public var isNullable: Bool
    public var defaultClause: DefaultClause?
    public var generated: ColumnDefinition.Generated
    public var isInvisible: Bool
    /// Records leave it out, and no statement has dropped it: it stays, null in new rows.
    public var isStale = false
}

/// Where a version's columns are known from.
public enum SchemaSource: String, Sendable {
    /// A statement.
    case statement
    /// What the tool says of types with its records.
    case types
    /// The values themselves: types are guesses.
    case inferred
}

/// A table's columns and key, from one place on.
public struct TableVersion: Sendable, Equatable {
    public var from: SourcePlace
    public var columns: [TableColumn]
    /// Indexes of the key's columns: the primary key, else the first unique key without nullable parts. Empty:
    /// none, rows are told apart by all their columns, and equal ones are counted.
    public var key: [Int]
    public var source: SchemaSource
    public var dates: DateRule

    public init(from: SourcePlace, columns: [TableColumn], key: [Int], source: SchemaSource, dates: DateRule) {
        self.from = from
        self.columns = columns
        self.key = key
        self.source = source
        self.dates = dates
    }

    /// Names and shapes, for a `RowBatch`.
    public var shapes: [(name: String, shape: ColumnShape)] { columns.map { ($0.name, $0.shape) } }

    /// The column of a name: as written, else by letters alone if just one fits.
    public func index(of name: String) -> Int? {
        if let index = columns.firstIndex(where: { $0.name == name }) { return index }
        let lower = name.lowercased()
        let found = columns.indices.filter { columns[$0].name.lowercased() == lower }
        return found.count == 1 ? found[0] : nil
    }

    /// Whether rows are read and look the same.
    func isAlike(_ other: TableVersion) -> Bool { key == other.key && columns == other.columns }
}

/// Where a version's column has its value from, for a row that was there before it.
public enum ColumnOrigin: Sendable {
    /// The value of a column of the version before, as it is.
    case kept(Int)
    /// The value of a column of the version before, converted.
    case converted(Int, ColumnConversion)
    /// A column that was added: its value for rows already there; not known if an expression makes it.
    case filled(TypedValue, isKnown: Bool)

    /// Whether values are the database's for certain; else each row counts as a `Loss.unknownFill`.
    public var isExact: Bool {
        switch self {
        case .kept: true
        case .converted(_, let conversion): conversion.isExact
        case .filled(_, let isKnown): isKnown
        }
    }
}

/// What happened to a table besides its columns.
public struct TableEvent: Sendable, Equatable {
    /// What happened.
    public enum Kind: String, Sendable {
        /// All rows are gone.
        case truncated
        /// The table is gone.
        case dropped
        /// Rows came or went in a way that no change tells (partitions, `ALTER IGNORE`).
        case hiddenRows
    }
    public var place: SourcePlace
    public var kind: Kind
}

/// One life of a table: from CREATE to DROP, through its renames.
public struct TableIncarnation: Sendable {
    /// Index in the history's list; the same input gives the same one.
    public let id: Int
    /// Where it was created, or first seen.
    public let born: SourcePlace
    /// The clock of the sessions that alter it, if it is known.
    let clock: SessionClock?
    /// Its names, each from a place on.
    public internal(set) var names: [(from: SourcePlace, name: TableName)]
    /// Its columns, each version from a place on; never empty once it is asked for.
    public internal(set) var versions: [TableVersion] = []
    /// Truncates, and its drop as the last one, in order.
    public internal(set) var events: [TableEvent] = []
    /// Fills of added columns, by version: (column id, value, known).
    var fills: [[Int: (TypedValue, Bool)]] = []
    var nextColumn = 0

    /// Where it was dropped.
    public var died: SourcePlace? { events.last?.kind == .dropped ? events.last?.place : nil }
    /// Its name last.
    public var name: TableName { names[names.count - 1].name }

    /// The version at a place: the last one that begins there or before; the first for places before all.
    public func version(at place: SourcePlace) -> Int {
        var low = 0
        var high = versions.count
        while low < high {
            let middle = (low + high) / 2
            if versions[middle].from <= place { low = middle + 1 } else { high = middle }
        }
        return max(low - 1, 0)
    }

    /// Its name at a place.
    public func name(at place: SourcePlace) -> TableName {
        names.last { $0.from <= place }?.name ?? names[0].name
    }

    /// For every column of version `to`, where a row of version `from` (not after it) has its value from.
    public func origins(from: Int, to: Int) -> [ColumnOrigin] {
        precondition(from <= to && to < versions.count, "no such versions")
        let target = versions[to]
        let source = versions[from]
        return target.columns.map { column in
            if let index = source.columns.firstIndex(where: { $0.id == column.id }) {
                guard let conversion = ColumnConversion(steps(column.id, from, to), source.dates, clock) else {
                    return .kept(index)
                }
                return .converted(index, conversion)
            }
            guard let added = (from + 1...max(to, from + 1)).first(where: { fills[$0][column.id] != nil }),
                let fill = fills[added][column.id]
            else { return .filled(.null, isKnown: false) }
            let (value, isKnown) = fill
            // The type may have changed since the column was added.
            guard let conversion = ColumnConversion(steps(column.id, added, to), target.dates, clock) else {
                return .filled(value, isKnown: isKnown)
            }
            let (converted, isFit) = conversion.convert(value)
            return .filled(converted, isKnown: isKnown && isFit && conversion.isExact)
        }
    }

    /// Whether rows that differ in one version may be equal in the next one: a column is gone, or its values became
    /// others.
    public func mayMergeRows(at version: Int) -> Bool {
        guard version > 0 else { return false }
        let ids = Set(versions[version].columns.map(\.id))
        if versions[version - 1].columns.contains(where: { !ids.contains($0.id) }) { return true }
        return origins(from: version - 1, to: version).contains { if case .converted = $0 { true } else { false } }
    }

    /// A column as it was in each version from one to another. Where types are guesses nothing happened between them:
    /// the first and the last alone.
    private func steps(_ id: Int, _ from: Int, _ to: Int) -> [TableColumn] {
        let passed = versions[to].source == .inferred ? [from, to] : Array(from...max(from, to))
        return passed.compactMap { version in versions[version].columns.first { $0.id == id } }
    }
}
