/// A synced database as configured (`syncs:`): where its changes come from, and what becomes of its tables.
/// The collector writes the change log from it, the replay the tables.
public struct SyncSpec: Sendable, Equatable {
    /// Which tool wrote the records.
    public enum Format: String, Sendable, CaseIterable { case maxwell, debezium, canal }

    /// What the tool keeps in one partition of a topic, in order.
    public enum Spread: String, Sendable, CaseIterable {
        /// All changes of a table.
        case table
        /// All changes of a key.
        case key
    }

    /// What becomes of dates and times.
    public enum Dates: String, Sendable, CaseIterable {
        /// Columns of dates and timestamps; a zero date becomes null and is counted.
        case typed
        /// Strings as the server prints them, exact.
        case text
    }

    /// Unique among syncs and pipelines; its progress in the commit log goes by it.
    public var name: String
    public var topics: [String]
    /// Source names it takes (exact, or with `*`); empty: all.
    public var sources: [String] = []
    public var format: Format
    /// Nil: the tool's own way.
    public var spread: Spread?
    /// Number of the source's history; raised when positions begin anew (RESET MASTER, another server).
    public var leg: Int64 = 0
    /// File of CREATE TABLE statements known before the first record, or nil.
    public var schemaFile: String?
    public var dates: Dates = .typed
    /// Time zone of the machine that the tool runs on; nil: not said, taken as UTC.
    public var toolZone: String?
    /// Time zone of the sessions that alter tables; nil: not said, taken as UTC and counted as not known.
    public var sessionZone: String?
    public var debezium = DebeziumModes()
    /// How long daily states are kept.
    public var keepMilliseconds: Int64 = 30 * 86_400_000
    /// `db.table` of a table's state, with `{database}` and `{table}` replaced by the source's names. Its change
    /// log has `_changes` behind it.
    public var table = "{database}.{table}"
    /// The first whose `match` fits counts.
    public var tables: [SyncTableSpec] = []
    /// How the change log's files are written: output, breaker, zone and name of the day. Its table and columns
    /// mean nothing.
    public var log: RouteSpec

    public init(name: String, topics: [String], format: Format) {
        self.name = name
        self.topics = topics
        self.format = format
        log = RouteSpec(table: "", format: .json)
        log.fileFormat = .parquet
        log.compression = .zstd
    }

    /// The spread that holds: as set, or the tool's own way.
    public var effectiveSpread: Spread { spread ?? (format == .debezium ? .key : .table) }

    /// The rule of a table, by its name `database.table` as the source writes it.
    public func rule(of name: some Sequence<UInt8>) -> SyncTableSpec {
        let name = Array(name)
        return tables.first { NamePattern($0.match).matches(name) } ?? SyncTableSpec(match: "*")
    }

    /// The table that takes DDL: `millrace.<name>_ddl_changes`; what of the name no folder can hold is replaced.
    public var schemaTable: String {
        let plain = name.utf8.map { byte -> UInt8 in
            let isPlain = (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20)
            return isPlain ? byte : 0x5F
        }
        return "millrace." + (plain.first == 0x5F ? "s" : "") + String(decoding: plain, as: UTF8.self) + "_ddl_changes"
    }
}

/// What becomes of a source's tables that match.
public struct SyncTableSpec: Sendable, Equatable {
    /// Rows that count as one record in the visible table.
    public enum Unique: Sendable, Equatable {
        /// Rows that are equal in every column.
        case row
        /// Rows that are equal in these columns.
        case columns([String])
        /// Rows that are equal in all columns but these.
        case except([String])
    }

    /// What becomes of a row that is deleted.
    public enum Deletes: String, Sendable, CaseIterable {
        case remove
        /// It stays, with true in the column `_deleted`.
        case mark
    }

    /// A `NamePattern` on `database.table` as the source writes them.
    public var match: String
    /// Its changes are not kept.
    public var ignore = false
    public var unique: Unique?
    public var deletes: Deletes = .remove
    /// Columns that identify a row where the source has no primary key, or another one is wanted.
    public var key: [String] = []

    public init(match: String) { self.match = match }
}
