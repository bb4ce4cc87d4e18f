internal import Columns
internal import Database
internal import Event
internal import Platform
internal import Replay
internal import Schema

/// Tables whose key is one column of whole numbers: ranges of keys.
///
/// Every n-th key of the warehouse bounds a range. The database sums a range by one short statement over its index,
/// and never more than `limit` rows: where it has more, the range falls into parts (`RangeWalkMachine`). Rows of the
/// ranges that differ are fetched in the order of the keys, until enough differences are found.
extension TableVerification {
    /// Rows of a range, as long as there are no more than `maximumRangeCount` of them.
    private static let rowsPerRange = 4_096
    private static let maximumRangeCount = 1 << 16

    /// The column that the table may be split by; nil: there is none.
    func rangeKey(_ row: RowText, _ rows: VisibleRows) throws(Failure) -> RangeKey? {
        guard rows.unique == nil, row.key.count == 1 else { return nil }
        let column = row.columns[row.key[0]]
        guard rows.identity == [column.name], ColumnText.integers.contains(column.type) else { return nil }
        let found = try connection.rows(
            """
            SELECT INDEX_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = \
            \(Self.literal(rows.source.database)) AND TABLE_NAME = \(Self.literal(rows.source.table)) \
            GROUP BY INDEX_NAME HAVING COUNT(*) = 1 AND MAX(NON_UNIQUE) = 0 AND MAX(NULLABLE) <> 'YES' \
            AND MAX(INDEX_TYPE) = 'BTREE' AND MAX(COLUMN_NAME) = \(Self.literal(column.name)) \
            ORDER BY INDEX_NAME <> 'PRIMARY'
            """)
        guard let index = found.first?.first ?? nil else { return nil }
        return RangeKey(name: column.name, index: index, place: row.key[0])
    }

    /// Every n-th of the warehouse's keys; nil: one of them is no whole number.
    func sample(_ key: RangeKey, _ rows: VisibleRows) throws(Failure) -> KeySample? {
        var sample = KeySample(step: Self.rowsPerRange, maximumCount: Self.maximumRangeCount)
        var areNumbers = true
        try rows.forEach([key.name]) { batch, index in
            guard areNumbers else { return }
            guard let number = ColumnText.integer(batch.columns[0], index) else {
                areNumbers = false
                return
            }
            sample.add(number)
        }
        return areNumbers ? sample : nil
    }

    func compareRanges(
        _ row: RowText, _ key: RangeKey, _ sample: KeySample, _ rows: VisibleRows, _ result: inout VerifiedTable
    ) throws(Failure) {
        result.split = .range
        let ranges = sample.ranges
        let machine = RangeWalkMachine(
            ranges, limit: 2 * sample.step, maximumSplitCount: Self.maximumRangeCount)
        // Why a thread: the database is mostly another machine, which can work in the meantime.
        let walk = RangeWalk(connection, row, key, machine)
        let thread = WorkerThread(name: "verify") { walk.run() }
        let sums = Result { () throws(Failure) in try warehouseSums(row, key, ranges, rows) }
        if case .failure = sums { walk.stop() }
        thread.join()
        let here = try sums.get()
        let there = try walk.result()
        result.databaseCount = there.sums.reduce(0) { $0 + $1.count }
        result.warehouseCount = here.reduce(0) { $0 + $1.count }
        (result.bucketCount, result.queryCount) = (ranges.count, there.queryCount)
        let differs = (0..<ranges.count).map { there.sums[$0] != here[$0] }
        result.differingCount = differs.count { $0 }
        var search = RangeSearch(parts: there.parts.filter { differs[$0.index] }, rowCounts: here.map(\.count))
        while result.differences.count < limit, let parts = search.next(Self.passRowCount) {
            try find(parts, &search, row, key, rows, &result)
        }
        // What differs in its text alone (numbers of floating point) is the same.
        result.differingCount -= search.sameCount
        result.ranges = search.differing.prefix(limit).map { index in
            VerifiedTable.Range(
                least: ranges[index].from, greatest: ranges[index].below.map { $0 - 1 },
                databaseCount: there.sums[index].count, warehouseCount: here[index].count)
        }
    }

    private func warehouseSums(
        _ row: RowText, _ key: RangeKey, _ ranges: KeyRanges, _ rows: VisibleRows
    ) throws(Failure) -> [RowSum] {
        var sums = Array(repeating: RowSum(), count: ranges.count)
        var bytes: [UInt8] = []
        var hint = 0
        try rows.forEach(row.columns.map(\.name)) { batch, index in
            guard let number = ColumnText.integer(batch.columns[key.place], index) else { return }
            hint = ranges.index(of: number, hint: hint)
            sums[hint].add(row.hash(batch, index, &bytes))
        }
        return sums
    }

    private func find(
        _ parts: [RangeWalkMachine.Part], _ search: inout RangeSearch, _ row: RowText, _ key: RangeKey,
        _ rows: VisibleRows, _ result: inout VerifiedTable
    ) throws(Failure) {
        var pass = RowPass(row, limits: passLimits)
        var keys = KeySample(step: 1, maximumCount: 1_024)
        for part in parts where !pass.isOver {
            try connection.run(row.rowsQuery(part.range, key))
            while !pass.isOver, let texts = try connection.next() {
                if let text = texts[key.place], let number = Int128(String(decoding: text, as: UTF8.self)) {
                    keys.add(number)
                }
                pass.add(database: texts)
            }
        }
        result.fetchedCount += pass.fetchedCount
        if !pass.isOver {
            let bounds = (column: key.name, least: parts.first?.range.from, greatest: parts.last?.range.below)
            try rows.forEach(row.columns.map(\.name), near: bounds) { batch, index in
                guard !pass.isOver, let number = ColumnText.integer(batch.columns[key.place], index),
                    RangeSearch.part(of: number, in: parts) != nil
                else { return }
                keys.add(number)
                pass.add(warehouse: row.texts(batch, index))
            }
        }
        guard pass.isOver else {
            let found = pass.differences(by: key)
            search.take(parts, differing: found.map(\.key))
            result.differences += found.prefix(limit - result.differences.count).map(\.difference)
            return
        }
        if search.split(parts, at: keys.median) { return }
        result.notes.append(
            "a row is too large to be listed: \(key.name) \(parts[0].range.from.map { "from \($0) on" } ?? "first")")
    }
}
