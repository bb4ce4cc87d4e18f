public import Columns
internal import Event

/// The columns of a table's state files: those of the table, and what the replay keeps with each row.
public struct StateLayout: Sendable, Equatable {
    /// The column that says that a row is deleted, where deletes are marked.
    public static let deletedColumn = "_deleted"
    /// The place at which a row came to be, where one of several twins is to be shown.
    static let placeColumns = ["_first_leg", "_first_file", "_first_position", "_first_row"]

    public let table: TableLayout
    public let marksDeletes: Bool
    public let keepsFirstPlace: Bool

    public init(_ table: TableLayout, marksDeletes: Bool = false, keepsFirstPlace: Bool = false) {
        self.table = table
        self.marksDeletes = marksDeletes && table.isKeyed
        self.keepsFirstPlace = keepsFirstPlace
    }

    /// Index of the column of deletes.
    var deletedIndex: Int? { marksDeletes ? table.columns.count : nil }
    /// Index of the first of the place's columns.
    var placeIndex: Int? { keepsFirstPlace ? table.columns.count + (marksDeletes ? 1 : 0) : nil }

    /// The columns that readers see.
    var visibleShapes: [(name: String, shape: ColumnShape)] {
        table.shapes + (marksDeletes ? [(Self.deletedColumn, ColumnShape(.boolean))] : [])
    }

    /// The columns of the files.
    public var shapes: [(name: String, shape: ColumnShape)] {
        visibleShapes + (keepsFirstPlace ? Self.placeColumns.map { ($0, ColumnShape(.int64)) } : [])
    }

    /// For each column behind the table's own, where another layout has it; nil: it does not.
    func tail(in other: StateLayout) -> [Int?] {
        let names = other.shapes.map(\.name)
        return shapes[table.columns.count...].map { tail in
            names.indices.last { $0 >= other.table.columns.count && names[$0] == tail.name }
        }
    }
}
