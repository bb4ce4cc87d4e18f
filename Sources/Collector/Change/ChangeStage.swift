internal import Change
internal import Columns
internal import Event
internal import Pipeline
internal import Platform
internal import Sinks
internal import TimeZone
internal import Transport

/// Envelope, place, dedup by place, and day of the changes of one sync in one lane: events in, rows of the change
/// log out.
///
/// Invariants
/// - Each event given to `process` ends as rows, as a duplicate, filtered or refused, and is counted so once.
/// - What becomes of an event depends on its record, on the records before it in its partition, and on what of its
///   table is covered; on no clock.
/// Reused, one thread at a time; `rows` and `rejections` are valid until the next `process`.
final class ChangeStage {
    /// What became of an event.
    enum Outcome: UInt8 { case written, duplicate, filtered, refused }

    /// A date later than its record by more than this is not believed: a minute.
    static let maximumAheadMicroseconds: Int64 = 60_000_000

    var rows: RowBatch { log.rows }
    private(set) var rejections: [RowRejection] = []
    /// Per event of the last call.
    private(set) var outcomes: [Outcome] = []
    /// Partitions of the lane, and tables, of changes that prove that their table does not come in one order.
    private(set) var misplaced: [(place: Int, table: String)] = []
    let plan: SyncPlan
    /// One per partition of the lane.
    private(set) var places: [ChangePlace]

    private let decoder: ChangeDecoder
    private let log: ChangeRows
    private let names = EventName()
    private var index: TableIndex
    private var groups: ChangeGroups
    private var days: DayFinder
    /// Claims of the batch, with the index of their event among those given, their row and their table.
    private var claims: [PlaceRun.Claim] = []
    private var claimants: [Claimant] = []
    private var pack: Int32 = -1
    /// Whether events come out of quarantine.
    private var isAlone = false

    private struct Claimant {
        var event: Int
        var row: Int
        var place: Int
        var entry: Int
    }

    init(_ plan: SyncPlan, places: [ChangePlace]) {
        self.plan = plan
        self.places = places
        decoder = ChangeDecoder(plan.spec.format)
        log = ChangeRows(plan.spec.format)
        index = TableIndex(plan)
        groups = ChangeGroups(partitionName: plan.route.partitionName)
        days = DayFinder(plan.zone)
    }

    /// Takes exactly these events (indices into `batch.events`, ascending). `refused`: events of the same batch that
    /// were refused before they came here, ascending.
    func process(
        _ batch: borrowing EventBatch, events: [Int32], refused: [Int32], packs: [DecodedPack], coverage: Coverage,
        into ledger: inout Ledger
    ) {
        beginBatch()
        let references = batch.events
        let contexts = batch.packs
        var nextRefused = 0
        unsafe batch.withSlab { slab in
            let slab = unsafe ByteView(slab)
            while outcomes.count < events.count {
                let event = events[outcomes.count]
                while nextRefused < refused.count, refused[nextRefused] < event {
                    interrupt(refused[nextRefused], references, contexts, packs)
                    nextRefused += 1
                }
                let reference = references[Int(event)]
                let place = packs[Int(reference.pack)].partition
                let context = contexts[Int(reference.pack)]
                let outcome = take(event, reference, context, at: place, slab, &ledger)
                if outcome == .refused {
                    if takeBroken(events, references, context, at: place, slab, &ledger) { continue }
                    interrupt(event, references, contexts, packs)
                }
                outcomes.append(outcome)
            }
            for event in refused[nextRefused...] { interrupt(event, references, contexts, packs) }
        }
        settle(coverage, contexts, references, events, &ledger)
    }

    /// Takes events one by one, out of quarantine: each belongs to the day of its own date, and covers its own place,
    /// or from the one before it, if that came right before it in its partition. `epochs`: of their topics, in the
    /// order of the events. What is written down of streams are ranges alone.
    func processAlone(
        _ batch: borrowing EventBatch, events: [Int32], epochs: [Int], coverage: Coverage, into ledger: inout Ledger
    ) {
        beginBatch()
        isAlone = true
        defer { isAlone = false }
        places = []
        let references = batch.events
        let contexts = batch.packs
        unsafe batch.withSlab { slab in
            let slab = unsafe ByteView(slab)
            for (index, event) in events.enumerated() {
                let reference = references[Int(event)]
                let context = contexts[Int(reference.pack)]
                if index > 0, epochs[index] == epochs[index - 1],
                    Self.follows(reference, references[Int(events[index - 1])], contexts)
                {
                    places[places.count - 1].forgetDay()
                } else {
                    let place = TopicPartition(topic: context.topic, partition: context.partition)
                    places.append(ChangePlace(place, epoch: epochs[index], resume: SyncResume()))
                }
                let outcome = take(event, reference, context, at: places.count - 1, slab, &ledger)
                if outcome == .refused { places[places.count - 1].interrupt(at: context.offset) }
                outcomes.append(outcome)
            }
        }
        settle(coverage, contexts, references, events, &ledger)
    }

