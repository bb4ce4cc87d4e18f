internal import Change
internal import Columns
internal import Event
internal import Parquet
internal import Platform
internal import Schema
internal import Sinks
internal import TimeZone

/// One run: what is read once and used for all days, and the days in order. Tables of a day are made side by side.
///
/// Invariant: `previous`, `claimed` and `report` change only between days, while one thread is at work.
// Safety: what changes while several threads are at work is `scans`, behind its lock.
final class ReplaySession: @unchecked Sendable {
    typealias State = (folder: String, manifest: StateManifest)

    let sync: SyncReplay
    let store: StateStore
    let names: [TableName]
    private(set) var statements: [(day: String, entry: SchemaEntry)]
    var report = SyncReport()
    /// The states of the day before, by incarnation.
    var previous: [String: State] = [:]
    /// Names that tables have, or had, by the history of the day in hand.
    var claimed: Set<TableName> = []
    let log: ChangeLogFolder
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
        try placeStatements()
    }

    var days: [String] {
        Set(files.values.joined().map(\.day) + statements.map(\.day)).sorted()
    }

    func run(lastDay: String?, tables: Set<String>) throws(Failure) {
        if let newest = days.last { try removeBeyond(newest) }
        let days = days.filter { day in lastDay.map { day <= $0 } ?? true }
        let floors = try floors(days)
        for day in days {
            let made = floors.isPassed(day) ? [:] : try replay(day, tables, floors)
            previous = tables.isEmpty ? made : try states(of: day)
            for (incarnation, floor) in floors.states where floor.day <= day && previous[incarnation] == nil {
                previous[incarnation] = floor.state
            }
        }
        if let newest = days.last { try removeOld(newest) }
    }

    // MARK: Days

    /// Gives every statement the day of the changes that it stands among.
    private func placeStatements() throws(Failure) {
        guard !statements.isEmpty else { return }
        var spans: [String: (first: SourcePlace, last: SourcePlace)] = [:]
        let floor = try commonFloor()
        for name in names {
            for (day, files) in Dictionary(grouping: files(of: name), by: \.day) {
                // Why not all: what stands before states that are not made again is of no use, and may be long.
                if let floor, day < floor { continue }
                guard let span = try span(of: name, day, files) else { continue }
                let known = spans[day] ?? (span.first, span.last)
                spans[day] = (min(known.first, span.first), max(known.last, span.last))
            }
        }
        let days = StatementDays(spans)
        for at in statements.indices {
            statements[at].day = days.day(of: statements[at].entry.place, own: statements[at].day)
        }
    }

    /// The last day at which or behind which every table with older changes has a state that is not made again; nil:
    /// none.
    private func commonFloor() throws(Failure) -> String? {
        let isOld = isOld(days)
        var common: String?
        for name in names where files(of: name).contains(where: { isOld($0.day) }) {
            guard let table = log.stateTable(name),
                let floor = try store.days(in: store.folder(of: table)).last(where: isOld)
            else { return nil }
            common = min(common ?? floor, floor)
        }
        return common
    }

    /// Where a day's changes of a table lie: the state made from the same files says it, else they are read.
    func span(of name: TableName, _ day: String, _ files: [ChangeFile]) throws(Failure) -> LogSpan? {
        let digest = Hexadecimal.digest(files.map { "\($0.path) \($0.byteCount)" })
        if let table = log.stateTable(name), let manifest = try store.manifest(of: table, day), manifest.source == name,
            let span = manifest.logSpan, span.files == digest
        {
            return span
        }
        var span: LogSpan?
        for file in files {
            let scan = try scan(file)
            guard let first = scan.firstPlace, let last = scan.lastPlace else { continue }
            let known = span ?? LogSpan(files: digest, first: first, last: last)
            span = LogSpan(files: digest, first: min(known.first, first), last: max(known.last, last))
        }
        return span
    }

    /// Whether a day is older than is kept, seen from the last of these.
    func isOld(_ days: [String]) -> (String) -> Bool {
        guard let newest = days.last.flatMap(CivilDay.number(of:)) else { return { _ in false } }
        let keep = sync.spec.keepMilliseconds / 86_400_000
        return { day in CivilDay.number(of: day).map { $0 < newest - keep } ?? false }
    }

    /// Removes states of days behind the newest one: a statement alone had made them, and changes that came since
    /// say that it belongs elsewhere.
    private func removeBeyond(_ newest: String) throws(Failure) {
        for table in try ownTables() {
            for day in try store.days(in: store.folder(of: table)) where day > newest { try takeAway(table, day) }
        }
    }

    /// Where tables begin: for each incarnation its newest state of a day that is not kept any more, which is not made
    /// again. A table without one begins with its first change.
    ///
    /// Why by table: a run may have ended in the middle of a day, and change logs may be older than is kept of them.
    private struct Floors {
        var states: [String: (day: String, state: State)] = [:]
        /// Tables that are there at the end of the last day that is too old to be kept.
        var needed: Set<String> = []
        /// That day; nil: there is none.
        var last: String?

        /// Whether nothing of a day is to be made.
        func isPassed(_ day: String) -> Bool {
            guard let last, day <= last else { return false }
            return needed.allSatisfy { isPassed(day, $0) }
        }

        func isPassed(_ day: String, _ incarnation: String) -> Bool {
            states[incarnation].map { day <= $0.day } ?? false
        }
    }

    private func floors(_ days: [String]) throws(Failure) -> Floors {
        var floors = Floors()
        let isOld = isOld(days)
        guard let last = days.last(where: isOld) else { return floors }
        for table in try ownTables() {
            for day in try store.days(in: store.folder(of: table)).filter(isOld) {
                guard let manifest = try store.manifest(of: table, day),
                    floors.states[manifest.incarnation].map({ $0.day < day }) ?? true
                else { continue }
                floors.states[manifest.incarnation] = (day, (store.folder(of: table, day), manifest))
            }
        }
        guard !floors.states.isEmpty else { return floors }
        floors.last = last
        let history = try history(last)
        for (name, number) in history.current {
            let rule = sync.spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name) else { continue }
            let incarnation = history.incarnations[number]
            floors.needed.insert(incarnation.identity)
            guard let floor = floors.states[incarnation.identity] else { continue }
            if floor.state.folder == store.folder(of: table, floor.day) {
                let shown = TableDay(
                    sync: sync, store: store.aside("kept"), table: table, day: floor.day, incarnation: incarnation,
                    rule: rule)
                _ = try shown.publish(floor.state.manifest)
            }
            try noteLate(incarnation, table, floor.state.manifest, upTo: floor.day)
        }
        return floors
    }

    /// Changes that came for days up to the one that a table begins with: they change no state any more.
    private func noteLate(
        _ incarnation: TableIncarnation, _ table: String, _ manifest: StateManifest, upTo day: String
    ) throws(Failure) {
        let files = incarnation.names.flatMap { self.files(of: $0.name) }.filter { $0.day <= day }
        var late = 0
        if files.count > manifest.logFileCount {
            var rows: Int64 = 0
            for file in files {
                rows += try ParquetReader(LocalParquet(store.warehouse + "/" + file.path), columns: []).rowCount
            }
            late = Int(max(0, rows - manifest.logChangeCount))
        }
        if late > 0 { report.lateChanges[table] = late }
        let note = late > 0 ? Array("{\"changes\":\(late),\"up_to\":\"\(day)\"}\n".utf8) : nil
        let path = store.lateFile(of: table)
        if try store.read(path, maximum: 4_096) != note { try store.replace(path, with: note) }
    }

    private func removeOld(_ newest: String) throws(Failure) {
        let isOld = isOld([newest])
        for table in try ownTables() {
            let old = try store.days(in: store.folder(of: table)).filter(isOld)
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
    func states(of day: String) throws(Failure) -> [String: State] {
        var states: [String: State] = [:]
        for table in try ownTables() {
            guard let manifest = try store.manifest(of: table, day) else { continue }
            states[manifest.incarnation] = (store.folder(of: table, day), manifest)
        }
        return states
    }

    private func replay(
        _ day: String, _ only: Set<String>, _ floors: Floors
    ) throws(Failure) -> [String: State] {
        let history = try history(day)
        var current: Set<String> = []
        var tables: [TableDay] = []
        for (name, number) in history.current {
            let rule = sync.spec.rule(of: name.text.utf8)
            guard !rule.ignore, let table = log.stateTable(name) else { continue }
            current.insert(table)
            guard only.isEmpty || only.contains(table),
                !floors.isPassed(day, history.incarnations[number].identity)
            else { continue }
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

    /// Change files of a table; where no table is written so, of the only one that differs by case alone: a server may
    /// keep names otherwise than a statement writes them.
    func files(of name: TableName) -> [ChangeFile] {
        if let found = files[name] { return found }
        let lower = name.text.lowercased()
        let others = files.keys.filter { $0.text.lowercased() == lower }
        return others.count == 1 && !claimed.contains(others[0]) ? files[others[0]] ?? [] : []
    }

    func scan(_ file: ChangeFile, withTypes: Bool = false) throws(Failure) -> ChangeScan {
        let key = file.path + (withTypes ? " types" : "")
        if let known = scans.withLock({ $0[key] }) { return known }
        let scan = try ChangeScan(store.warehouse + "/" + file.path, withTypes: withTypes)
        scans.withLock { $0[key] = scan }
        return scan
    }
}
