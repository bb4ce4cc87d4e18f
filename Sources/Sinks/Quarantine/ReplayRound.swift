internal import Event

/// Where a replay stands: a file of its list, and a line in it.
struct ReplayCursor: Equatable {
    var index = 0
    var place = QuarantineLines.Place()
}

/// One attempt at a commit of a replay: reads open entries from a cursor on, has them judged, stages what
/// came of them, and keeps the books of what is closed.
///
/// Invariants:
/// - an entry is closed if, and only if, its outcomes are staged: rows, or entries with the new reasons;
/// - a file whose every line is closed is named as whole; of no other file more than `maximumFileRangeCount`
///   ranges are closed, nor of all more than `maximumRangeCount`: what is open of it is copied to a new file
///   before, and closed here.
struct ReplayRound {
    /// Bytes of entries of one commit.
    static let maximumByteCount = 64 << 20
    /// Files touched by one commit.
    static let maximumFileCount = 1_000
    /// Entries judged together: their events share one batch of at most about 4 MiB.
    static let maximumBatchCount = 1_000
    static let maximumBatchByteCount = 4 << 20
    static let maximumFileRangeCount = 1_024

    let storage: any Storage
    let filter: QuarantineFilter
    let intake: any QuarantineIntake
    let state: QuarantineState
    /// Nil: nothing is written.
    let staged: StagedFiles?
    /// Smaller in tests.
    var byteLimit = ReplayRound.maximumByteCount
    var fileRangeLimit = ReplayRound.maximumFileRangeCount
    var rangeLimit = QuarantineState.maximumRangeCount

    private(set) var summary = ReplaySummary()
    private var writer = QuarantineWriter()
    private var closed: [ClosedEntries] = []
    private var pipelines: [String: PipelineEffect] = [:]
    private var rangeCount = 0
    private var byteCount = 0

    init(
        storage: any Storage, filter: QuarantineFilter, intake: any QuarantineIntake, state: QuarantineState,
        staged: StagedFiles?
    ) {
        self.storage = storage
        self.filter = filter
        self.intake = intake
        self.state = state
        self.staged = staged
        rangeCount = state.rangeCount
    }

    /// Reads on until the round is full or the files are at their end; where the next round begins.
    mutating func fill(_ files: [QuarantineFile], from start: ReplayCursor) throws(Failure) -> ReplayCursor {
        var cursor = start
        while cursor.index < files.count, byteCount < byteLimit, closed.count < Self.maximumFileCount {
            var lines = QuarantineLines(files[cursor.index], in: storage, from: cursor.place)
            let fault = try take(files[cursor.index], &lines)
            if let fault { summary.faults.append(fault) }
            let isOver = lines.isAtEnd || lines.isGone || fault != nil
            cursor =
                isOver ? ReplayCursor(index: cursor.index + 1) : ReplayCursor(index: cursor.index, place: lines.place)
        }
        return cursor
    }

    /// Seals what is staged: the commit's effects, or nil if nothing is closed.
    mutating func effects() throws(Failure) -> CommitEffects? {
        guard let staged, !closed.isEmpty else { return nil }
        try intake.flush(to: staged)
        try writer.flush(to: staged)
        for claim in intake.claims() {
            pipelines[claim.pipeline]?.streams = claim.streams
            pipelines[claim.pipeline]?.notices = claim.notices
        }
        var effects = CommitEffects()
        effects.pipelines = pipelines.sorted { $0.key < $1.key }.map(\.value)
        effects.quarantine = QuarantineEffect(after: state.changed, closed: closed)
        // Order: files are durable before the record that names them.
        effects.files = try staged.seal()
        return effects
    }

    // MARK: One file

    /// Takes a file's entries, as far as the round goes. The result says why it could not be read to its end;
    /// what was read before the damage is good.
    private mutating func take(_ file: QuarantineFile, _ lines: inout QuarantineLines) throws(Failure) -> Failure? {
        let before = state.closed[file.name] ?? IntervalSet()
        var chosen = IntervalSet()
        var batch: [StoredEntry] = []
        var batchByteCount = 0
        var fault: Failure?
        do throws(Failure) {
            while byteCount < byteLimit, let line = try lines.next() {
                let number = lines.place.line
                if before.contains(Self.range(number)) { continue }
                guard let entry = entry(line, file, number) else { continue }
                guard filter.matches(entry) else { continue }
                byteCount += line.count
                batchByteCount += line.count
                batch.append(entry)
                if batch.count >= Self.maximumBatchCount || batchByteCount >= Self.maximumBatchByteCount {
                    try judge(batch, &chosen)
                    batch.removeAll(keepingCapacity: true)
                    batchByteCount = 0
                }
            }
        } catch {
            guard error.code == "sink.corrupt_quarantine" else { throw error }
            fault = error
        }
        try judge(batch, &chosen)
        if !chosen.isEmpty { try close(file, &chosen, before, lines, isReadable: fault == nil) }
        return fault
    }

    private mutating func entry(_ line: ArraySlice<UInt8>, _ file: QuarantineFile, _ number: UInt64) -> StoredEntry? {
        do throws(Malformed) {
            return try StoredEntry.reading(line, id: EntryID(file: file.file, line: number), day: file.day)
        } catch {
            summary.unreadable += 1
            return nil
        }
    }

