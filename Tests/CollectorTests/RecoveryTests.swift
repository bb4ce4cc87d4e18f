@testable import Collector
import Columns
import Event
import Platform
import Sinks
import Synchronization
import Testing
import Transport

@Suite(.serialized) struct RecoveryTests {
    private func writer(_ number: UInt64, _ count: Int, _ prefix: String = "a") -> Writer {
        var writer = Writer(number)
        for index in 0..<count { writer.add(Writer.line("\(prefix)\(index)")) }
        return writer
    }

    private func names(_ count: Int, _ prefix: String = "a") -> [String] { (0..<count).map { "/\(prefix)\($0)" }.sorted() }

    private func send(_ writer: Writer, _ bench: Bench, _ spot: TopicPartition, each step: Int = 1) {
        let cuts = writer.cuts
        for index in stride(from: 0, to: cuts.count - 1, by: step) {
            writer.send(cuts[index], cuts[min(index + step, cuts.count - 1)], to: bench.broker, spot)
        }
    }

    @Test func offsetsRemovedUnreadAreAGapInTheLog() throws {
        let bench = Bench(["logs": 1])
        let spot = place("logs", 0)
        let writer = writer(1, 20)
        send(writer, bench, spot)
        bench.broker.truncate(spot, to: 5)
        try bench.collect()
        send(writer, bench, spot)
        bench.broker.removeBelow(spot, 12)
        try bench.collect()
        let partition = try bench.state().pipelines["main"]?.partitions[PartitionKey(topic: "logs", partition: 0)]
        #expect(partition?.gaps.map(\.reason) == ["gap"] && partition?.gaps.first?.next == 12)
        #expect(try bench.uris() == names(20).filter { !["/a5", "/a6"].contains($0) })
    }

    @Test func aTopicMadeAnewAndFilledPastTheOldOffsetIsFound() throws {
        let bench = Bench(["logs": 1])
        let spot = place("logs", 0)
        send(writer(1, 10), bench, spot)
        try bench.collect()
        bench.broker.recreate(spot)
        send(writer(2, 15, "b"), bench, spot)
        try bench.collect()
        #expect(try bench.uris() == (names(10) + names(15, "b")).sorted())
        let partition = try bench.state().pipelines["main"]?.partitions[PartitionKey(topic: "logs", partition: 0)]
        #expect(partition?.epoch == 1 && partition?.next == 15)
        #expect(try bench.balance().written == 25)
    }

    @Test func aTopicMadeAnewWhileWeReadIsFoundBeforeItsRecordsAreCommitted() throws {
        let bench = Bench(["logs": 1])
        bench.commitMilliseconds = 60_000
        let spot = place("logs", 0)
        send(writer(1, 10), bench, spot)
        try bench.collect()
        let consumer = FakeConsumer(bench.broker)
        let steps = Mutex(0)
        _ = try bench.runtime(consumer, caughtUp: false).run {
            let step = steps.withLock { $0 += 1; return $0 }
            if step == 20 {
                bench.broker.recreate(spot)
                send(writer(2, 15, "b"), bench, spot)
            }
            if step == 60 {
                consumer.emit(
                    .fault(spot, Failure("transport.unknown_topic", stage: .transport, kind: .transient, "gone for a while")))
            }
            return step > 250
        }
        #expect(try bench.uris() == (names(10) + names(15, "b")).sorted())
        _ = try bench.balance()
    }

    @Test func twoCollectorsThatBelieveToOwnAPartitionWriteItOnce() throws {
        let bench = Bench(["logs": 2])
        for partition in [0, 1] as [Int32] { send(writer(UInt64(partition) + 1, 300, "p\(partition)-"), bench, place("logs", partition)) }
        bench.commitMilliseconds = 5
        let failures = Mutex<[String]>([])
        let threads = (0..<2).map { index in
            WorkerThread(name: "rival-\(index)") {
                do { try bench.collect() } catch { failures.withLock { $0.append("\(error)") } }
            }
        }
        for thread in threads { thread.join() }
        #expect(failures.withLock { $0 } == [])
        #expect(try bench.uris() == (names(300, "p0-") + names(300, "p1-")).sorted())
        #expect(try bench.balance().written == 600)
    }

    @Test func rebalancesInTheMiddleLoseAndRepeatNothing() throws {
        let bench = Bench(["logs": 2])
        bench.commitMilliseconds = 5
        let consumer = FakeConsumer(bench.broker)
        let places = [place("logs", 0), place("logs", 1)]
        let steps = Mutex(0)
        _ = try bench.runtime(consumer, caughtUp: false).run {
            let step = steps.withLock { $0 += 1; return $0 }
            if step <= 60 { send(writer(UInt64(step), 5, "s\(step)-"), bench, places[step % 2]) }
            if step % 15 == 0 {
                consumer.emit(.revoked(places, lost: step % 30 == 0))
                consumer.emit(.assigned(step % 45 == 0 ? [places[0]] : places))
            }
            if step == 70 { consumer.emit(.assigned(places)) }
            return step > 150
        }
        try bench.collect()
        #expect(try bench.uris() == (1...60).flatMap { names(5, "s\($0)-") }.sorted())
        #expect(try bench.balance().written == 300)
    }

