public import Event

/// The open entries of a warehouse's quarantine, as the log has them. Reads, and changes nothing.
public struct OpenEntries {
    private let storage: any Storage
    private let state: QuarantineState
    private let filter: QuarantineFilter
    /// Files looked at.
    public private(set) var fileCount = 0
    /// Lines that are no entries of a known version.
    public private(set) var unreadable: UInt64 = 0
    /// Why files were not read to their end.
    public private(set) var faults: [Failure] = []

    public init(storage: any Storage, state: QuarantineState, filter: QuarantineFilter) {
        self.storage = storage
        self.state = state
        self.filter = filter
    }

    /// Calls `body` for each entry that the filter chooses, by table, day and file, until it answers false.
    /// What a replay closes meanwhile may be there or not.
    public mutating func forEach(_ body: (StoredEntry) throws(Failure) -> Bool) throws(Failure) {
        for file in try QuarantineFile.list(in: storage, filter) {
            fileCount += 1
            let closed = state.closed[file.name] ?? IntervalSet()
            var lines = QuarantineLines(file, in: storage)
            while let line = try next(&lines) {
                let number = lines.place.line
                if closed.contains(CoveredRange(Position(number), Position(number + 1))) { continue }
                guard let entry = entry(line, EntryID(file: file.file, line: number), file.day) else { continue }
                guard filter.matches(entry) else { continue }
                if !(try body(entry)) { return }
            }
        }
    }

    private mutating func next(_ lines: inout QuarantineLines) throws(Failure) -> ArraySlice<UInt8>? {
        do throws(Failure) { return try lines.next() } catch {
            guard error.code == "sink.corrupt_quarantine" else { throw error }
            faults.append(error)
            return nil
        }
    }

    private mutating func entry(_ line: ArraySlice<UInt8>, _ id: EntryID, _ day: String) -> StoredEntry? {
        do throws(Malformed) { return try StoredEntry.reading(line, id: id, day: day) } catch {
            unreadable += 1
            return nil
        }
    }
}
