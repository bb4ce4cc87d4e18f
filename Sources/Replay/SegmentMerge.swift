internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// Merges a stretch of a table's state with the changes of its range, in one pass.
///
/// Both are in the order of identities. What becomes of a batch of state rows is written down as pieces (rows of the
/// state, rows that changes brought), then copied column by column. Memory: a batch of each. One thread at a time.
final class SegmentMerge {
    private enum Source { case state, fresh }
    private struct Piece {
        var source: Source
        var from: Int
        var count: Int
    }

    private let layout: StateLayout
    private let coding: RowCoding
    private let cursor: MergedCursor
    private let upper: ByteStore?
    private let writer: StateWriter
    private(set) var counts = ReplayCounts()

    private var pieces: [Piece] = []
    private let fresh: RowBatch
    private let out: RowBatch
    private var prefixes: [UInt64] = []
    private let identity = ByteStore()
    private let rowBytes = ByteStore()
    // The group in hand.
    private let groupIdentity = ByteStore()
    private var changes = KeyChanges()
    private let twinRow = ByteStore()
    private let lastTwin = LastChange()
    private var twins = TwinMachine()
    private var hasOpenTwins = false
    private var twinsBefore = 0
    /// Places of the rows that the changes of the twins in hand brought, in order.
    private var twinPlaces: [SourcePlace] = []

    /// A merge of the changes before `upper` (nil: all) into what `writer` is given.
    init(_ layout: StateLayout, _ cursor: MergedCursor, upper: [UInt8]?, _ writer: StateWriter) {
        self.layout = layout
        coding = RowCoding(layout.table)
        self.cursor = cursor
        self.writer = writer
        if let upper {
            let store = ByteStore()
            store.append(upper)
            self.upper = store
        } else {
            self.upper = nil
        }
        fresh = RowBatch(shapes: layout.shapes)
        out = RowBatch(shapes: layout.shapes)
    }

    /// Takes the next rows of the state.
    func take(_ rows: RowBatch) throws(Failure) {
        guard rows.rowCount > 0 else { return }
        if pending == nil, !hasOpenTwins, out.rowCount == 0, pieces.isEmpty {
            try writer.append(rows)
            return
        }
        findPrefixes(rows)
        var row = 0
        while row < rows.rowCount {
            if hasOpenTwins {
                identity.removeAll()
                coding.appendIdentity(of: rows, row, to: identity)
                if identity.all.equals(groupIdentity.all) {
                    takeTwin(row)
                    row += 1
                    continue
                }
                try closeTwins()
            }
            guard let record = pending else {
                add(.state, row, rows.rowCount - row)
                break
            }
            let start = row
            row = firstRow(from: row, notBefore: record, rows)
            add(.state, start, row - start)
            guard row < rows.rowCount else { break }
            identity.removeAll()
            coding.appendIdentity(of: rows, row, to: identity)
            let isHere = identity.all.equals(record.identity)
            if layout.table.isKeyed {
                try mergeKey(rows, isHere ? row : nil)
                if isHere { row += 1 }
            } else {
                try openTwins()
            }
        }
        try copy(rows)
    }

    /// Whether no change falls on the rows before and at `upper` (nil: on those that are left), so that they may be
    /// copied as they lie. What was merged before is handed to the writer then.
    func passes(upTo upper: [UInt8]?) throws(Failure) -> Bool {
        guard !hasOpenTwins else { return false }
        if let record = pending {
            guard let upper else { return false }
            let isBehind = unsafe upper.withUnsafeBytes { record.identity.order(unsafe ByteView($0)) > 0 }
            guard isBehind else { return false }
        }
        try flush()
        return true
    }

    /// Takes the changes that are left, and hands the last rows to the writer.
    func finish() throws(Failure) {
        if hasOpenTwins { try closeTwins() }
        while pending != nil {
            if layout.table.isKeyed {
                try mergeKey(nil, nil)
            } else {
                try openTwins()
                try closeTwins()
            }
            if fresh.columns.first.map({ $0.count >= ParquetReader.batchRowCount }) ?? false { try copy(nil) }
        }
        try copy(nil)
        try flush()
    }

