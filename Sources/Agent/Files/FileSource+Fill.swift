internal import Configuration
internal import Event
internal import Platform
internal import Transport

/// Reading: bytes of a file become records of a batch.
extension FileSource {
    public func fill(_ batch: inout ShipBatch, now: Int64, isOpen: (Int32) -> Bool) -> Bool {
        self.now = max(self.now, now)
        var tries = queue.count
        while tries > 0, let stream = queue.popFirst() {
            tries -= 1
            guard stream.isDurable, stream.ended == nil else { continue }
            guard stream.partition >= 0, isOpen(stream.partition) else {
                queue.append(stream)
                continue
            }
            if openCompressedCount >= Self.maximumOpenCompressedCount, stream.content == nil,
                CompressedContent.method(ofName: stream.path) != nil
            {
                queue.append(stream)
                continue
            }
            batch.removeAll()
            batch.topic = topic
            batch.partition = stream.partition
            batch.stream = stream.id
            lastFill = LastFill(
                stream: stream.id, start: stream.position, wasAnnounceSent: stream.isAnnounceSent, recordStarts: [])
            keyScratch.removeAll(keepingCapacity: true)
            // Why: the slab is moved out and back, so that its bytes can be lent while records are appended.
            var slab: [UInt8] = []
            swap(&slab, &batch.slab)
            let outcome = stream.endReason == nil ? fillData(stream, &slab, &batch) : fillEnd(stream, &slab, &batch)
            swap(&slab, &batch.slab)
            if outcome { enqueue(stream) }
            if !batch.records.isEmpty { return true }
        }
        return false
    }

    private func fillEnd(_ stream: TailStream, _ slab: inout [UInt8], _ batch: inout ShipBatch) -> Bool {
        guard let reason = stream.endReason, !stream.isEndSent else { return false }
        let writer = RecordWriter(stream: stream, keyBase: 0)
        announceIfNeeded(writer, &batch)
        writer.control(
            .end, at: stream.position.position, value: JSONText.object([("reason", reason)]), &keyScratch, &batch)
        lastFill?.recordStarts.append(stream.position.recordStart)
        stream.isEndSent = true
        putKeys(into: &slab, at: 0)
        return false
    }

    private func announceIfNeeded(_ writer: RecordWriter, _ batch: inout ShipBatch) {
        let stream = writer.stream
        guard !stream.isAnnounceSent else { return }
        writer.announce(&keyScratch, &batch)
        lastFill?.recordStarts.append(stream.position.recordStart)
        stream.isAnnounceSent = true
    }

