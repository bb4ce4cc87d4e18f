internal import Database
internal import Event
internal import Synchronization

/// Asks the database for the sums of ranges, on a thread of its own.
// Safety: the connection and the machine are used by the thread that runs alone, until it has been joined.
final class RangeWalk: @unchecked Sendable {
    private let connection: DatabaseConnection
    private let row: RowText
    private let key: RangeKey
    private var machine: RangeWalkMachine
    private var failure: Failure?
    private let isStopped = Atomic(false)

    init(_ connection: DatabaseConnection, _ row: RowText, _ key: RangeKey, _ machine: RangeWalkMachine) {
        (self.connection, self.row, self.key, self.machine) = (connection, row, key, machine)
    }

    func run() {
        do throws(Failure) {
            while let range = machine.next, !isStopped.load(ordering: .relaxed) {
                let found = try connection.rows(row.sumQuery(range, key, limit: machine.limit)).first ?? []
                let texts = found + [nil, nil, nil]
                let sum = RowSum(
                    count: texts[0].flatMap { Int64($0) } ?? 0, hash: texts[1].flatMap { UInt128($0) } ?? 0)
                machine.take(sum, last: texts[2].flatMap { Int128($0) })
            }
        } catch {
            failure = error
        }
    }

    /// Ends the walk soon. From any thread.
    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// What was found, once the thread has ended. Throws `database.*`.
    func result() throws(Failure) -> RangeWalkMachine {
        if let failure { throw failure }
        return machine
    }
}