    /// Whether nothing lies between two events in their partition.
    private static func follows(
        _ next: EventReference, _ last: EventReference, _ contexts: [PackContext]
    ) -> Bool {
        let (before, after) = (contexts[Int(last.pack)], contexts[Int(next.pack)])
        guard before.topic == after.topic, before.partition == after.partition,
            before.key?.stream == after.key?.stream
        else { return false }
        if after.key == nil { return after.offset == before.offset &+ 1 }
        return next.from == last.to && (after.offset == before.offset || after.offset == before.offset &+ 1)
    }

    /// Takes a record that goes over several lines, whose first one was just refused. False: there is none.
    private func takeBroken(
        _ events: [Int32], _ references: [EventReference], _ context: PackContext, at place: Int, _ slab: ByteView,
        _ ledger: inout Ledger
    ) -> Bool {
        guard rejections.last?.reason == .malformed, context.key?.framing == .lines,
            let (count, end) = BrokenRecord.extent(from: outcomes.count, of: events, references, slab)
        else { return false }
        let event = events[outcomes.count]
        var whole = references[Int(event)]
        whole.byteCount = end - whole.start
        let refusals = rejections.count
        let outcome = take(event, whole, context, at: place, slab, &ledger)
        if outcome == .refused {
            rejections.removeLast(rejections.count - refusals)
            return false
        }
        rejections.removeLast()
        outcomes.append(outcome)
        for _ in 1..<count { outcomes.append(.filtered) }
        ledger.notices["continued_line", default: 0] += UInt64(count - 1)
        return true
    }

    private func beginBatch() {
        rows.removeAll()
        rejections.removeAll(keepingCapacity: true)
        outcomes.removeAll(keepingCapacity: true)
        claims.removeAll(keepingCapacity: true)
        claimants.removeAll(keepingCapacity: true)
        misplaced.removeAll(keepingCapacity: true)
        groups.beginBatch()
        pack = -1
    }

    private func interrupt(
        _ event: Int32, _ references: [EventReference], _ contexts: [PackContext], _ packs: [DecodedPack]
    ) {
        let pack = Int(references[Int(event)].pack)
        places[packs[pack].partition].interrupt(at: contexts[pack].offset)
    }

    // MARK: One event

    private func take(
        _ event: Int32, _ reference: EventReference, _ context: PackContext, at place: Int, _ slab: ByteView,
        _ ledger: inout Ledger
    ) -> Outcome {
        if reference.pack != pack {
            pack = reference.pack
            names.begin(context)
        }
        names.begin(event: reference)
        let text = slab.slice(reference.start, reference.start + reference.byteCount)
        let key = slab.slice(context.recordKey.lowerBound, context.recordKey.upperBound)
        // Safety: event and key lie in the batch's slab, which has `EventBatch.padding` readable bytes behind it.
        let found = places[place].withTopic { unsafe decoder.decode(padded: text, key: key, topic: $0) }
        switch found {
        case .refused(let reason, let field): return refuse(event, reason, field)
        case .filtered(let filter): return leaveOut(filter, &ledger)
        case .changes: break
        }
        let change = decoder.event
        var entry = 0
        if let reason = index.entry(of: change, into: &entry) { return refuse(event, reason, .sourceTable) }
        if index.entries[entry].isIgnored { return leaveOut(.ignored, &ledger) }
        guard let committed = change.committed ?? Self.time(of: context) else {
            return refuse(event, .noTime, .committed)
        }
        guard let day = day(of: change, committed, context, place, &ledger) else {
            return refuse(event, .badTime, .committed)
        }
        // Why the position in the file: an agent's record holds many events.
        let number = context.key == nil ? 0 : Int64(clamping: reference.from.major)
        let source = placed(change, entry, place, context, number: number)
        let origin = ChangeOrigin(
            topic: .empty, partition: Int64(context.partition), offset: context.offset, event: names.text(),
            leg: source.leg, file: source.file, position: source.position, row: source.row, committed: committed)
        let table = index.entries[entry].table
        let group = groups.group(table: table, day: day, in: rows, names: index.tables)
        append(change, origin, place, event, group)
        return .written
    }

    private func append(_ change: ChangeEvent, _ origin: ChangeOrigin, _ place: Int, _ event: Int32, _ group: Int32) {
        places[place].withTopic { topic in
            var origin = origin
            origin.topic = topic
            log.append(change, origin) { rows.commitRow(event: event, group: group) }
        }
    }

    private func refuse(_ event: Int32, _ reason: Rejection, _ field: ChangeLog.Field?) -> Outcome {
        rejections.append(
            RowRejection(event: event, reason: reason, column: Int32(field?.rawValue ?? -1)))
        return .refused
    }

    private func leaveOut(_ filter: ChangeFilter, _ ledger: inout Ledger) -> Outcome {
        ledger.notices[filter.rawValue, default: 0] += 1
        return .filtered
    }

