internal import Configuration
internal import Event
internal import Platform

/// What time alone brings: cuts of last lines, closing, ending, forgetting; and what is told outside.
extension FileSource {
    func serveTimers(_ stream: TailStream) {
        if let ended = stream.ended {
            // Rungs are kept while a copy has the stream's place, and a named time after the end.
            if stream.foundInLook != lookCount, now - ended > settings.forgetMilliseconds { remove(stream) }
            return
        }
        if stream.content?.isCompressed == true, stream.position.position >= stream.seen { close(stream) }
        if let wake = stream.wakeAt, now >= wake {
            stream.wakeAt = nil
            enqueue(stream)
        }
        guard !stream.isOver, !stream.isSearching, stream.isDurable else { return }
        cutLastLine(stream)
        if let gone = stream.goneSince, stream.acknowledged == stream.position.position, !stream.isQueued,
            now - max(gone, stream.lastChange) >= Int64(settings.closeRemovedMilliseconds)
        {
            if stream.content == nil || stream.position.position >= stream.seen {
                if stream.seen > stream.position.position {
                    notice(
                        "source.lost", stream,
                        "\(stream.path) is gone with \(stream.seen - stream.position.position) unread bytes")
                }
                close(stream)
                finish(stream, reason: "removed")
            }
        } else if stream.content != nil, stream.goneSince == nil, !isBehind(stream),
            now - stream.lastChange >= Self.closeIdleMilliseconds
        {
            close(stream)
        }
    }

    /// Keeps the deleted files that are held open within their maximum.
    func giveUpRemoved() {
        let removed = streams.values.filter { $0.content != nil && $0.goneSince != nil && !$0.isOver }
        guard removed.count > Self.maximumRemovedOpenCount else { return }
        func cost(_ stream: TailStream) -> Int {
            stream.position.position < stream.seen ? 2 : stream.acknowledged < stream.position.position ? 1 : 0
        }
        let order = removed.sorted { left, right in
            (cost(left), left.goneSince ?? 0, left.id) < (cost(right), right.goneSince ?? 0, right.id)
        }
        for stream in order.prefix(removed.count - Self.maximumRemovedOpenCount) {
            if stream.seen > stream.position.position {
                notice(
                    "source.lost", stream,
                    "\(stream.path) is gone with \(stream.seen - stream.position.position) unread bytes: more than "
                        + "\(Self.maximumRemovedOpenCount) deleted files would be held open")
            }
            queue.remove(stream)
            close(stream)
            finish(stream, reason: "removed")
        }
    }

    /// The rest of a file that was rotated or deleted and is quiet has no line feed to wait for.
    private func cutLastLine(_ stream: TailStream) {
        guard let retired = stream.retiredSince, let stalled = stream.stalled, !stream.isQueued,
            stalled.from == stream.position.position, stalled.to == stream.seen, stalled.from < stalled.to,
            now - max(retired, stream.lastChange) >= Int64(settings.lastLineMilliseconds),
            stream.cuts.count < StreamRecord.maximumCutCount, stream.nextCut == nil
        else { return }
        let kind: DecidedCut.Kind = stream.nulRun?.from == stalled.from && stream.nulRun?.end == nil ? .nul : .line
        if kind == .line, stream.nulRun?.from == stalled.from { return }
        stream.cuts.append(DecidedCut(kind: kind, from: stalled.from, to: stalled.to))
        markUndurable(stream)
    }

    /// The `end` record is the stream's next and last one.
    func finish(_ stream: TailStream, reason: String) {
        guard stream.endReason == nil, stream.ended == nil else { return }
        stream.touch()
        guard stream.isAnnounced || stream.isAnnounceSent else {
            // Nothing of it was ever said: there is nothing to end.
            remove(stream)
            return
        }
        stream.endReason = reason
        enqueue(stream)
    }

