internal import Columns
internal import Event
internal import JSON
internal import TimeZone

/// The work of a `RouteStage`.
///
/// Why: a struct that runs a whole batch in one mutating call; as properties of the class its parts would be
/// checked for exclusive access at run time for every value, a quarter of the time.
struct RowMaker {
    private let plan: RoutePlan
    private let rows: RowBatch
    private(set) var rejections: [RowRejection] = []
    private let isCombined: Bool
    private var combined = CombinedParser()
    private let documents: DocumentReader
    private var reader: ValueReader
    private var days: DayFinder
    private var groups: GroupIndex

    init(_ plan: RoutePlan, _ rows: RowBatch) throws(Failure) {
        self.plan = plan
        self.rows = rows
        isCombined = plan.spec.format == .combined
        documents = DocumentReader(paths: plan.paths)
        reader = try ValueReader(plan)
        days = DayFinder(plan.zone)
        groups = GroupIndex(plan.table, partitionName: plan.spec.partitionName)
    }

    /// See `RouteStage.process`.
    mutating func process(_ batch: borrowing EventBatch, events: [Int32]) {
        rows.removeAll()
        rejections.removeAll(keepingCapacity: true)
        groups.beginBatch()
        let references = batch.events
        let packs = batch.packs
        batch.withBytes { slab in
            let isClean = slab.firstIndex(of: 0, from: 0) == slab.count && UTF8Text.isValid(slab)
            for event in events {
                let reference = references[Int(event)]
                let text = Self.text(of: reference, in: slab)
                var column: Int32 = -1
                var reason = Self.textFault(text, at: reference, in: slab, isClean: isClean)
                if reason == nil {
                    reason = row(text, event: event, timestamp: packs[Int(reference.pack)].timestamp, &column)
                }
                if let reason {
                    rows.abandonRow()
                    rejections.append(RowRejection(event: event, reason: reason, column: column))
                }
            }
        }
    }

    /// The event's bytes without a byte-order mark at the stream's start and a CR at the end.
    private static func text(of reference: EventReference, in slab: ByteView) -> ByteView {
        var from = reference.start
        var to = from + reference.byteCount
        if reference.from == .zero, to - from >= 3, slab[from] == 0xEF, slab[from + 1] == 0xBB, slab[from + 2] == 0xBF {
            from += 3
        }
        if to > from, slab[to - 1] == 13 { to -= 1 }
        return slab.slice(from, to)
    }

    /// Why the event is no text, if it is none.
    private static func textFault(
        _ text: ByteView, at reference: EventReference, in slab: ByteView, isClean: Bool
    ) -> Rejection? {
        if text.isEmpty { return .blank }
        let end = reference.start + reference.byteCount
        // Why: in a slab that is valid as a whole an event is invalid only if a character crosses its edge.
        if isClean, text[0] & 0xC0 != 0x80, end == slab.count || slab[end] & 0xC0 != 0x80 { return nil }
        guard UTF8Text.isValid(text) else { return .invalidUTF8 }
        return text.firstIndex(of: 0, from: 0) == text.count ? nil : .nulByte
    }

    /// Makes a row of an event, or says why not and which column decided.
    private mutating func row(_ text: ByteView, event: Int32, timestamp: Int64, _ column: inout Int32) -> Rejection? {
        if isCombined {
            guard combined.parse(text) else { return Self.isBlank(text) ? .blank : .malformed }
        } else if let reason = readDocument(text) {
            return reason
        }
        var time: Int64 = 0
        for index in 0..<plan.steps.count {
            let step = plan.steps[index]
            let cell = isCombined ? combined.cell(step.field, in: text) : cell(step.field, type: step.type)
            let isTime = index == plan.timeStep
            if let reason = reader.append(cell, step, to: rows.columns[index]) {
                column = Int32(index)
                return isTime ? Self.timeReason(reason) : reason
            }
            if isTime {
                if cell.kind == .none { return noTime(&column) }
                time = reader.lastWord
            }
        }
        var table: Int32 = 0
        if !plan.table.isFixed {
            let first = plan.steps.count
            let database = cell(first + MaxwellPath.database, type: .string)
            let name = cell(first + MaxwellPath.table, type: .string)
            if let reason = groups.table(database: database, table: name, into: &table) { return reason }
        }
        return place(time, event: event, timestamp: timestamp, table: table, &column)
    }

    /// Reads a JSON record. A Maxwell record names a database and a type, both strings.
    private func readDocument(_ text: ByteView) -> Rejection? {
        // Safety: the text lies in the batch's slab, which has `EventBatch.padding` readable bytes behind it.
        switch unsafe documents.read(padded: text) {
        case .malformed, .notAnObject: return Self.isBlank(text) ? .blank : .malformed
        case .tooDeep: return .tooDeep
        case nil: break
        }
        guard plan.spec.format == .maxwell else { return nil }
        let first = plan.steps.count
        guard documents.value(first + MaxwellPath.database).kind == .string,
            documents.value(first + MaxwellPath.type).kind == .string
        else { return .malformed }
        return nil
    }

    private func cell(_ path: Int, type: ColumnType) -> Cell {
        let value = documents.value(path)
        let kind: Cell.Kind =
            switch value.kind {
            case .none: .none
            case .string: .string
            case .number: .number
            case .yes: .yes
            case .no: .no
            case .structure: .structure
            }
        return Cell(kind: kind, bytes: type == .json ? value.raw : value.text)
    }

    private func noTime(_ column: inout Int32) -> Rejection {
        column = Int32(plan.timeStep)
        return .noTime
    }

    private static func timeReason(_ reason: Rejection) -> Rejection {
        switch reason {
        case .missing: .noTime
        case .wrongType: .badTime
        default: reason
        }
    }

    /// Puts the finished row into its group.
    private mutating func place(
        _ time: Int64, event: Int32, timestamp: Int64, table: Int32, _ column: inout Int32
    ) -> Rejection? {
        var day = time
        var milliseconds = time.multipliedReportingOverflow(by: 86_400_000).partialValue
        if plan.steps[plan.timeStep].type == .timestamp {
            let seconds = CivilDay.floorDivide(time, by: TimeText.microsecondsPerSecond)
            milliseconds = CivilDay.floorDivide(time, by: 1_000)
            day = days.day(at: seconds)
        }
        column = Int32(plan.timeStep)
        guard day >= CivilDay.minimum, day <= CivilDay.maximum else { return .badTime }
        // Why: judged by the record's own time, never by a clock, so that a replay decides the same.
        if timestamp >= 0 {
            let (ahead, overflow) = milliseconds.subtractingReportingOverflow(timestamp)
            if !overflow, ahead > plan.spec.maximumFutureMilliseconds { return .tooFarInFuture }
        }
        rows.commitRow(event: event, group: groups.group(table: table, day: day, in: rows))
        column = -1
        return nil
    }

    private static func isBlank(_ text: ByteView) -> Bool {
        for index in 0..<text.count where text[index] != 32 && text[index] != 9 && text[index] != 13 { return false }
        return true
    }
}
