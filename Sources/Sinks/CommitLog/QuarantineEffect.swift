public import Event
internal import JSON

/// The entries that a commit takes out of quarantine (design section 6: the entries it closes are open).
///
/// Precondition: nobody closed an entry since the writer looked, and no line is closed twice. Why one number
/// for all files: who replays reads them all; the memory of what was closed ends where a file ends.
public struct QuarantineEffect: Sendable, Equatable {
    /// Number of the last record that closed entries, as its writer knew it when it read them; 0: none.
    public var after: Int
    public var closed: [ClosedEntries]

    public init(after: Int, closed: [ClosedEntries] = []) {
        self.after = after
        self.closed = closed
    }
}

/// Lines of one quarantine file that are open no more.
public struct ClosedEntries: Sendable, Equatable {
    /// `_millrace/quarantine/<table>/dt=.../part-<token>-<n>.jsonl`
    public var path: String
    /// Line numbers from 1, `[from, to)`.
    public var lines: [CoveredRange]
    /// No line of the file is open any more: publishing the record removes it.
    public var isWhole: Bool

    public init(path: String, lines: [CoveredRange], isWhole: Bool) {
        self.path = path
        self.lines = lines
        self.isWhole = isWhole
    }

    /// What is wrong with it, or nil: a record may only remove files of the quarantine.
    var fault: String? {
        guard WarehousePath.isSafe(path), path.hasPrefix(WarehousePath.quarantine + "/") else {
            return "the name \(path.debugDescription) is not in \(WarehousePath.quarantine)"
        }
        guard !lines.isEmpty, lines.allSatisfy({ $0.from.major >= 1 && $0.from.minor == 0 && $0.to.minor == 0 })
        else { return "lines of \(path.debugDescription) make no sense" }
        return nil
    }
}

/// What leaves the books of the quarantine with a commit; what becomes of it is in the other counts.
public struct Reclaimed: Sendable, Equatable {
    /// Taken from `Balance.quarantined`.
    public var events: UInt64 = 0
    /// Taken from the rejected rows by reason, and by table.
    public var rejections: [String: UInt64] = [:]
    public var tables: [String: UInt64] = [:]

    public init() {}
}

/// Which entries of quarantine files are closed, as the log has it.
public struct QuarantineState: Sendable, Equatable {
    /// Most ranges of closed lines over all files that are not wholly closed: 65,536 at 40 bytes are 2.6 MB of
    /// a checkpoint. A replay that would leave more copies what is open to new files.
    public static let maximumRangeCount = 65_536

    /// Number of the last record that closed entries; 0: none did.
    public var changed = 0
    /// Closed lines by file name; files without any open line are forgotten, they are gone.
    public var closed: [String: IntervalSet] = [:]

    public init() {}

    public var rangeCount: Int { closed.values.reduce(0) { $0 + $1.count } }

    /// Why an effect cannot be applied now, or nil.
    func conflict(of effect: QuarantineEffect) throws(Failure) -> String? {
        if effect.after != changed { return "record \(changed) closed quarantine entries" }
        var counts: [String: IntervalSet] = [:]
        for file in effect.closed {
            let name = WarehousePath.name(of: file.path)
            var set = counts[name] ?? closed[name] ?? IntervalSet()
            for lines in file.lines {
                guard set.isDisjoint(with: lines) else { return "lines \(lines) of \(name) are closed" }
                set.insert(lines)
            }
            counts[name] = file.isWhole ? IntervalSet() : set
        }
        let before = counts.keys.reduce(0) { $0 + (closed[$1]?.count ?? 0) }
        guard rangeCount - before + counts.values.reduce(0, { $0 + $1.count }) <= Self.maximumRangeCount else {
            throw Failure(
                "commit.quarantine_full", stage: .commit, kind: .corrupt,
                "more than \(Self.maximumRangeCount) ranges of quarantine entries would be closed",
                hint: "replay whole tables or days, so that files are closed as a whole")
        }
        return nil
    }

    mutating func apply(_ effect: QuarantineEffect, number: Int) {
        changed = number
        for file in effect.closed {
            let name = WarehousePath.name(of: file.path)
            if file.isWhole {
                closed[name] = nil
            } else {
                for lines in file.lines { closed[name, default: IntervalSet()].insert(lines) }
            }
        }
    }
}

extension PipelineState {
    /// Moves counts out of quarantine. Why floors: data never traps, not even a log that someone mended.
    mutating func reclaim(_ reclaimed: Reclaimed, into effect: PipelineEffect) {
        balance.quarantined -= min(balance.quarantined, reclaimed.events)
        for (reason, count) in reclaimed.rejections {
            guard let known = rejections[reason] else { continue }
            rejections[reason] = known > count ? known - count : nil
        }
        for (table, count) in reclaimed.tables {
            guard let known = tables[table]?.rejected else { continue }
            tables[table]?.rejected = known > count ? known - count : 0
        }
        replayed += effect.balance.written + effect.balance.partlyWritten
    }
}

// MARK: JSON, docs/formats/commit-log.md

extension QuarantineEffect {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("after", JSONValue(after))
        object.add("closed", closed) { file in
            var entry = ObjectBuilder()
            entry.add("file", file.path)
            entry.add("lines", file.lines) { $0.json }
            if file.isWhole { entry.add("whole", .boolean(true)) }
            return entry.value
        }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> QuarantineEffect {
        let object = try ObjectReader(value)
        return QuarantineEffect(
            after: try object.small("after"),
            closed: try object.list("closed") { value throws(Malformed) in
                let entry = try ObjectReader(value)
                let file = ClosedEntries(
                    path: try entry.string("file"), lines: try entry.list("lines", Reading.range),
                    isWhole: try entry.optional("whole") { $0.boolean } ?? false)
                if let fault = file.fault { throw Malformed(what: fault) }
                return file
            })
    }
}

extension Reclaimed {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("events", JSONValue(events))
        object.add("rejections", rejections) { JSONValue($0) }
        object.add("tables", tables) { JSONValue($0) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> Reclaimed {
        let object = try ObjectReader(value)
        var reclaimed = Reclaimed()
        reclaimed.events = try object.count("events")
        reclaimed.rejections = try object.map("rejections", Reading.count)
        reclaimed.tables = try object.map("tables", Reading.count)
        return reclaimed
    }
}

extension QuarantineState {
    var json: JSONValue {
        var object = ObjectBuilder()
        object.add("changed", JSONValue(changed))
        object.add("closed", closed.mapValues(\.ranges)) { .array($0.map(\.json)) }
        return object.value
    }

    static func reading(_ value: JSONValue) throws(Malformed) -> QuarantineState {
        let object = try ObjectReader(value)
        var state = QuarantineState()
        state.changed = try object.small("changed")
        state.closed = try object.map("closed") { value throws(Malformed) in
            var set = IntervalSet()
            for range in value.array ?? [] { set.insert(try Reading.range(range)) }
            return set
        }
        return state
    }
}
