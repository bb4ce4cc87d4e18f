internal import Configuration
internal import Event
internal import Platform

extension FileSource {
    public func look(now: Int64) -> Bool {
        self.now = now
        var written: Set<String> = []
        if let watch {
            let notices = watch.take()
            mustScan = mustScan || notices.mustLookAtAll
            written = notices.written
        }
        let since = lastScan.map { now - $0 } ?? -1
        mustScan = mustScan || since < 0 || since >= Int64(settings.pollMilliseconds)
        if !mustScan {
            for path in written {
                for stream in origins[path] ?? [] where stream.path == path && stream.ended == nil { restat(stream) }
            }
        }
        if !headsDue.isEmpty, isHeadDue {
            for id in headsDue { if let stream = streams[id] { enqueue(stream) } }
            headsDue.removeAll()
        }
        // Order: behind the looks at single files, which may find that all must be looked at.
        if mustScan { lookAtAll() }
        updateWatermark()
        return queue.count > 0 || needsDurability
    }

    /// Looks at one file that was noticed to be written to, through its descriptor.
    private func restat(_ stream: TailStream) {
        guard let status = try? stream.content?.status() else {
            mustScan = true
            return
        }
        if stream.content?.isCompressed == false { update(stream, status) } else { mustScan = true }
    }

    /// Looks at all files, twice where the first time leaves something open.
    private func lookAtAll() {
        let horizons = horizons()
        let latest = streams.values.filter { $0.known != $0.latest }.map { ($0, $0.latest) }
        scan(horizons)
        // Why at once: what was left open is decided before a checkpoint knows the files that came after it.
        if mustScan { scan(horizons) }
        for (stream, time) in latest where !undecided.contains(stream.origin) { stream.setKnown(time) }
    }

    /// A whole look: which files there are, which stream each belongs to.
    private func scan(_ horizons: [String: Int64]) {
        lookCount += 1
        lastScan = now
        mustScan = false
        undecided.removeAll()
        let outcome = discovery.look(origins: Set(origins.keys)) { self.byFile[$0]?.path == $1 }
        watch?.watch(outcome.folders)
        var faulty: Set<String> = []
        for failure in outcome.failures {
            faulty.insert(failure.path)
            fault("source.unreadable", failure.path, failure.error)
        }
        faultyPaths = faultyPaths.filter { faulty.contains($0) || !outcome.folders.contains($0) }
        var unknown: [FoundFile] = []
        for (file, stream) in match(outcome.files) {
            if let stream { found(stream, file) }
            if byFile[file.identity] == nil { unknown.append(file) }
        }
        for stream in Array(streams.values) where stream.foundInLook != lookCount { missing(stream) }
        // Order: a file before those whose names extend its own, so that its copies are known as such.
        unknown.sort { ($0.path.utf8.count, $0.path) < ($1.path.utf8.count, $1.path) }
        adoptCopies(&unknown)
        for file in unknown {
            if file.isMatched || orphans[file.identity] != nil {
                classify(file)
            } else {
                takeGeneration(file, horizons)
            }
        }
        let left = Set(unknown.map(\.identity)).subtracting(byFile.keys)
        held = held.filter { $0.value.look == lookCount && left.contains($0.key) }
        verdicts = verdicts.filter { left.contains($0.key) }
        let present = Set(outcome.files.map(\.identity))
        for file in present where orphans[file] != nil { orphans[file] = now }
        // Why for a while: a file that is renamed during a look may be in no place of it.
        orphans = orphans.mapValues { min($0, now) }
            .filter { byFile[$0.key] == nil && now - $0.value < Self.holdMilliseconds }
        compressed = compressed.filter { present.contains($0.key) }
        for stream in Array(streams.values) { serveTimers(stream) }
        giveUpRemoved()
        pendingWatermark = (now, Set(streams.values.filter { isBehind($0) }.map(\.id)))
    }

