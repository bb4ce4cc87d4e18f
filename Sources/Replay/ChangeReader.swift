internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Schema
internal import Sinks

/// Reads change files of a table into a sorter: documents become rows of the version at their place, then of the
/// version that the state is to have.
final class ChangeReader {
    /// What is read of one incarnation.
    struct Scope {
        var incarnation: TableIncarnation
        /// Of the incarnation: the columns that rows are to have in the end.
        var target: Int
        var layout: TableLayout
        /// `[from, to)`: where the incarnation has the name of the files, and what the phase takes.
        var from: SourcePlace
        var to: SourcePlace
    }

    private static let fields: [ChangeLog.Field] = [
        .op, .leg, .placeFile, .placePosition, .placeRow, .transactionRow, .before, .after, .entry, .tool,
    ]

    /// Rows of one version on their way to the target.
    private final class Lane {
        let decoder: RowDecoder
        let rows: RowBatch
        let conversion: LayoutConversion?
        private let group: Int32

        init(_ decoder: RowDecoder, _ conversion: LayoutConversion?) {
            self.decoder = decoder
            self.conversion = conversion
            rows = RowBatch(shapes: decoder.version.shapes)
            group = rows.appendGroup(RowGroup(table: "", partition: ""))
        }

        func clear() {
            rows.removeAll()
            _ = rows.appendGroup(RowGroup(table: "", partition: ""))
        }

        func commit() { rows.commitRow(event: 0, group: group) }
    }

    private let scope: Scope
    private let coding: RowCoding
    private let sorter: ChangeSorter
    private let options: DecodeOptions
    private var lanes: [Int: Lane] = [:]
    private let identities = (ByteStore(), ByteStore())
    private let rowBytes = ByteStore()
    private(set) var changeCount = 0
    private(set) var rejections: [String: Int] = [:]

    init(_ scope: Scope, into sorter: ChangeSorter, options: DecodeOptions = DecodeOptions()) {
        self.scope = scope
        self.sorter = sorter
        self.options = options
        coding = RowCoding(scope.layout)
    }

    /// What the records read so far do not tell.
    var losses: LossCounts {
        var losses = LossCounts()
        for lane in lanes.values { losses.add(lane.decoder.losses) }
        return losses
    }

    /// Reads a file's changes of the scope.
    func read(_ path: String) throws(Failure) {
        let reader = try ParquetReader(LocalParquet(path), columns: Self.fields.map(\.name))
        while try reader.next() {
            for row in 0..<reader.rows.rowCount { try take(reader.rows.columns, row) }
        }
    }

    private func take(_ columns: [Column], _ row: Int) throws(Failure) {
        let place = SourcePlace(
            leg: columns[1].integer(row), file: columns[2].integer(row), position: columns[3].integer(row),
            row: columns[4].integer(row))
        guard place >= scope.from, place < scope.to, let kind = Self.kind(columns[0].bytes(row)) else { return }
        guard let tool = ChangeTool(rawValue: columns[9].bytes(row).text) else { return reject("unknown_tool") }
        let lane = lane(at: place, tool)
        lane.clear()
        var head = ChangeHead(kind: kind, place: place)
        head.transactionRow = columns[5].isNull(row) ? 0 : columns[5].integer(row)
        head.entry = columns[8].integer(row)
        let (before, after) = (columns[6], columns[7])
        changeCount += 1
        switch kind {
        case .insert, .snapshot:
            guard !after.isNull(row), decode(lane, after.bytes(row), isSnapshot: kind == .snapshot) else { return }
            try append(head, converted(lane), 0)
        case .delete:
            let document = before.isNull(row) ? after : before
            guard !document.isNull(row), decode(lane, document.bytes(row), isSnapshot: false) else { return }
            let rows = try converted(lane)
            head.before = digest(rows, 0)
            try append(head, rows, 0)
        case .update:
            guard !after.isNull(row), decode(lane, after.bytes(row), isSnapshot: false) else { return }
            let hasBefore = decodeBefore(lane, before, after, row, tool)
            try update(head, converted(lane), hasBefore: hasBefore)
        }
    }

