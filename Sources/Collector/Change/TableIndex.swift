internal import Change
internal import Columns
internal import Event
internal import Pipeline

/// The source's tables that a lane has met: what becomes of their changes. Kept over batches, so that a steady flow
/// allocates nothing. One thread at a time.
struct TableIndex {
    /// Most tables (times kinds of changes) that one lane tells apart: 16,384 names of at most 800 bytes.
    static let maximumCount = 16_384
    /// Longest name of a database or table that is looked at.
    static let maximumNameByteCount = TableNames.maximumPartByteCount

    struct Entry {
        /// Index of the table of the warehouse, or -1: it cannot have one.
        var table: Int32
        var isIgnored: Bool
        /// `database.table` as the source writes them, for the commit log.
        var name: String
        var log: [UInt8]
        var database: [UInt8]
        var sourceTable: [UInt8]
        var kind: SourceStream.Kind
    }

    private let plan: SyncPlan
    private(set) var entries: [Entry] = []
    private(set) var tables: [String] = []
    private var numbers: [[UInt8]: Int] = [:]
    private var tableNumbers: [String: Int32] = [:]
    private var scratch: [UInt8] = []
    private var lastKey: [UInt8] = []
    private var lastNumber = -1

    init(_ plan: SyncPlan) { self.plan = plan }

    /// The entry of an event's table, or why it has none.
    mutating func entry(of event: ChangeEvent, into found: inout Int) -> Rejection? {
        let kind = SourceStream.Kind(event.operation)
        scratch.removeAll(keepingCapacity: true)
        scratch.append(kind.rawValue)
        for part in [event.log, event.database, event.table] {
            guard part.count <= Self.maximumNameByteCount else { return .badTableName }
            for index in 0..<part.count { scratch.append(part[index]) }
            scratch.append(0xFF)  // Why: no byte of UTF-8, so it separates without doubt.
        }
        if lastNumber >= 0, scratch == lastKey {
            found = lastNumber
        } else if let known = numbers[scratch] {
            found = known
        } else {
            guard entries.count < Self.maximumCount else { return .tooManyTables }
            found = entries.count
            entries.append(make(event, kind))
            numbers[scratch] = found
        }
        swap(&scratch, &lastKey)
        lastNumber = found
        return entries[found].table < 0 ? .badTableName : nil
    }

    private mutating func make(_ event: ChangeEvent, _ kind: SourceStream.Kind) -> Entry {
        let name = event.database.array + [UInt8(ascii: ".")] + event.table.array
        let isSchema = kind == .schema
        let table =
            isSchema ? plan.spec.schemaTable : plan.names.changes(database: event.database, table: event.table)
        var number: Int32 = -1
        if let table {
            number = tableNumbers[table] ?? Int32(truncatingIfNeeded: tables.count)
            if Int(number) == tables.count {
                tables.append(table)
                tableNumbers[table] = number
            }
        }
        return Entry(
            table: number, isIgnored: !isSchema && plan.spec.rule(of: name).ignore,
            name: String(decoding: name, as: UTF8.self), log: event.log.array, database: event.database.array,
            sourceTable: event.table.array, kind: kind)
    }

    /// The stream of an entry's changes in a partition.
    func stream(of number: Int, topic: String, partition: Int32) -> StreamID {
        let entry = entries[number]
        let isOfKey = plan.spec.effectiveSpread == .key && entry.kind != .schema
        // Why for DDL of Debezium no table: one topic of one partition has all of it, and its order is across tables.
        let isOneLog = plan.spec.format == .debezium && entry.kind == .schema
        return unsafe entry.log.withUnsafeBytes { log in
            unsafe entry.database.withUnsafeBytes { database in
                unsafe entry.sourceTable.withUnsafeBytes { table in
                    unsafe SourceStream.identity(
                        sync: plan.spec.name, leg: plan.spec.leg, log: ByteView(log),
                        database: isOneLog ? .empty : ByteView(database), table: isOneLog ? .empty : ByteView(table),
                        kind: entry.kind, partition: isOfKey ? (topic, partition) : nil)
                }
            }
        }
    }
}

/// The groups (table, day) of a batch's rows; names of days are kept over batches.
struct ChangeGroups {
    private struct Key: Hashable {
        var table: Int32
        var day: Int64
    }
    private var days: DayNames
    private var groups: [Key: Int32] = [:]
    private var lastKey = Key(table: -1, day: 0)
    private var lastGroup: Int32 = -1

    init(partitionName: String) { days = DayNames(partitionName: partitionName) }

    mutating func beginBatch() {
        groups.removeAll(keepingCapacity: true)
        lastGroup = -1
    }

    mutating func group(table: Int32, day: Int64, in rows: RowBatch, names: [String]) -> Int32 {
        let key = Key(table: table, day: day)
        if lastGroup >= 0, key == lastKey { return lastGroup }
        let group = groups[key] ?? rows.appendGroup(RowGroup(table: names[Int(table)], partition: days.name(of: day)))
        groups[key] = group
        lastKey = key
        lastGroup = group
        return group
    }
}
