internal import Columns
internal import Event
internal import JSON
internal import Pipeline

/// What the sample holds of one field, and the column that it suggests.
struct FieldGuess {
    enum Kind: Hashable { case text, number, boolean, structure }

    /// Where the field is: a path, or a name.
    var path: String
    /// Values as texts, up to `maximumValueCount`.
    private(set) var values: [String] = []
    private(set) var kinds: Set<Kind> = []
    /// The most values that are looked at: enough to see what a column holds.
    static let maximumValueCount = 1_000

    init(_ path: String) { self.path = path }

    mutating func add(_ value: String, _ kind: Kind) {
        kinds.insert(kind)
        if values.count < Self.maximumValueCount { values.append(value) }
    }

    /// Ways in which times are written, the commonest first.
    private static let timeFormats: [(format: TimeFormat, zone: String?)] = [
        (TimeFormat(.rfc3339), nil), (TimeFormat(.rfc3339), "UTC"), (TimeFormat(.apache), nil),
        (TimeFormat(.pattern, pattern: "%Y-%m-%d %H:%M:%S%.f"), "UTC"),
        (TimeFormat(.pattern, pattern: "%Y/%m/%d %H:%M:%S%.f"), "UTC"),
        (TimeFormat(.pattern, pattern: "%a %b %d %H:%M:%S%.f %Y"), "UTC"),
    ]

    /// The column, named by the caller.
    func column(_ name: String, isTyped: Bool) throws(Failure) -> ColumnSpec {
        var column = ColumnSpec(name: name, type: .string, path: path)
        if kinds.contains(.structure) {
            column.type = .json
        } else if kinds == [.boolean] {
            column.type = .boolean
        } else if kinds == [.number] || !isTyped {
            try setNumber(&column)
        }
        guard column.type == .string, values.contains(where: { !$0.isEmpty }), kinds == [.text] else { return column }
        if try fits(.boolean, column) {
            // `0` and `1` alone are numbers.
            column.type = isTyped ? .string : .boolean
        } else if values.allSatisfy({ $0.utf8.count <= 10 }), try fits(.date, column) {
            // Why the length: a date column takes instants, too.
            column.type = .date
        } else {
            try setTime(&column)
        }
        return column
    }

    private func setNumber(_ column: inout ColumnSpec) throws(Failure) {
        // Why: what keeps its leading zeros is a code (post, article), not a number.
        let isCode = values.contains { $0.utf8.count > 1 && $0.hasPrefix("0") && !$0.contains(".") }
        guard values.contains(where: { !$0.isEmpty }), !isCode else { return }
        if try fits(.int64, column) {
            column.type = .int64
            setEpoch(&column)
        } else if try fits(.double, column) {
            column.type = .double
        }
    }

    /// Numbers that are times, by name and size: 2001 to 2033.
    private func setEpoch(_ column: inout ColumnSpec) {
        let name = path.lowercased()
        guard ["time", "ts", "date", "_at"].contains(where: { name.hasSuffix($0) || name.hasPrefix($0) }) else {
            return
        }
        let units: [(Int64, TimeLayout)] = [
            (1, .epochSeconds), (1_000, .epochMilliseconds), (1_000_000, .epochMicroseconds),
            (1_000_000_000, .epochNanoseconds),
        ]
        for (scale, layout) in units {
            let range = 1_000_000_000 * scale...2_000_000_000 * scale
            guard values.allSatisfy({ Int64($0).map(range.contains) == true }) else { continue }
            column.type = .timestamp
            column.timeLayout = layout
        }
    }

    private func setTime(_ column: inout ColumnSpec) throws(Failure) {
        for (format, zone) in Self.timeFormats {
            var timed = column
            timed.type = .timestamp
            (timed.timeLayout, timed.timePattern, timed.timeZone) = (format.layout, format.pattern, zone)
            guard try fits(.timestamp, timed) else { continue }
            column = timed
            return
        }
    }

    /// Whether every value is one of a column's type: asked of the parser itself.
    private func fits(_ type: ColumnType, _ column: ColumnSpec) throws(Failure) -> Bool {
        var spec = RouteSpec(table: "a.b", format: .raw, timeColumn: "received")
        var tried = column
        tried.path = "line"
        tried.type = type
        tried.name = "value"
        spec.columns = [ColumnSpec(name: "received", type: .timestamp, path: "_received"), tried]
        let trial = try LineTrial(spec, received: 0)
        return values.allSatisfy { value in
            if case .row = trial.outcome(Array(value.utf8)[...]).kind { !value.isEmpty } else { value.isEmpty }
        }
    }
}
