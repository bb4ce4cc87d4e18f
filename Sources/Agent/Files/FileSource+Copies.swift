internal import Codec
internal import Configuration
internal import Event
internal import Platform

/// Copies (design section 4): where `copytruncate` and compression have put a stream's bytes.
///
/// A file is a stream's copy if its name extends the one that the stream began under and its content is
/// what the stream's marks say, as far as it goes, and at least one of them. The longest agreement wins:
/// of a file, the stream that knows most of it; of a stream, the copy that holds most, then the highest
/// rotation number.
extension FileSource {
    private struct Offer {
        var stream: TailStream
        var index: Int
        var through: UInt64
        var rank: (UInt64, Int, String)
    }

    /// Gives every stream that lost its file the copy that continues it, if there is one; ends what was
    /// truncated and has none. Takes adopted files out of `unknown`.
    func adoptCopies(_ unknown: inout [FoundFile]) {
        var offers: [Offer] = []
        var awaiting: Set<StreamID> = []
        for index in unknown.indices { collectOffers(&unknown[index], index, &offers, &awaiting) }
        // Why the live before the ended: they have more to go on with.
        offers.sort { a, b in
            if a.through != b.through { return a.through > b.through }
            if a.stream.isOver != b.stream.isOver { return b.stream.isOver }
            if a.rank != b.rank { return a.rank > b.rank }
            return a.stream.id < b.stream.id
        }
        var adopted: Set<Int> = []
        for offer in offers where !adopted.contains(offer.index) && offer.stream.wantsCopy {
            adopted.insert(offer.index)
            adopt(offer.stream, unknown[offer.index])
        }
        for index in adopted.sorted(by: >) { unknown.remove(at: index) }
        for stream in Array(streams.values) where stream.isSearching {
            endSearch(stream, isAwaiting: awaiting.contains(stream.id))
        }
    }

    private func collectOffers(
        _ file: inout FoundFile, _ index: Int, _ offers: inout [Offer], _ awaiting: inout Set<StreamID>
    ) {
        guard file.method != nil || file.status.byteCount > 0 else { return }
        let owners = discovery.owners(of: file.path, among: origins)
        let takers = owners.filter { $0.wantsCopy && isCandidate(file, $0) }
        guard !takers.isEmpty else { return }
        if file.method != nil, !isStable(file) {
            for taker in takers { awaiting.insert(taker.id) }
            return
        }
        guard let content = content(of: file) else { return }
        var found: [(TailStream, UInt64)] = []
        for taker in takers {
            guard let through = agreement(file, content, taker), through > 0 else { continue }
            found.append((taker, through))
        }
        guard !found.isEmpty else { return }
        if file.method != nil, measure(&file) != .whole {
            for (taker, _) in found { awaiting.insert(taker.id) }
            return
        }
        // Why: a stream that has its file and knows more of this content is the one whose copy it is.
        let others = owners.filter { !$0.wantsCopy && isCandidate(file, $0) && $0.path != file.path }
            .compactMap { other in agreement(file, content, other).map { (other, $0) } }
        let most = others.map(\.1).max() ?? 0
        let size = file.status.byteCount
        if others.contains(where: { likeness(file, content, $0.0) != .other }) { return }
        for (taker, through) in found where through >= most {
            let read = taker.position.position
            guard size >= read - read / 2, isEvidence(through, size, taker) else { continue }
            // Why: a file that was deleted after its one line was read, and the next that begins with that line:
            // the line would be lost. A copy that is not known as one repeats less than a block.
            let isDeleted = taker.file != nil && file.method == nil
            if isDeleted, through < ContentChain.blockByteCount, through < size { continue }
            offers.append(Offer(stream: taker, index: index, through: through, rank: rank(file, taker)))
        }
    }

    /// Whether an agreement through a mark says that the file is the stream's, not one that only begins like it
    /// (the same first lines in every file). All that is known of the stream, or a block, is enough.
    private func isEvidence(_ through: UInt64, _ byteCount: UInt64, _ stream: TailStream) -> Bool {
        through >= ContentChain.blockByteCount || through == byteCount
            || byteCount >= stream.marks.last?.position ?? 0
    }