    // MARK: Order

    /// The next change, if it is in the range.
    @inline(__always)
    private var pending: ChangeRecord? {
        guard let record = cursor.current else { return nil }
        if let upper, record.identity.order(upper.all) >= 0 { return nil }
        return record
    }

    private func findPrefixes(_ rows: RowBatch) {
        prefixes.removeAll(keepingCapacity: true)
        if coding.hasWordPrefix, let first = coding.firstIdentityColumn {
            let column = rows.columns[first]
            for row in 0..<rows.rowCount {
                prefixes.append(column.isNull(row) ? 0 : RowCoding.ordered(column.integer(row), column.type))
            }
        } else {
            for row in 0..<rows.rowCount {
                identity.removeAll()
                coding.appendIdentity(of: rows, row, to: identity)
                prefixes.append(coding.prefix(of: identity.all))
            }
        }
    }

    private func firstRow(from start: Int, notBefore record: ChangeRecord, _ rows: RowBatch) -> Int {
        let wanted = cursor.prefix
        var row = start
        while row < rows.rowCount, prefixes[row] < wanted { row &+= 1 }
        while row < rows.rowCount, prefixes[row] == wanted {
            identity.removeAll()
            coding.appendIdentity(of: rows, row, to: identity)
            if identity.all.order(record.identity) >= 0 { break }
            row &+= 1
        }
        return row
    }

    // MARK: Rows with a key

    /// Applies all changes of the next key; `row`: where the state has it.
    private func mergeKey(_ rows: RowBatch?, _ row: Int?) throws(Failure) {
        guard let first = pending else { return }
        groupIdentity.removeAll()
        groupIdentity.append(first.identity)
        if first.isLoose { return try takeLoose() }
        beginKey(rows, row, needsDigest: first.before != nil)
        while let record = pending, record.identity.equals(groupIdentity.all) {
            changes.take(record, comparesRows: true, counts: &counts)
            try cursor.advance()
        }
        emitKey(rows, row)
    }

    /// Rows whose key nobody knows: each stands for itself.
    private func takeLoose() throws(Failure) {
        while let record = pending, record.identity.equals(groupIdentity.all) {
            if let row = record.row {
                coding.decodeRow(row, into: fresh)
                appendWords(of: record.place)
                if let index = layout.deletedIndex { fresh.columns[index].append(Int64(0)) }
                addFresh()
            }
            try cursor.advance()
        }
    }

    private func beginKey(_ rows: RowBatch?, _ row: Int?, needsDigest: Bool) {
        guard let rows, let row else { return changes.begin(hasState: false, isDeleted: true, digest: nil) }
        let isDeleted = layout.deletedIndex.map { rows.columns[$0].integer(row) != 0 } ?? false
        var digest: UInt64?
        if needsDigest {
            rowBytes.removeAll()
            coding.appendRow(rows, row, to: rowBytes)
            digest = rowBytes.all.digest
        }
        changes.begin(hasState: true, isDeleted: isDeleted, digest: digest)
    }

    private func emitKey(_ rows: RowBatch?, _ row: Int?) {
        let key = changes.key
        guard !key.isDeleted || layout.marksDeletes, let values = key.values else { return }
        if values == .state, let rows, let row {
            let wasDeleted = layout.deletedIndex.map { rows.columns[$0].integer(row) != 0 } ?? false
            guard wasDeleted != key.isDeleted else { return add(.state, row, 1) }
            for (index, column) in fresh.columns.enumerated() where index != layout.deletedIndex {
                column.append(rowsOf: rows.columns[index], from: row, count: 1)
            }
        } else {
            coding.decodeRow(changes.winner.all, into: fresh)
            appendPlace(rows, row)
        }
        if let index = layout.deletedIndex { fresh.columns[index].append(key.isDeleted ? Int64(1) : 0) }
        addFresh()
    }

