internal import Event
internal import JSON
internal import Sinks

/// What `quarantine replay` did, or would do.
struct ReplayReport {
    var summary: ReplaySummary
    var isDry: Bool

    /// Entries that were chosen and are open after it.
    var leftCount: UInt64 {
        summary.unchanged + summary.superseded + summary.kept.values.reduce(0, +) + summary.unreadable
    }

    var text: String {
        guard summary.chosen + summary.unreadable > 0 || !summary.faults.isEmpty else {
            return "quarantine holds nothing of that kind\n"
        }
        let would = isDry ? "would be " : ""
        var text = "\(summary.chosen) entries: \(summary.written) \(would)written"
        if summary.duplicate > 0 { text += ", \(summary.duplicate) taken since, delivered again" }
        if summary.filtered > 0 { text += ", \(summary.filtered) \(would)filtered" }
        if summary.unchanged + summary.superseded > 0 {
            text += ", \(summary.unchanged + summary.superseded) refused again"
        }
        text += "\n"
        var rows = TextTable([.left("table"), .right("rows")])
        for (table, count) in summary.rows.sorted(by: { $0.key < $1.key }) { rows.add(table, "\(count)") }
        var reasons = TextTable([.left("refused again because"), .right("rows")])
        for (reason, count) in summary.rejections.sorted(by: { $0.key < $1.key }) { reasons.add(reason, "\(count)") }
        for table in [rows, reasons] where !table.isEmpty { text += "\n" + table.text }
        for (obstacle, count) in summary.kept.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
            text += "\n\(count) entries \(obstacle.text)"
        }
        if !summary.kept.isEmpty { text += "\n" }
        if summary.unreadable > 0 { text += "\(summary.unreadable) lines are no entries that this program knows\n" }
        for fault in summary.faults { text += "\(fault)\n" }
        if let first = summary.commits.first, let last = summary.commits.last {
            text += first == last ? "\ncommit \(first)\n" : "\n\(summary.commits.count) commits, \(first) to \(last)\n"
        }
        return text
    }

    /// As docs/json.md has it.
    var json: JSONValue {
        func object(_ counts: [String: UInt64]) -> JSONValue {
            .object(counts.sorted { $0.key < $1.key }.map { JSONMember($0.key, JSONValue($0.value)) })
        }
        var kept: [String: UInt64] = [:]
        for (obstacle, count) in summary.kept { kept[obstacle.rawValue] = count }
        return [
            "version": 1, "is_dry_run": .boolean(isDry), "chosen": JSONValue(summary.chosen),
            "written": JSONValue(summary.written), "filtered": JSONValue(summary.filtered),
            "duplicate": JSONValue(summary.duplicate),
            "unchanged": JSONValue(summary.unchanged), "superseded": JSONValue(summary.superseded),
            "rows": object(summary.rows), "rejections": object(summary.rejections), "kept": object(kept),
            "unreadable_count": JSONValue(summary.unreadable), "left": JSONValue(leftCount),
            "commits": .array(summary.commits.map { JSONValue($0) }),
            "faults": .array(summary.faults.map(Terminal.json)),
        ]
    }
}
