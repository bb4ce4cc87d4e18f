internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// Writes what becomes of the rows that changes touch: each as it is behind them, or as one that is gone.
///
/// The changes are in the order of identities, and so are the rows of the state, which are read only where they
/// matter (`NowLayout.needsState`). Rows without a key are written as often as they are there. Memory: a batch of the
/// state and one of the delta. One thread at a time.
final class DeltaMerge {
    private let layout: NowLayout
    private let coding: RowCoding
    private let cursor: MergedCursor
    private let state: StateCursor?
    private let generation: Int64
    private let writer: StateWriter
    private let out: RowBatch
    private let identity = ByteStore()
    private var changes = KeyChanges()
    private let lastTwin = LastChange()
    private var twins = TwinMachine()
    private var counts = ReplayCounts()
    /// Places of the rows that the changes of the twins in hand brought, in order.
    private var twinPlaces: [SourcePlace] = []
    /// Rows, with a key or not, that changed.
    private(set) var identityCount = 0

    /// A merge of changes with the state of `folder`, into what `writer` is given.
    init(
        _ layout: NowLayout, _ cursor: MergedCursor, folder: String, files: [StateFile], generation: Int64,
        _ writer: StateWriter
    ) {
        self.layout = layout
        coding = RowCoding(layout.state.table)
        self.cursor = cursor
        self.generation = generation
        self.writer = writer
        state = layout.needsState ? StateCursor(folder, files, coding) : nil
        out = RowBatch(shapes: layout.deltaShapes)
    }

    /// Writes all changes there are.
    func run() throws(Failure) {
        while let record = cursor.current {
            identity.removeAll()
            identity.append(record.identity)
            identityCount += 1
            if layout.state.table.isKeyed { try mergeKey() } else { try mergeTwins() }
            if out.rowCount >= ParquetReader.batchRowCount { try flush() }
        }
        try flush()
    }

    private func flush() throws(Failure) {
        try writer.append(out)
        out.removeAll()
    }

    // MARK: Rows with a key

    private func mergeKey() throws(Failure) {
        var hasState = false
        if let state { hasState = try state.seek(identity.all) }
        let wasDeleted = hasState && (layout.state.deletedIndex.flatMap { state?.word($0) } ?? 0) != 0
        changes.begin(hasState: hasState, isDeleted: wasDeleted, digest: nil)
        while let record = cursor.current, record.identity.equals(identity.all) {
            // Contradictions are counted by the replay.
            changes.take(record, comparesRows: false, counts: &counts)
            try cursor.advance()
        }
        let key = changes.key
        let isLive = !key.isDeleted || layout.state.marksDeletes && key.values != nil
        if isLive, key.values == .state, let state {
            for index in layout.state.table.columns.indices { state.copy(index, to: out.columns[index]) }
        } else if isLive {
            coding.decodeRow(changes.winner.all, into: out)
        } else {
            appendGone()
        }
        if let index = layout.state.deletedIndex { out.columns[index].append(key.isDeleted ? Int64(1) : 0) }
        appendPlace(hasState: hasState)
        commit(isLive: isLive)
    }

    /// The row that the last change took away: its key is what counts.
    private func appendGone() {
        guard let bytes = changes.last.record.row else { preconditionFailure("a change without a row") }
        coding.decodeRow(bytes, into: out)
    }

    private func appendPlace(hasState: Bool) {
        guard let index = layout.state.placeIndex else { return }
        let place = changes.key.firstPlace
        let words = place.map { [$0.leg, $0.file, $0.position, $0.row] }
        for offset in 0..<4 {
            if let words {
                out.columns[index + offset].append(words[offset])
            } else if hasState, let state {
                state.copy(index + offset, to: out.columns[index + offset])
            } else {
                out.columns[index + offset].append(Int64(0))
            }
        }
    }

    // MARK: Rows without a key

    private func mergeTwins() throws(Failure) {
        twins.begin()
        twinPlaces.removeAll(keepingCapacity: true)
        lastTwin.removeAll()
        while let record = cursor.current, record.identity.equals(identity.all) {
            if !lastTwin.isRepeated(by: record) {
                twins.apply(record.kind)
                if layout.state.keepsFirstPlace, record.kind != .delete { twinPlaces.append(record.place) }
            }
            try cursor.advance()
        }
        var before = 0
        if let state, try state.seek(identity.all) {
            repeat {
                if twins.keeps(before) { try keepTwin(state) }
                before += 1
            } while try state.advance(within: identity.all)
        }
        let kept = max(0, before - twins.deletes)
        let gone = twins.takenOfNew(from: before)
        let added = max(0, twins.count(from: before) - kept)
        for number in 0..<added { try appendTwin(at: twinPlaces.isEmpty ? nil : twinPlaces[gone + number]) }
        if kept + added == 0 { try appendTwin(at: nil, isLive: false) }
    }

