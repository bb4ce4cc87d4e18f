internal import Columns
internal import Event
internal import JSON
internal import TimeZone

/// The work of a `RouteStage`, for one parser.
///
/// Why: a struct that runs a whole batch in one mutating call; as properties of the class its parts would be
/// checked for exclusive access at run time for every value, a quarter of the time.
struct RowMaker<Parser: RecordParser> {
    private let plan: RoutePlan
    private let rows: RowBatch
    private(set) var rejections: [RowRejection] = []
    private var parser: Parser
    private var reader: ValueReader
    private var days: DayFinder
    private var groups: GroupIndex
    private var metadata = MetadataCells()
    /// The pack of the event in hand: whether it has a key, and its record's timestamp.
    private var pack: Int32 = -1
    private var hasKey = false
    private var timestamp: Int64 = -1

    init(_ plan: RoutePlan, _ rows: RowBatch, _ parser: Parser) throws(Failure) {
        self.plan = plan
        self.rows = rows
        self.parser = parser
        reader = try ValueReader(plan)
        days = DayFinder(plan.zone)
        groups = GroupIndex(plan.spec.table, partitionName: plan.spec.partitionName)
    }

    /// See `RouteStage.process`.
    mutating func process(_ batch: borrowing EventBatch, events: [Int32]) {
        rows.removeAll()
        rejections.removeAll(keepingCapacity: true)
        groups.beginBatch()
        pack = -1
        let references = batch.events
        let packs = batch.packs
        batch.withBytes { slab in
            let isClean = UTF8Text.isValid(slab, excludingNUL: true)
            // Why by index, here and below: without optimisation, an array's iterator allocates for every element.
            for place in 0..<events.count {
                let event = events[place]
                let reference = references[Int(event)]
                if reference.pack != pack { begin(packs[Int(reference.pack)], reference.pack) }
                let text = Self.text(of: reference, in: slab)
                var column: Int32 = -1
                var reason = Self.textFault(text, at: reference, in: slab, isClean: isClean)
                if reason == nil { reason = row(text, reference, event: event, &column) }
                if let reason {
                    rows.abandonRow()
                    rejections.append(RowRejection(event: event, reason: reason, column: column))
                }
            }
        }
    }

    private mutating func begin(_ context: PackContext, _ index: Int32) {
        pack = index
        hasKey = context.key != nil
        timestamp = context.timestamp
        reader.record = context.timestamp
        if plan.hasMetadata { metadata.begin(context) }
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

    /// Makes a row of an event, or says why not and which column decided. An event that is no record but
    /// belongs to the format makes no row and has no reason.
    private mutating func row(
        _ text: ByteView, _ reference: EventReference, event: Int32, _ column: inout Int32
    ) -> Rejection? {
        switch parser.parse(text, isFirst: hasKey && reference.from == .zero) {
        case .fields: break
        case .filtered: return nil
        case .refused(let reason): return reason == .malformed && Self.isBlank(text) ? .blank : reason
        }
        if plan.hasMetadata { metadata.begin(event: reference) }
        var time: Int64 = 0
        for index in 0..<plan.steps.count {
            let step = plan.steps[index]
            let cell = step.metadata.map { metadata.cell($0) } ?? parser.cell(Int(step.field), step.type)
            let isTime = index == plan.timeStep
            if let reason = reader.append(cell, step, to: rows.columns[index]) {
                column = Int32(index)
                if step.type.isNested, cell.kind != .none { column = Int32(plan.steps.count + reader.nestedNode) }
                return isTime ? Self.timeReason(reason) : reason
            }
            if isTime {
                guard reader.hasValue else { return noTime(&column) }
                time = reader.lastWord
            }
        }
        for comparison in plan.comparisons where !isInOrder(comparison) {
            column = Int32(comparison.left)
            return .outOfRange
        }
        return place(time, event: event, &column)
    }

    /// Whether a column's value does not exceed another's; null passes.
    private func isInOrder(_ comparison: RoutePlan.Comparison) -> Bool {
        let left = rows.columns[comparison.left]
        let right = rows.columns[comparison.right]
        let row = rows.rowCount
        if left.isNull(row) || right.isNull(row) { return true }
        return switch comparison.type {
        case .double: left.double(row) <= right.double(row)
        case .decimal: left.decimal(row) <= right.decimal(row)
        default: left.integer(row) <= right.integer(row)
        }
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
    private mutating func place(_ time: Int64, event: Int32, _ column: inout Int32) -> Rejection? {
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
        rows.commitRow(event: event, group: groups.group(day: day, in: rows))
        column = -1
        return nil
    }

    private static func isBlank(_ text: ByteView) -> Bool {
        for index in 0..<text.count where text[index] != 32 && text[index] != 9 && text[index] != 13 { return false }
        return true
    }
}
