internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Platform
internal import Schema
internal import Sinks

/// One run: what is read once and used for all days, and the days in order. Tables of a day are made side by side.
///
/// Invariant: `previous` and `report` change only between days, while one thread is at work.
// Safety: what changes while several threads are at work is `scans`, behind its lock.
final class ReplaySession: @unchecked Sendable {
    typealias State = (folder: String, manifest: StateManifest)

    let sync: SyncReplay
    let store: StateStore
    let names: [TableName]
    private(set) var statements: [(day: String, entry: SchemaEntry)]
    var report = SyncReport()
    /// The states of the day before, by incarnation.
    private(set) var previous: [String: State] = [:]
    private let log: ChangeLogFolder
    /// All change files of a table, by its name at the source.
    private let files: [TableName: [ChangeFile]]
    private let scans = Monitor<[String: ChangeScan]>([:])

    init(_ sync: SyncReplay) throws(Failure) {
        self.sync = sync
        store = sync.store
        log = sync.log
        names = try log.tables()
        var files: [TableName: [ChangeFile]] = [:]
        for name in names { files[name] = try log.files(of: name, nil) }
        self.files = files
        var statements: [(day: String, entry: SchemaEntry)] = []
        for file in try log.schemaFiles() {
            for entry in try log.statements(file) { statements.append((file.day, entry)) }
        }
        self.statements = statements
    }

    private var days: [String] {
        Set(files.values.joined().map(\.day) + statements.map(\.day)).sorted()
    }

    func run(lastDay: String?, tables: Set<String>) throws(Failure) -> SyncReport {
        try placeStatements()
        if let newest = days.last { try removeBeyond(newest) }
        let days = days.filter { day in lastDay.map { day <= $0 } ?? true }
        let floor = try keptFrom(days)
        for day in days {
            if let floor, day <= floor {
                if day == floor {
                    previous = try states(of: day)
                    try noteLate(floor)
                }
                continue
            }
            let made = try replay(day, tables)
            previous = tables.isEmpty ? made : try states(of: day)
        }
        if let newest = days.last { try removeOld(newest) }
        return report
    }

    // MARK: Days

    /// Gives every statement the day of the changes that it stands among.
    private func placeStatements() throws(Failure) {
        guard !statements.isEmpty else { return }
        var spans: [String: (first: SourcePlace, last: SourcePlace)] = [:]
        for file in files.values.joined() {
            let scan = try scan(file)
            guard let first = scan.firstPlace, let last = scan.lastPlace else { continue }
            let known = spans[file.day] ?? (first, last)
            spans[file.day] = (min(known.first, first), max(known.last, last))
        }
        let days = StatementDays(spans)
        for at in statements.indices {
            statements[at].day = days.day(of: statements[at].entry.place, own: statements[at].day)
        }
    }

    /// Removes states of days behind the newest one: a statement alone had made them, and changes that came since
    /// say that it belongs elsewhere.
    private func removeBeyond(_ newest: String) throws(Failure) {
        for table in try ownTables() {
            for day in try store.days(in: store.folder(of: table)) where day > newest { try takeAway(table, day) }
        }
    }

    /// The newest day that is too old to be looked at again; its states are what the next day begins with.
    private func keptFrom(_ days: [String]) throws(Failure) -> String? {
        guard let newest = days.last.flatMap(CalendarDay.number) else { return nil }
        let keep = Int(sync.spec.keepMilliseconds / 86_400_000)
        var floor: String?
        for day in days {
            guard let number = CalendarDay.number(day), number < newest - keep else { continue }
            if try !states(of: day).isEmpty { floor = day }
        }
        return floor
    }

    /// Changes that came for days up to `floor` after their states were made: they change no state any more.
    private func noteLate(_ floor: String) throws(Failure) {
        let history = try history(floor)
        for (name, number) in history.current {
            guard !sync.spec.rule(of: name.text.utf8).ignore, let table = log.stateTable(name) else { continue }
            let incarnation = history.incarnations[number]
            let manifest = previous[incarnation.identity]?.manifest
            let files = incarnation.names.flatMap { self.files(of: $0.name) }.filter { $0.day <= floor }
            var late = 0
            if files.count > manifest?.logFileCount ?? 0 {
                var rows: Int64 = 0
                for file in files {
                    rows += try ParquetReader(LocalParquet(store.warehouse + "/" + file.path), columns: []).rowCount
                }
                late = Int(max(0, rows - (manifest?.logChangeCount ?? 0)))
            }
            if late > 0 { report.lateChanges[table] = late }
            let note = late > 0 ? Array("{\"changes\":\(late),\"up_to\":\"\(floor)\"}\n".utf8) : nil
            let path = store.lateFile(of: table)
            if try store.read(path, maximum: 4_096) != note { try store.replace(path, with: note) }
        }
    }