    private func appendPlace(_ rows: RowBatch?, _ row: Int?) {
        guard let index = layout.placeIndex else { return }
        if let place = changes.key.firstPlace {
            appendWords(of: place)
        } else if let rows, let row {
            for offset in 0..<4 {
                fresh.columns[index + offset].append(rowsOf: rows.columns[index + offset], from: row, count: 1)
            }
        } else {
            for offset in 0..<4 { fresh.columns[index + offset].append(Int64(0)) }
        }
    }

    private func appendWords(of place: SourcePlace) {
        guard let index = layout.placeIndex else { return }
        fresh.columns[index].append(place.leg)
        fresh.columns[index + 1].append(place.file)
        fresh.columns[index + 2].append(place.position)
        fresh.columns[index + 3].append(place.row)
    }

    // MARK: Rows without a key

    /// Adds up all changes of the next rows that are equal in all columns.
    private func openTwins() throws(Failure) {
        guard let first = pending else { return }
        groupIdentity.removeAll()
        groupIdentity.append(first.identity)
        twinRow.removeAll()
        if let row = first.row { twinRow.append(row) }
        lastTwin.removeAll()
        twins.begin()
        twinPlaces.removeAll(keepingCapacity: true)
        while let record = pending, record.identity.equals(groupIdentity.all) {
            if lastTwin.isRepeated(by: record) {
                counts.repeated += 1
            } else {
                twins.apply(record.kind)
                if layout.keepsFirstPlace, record.kind != .delete { twinPlaces.append(record.place) }
            }
            try cursor.advance()
        }
        (hasOpenTwins, twinsBefore) = (true, 0)
    }

    /// A row of the state that is equal to the changes in hand.
    private func takeTwin(_ row: Int) {
        if twins.keeps(twinsBefore) { add(.state, row, 1) }
        twinsBefore += 1
    }

    private func closeTwins() throws(Failure) {
        hasOpenTwins = false
        let missing = twins.missing(from: twinsBefore)
        if missing > 0 { counts.contradictions[.deletedMissing, default: 0] += missing }
        let kept = max(0, twinsBefore - twins.deletes)
        let gone = twins.takenOfNew(from: twinsBefore)
        for number in 0..<max(0, twins.count(from: twinsBefore) - kept) {
            coding.decodeRow(twinRow.all, into: fresh)
            if layout.keepsFirstPlace { appendWords(of: twinPlaces[gone + number]) }
            addFresh()
        }
    }

    // MARK: Copying

    /// The row that was just appended to `fresh`.
    private func addFresh() { add(.fresh, (fresh.columns.first?.count ?? 1) - 1, 1) }

    private func add(_ source: Source, _ from: Int, _ count: Int) {
        guard count > 0 else { return }
        if let last = pieces.last, last.source == source, last.from + last.count == from {
            pieces[pieces.count - 1].count += count
        } else {
            pieces.append(Piece(source: source, from: from, count: count))
        }
    }

    /// Copies the pieces in hand, a column at a time.
    private func copy(_ rows: RowBatch?) throws(Failure) {
        let total = pieces.reduce(0) { $0 + $1.count }
        if let rows, out.rowCount == 0, pieces.count == 1, pieces[0].source == .state, total == rows.rowCount {
            try writer.append(rows)
        } else if total > 0 {
            for (index, target) in out.columns.enumerated() {
                for piece in pieces {
                    switch piece.source {
                    case .state:
                        guard let rows else { continue }
                        target.append(rowsOf: rows.columns[index], from: piece.from, count: piece.count)
                    case .fresh: target.append(rowsOf: fresh.columns[index], from: piece.from, count: piece.count)
                    }
                }
            }
            let group = out.groups.isEmpty ? out.appendGroup(RowGroup(table: "", partition: "")) : 0
            for _ in 0..<total { out.commitRow(event: 0, group: group) }
        }
        pieces.removeAll(keepingCapacity: true)
        fresh.removeAll()
        if out.rowCount >= ParquetReader.batchRowCount { try flush() }
    }

    private func flush() throws(Failure) {
        try writer.append(out)
        out.removeAll()
    }
}