    /// What a file is to a stream that it may be a copy of.
    private enum Likeness {
        case other
        /// It begins as the stream's own file does now, and is no longer.
        case alike
        /// The stream's own file was taken from it, or has just been found to hold another content: the next look
        /// decides.
        case unsure
    }

    /// Compares a file with the stream's own one, for a stream whose marks it does not contradict.
    ///
    /// Order: the stream's own file is checked last. A writer may rotate between any two calls; what differs from
    /// the stream's file differs from the stream only if that file is still the stream's.
    private func likeness(_ file: FoundFile, _ content: FileContent, _ stream: TailStream) -> Likeness {
        if stream.isSearching { return .unsure }
        // Its copies were looked for in this look, with what is known now.
        if stream.wantsCopy || stream.isOver { return .other }
        guard let own = open(stream) else { return .unsure }
        let count = Int(clamping: min(file.status.byteCount, ContentChain.blockByteCount))
        let theirs = head(content, count)
        let isLonger = file.status.byteCount > (own.isCompressed ? stream.seen : (try? own.status().byteCount) ?? 0)
        if let theirs, !isLonger, head(own, count) == theirs { return .alike }
        return isReplaced(stream, own) || theirs == nil ? .unsure : .other
    }

    /// Whether a stream's own file has been found to hold another content: then the stream searches.
    private func isReplaced(_ stream: TailStream, _ own: FileContent) -> Bool {
        guard !stream.isUnproved, !own.isCompressed else { return false }
        // Order: the size before the content: a file that was truncated may have its old size again by then.
        let status = try? own.status()
        if holdsAnother(stream) {
            shrink(stream, "its content is another", holdsAnother: true)
        } else if let status {
            update(stream, status)
        }
        return stream.isSearching
    }

    private func head(_ content: FileContent, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        let got = unsafe bytes.withUnsafeMutableBytes { try? unsafe content.read(at: 0, into: $0) }
        return got == count ? bytes : nil
    }

    private func isCandidate(_ file: FoundFile, _ stream: TailStream) -> Bool {
        stream.lost != file.identity && stream.file != file.identity && !stream.isUnproved
            && verdicts[file.identity]?.others.contains(stream.id) != true
            // A file that was there before the stream began is no copy of it.
            && held[file.identity].map { isChanged($0, file) || $0.firstLook >= stream.bornInLook } ?? true
    }

    /// The content of a file as it was listed; nil: it cannot be read, or another one is there by now, and the next
    /// look tells.
    private func content(of file: FoundFile) -> FileContent? {
        do throws(Errno) {
            if let content = try FileContent(path: file.path), content.identity == file.identity { return content }
            mustScan = true
        } catch {
            // Why no other error: it stays, and would have every look begin anew.
            if error == .noEntry { mustScan = true }
        }
        return nil
    }

    /// How far a file holds what a stream's marks say; nil: something else, which is remembered.
    private func agreement(_ file: FoundFile, _ content: FileContent, _ stream: TailStream) -> UInt64? {
        do throws(Errno) {
            if let through = try content.agreement(stream.marks, scratch: &scratch) { return through }
        } catch {
            return nil
        }
        var verdict =
            verdicts[file.identity] ?? Verdict(byteCount: file.status.byteCount, modified: file.status.modified)
        if verdict.others.count < Self.maximumStreamCount { verdict.others.insert(stream.id) }
        verdicts[file.identity] = verdict
        return nil
    }

    private func rank(_ file: FoundFile, _ stream: TailStream) -> (UInt64, Int, String) {
        let name = DurableFile.name(of: file.path)
        let number = RotationName.number(of: name, origin: DurableFile.name(of: stream.origin))
        return (number, RotationName.isCompressed(name) ? 0 : 1, file.path)
    }

