internal import Event

/// Rows of both sides of some parts of a table, and which of them differ: first the database's, then the warehouse's.
///
/// Invariant: of what is the same on both sides nothing is kept; once `isOver`, nothing at all is.
struct RowPass {
    /// More rows, or bytes of them, are not kept: the parts are too large for one pass.
    struct Limits: Sendable {
        var rowCount = 1_000_000
        var byteCount = 256 << 20
    }

    /// Bytes that a value takes beside its own.
    private static let valueByteCount = 48

    let row: RowText
    let limits: Limits
    private(set) var isOver = false
    /// Rows that the database gave.
    private(set) var fetchedCount = 0
    private var count = 0
    private var byteCount = 0
    private var there: [[UInt8]: [[[UInt8]?]]] = [:]
    private var here: [[UInt8]: [[[UInt8]?]]] = [:]

    init(_ row: RowText, limits: Limits) { (self.row, self.limits) = (row, limits) }

    mutating func add(database texts: [[UInt8]?]) {
        fetchedCount += 1
        guard hasRoom(for: texts) else { return }
        there[row.identity(texts), default: []].append(texts)
    }

    mutating func add(warehouse texts: [[UInt8]?]) {
        guard !isOver else { return }
        let identity = row.identity(texts)
        if let same = there[identity]?.firstIndex(where: { isSame($0, texts) }) {
            let list = there.removeValue(forKey: identity) ?? []
            count -= 1
            byteCount -= Self.size(texts)
            if list.count > 1 { there[identity] = list.enumerated().filter { $0.offset != same }.map(\.element) }
            return
        }
        guard hasRoom(for: texts) else { return }
        here[identity, default: []].append(texts)
    }

    private static func size(_ texts: [[UInt8]?]) -> Int {
        texts.reduce(0) { $0 + valueByteCount + ($1?.count ?? 0) }
    }

    private mutating func hasRoom(for texts: [[UInt8]?]) -> Bool {
        guard !isOver else { return false }
        count += 1
        byteCount += Self.size(texts)
        guard count > limits.rowCount || byteCount > limits.byteCount else { return true }
        isOver = true
        (there, here) = ([:], [:])
        return false
    }

    private func isSame(_ left: [[UInt8]?], _ right: [[UInt8]?]) -> Bool {
        row.columns.indices.allSatisfy { row.columns[$0].isSame(database: left[$0], warehouse: right[$0]) }
    }

    // MARK: What differs

    /// The differences by keys that are whole numbers, in their order.
    func differences(by key: RangeKey) -> [(key: Int128, difference: RowDifference)] {
        identities.compactMap { identity in
            guard let text = (there[identity] ?? here[identity])?.first?[key.place],
                let number = Int128(String(decoding: text, as: UTF8.self))
            else { return nil }
            return (number, difference(identity))
        }.sorted { $0.key < $1.key }
    }

    /// The first differences in the order of the keys' texts.
    func differences(_ limit: Int) -> [RowDifference] {
        identities.sorted { $0.lexicographicallyPrecedes($1) }.prefix(limit).map(difference)
    }

    private var identities: Set<[UInt8]> { Set(there.keys).union(here.keys) }

    private func difference(_ identity: [UInt8]) -> RowDifference {
        let (left, right) = (there[identity] ?? [], here[identity] ?? [])
        let any = left.first ?? right.first ?? []
        var difference = RowDifference(key: row.key.map { (row.columns[$0].name, Self.shown(any[$0])) })
        (difference.databaseCount, difference.warehouseCount) = (left.count, right.count)
        if let database = left.first, let warehouse = right.first {
            for (index, column) in row.columns.enumerated()
            where !column.isSame(database: database[index], warehouse: warehouse[index]) {
                difference.columns.append((column.name, Self.shown(database[index]), Self.shown(warehouse[index])))
            }
        }
        return difference
    }

    private static func shown(_ text: [UInt8]?) -> String? {
        text.map { String(decoding: $0.prefix(200), as: UTF8.self) + ($0.count > 200 ? "..." : "") }
    }
}
