internal import Columns
internal import Event
internal import Pipeline

/// A pipeline as the process runs it: its specification compiled once, its coverage shared by all lanes.
struct PipelinePlan: Sendable {
    let index: Int
    let spec: PipelineSpec
    let routes: [RoutePlan]
    let coverage: Coverage

    init(index: Int, spec: PipelineSpec) throws(Failure) {
        self.index = index
        self.spec = spec
        var routes: [RoutePlan] = []
        for route in spec.routes { routes.append(try RoutePlan(route)) }
        self.routes = routes
        coverage = Coverage(pipeline: spec.name)
    }

    var name: String { spec.name }

    /// The indices of the routes that take a source's events from a topic; `source` nil: a record
    /// without a key of ours, which only routes for all sources take.
    func routes(topic: String, source: String?) -> [Int] {
        spec.routes.indices.filter { index in
            let route = spec.routes[index]
            guard route.topics.isEmpty || route.topics.contains(topic) else { return false }
            guard !route.sources.isEmpty else { return true }
            guard let source else { return false }
            return route.sources.contains { Self.matches(Array($0.utf8)[...], Array(source.utf8)[...]) }
        }
    }

    /// Matches a name against a pattern in which `*` stands for any bytes. Linear in practice: at each
    /// star the shortest match is tried first and only the last star is taken back.
    static func matches(_ pattern: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) -> Bool {
        let pattern = Array(pattern)
        let name = Array(name)
        var at = 0
        var index = 0
        var star: (pattern: Int, name: Int)?
        while index < name.count {
            if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
                star = (at, index)
                at += 1
            } else if at < pattern.count, pattern[at] == name[index] {
                at += 1
                index += 1
            } else if let last = star {
                star = (last.pattern, last.name + 1)
                at = last.pattern + 1
                index = last.name + 1
            } else {
                return false
            }
        }
        return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
    }
}