    /// Whether bytes of the stream's file wait to be read that can be read: an unterminated last line of a
    /// file that lives does not count.
    func isBehind(_ stream: TailStream) -> Bool {
        if stream.ended != nil { return false }
        if stream.isQueued || stream.isSearching || stream.isUnproved || !stream.isDurable { return true }
        guard stream.seen > stream.position.position, stream.file != nil, !stream.isOver else { return false }
        if stream.goneSince != nil, stream.content == nil { return false }
        if let stalled = stream.stalled, stalled.from == stream.position.position, stalled.to == stream.seen {
            return stream.retiredSince != nil || stream.nulRun != nil
        }
        return true
    }

    /// Whether bytes wait in files that may be copies. An empty one has none.
    private var isHolding: Bool { held.values.contains { $0.byteCount > 0 } }

    func updateWatermark() {
        guard var pending = pendingWatermark else { return }
        pending.behind = pending.behind.filter { id in streams[id].map { isBehind($0) } ?? false }
        pendingWatermark = pending
        guard pending.behind.isEmpty, !isHolding else { return }
        watermark = pending.at
        pendingWatermark = nil
    }

    public var isDrained: Bool {
        lastScan != nil && !mustScan && queue.count == 0 && !isHolding && !needsDurability
            && !streams.values.contains { isBehind($0) }
    }

    public func reports() -> [FileReport] {
        var reports: [FileReport] = []
        for stream in streams.values where stream.ended == nil {
            reports.append(
                FileReport(
                    source: name, path: stream.path, stream: stream.id, topic: topic, partition: stream.partition,
                    byteCount: stream.seen, read: stream.position.position, acknowledged: stream.acknowledged,
                    oldestUnshipped: stream.sightings.first?.at, state: state(of: stream)))
        }
        for file in held.values {
            reports.append(
                FileReport(
                    source: name, path: file.path, stream: .none, topic: topic, partition: -1,
                    byteCount: file.byteCount, read: 0, acknowledged: 0, oldestUnshipped: nil, state: "held"))
        }
        return reports.sorted { $0.path < $1.path }
    }

    private func state(of stream: TailStream) -> String {
        if stream.isReportedUnreadable { return "error: cannot be read" }
        if stream.isOver { return "ended" }
        if stream.isSearching { return "truncated" }
        if stream.goneSince != nil { return "removed" }
        return stream.path == stream.origin ? "active" : "rotated"
    }

    /// Opens the stream's file if it is still the same one.
    func open(_ stream: TailStream) -> FileContent? {
        useCount += 1
        stream.lastUse = useCount
        if let content = stream.content { return content }
        guard stream.goneSince == nil else { return nil }
        do throws(Errno) {
            guard let content = try FileContent(path: stream.path), content.identity == stream.file else {
                lookAgain(for: stream)
                return nil
            }
            makeRoom()
            stream.isReportedUnreadable = false
            faultyPaths.remove(stream.path)
            attach(content, to: stream)
            return content
        } catch {
            if error == .noEntry {
                lookAgain(for: stream)
            } else {
                stream.isReportedUnreadable = true
                fault("source.unreadable", stream.path, error)
                stream.wakeAt = now + Int64(settings.pollMilliseconds)
            }
            return nil
        }
    }

    /// A stream's file is not where it was: the next look says where, and then it is its turn again.
    private func lookAgain(for stream: TailStream) {
        mustScan = true
        stream.wakeAt = now
    }

    /// Closes the files that were not used for longest among those that can be opened again.
    private func makeRoom() {
        guard openCount >= Self.maximumOpenCount else { return }
        let idle = streams.values.filter { $0.content != nil && $0.goneSince == nil && $0.file != nil }
            .sorted { $0.lastUse < $1.lastUse }
        // Why several: with more files than that, finding the oldest one each time would cost their square.
        for stream in idle.prefix(Self.maximumOpenCount / 8) { close(stream) }
    }

    func attach(_ content: FileContent, to stream: TailStream) {
        close(stream)
        stream.content = content
        openCount += 1
        if content.isCompressed { openCompressedCount += 1 }
    }

    func close(_ stream: TailStream) {
        guard stream.content != nil else { return }
        if stream.content?.isCompressed == true { openCompressedCount -= 1 }
        stream.content = nil
        openCount -= 1
    }
}
