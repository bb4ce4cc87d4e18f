internal import Change
public import Columns
public import Event
internal import Platform
public import Schema

/// What one table's day is made from, for an engine that replays it itself.
public struct ReplayPlan: Sendable {
    /// Changes of a folder, from a place up to another one.
    public struct Input: Sendable, Equatable {
        /// From the warehouse's root.
        public var folder: String
        public var from: SourcePlace
        /// Nil: to the end.
        public var to: SourcePlace?
    }

    /// `db.table` in the warehouse.
    public var table: String
    public var day: String
    public var tool: ChangeTool
    /// What is configured of Debezium's modes.
    public var modes: DebeziumModes
    /// Whether values depend on the zone of the tool's machine.
    public var hasZone: Bool
    /// The folder of the state before, from the warehouse's root; nil: there is none, or nothing of it is left.
    public var base: String?
    public var layout: NowLayout
    public var columns: [TableColumn]
    public var dates: DateRule
    public var inputs: [Input]
}

/// A table's plan, or why there is none.
public struct PlannedTable: Sendable {
    public var table: String
    public var outcome: Result<ReplayPlan, Failure>
}

extension SyncReplay {
    /// What the states of a day (nil: the newest) are made from. Touches no state; throws what reading throws.
    public func plans(day wanted: String? = nil, tables: Set<String> = []) throws(Failure) -> [PlannedTable] {
        let session = try ReplaySession(self)
        guard let day = session.days.last(where: { day in wanted.map { day <= $0 } ?? true }) else { return [] }
        let history = try session.history(day)
        var planned: [PlannedTable] = []
        for (name, number) in history.current {
            let rule = spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name), tables.isEmpty || tables.contains(table) else {
                continue
            }
            let place = TableDay(
                sync: self, store: store.aside("plan"), table: table, day: day,
                incarnation: history.incarnations[number], rule: rule)
            planned.append(PlannedTable(table: table, outcome: try place.plan(session)))
        }
        return planned.sorted { $0.table < $1.table }
    }
}

extension TableDay {
    private func refuse(_ reason: String) -> Result<ReplayPlan, Failure> {
        .failure(
            Failure(
                "plan.not_in_sql", stage: .control, kind: .usage, "\(table) cannot be replayed as SQL: \(reason)",
                hint: "--from delta: millrace makes rows of the changes, the engine merges them"))
    }

    /// Whether a state is what `sync run` would make of the change files and the rules as they are now.
    private func holds(_ base: ReplaySession.State, _ session: ReplaySession) throws(Failure) -> Bool {
        let (last, manifest) = (base.manifest.day(in: base.folder), base.manifest)
        // Why: what is older than is kept is not made again.
        if session.isOld(session.days)(last) { return true }
        guard manifest.rules == rules else { return false }
        let oldest = manifest.changeDays.keys.min() ?? ""
        let days = Dictionary(grouping: files(session, from: "").filter { $0.file.day <= last }, by: \.file.day)
        for (date, files) in days where date >= oldest {
            var own = files
            if date == last {
                own = []
                for file in files where file.concerns(try session.scan(file.file)) { own.append(file) }
            }
            if Self.digest(own) != manifest.changeDays[date] ?? Self.digest([]) { return false }
        }
        return true
    }

    /// What the day is made from, if one step of SQL can do it.
    func plan(_ session: ReplaySession) throws(Failure) -> Result<ReplayPlan, Failure> {
        var newest = try session.olderBase(of: identity, before: day)
        while let found = newest, try !holds(found, session) {
            newest = try session.olderBase(of: identity, before: found.manifest.day(in: found.folder))
        }
        let after = newest.map { $0.manifest.day(in: $0.folder) + "+" } ?? ""
        let beginning = try beginning(session, newest, files(session, from: after))
        let pairs = zip(beginning.files, beginning.scans).filter { $0.concerns($1) }
        let replay = replay(beginning, RejectionLog())
        guard let version = incarnation.versions.last else { return refuse("nothing is known of its columns") }
        if version.source == .inferred { return refuse("its types are guessed from the values") }
        var base = replay.base
        let cut = replay.cut
        if let cut, let last = base?.manifest.lastPlace, cut > last { base = nil }
        if let base, base.manifest.versionFrom != version.from {
            return refuse("its columns changed since the state of \(base.manifest.day(in: base.folder))")
        }
        let start = cut ?? .beginning
        let firsts = pairs.compactMap { file, scan in scan.firstPlace.map { max($0, file.from) } }
        if let first = firsts.min(), max(first, start) < version.from {
            return refuse("its columns changed among its changes")
        }
        let table = TableLayout(
            columns: version.columns.map { TableLayout.Column($0.name, $0.shape) },
            key: IncarnationReplay.key(version, rule))
        if !table.isKeyed, replay.readings.readings.count > 0 || replay.readings.endsEarlierOne {
            return refuse("it has no key, and its changes begin with a reading of the whole table")
        }
        let state = StateLayout(table, marksDeletes: rule.deletes == .mark, keepsFirstPlace: rule.unique != nil)
        if let base, base.manifest.layout != state { return refuse("a rule of it changed since the state before") }
        var inputs: [ReplayPlan.Input] = []
        for (file, _) in pairs {
            let input = ReplayPlan.Input(
                folder: DurableFile.parent(of: file.file.path), from: max(file.from, start),
                to: file.to == .end ? nil : file.to)
            if !inputs.contains(input), input.to.map({ input.from < $0 }) ?? true { inputs.append(input) }
        }
        let root = store.warehouse.utf8.count + 1
        return .success(
            ReplayPlan(
                table: self.table, day: day, tool: sync.spec.format, modes: sync.spec.debezium,
                hasZone: sync.spec.toolZone != nil,
                base: base.flatMap { base in
                    guard !base.manifest.files.isEmpty else { return nil }
                    return String(decoding: Array(base.folder.utf8.dropFirst(root)), as: UTF8.self)
                },
                layout: NowLayout(state: state, unique: rule.unique(among: version.columns.map(\.name))),
                columns: version.columns, dates: version.dates, inputs: inputs))
    }
}