    private mutating func close(
        _ file: QuarantineFile, _ chosen: inout IntervalSet, _ before: IntervalSet, _ lines: QuarantineLines,
        isReadable: Bool
    ) throws(Failure) {
        let isAtEnd = lines.isAtEnd && isReadable
        var after = before
        after.formUnion(chosen)
        let read = CoveredRange(Position(1), Position(lines.place.line + 1))
        let others = rangeCount - before.count
        if !(isAtEnd && after.contains(read)),
            after.count > fileRangeLimit || others + after.count > rangeLimit
        {
            try carry(file, through: lines.place.line, but: after)
            for missing in after.missing(in: read) { chosen.insert(missing) }
            after.insert(read)
        }
        let isWhole = isAtEnd && after.contains(read)
        rangeCount = others + (isWhole ? 0 : after.count)
        closed.append(ClosedEntries(path: file.path, lines: chosen.ranges, isWhole: isWhole))
    }

    /// Copies the open lines as they are.
    private mutating func carry(
        _ file: QuarantineFile, through last: UInt64, but closed: IntervalSet
    ) throws(Failure) {
        var lines = QuarantineLines(file, in: storage)
        while lines.place.line < last, let line = try lines.next() {
            if closed.contains(Self.range(lines.place.line)) { continue }
            summary.carried += 1
            guard let staged else { continue }
            try writer.append(
                line: line, folder: file.folder, day: QuarantineFile.dayPrefix + file.day, to: staged)
        }
        // Why: a file that went away half copied must not be closed.
        guard lines.place.line == last else {
            throw Failure(
                "sink.stale", stage: .sink, kind: .transient, "\(lines.path) became shorter while it was read",
                hint: "nothing was committed; run the replay again")
        }
    }

    private static func range(_ line: UInt64) -> CoveredRange { CoveredRange(Position(line), Position(line + 1)) }

    // MARK: Books

    private mutating func judge(_ entries: [StoredEntry], _ chosen: inout IntervalSet) throws(Failure) {
        guard !entries.isEmpty else { return }
        let result = try intake.take(entries, to: staged)
        precondition(result.verdicts.count == entries.count, "a verdict for each entry")
        for (entry, verdict) in zip(entries, result.verdicts) {
            summary.chosen += 1
            switch verdict {
            case .kept(let obstacle): summary.kept[obstacle, default: 0] += 1
            case .outcomes(let outcomes):
                if try book(entry, outcomes) { chosen.insert(Self.range(entry.id.line)) }
            }
        }
        for (pipeline, tables) in result.rows {
            for (table, rows) in tables where rows > 0 {
                summary.rows[table, default: 0] += rows
                pipelines[pipeline, default: PipelineEffect(pipeline: pipeline)]
                    .tables[table, default: RowCounts()].written += rows
            }
        }
    }

    /// Books one entry; false: it stays open as it is.
    private mutating func book(_ entry: StoredEntry, _ outcomes: [ReplayOutcome]) throws(Failure) -> Bool {
        if case .rejected(let refusal) = outcomes[0], outcomes.count == 1, refusal.reason.rawValue == entry.reason,
            refusal.table == entry.table, refusal.column == entry.column
        {
            summary.unchanged += 1
            summary.rejections[entry.reason, default: 0] += 1
            return false
        }
        var effect = pipelines[entry.pipeline] ?? PipelineEffect(pipeline: entry.pipeline)
        var reclaimed = effect.reclaimed ?? Reclaimed()
        reclaimed.events += 1
        reclaimed.rejections[entry.reason, default: 0] += 1
        if let table = entry.table { reclaimed.tables[table, default: 0] += 1 }
        effect.reclaimed = reclaimed
        // An event that no route took counted once; now it counts once for each route.
        effect.balance.received += UInt64(outcomes.count - 1)
        for outcome in outcomes {
            switch outcome {
            case .written:
                effect.balance.written += 1
                summary.written += 1
            case .duplicate:
                effect.balance.duplicate += 1
                summary.duplicate += 1
            case .filtered:
                effect.balance.filtered += 1
                summary.filtered += 1
            case .rejected(let refusal):
                effect.balance.quarantined += 1
                try supersede(entry, refusal, isPart: entry.isPart, in: &effect)
            case .partlyWritten(let refusals):
                effect.balance.partlyWritten += 1
                summary.written += 1
                for refusal in refusals { try supersede(entry, refusal, isPart: true, in: &effect) }
            }
        }
        pipelines[entry.pipeline] = effect
        return true
    }

    private mutating func supersede(
        _ old: StoredEntry, _ refusal: ReplayRefusal, isPart: Bool, in effect: inout PipelineEffect
    ) throws(Failure) {
        effect.rejections[refusal.reason.rawValue, default: 0] += 1
        if let table = refusal.table { effect.tables[table, default: RowCounts()].rejected += 1 }
        summary.superseded += 1
        summary.rejections[refusal.reason.rawValue, default: 0] += 1
        guard let staged else { return }
        let new = old.refused(refusal, isPart: isPart)
        var writer = writer
        self.writer = QuarantineWriter()
        let outcome = unsafe old.bytes.withUnsafeBytes { bytes -> Result<Void, Failure> in
            do throws(Failure) { return .success(try unsafe writer.append(new, bytes: bytes, to: staged)) } catch {
                return .failure(error)
            }
        }
        self.writer = writer
        try outcome.get()
    }
}

extension QuarantineFile {
    /// `part-<token>-<n>.jsonl`, as the log has it.
    public var name: String { file + EntryID.fileSuffix }
}