    private static func kind(_ text: ByteView) -> ChangeKind? {
        if text.equals("insert") { return .insert }
        if text.equals("update") { return .update }
        if text.equals("delete") { return .delete }
        if text.equals("snapshot") { return .snapshot }
        return nil
    }

    private func reject(_ reason: String) { rejections[reason, default: 0] += 1 }

    // MARK: Documents

    private func decode(_ lane: Lane, _ document: ByteView, isSnapshot: Bool) -> Bool {
        note(lane.decoder.append(document, to: lane.rows.columns, isSnapshot: isSnapshot), lane)
    }

    /// Appends the row before an update, if the record tells it.
    private func decodeBefore(_ lane: Lane, _ before: Column, _ after: Column, _ row: Int, _ tool: ChangeTool) -> Bool {
        if tool == .debezium {
            guard !before.isNull(row) else { return false }
            return note(lane.decoder.append(before.bytes(row), to: lane.rows.columns), lane)
        }
        let old = before.isNull(row) ? ByteView.empty : before.bytes(row)
        return note(lane.decoder.append(after.bytes(row), patchedBy: old, to: lane.rows.columns), lane)
    }

    private func note(_ outcome: RowOutcome, _ lane: Lane) -> Bool {
        if outcome.isBroken {
            reject("broken_document")
            return false
        }
        lane.commit()
        if outcome.unfitCount > 0 { rejections["unfit_value", default: 0] += outcome.unfitCount }
        if outcome.unknownCount > 0 { rejections["unknown_column", default: 0] += outcome.unknownCount }
        if outcome.missingCount > 0 { rejections["missing_column", default: 0] += outcome.missingCount }
        return true
    }

    private func lane(at place: SourcePlace, _ tool: ChangeTool) -> Lane {
        let version = min(scope.incarnation.version(at: place), scope.target)
        let slot = version * ChangeTool.allCases.count + (ChangeTool.allCases.firstIndex(of: tool) ?? 0)
        if let lane = lanes[slot] { return lane }
        let source = scope.incarnation.versions[version]
        let target = scope.incarnation.versions[scope.target]
        let conversion: LayoutConversion? =
            version == scope.target
            ? nil
            : LayoutConversion(
                scope.incarnation.origins(from: version, to: scope.target).map { .schema($0) }, to: target.shapes)
        let lane = Lane(RowDecoder(source, tool: tool, options: options), conversion)
        lanes[slot] = lane
        return lane
    }

    private func converted(_ lane: Lane) throws(Failure) -> RowBatch {
        guard let conversion = lane.conversion else { return lane.rows }
        return conversion.convert(lane.rows)
    }

    // MARK: Records

    private func digest(_ rows: RowBatch, _ row: Int) -> UInt64 {
        rowBytes.removeAll()
        coding.appendRow(rows, row, to: rowBytes)
        return rowBytes.all.digest
    }

    private func append(_ head: ChangeHead, _ rows: RowBatch, _ row: Int) throws(Failure) {
        if scope.layout.isKeyed, scope.layout.key.contains(where: { rows.columns[$0].isNull(row) }) {
            return reject("null_key")
        }
        try sorter.append(head, rows: rows, row)
    }

    /// Row 0 is the row after, row 1 the one before.
    private func update(_ head: ChangeHead, _ rows: RowBatch, hasBefore: Bool) throws(Failure) {
        var head = head
        guard hasBefore else {
            if !scope.layout.isKeyed { reject("no_row_before") }
            return try append(head, rows, 0)
        }
        head.before = digest(rows, 1)
        if scope.layout.isKeyed {
            identities.0.removeAll()
            identities.1.removeAll()
            coding.appendIdentity(of: rows, 0, to: identities.0)
            coding.appendIdentity(of: rows, 1, to: identities.1)
            if identities.0.all.equals(identities.1.all) { return try append(head, rows, 0) }
        }
        // A changed key, or no key: the old row goes, the new one comes.
        head.kind = .delete
        try append(head, rows, 1)
        head.kind = .insert
        head.before = nil
        try append(head, rows, 0)
    }
}
