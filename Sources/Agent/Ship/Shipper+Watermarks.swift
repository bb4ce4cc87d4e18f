internal import Event
internal import JSON
internal import Platform

extension Shipper {
    /// Sends the watermarks that have advanced, to each partition of their source and, a last time, to
    /// partitions that left the list. Call it when a round found nothing more to ship. `isFinal`: at
    /// once, whenever the last one was sent.
    func shipWatermarks(now: Int64, isFinal: Bool) throws(Failure) {
        let time = clock.monotonicNanoseconds()
        for feed in feeds where feed.isOpen(at: time) {
            if feed.announcement == nil { announce(feed, now: now, isFinal: isFinal) }
            try send(feed, time: time)
        }
    }

    /// Whether a watermark is on its way to the producer's queue.
    var hasUnsentWatermark: Bool { feeds.contains { $0.announcement != nil } }

    private func announce(_ feed: Feed, now: Int64, isFinal: Bool) {
        guard let watermark = feed.source.watermark, watermark > feed.watermarkFloor,
            feed.watermark.map({ watermark > $0 }) ?? true,
            isFinal || feed.watermarkSentAt == .min || now < feed.watermarkSentAt
                || now &- feed.watermarkSentAt >= pause(feed)
        else { return }
        let partitions = feed.source.partitions
        let value: JSONValue = [
            "time": JSONValue(watermark), "partitions": .array(partitions.sorted().map { JSONValue($0) }),
        ]
        feed.watermarkTargets = partitions.union(feed.watermarkPartitions)
        feed.announcement = Feed.Announcement(value: value.bytes, targets: feed.watermarkTargets.sorted())
        feed.watermark = watermark
        feed.watermarkSentAt = now
        feed.watermarkPartitions = partitions
    }

    /// Why long only once a watermark has passed what was shipped: that one completes days.
    private func pause(_ feed: Feed) -> Int64 {
        let isIdle = (feed.watermark ?? .min) > feed.shippedAt && feed.source.partitions == feed.watermarkPartitions
        return isIdle ? limits.idleWatermarkMilliseconds : limits.watermarkMilliseconds
    }

    private func send(_ feed: Feed, time: Int64) throws(Failure) {
        while let announcement = feed.announcement, let partition = announcement.targets.last {
            guard let index = slot(feed.topic, partition) else { return }
            let key = PackKey(
                kind: .watermark, framing: .none, agent: agent, source: feed.source.name, stream: .none,
                from: .zero, to: .zero)
            var bytes: [UInt8] = []
            key.appendText(to: &bytes)
            do throws(Failure) {
                if try !offer(bytes, announcement.value, slot: index, feed: feed.index) { return }
            } catch {
                if error.kind == .fatal { throw error }
                report(error)
                feed.wait(from: time)
                return
            }
            feed.announcement?.targets.removeLast()
        }
        feed.announcement = nil
    }

    /// Produces a heartbeat unless the one before is still in flight. False: not taken.
    func shipHeartbeat(topic: String, partition: Int32, value: [UInt8]) throws(Failure) -> Bool {
        guard let index = slot(topicIndex(topic), partition), slots[index].ledger.count == 0 else { return false }
        var key: [UInt8] = []
        PackKey.appendEscaped(agent.utf8, to: &key)
        return try offer(key, value, slot: index, feed: -1)
    }
}
