internal import Change
internal import Columns
public import Event
internal import Platform
internal import Schema

/// What became of one table's now in a run.
public struct PublishedNow: Sendable, Equatable {
    /// `db.table` in the warehouse.
    public var table: String
    /// The day of the state that it stands on.
    public var day: String
    public var generation: Int64
    /// Changes behind the state, and rows that they touch.
    public var changeCount: Int
    public var rowCount: Int
}

extension SyncReplay {
    /// Brings what the views of now read up to the newest change: for each table the changes behind its newest state.
    /// Where a state cannot be gone on from (another schema or rule since, rows truncated, a change that came late),
    /// it is made anew first. `tables`: only these; empty: all. Throws `replay.busy` if a replay is at work.
    public func updateNow(tables: Set<String> = []) throws(Failure) -> SyncReport {
        try store.makeFolders(store.warehouse + "/" + StateStore.root)
        guard let lock = try takeLock() else {
            throw Failure(
                "replay.busy", stage: .sink, kind: .transient, "a replay is at work on this warehouse",
                hint: "it brings the views of now up to date at its end")
        }
        defer { withExtendedLifetime(lock) {} }
        try store.clearScratch()
        let session = try ReplaySession(self)
        try session.updateNow(tables)
        try store.remove(store.scratch)
        return session.report
    }
}

extension ReplaySession {
    /// Replays the tables whose newest state cannot be gone on from, then publishes all.
    func updateNow(_ only: Set<String>) throws(Failure) {
        guard let newest = days.last else { return }
        try recall(newest)
        var stale: Set<String> = []
        for now in try tables(newest, only) {
            guard let state = try now.newestState(), try now.changes(behind: state, self) != nil else {
                stale.insert(now.table)
                continue
            }
        }
        if !stale.isEmpty {
            previous = [:]
            try run(lastDay: nil, tables: stale)
        }
        try publishNow(only)
    }

    /// Publishes what is behind the newest state of each table, and takes away what no table has any more.
    func publishNow(_ only: Set<String>) throws(Failure) {
        guard let newest = days.last else { return }
        try recall(newest)
        let current = try tables(newest, only)
        for now in current { try now.publish(self) }
        guard only.isEmpty else { return }
        let known = Set(current.map(\.table))
        for table in try NowFolder.tables(store) where !known.contains(table) {
            let folder = NowFolder(store: store, table: table)
            guard let record = try folder.record(), log.stateTable(record.base.source) == table else { continue }
            try folder.remove()
        }
    }

    /// The states that types which were found out from values go on from.
    private func recall(_ newest: String) throws(Failure) {
        for day in days.reversed() where day <= newest {
            previous = try states(of: day)
            if !previous.isEmpty { return }
        }
    }

    private func tables(_ newest: String, _ only: Set<String>) throws(Failure) -> [TableNow] {
        let history = try history(newest)
        var tables: [TableNow] = []
        for (name, number) in history.current {
            let rule = sync.spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name), only.isEmpty || only.contains(table) else { continue }
            tables.append(
                TableNow(
                    day: TableDay(
                        sync: sync, store: store, table: table, day: newest,
                        incarnation: history.incarnations[number], rule: rule)))
        }
        return tables
    }
}

/// One table's now: its newest state, and the changes behind it.
struct TableNow {
    /// The newest day that there are changes of.
    let day: TableDay

    var table: String { day.table }
    private var store: StateStore { day.sync.store }

    /// The newest state of the table; nil if it has none.
    func newestState() throws(Failure) -> (day: String, manifest: StateManifest)? {
        guard let newest = try store.days(in: store.folder(of: table)).last,
            let manifest = try store.manifest(of: table, newest)
        else { return nil }
        return (newest, manifest)
    }