    /// The stream of every file: the same device, inode and birth; else the same inode and birth (device
    /// numbers change at a reboot).
    private func match(_ files: [FoundFile]) -> [(FoundFile, TailStream?)] {
        var result: [(FoundFile, TailStream?)] = files.map { ($0, byFile[$0.identity]) }
        guard result.contains(where: { $0.1 == nil }), !byFile.isEmpty else { return result }
        let claimed = Set(result.compactMap { $0.1?.id })
        var others: [InodeIdentity: TailStream] = [:]
        for (identity, stream) in byFile where !claimed.contains(stream.id) {
            others[InodeIdentity(device: 0, inode: identity.inode, birth: identity.birth)] = stream
        }
        for index in result.indices where result[index].1 == nil {
            let identity = result[index].0.identity
            // Why: while running a device keeps its number; only a stream not seen since the start may
            // have another.
            let key = InodeIdentity(device: 0, inode: identity.inode, birth: identity.birth)
            guard let stream = others[key], stream.foundInLook == 0 else { continue }
            others[key] = nil
            setFile(stream, identity)
            result[index].1 = stream
        }
        return result
    }

    func setFile(_ stream: TailStream, _ identity: InodeIdentity?) {
        guard stream.file != identity else { return }
        if let old = stream.file, byFile[old] === stream { byFile[old] = nil }
        stream.file = identity
        if let identity { byFile[identity] = stream }
        stream.touch()
    }

    private func found(_ stream: TailStream, _ given: FoundFile) {
        var file = given
        let isFirst = stream.foundInLook == 0
        stream.foundInLook = lookCount
        if stream.goneSince != nil {
            stream.goneSince = nil
            enqueue(stream)
        }
        if stream.path != file.path {
            notice("source.renamed", file.path, "\(stream.path) is \(file.path) now")
            stream.path = file.path
            stream.touch()
        }
        stream.retiredSince = stream.path == stream.origin ? nil : stream.retiredSince ?? now
        if stream.isOver {
            if file.method == nil { foundOver(stream, file, isFirst: isFirst) }
            return
        }
        guard measure(&file) == .whole else { return }
        if isFirst {
            stream.lastChange = now
            // Why now and not with the next fill, which an outage may hold up: its copy may lie beside it.
            if holdsAnother(stream) {
                shrink(stream, "its content is another", holdsAnother: true)
                return
            }
            enqueue(stream)
        }
        update(stream, file.status)
        // Why: a file with unread bytes is opened now, so that a deletion during an outage loses nothing.
        if stream.content == nil, stream.seen > stream.position.position, !stream.isSearching { _ = open(stream) }
    }

    /// Whether a stream's own file holds what is not the stream's, or less than what is known of it.
    func holdsAnother(_ stream: TailStream) -> Bool {
        guard !stream.isUnproved, stream.file != nil, let content = open(stream), !content.isCompressed else {
            return false
        }
        for mark in [stream.prefix, stream.proof, stream.position] {
            guard let mark, mark.position > 0 else { continue }
            switch try? content.match(mark, scratch: &scratch) {
            case .other: return true
            case .short where !stream.isShortCopy: return true
            default: break
            }
        }
        return false
    }

    /// The file of an ended stream: other content in it is a new file's, more content goes on.
    private func foundOver(_ stream: TailStream, _ file: FoundFile, isFirst: Bool) {
        guard isFirst || file.status.byteCount != stream.seen || file.status.modified != stream.modified else { return }
        stream.seen = file.status.byteCount
        stream.modified = file.status.modified
        let last = stream.position
        guard last.position > 0 else { return }
        let match = try? FileContent(path: file.path)?.match(last, scratch: &scratch)
        if match == .other || match == .short && !stream.isShortCopy {
            orphans[file.identity] = now
            setFile(stream, nil)
            stream.lost = file.identity
        } else if match == .same {
            goOn(stream, file)
        }
    }

    /// A file of an ended stream: where it has bytes that the stream had not, they go on in a new one.
    func goOn(_ stream: TailStream, _ file: FoundFile) {
        guard stream.isOver, file.status.byteCount > stream.position.position, !stream.ladder.isEmpty,
            let content = try? FileContent(path: file.path), content.identity == file.identity,
            (try? content.agrees(with: stream.position, scratch: &scratch)) == true
        else { return }
        var record = continuing(stream.record, reason: "grown")
        record.ended = nil
        record.file = nil
        record.partition = stream.partition
        let fresh = insert(record, isDurable: false)
        setFile(stream, nil)
        setFile(fresh, file.identity)
        fresh.foundInLook = lookCount
        fresh.bornInLook = lookCount
        fresh.retiredSince = stream.retiredSince
        update(fresh, file.status)
    }

