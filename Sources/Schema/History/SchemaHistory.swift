public import Columns
public import TimeZone

/// What the source said of the schema at one place: a statement, or what it says of types with a record.
public struct SchemaEntry: Sendable {
    public var place: SourcePlace
    /// Breaks ties between entries at one place: transport order.
    public var entry: Int64
    /// The database that names without one belong to.
    public var database: String
    /// The table that `types` speaks of.
    public var table: String?
    /// Text of one or several statements.
    public var sql: String?
    /// The `types` document of a change.
    public var types: [UInt8]?
    /// Names of the key's columns as a record says them, for a table without a statement.
    public var key: [String]?
    /// When the statement was committed: microseconds since the epoch.
    public var committed: Int64?

    public init(place: SourcePlace, entry: Int64 = 0, database: String) {
        self.place = place
        self.entry = entry
        self.database = database
    }
}

/// Something in the schema's history that does not fit together: reported, stops nothing.
public struct SchemaProblem: Sendable, Equatable {
    public var place: SourcePlace
    public var table: TableName?
    public var message: String
}

/// The history of all tables of one source: which incarnation a name meant at a place, and which columns it had.
///
/// Made from all entries at once, in any order: they are sorted by place, then by entry. Deterministic: equal
/// entries give equal incarnations with equal numbers. Immutable.
public struct SchemaHistory: Sendable {
    /// Most problems that are kept.
    public static let maximumProblemCount = 1_000

    public let incarnations: [TableIncarnation]
    public let problems: [SchemaProblem]
    private let names: NameHistory

    /// - Parameters:
    ///   - entries: what the source said.
    ///   - schemaFile: `CREATE TABLE`s known before the first record (`mysqldump --no-data`), or nil.
    ///   - database: the database that the file's statements belong to until its first `USE`.
    ///   - inferred: tables known from their values alone, with their versions.
    ///   - sessionZone: on whose clock the sessions that alter tables see TIMESTAMPs; nil: not known, taken as UTC.
    public init(
        _ entries: [SchemaEntry], schemaFile: [UInt8]? = nil, database: String = "",
        inferred: [TableName: TableVersion] = [:], dates: DateRule = .typed, sessionZone: Zone? = nil
    ) {
        var builder = HistoryBuilder(dates: dates, clock: sessionZone.map(SessionClock.init))
        if let schemaFile { builder.load(schemaFile, database: database) }
        for name in inferred.keys.sorted(by: { $0.text < $1.text }) {
            if let version = inferred[name] { builder.add(inferred: version, name) }
        }
        let order = entries.indices.sorted {
            let (left, right) = (entries[$0], entries[$1])
            if left.place != right.place { return left.place < right.place }
            if left.entry != right.entry { return left.entry < right.entry }
            return $0 < $1
        }
        for index in order { builder.apply(entries[index]) }
        incarnations = builder.incarnations
        problems = builder.problems
        names = builder.names
    }

    /// The incarnation and version that a name means at a place; nil if there is no such table.
    public func table(_ name: TableName, at place: SourcePlace) -> (incarnation: Int, version: Int)? {
        guard let incarnation = names.incarnation(of: name, at: place) else { return nil }
        return (incarnation, incarnations[incarnation].version(at: place))
    }

    /// Where a name first meant a table; nil if it never did. `isExact`: written so, letter for letter.
    public func firstPlace(of name: TableName, isExact: Bool = false) -> SourcePlace? {
        names.firstPlace(of: name, isExact: isExact)
    }

    /// The incarnations that ever had a name, in order of birth.
    public func incarnations(of name: TableName) -> [Int] {
        incarnations.indices.filter { index in incarnations[index].names.contains { $0.name == name } }
    }

    /// Tables that are there behind the last entry, by name.
    public var current: [(name: TableName, incarnation: Int)] {
        incarnations.indices.filter { incarnations[$0].died == nil && !incarnations[$0].versions.isEmpty }
            .map { (incarnations[$0].name, $0) }
            .sorted { $0.name.text < $1.name.text }
    }
}

/// Which incarnation a name meant from which place on.
struct NameHistory: Sendable {
    private var spans: [TableName: [(from: SourcePlace, incarnation: Int?)]] = [:]
    /// Names by their lower-case form: servers differ in whether case counts.
    private var folded: [TableName: Set<TableName>] = [:]

    mutating func set(_ name: TableName, _ incarnation: Int?, from place: SourcePlace) {
        spans[name, default: []].append((place, incarnation))
        folded[Self.fold(name), default: []].insert(name)
    }

    func incarnation(of name: TableName, at place: SourcePlace) -> Int? {
        if let found = exact(name, place) { return found }
        if spans[name] != nil { return nil }
        guard let others = folded[Self.fold(name)] else { return nil }
        let found = Set(others.compactMap { exact($0, place) })
        return found.count == 1 ? found.first : nil
    }

    func firstPlace(of name: TableName, isExact: Bool) -> SourcePlace? {
        if let list = spans[name] { return list.first?.from }
        if isExact { return nil }
        return folded[Self.fold(name)]?.compactMap { spans[$0]?.first?.from }.min()
    }

    /// The incarnation that a name means behind all that was set.
    func current(_ name: TableName) -> Int? {
        if let list = spans[name] { return list[list.count - 1].incarnation }
        guard let others = folded[Self.fold(name)] else { return nil }
        let found = Set(others.compactMap { spans[$0]?.last?.incarnation })
        return found.count == 1 ? found.first : nil
    }

    /// The same for the name as it is written: names that differ by case are two tables where a server says so.
    func currentExact(_ name: TableName) -> Int? { spans[name]?.last?.incarnation }

    /// What a table's name means now, in whatever database.
    func current(table: String) -> [(name: TableName, incarnation: Int)] {
        spans.filter { $0.key.table == table }.sorted { $0.key.database < $1.key.database }
            .compactMap { span in span.value.last?.incarnation.map { (span.key, $0) } }
    }

    /// Names of a database that mean a table now.
    func tables(of database: String) -> [TableName] {
        spans.filter { $0.key.database == database && $0.value.last?.incarnation != nil }.keys
            .sorted { $0.table < $1.table }
    }

    private func exact(_ name: TableName, _ place: SourcePlace) -> Int? {
        spans[name]?.last { $0.from <= place }?.incarnation
    }

    private static func fold(_ name: TableName) -> TableName {
        TableName(name.database.lowercased(), name.table.lowercased())
    }
}