    /// Reads what follows the position and cuts it into records. Returns whether more may follow.
    private func fillData(_ stream: TailStream, _ slab: inout [UInt8], _ batch: inout ShipBatch) -> Bool {
        guard !stream.isSearching, let content = open(stream) else { return false }
        if stream.isUnproved, !prove(stream, content) { return false }
        let start = stream.position
        let tailCount = Int(start.position - ContentChain.tailStart(of: start.position))
        let wanted = max(Self.readByteCount, cutter.maximumRecordByteCount + 1)
        grow(&slab, to: tailCount + wanted)
        let count: Int
        do throws(Errno) {
            count = try read(content, start.position, into: &slab, at: tailCount, count: wanted)
            // Order: the tail is read after the bytes behind it. If it still holds what was shipped, the
            // bytes behind it were the stream's when they were read.
            let tail = try read(
                content, ContentChain.tailStart(of: start.position), into: &slab, at: 0, count: tailCount)
            guard tail == tailCount else {
                shrink(stream, "it ends before \(start.position)")
                return false
            }
        } catch {
            stream.isReportedUnreadable = true
            stream.wakeAt = now + Int64(settings.pollMilliseconds)
            fault("source.read_failed", stream.path, error)
            return false
        }
        let isVerified = unsafe slab.withUnsafeBytes { bytes in
            var cursor = ChainCursor(tailOf: start)
            return unsafe cursor.rung(at: start.position, recordStart: start.recordStart, in: bytes) == start
        }
        guard isVerified else {
            shrink(stream, "its content before \(start.position) is another", holdsAnother: true)
            return false
        }
        do throws(Errno) {
            if let proof = stream.proof, proof.position > start.position,
                try !content.agrees(with: proof, scratch: &scratch)
            {
                shrink(stream, "its content before \(proof.position) is another", holdsAnother: true)
                return false
            }
        } catch {
            shrink(stream, "it cannot be read: \(error)")
            return false
        }
        // Why: with nothing read it may be another content that begins alike, and the copy has the stream's.
        if start.position == 0, count < wanted, UInt64(count) < stream.seen {
            shrink(stream, "its size went from \(stream.seen) to \(count)")
            return false
        }
        noteSize(stream, start.position + UInt64(count))
        stream.provedSize = stream.seen
        if start.position == 0, stream.head == nil, stream.ladder.isEmpty {
            unsafe slab.withUnsafeBytes { bytes in
                unsafe fixHead(stream, UnsafeRawBufferPointer(rebasing: bytes[..<count]))
            }
            if !stream.isDurable { return false }
        }
        let proved = unsafe slab.withUnsafeBytes { bytes in
            unsafe provenCount(stream, UnsafeRawBufferPointer(rebasing: bytes[..<(tailCount + count)]), tailCount)
        }
        guard proved > 0 || count == 0 else { return false }
        let isProved = proved == count
        let more = unsafe slab.withUnsafeBytes { bytes in
            let used = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<(tailCount + proved)])
            return unsafe cut(stream, content, used, tailCount, isWhole: isProved && count < wanted, &batch)
        }
        putKeys(into: &slab, at: tailCount + proved)
        return more && isProved
    }

    /// How many of the bytes behind `tailCount` may be shipped: while a stream's head is shorter than a block,
    /// those in it alone, else a file that begins alike could take the stream's place after a crash. 0: none
    /// before a checkpoint holds the longer head.
    private func provenCount(_ stream: TailStream, _ bytes: UnsafeRawBufferPointer, _ tailCount: Int) -> Int {
        let start = stream.position.position
        let count = bytes.count - tailCount
        let known = stream.head?.position ?? 0
        guard count > 0, start < ContentChain.blockByteCount, known > 0 || start > 0 else { return count }
        let end = min(UInt64(bytes.count), ContentChain.blockByteCount)
        if end <= known { return count }
        // Why not at once: a slow log would cost a checkpoint per line.
        guard end >= 2 * known || isHeadDue || lastHeadRenewal == now else {
            headsDue.insert(stream.id)
            return known > start ? Int(known - start) : 0
        }
        lastHeadRenewal = now
        var cursor = ChainCursor(tailOf: .zero)
        let head = unsafe cursor.rung(at: end, recordStart: end, in: bytes)
        stream.head = head
        if head.position > stream.proof?.position ?? 0 { stream.proof = head }
        markUndurable(stream)
        return 0
    }

    /// Whether it is time again to make heads longer that grew by little.
    var isHeadDue: Bool {
        guard let last = lastHeadRenewal else { return true }
        return now < last || now - last >= Self.headPaceMilliseconds
    }

    /// Before anything of a file is shipped, the end of its first record goes into the checkpoint: should the
    /// file be replaced before an acknowledgement, what was shipped and what is there are told apart.
    /// Before there is one, its first bytes do: a copy is known by them.
    func fixHead(_ stream: TailStream, _ bytes: UnsafeRawBufferPointer) {
        guard let first = unsafe bytes.first else { return }
        let block = min(bytes.count, Int(ContentChain.blockByteCount))
        let line = unsafe ByteSearch.firstIndex(of: UInt8(ascii: "\n"), in: bytes).map { $0 + 1 }
        if stream.prefix == nil {
            var cursor = ChainCursor(tailOf: .zero)
            let end = UInt64(min(line ?? block, block))
            stream.prefix = unsafe cursor.rung(at: end, recordStart: end, in: bytes)
            if stream.proof == nil { stream.proof = stream.prefix }
            markUndurable(stream)
        }
        var count = 1
        if first == 0 {
            count = unsafe ByteSearch.leadingZeros(in: bytes)
        } else if let line {
            count = line
        } else if bytes.count > cutter.maximumRecordByteCount || stream.nextCut != nil {
            count = bytes.count
        } else {
            return
        }
        // Why: as much as a tail holds, ending where the bytes read so far do at most.
        count = min(max(count, block), bytes.count)
        var cursor = ChainCursor(tailOf: .zero)
        let head = unsafe cursor.rung(at: UInt64(count), recordStart: UInt64(count), in: bytes)
        stream.head = head
        stream.proof = head
        markUndurable(stream)
    }

    /// Why: bytes read beyond the size of the last look are known now; a later look must not take the same
    /// size for news, nor a smaller one for growth.
    private func noteSize(_ stream: TailStream, _ end: UInt64) {
        guard end > stream.seen else { return }
        stream.seen = end
        stream.lastChange = now
        stream.sight(end, now: now)
    }

    /// Cuts `bytes` (the tail of `tailCount` bytes, then what was read behind the position) into records.
    private func cut(
        _ stream: TailStream, _ content: FileContent, _ bytes: UnsafeRawBufferPointer, _ tailCount: Int,
        isWhole: Bool, _ batch: inout ShipBatch
    ) -> Bool {
        let start = stream.position
        var cursor = ChainCursor(tailOf: start)
        let writer = RecordWriter(stream: stream, keyBase: bytes.count)
        var offset = tailCount
        func position(_ offset: Int) -> UInt64 { start.position + UInt64(offset - tailCount) }
        /// Hands out `count` bytes: the position moves behind them.
        func advance(_ count: Int, endsEvent: Bool, isLast: Bool) {
            offset += count
            let end = position(offset)
            let recordStart = endsEvent ? end : stream.position.recordStart
            lastFill?.recordStarts.append(recordStart)
            // Why: with `pack: off` a rung per record would hash each block many times over.
            let isDue = end - (stream.inFlight.last ?? stream.ladder.newest).position >= ContentChain.blockByteCount
            stream.position.position = end
            stream.position.recordStart = recordStart
            if isDue || isLast || cutter.packByteCount > 0 {
                stream.position = unsafe cursor.rung(at: end, recordStart: recordStart, in: bytes)
                stream.inFlight.append(stream.position)
            }
        }
        if let nul = stream.nextCut, nul.kind == .nul, nul.from <= start.position {
            let count = min(bytes.count - tailCount, Int(clamping: nul.to - start.position))
            guard count > 0 else { return false }
            announceIfNeeded(writer, &batch)
            writer.progress(from: start.position, to: start.position + UInt64(count), &keyScratch, &batch)
            advance(count, endsEvent: true, isLast: true)
            if position(offset) < nul.to { return true }
        }
        var end = bytes.count
        var isFinal = false
        if let next = stream.nextCut {
            let limit = next.kind == .nul ? next.from : next.to
            if limit <= position(end) {
                end = tailCount + Int(limit - start.position)
                isFinal = next.kind == .line
            }
        }
        let isAtEvent = stream.position.recordStart == stream.position.position
        let region = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
        if let run = unsafe NulRun.start(in: region, startsRecord: isAtEvent) {
            if run > 0 {
                end = offset + run
                isFinal = false
            } else if unsafe ByteSearch.leadingZeros(in: region) >= NulRun.minimumByteCount {
                return batch.records.isEmpty ? unsafe followNulRun(stream, content, region, isWhole: isWhole) : true
            }
        }
        while batch.records.count < Self.maximumBatchRecordCount {
            let rest = unsafe UnsafeRawBufferPointer(rebasing: bytes[offset..<end])
            let record = stream.position
            guard
                let cut = unsafe cutter.next(
                    rest, recordOffset: record.position - record.recordStart, isFinal: isFinal,
                    hasMore: !isWhole)
            else { break }
            announceIfNeeded(writer, &batch)
            writer.data(cut, from: position(offset), valueStart: offset, &keyScratch, &batch)
            advance(cut.byteCount, endsEvent: cut.endsEvent, isLast: false)
        }
        if let last = stream.inFlight.last ?? stream.ladder.rungs.last, last.position == stream.position.position {
            stream.position = last
        } else if stream.position.position > start.position {
            stream.position = unsafe cursor.rung(
                at: stream.position.position, recordStart: stream.position.recordStart, in: bytes)
            stream.inFlight.append(stream.position)
        }
        if isWhole, end == bytes.count, batch.records.count < Self.maximumBatchRecordCount {
            stream.stalled = (stream.position.position, position(bytes.count))
            stream.nulRun = nil
            return false
        }
        return true
    }

    /// Records of a batch at most: with `pack: off`, half a million empty lines would fit the read.
    static let maximumBatchRecordCount = 16_384

    /// A run of NUL bytes stands at the position: finds its end, and decides once a byte has stood behind it
    /// for a minute. Returns whether more may follow at once.
    private func followNulRun(
        _ stream: TailStream, _ content: FileContent, _ bytes: UnsafeRawBufferPointer, isWhole: Bool
    ) -> Bool {
        let from = stream.position.position
        var end: UInt64?
        var scanned = from + UInt64(unsafe ByteSearch.leadingZeros(in: bytes))
        if scanned < from + UInt64(bytes.count) {
            end = scanned
        } else if !isWhole {
            if let known = stream.nulRun, known.from == from { scanned = max(scanned, known.scanned) }
            (scanned, end) = followZeros(content, from: scanned)
        }
        guard let end else {
            stream.nulRun = (from, scanned, nil, now)
            stream.stalled = (from, scanned)
            return scanned < stream.seen
        }
        if let known = stream.nulRun, known.from == from, known.end == end {
            if now - known.since >= Self.nulRunMilliseconds, stream.cuts.count < StreamRecord.maximumCutCount {
                notice("source.nul_run", stream, "\(end - from) NUL bytes at \(from) are left out")
                stream.cuts.append(DecidedCut(kind: .nul, from: from, to: end))
                stream.nulRun = nil
                markUndurable(stream)
                return false
            }
        } else {
            stream.nulRun = (from, end, end, now)
        }
        stream.stalled = (from, stream.seen)
        stream.wakeAt = (stream.nulRun?.since ?? now) + Self.nulRunMilliseconds
        return false
    }

    /// Follows NUL bytes for 16 reads at most. The end is nil if it was not met.
    private func followZeros(_ content: FileContent, from: UInt64) -> (UInt64, UInt64?) {
        var scanned = from
        var buffer = [UInt8](repeating: 0, count: Self.readByteCount)
        for _ in 0..<16 {
            let (count, zeros) = unsafe buffer.withUnsafeMutableBytes { bytes -> (Int, Int) in
                let count = (try? unsafe content.read(at: scanned, into: bytes)) ?? 0
                return (count, unsafe ByteSearch.leadingZeros(in: UnsafeRawBufferPointer(rebasing: bytes[..<count])))
            }
            scanned += UInt64(zeros)
            if zeros < count { return (scanned, scanned) }
            if count < buffer.count { break }
        }
        return (scanned, nil)
    }

    /// After a power loss: the position goes back behind the highest rung that still matches.
    private func prove(_ stream: TailStream, _ content: FileContent) -> Bool {
        do throws(Errno) {
            var proved = Rung.zero
            for rung in stream.ladder.rungs.reversed() {
                if try content.agrees(with: rung, scratch: &scratch) {
                    proved = rung
                    break
                }
            }
            if proved != stream.ladder.newest {
                notice(
                    "source.power_loss", stream,
                    "\(stream.path) differs behind \(proved.position): it is read again from there")
            }
            stream.ladder.cut(to: proved.position)
            stream.position = stream.ladder.newest
            stream.first = proved.position
            stream.isUnproved = false
            stream.cuts = []
            // Why: the first position is part of what was made durable.
            markUndurable(stream)
            return false
        } catch {
            fault("source.read_failed", stream.path, error)
            stream.wakeAt = now + Int64(settings.pollMilliseconds)
            return false
        }
    }

    private func grow(_ slab: inout [UInt8], to count: Int) {
        if slab.count < count { slab.append(contentsOf: repeatElement(0, count: count - slab.count)) }
    }

    private func read(
        _ content: FileContent, _ offset: UInt64, into slab: inout [UInt8], at index: Int, count: Int
    ) throws(Errno) -> Int {
        let outcome = unsafe slab.withUnsafeMutableBytes { bytes -> Result<Int, Errno> in
            let part = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[index..<(index + count)])
            do throws(Errno) {
                return .success(try unsafe content.read(at: offset, into: part))
            } catch {
                return .failure(error)
            }
        }
        return try outcome.get()
    }

    /// Keys and control values lie behind the bytes that were read.
    private func putKeys(into slab: inout [UInt8], at index: Int) {
        grow(&slab, to: index + keyScratch.count)
        unsafe slab.withUnsafeMutableBytes { bytes in
            unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[index...]).copyBytes(from: keyScratch)
        }
    }

    public func unread(_ batch: ShipBatch, from taken: Int) {
        guard let last = lastFill, last.stream == batch.stream, taken < batch.records.count,
            let stream = streams[batch.stream]
        else { return }
        lastFill = nil
        if taken == 0 {
            stream.isAnnounceSent = last.wasAnnounceSent
            stream.position = last.start
        } else {
            let position = batch.steps[taken - 1].to
            var cursor = ChainCursor(tailOf: last.start)
            stream.position =
                position == last.start.position
                ? last.start
                : unsafe batch.slab.withUnsafeBytes {
                    unsafe cursor.rung(at: position, recordStart: last.recordStarts[taken - 1], in: $0)
                }
        }
        let position = stream.position.position
        stream.inFlight.removeAll { $0.position > position }
        if position > (stream.inFlight.last ?? stream.ladder.newest).position { stream.inFlight.append(stream.position) }
        stream.isEndSent = false
        stream.stalled = nil
        enqueue(stream)
    }
}
