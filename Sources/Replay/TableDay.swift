internal import Change
internal import Columns
internal import Event
internal import Platform
internal import Schema
internal import TimeZone

/// One table's day within a run: whether its state must be made, from what, and its publication.
struct TableDay: Sendable {
    let sync: SyncReplay
    /// With a scratch folder of its own.
    let store: StateStore
    /// `db.table` in the warehouse.
    let table: String
    let day: String
    let incarnation: TableIncarnation
    let rule: SyncTableSpec
    var settings: ReplaySettings

    init(
        sync: SyncReplay, store: StateStore, table: String, day: String, incarnation: TableIncarnation,
        rule: SyncTableSpec
    ) {
        self.sync = sync
        self.store = store
        self.table = table
        self.day = day
        self.incarnation = incarnation
        self.rule = rule
        settings = sync.settings
    }

    /// What a day came to.
    struct Outcome: Sendable {
        var manifest: StateManifest
        var result: ReplayedDay
    }

    var identity: String { incarnation.identity }

    /// Bytes of changes to read.
    func byteCount(_ session: ReplaySession) -> UInt64 {
        files(session, from: day).reduce(0) { $0 + $1.file.byteCount }
    }

    /// Columns in which equal rows count as one; nil: all rows are shown.
    func unique(_ manifest: StateManifest) -> [String]? {
        rule.unique(among: manifest.columns.map(\.name))
    }

    func run(_ session: ReplaySession) throws(Failure) -> Outcome {
        let base = session.base(of: identity)
        // Why all days: a statement that comes late makes a table known whose changes came before it.
        let files = files(session, from: base == nil ? "" : day)
        let inputs = inputs(base?.manifest, files)
        var result = ReplayedDay(table: table, day: day)
        let manifest: StateManifest
        if let there = try store.manifest(of: table, day), there.inputs == inputs {
            manifest = there
            result.isComplete = try publish(manifest)
        } else {
            manifest = try make(session, base, files, inputs, &result)
            result.isMade = true
        }
        report(manifest, &result)
        return Outcome(manifest: manifest, result: result)
    }

    /// Makes good what an end of the program between a state and its publication left; returns whether the day is
    /// complete.
    func publish(_ manifest: StateManifest) throws(Failure) -> Bool {
        let isComplete = isComplete(manifest)
        let publication = publication(manifest)
        if try !publication.isThere() {
            _ = try publication.make(from: store.folder(of: table, day))
            try publication.put(isComplete: isComplete)
        } else if isComplete {
            try publication.markComplete()
        } else {
            try publication.markIncomplete()
        }
        return isComplete
    }

    private func publication(_ manifest: StateManifest) -> Publication {
        Publication(
            store: store, table: table, day: day, partition: sync.spec.log.partitionName, manifest: manifest,
            unique: unique(manifest), settings: settings)
    }

    private func report(_ manifest: StateManifest, _ result: inout ReplayedDay) {
        result.rowCount = manifest.rowCount
        result.visibleRowCount = manifest.visibleRowCount
        result.changeCount = manifest.changeCount
        result.contradictions = manifest.counts.named
        result.rejections = manifest.rejections
        result.losses = manifest.losses
    }

    private func isComplete(_ manifest: StateManifest) -> Bool {
        guard let passed = sync.passedDay, let number = CivilDay.number(of: day) else { return false }
        return number < passed && manifest.rejections.isEmpty
    }

    // MARK: Inputs

    /// A file with the span of places in which its name is the incarnation's.
    struct NamedFile {
        var file: ChangeFile
        var from: SourcePlace
        var to: SourcePlace

        /// Whether something of it is the incarnation's.
        func concerns(_ scan: ChangeScan) -> Bool {
            guard let first = scan.firstPlace, let last = scan.lastPlace else { return false }
            return first < to && last >= from
        }
    }

