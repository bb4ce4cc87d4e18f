/// A name in a statement: the database may be left out.
public struct StatedName: Sendable, Hashable {
    public var database: String?
    public var table: String
    /// With the database that names without one belong to.
    public func resolved(_ current: String) -> TableName { TableName(database ?? current, table) }
}

/// What a statement changes of the schema.
public enum DDLStatement: Sendable {
    case createTable(CreateTable)
    case alterTable(StatedName, [AlterAction])
    case renameTables([(from: StatedName, to: StatedName)])
    case dropTables([StatedName], ifExists: Bool)
    case truncate(StatedName)
    case createDatabase(String, charset: String?)
    case alterDatabase(String?, charset: String?)
    case dropDatabase(String)
    case use(String)
    /// Nothing that concerns tables and their columns.
    case ignored
    /// It concerns tables, but was not understood: the reason.
    case unreadable(StatedName?, String)
}

/// `CREATE TABLE`.
public struct CreateTable: Sendable {
    public var name: StatedName
    public var orReplace = false
    public var ifNotExists = false
    public var columns: [ColumnDefinition] = []
    public var primaryKey: [String]?
    public var uniqueKeys: [UniqueKey] = []
    public var like: StatedName?
    /// `AS SELECT`: columns beyond the list are not known.
    public var hasSelect = false
    public var charset: String?
}

/// A unique key whose parts are all columns.
public struct UniqueKey: Sendable, Hashable {
    public var name: String?
    public var columns: [String]
    /// A part has a prefix length or is an expression: rows may be equal in the columns named.
    public var isPartial = false
}

/// Where a column is put.
public enum ColumnPlace: Sendable, Hashable {
    case last, first
    case after(String)
}

/// One action of `ALTER TABLE`.
public enum AlterAction: Sendable {
    case add(ColumnDefinition, ColumnPlace, ifNotExists: Bool)
    case drop(String)
    /// `MODIFY` and `CHANGE`: place nil where it stays.
    case change(String, ColumnDefinition, ColumnPlace?)
    case rename(String, String)
    case setDefault(String, DefaultClause?)
    case primaryKey([String])
    case dropPrimaryKey
    case unique(UniqueKey)
    case dropIndex(String)
    case renameIndex(String, String)
    case renameTable(StatedName)
    case convertCharset(String)
    case defaultCharset(String)
    /// Takes or brings rows without a row event: `TRUNCATE PARTITION`, `EXCHANGE PARTITION`, `ALTER IGNORE`.
    case hiddenRows(String)

    /// Whether rows that were equal in some columns may be so no more.
    var addsUniqueKey: Bool {
        switch self {
        case .primaryKey, .unique: true
        default: false
        }
    }
}

/// A column as a statement defines it.
public struct ColumnDefinition: Sendable, Hashable {
    /// How its value is made from other columns.
    public enum Generated: String, Sendable { case no, virtual, stored }
    public var name: String
    public var type: MySQLType
    public var isNullable = true
    public var defaultClause: DefaultClause?
    public var generated = Generated.no
    public var isInvisible = false
    public var isAutoIncrement = false
    var isPrimary = false
    var isUnique = false
    /// Records leave it out by now, and no statement says why.
    var isStale = false

    public init(name: String, type: MySQLType) {
        self.name = name
        self.type = type
    }
}

/// A `DEFAULT` clause.
public enum DefaultClause: Sendable, Hashable {
    case null
    /// A string literal.
    case text([UInt8])
    /// A number as written.
    case number(String)
    /// A hexadecimal or bit literal.
    case bytes([UInt8])
    /// `CURRENT_TIMESTAMP`: the time of the statement.
    case now
    /// Anything else: not known here.
    case expression
}
