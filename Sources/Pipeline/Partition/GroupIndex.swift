internal import Columns
internal import Event
internal import TimeZone

/// Finds the group (table, day) of a row. Names and days are kept over batches, so that a steady flow
/// allocates nothing; groups count from 0 again in every batch. One thread at a time.
struct GroupIndex {
    /// Most tables that one stage tells apart in its life: 4,096 names of at most 400 bytes.
    static let maximumTableCount = 4_096
    /// Days whose folder names are kept; all are forgotten beyond it.
    static let maximumDayCount = 4_096

    private struct Key: Hashable {
        var table: Int32
        var day: Int64
    }
    private let template: TableTemplate
    private let partitionPrefix: String
    private var dayNames: [Int64: String] = [:]
    private var tables: [String] = []
    /// Index into `tables`, or -1 for a name that cannot be a folder.
    private var tableOfName: [[UInt8]: Int32] = [:]
    private var scratch: [UInt8] = []
    private var lastName: [UInt8] = []
    private var lastTable: Int32 = -1
    private var groups: [Key: Int32] = [:]
    private var lastKey = Key(table: -1, day: .min)
    private var lastGroup: Int32 = -1

    init(_ template: TableTemplate, partitionName: String) {
        self.template = template
        partitionPrefix = partitionName + "="
        if let fixed = template.fixed { tables = [fixed] }
    }

    /// Forgets the groups of the last batch.
    mutating func beginBatch() {
        groups.removeAll(keepingCapacity: true)
        lastGroup = -1
    }

    /// The group of a day in a table; added to the batch if it is new there.
    mutating func group(table: Int32, day: Int64, in rows: RowBatch) -> Int32 {
        let key = Key(table: table, day: day)
        if lastGroup >= 0, key == lastKey { return lastGroup }
        let group: Int32
        if let known = groups[key] {
            group = known
        } else {
            group = rows.appendGroup(RowGroup(table: tables[Int(table)], partition: dayName(day)))
            groups[key] = group
        }
        lastKey = key
        lastGroup = group
        return group
    }

    /// The table that a change record names, or why it has none.
    mutating func table(database: Cell, table: Cell, into found: inout Int32) -> Rejection? {
        guard database.kind == .string || !template.needsDatabase, table.kind == .string || !template.needsTable
        else { return .badTableName }
        scratch.removeAll(keepingCapacity: true)
        if template.needsDatabase { append(database.bytes) }
        scratch.append(0xFF)  // Why: no byte of UTF-8, so it separates without doubt.
        if template.needsTable { append(table.bytes) }
        if scratch == lastName {
            found = lastTable
        } else if let known = tableOfName[scratch] {
            found = known
        } else {
            guard let name = template.name(database: database.bytes, table: table.bytes) else { return .badTableName }
            guard tables.count < Self.maximumTableCount else { return .tooManyTables }
            found = Int32(tables.count)
            tables.append(name)
            tableOfName[Array(scratch)] = found
        }
        swap(&scratch, &lastName)
        lastTable = found
        return nil
    }

    private mutating func append(_ name: ByteView) {
        // Why: a longer name is refused anyway; do not copy a hostile megabyte.
        for index in 0..<min(name.count, TableTemplate.maximumPartByteCount + 1) { scratch.append(name[index]) }
    }

    private mutating func dayName(_ day: Int64) -> String {
        if let known = dayNames[day] { return known }
        if dayNames.count >= Self.maximumDayCount { dayNames.removeAll(keepingCapacity: true) }
        let name = partitionPrefix + CivilDay.text(of: day)
        dayNames[day] = name
        return name
    }
}