    /// Change files of all names that the incarnation ever had, from a day up to this one, each with the span of
    /// places in which the name was its own.
    func files(_ session: ReplaySession, from first: String) -> [NamedFile] {
        var found: [NamedFile] = []
        let names = incarnation.names
        for index in names.indices {
            let from = names[index].from
            let to = index + 1 < names.count ? names[index + 1].from : incarnation.died ?? .end
            for file in session.files(of: names[index].name) where file.day >= first && file.day <= day {
                found.append(NamedFile(file: file, from: from, to: to))
            }
        }
        return found
    }

    /// XXH3-128 of everything that the state depends on.
    private func inputs(_ base: StateManifest?, _ files: [NamedFile]) -> String {
        var lines = [SyncReplay.method, identity, base?.inputs ?? "-", base?.digest ?? "-", "\(rule.unique as Any)"]
        lines.append("\(rule.deletes.rawValue) \(rule.key) \(sync.spec.dates.rawValue) \(sync.spec.toolZone ?? "-")")
        lines.append("\(sync.spec.debezium)")
        // Why not always: states made before there was such a zone stay.
        if let zone = sync.spec.sessionZone { lines.append("session \(zone)") }
        for version in incarnation.versions {
            lines.append("version \(version.from) \(version.columns) \(version.key) \(version.source)")
        }
        for event in incarnation.events { lines.append("event \(event.place) \(event.kind.rawValue)") }
        for name in incarnation.names { lines.append("name \(name.from) \(name.name.text.debugDescription)") }
        for file in files { lines.append("\(file.file.path) \(file.file.byteCount)") }
        return Hexadecimal.digest(lines)
    }

    /// XXH3-128 of the rules of the table.
    var rules: String {
        Hexadecimal.digest([
            SyncReplay.method, "\(rule.unique as Any)", rule.deletes.rawValue, "\(rule.key)", sync.spec.dates.rawValue,
            sync.spec.toolZone ?? "-", "\(sync.spec.debezium)",
        ] + [sync.spec.sessionZone].compactMap(\.self))
    }

    /// Days of which it is noted what files were there.
    private static let maximumNotedDayCount = 400

    /// Which files there were: of the own day those that concern the table, of days before all.
    private func changeDays(_ session: ReplaySession, _ scanned: [(NamedFile, ChangeScan)]) -> [String: String] {
        var days = Dictionary(grouping: files(session, from: ""), by: \.file.day)
        days[day] = scanned.filter { $0.file.day == day && $0.concerns($1) }.map(\.0)
        var digests: [String: String] = [:]
        for (day, files) in days.sorted(by: { $0.key < $1.key }).suffix(Self.maximumNotedDayCount) {
            digests[day] = Self.digest(files)
        }
        return digests
    }

    /// XXH3-128 of the names of files.
    static func digest(_ files: [NamedFile]) -> String {
        Hexadecimal.digest(Set(files.map { "\($0.file.path) \($0.file.byteCount)" }).sorted())
    }

    // MARK: Making

    private func make(
        _ session: ReplaySession, _ previous: (folder: String, manifest: StateManifest)?, _ today: [NamedFile],
        _ inputs: String, _ result: inout ReplayedDay
    ) throws(Failure) -> StateManifest {
        let beginning = try beginning(session, previous, today)
        let (base, files, scans) = (beginning.base, beginning.files, beginning.scans)
        let log = RejectionLog()
        var replay = replay(beginning, log)
        replay.settings = settings
        let outcome = try replay.run()
        result.linkedFileCount = outcome.linkedCount
        var manifest = manifest(outcome, inputs, base?.manifest, zip(files, scans).map { ($0, $1) })
        manifest.rejections = log.counts
        // Why not the base's: it counts them again while their rows are there.
        var earlier = outcome.keepsBase ? base?.manifest.rejectionTotals ?? [:] : [:]
        earlier[IncarnationReplay.unknownKey] = nil
        manifest.rejectionTotals = earlier.merging(log.counts, uniquingKeysWith: &+)
        manifest.rules = rules
        manifest.changeDays = changeDays(session, zip(files, scans).map { ($0, $1) })
        let own = session.files(of: incarnation.name).filter { $0.day == day }
        manifest.logSpan = try session.span(of: incarnation.name, day, own)
        manifest.visibleRowCount = try publication(manifest).make(from: outcome.folder)
        result.isComplete = isComplete(manifest)
        // Order: the state comes behind what is said of it, the visible folder last; until the state is there the
        // next run makes all three anew.
        try store.replace(store.rejectedFile(of: table, day), with: log.lineCount > 0 ? log.lines : nil)
        try store.write(outcome.folder + "/" + StateStore.manifestName, manifest.encoded())
        try store.put(outcome.folder, at: store.folder(of: table, day))
        try publication(manifest).put(isComplete: result.isComplete)
        return manifest
    }

