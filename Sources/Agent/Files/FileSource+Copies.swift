internal import Configuration
internal import Event
internal import Platform

/// Copies (design section 4): where `copytruncate` and compression have put a stream's bytes.
extension FileSource {
    enum Agreement { case agrees, disagrees, unreadable }

    /// Whether a file holds what the stream read, as far as it goes: every rung that it is long enough for.
    func agreement(_ file: FoundFile, _ stream: TailStream) -> Agreement {
        do throws(Errno) {
            guard let content = try FileContent(path: file.path), content.identity == file.identity else {
                return .unreadable
            }
            for rung in stream.rungs.reversed() where rung.position <= file.status.byteCount {
                if try !content.agrees(with: rung, scratch: &scratch) { return .disagrees }
            }
            return .agrees
        } catch {
            return .unreadable
        }
    }

    /// Gives every stream that lost its file the copy that continues it, if there is one; ends what was
    /// truncated and has none. Takes adopted files out of `unknown`.
    func adoptCopies(_ unknown: inout [FoundFile]) {
        var candidates: [StreamID: [Int]] = [:]
        for (index, file) in unknown.enumerated() {
            for owner in discovery.owners(of: file.path, among: origins)
            where owner.wantsCopy && owner.file != file.identity && !owner.isUnproved {
                candidates[owner.id, default: []].append(index)
            }
        }
        var adopted: Set<Int> = []
        let wanting = streams.values.filter { $0.isShrunk || candidates[$0.id] != nil }
        // Why: the live stream knows more of the content than one that ended before it.
        for stream in wanting.sorted(by: { ($0.isOver ? 1 : 0, $0.id) < ($1.isOver ? 1 : 0, $1.id) }) {
            let ordered = (candidates[stream.id] ?? []).filter { !adopted.contains($0) }
                .sorted { rank(unknown[$0], stream) > rank(unknown[$1], stream) }
            if let index = ordered.first(where: { reaches(unknown[$0], stream) && agreement(unknown[$0], stream) == .agrees }) {
                adopted.insert(index)
                adopt(stream, unknown[index])
            } else if stream.isShrunk {
                loseFile(stream)
            }
        }
        for index in adopted.sorted(by: >) { unknown.remove(at: index) }
    }

    private func rank(_ file: FoundFile, _ stream: TailStream) -> (UInt64, Int, String) {
        let name = DurableFile.name(of: file.path)
        let number = RotationName.number(of: name, origin: DurableFile.name(of: stream.origin))
        return (number, RotationName.isCompressed(name) ? 0 : 1, file.path)
    }

    /// Whether a copy is long enough to be the stream's: at least half of what was read; for a stream of
    /// which nothing was read yet, all that was seen.
    private func reaches(_ file: FoundFile, _ stream: TailStream) -> Bool {
        let read = stream.position.position
        if read == 0 {
            let least = max(stream.seen, stream.proof?.position ?? 0)
            return least > 0 && file.status.byteCount >= least && (stream.isShrunk || stream.proof != nil)
        }
        return file.status.byteCount >= read - read / 2
    }

    private func adopt(_ stream: TailStream, _ file: FoundFile) {
        close(stream)
        notice(
            "source.copy_adopted", file.path,
            "\(file.path) is a copy of \(stream.path): stream \(stream.id) goes on in it at \(stream.position.position)")
        setFile(stream, file.identity)
        stream.path = file.path
        stream.seen = file.status.byteCount
        stream.modified = file.status.modified
        stream.foundInLook = lookCount
        stream.isShrunk = false
        stream.goneSince = nil
        stream.retiredSince = now
        stream.lastChange = now
        stream.stalled = nil
        stream.nulRun = nil
        stream.isShortCopy = file.status.byteCount < stream.position.position
        stream.touch()
        if stream.isOver {
            goOn(stream, file)
        } else if file.status.byteCount > stream.position.position {
            enqueue(stream)
        }
    }

    /// The stream's content is gone and no copy is there.
    private func loseFile(_ stream: TailStream) {
        stream.isShrunk = false
        let unread = stream.seen > stream.position.position ? stream.seen - stream.position.position : 0
        if unread > 0 {
            notice("source.lost", stream, "\(unread) bytes of \(stream.path) were truncated before they were read")
        }
        setFile(stream, nil)
        close(stream)
        finish(stream, reason: "truncated")
    }

    /// Whether a file that no stream has may be a copy of one that still has its own file: then it is held.
    func mayBeCopy(_ file: FoundFile) -> Bool {
        let owners = discovery.owners(of: file.path, among: origins).filter { owner in
            owner.path != file.path && owner.bornInLook != lookCount && owner.position.position > 0
                && !owner.wantsCopy
        }
        guard !owners.isEmpty else { return false }
        let status = file.status
        if let known = held[file.identity], known.byteCount == status.byteCount, known.modified == status.modified,
            now - known.lastChange >= Self.holdMilliseconds
        {
            return false
        }
        guard owners.contains(where: { agreement(file, $0) == .agrees }) else { return false }
        var entry =
            held[file.identity]
            ?? HeldFile(path: file.path, byteCount: status.byteCount, modified: status.modified, lastChange: now)
        if entry.byteCount != status.byteCount || entry.modified != status.modified { entry.lastChange = now }
        entry.path = file.path
        entry.byteCount = status.byteCount
        entry.modified = status.modified
        held[file.identity] = entry
        return true
    }
}