    private func keepTwin(_ state: StateCursor) throws(Failure) {
        for index in layout.state.shapes.indices { state.copy(index, to: out.columns[index]) }
        commit(isLive: true)
        if out.rowCount >= ParquetReader.batchRowCount { try flush() }
    }

    private func appendTwin(at place: SourcePlace?, isLive: Bool = true) throws(Failure) {
        // Twins are equal: the row of any change is that of all of them.
        guard let row = lastTwin.record.row else { preconditionFailure("a change without a row") }
        coding.decodeRow(row, into: out)
        if let index = layout.state.placeIndex {
            let words: [Int64] = place.map { [$0.leg, $0.file, $0.position, $0.row] } ?? [0, 0, 0, 0]
            for offset in 0..<4 { out.columns[index + offset].append(words[offset]) }
        }
        commit(isLive: isLive)
        if out.rowCount >= ParquetReader.batchRowCount { try flush() }
    }

    private func commit(isLive: Bool) {
        let index = layout.state.shapes.count
        out.columns[index].append(isLive ? Int64(1) : 0)
        out.columns[index + 1].append(generation)
        let group = out.groups.isEmpty ? out.appendGroup(RowGroup(table: "", partition: "")) : 0
        out.commitRow(event: 0, group: group)
    }
}

/// Reads a state's files front to back, and passes over those that hold nothing that is asked for.
final class StateCursor {
    private let folder: String
    private let files: [StateFile]
    private let coding: RowCoding
    private var next = 0
    private var reader: ParquetReader?
    private var row = 0
    private let identity = ByteStore()

    init(_ folder: String, _ files: [StateFile], _ coding: RowCoding) {
        self.folder = folder
        self.files = files
        self.coding = coding
    }

    /// Goes to the first row that does not come before an identity; whether it is of that one. Identities are asked
    /// for in order.
    func seek(_ wanted: ByteView) throws(Failure) -> Bool {
        if isBehind(next, wanted) {
            while isBehind(next + 1, wanted) { next += 1 }
            try open()
        }
        while let reader {
            if let order = find(wanted, reader) { return order == 0 }
            row = 0
            // At the end of a file: what is asked for stands before the next one.
            if try !reader.next() { self.reader = nil }
        }
        return false
    }

    /// Whether an identity stands in a file or behind it.
    private func isBehind(_ index: Int, _ wanted: ByteView) -> Bool {
        guard index < files.count else { return false }
        return unsafe files[index].firstIdentity.withUnsafeBytes { unsafe ByteView($0).order(wanted) <= 0 }
    }

    private func open() throws(Failure) {
        row = 0
        let reader = try ParquetReader(LocalParquet(folder + "/" + files[next].name))
        next += 1
        self.reader = try reader.next() ? reader : nil
    }

    /// Sets `row` to the first of the batch that does not come before an identity, and says how it compares; nil if
    /// all of them do.
    private func find(_ wanted: ByteView, _ reader: ParquetReader) -> Int? {
        var (low, high) = (row, reader.rows.rowCount)
        while low < high {
            let middle = (low + high) / 2
            row = middle
            readIdentity(reader)
            if identity.all.order(wanted) < 0 { low = middle + 1 } else { high = middle }
        }
        row = low
        guard low < reader.rows.rowCount else { return nil }
        readIdentity(reader)
        return identity.all.order(wanted)
    }

    private func readIdentity(_ reader: ParquetReader) {
        identity.removeAll()
        coding.appendIdentity(of: reader.rows, row, to: identity)
    }

    /// Goes on by a row; whether it is still of this identity.
    func advance(within wanted: ByteView) throws(Failure) -> Bool {
        row += 1
        return try seek(wanted)
    }

    /// A word of the row in hand.
    func word(_ column: Int) -> Int64? { reader?.rows.columns[column].integer(row) }

    /// Appends a value of the row in hand.
    func copy(_ column: Int, to target: Column) {
        guard let reader else { return target.appendNull() }
        target.append(rowsOf: reader.rows.columns[column], from: row, count: 1)
    }
}