    /// The state that a day begins with, and the changes behind it.
    struct DayBeginning {
        var base: (folder: String, manifest: StateManifest)?
        var files: [NamedFile]
        var scans: [ChangeScan]
    }

    /// Where a day begins, given the state of the day before and its own files.
    func beginning(
        _ session: ReplaySession, _ previous: (folder: String, manifest: StateManifest)?, _ today: [NamedFile]
    ) throws(Failure) -> DayBeginning {
        var base = previous
        var files = today
        var scans = try scan(files, session)
        // Why: a change may stand before others that were replayed with an earlier day, if partitions passed
        // midnight at different places: then both days are replayed in one, from the state before them.
        // A state whose columns are none that the table is known to have had is passed over, too.
        while let found = base, overlaps(found.manifest, files, scans) || !isKnown(found.manifest) {
            base = try session.olderBase(of: identity, before: found.manifest.day(in: found.folder))
            // Why `+`: it makes a text that comes behind the base's day and before the next one.
            files = self.files(session, from: base.map { $0.manifest.day(in: $0.folder) + "+" } ?? "")
            scans = try scan(files, session)
        }
        return DayBeginning(base: base, files: files, scans: scans)
    }

    /// The replay of what a day begins with.
    func replay(_ day: DayBeginning, _ log: RejectionLog) -> IncarnationReplay {
        IncarnationReplay(
            incarnation: incarnation, rule: rule,
            base: day.base.map { IncarnationReplay.Beginning(folder: $0.folder, manifest: $0.manifest) },
            inputs: zip(day.files, day.scans).filter { file, scan in file.concerns(scan) }.map { file, _ in
                IncarnationReplay.Input(path: store.warehouse + "/" + file.file.path, from: file.from, to: file.to)
            },
            truncates: zip(day.files, day.scans).flatMap { file, scan in
                scan.truncates.filter { $0 >= file.from && $0 < file.to }
            },
            readings: readings(day.files, day.scans), store: store, log: log)
    }

    /// Readings of the whole table, as far as files tell.
    private func readings(_ files: [NamedFile], _ scans: [ChangeScan]) -> SnapshotReadings {
        var starts: [SourcePlace] = []
        var ends: [SourcePlace] = []
        for (file, scan) in zip(files, scans) {
            starts += scan.readingStarts.filter { $0 >= file.from && $0 < file.to }
            ends += scan.readingEnds.filter { $0 >= file.from && $0 < file.to }
        }
        return SnapshotReadings(starts: starts, ends: ends)
    }

    /// Whether a state has columns that its table is known to have had.
    private func isKnown(_ manifest: StateManifest) -> Bool {
        incarnation.versions.last?.source == .inferred || manifest.version(of: incarnation) != nil
    }

    private func scan(_ files: [NamedFile], _ session: ReplaySession) throws(Failure) -> [ChangeScan] {
        var scans: [ChangeScan] = []
        for file in files { scans.append(try session.scan(file.file)) }
        return scans
    }