    private func removeOld(_ newest: String) throws(Failure) {
        guard let last = CalendarDay.number(newest) else { return }
        let keep = Int(sync.spec.keepMilliseconds / 86_400_000)
        for table in try ownTables() {
            let old = try store.days(in: store.folder(of: table)).filter { day in
                CalendarDay.number(day).map { $0 < last - keep } ?? false
            }
            // Why: the newest of the old ones is what the first kept day begins with.
            for day in old.dropLast() {
                try takeAway(table, day)
                report.removedDays.append("\(table) \(day)")
            }
        }
    }

    private func takeAway(_ table: String, _ day: String) throws(Failure) {
        try store.takeAway(store.visibleFolder(of: table, day, partition: sync.spec.log.partitionName))
        try store.takeAway(store.folder(of: table, day))
    }

    /// Tables with states that this sync could have made.
    private func ownTables() throws(Failure) -> [String] {
        var known: Set<String> = Set(names.compactMap { log.stateTable($0) })
        for table in try store.tables() {
            guard let day = try store.days(in: store.folder(of: table)).last,
                let manifest = try store.manifest(of: table, day), log.stateTable(manifest.source) == table
            else { continue }
            known.insert(table)
        }
        return known.sorted()
    }

    /// The states of a day, by incarnation.
    private func states(of day: String) throws(Failure) -> [String: State] {
        var states: [String: State] = [:]
        for table in try ownTables() {
            guard let manifest = try store.manifest(of: table, day) else { continue }
            states[manifest.incarnation] = (store.folder(of: table, day), manifest)
        }
        return states
    }

    private func replay(_ day: String, _ only: Set<String>) throws(Failure) -> [String: State] {
        let history = try history(day)
        var current: Set<String> = []
        var tables: [TableDay] = []
        for (name, number) in history.current {
            let rule = sync.spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name) else { continue }
            current.insert(table)
            guard only.isEmpty || only.contains(table) else { continue }
            tables.append(
                TableDay(
                    sync: sync, store: store.aside("\(tables.count)"), table: table, day: day,
                    incarnation: history.incarnations[number], rule: rule))
        }
        let outcomes = try sideBySide(tables)
        var made: [String: State] = [:]
        for (table, outcome) in zip(tables, outcomes) {
            made[outcome.manifest.incarnation] = (store.folder(of: table.table, day), outcome.manifest)
            report.days.append(outcome.result)
        }
        // Tables that are gone by now, and were there in an earlier run.
        for table in try ownTables() where !current.contains(table) && (only.isEmpty || only.contains(table)) {
            try takeAway(table, day)
        }
        return made
    }

    /// Replays the day of several tables within one budget of threads and memory, those with most changes first.
    private func sideBySide(_ tables: [TableDay]) throws(Failure) -> [TableDay.Outcome] {
        let sizes = tables.map { $0.byteCount(self) }
        let order = tables.indices.sorted { sizes[$0] != sizes[$1] ? sizes[$0] > sizes[$1] : $0 < $1 }
        let share = max(1, min(tables.count, sync.settings.threadCount))
        let sorted = order.map { index in
            var table = tables[index]
            table.settings.sortByteCount /= share
            return table
        }
        let outcomes = try sync.settings.permits.forEach(sorted) { _, table throws(Failure) in
            try table.run(self)
        }
        return zip(order, outcomes).sorted { $0.0 < $1.0 }.map(\.1)
    }

    // MARK: What table days ask for

    /// The state that an incarnation had at the end of the day before.
    func base(of incarnation: String) -> State? { previous[incarnation] }

    /// The newest state of an incarnation before a day; nil if there is none.
    func olderBase(of incarnation: String, before day: String) throws(Failure) -> State? {
        for earlier in days.reversed() where earlier < day {
            if let state = try states(of: earlier)[incarnation] { return state }
        }
        return nil
    }

    func files(of name: TableName) -> [ChangeFile] { files[name] ?? [] }

    func scan(_ file: ChangeFile, withTypes: Bool = false) throws(Failure) -> ChangeScan {
        let key = file.path + (withTypes ? " types" : "")
        if let known = scans.withLock({ $0[key] }) { return known }
        let scan = try ChangeScan(store.warehouse + "/" + file.path, withTypes: withTypes)
        scans.withLock { $0[key] = scan }
        return scan
    }
}