    /// The record's own time, microseconds; nil without one.
    private static func time(of context: PackContext) -> Int64? {
        guard context.timestamp >= 0 else { return nil }
        let (micros, overflow) = context.timestamp.multipliedReportingOverflow(by: 1_000)
        return overflow ? nil : micros
    }

    /// The day that a change belongs to; nil outside the calendar.
    private func day(
        of change: ChangeEvent, _ committed: Int64, _ context: PackContext, _ place: Int, _ ledger: inout Ledger
    ) -> Int64? {
        var time = committed
        // Why: judged by the record's own time, never by a clock, so that a replay decides the same.
        if let known = Self.time(of: context), time.subtractingReportingOverflow(known).partialValue
            > Self.maximumAheadMicroseconds
        {
            time = known
            ledger.notices["ahead_of_record", default: 0] += 1
        }
        let date = days.day(at: CivilDay.floorDivide(time, by: 1_000_000))
        guard date >= CivilDay.minimum, date <= CivilDay.maximum else { return nil }
        return places[place].day(date, change.operation, change.place, at: context.timestamp)
    }

    /// Where a change stands; claims its place, if the record says one.
    private func placed(
        _ change: ChangeEvent, _ entry: Int, _ place: Int, _ context: PackContext, number: Int64
    ) -> (leg: Int64, file: Int64, position: Int64, row: Int64) {
        guard let source = change.place else {
            let leg = plan.spec.leg << 32 | Int64(places[place].epoch)
            return (leg, 0, context.offset, number)
        }
        let (claim, row) = places[place].take(entry, source, change, index) {
            Self.hash(change)
        }
        // Why: nobody knows the number that it had among the rows around it.
        if isAlone, source.row == .unnumbered { return (plan.spec.leg, source.file, source.position, row) }
        claims.append(claim)
        claimants.append(Claimant(event: outcomes.count, row: rows.rowCount, place: place, entry: entry))
        return (plan.spec.leg, source.file, source.position, row)
    }

    /// A hash of what the change says.
    private static func hash(_ change: ChangeEvent) -> UInt64 {
        var hash: UInt64 = 0
        change.forEachRow { before, after in
            for part in [before, after, change.sql] {
                hash = unsafe Hash.xxh3(UnsafeRawBufferPointer(start: part.start, count: part.count), seed: hash)
            }
        }
        return hash
    }

    // MARK: The batch

    /// Takes back what was taken before, and writes down how far the tables have come.
    private func settle(
        _ coverage: Coverage, _ contexts: [PackContext], _ references: [EventReference], _ events: [Int32],
        _ ledger: inout Ledger
    ) {
        guard !claims.isEmpty else { return }
        let places = coverage.takePlaces(claims, isAlone: isAlone)
        let (isFresh, crowdedCount) = (places.isFresh, places.crowdedCount)
        misplaced = places.misplaced.map { at in
            (claimants[at].place, index.entries[claimants[at].entry].name)
        }
        if places.lateCount > 0 { ledger.notices["late_change", default: 0] += UInt64(places.lateCount) }
        if !misplaced.isEmpty { ledger.notices["misplaced_change", default: 0] += UInt64(misplaced.count) }
        if crowdedCount > 0 { ledger.notices["crowded_coverage", default: 0] += UInt64(crowdedCount) }
        if isFresh.contains(false) {
            var isKept = [Bool](repeating: true, count: rows.rowCount)
            for (claimant, fresh) in zip(claimants, isFresh) where !fresh {
                isKept[claimant.row] = false
                outcomes[claimant.event] = .duplicate
            }
            rows.retain(isKept)
        }
        var last = -1
        for at in claims.indices where at + 1 == claims.count || claims[at + 1].stream != claims[at].stream {
            let claimant = claimants[at]
            let context = contexts[Int(references[Int(events[claimant.event])].pack)]
            note(claimant, claims[at].stream, context, isFresh: isFresh[(last + 1)...at].contains(true), &ledger)
            last = at
        }
    }

    private func note(
        _ claimant: Claimant, _ stream: StreamID, _ context: PackContext, isFresh: Bool, _ ledger: inout Ledger
    ) {
        guard let run = places[claimant.place].tableRun(claimant.entry) else { return }
        let name = index.entries[claimant.entry].name
        let epoch = places[claimant.place].epoch
        ledger.note(stream, table: name, context, epoch: epoch, isFresh: isFresh)
        if isAlone { return }
        if stream != run.stream { ledger.note(run.stream, table: name, context, epoch: epoch, isFresh: false) }
        ledger.streams[run.stream]?.last = run.last
        ledger.streams[run.stream]?.anchor = run.anchor
    }
}

extension Ledger {
    /// Writes down that a record brought something for a stream of source places.
    mutating func note(
        _ stream: StreamID, table: String, _ context: PackContext, epoch: Int, isFresh: Bool
    ) {
        var context = context
        context.key = nil
        note(stream, context, epoch: epoch, isFresh: isFresh)
        streams[stream]?.table = table
    }
}
