internal import Columns
internal import Event
internal import Parquet
internal import Platform
internal import Sinks

/// A table's state with a day's changes: the files of the state before, those that the changes touch written anew.
///
/// The state is cut at its files. A file into whose range no change falls is linked, not read; neighbours of one that
/// has become small are written as one with it. Stretches are independent of each other and done by several threads.
struct StateMerge {
    /// A state that is there.
    struct Beginning {
        var folder: String
        var files: [StateFile]
        /// Its files' columns.
        var layout: StateLayout
        /// How its rows become rows of the new layout; nil: they are.
        var conversion: LayoutConversion?
    }

    /// What came out.
    struct Outcome: Equatable {
        var files: [StateFile] = []
        var counts = ReplayCounts()
        /// Files that were linked.
        var linkedCount = 0
    }

    /// Files of the state before, and whether they are written anew.
    private struct Stretch: Sendable {
        var files: Range<Int>
        var isTouched: Bool
        /// The first identity of the stretch, nil for the first one; and of the one behind, nil for the last.
        var lower: [UInt8]?
        var upper: [UInt8]?
    }

    let layout: StateLayout
    let base: Beginning?
    let changes: SortedChanges
    /// Where the new files go: an empty folder.
    let folder: String
    var limits = StateWriter.Limits()
    var options = ParquetOptions()
    /// Threads besides the caller's.
    var permits = WorkerPermits(0)

    /// Merges. The new files are durable when it returns, their names in the folder too. Throws what the storage
    /// throws, `parquet.corrupt`.
    func run() throws(Failure) -> Outcome {
        let stretches = try plan()
        let results = try permits.forEach(stretches) { index, stretch throws(Failure) in try merge(stretch, index) }
        var outcome = Outcome()
        for (stretch, result) in zip(stretches, results) {
            outcome.counts.add(result.counts)
            outcome.linkedCount += stretch.isTouched ? 0 : result.files.count
            for var file in result.files {
                let name = Self.name(outcome.files.count, file.digest)
                do throws(Errno) {
                    if stretch.isTouched {
                        try Syscalls.rename(folder + "/" + file.name, folder + "/" + name)
                    } else if let base {
                        try Syscalls.link(base.folder + "/" + file.name, folder + "/" + name)
                    }
                } catch {
                    throw ReplayFailure.storage(error, "name", folder + "/" + name)
                }
                file.name = name
                outcome.files.append(file)
            }
        }
        do throws(Errno) { try DurableFile.sync(folder: folder) } catch {
            throw ReplayFailure.storage(error, "sync", folder)
        }
        return outcome
    }

    /// `part-00003-0123456789abcdef.parquet`.
    static func name(_ number: Int, _ digest: UInt64) -> String {
        let (number, digest) = (String(number), String(digest, radix: 16))
        return "part-" + String(repeating: "0", count: max(0, 5 - number.count)) + number + "-"
            + String(repeating: "0", count: 16 - digest.count) + digest + ".parquet"
    }

    // MARK: Plan

    private func plan() throws(Failure) -> [Stretch] {
        guard let base, !base.files.isEmpty else {
            return [Stretch(files: 0..<0, isTouched: true, lower: nil, upper: nil)]
        }
        let files = base.files
        guard base.conversion == nil else {
            return [Stretch(files: files.indices, isTouched: true, lower: nil, upper: nil)]
        }
        var stretches: [Stretch] = []
        for index in files.indices {
            let lower = index == 0 ? nil : files[index].firstIdentity
            let upper = index + 1 < files.count ? files[index + 1].firstIdentity : nil
            let isTouched = try isTouched(lower, upper)
            // Why: else deletes would leave more and more files with less and less in them.
            let small = Int64(limits.fileRowCount / 4)
            if let last = stretches.last, last.isTouched, isTouched || files[index].rowCount < small,
                files[last.files].allSatisfy({ $0.rowCount < small })
            {
                stretches[stretches.count - 1].files = last.files.lowerBound..<index + 1
                stretches[stretches.count - 1].upper = upper
            } else {
                stretches.append(Stretch(files: index..<index + 1, isTouched: isTouched, lower: lower, upper: upper))
            }
        }
        return stretches
    }

    private func isTouched(_ lower: [UInt8]?, _ upper: [UInt8]?) throws(Failure) -> Bool {
        let cursor = try changes.cursor(from: lower)
        // Safety: the record is a view of what the cursor holds.
        defer { withExtendedLifetime(cursor) {} }
        guard let record = cursor.current else { return false }
        guard let upper else { return true }
        return unsafe upper.withUnsafeBytes { record.identity.order(unsafe ByteView($0)) < 0 }
    }

    /// Copies the next row groups of a file as they lie, as far as no change falls on them.
    private func copyGroups(
        _ file: StateFile, _ reader: ParquetReader, _ merge: SegmentMerge, _ writer: StateWriter
    ) throws(Failure) {
        // Why only with a key: without one equal rows may stand in two groups.
        guard base?.conversion == nil, layout.table.isKeyed, !file.groupIdentities.isEmpty else { return }
        while let index = reader.nextGroup, index <= file.groupIdentities.count {
            let upper = index < file.groupIdentities.count ? file.groupIdentities[index] : nil
            let first = index == 0 ? file.firstIdentity : file.groupIdentities[index - 1]
            guard try merge.passes(upTo: upper), let group = try reader.storedGroup(index),
                try writer.append(group, first: first)
            else { return }
            reader.skipGroup()
        }
    }

    // MARK: Work

    private struct Part: Sendable {
        var files: [StateFile]
        var counts = ReplayCounts()
    }

    private func merge(_ stretch: Stretch, _ number: Int) throws(Failure) -> Part {
        guard stretch.isTouched else { return Part(files: base.map { Array($0.files[stretch.files]) } ?? []) }
        let writer = try StateWriter(layout, folder: folder, name: "new-\(number)", limits: limits, options: options)
        let cursor = try changes.cursor(from: stretch.lower)
        let merge = SegmentMerge(layout, cursor, upper: stretch.upper, writer)
        if let base {
            for file in base.files[stretch.files] {
                let reader = try ParquetReader(LocalParquet(base.folder + "/" + file.name))
                guard reader.columns.elementsEqual(base.layout.shapes, by: { $0 == $1 }) else {
                    throw ReplayFailure.corrupt(base.folder + "/" + file.name, "it has other columns than its manifest")
                }
                while true {
                    try copyGroups(file, reader, merge, writer)
                    guard try reader.next() else { break }
                    if let conversion = base.conversion {
                        try merge.take(conversion.convert(reader.rows))
                    } else {
                        try merge.take(reader.rows)
                    }
                }
            }
        }
        try merge.finish()
        try writer.finish()
        return Part(files: writer.files, counts: merge.counts)
    }
}
