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
            return route.sources.contains { NamePattern($0).matches(source) }
        }
    }
}