    private func adopt(_ stream: TailStream, _ file: FoundFile) {
        close(stream)
        notice(
            "source.copy_adopted", file.path,
            "\(file.path) is a copy of \(stream.path): stream \(stream.id) goes on in it at \(stream.position.position)")
        let size = file.status.byteCount
        if !stream.isOver, size < stream.seen, stream.position.position < stream.seen {
            let lost = stream.seen - max(size, stream.position.position)
            notice("source.lost", stream, "\(lost) bytes of \(stream.path) were truncated before they were read")
        }
        setFile(stream, file.identity)
        orphans[file.identity] = nil
        stream.path = file.path
        stream.seen = size
        stream.provedSize = size
        stream.modified = file.status.modified
        stream.foundInLook = lookCount
        stream.lost = nil
        stream.lostSince = nil
        stream.goneSince = nil
        stream.retiredSince = now
        stream.lastChange = now
        stream.stalled = nil
        stream.nulRun = nil
        stream.isShortCopy = size < stream.position.position
        // Why: what was read may have gone beyond the copy; what the copy has is the stream's.
        if let proof = stream.proof, proof.position > size { stream.proof = nil }
        stream.touch()
        if stream.isOver {
            goOn(stream, file)
        } else {
            enqueue(stream)
        }
    }

    /// Gives up a search after two whole looks and a while, once all that was read is acknowledged.
    ///
    /// Why two looks: the one that saw the truncation may have listed the folder before the copy was made.
    private func endSearch(_ stream: TailStream, isAwaiting: Bool) {
        guard let since = stream.lostSince else {
            stream.lostSince = now
            stream.lostInLook = lookCount
            return
        }
        guard !isAwaiting, lookCount >= stream.lostInLook + 2, now - since >= Self.searchMilliseconds,
            stream.acknowledged == stream.position.position
        else { return }
        let unread = stream.seen > stream.position.position ? stream.seen - stream.position.position : 0
        if unread > 0 {
            notice("source.lost", stream, "\(unread) bytes of \(stream.path) were truncated before they were read")
        }
        finish(stream, reason: "truncated")
    }

    /// Whether a file that no stream has may be a copy of one that still has its own file: then it is held,
    /// for a minute after its last change. An empty one always may: its first bytes will tell.
    func mayBeCopy(_ file: FoundFile) -> Bool {
        let owners = possibleOwners(of: file)
        guard !owners.isEmpty else { return false }
        let isResting = now - lastChange(of: file) >= Self.holdMilliseconds
        if file.status.byteCount == 0 { return owners.contains { $0.isSearching || !$0.wantsCopy } }
        // Why not held: who allocates it reports what it cannot read, and sees that it is another file.
        guard let content = content(of: file) else { return false }
        var best = Likeness.other
        for owner in owners where agreement(file, content, owner) != nil {
            switch likeness(file, content, owner) {
            case .other: break
            case .alike: if best == .other { best = .alike }
            case .unsure: best = .unsure
            }
        }
        return best == .alike ? !isResting : best == .unsure
    }

    /// When a file was last seen to change; of one that was not seen before what its times say.
    private func lastChange(of file: FoundFile) -> Int64 {
        if let known = held[file.identity] { return isChanged(known, file) ? now : known.lastChange }
        // Why not by the time of modification alone: a copy may have been given the original's.
        guard file.status.birth > 0 else { return now }
        return min(now, max(file.status.modified, file.status.birth) / 1_000_000)
    }

    /// The streams that a file's name and what is known of it allow it to be a copy of.
    private func possibleOwners(of file: FoundFile) -> [TailStream] {
        discovery.owners(of: file.path, among: origins).filter {
            $0.path != file.path && !$0.marks.isEmpty && isCandidate(file, $0)
        }
    }

    func hold(_ file: FoundFile) {
        let size = file.status.byteCount
        let modified = file.status.modified
        let changed = lastChange(of: file)
        var entry =
            held[file.identity]
            ?? HeldFile(
                path: file.path, byteCount: size, modified: modified, lastChange: changed, look: lookCount,
                firstLook: lookCount)
        if isChanged(entry, file) { (entry.lastChange, entry.firstLook) = (changed, lookCount) }
        entry.path = file.path
        entry.byteCount = size
        entry.modified = modified
        entry.look = lookCount
        held[file.identity] = entry
    }

    private func isChanged(_ known: HeldFile, _ file: FoundFile) -> Bool {
        known.byteCount != file.status.byteCount || known.modified != file.status.modified
    }

    /// Per origin: the latest time that its known files were modified or born at, before the look before.
    ///
    /// Why not before this one: a file that is renamed during a look may be in no place of it, and what that look found
    /// is later than the file. A log that is new is known as it is.
    func horizons() -> [String: Int64] {
        for streams in origins.values where streams.allSatisfy({ $0.known == 0 }) {
            for stream in streams { stream.setKnown(stream.latest) }
        }
        return origins.mapValues { streams in streams.reduce(0) { max($0, $1.known) } }
    }