    /// Takes in what a look says about a stream's own file.
    func update(_ stream: TailStream, _ status: FileStatus) {
        let isChanged = status.byteCount != stream.seen || status.modified != stream.modified
        let read = stream.position.position
        if stream.isUnproved {
            stream.seen = status.byteCount
            stream.modified = status.modified
            enqueue(stream)
            return
        }
        let known = max(read, stream.proof?.position ?? 0)
        if status.byteCount < known, !(stream.isShortCopy && status.byteCount >= stream.seen) {
            shrink(stream, "its size went from \(stream.seen) to \(status.byteCount)")
            return
        }
        if read == 0, status.byteCount < stream.seen {
            shrink(stream, "its size went from \(stream.seen) to \(status.byteCount)")
            return
        }
        if !isChanged, stream.isSettling, now - stream.lastChange >= Self.settleMilliseconds {
            stream.isSettling = false
            if holdsAnother(stream) {
                shrink(stream, "its content is another", holdsAnother: true)
                return
            }
        }
        guard isChanged else { return }
        stream.lastChange = now
        stream.isSettling = true
        stream.modified = status.modified
        if status.byteCount != stream.seen {
            stream.seen = status.byteCount
            stream.touch()
        }
        if status.byteCount >= read { enqueue(stream) }
        if read == 0, stream.head == nil, stream.ladder.isEmpty, stream.seen > 0, let content = open(stream) {
            prepareHead(stream, content)
        }
        stream.sight(stream.seen, now: now)
    }

    /// The file's content is not the stream's any more: from now on a copy is looked for.
    /// `holdsAnother`: the content says so, and not the size.
    func shrink(_ stream: TailStream, _ why: String, holdsAnother: Bool = false) {
        guard let file = stream.file else { return }
        // Why: the bytes that came since the last proof are counted as lost if they were the stream's; they are
        // those of the other content, which is read.
        if holdsAnother { stream.seen = min(stream.seen, max(stream.provedSize, stream.position.position)) }
        queue.remove(stream)
        mustScan = true
        notice("source.truncated", stream, "\(stream.path) was truncated or replaced: \(why)")
        orphans[file] = now
        stream.lost = file
        stream.lostSince = now
        stream.lostInLook = lookCount
        stream.stalled = nil
        stream.nulRun = nil
        stream.goneSince = nil
        setFile(stream, nil)
        close(stream)
    }

    private func missing(_ stream: TailStream) {
        guard stream.ended == nil, stream.file != nil else { return }
        stream.isGoneForSure = stream.goneSince != nil
        if stream.goneSince == nil {
            stream.goneSince = now
            mustScan = true
            stream.retiredSince = stream.retiredSince ?? now
        }
        guard !stream.isOver, stream.content?.isCompressed == false, let status = try? stream.content?.status()
        else { return }
        update(stream, status)
    }

    /// A file that belongs to no stream: held while it may be a copy, else a stream of its own.
    func classify(_ given: FoundFile, isNoCopy: Bool = false) {
        var file = given
        guard byFile[file.identity] == nil else { return }
        if file.method == nil, RotationName.isCompressed(DurableFile.name(of: file.path)) {
            if faultyPaths.insert(file.path).inserted {
                notice("source.compressed", file.path, "\(file.path) is compressed: its content is left alone")
            }
            return
        }
        switch measure(&file) {
        case .pending:
            hold(file)
            return
        case .unusable: return
        case .whole: break
        }
        // Why a generation that was missed at once: once another one is known, nothing says that it was.
        if !isNoCopy, mayBeCopy(file) {
            hold(file)
            return
        }
        guard streams.count < Self.maximumStreamCount else {
            if faultyPaths.insert("").inserted {
                faults.append(
                    Failure(
                        "source.too_many_files", stage: .source, kind: .transient,
                        "source \(name) follows \(Self.maximumStreamCount) files; new ones are left alone",
                        hint: "narrow the patterns or split the source"))
            }
            return
        }
        allocate(file)
    }

