internal import Change
internal import Event
internal import Sinks
internal import TimeZone
internal import Transport

/// How far one lane has come with a sync in one partition.
struct ChangePlace {
    let place: TopicPartition
    let epoch: Int
    private(set) var run: PartitionRun
    /// Per entry of the lane's `TableIndex`.
    private var tables: [PlaceRun?] = []
    /// Per entry: the interruption that its run has heard of.
    private var heard: [Int] = []
    private var interruptions = 0
    private let resume: SyncResume
    private let topic: [UInt8]

    init(_ place: TopicPartition, epoch: Int, resume: SyncResume) {
        self.place = place
        self.epoch = epoch
        self.resume = resume
        run = resume.run
        topic = Array(place.topic.utf8)
    }

    func withTopic<Result>(_ body: (ByteView) -> Result) -> Result {
        unsafe topic.withUnsafeBytes { unsafe body(ByteView($0)) }
    }

    /// A record came that has no place: what comes behind it proves nothing about what was before.
    mutating func interrupt(at offset: Int64) {
        interruptions += 1
        run.start = max(run.start, offset &+ 1)
    }

    /// Takes a change of an entry's table.
    mutating func take(
        _ number: Int, _ source: RecordPlace, _ change: ChangeEvent, _ index: TableIndex, content: () -> UInt64
    ) -> (claim: PlaceRun.Claim, row: Int64) {
        while tables.count <= number {
            tables.append(nil)
            heard.append(interruptions)
        }
        if tables[number] == nil {
            let stream = index.stream(of: number, topic: place.topic, partition: place.partition)
            // Why only before the first interruption: what the log says is older than it.
            let known = interruptions == 0 ? resume.tables[stream] : nil
            tables[number] = PlaceRun(stream: stream, last: known?.last, anchor: known?.anchor)
            heard[number] = interruptions
        }
        if heard[number] != interruptions {
            tables[number]?.interrupt()
            heard[number] = interruptions
        }
        // Why: rows of one key differ within a snapshot, and so do the statements at one position.
        let hasKey = !change.key.isEmpty && !change.key.equals("[]")
        let isOnly = change.isFirst || hasKey || change.operation == .schema
        let taken = tables[number]?.take(
            source, isDelete: change.operation == .delete, isOnly: isOnly, content: content)
        guard let taken else { preconditionFailure("a run that was just made is gone") }
        return taken
    }

    /// The next change is of a day of its own.
    mutating func forgetDay() { (run.day, run.file, run.position) = (nil, 0, 0) }

    func tableRun(_ number: Int) -> PlaceRun? { number < tables.count ? tables[number] : nil }

    /// The day of a change: the running maximum of the commit date, in the source's order.
    ///
    /// A place before the newest one is a topic that comes again: its dates begin anew, so that a change gets the
    /// same day whichever time it is taken. DDL does not move the day, nor does the day move it: its clock is the
    /// client's as often as not, and the replay places it by what it stands among.
    /// `time`: the record's own, milliseconds.
    mutating func day(
        _ date: Int64, _ operation: ChangeLog.Operation, _ source: RecordPlace?, at time: Int64
    ) -> Int64 {
        let kind = SourceStream.Kind(operation)
        if kind == .schema { return date }
        if kind == .rows, let source {
            if (source.file, source.position) < (run.file, run.position) { run.day = nil }
            (run.file, run.position) = (source.file, source.position)
        }
        let day = max(date, run.day ?? date)
        if run.day != day {
            run.day = day
            run.since = time >= 0 ? time : nil
        }
        return day
    }
}