    @Test func aTableThatRefusesTooMuchStopsItsLaneAndNothingElse() throws {
        var spec = Bench.pipeline("main", ["logs"])
        spec.routes[0].breakerWindow = 20
        let bench = Bench(["logs": 2], pipelines: [spec, Bench.pipeline("other", ["logs"], table: "web.other")])
        bench.pipelines[1].routes[0].breakerShare = 1
        var bad = Writer(1)
        for index in 0..<200 { bad.add("rubbish \(index)") }
        send(bad, bench, place("logs", 0), each: 200)
        send(writer(2, 10, "late"), bench, place("logs", 0))
        send(writer(3, 10, "good"), bench, place("logs", 1))
        let summary = try bench.collect()
        #expect(summary.exitCode == 65 && summary.stopped.first?.code == "validate.too_many_rejected")
        #expect(try bench.uris().filter { $0.hasPrefix("/good") } == names(10, "good"))
        #expect(try bench.uris("web/other") == (names(10, "good") + names(10, "late")).sorted())
        #expect(try bench.balance("other").quarantined == 200)
        _ = try bench.balance()
    }

    @Test(arguments: [1, 2, 5, 8, 20, 60]) func aFullDiskIsWaitedForAndNothingIsLost(count: Int) throws {
        let bench = Bench(["logs": 1])
        send(writer(1, 50), bench, place("logs", 0), each: 7)
        let storage = FaultyStorage(try bench.storage(), failing: count)
        let deadline = SystemClock().monotonicNanoseconds() + 120_000_000_000
        let summary = try bench.runtime(FakeConsumer(bench.broker), storage: storage, ready: { storage.arm() }).run {
            SystemClock().monotonicNanoseconds() > deadline
        }
        #expect(storage.isDone)
        #expect(summary.balances["main"]?.written == 50)
        #expect(try bench.uris() == names(50))
        _ = try bench.balance()
    }

    @Test func offsetsThatHoldNoRecordsDoNotKeepUsWaiting() throws {
        let bench = Bench(["logs": 1])
        send(writer(1, 3), bench, place("logs", 0))
        bench.broker.skip(place("logs", 0), 2)
        try bench.collect()
        #expect(try bench.uris() == names(3))
    }

    @Test func theEmbeddedChannelIsAcknowledgedByTheCommit() throws {
        let bench = Bench(["logs": 1])
        let channel = EmbeddedChannel(topics: ["logs": 1])
        let producer = channel.makeProducer()
        let writer = writer(1, 10)
        var slab: [UInt8] = []
        var records: [OutgoingRecord] = []
        for index in 0..<10 {
            let key = Array(writer.key(writer.cuts[index], writer.cuts[index + 1]).text.utf8)
            let value = Array(writer.bytes[writer.cuts[index]..<(writer.cuts[index + 1] - 1)])
            records.append(
                OutgoingRecord(
                    keyStart: slab.count, keyByteCount: key.count, valueStart: slab.count + key.count,
                    valueByteCount: value.count, tag: UInt64(index)))
            slab += key + value
        }
        let taken = try unsafe slab.withUnsafeBytes { unsafe try producer.produce(topic: "logs", partition: 0, slab: $0, records: records) }
        #expect(taken == 10)
        _ = try bench.runtime(channel.makeConsumer()).run { false }
        #expect(try bench.uris() == names(10))
        var tags: [UInt64] = []
        try producer.poll(timeoutMilliseconds: 1_000) { tags.append($0.tag) }
        #expect(tags == Array(0..<10))
    }
}

/// A storage that is full for a while: every write fails until it was tried often enough.
final class FaultyStorage: Storage {
    private let inner: LocalStorage
    private let left: Mutex<Int>
    private let count: Int

    init(_ inner: LocalStorage, failing count: Int) {
        self.inner = inner
        left = Mutex(0)
        self.count = count
    }

    var isDone: Bool { left.withLock { $0 == 0 } }

    func arm() { left.withLock { $0 = count } }

    /// Every third operation works, so that attempts fail in different places.
    private func check() throws(Failure) {
        let isFull = left.withLock { left in
            guard left > 0 else { return false }
            left -= 1
            return left % 3 != 0
        }
        if isFull { throw Failure("sink.no_space", stage: .sink, kind: .transient, "the disk is full") }
    }

    func create(_ path: String) throws(Failure) -> any StorageFile {
        try check()
        return try inner.create(path)
    }
    func read(_ path: String, maximumByteCount: Int) throws(Failure) -> [UInt8]? {
        try inner.read(path, maximumByteCount: maximumByteCount)
    }
    func list(_ folder: String) throws(Failure) -> [String]? { try inner.list(folder) }
    func status(_ path: String) throws(Failure) -> StorageStatus? { try inner.status(path) }
    func putIfAbsent(_ path: String, _ bytes: [UInt8], temporary: String) throws(Failure) -> Bool {
        try check()
        let isNew = try inner.putIfAbsent(path, bytes, temporary: temporary)
        // A reply that is lost: it happened, and we do not know.
        try check()
        return isNew
    }
    func rename(_ from: String, _ to: String) throws(Failure) {
        try check()
        try inner.rename(from, to)
    }
    func remove(_ path: String) throws(Failure) { try inner.remove(path) }
    func makeFolder(_ path: String) throws(Failure) {
        try check()
        try inner.makeFolder(path)
    }
    func syncFolder(_ path: String) throws(Failure) {
        try check()
        try inner.syncFolder(path)
    }
    func removeFolder(_ path: String) throws(Failure) { try inner.removeFolder(path) }
    func lock(_ path: String) throws(Failure) -> (any StorageLock)? { try inner.lock(path) }
    func now() throws(Failure) -> Int64 { try inner.now() }
}