    /// Reads a file outside the patterns if it is a generation that was missed.
    func takeGeneration(_ file: FoundFile, _ horizons: [String: Int64]) {
        switch isMissedGeneration(file, horizons) {
        case false?: return
        case true?: classify(file, isNoCopy: true)
        case nil: hold(file)
        }
        let isReadable = file.method != nil || !RotationName.isCompressed(DurableFile.name(of: file.path))
        guard byFile[file.identity] == nil, isReadable,
            let origin = discovery.generationOrigin(of: file.path, among: origins)
        else { return }
        // Why: it is not known to the next process; by what is known now that one would take it for an old file.
        undecided.insert(origin)
    }

    /// Whether a file outside the patterns is a generation of a stream's log that nobody saw under its own name: named
    /// as one, born no earlier and written later than all that was known of it, and no copy. Nil: the next look tells.
    private func isMissedGeneration(_ given: FoundFile, _ horizons: [String: Int64]) -> Bool? {
        var file = given
        guard let origin = discovery.generationOrigin(of: file.path, among: origins), file.status.byteCount > 0,
            !discovery.isExcluded(file.path)
        else { return false }
        if held[file.identity] == nil {
            // Why: a file may be born in the tick of the clock in which the one before it was last written.
            guard let horizon = horizons[origin], horizon > 0, file.status.birth >= horizon,
                file.status.modified > horizon
            else { return false }
        }
        switch measure(&file) {
        case .whole: break
        case .pending: return nil
        case .unusable: return false
        }
        guard let content = content(of: file) else { return mustScan ? nil : false }
        var isUnsure = false
        for owner in possibleOwners(of: file) {
            guard let through = agreement(file, content, owner) else { continue }
            switch likeness(file, content, owner) {
            case .alike: return false
            case .unsure: isUnsure = true
            case .other: if through >= ContentChain.blockByteCount || through == file.status.byteCount { return false }
            }
        }
        return isUnsure ? nil : true
    }
}

/// Compressed files: nothing of one is used before all of it is there.
extension FileSource {
    enum Readiness { case whole, pending, unusable }

    /// Whether a compressed file is as it was at a look before, or rests for longer.
    func isStable(_ file: FoundFile) -> Bool {
        let status = file.status
        if let known = compressed[file.identity], known.byteCount == status.byteCount, known.modified == status.modified {
            return known.since < now || now - status.modified / 1_000_000 > Self.searchMilliseconds
        }
        compressed[file.identity] = CompressedFile(
            byteCount: status.byteCount, modified: status.modified, since: now, measure: nil)
        faultyPaths.remove(file.path)
        return now - status.modified / 1_000_000 > Self.searchMilliseconds
    }

    /// Makes the size of a found file that of its content. A compressed one that is not whole is waited
    /// for, for a minute after its last change; then it is reported and left alone until it changes.
    func measure(_ file: inout FoundFile) -> Readiness {
        guard file.method != nil else { return .whole }
        guard isStable(file), var known = compressed[file.identity] else { return .pending }
        if known.measure == nil {
            do throws(Errno) {
                guard let content = try FileContent(path: file.path), content.identity == file.identity else {
                    mustScan = true
                    return .pending
                }
                known.measure = try content.measure()
                compressed[file.identity] = known
            } catch {
                fault("source.unreadable", file.path, error)
                return .pending
            }
        }
        switch known.measure {
        case .whole(let count):
            file.status.byteCount = count
            return .whole
        case .truncated where now - known.since < Self.holdMilliseconds: return .pending
        default:
            var why = "it ends inside its compressed data"
            if case .damaged(let message) = known.measure { why = message }
            if faultyPaths.insert(file.path).inserted, faults.count < Self.maximumNoticeCount {
                faults.append(
                    Failure(
                        "source.compressed_damaged", stage: .source, kind: .corrupt,
                        "source \(name): \(file.path) is not read: \(why)",
                        hint: "compress the file anew under the same name, or move it away"))
            }
            return .unusable
        }
    }
}
