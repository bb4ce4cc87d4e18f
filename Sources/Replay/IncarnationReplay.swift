internal import Change
internal import Columns
internal import Event
internal import JSON
internal import Parquet
internal import Platform
internal import Schema
internal import Sinks

/// One table's day: the state before, the changes, the state behind them.
///
/// The changes fall into phases: within one the table's key is the same, and rows without a key that differ go on to
/// differ. Each phase is a merge; where a key or a key column's type changes, the state is sorted anew on the way.
struct IncarnationReplay {
    /// A state to begin with.
    struct Beginning {
        var folder: String
        var manifest: StateManifest
    }

    /// A file of changes with the span of places in which its name was this incarnation's.
    struct Input {
        var path: String
        var from: SourcePlace
        var to: SourcePlace
    }

    private struct Phase {
        var version: Int
        var from: SourcePlace
        var to: SourcePlace
    }

    let incarnation: TableIncarnation
    let rule: SyncTableSpec
    let base: Beginning?
    let inputs: [Input]
    /// Places of truncates that the change log has.
    let truncates: [SourcePlace]
    /// Readings of the whole table that the change log has.
    let readings: SnapshotReadings
    let store: StateStore
    /// Takes what cannot be brought into the state.
    let log: RejectionLog
    var settings = ReplaySettings()

    /// What came out, in a folder of the scratch one.
    struct Outcome {
        var folder: String
        var layout: StateLayout
        var version: TableVersion
        var files: [StateFile] = []
        var counts = ReplayCounts()
        var losses = LossCounts()
        var changeCount = 0
        var linkedCount = 0
        /// Whether rows of the day before are in it: no truncate took them all.
        var keepsBase = false
    }

    /// Replays. Throws what the storage throws, `parquet.*`, `replay.*`.
    func run() throws(Failure) -> Outcome {
        let cut = cut
        var base = base
        if let cut, let last = base?.manifest.lastPlace, cut > last { base = nil }
        var state: StateMerge.Beginning?
        var version: Int?
        if let base {
            version = try baseVersion(base)
            state = StateMerge.Beginning(
                folder: base.folder, files: base.manifest.files, layout: base.manifest.layout, conversion: nil)
        }
        var outcome: Outcome?
        for (index, phase) in phases(from: version, cut: cut).enumerated() {
            let folder = store.scratch + "/phase-\(index)"
            try store.makeFolders(folder)
            let next = try run(phase, state, version, folder, outcome)
            if let outcome { try store.remove(outcome.folder) }
            state = StateMerge.Beginning(folder: folder, files: next.files, layout: next.layout, conversion: nil)
            version = phase.version
            outcome = next
        }
        guard var outcome else { preconditionFailure("a replay without a phase") }
        outcome.keepsBase = base != nil
        let known = [base?.manifest.lastPlace, cut].compactMap(\.self).max()
        for event in incarnation.events where event.kind == .hiddenRows && known.map({ event.place > $0 }) ?? true {
            outcome.losses.add(.hiddenRows)
        }
        if let base, log.counts[Self.unknownKey] == nil, let count = base.manifest.rejections[Self.unknownKey] {
            // Why still: no change names these rows, so none takes them away.
            log.count(Self.unknownKey, count)
        }
        return outcome
    }

    /// The last place that no row from before it has passed: a truncate, or a reading of the whole table that
    /// begins a table without a key anew.
    var cut: SourcePlace? {
        var places = truncates + incarnation.events.filter { $0.kind == .truncated }.map(\.place)
        if let start = readings.lastCompleteStart, !isKeyed(at: start) { places.append(start) }
        return places.max()
    }

    private func isKeyed(at place: SourcePlace) -> Bool {
        !key(incarnation.versions[incarnation.version(at: place)]).isEmpty
    }

    private var isInferred: Bool { incarnation.versions.last?.source == .inferred }

    /// The version whose columns the base has; nil where types are guesses, and its columns go by their names.
    private func baseVersion(_ base: Beginning) throws(Failure) -> Int? {
        if isInferred { return nil }
        guard let index = base.manifest.version(of: incarnation) else {
            throw ReplayFailure.corrupt(base.folder, "its columns are none that \(incarnation.name.text) ever had")
        }
        return index
    }

