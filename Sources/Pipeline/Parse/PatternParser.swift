internal import Columns
internal import Event
internal import JSON
internal import Regex

/// Named groups of PCRE2 patterns: the first pattern that matches somewhere in the event counts (`^` and `$` tie it
/// to the whole). A group that took no part has no value, nor has one that holds the route's null text; of equal
/// names in one pattern the first that took part counts. A match that meets its limits refuses the event as
/// `too_complex`, whatever the patterns behind it would say.
struct PatternParser: RecordParser {
    /// Most patterns of a route.
    static let maximumPatternCount = 64

    private struct Group {
        var number: Int
        /// The field's number in the plan, or -1.
        var field: Int
        var name: ByteView
    }
    private var table: FieldTable
    private let matchers: [PatternMatcher]
    private let groups: [[Group]]
    /// Names of the groups, behind their views.
    private let names = Scratch(capacity: 65_536)

    init(_ plan: RoutePlan) throws(Failure) {
        table = FieldTable(plan.fields)
        var matchers: [PatternMatcher] = []
        var groups: [[Group]] = []
        let nameByteCount = plan.recordPatterns.reduce(0) { $0 + $1.text.utf8.count }
        names.removeAll(reserving: nameByteCount)
        for pattern in plan.recordPatterns {
            guard let matcher = PatternMatcher(pattern, captures: true) else {
                throw Failure("parse.no_memory", stage: .parse, kind: .transient, "no memory for a pattern's matcher")
            }
            matchers.append(matcher)
            var found: [Group] = []
            for group in pattern.groups {
                let from = names.count
                for byte in group.name.utf8 { names.append(byte) }
                let field = plan.fields.number(of: group.name)
                found.append(Group(number: group.number, field: field, name: names.view(from: from)))
            }
            groups.append(found)
        }
        self.matchers = matchers
        self.groups = groups
    }

    mutating func parse(_ event: ByteView, isFirst: Bool) -> ParseOutcome {
        table.begin(event)
        for place in 0..<matchers.count {
            switch matchers[place].match(event) {
            case .none: continue
            case .limit: return .refused(.tooComplex)
            case .found: return take(event, place)
            }
        }
        return .refused(.malformed)
    }

    func cell(_ field: Int, _ type: ColumnType) -> Cell { table.cell(field) }

    private mutating func take(_ event: ByteView, _ place: Int) -> ParseOutcome {
        for index in 0..<groups[place].count {
            let group = groups[place][index]
            guard let extent = matchers[place].group(group.number), extent.to <= event.count else { continue }
            let text = event.slice(extent.from, extent.to)
            if table.plan.isNull(text) { continue }
            let cell = Cell(kind: .text, bytes: text)
            if group.field >= 0 {
                if table.cell(group.field).kind == .none { table.set(group.field, cell) }
            } else if table.plan.extra >= 0, let reason = table.putUnknown(group.name, cell) {
                return .refused(reason)
            }
        }
        table.finish()
        return .fields
    }
}
