internal import Change
internal import Columns
internal import Event
internal import JSON
internal import Parquet
internal import Schema
internal import Sinks

/// Reads change files of a table into a sorter: documents become rows of the version at their place, then of the
/// version that the state is to have.
///
///     survey(file)* -> read(file)*
///
/// One decoder for each version and tool, for all files: what one row tells of the tool's modes holds for all.
final class ChangeReader {
    /// What is read of one incarnation.
    struct Scope: Sendable {
        var incarnation: TableIncarnation
        /// Of the incarnation: the columns that rows are to have in the end.
        var target: Int
        var layout: TableLayout
        /// What readings of the whole table there are.
        var readings = SnapshotReadings(starts: [], ends: [])
    }

    /// Rows of a version that are looked at before the first is read.
    static let maximumSurveyCount = 65_536

    private static let fields: [ChangeLog.Field] = [
        .op, .leg, .placeFile, .placePosition, .placeRow, .transactionRow, .before, .after, .entry, .tool,
    ]

    /// Rows of one version on their way to the target.
    private final class Lane {
        let decoder: RowDecoder
        let rows: RowBatch
        let conversion: LayoutConversion?
        /// Columns of the state's identity, where the version has them.
        let key: [Column]
        var surveyCount = 0
        private let group: Int32

        init(_ decoder: RowDecoder, _ conversion: LayoutConversion?, key: [String]) {
            self.decoder = decoder
            self.conversion = conversion
            rows = RowBatch(shapes: decoder.version.shapes)
            self.key = rows.columns.filter { key.contains($0.name) }
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
    private let log: RejectionLog
    private var from = SourcePlace.beginning
    private var to = SourcePlace.end
    private var lanes: [Int: Lane] = [:]
    private let identities = (ByteStore(), ByteStore())
    private let rowBytes = ByteStore()
    private(set) var changeCount = 0

    init(_ scope: Scope, into sorter: ChangeSorter, options: DecodeOptions = DecodeOptions(), log: RejectionLog) {
        self.scope = scope
        self.sorter = sorter
        self.options = options
        self.log = log
        coding = RowCoding(scope.layout)
    }

    /// What the records read so far do not tell.
    var losses: LossCounts {
        var losses = LossCounts()
        for lane in lanes.values {
            losses.add(lane.decoder.losses)
            losses.add(.unknownFill, lane.conversion?.unknownFillCount ?? 0)
        }
        return losses
    }

    /// Looks at a file's changes in `[from, to)` to find out how the tool writes, before the first is read.
    func survey(_ path: String, from: SourcePlace, to: SourcePlace) throws(Failure) {
        (self.from, self.to) = (from, to)
        let fields: [ChangeLog.Field] = [.leg, .placeFile, .placePosition, .placeRow, .before, .after, .tool]
        let reader = try ParquetReader(LocalParquet(path), columns: fields.map(\.name))
        while try reader.next() {
            let columns = reader.rows.columns
            for row in 0..<reader.rows.rowCount {
                let place = Self.place(columns, row, 0)
                guard place >= from, place < to, let tool = Self.tool(columns[6].bytes(row)), tool == .debezium
                else { continue }
                let lane = lane(at: place, tool)
                guard lane.surveyCount < Self.maximumSurveyCount else { continue }
                lane.surveyCount += 1
                for column in columns[4...5] where !column.isNull(row) { lane.decoder.survey(column.bytes(row)) }
            }
        }
    }

    /// Reads a file's changes in `[from, to)`.
    func read(_ path: String, from: SourcePlace, to: SourcePlace) throws(Failure) {
        (self.from, self.to) = (from, to)
        // Why not always: other tools' types are long, and their values need none.
        let fields = Self.fields + (options.mayHaveForms ? [.types] : [])
        let reader = try ParquetReader(LocalParquet(path), columns: fields.map(\.name))
        while try reader.next() {
            for row in 0..<reader.rows.rowCount { try take(reader.rows.columns, row) }
        }
    }

    private static func place(_ columns: [Column], _ row: Int, _ first: Int) -> SourcePlace {
        SourcePlace(
            leg: columns[first].integer(row), file: columns[first + 1].integer(row),
            position: columns[first + 2].integer(row), row: columns[first + 3].integer(row))
    }

    private func take(_ columns: [Column], _ row: Int) throws(Failure) {
        let place = Self.place(columns, row, 1)
        guard place >= from, place < to, let kind = Self.kind(columns[0].bytes(row)) else { return }
        if kind == .snapshot, !scope.layout.isKeyed, !scope.readings.counts(place) { return }
        guard let tool = Self.tool(columns[9].bytes(row)) else {
            return log.note("unknown_tool", at: place, text: columns[9].bytes(row).array)
        }
        let lane = lane(at: place, tool)
        lane.clear()
        lane.conversion?.place = place
        var head = ChangeHead(kind: kind, place: place)
        head.transactionRow = columns[5].isNull(row) ? 0 : columns[5].integer(row)
        head.entry = columns[8].integer(row)
        if options.mayHaveForms {
            lane.decoder.take(types: columns[10].isNull(row) ? .empty : columns[10].bytes(row))
        }
        let (before, after) = (columns[6], columns[7])
        changeCount += 1
        switch kind {
        case .insert, .snapshot:
            guard !after.isNull(row), decode(lane, place, after.bytes(row), isSnapshot: kind == .snapshot)
            else { return }
            try append(head, converted(lane), 0)
        case .delete:
            let document = before.isNull(row) ? after : before
            guard !document.isNull(row), decode(lane, place, document.bytes(row), isSnapshot: false) else { return }
            let rows = try converted(lane)
            head.before = digest(rows, 0)
            try append(head, rows, 0)
        case .update:
            guard !after.isNull(row), decode(lane, place, after.bytes(row), isSnapshot: false) else { return }
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

    private static func tool(_ text: ByteView) -> ChangeTool? {
        if text.equals("maxwell") { return .maxwell }
        if text.equals("debezium") { return .debezium }
        return text.equals("canal") ? .canal : nil
    }

    // MARK: Documents

    private func decode(_ lane: Lane, _ place: SourcePlace, _ document: ByteView, isSnapshot: Bool) -> Bool {
        let outcome = lane.decoder.append(document, to: lane.rows.columns, isSnapshot: isSnapshot)
        if outcome.isBroken { log.note("broken_document", at: place, text: document.array) }
        guard count(outcome, lane) else { return false }
        for column in lane.decoder.unfitColumns {
            let version = lane.decoder.version.columns[column]
            log.note(
                "unfit_value", at: place, key: RowText.object(lane.key, 0),
                column: TableLayout.Column(version.name, version.shape), text: lane.decoder.text(of: column).array)
        }
        return true
    }

    /// Appends the row before an update, if the record tells it. What does not fit in it was noted as it came.
    private func decodeBefore(_ lane: Lane, _ before: Column, _ after: Column, _ row: Int, _ tool: ChangeTool) -> Bool {
        if tool == .debezium {
            guard !before.isNull(row) else { return false }
            return count(lane.decoder.append(before.bytes(row), to: lane.rows.columns), lane)
        }
        let old = before.isNull(row) ? ByteView.empty : before.bytes(row)
        return count(lane.decoder.append(after.bytes(row), patchedBy: old, to: lane.rows.columns), lane)
    }

    private func count(_ outcome: RowOutcome, _ lane: Lane) -> Bool {
        guard !outcome.isBroken else { return false }
        lane.commit()
        if outcome.unknownCount > 0 { log.count("unknown_column", outcome.unknownCount) }
        if outcome.missingCount > 0 { log.count("missing_column", outcome.missingCount) }
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
                scope.incarnation.origins(from: version, to: scope.target).map { .schema($0) }, to: scope.layout,
                shapes: target.shapes, log: log, isOneChange: true)
        let lane = Lane(
            RowDecoder(source, tool: tool, options: options), conversion,
            key: scope.layout.identity.map { scope.layout.columns[$0].name })
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
            let all = Array(rows.columns[..<scope.layout.columns.count])
            return log.note("null_key", at: head.place, text: RowText.object(all, row).bytes)
        }
        try sorter.append(head, rows: rows, row)
    }

    /// Row 0 is the row after, row 1 the one before.
    private func update(_ head: ChangeHead, _ rows: RowBatch, hasBefore: Bool) throws(Failure) {
        var head = head
        guard hasBefore else {
            if !scope.layout.isKeyed {
                log.note("no_row_before", at: head.place, text: RowText.object(rows.columns, 0).bytes)
            }
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