    // MARK: Phases

    /// Key columns of a version.
    private func key(_ version: TableVersion) -> [String] { Self.key(version, rule) }

    /// Key columns of a version under a rule.
    static func key(_ version: TableVersion, _ rule: SyncTableSpec) -> [String] {
        if !rule.key.isEmpty, rule.key.allSatisfy({ version.index(of: $0) != nil }) {
            return rule.key.compactMap { name in version.index(of: name).map { version.columns[$0].name } }
        }
        return version.key.map { version.columns[$0].name }
    }

    private func keyIDs(_ version: TableVersion) -> [Int] {
        key(version).compactMap { name in version.columns.first { $0.name == name }?.id }
    }

    private func phases(from version: Int?, cut: SourcePlace?) -> [Phase] {
        let versions = incarnation.versions
        let start = cut ?? .beginning
        var at = version ?? (cut.map { incarnation.version(at: $0) } ?? 0)
        var phases = [Phase(version: at, from: start, to: .end)]
        while at + 1 < versions.count {
            at += 1
            if keyIDs(versions[at]) == keyIDs(versions[at - 1]), !mergesTwins(at) {
                phases[phases.count - 1].version = at
            } else {
                phases[phases.count - 1].to = versions[at].from
                phases.append(Phase(version: at, from: versions[at].from, to: .end))
            }
        }
        return phases
    }

    /// Whether a version makes rows equal of which it counts which came first: what was deleted before it was one of
    /// the rows as they were.
    private func mergesTwins(_ version: Int) -> Bool {
        rule.unique != nil && key(incarnation.versions[version]).isEmpty && incarnation.mayMergeRows(at: version)
    }

    private func run(
        _ phase: Phase, _ state: StateMerge.Beginning?, _ stateVersion: Int?, _ folder: String, _ before: Outcome?
    ) throws(Failure) -> Outcome {
        let version = incarnation.versions[phase.version]
        let table = TableLayout(
            columns: version.columns.map { TableLayout.Column($0.name, $0.shape) }, key: key(version))
        let layout = StateLayout(
            table, marksDeletes: rule.deletes == .mark, keepsFirstPlace: rule.unique != nil)
        var outcome = Outcome(folder: folder, layout: layout, version: version)
        var changes = try read(phase, table, &outcome)
        var state = state
        var conversion: LayoutConversion?
        if let from = state {
            let origins = try origins(from, stateVersion, phase.version)
            if !LayoutConversion.isIdentity(origins, count: from.layout.table.columns.count) || from.layout != layout {
                let made = LayoutConversion(
                    origins, to: table, shapes: layout.shapes, tail: layout.tail(in: from.layout), log: log)
                conversion = made
                state?.conversion = made
                if !keepsOrder(origins, from.layout.table, table) || from.layout.marksDeletes && !layout.marksDeletes {
                    let sorter = ChangeSorter(
                        RowCoding(table), scratchFolder: store.scratch, name: "state", budget: settings.sortByteCount)
                    try sort(from, made, layout, into: sorter)
                    changes.append(sorter.finish())
                    state = nil
                }
            }
        }
        var merge = StateMerge(
            layout: layout, base: state, changes: SortedChanges(changes, RowCoding(table)), folder: folder)
        merge.permits = settings.permits
        merge.limits = settings.limits
        merge.options = settings.options
        let merged = try merge.run()
        outcome.files = merged.files
        outcome.counts = merged.counts
        outcome.linkedCount = merged.linkedCount
        outcome.losses.add(.unknownFill, conversion?.unknownFillCount ?? 0)
        if let before {
            outcome.counts.add(before.counts)
            outcome.losses.add(before.losses)
            outcome.changeCount += before.changeCount
        }
        return outcome
    }

    /// A file's changes of a phase.
    private struct Span: Sendable {
        var path: String
        var from: SourcePlace
        var to: SourcePlace
    }

    /// What some files gave.
    private struct Reading: Sendable {
        var changes: SortedChanges
        var losses: LossCounts
        var changeCount: Int
        var log: RejectionLog
    }

