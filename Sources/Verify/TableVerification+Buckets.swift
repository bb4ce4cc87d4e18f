internal import Database
internal import Event
internal import Replay

/// Tables with keys of text or of several columns, without a key, or under `unique`: buckets of about a hundred rows
/// by the hash of what tells rows apart.
extension TableVerification {
    private static let rowsPerBucket: Int64 = 100
    private static let maximumBucketCount: Int64 = 1 << 16
    /// Buckets whose rows are fetched by one statement: it names them all.
    private static let passBucketCount = 1_024

    func compareBuckets(_ row: RowText, _ rows: VisibleRows, _ result: inout VerifiedTable) throws(Failure) {
        result.databaseCount = Int64(try connection.rows(row.countQuery).first?.first??.description ?? "0") ?? 0
        result.warehouseCount = 0
        try rows.forEach([row.columns[0].name]) { _, _ in result.warehouseCount += 1 }
        let most = max(result.databaseCount, result.warehouseCount)
        let count = Int(max(1, min(most / Self.rowsPerBucket, Self.maximumBucketCount)))
        (result.bucketCount, result.queryCount) = (count, 2)
        let (there, here) = (try databaseSums(row, count), try warehouseSums(row, rows, count))
        let differing = (0..<count).filter { there[$0] != here[$0] }
        result.differingCount = differing.count
        var left = differing[...]
        while !left.isEmpty, result.differences.count < limit {
            var buckets: [Int] = []
            var rowCount: Int64 = 0
            while let next = left.first, buckets.count < Self.passBucketCount {
                rowCount += there[next].count + here[next].count
                guard buckets.isEmpty || rowCount <= Self.passRowCount else { break }
                buckets.append(next)
                left.removeFirst()
            }
            try find(buckets, row, rows, &result)
        }
        // What differs in its text alone (numbers of floating point) is the same.
        if left.isEmpty, result.differences.isEmpty, result.notes.isEmpty { result.differingCount = 0 }
    }

    private func warehouseSums(_ row: RowText, _ rows: VisibleRows, _ count: Int) throws(Failure) -> [RowSum] {
        var sums = Array(repeating: RowSum(), count: count)
        var bytes: [UInt8] = []
        try rows.forEach(row.columns.map(\.name)) { batch, index in
            sums[row.bucket(batch, index, of: count, &bytes)].add(row.hash(batch, index, &bytes))
        }
        return sums
    }

    private func databaseSums(_ row: RowText, _ count: Int) throws(Failure) -> [RowSum] {
        var sums = Array(repeating: RowSum(), count: count)
        for found in try connection.rows(row.sumsQuery(count)) {
            guard let bucket = found[0].flatMap({ Int($0) }), sums.indices.contains(bucket) else { continue }
            sums[bucket] = RowSum(
                count: found[1].flatMap { Int64($0) } ?? 0, hash: found[2].flatMap { UInt128($0) } ?? 0)
        }
        return sums
    }

    /// Finds what differs in some buckets; where they are too large together, in one half and then in the other.
    private func find(
        _ buckets: [Int], _ row: RowText, _ rows: VisibleRows, _ result: inout VerifiedTable
    ) throws(Failure) {
        guard result.differences.count < limit else { return }
        var pass = RowPass(row, limits: passLimits)
        try connection.run(row.rowsQuery(buckets, of: result.bucketCount))
        while let texts = try connection.next() { pass.add(database: texts) }
        result.fetchedCount += pass.fetchedCount
        if !pass.isOver {
            let wanted = Set(buckets)
            var bytes: [UInt8] = []
            try rows.forEach(row.columns.map(\.name)) { batch, index in
                guard wanted.contains(row.bucket(batch, index, of: result.bucketCount, &bytes)) else { return }
                pass.add(warehouse: row.texts(batch, index))
            }
        }
        guard pass.isOver else {
            result.differences += pass.differences(limit - result.differences.count)
            return
        }
        guard buckets.count > 1 else {
            result.notes.append("a part that differs is too large for its rows to be listed (part \(buckets[0]))")
            return
        }
        try find(Array(buckets.prefix(buckets.count / 2)), row, rows, &result)
        try find(Array(buckets.dropFirst(buckets.count / 2)), row, rows, &result)
    }
}