    /// Whether something new stands before what the base has seen.
    private func overlaps(_ base: StateManifest, _ files: [NamedFile], _ scans: [ChangeScan]) -> Bool {
        guard let last = base.lastPlace else { return false }
        if schemaSteps.count(where: { $0 <= last }) != base.schemaStepCount { return true }
        // A table without a key goes by which readings were completed: one that began earlier is read from there.
        if base.key.isEmpty, readings(files, scans).endsEarlierOne { return true }
        return zip(files, scans).contains { file, scan in
            guard let first = scan.firstPlace, let end = scan.lastPlace, first < file.to, end >= file.from
            else { return false }
            return max(first, file.from) <= last
        }
    }

    /// Places at which the schema's history has something to say of this table.
    var schemaSteps: [SourcePlace] {
        (incarnation.events.map(\.place) + incarnation.versions.map(\.from) + incarnation.names.map(\.from))
            .filter { $0 != .beginning }
    }

    private func manifest(
        _ outcome: IncarnationReplay.Outcome, _ inputs: String, _ base: StateManifest?,
        _ files: [(NamedFile, ChangeScan)]
    ) -> StateManifest {
        var manifest = StateManifest(source: incarnation.name, incarnation: identity, inputs: inputs)
        manifest.files = outcome.files
        manifest.columns = outcome.layout.table.columns
        manifest.key = outcome.layout.table.key.map { outcome.layout.table.columns[$0].name }
        manifest.marksDeletes = outcome.layout.marksDeletes
        manifest.keepsFirstPlace = outcome.layout.keepsFirstPlace
        manifest.versionFrom = outcome.version.from
        manifest.schemaSource = outcome.version.source.rawValue
        let places = files.compactMap { file, scan in scan.lastPlace.map { min($0, file.to) } }
        manifest.lastPlace = (places + schemaSteps + [base?.lastPlace].compactMap { $0 }).max()
        manifest.schemaStepCount = schemaSteps.count
        let times = files.compactMap { $0.1.lastCommitted } + [base?.lastCommitted].compactMap { $0 }
        manifest.lastCommitted = times.max()
        manifest.changeCount = outcome.changeCount
        manifest.logFileCount = (base?.logFileCount ?? 0) + files.count
        manifest.logChangeCount = (base?.logChangeCount ?? 0) + files.reduce(0) { $0 + Int64($1.1.rowCount) }
        manifest.rowCount = outcome.files.reduce(0) { $0 + $1.rowCount }
        manifest.visibleRowCount = manifest.rowCount
        manifest.counts = outcome.counts
        manifest.contradictionTotals = (outcome.keepsBase ? base?.contradictionTotals ?? [:] : [:])
            .merging(outcome.counts.named, uniquingKeysWith: &+)
        // Why a sum: a value that was lost on an earlier day is no better today, if its row is still there.
        manifest.losses = (outcome.keepsBase ? base?.losses ?? [:] : [:]).merging(
            outcome.losses.list.map { ($0.loss.name, Int($0.count)) }, uniquingKeysWith: &+)
        manifest.digest = Hexadecimal.digest(outcome.files.map { "\($0.name) \($0.byteCount) \($0.digest)" })
        return manifest
    }
}

extension TableIncarnation {
    /// Where it was created, and its first name: what tells the lives of tables apart.
    var identity: String {
        let name = names[0].name
        return "\(born.leg):\(born.file):\(born.position):\(born.row) \(name.text)"
    }
}

extension StateManifest {
    /// The version of an incarnation whose columns the state has.
    func version(of incarnation: TableIncarnation) -> Int? {
        incarnation.versions.firstIndex { version in
            version.from == versionFrom && version.columns.map(\.name) == columns.map(\.name)
                && version.columns.map(\.shape) == columns.map(\.shape)
        }
    }

    /// The day of the folder that it lies in.
    func day(in folder: String) -> String { String(DurableFile.name(of: folder).dropFirst("dt=".utf8.count)) }
}
