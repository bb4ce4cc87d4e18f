public import Columns
internal import Event

/// What a view of now is made of: a table's newest daily state, and the changes after it as rows.
///
/// The delta has each row that was changed once per generation, as it is now: the columns of the state's files, then
/// whether the row is there, and the generation. Of the generations that lie beside each other the last one that
/// has a row counts.
public struct NowLayout: Sendable, Equatable {
    public let state: StateLayout
    /// Columns in which equal rows count as one; nil: all rows are shown.
    public let unique: [String]?

    public init(state: StateLayout, unique: [String]?) {
        self.state = state
        self.unique = unique
    }

    /// The column that says whether a row of the delta is there.
    public var liveColumn: String { free("_millrace_live") }
    /// The column of a row's generation.
    public var generationColumn: String { free("_millrace_generation") }

    /// A name that no column of the table has, in any case.
    public func free(_ name: String) -> String {
        let taken = Set(state.shapes.map { $0.name.lowercased() })
        var name = name
        while taken.contains(name) { name += "_" }
        return name
    }

    /// The columns of the delta's files.
    var deltaShapes: [(name: String, shape: ColumnShape)] {
        state.shapes + [(liveColumn, ColumnShape(.boolean)), (generationColumn, ColumnShape(.int64))]
    }

    /// The columns that readers see.
    public var visibleShapes: [(name: String, shape: ColumnShape)] { state.visibleShapes }

    /// Columns of the state's files: those that readers see, then what is kept with each row.
    public var stateShapes: [(name: String, shape: ColumnShape)] { state.shapes }

    /// Names of the columns that tell rows apart.
    public var identity: [String] { state.table.identity.map { state.table.columns[$0].name } }

    /// The columns by which the first of several equal rows is found, in order.
    public var order: [String] {
        (state.keepsFirstPlace ? StateLayout.placeColumns : []) + identity
    }

    /// Columns in which equal rows are one record, and the one that says that a row is deleted.
    public var groups: [String]? {
        unique.map { $0 + (state.marksDeletes ? [StateLayout.deletedColumn] : []) }
    }

    /// Whether a delta depends on rows of the state: on their number, their values, the place at which they came.
    var needsState: Bool { !state.table.isKeyed || state.marksDeletes || state.keepsFirstPlace }
}