    /// Reads a phase's changes, several files at a time.
    private func read(
        _ phase: Phase, _ table: TableLayout, _ outcome: inout Outcome
    ) throws(Failure) -> [SortedChanges] {
        let scope = ChangeReader.Scope(
            incarnation: incarnation, target: phase.version, layout: table, readings: readings)
        let spans = inputs.map { Span(path: $0.path, from: max($0.from, phase.from), to: min($0.to, phase.to)) }
            .filter { $0.from < $0.to }
        // Why one part where the tool's ways are found out: what one file tells holds for all.
        let count = max(1, settings.surveys ? 1 : min(settings.threadCount, spans.count))
        let parts = (0..<count).map { Array(spans[spans.count * $0 / count..<spans.count * ($0 + 1) / count]) }
        let (settings, scratch) = (settings, store.scratch)
        let readings = try settings.permits.forEach(parts) { number, part throws(Failure) in
            let sorter = ChangeSorter(
                RowCoding(table), scratchFolder: scratch, name: "run-\(number)",
                budget: settings.sortByteCount / count)
            let log = RejectionLog()
            let reader = ChangeReader(scope, into: sorter, options: settings.decoding, log: log)
            if settings.surveys {
                for span in part { try reader.survey(span.path, from: span.from, to: span.to) }
            }
            for span in part { try reader.read(span.path, from: span.from, to: span.to) }
            return Reading(
                changes: sorter.finish(), losses: reader.losses, changeCount: reader.changeCount, log: log)
        }
        for reading in readings {
            outcome.changeCount += reading.changeCount
            outcome.losses.add(reading.losses)
            log.add(reading.log)
        }
        return readings.map(\.changes)
    }

    // MARK: The state before

    private func origins(
        _ state: StateMerge.Beginning, _ stateVersion: Int?, _ version: Int
    ) throws(Failure) -> [LayoutOrigin] {
        if let stateVersion {
            return incarnation.origins(from: stateVersion, to: version).map { .schema($0) }
        }
        let old = state.layout.table.columns
        return incarnation.versions[version].columns.map { column in
            guard let index = old.firstIndex(where: { $0.name == column.name }) else {
                return .schema(.filled(.null, isKnown: false))
            }
            return old[index].shape == column.shape ? .schema(.kept(index)) : .widened(index)
        }
    }

    /// Whether rows are told apart and sorted as they were.
    private func keepsOrder(_ origins: [LayoutOrigin], _ old: TableLayout, _ new: TableLayout) -> Bool {
        guard old.isKeyed == new.isKeyed, old.identity.count == new.identity.count else { return false }
        return zip(old.identity, new.identity).allSatisfy { before, after in
            if case .schema(.kept(before)) = origins[after] { return true }
            return false
        }
    }

    /// Counted for a row whose key the server gave when the key was added, in an order that no record tells.
    static let unknownKey = "unknown_key"

    /// Gives all rows of a state to the sorter, as if a snapshot had found them before the changes.
    private func sort(
        _ state: StateMerge.Beginning, _ conversion: LayoutConversion, _ layout: StateLayout, into sorter: ChangeSorter
    ) throws(Failure) {
        for file in state.files {
            let reader = try ParquetReader(LocalParquet(state.folder + "/" + file.name))
            while try reader.next() {
                let rows = conversion.convert(reader.rows)
                let deleted = layout.marksDeletes ? nil : state.layout.deletedIndex.map { reader.rows.columns[$0] }
                for row in 0..<rows.rowCount {
                    if let deleted, deleted.integer(row) != 0 { continue }
                    var head = ChangeHead(kind: .snapshot, place: layout.firstPlace(rows, row))
                    if layout.table.isKeyed, layout.table.key.contains(where: { rows.columns[$0].isNull(row) }) {
                        head.isLoose = true
                        let all = Array(rows.columns[..<layout.table.columns.count])
                        log.note(Self.unknownKey, at: nil, text: RowText.object(all, row).bytes)
                    }
                    try sorter.append(head, rows: rows, row)
                    guard let index = layout.deletedIndex, rows.columns[index].integer(row) != 0 else { continue }
                    head.kind = .delete
                    head.place.row &+= 1
                    try sorter.append(head, rows: rows, row)
                }
            }
        }
    }
}

extension SourcePlace {
    /// Behind every change.
    static let end = SourcePlace(leg: .max, file: .max, position: .max, row: .max)
}