    private func allocate(_ file: FoundFile) {
        let content: FileContent
        do throws(Errno) {
            guard let opened = try FileContent(path: file.path) else { return }
            content = opened
        } catch {
            if error == .noEntry { mustScan = true } else { fault("source.unreadable", file.path, error) }
            return
        }
        guard content.identity == file.identity else {
            mustScan = true
            return
        }
        faultyPaths.remove(file.path)
        let id = StreamID.random(using: &generator)
        let isTruncated = orphans.removeValue(forKey: file.identity) != nil
        let origin = discovery.generationOrigin(of: file.path, among: origins) ?? file.path
        if !file.isMatched, !isTruncated {
            notice("source.generation", file.path, "\(file.path) came and went as \(origin) unseen: it is read now")
        }
        var record = StreamRecord(
            stream: id, path: file.path, origin: origin, file: file.identity, partition: pin(id), first: 0,
            continues: nil, reason: isTruncated ? "truncated" : "new", isAnnounced: false, ladder: RungLadder(),
            head: nil, seen: file.status.byteCount, modified: file.status.modified, known: 0, isUnproved: false,
            isShortCopy: false, cuts: [], ended: nil, maximumRecordByteCount: cutter.maximumRecordByteCount)
        if settings.start == .end, isFirstStart, lookCount == 1, let rung = lastLineStart(content, file.status.byteCount) {
            record.ladder.append(rung)
            record.first = rung.position
            record.reason = "start_at_end"
        }
        // Why at once, with the first bytes as they are: a rotation while the agent is down finds it known.
        let stream = insert(record, isDurable: false)
        stream.lastChange = now
        stream.isSettling = true
        stream.retiredSince = origin == file.path ? nil : now
        stream.foundInLook = lookCount
        stream.bornInLook = lookCount
        if file.status.byteCount > 0 {
            enqueue(stream)
            prepareHead(stream, content)
            // Why: truncated since it was listed; nobody saw what it held, so its copy is a file of its own.
            if stream.prefix == nil { stream.seen = 0 }
        }
        stream.sight(stream.seen, now: now)
        if openCount < Self.maximumOpenCount, file.status.byteCount > 0, !content.isCompressed {
            attach(content, to: stream)
        }
    }

    /// Fixes the head of a stream at a look, so that its checkpoint is written before the first fill.
    private func prepareHead(_ stream: TailStream, _ content: FileContent) {
        var bytes = [UInt8](repeating: 0, count: min(Int(clamping: stream.seen), 2 * Int(ContentChain.blockByteCount)))
        unsafe bytes.withUnsafeMutableBytes { buffer in
            guard let count = try? unsafe content.read(at: 0, into: buffer) else { return }
            let bytes = unsafe UnsafeRawBufferPointer(rebasing: buffer[..<count])
            if unsafe beginsAsKnown(stream, bytes) { unsafe fixHead(stream, bytes) }
        }
        // Order: the size behind the bytes. That of a listing may be another content's, which was truncated since: the
        // next look would take these bytes for truncated too, and a second stream would have them.
        if stream.prefix != nil, !content.isCompressed, let status = try? content.status() {
            stream.seen = status.byteCount
        }
    }

    private func beginsAsKnown(_ stream: TailStream, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard let prefix = stream.prefix else { return true }
        guard prefix.position <= bytes.count else { return false }
        var cursor = ChainCursor(tailOf: .zero)
        return unsafe cursor.rung(at: prefix.position, recordStart: prefix.recordStart, in: bytes) == prefix
    }

    /// The rung at the start of a file's last, unterminated line, or at its end. Nil: read from 0.
    private func lastLineStart(_ content: FileContent, _ byteCount: UInt64) -> Rung? {
        let count = min(Int(clamping: byteCount), cutter.maximumRecordByteCount + 1)
        var tail = [UInt8](repeating: 0, count: count)
        let from = byteCount - UInt64(count)
        let got = unsafe tail.withUnsafeMutableBytes { buffer -> Int in
            (try? unsafe content.read(at: from, into: buffer)) ?? 0
        }
        guard got == count else { return nil }
        let feed = tail.lastIndex(of: UInt8(ascii: "\n"))
        guard let position = feed.map({ from + UInt64($0) + 1 }) ?? (from > 0 ? byteCount : nil), position > 0
        else { return nil }
        let start = ContentChain.tailStart(of: position)
        var bytes = [UInt8](repeating: 0, count: Int(position - start))
        return unsafe bytes.withUnsafeMutableBytes { buffer -> Rung? in
            guard (try? unsafe content.read(at: start, into: buffer)) == buffer.count else { return nil }
            // Why: the chain begins here; what lies before was never read and is not vouched for.
            var cursor = ChainCursor(tailOf: Rung(position: position, hash: 0, before: 0, recordStart: position))
            return unsafe cursor.rung(at: position, recordStart: position, in: UnsafeRawBufferPointer(buffer))
        }
    }
}
