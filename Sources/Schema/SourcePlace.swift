public import Columns

/// A place in source order: what replay sorts by.
///
/// Compared field by field: leg, number of the file, position in it, row behind the position. Two changes at
/// one place are told apart by their `entry` (transport order), which the caller keeps.
public struct SourcePlace: Sendable, Hashable, Comparable {
    public var leg: Int64
    public var file: Int64
    public var position: Int64
    public var row: Int64

    public init(leg: Int64 = 0, file: Int64 = 0, position: Int64, row: Int64 = 0) {
        self.leg = leg
        self.file = file
        self.position = position
        self.row = row
    }

    /// Before every change: where a schema file stands.
    public static var beginning: SourcePlace {
        SourcePlace(leg: .min, file: .min, position: .min, row: .min)
    }

    /// Field by field.
    public static func < (left: SourcePlace, right: SourcePlace) -> Bool {
        if left.leg != right.leg { return left.leg < right.leg }
        if left.file != right.file { return left.file < right.file }
        if left.position != right.position { return left.position < right.position }
        return left.row < right.row
    }

    /// Whether both stand in one binlog event, whatever their rows. Places that are a record's offset (file 0) may
    /// be those of many events: then the row, which is the event's place in its file, counts too.
    func isBeside(_ other: SourcePlace) -> Bool {
        leg == other.leg && file == other.file && position == other.position && (file != 0 || row == other.row)
    }
}

/// A table's name as the source writes it.
public struct TableName: Sendable, Hashable {
    public var database: String
    public var table: String
    public init(_ database: String, _ table: String) {
        self.database = database
        self.table = table
    }
    /// `database.table`, for messages.
    public var text: String { "\(database).\(table)" }

    // Why not what a String has for it: to MySQL a letter with its mark and the same two as one are two names.
    public static func == (one: Self, other: Self) -> Bool {
        one.database.utf8.elementsEqual(other.database.utf8) && one.table.utf8.elementsEqual(other.table.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        for text in [database, table] {
            hasher.combine(text.utf8.count)
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}

/// The tool that wrote a change.
public typealias ChangeTool = SyncSpec.Format

/// How DATE, DATETIME and TIMESTAMP are kept: typed, or as the server prints them.
public typealias DateRule = SyncSpec.Dates
