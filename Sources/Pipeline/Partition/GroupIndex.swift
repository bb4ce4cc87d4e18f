internal import Columns

/// Finds the group (table, day) of a row. Names of days are kept over batches, so that a steady flow allocates
/// nothing; groups count from 0 again in every batch. One thread at a time.
struct GroupIndex {
    private let table: String
    private var days: DayNames
    private var groups: [Int64: Int32] = [:]
    private var lastDay = Int64.min
    private var lastGroup: Int32 = -1

    init(_ table: String, partitionName: String) {
        self.table = table
        days = DayNames(partitionName: partitionName)
    }

    /// Forgets the groups of the last batch.
    mutating func beginBatch() {
        groups.removeAll(keepingCapacity: true)
        lastGroup = -1
    }

    /// The group of a day; added to the batch if it is new there.
    mutating func group(day: Int64, in rows: RowBatch) -> Int32 {
        if lastGroup >= 0, day == lastDay { return lastGroup }
        let group: Int32
        if let known = groups[day] {
            group = known
        } else {
            group = rows.appendGroup(RowGroup(table: table, partition: days.name(of: day)))
            groups[day] = group
        }
        lastDay = day
        lastGroup = group
        return group
    }
}
