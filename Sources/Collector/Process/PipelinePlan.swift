internal import Columns
internal import Configuration
internal import Event
internal import Pipeline

/// A pipeline as the process runs it: its specification compiled once, its coverage shared by all lanes.
/// A sync is a pipeline of one route that takes changes.
struct PipelinePlan: Sendable {
    let index: Int
    let spec: PipelineSpec
    let routes: [RoutePlan]
    /// What a sync does instead of `routes`; nil: this is no sync.
    let sync: SyncPlan?
    let coverage: Coverage

    init(index: Int, spec: PipelineSpec) throws(Failure) {
        self.index = index
        self.spec = spec
        var routes: [RoutePlan] = []
        for route in spec.routes { routes.append(try RoutePlan(route)) }
        self.routes = routes
        sync = nil
        coverage = Coverage(pipeline: spec.name)
    }

    init(index: Int, sync spec: SyncSpec) throws(Failure) {
        self.index = index
        let sync = try SyncPlan(spec)
        self.spec = PipelineSpec(name: spec.name, topics: spec.topics, routes: [sync.route])
        routes = []
        self.sync = sync
        coverage = Coverage(pipeline: spec.name)
    }

    /// The plans of all pipelines and syncs. Throws `config` failures.
    static func all(_ settings: CollectorSettings) throws(Failure) -> [PipelinePlan] {
        var plans: [PipelinePlan] = []
        for spec in settings.pipelines { plans.append(try PipelinePlan(index: plans.count, spec: spec)) }
        for spec in settings.syncs { plans.append(try PipelinePlan(index: plans.count, sync: spec)) }
        return plans
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
