internal import Schema

/// Which day a statement belongs to: the one whose changes it stands among, whatever its own clock says.
///
/// Statements carry the clock of whoever made the database as often as the rows' one; a day must know all statements
/// that stand before its changes, and none that stand behind those of the next.
struct StatementDays {
    private var days: [String] = []
    private var first: [SourcePlace] = []
    private var last: [SourcePlace] = []

    /// `spans`: the least and the greatest place of each day's changes.
    init(_ spans: [String: (first: SourcePlace, last: SourcePlace)]) {
        for (day, span) in spans.sorted(by: { $0.key < $1.key }) {
            days.append(day)
            // Why sums: days overlap where partitions pass midnight at different places.
            first.append(span.first)
            last.append(max(last.last ?? span.last, span.last))
        }
        for at in first.indices.reversed().dropFirst() { first[at] = min(first[at], first[at + 1]) }
    }

    /// The day of a statement at a place; `own` is the day that it says itself.
    func day(of place: SourcePlace, own: String) -> String {
        // The earliest day that has changes behind it, and the latest one that has changes before it.
        let upper = last.firstIndex { $0 > place }.map { days[$0] }
        let lower = first.lastIndex { $0 < place }.map { days[$0] }
        var day = own
        if let lower, day < lower { day = lower }
        if let upper, day > upper { day = upper }
        return day
    }
}
