internal import Event
internal import Platform
internal import Transport

/// Writes streams to the mirror and reads on in it, on a thread of its own: a broker that does not
/// answer never holds up the files. Owns the mirror from `init` to the end of `stop`.
///
/// Maximum: one waiting record per stream, and the notes read between two `takeNotes`.
final class MirrorWatch {
    private struct Exchange {
        var records: [[UInt8]: [UInt8]?] = [:]
        var notes: [(offset: Int64, note: MirrorNote)] = []
        var faults: [Failure] = []
        /// Set: write what waits, for at most so long, and end.
        var stopMilliseconds: Int?
        var readsOn = true
    }

    // Safety: the mirror is touched by the watch's thread alone; the exchange has its own lock.
    private final class Box: @unchecked Sendable {
        let mirror: any MirrorLog
        init(_ mirror: any MirrorLog) { self.mirror = mirror }
    }

    static let maximumNoteCount = 100_000

    private let exchange: Monitor<Exchange>
    private let thread: WorkerThread

    /// `next`: where to read on.
    init(_ mirror: any MirrorLog, agent: String, next: Int64, watchMilliseconds: Int) {
        let exchange = Monitor(Exchange())
        let box = Box(mirror)
        self.exchange = exchange
        thread = WorkerThread(name: "mirror") {
            Self.run(box.mirror, exchange, agent: agent, next: next, watchMilliseconds: watchMilliseconds)
        }
    }

    /// Hands over a record to write; a newer one of the same key replaces one that still waits.
    func write(key: [UInt8], value: [UInt8]?) {
        exchange.withLock { $0.records[key] = .some(value) }
    }

    /// What was read under our name since the last call.
    func takeNotes() -> [(offset: Int64, note: MirrorNote)] {
        exchange.withLock { state in
            defer { state.notes = [] }
            return state.notes
        }
    }

    func takeFaults() -> [Failure] {
        exchange.withLock { state in
            defer { state.faults = [] }
            return state.faults
        }
    }

    /// Begins no read any more: one takes up to 15 s where no broker answers.
    func stopReading() {
        exchange.withLock { $0.readsOn = false }
    }

    /// Writes what waits, closes the mirror and ends the thread. Call exactly once.
    func stop(timeoutMilliseconds: Int) {
        exchange.signal { $0.stopMilliseconds = timeoutMilliseconds }
        thread.join()
    }

    private static func run(
        _ mirror: any MirrorLog, _ exchange: Monitor<Exchange>, agent: String, next: Int64, watchMilliseconds: Int
    ) {
        let clock = SystemClock()
        var next = next
        var readAt = clock.monotonicNanoseconds()
        while true {
            let stop = exchange.wait(milliseconds: min(watchMilliseconds, 500)) { $0.stopMilliseconds }
            let records = exchange.withLock { state in
                defer { state.records = [:] }
                return state.records
            }
            let failure = write(records, to: mirror, waitMilliseconds: stop)
            if let failure { add(failure, to: exchange) }
            if stop != nil { break }
            guard clock.monotonicNanoseconds() >= readAt, exchange.withLock({ $0.readsOn }) else { continue }
            do throws(Failure) {
                let read = try mirror.read(from: next, timeoutMilliseconds: 10_000)
                next = max(read.next, (read.records.last?.offset ?? -1) + 1)
                let notes = read.records.compactMap { record in
                    MirrorNote(record, agent: agent).map { (offset: record.offset, note: $0) }
                }
                exchange.withLock { $0.notes = ($0.notes + notes).suffix(maximumNoteCount) }
            } catch {
                add(error, to: exchange)
            }
            readAt = clock.monotonicNanoseconds() + Int64(watchMilliseconds) * 1_000_000
        }
        mirror.close()
    }

    /// With a wait, the last record is waited for: those before it are acknowledged then, too.
    private static func write(
        _ records: [[UInt8]: [UInt8]?], to mirror: any MirrorLog, waitMilliseconds: Int?
    ) -> Failure? {
        var left = records.count
        do throws(Failure) {
            for (key, value) in records {
                left -= 1
                if left == 0, let waitMilliseconds {
                    _ = try mirror.append(key: key, value: value, timeoutMilliseconds: waitMilliseconds)
                } else {
                    try mirror.appendLater(key: key, value: value)
                }
            }
        } catch { return error }
        return nil
    }

    private static func add(_ failure: Failure, to exchange: Monitor<Exchange>) {
        exchange.withLock { if $0.faults.count < 16 { $0.faults.append(failure) } }
    }
}
