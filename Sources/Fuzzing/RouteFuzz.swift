internal import Columns
internal import Event
internal import JSON
internal import Pipeline
internal import Sinks

/// Routes of one format. The input's first byte chooses the route (low bits) and whether the rest is one event (high
/// bit) or lines.
///
/// Promises that are checked: every event is at most one row or one rejection, in order; alone it has the same
/// outcome as among others; the rows' JSON lines are JSON.
final class RouteFuzz {
    /// Events that are processed again alone.
    private static let maximumAloneCount = 8
    /// The record's timestamp: 2026-11-21T12:00:00Z.
    private static let timestamp: Int64 = 1_795_262_400_000

    private let stages: [RouteStage]
    private let formatter = JSONLinesFormatter()
    private let reader = DocumentReader(paths: [])
    private var box = Box()

    /// Why a box: a noncopyable property of a class is borrowed or changed as a whole.
    private struct Box: ~Copyable {
        var batch = EventBatch(byteCapacity: 1 << 16)
        var lines = EventBatch(byteCapacity: 1 << 16)
    }

    init(_ name: String) throws(Failure) {
        var stages: [RouteStage] = []
        for spec in Self.specs(name) { stages.append(try RouteStage(try RoutePlan(spec))) }
        guard !stages.isEmpty else {
            throw Failure("fuzz.no_target", stage: .configuration, kind: .usage, "there is no such target")
        }
        self.stages = stages
    }

    func fault(_ input: ByteView) -> String? {
        guard !input.isEmpty else { return nil }
        let first = input[0]
        let stage = stages[Int(first & 0x7F) % stages.count]
        fill(input.slice(1, input.count), isOneEvent: first & 0x80 != 0)
        let events = Array(0..<Int32(box.batch.events.count))
        stage.process(box.batch, events: events)
        let outcomes = Self.outcomes(stage, events.count)
        guard let outcomes else { return "an event has two outcomes, or they are out of order" }
        if let fault = formatFault(stage.rows) { return fault }
        for event in events.prefix(Self.maximumAloneCount) {
            stage.process(box.batch, events: [event])
            let alone = Self.outcomes(stage, events.count)?[Int(event)]
            if alone != outcomes[Int(event)] {
                return "event \(event) alone: \(alone ?? "?"), among others: \(outcomes[Int(event)])"
            }
        }
        return nil
    }

    private func fill(_ bytes: ByteView, isOneEvent: Bool) {
        box.batch.removeAll()
        let key = PackKey(
            kind: .data, framing: .lines, agent: "a", source: "s", stream: StreamID(high: 1, low: 2), from: .zero,
            to: Position(UInt64(bytes.count + 1)))
        let context = PackContext(key: key, topic: "t", partition: 0, offset: 7, timestamp: Self.timestamp)
        let (pack, start) = unsafe box.batch.appendPack(
            context, value: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
        var line = 0
        while true {
            let end = isOneEvent ? bytes.count : bytes.firstIndex(of: 10, from: line)
            box.batch.appendEvent(
                EventReference(
                    start: start + line, byteCount: end - line, from: Position(UInt64(line)),
                    to: Position(UInt64(end + 1)), pack: pack))
            line = end + 1
            if line > bytes.count { return }
        }
    }

    /// Per event its row as text, or its rejection; nil if that is not one.
    private static func outcomes(_ stage: RouteStage, _ count: Int) -> [String]? {
        var outcomes = [String](repeating: "", count: count)
        var last: Int32 = -1
        let rows = stage.rows
        guard rows.columns.allSatisfy({ $0.count == rows.rowCount }) else { return nil }
        for row in 0..<rows.rowCount {
            let event = rows.rowEvent[row]
            guard event > last else { return nil }
            last = event
            let group = rows.groups[Int(rows.rowGroup[row])]
            outcomes[Int(event)] = "\(group.table) \(group.partition) \(text(rows, row))"
        }
        last = -1
        for rejection in stage.rejections {
            guard rejection.event > last, outcomes[Int(rejection.event)].isEmpty else { return nil }
            last = rejection.event
            // Why not the one reason: what came before decides how many tables there are.
            let isCount = rejection.reason == .tooManyTables
            outcomes[Int(rejection.event)] = isCount ? "" : "\(rejection.reason.rawValue) \(rejection.column)"
        }
        return outcomes
    }

    private static func text(_ rows: RowBatch, _ row: Int) -> String {
        var parts: [String] = []
        for column in rows.columns {
            if column.isNull(row) {
                parts.append("null")
            } else if column.type.isNested {
                // Its JSON is looked at.
                parts.append("part")
            } else if column.holdsBytes {
                parts.append(column.bytes(row).text)
            } else if column.type == .decimal {
                parts.append("\(column.decimal(row))")
            } else {
                parts.append("\(column.integer(row))")
            }
        }
        return parts.joined(separator: "|")
    }

    private func formatFault(_ rows: RowBatch) -> String? {
        formatter.format(rows)
        var fault: String?
        formatter.forEachGroup { _, bytes, count in
            let found = linesFault(bytes, count: count)
            if found != nil { fault = found }
        }
        return fault
    }

    private func linesFault(_ bytes: ByteView, count: Int) -> String? {
        // Why a batch: the reader looks behind a line's end.
        box.lines.removeAll()
        let context = PackContext(key: nil, topic: "t", partition: 0, offset: 0, timestamp: -1)
        _ = unsafe box.lines.appendPack(context, value: UnsafeRawBufferPointer(start: bytes.start, count: bytes.count))
        return box.lines.withBytes { lines in
            var (from, seen) = (0, 0)
            while from < lines.count {
                let end = lines.firstIndex(of: 10, from: from)
                let line = lines.slice(from, end)
                if let fault = unsafe reader.read(padded: line) { return "no JSON: \(fault): \(line.text)" }
                (from, seen) = (end + 1, seen + 1)
            }
            return seen == count ? nil : "\(count) rows in \(seen) lines"
        }
    }
}
