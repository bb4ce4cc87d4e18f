internal import Event
internal import Platform
internal import Synchronization

/// The threads that a run may use besides its own, shared by all that is done at once: tables side by side, and the
/// stretches of each.
///
/// Invariant: at most `count` threads of `forEach` calls run at any moment, besides the callers.
final class WorkerPermits: Sendable {
    private let free: Atomic<Int>

    init(_ count: Int) { free = Atomic(max(0, count)) }

    private func take() -> Bool {
        while true {
            let left = free.load(ordering: .relaxed)
            guard left > 0 else { return false }
            if free.compareExchange(expected: left, desired: left - 1, ordering: .relaxed).exchanged { return true }
        }
    }

    private func giveBack() { free.wrappingAdd(1, ordering: .relaxed) }

    /// Does something with all items, in any order, and gives what comes out in the items' order; the first failure
    /// in that order is thrown, once all are done. Looks for free threads again after each item.
    func forEach<Item: Sendable, Output: Sendable>(
        _ items: [Item], _ body: @escaping @Sendable (Int, Item) throws(Failure) -> Output
    ) throws(Failure) -> [Output] {
        let results = Monitor<[Result<Output, Failure>?]>(Array(repeating: nil, count: items.count))
        let next = Atomic<Int>(0)
        let work: @Sendable () -> Bool = {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < items.count else { return false }
            let result: Result<Output, Failure>
            do throws(Failure) { result = .success(try body(index, items[index])) } catch { result = .failure(error) }
            results.withLock { $0[index] = result }
            return true
        }
        var threads: [WorkerThread] = []
        repeat {
            while next.load(ordering: .relaxed) + 1 < items.count, take() {
                threads.append(
                    WorkerThread(name: "replay") {
                        while work() {}
                        self.giveBack()
                    })
            }
        } while work()
        for thread in threads { thread.join() }
        var outputs: [Output] = []
        for result in results.withLock({ $0 }) {
            guard let result else { continue }
            outputs.append(try result.get())
        }
        return outputs
    }
}