    /// The change files that are not in a state, all behind it; nil if the state cannot be gone on from.
    func changes(
        behind state: (day: String, manifest: StateManifest), _ session: ReplaySession
    ) throws(Failure) -> [TableDay.NamedFile]? {
        let manifest = state.manifest
        guard manifest.incarnation == day.identity, manifest.rules == day.rules,
            day.schemaSteps.count == manifest.schemaStepCount, let version = day.incarnation.versions.last,
            version.shapes.elementsEqual(manifest.layout.table.shapes, by: { $0 == $1 }),
            IncarnationReplay.key(version, day.rule) == manifest.key
        else { return nil }
        let last = manifest.lastPlace ?? .beginning
        var fresh: [TableDay.NamedFile] = []
        let oldest = manifest.changeDays.keys.min() ?? ""
        for (date, files) in Dictionary(grouping: day.files(session, from: ""), by: \.file.day) {
            if date < state.day {
                // Why: changes of days before the first that is noted change no state.
                if date < oldest || TableDay.digest(files) == manifest.changeDays[date] { continue }
            }
            var known: [TableDay.NamedFile] = []
            for file in files {
                let scan = try session.scan(file.file)
                guard file.concerns(scan), let from = scan.firstPlace, let to = scan.lastPlace else {
                    if date < state.day { known.append(file) }
                    continue
                }
                if date <= state.day, min(to, file.to) <= last {
                    known.append(file)
                    continue
                }
                let isCut = (scan.truncates + scan.readingStarts + scan.readingEnds)
                    .contains { $0 >= file.from && $0 < file.to }
                // Types that were found out from values are so from those of the newest day alone.
                let isSeen = version.source != .inferred || date == day.day
                guard max(from, file.from) > last, !isCut, isSeen else { return nil }
                fresh.append(file)
            }
            if date <= state.day, TableDay.digest(known) != manifest.changeDays[date] ?? TableDay.digest([]) {
                return nil
            }
        }
        return fresh.sorted { $0.file.path < $1.file.path }
    }

    /// Publishes the newest state with what is behind it.
    ///
    /// Order: a reader may look for the state's files before, and for the delta's after a folder was replaced. So
    /// where the state is another one than before, the delta up to now is first published on the state that was
    /// there, and stays beside the next one: then either state with either delta is the same table.
    func publish(_ session: ReplaySession) throws(Failure) {
        guard let state = try newestState(), state.manifest.incarnation == day.identity else { return }
        let folder = NowFolder(store: store, table: table)
        var before = try folder.record()
        if let record = before, record.base.inputs != state.manifest.inputs || record.day != state.day {
            let old = (day: record.day, manifest: record.base)
            // Where there has been no delta lately the states alone are right, whichever is met.
            let isBare = record.files.isEmpty && !record.keepsDelta
            if !isBare, let files = try changes(behind: old, session) {
                before = try publish(old, folder.state, files, on: folder, record, isKept: true, session)
            } else {
                before?.files = []
            }
        }
        // A state that was just made has all changes, whatever its manifest can say of them.
        let files = try changes(behind: state, session) ?? []
        let place = store.folder(of: table, state.day)
        _ = try publish(state, place, files, on: folder, before, isKept: before != nil, session)
    }

    private func publish(
        _ state: (day: String, manifest: StateManifest), _ stateFolder: String, _ files: [TableDay.NamedFile],
        on folder: NowFolder, _ before: NowRecord?, isKept: Bool, _ session: ReplaySession
    ) throws(Failure) -> NowRecord {
        let unique = day.unique(state.manifest)
        let digest = TableDay.digest(files)
        if let before, before.base.inputs == state.manifest.inputs, before.day == state.day,
            before.changes == digest, before.unique == unique
        {
            return before
        }
        var record = NowRecord(
            generation: (before?.generation ?? 0) + 1, day: state.day, base: state.manifest, unique: unique,
            changes: digest)
        let layout = state.manifest.layout
        let sorter = ChangeSorter(
            RowCoding(layout.table), scratchFolder: store.scratch, budget: day.sync.settings.sortByteCount)
        let reader = ChangeReader(
            ChangeReader.Scope(
                incarnation: day.incarnation, target: day.incarnation.versions.count - 1, layout: layout.table),
            into: sorter, options: day.sync.settings.decoding, log: RejectionLog())
        if day.sync.settings.surveys {
            for file in files { try reader.survey(place(of: file), from: file.from, to: file.to) }
        }
        for file in files { try reader.read(place(of: file), from: file.from, to: file.to) }
        record.changeCount = reader.changeCount
        var generation = NowGeneration(
            folder: folder, stateFolder: stateFolder, record: record, kept: isKept ? before : nil,
            changes: sorter.finish(), settings: day.sync.settings)
        try generation.publish()
        record = generation.record
        session.report.nows.append(
            PublishedNow(
                table: table, day: state.day, generation: record.generation, changeCount: record.changeCount,
                rowCount: record.identityCount))
        return record
    }

    private func place(of file: TableDay.NamedFile) -> String { store.warehouse + "/" + file.file.path }
}
